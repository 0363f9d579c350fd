"""Whether a request of an authority is approved before it is sent, by whom, and whether it was.

It is internal to the country: nothing crosses the line before, and the other country learns nothing of it.
"""

from directory_sync.authority import Authority
from node.errors import NodeError
from node.service.node import Node
from node.store import approvals, authorities
from node.store.tx import Read


def coordinators_of(node: Node, authority: str, area: str) -> tuple[str, ...]:
    """Return who approves for an authority: its active request coordinators in the area, else who validates it."""
    day = node.clock.now().date()

    def read(q: Read) -> tuple[str, ...]:
        line = authorities.record_of(q, authority)
        links = Authority.model_validate_json(line).links if line else None
        if links is None:
            return ()
        named = links.request.get(area) or ((links.validating,) if links.validating else ())
        return tuple(one for one in named if authorities.is_active(q, node.country, one, day))

    return node.store.read_now(read)


def is_needed(node: Node, authority: str, area: str) -> bool:
    """Say whether requests of an authority in an area are approved: by the area's rule, or switched on.

    Where the area requires it and the authority has no coordinator, as a national one, nobody could approve.
    """
    known = node.areas.get(area)
    rule = known.rules.approval.asking if known else "optional"
    if rule == "never" or not coordinators_of(node, authority, area):
        return False
    return rule == "required" or area in node.store.read_now(lambda q: approvals.switched_on(q, authority))


def require_approved(node: Node, authority: str, area: str, draft: tuple[str, int] | None) -> None:
    """Raise `approval-needed` unless nobody has to approve, or this (id, version) of a draft was approved."""
    if not is_needed(node, authority, area):
        return
    row = node.store.read_now(lambda q: approvals.of_draft(q, draft[0])) if draft else None
    if row is None or draft is None or (row["state"], row["version"]) != ("approved", draft[1]):
        raise NodeError("approval-needed")
