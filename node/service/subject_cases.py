"""The cases that hold data of a person who claims a right: found by what may be searched, named in the file."""

import contextlib
import datetime as dt
from collections.abc import Mapping
from typing import Final

from node.clock import unstamp
from node.domain.access import Actor
from node.domain.case_view import Text, View
from node.domain.day import day_in
from node.errors import NodeError
from node.service import subjects
from node.service.case_texts import CaseTexts
from node.service.node import Node
from node.store import audit, cases
from node.store import subjects as stored
from node.store.tx import Row, Tx

MAX_FOUND: Final = 100
"""Cases that a search for a file gives at most."""


class FoundCase(View):
    """A case by what may be known of it without a look into it; `linked`: the file names it already."""

    id: str
    number: str
    area: Text
    country: str
    country_name: str
    state: str
    state_text: Text
    since: dt.date
    ended: bool
    blocked: bool
    erased: bool
    linked: bool


def linked(node: Node, actor: Actor, file_id: str, lang: str) -> tuple[FoundCase, ...]:
    """Return the cases that a file names; of an erased one what is left."""
    subjects.row_of(node, actor, file_id)
    rows, texts = node.store.read_now(lambda q: stored.linked(q, file_id)), CaseTexts(node, lang)
    return tuple(_found(texts, one, frozenset({one["id"]})) for one in rows)


def _found(texts: CaseTexts, row: Row, linked: frozenset[str]) -> FoundCase:
    case = cases.from_row(row)
    return FoundCase(
        id=case.id,
        number=case.number,
        area=texts.area_title(case.area),
        country=case.counterpart,
        country_name=texts.country(case.counterpart),
        state=case.state,
        state_text=texts.interface(f"state.{case.state}"),
        since=day_in(texts.node.country, unstamp(row["created_at"])),
        ended=case.ended,
        blocked=row["blocked_at"] is not None,
        erased=row["erased_at"] is not None,
        linked=case.id in linked,
    )


def search(
    node: Node,
    actor: Actor,
    file_id: str,
    wanted: Mapping[str, str | None],
    lang: str,
) -> tuple[FoundCase, ...]:
    """Find cases of the file's authority by number, country, area, and the days since and before which they are here.

    Blocked ones too, for the claim is a ground to look for them (Article 19); nobody's data are searched, and
    nothing of them is shown.
    """
    row = subjects.row_of(node, actor, file_id)
    known = frozenset(str(one["id"]) for one in node.store.read_now(lambda q: stored.linked(q, file_id)))
    asked = {name: wanted.get(name) or None for name in ("number", "country", "area", "since", "before")}
    rows = node.store.read_now(lambda q: stored.searched(q, row["authority"], asked, MAX_FOUND))
    texts = CaseTexts(node, lang)
    return tuple(_found(texts, one, known) for one in rows)


def case_of(node: Node, actor: Actor, file_id: str, case_id: str) -> Row:
    """Return the row of a case of the file's authority; another one's is `not-found`."""
    row = subjects.row_of(node, actor, file_id)
    case = node.store.read_now(lambda q: cases.row_of(q, case_id))
    if case is None or case["own_authority"] != row["authority"]:
        raise NodeError("not-found")
    return case


async def link(node: Node, actor: Actor, file_id: str, case_id: str) -> None:
    """Note that a case holds data of the person, blocked or not; who found which stands in the audit trail."""
    case = case_of(node, actor, file_id, case_id)
    if case["erased_at"] is not None:
        raise NodeError("case-erased")

    def work(tx: Tx) -> None:
        row = stored.find(tx, file_id)
        if row is None:
            raise NodeError("not-found")
        subjects.going_on(stored.from_row(row))
        if stored.link(tx, file_id, case_id, actor.id):
            audit.append(tx, actor.id, "subject.link", file_id, case_id)
            if case["blocked_at"] is not None:
                audit.append(tx, actor.id, "case.find-blocked", case_id, "claim")

    await node.store.write(work)


async def unlink(node: Node, actor: Actor, file_id: str, case_id: str) -> None:
    """Take a case out of a file: it holds no data of the person, or another authority has it now."""
    subjects.row_of(node, actor, file_id)

    def work(tx: Tx) -> None:
        row = stored.find(tx, file_id)
        if row is None:
            raise NodeError("not-found")
        subjects.going_on(stored.from_row(row))
        if stored.unlink(tx, file_id, case_id):
            audit.append(tx, actor.id, "subject.unlink", file_id, case_id)

    await node.store.write(work)


def note_done(tx: Tx, node: Node, actor: Actor, case_id: str, what: str) -> None:
    """Note in the open files that name a case what is done in it: `erase`, `contest`, `correct` …, with its number.

    In the transaction in which it is done, which a file that can't be read doesn't stop: its reader is told so there.
    """
    for row in stored.naming(tx, case_id):
        if actor.may("subjects.manage", row["authority"]):
            with contextlib.suppress(NodeError):
                subjects.noting(node, actor, row["id"], what, row["case_number"])(tx)
