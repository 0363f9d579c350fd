"""The audit trail of an authority, for its auditors: who did what when to its cases and accounts, without contents."""

import datetime as dt
from typing import Final, Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

from directory_sync.table import csv_of
from node.clock import stamp, unstamp
from node.domain.access import Actor
from node.errors import NodeError
from node.service.node import Node
from node.store import audit, people
from node.store.audit import Which
from node.store.tx import Read
from protocol.request import FORWARD

MAX_ENTRIES: Final = 500
"""Entries of the audit trail in one answer."""
MAX_TABLE: Final = 50_000
"""Entries of the audit trail in one table; of more, some days can be chosen."""

Kind = Literal["case", "person", "authority"]
_COUNTRY: Final = 2
"""Characters of the actor of what the other side did."""
_NOBODY: Final = 3
"""Words of `HU to DE`; a fourth names the authority."""
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


class AuditEntry(NamedTuple):
    """One entry: `actor` is a person's id or a country, `subject` the id of a case or person, `detail` codes."""

    number: int
    at: dt.datetime
    actor: str
    action: str
    subject: str
    detail: str

    @property
    def unnamed(self) -> bool:
        """Whether it passed a case on, and an earlier version noted nothing of which authority did."""
        return self.action == FORWARD and len(self.actor) > _COUNTRY and len(self.detail.split(" ")) == _NOBODY


class Held(NamedTuple):
    """A role that a person holds or held: in an authority, in an area or (empty) all, and since when until when.

    `by` and `ended_by` are ids, empty where it isn't known; `until` is None while it is held.
    """

    person: str
    authority: str
    role: str
    area: str
    since: dt.datetime | None
    by: str
    until: dt.datetime | None
    ended_by: str


class Wanted(NamedTuple):
    """What is asked for: about cases, people or the record; the days from and to, both included; one authority."""

    kind: Kind | None = None
    first: dt.date | None = None
    last: dt.date | None = None
    authority: str | None = None


ALL: Final = Wanted()


async def trail(
    node: Node, actor: Actor, before: int | None, limit: int, wanted: Wanted = ALL
) -> tuple[AuditEntry, ...]:
    """Return entries about the cases and people of the authorities that the actor audits, the newest first.

    `before` is the number of an entry: those before it follow. Nothing in it is a content, a name or a login.
    """
    which = _which(node, actor, wanted)
    rows = await node.store.read(lambda q: audit.trail(q, which, before, min(limit, MAX_ENTRIES)))
    return tuple(
        AuditEntry(row["seq"], unstamp(row["at"]), row["actor"], row["action"], row["subject"], row["detail"])
        for row in rows
    )


def _which(node: Node, actor: Actor, wanted: Wanted) -> Which:
    zone = ZoneInfo(node.config.node.time_zone)

    def begin(day: dt.date | None, days: int) -> str | None:
        """Return when a day, or the one after it, begins in the node's zone."""
        if day is None or day.year in (dt.MINYEAR, dt.MAXYEAR):
            return None
        local = dt.datetime.combine(day + dt.timedelta(days=days), dt.time(), tzinfo=zone)
        return stamp(local.astimezone(dt.UTC))

    return Which(_audited(actor, wanted.authority), wanted.kind, begin(wanted.first, 0), begin(wanted.last, 1))


def _audited(actor: Actor, authority: str | None) -> tuple[str, ...]:
    actor.require("audit.read")
    if authority is None:
        return tuple(sorted(actor.places("audit.read")))
    actor.require("audit.read", authority)
    return (authority,)


async def table(node: Node, actor: Actor, wanted: Wanted) -> str:
    """Return what `trail` does as CSV, all of it; raises `too-large` for more than `MAX_TABLE` entries."""
    which = _which(node, actor, wanted)
    rows = await node.store.read(lambda q: audit.trail(q, which, None, MAX_TABLE + 1))
    if len(rows) > MAX_TABLE:
        raise NodeError("too-large", f"More than {MAX_TABLE} entries.", "Choose fewer days.")
    lines = ([str(row["seq"]), *(row[name] for name in ("at", "actor", "action", "subject", "detail"))] for row in rows)
    return csv_of(AuditEntry._fields, lines)


async def rights(node: Node, actor: Actor, authority: str | None = None) -> tuple[Held, ...]:
    """Return who holds or held which role in the authorities that the actor audits, from when until when."""
    own = _audited(actor, authority)
    return await node.store.read(lambda q: _rights(q, own))


def _rights(q: Read, authorities: tuple[str, ...]) -> tuple[Held, ...]:
    """Put together what is held now, and what was revoked: that stands in the trail alone."""
    found = [
        Held(
            person=row["person"],
            authority=row["authority"],
            role=row["role"],
            area=row["area"],
            since=unstamp(row["at"]),
            by=row["granted_by"],
            until=unstamp(row["ended_at"]) if row["ended_at"] else None,
            ended_by="",
        )
        for row in people.grants_in(q, authorities)
    ]
    begun: dict[tuple[str, str], tuple[dt.datetime, str]] = {}
    for row in audit.role_changes(q, authorities):
        key, at = (row["subject"], row["detail"]), unstamp(row["at"])
        if row["action"] == "role.grant":
            begun[key] = (at, row["actor"])
        else:
            since, by = begun.pop(key, (None, ""))
            authority, role, area = (*row["detail"].split(" "), "")[:3]
            found.append(Held(row["subject"], authority, role, area, since, by, at, row["actor"]))
    return tuple(sorted(found, key=lambda one: (one.until is None, one.until or one.since or _LONG_AGO), reverse=True))


_LONG_AGO: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
