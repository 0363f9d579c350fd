"""What is open to those who take no part in a case: the observer's summary, and the auditor's trail."""

import datetime as dt
from typing import Annotated, Final

from pydantic import Field

from node.api.route import Call, File, Part, PartQuery, Query, Route, Shape
from node.domain.case_view import CaseOutline
from node.service import audit_trail, observed
from node.service.audit_trail import MAX_ENTRIES, Kind, Wanted
from protocol.content import Day, Id


class WantedQuery(Query):
    """Which entries: about cases, people or the authority's record; from a day to another; of one authority."""

    kind: Kind | None = None
    first: Day | None = None
    last: Day | None = None
    authority: Id | None = None

    def wanted(self) -> Wanted:
        """Return what is asked for."""
        return Wanted(self.kind, self.first, self.last, self.authority)


class TrailQuery(WantedQuery):
    """Which part of the trail: `before` is the number of an entry, those before it follow."""

    before: Annotated[int, Field(ge=1, le=2**53 - 1)] | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_ENTRIES)] = 100


class RightsQuery(Query):
    """Of one authority, or of all that one audits."""

    authority: Id | None = None


class HeldView(Shape):
    """A role that a person holds (`until` null) or held, in an area or (empty) all; since when is null if not known."""

    person: str
    authority: str
    role: str
    area: str
    since: dt.datetime | None
    by: str
    until: dt.datetime | None
    ended_by: str


class Rights(Shape):
    """Roles that are held, then those that were."""

    items: tuple[HeldView, ...]


class TrailEntry(Shape):
    """An entry: the actor is a person's id or a country, the subject the id of a case or person, the detail codes."""

    number: int
    at: dt.datetime
    actor: str
    action: str
    subject: str
    detail: str


class Trail(Shape):
    """Entries of the audit trail, the newest first; `before` goes on where they end, null at the end."""

    items: tuple[TrailEntry, ...]
    before: int | None


async def list_observed(call: Call) -> Part[CaseOutline]:
    """List observed cases."""
    query: PartQuery = call.query
    found = await observed.list_observed(call.node, call.actor, call.lang, limit=query.limit, after=query.after)
    return Part[CaseOutline](items=found.items, next=found.next)


async def read_trail(call: Call) -> Trail:
    """Read the audit trail."""
    query: TrailQuery = call.query
    found = await audit_trail.trail(call.node, call.actor, query.before, query.limit, query.wanted())
    items = tuple(TrailEntry(**one._asdict()) for one in found)
    return Trail(items=items, before=items[-1].number if len(items) == query.limit else None)


async def read_table(call: Call) -> File:
    """Read the audit trail as a table."""
    query: WantedQuery = call.query
    found = await audit_trail.table(call.node, call.actor, query.wanted())
    return File("audit.csv", "text/csv", found.encode())


async def read_rights(call: Call) -> Rights:
    """Read who held which role."""
    query: RightsQuery = call.query
    found = await audit_trail.rights(call.node, call.actor, query.authority)
    return Rights(items=tuple(HeldView(**one._asdict()) for one in found))


ROUTES: Final = (
    Route("GET", "/observed-cases", "listObserved", "List a summary of the cases of the authorities that one's own"
          " observes", list_observed, Part[CaseOutline], query=PartQuery),
    Route("GET", "/audit", "readAudit", "Read the audit trail of the authorities that one audits", read_trail, Trail,
          query=TrailQuery),
    Route("GET", "/audit/table", "readAuditTable", "Read the audit trail as CSV", read_table, File, query=WantedQuery),
    Route("GET", "/audit/rights", "readAuditedRights",
          "Read who holds or held which role in the authorities that one audits, from when until when", read_rights,
          Rights, query=RightsQuery),
)  # fmt: skip
