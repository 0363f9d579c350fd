"""A country with coordinators: the nation's, Berlin's and one of a legal area, and an authority below them."""

from directory_sync.authority import Authority
from node.domain.access import Actor, Role, granted, operator
from node.service.authority_edit import Why, publish
from node.service.node import Node
from tests.directory_sync.world import authority

PQ = "professional-qualifications"
BERLIN = {"code": "DE3", "name": "Berlin"}
LINKS = {"validating": "DE-state", "access": {PQ: "DE-area"}, "request": {PQ: ["DE-area"]}, "observers": ["DE-nation"]}


def country() -> tuple[Authority, ...]:
    """Return the records."""
    coordinates = {"area": PQ, "role": "coordinator"}
    whole = {"level": "national", "region": None}
    return (
        authority(id="DE-nation", coordinator="NIMIC", areas=[], links={}, name="Bundesstelle", **whole),
        authority(
            id="DE-state", coordinator="SDIMIC", areas=[], links={"validating": "DE-nation"}, name="Senat Berlin"
        ),
        authority(
            id="DE-area",
            coordinator="LIMIC",
            areas=[coordinates],
            links={"validating": "DE-nation"},
            name="Fachstelle",
            **whole,
        ),
        authority(links=LINKS),
        authority(id="DE-other", name="Andere Kammer", links={"validating": "DE-nation"}),
    )


def administrator(*authorities: str, role: Role = "data-administrator") -> Actor:
    """Return a data administrator of some authorities, or a handler."""
    return Actor(f"admin-{authorities[0]}", "Ada", "de", granted([role], authorities))


async def settle(node: Node) -> None:
    """Publish the country on a node."""
    await publish(node, operator(), country(), Why("import", "The first list"))
