"""What is open to those who take no part in a case: the observer's summary, and the auditor's trail."""

import datetime as dt
from typing import Annotated, Final

from pydantic import Field

from node.api.route import Call, Part, PartQuery, Query, Route, Shape
from node.domain.case_view import CaseOutline
from node.service import audit_trail, observed
from node.service.audit_trail import MAX_ENTRIES


class TrailQuery(Query):
    """Which part of the trail: `before` is the number of an entry, those before it follow."""

    before: Annotated[int, Field(ge=1, le=2**53 - 1)] | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_ENTRIES)] = 100


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
    found = await audit_trail.trail(call.node, call.actor, query.before, query.limit)
    items = tuple(TrailEntry(**one._asdict()) for one in found)
    return Trail(items=items, before=items[-1].number if len(items) == query.limit else None)


ROUTES: Final = (
    Route("GET", "/observed-cases", "listObserved", "List a summary of the cases of the authorities that one's own"
          " observes", list_observed, Part[CaseOutline], query=PartQuery),
    Route("GET", "/audit", "readAudit", "Read the audit trail of the authorities that one audits", read_trail, Trail,
          query=TrailQuery),
)  # fmt: skip
