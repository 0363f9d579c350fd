"""The list of urgent cases: what is outstanding at the authorities that a coordinator coordinates, summary only.

No contents, no persons and no way into a case; whoever has the case's authority finds it in the work list.
"""

import heapq
import re
from collections import defaultdict
from datetime import date
from itertools import islice
from typing import Final

from directory_sync.authority import Authority
from directory_sync.coordination import coordinators_of, reach_of
from node.clock import unstamp
from node.domain.access import Actor
from node.domain.case_view import Side, Text, View
from node.domain.day import day_in
from node.domain.reminders import Mark, marks_of
from node.errors import NodeError
from node.service import deadlines, find
from node.service.case_texts import CaseTexts
from node.service.node import Node
from node.store import authorities, cases
from node.store.tx import Read, Row

MAX_LIMIT: Final = 100
"""Cases on one page."""
_AT_ONCE: Final = 500
"""Authorities of one question to the database."""
_PLACE: Final = re.compile(r"(\d{4}-\d{2}-\d{2})\.([0-9a-f-]{36})")


class UrgentCase(View):
    """A case by its number, with what may be known of it: `days_late` is negative while there is time."""

    number: str
    role: Side
    area: Text
    asking: str
    asking_name: str
    replying: str
    replying_name: str
    authority: str
    authority_name: str
    state: str
    state_text: Text
    sent: date
    due: date
    due_state: str
    legal: date | None
    days_late: int
    marks: tuple[Mark, ...]


class UrgentCases(View):
    """Part of the list, the most urgent first; `next` is where the following part begins."""

    items: tuple[UrgentCase, ...]
    next: str | None


def coordinators(node: Node, actor: Actor) -> frozenset[str]:
    """Return which of the actor's authorities coordinate today."""
    if not actor.may("cases.read"):
        return frozenset()
    day = node.directory_day()
    records = node.store.read_now(lambda q: [authorities.record_of(q, one) for one in sorted(actor.authorities)])
    own = [Authority.model_validate_json(record) for record in records if record]
    coordinating = (one.id for one in own if reach_of(one) is not None and one.valid_on(day))
    return frozenset(one for one in coordinating if actor.may("cases.read", one))


async def urgent(node: Node, actor: Actor, lang: str, *, limit: int = 50, after: str = "") -> UrgentCases:
    """Return the outstanding cases of the authorities whose records name a coordinator of the actor's.

    Raises `forbidden` for who coordinates nothing, and `invalid` for a place that no list gave.
    """
    actor.require("cases.read")
    ours = coordinators(node, actor)
    if not ours:
        raise NodeError("forbidden", "Only coordinators have a list of urgent cases.")
    place = _PLACE.fullmatch(after)
    if after and place is None:
        raise NodeError("invalid", fields={"after": "malformed"})
    most = min(max(limit, 1), MAX_LIMIT)
    begin = (place[1], place[2]) if place else ("", "")
    rows = await node.store.read(lambda q: _first(q, _coordinated(q, node.country, actor, ours), begin, most + 1))
    shown = rows[:most]
    names = find.names(node, {row["own_authority"] for row in shown})
    last = shown[-1] if len(rows) > most else None
    return UrgentCases(
        items=tuple(_line(node, CaseTexts(node, lang), row, names) for row in shown),
        next=f"{last['due']}.{last['id']}" if last else None,
    )


def _coordinated(q: Read, country: str, actor: Actor, ours: frozenset[str]) -> dict[str, list[str]]:
    """Return the authorities that the actor's coordinators coordinate, by legal area, in the areas of its roles."""
    found = defaultdict(list)
    for record in authorities.naming(q, country, sorted(ours)):
        one = Authority.model_validate_json(record)
        for role in one.areas:
            named = ours & coordinators_of(one, role.area)
            if any(actor.may("cases.read", coordinator, role.area) for coordinator in named):
                found[role.area].append(one.id)
    return found


def _first(q: Read, coordinated: dict[str, list[str]], begin: tuple[str, str], count: int) -> list[Row]:
    """Return the first cases from a place on: of each question to the database as many as the page may need."""
    parts = [
        cases.urgent(q, area, ids[at : at + _AT_ONCE], begin, count)
        for area, ids in coordinated.items()
        for at in range(0, len(ids), _AT_ONCE)
    ]
    return list(islice(heapq.merge(*parts, key=lambda row: (row["due"], row["id"])), count))


def _line(node: Node, texts: CaseTexts, row: Row, names: dict[str, str]) -> UrgentCase:
    case, now = cases.from_row(row), node.clock.now()
    asking, replying = (node.country, case.counterpart)[:: 1 if case.role == "asking" else -1]
    legal = deadlines.by_law(node, case, row["received_at"], texts.lang)
    return UrgentCase(
        number=case.number,
        role=case.role,
        area=texts.area_title(case.area),
        asking=asking,
        asking_name=texts.country(asking),
        replying=replying,
        replying_name=texts.country(replying),
        authority=case.own_authority,
        authority_name=names[case.own_authority],
        state=case.state,
        state_text=texts.interface(f"state.{case.state}"),
        sent=day_in(node.country, unstamp(row["created_at"])),
        due=case.due,
        due_state=case.date_state,
        legal=legal.date if legal else None,
        days_late=(node.today() - case.due).days,
        marks=marks_of(case, unstamp(row["created_at"]), unstamp(row["updated_at"]), now),
    )
