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
    "cases.read": frozenset({"handler"}),
    "cases.act": frozenset({"handler"}),
    "people.manage": frozenset({"data-administrator", "operator"}),
    "own-account": frozenset(ROLES),
    "node.observe": frozenset({"operator"}),
}
"""What is done → the roles that may do it. Cases also need membership of the authority concerned."""


@dataclass(frozen=True)
class Actor:
    """The person (or the operator's command line) on whose behalf a use case runs."""

    id: str
    name: str
    language: str
    roles: frozenset[Role]
    authorities: frozenset[str]

    def may(self, what: str) -> bool:
        """Say whether one of the actor's roles allows `what`."""
        return bool(MAY[what] & self.roles)

    def require(self, what: str) -> None:
        """Raise `forbidden` unless one of the actor's roles allows `what`."""
        if not self.may(what):
            raise NodeError("forbidden", f"{what} needs one of: {', '.join(sorted(MAY[what]))}.")

    def require_authority(self, authority: str) -> None:
        """Raise `not-found` unless the actor belongs to the authority: others' things don't exist for it."""
        if authority not in self.authorities:
            raise NodeError("not-found")


def operator(authorities: Iterable[str] = ()) -> Actor:
    """Return the actor of the command line: it manages, and sees no contents."""
    return Actor("operator", "operator", "en", frozenset({"operator"}), frozenset(authorities))
