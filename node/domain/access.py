"""Who may do what: a person belongs to authorities and acts only for them. Enforced in the services."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from node.errors import NodeError

Role = Literal["handler", "data-administrator", "operator"]

ROLES: Final[tuple[Role, ...]] = ("handler", "data-administrator", "operator")

MAY: Final[dict[str, frozenset[Role]]] = {
    "directory.search": frozenset(ROLES),
    "directory.change": frozenset({"data-administrator", "operator"}),
    "directory.invite": frozenset({"data-administrator", "operator"}),
    "cases.read": frozenset({"handler"}),
    "cases.act": frozenset({"handler"}),
    "people.manage": frozenset({"data-administrator", "operator"}),
    "services.manage": frozenset({"operator"}),
    "own-account": frozenset(ROLES),
    "statistics.read": frozenset(ROLES),
    "node.observe": frozenset({"operator"}),
}
"""What is done → the roles that may do it. Cases also need membership of the authority concerned."""

PEOPLE_ONLY: Final = frozenset({"people.manage", "services.manage", "own-account", "directory.invite"})
"""What no service account does, whatever its role: a program opens no way in, for itself or for others."""


@dataclass(frozen=True)
class Actor:
    """The person, service account or operator's command line on whose behalf a use case runs."""

    id: str
    name: str
    language: str
    roles: frozenset[Role]
    authorities: frozenset[str]
    service: bool = False

    def may(self, what: str) -> bool:
        """Say whether one of the actor's roles allows `what`."""
        return bool(MAY[what] & self.roles) and not (self.service and what in PEOPLE_ONLY)

    def require(self, what: str) -> None:
        """Raise `forbidden` unless one of the actor's roles allows `what`."""
        if not self.may(what):
            of = "a person's account and one of" if what in PEOPLE_ONLY else "one of"
            raise NodeError("forbidden", f"{what} needs {of}: {', '.join(sorted(MAY[what]))}.")

    def require_authority(self, authority: str) -> None:
        """Raise `not-found` unless the actor belongs to the authority: others' things don't exist for it."""
        if authority not in self.authorities:
            raise NodeError("not-found")


def operator(authorities: Iterable[str] = ()) -> Actor:
    """Return the actor of the command line: it manages, and sees no contents."""
    return Actor("operator", "operator", "en", frozenset({"operator"}), frozenset(authorities))
