"""Who may do what: people hold roles in authorities, each in all legal areas or in one. Enforced in the services.

The one table of rights is `RIGHTS`; `docs/access.md` is made from it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple, get_args

from node.errors import NodeError

Role = Literal["basic-user", "handler", "allocator", "referral-handler", "data-administrator", "auditor", "operator"]

ROLES: Final[tuple[Role, ...]] = get_args(Role)

PER_AREA: Final[frozenset[Role]] = frozenset({"basic-user", "handler", "allocator", "referral-handler"})
"""Roles that may be held in single legal areas; the others are about an authority as a whole, or the node."""

ALL_AREAS: Final = ""
"""Stands for the area of a grant that isn't confined to one."""

OPERATOR_OF: Final = ""
"""Stands for the authority of the operator's grant: the node itself."""


class Right(NamedTuple):
    """What is done, in words, and the roles that may do it."""

    what: str
    roles: frozenset[Role]


def _right(what: str, *roles: Role) -> Right:
    return Right(what, frozenset(roles))


_CASES: Final[tuple[Role, ...]] = ("handler", "allocator", "referral-handler")

RIGHTS: Final[dict[str, Right]] = {
    "directory.search": _right("search the directory", *ROLES),
    "directory.change": _right("change the authority's record", "data-administrator", "operator"),
    "directory.invite": _right("invite and register authorities", "data-administrator", "operator"),
    "cases.list": _right("see that cases exist, without contents", "basic-user", *_CASES, "auditor"),
    "cases.read": _right("read cases and drafts", *_CASES),
    "cases.act": _right("ask, answer, and write messages", "handler"),
    "cases.allocate": _right("say who looks after a case", "allocator", "handler"),
    "cases.correct": _right(
        "record beside a case's data that they are contested, and what is right", "data-administrator"
    ),
    "subjects.manage": _right(
        "keep the files of persons who claim their rights, and with a reason that auditors read copy what the own"
        " authority's cases hold that a running claim names",
        "data-administrator",
    ),
    "cases.decide": _right("decide on referrals and approvals", "referral-handler"),
    "cases.observe": _right(
        "see a summary of the cases of the authorities that one's own observes", "basic-user", *_CASES, "auditor"
    ),
    "audit.read": _right("read the audit trail of the authority", "auditor"),
    "cases.see-blocked": _right("see blocked data with a reason", "handler", "referral-handler"),
    "cases.erase": _right("order that a case is deleted before its time", "data-administrator"),
    "protection.read": _right(
        "read which deletions were ordered, and who saw blocked data and why", "data-administrator", "auditor"
    ),
    "people.manage": _right("add people, grant and revoke roles, end accounts", "data-administrator", "operator"),
    "services.manage": _right("manage the accounts of systems", "operator"),
    "own-account": _right("manage the own account", *ROLES),
    "statistics.read": _right("read statistics", *ROLES),
    "node.observe": _right("watch and run the node", "operator"),
}
"""What is done → in words, and who may. Of an authority's things a role opens those of its authority and area alone.

A handler allocates where nobody of the authority is an allocator of the area (`service.allocation`).
"""

PEOPLE_ONLY: Final = frozenset(
    {
        "cases.see-blocked",
        "cases.erase",
        "cases.correct",
        "subjects.manage",
        "people.manage",
        "services.manage",
        "own-account",
        "directory.invite",
    }
)
"""What no service account does, whatever its role: a program opens no way in, for itself or for others."""

Reach = tuple[tuple[str, str], ...]
"""The authorities in which somebody may do something, each with the area or `ALL_AREAS`."""


class Grant(NamedTuple):
    """A role in an authority, in one legal area or in all of them; the operator's is in none."""

    authority: str
    role: Role
    area: str = ALL_AREAS

    def covers(self, authority: str | None, area: str | None) -> bool:
        """Say whether it reaches an authority and area, None for any; what the operator may, it may everywhere."""
        if self.role == "operator":
            return True
        return authority in (None, self.authority) and (area is None or self.area in (ALL_AREAS, area))


class GrantNote(NamedTuple):
    """A grant, when it was made, and the id of who made it; empty for what was held before grants were noted."""

    grant: Grant
    by: str
    at: datetime


def granted(roles: Iterable[Role], authorities: Iterable[str], areas: Iterable[str] = ()) -> frozenset[Grant]:
    """Return each role in each authority, confined to some areas where the role can be; the operator's role in none."""
    whole, within = {ALL_AREAS}, frozenset(areas) or {ALL_AREAS}
    places, of = tuple(authorities), tuple(roles)
    found = {
        Grant(authority, role, area)
        for role in of
        if role != "operator"
        for authority in places
        for area in (within if role in PER_AREA else whole)
    }
    return frozenset(found | ({Grant(OPERATOR_OF, "operator")} if "operator" in of else set()))


@dataclass(frozen=True)
class Actor:
    """The person, service account or operator's command line on whose behalf a use case runs."""

    id: str
    name: str
    language: str
    grants: frozenset[Grant]
    service: bool = False

    @property
    def roles(self) -> frozenset[Role]:
        """The roles that the actor holds somewhere."""
        return frozenset(grant.role for grant in self.grants)

    @property
    def authorities(self) -> frozenset[str]:
        """The authorities in which the actor holds a role."""
        return frozenset(grant.authority for grant in self.grants if grant.authority != OPERATOR_OF)

    def may(self, what: str, authority: str | None = None, area: str | None = None) -> bool:
        """Say whether a role of the actor allows `what`: anywhere, in an authority, or in an area of it."""
        if self.service and what in PEOPLE_ONLY:
            return False
        roles = RIGHTS[what].roles
        return any(grant.role in roles and grant.covers(authority, area) for grant in self.grants)

    def require(self, what: str, authority: str | None = None, area: str | None = None) -> None:
        """Raise unless a role of the actor allows `what` there; see `may`.

        `forbidden` where no role of the actor allows it anywhere, or where the actor sees that the authority has
        cases in the area; else `not-found`: what is beyond one's reach doesn't exist.
        """
        if self.may(what, authority, area):
            return
        if self.may(what) and not self.may("cases.list", authority, area):
            raise NodeError("not-found")
        of = "a person's account and one of" if what in PEOPLE_ONLY else "one of"
        raise NodeError("forbidden", f"{what} needs {of}: {', '.join(sorted(RIGHTS[what].roles))}.")

    def require_authority(self, authority: str) -> None:
        """Raise `not-found` unless the actor belongs to the authority: others' things don't exist for it."""
        if authority not in self.authorities:
            raise NodeError("not-found")

    def places(self, what: str) -> frozenset[str]:
        """Return the authorities in which the actor may do something, in whatever area."""
        return frozenset(authority for authority, _ in self.reach(what) if authority != OPERATOR_OF)

    def reach(self, what: str) -> Reach:
        """Return where the actor may do something; an authority that it reaches as a whole stands there once."""
        found = {(grant.authority, grant.area) for grant in self.grants if grant.role in RIGHTS[what].roles}
        return tuple(sorted((of, area) for of, area in found if area == ALL_AREAS or (of, ALL_AREAS) not in found))


def operator() -> Actor:
    """Return the actor of the command line: it manages, and sees no contents."""
    return Actor("operator", "operator", "en", granted(["operator"], ()))
