"""A copy of what is kept on a person in the cases that its file names (Regulation (EU) 2016/679, Article 15).

Whoever makes it hands it on after a look: other persons' data may stand in the same cases.
"""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from node.clock import new_uuid, stamp
from node.domain.access import Actor
from node.domain.case_view import CaseView, View
from node.errors import NodeError
from node.service import attachments, reading, subjects
from node.service.node import Node
from node.store import audit, cases, erasures, sights
from node.store import subjects as stored
from node.store.tx import Row, Tx
from protocol.limits import MAX_NAME, MIB

MAX_FILES: Final = 64 * MIB
"""Bytes of attachments that a copy holds; those beyond are named in it."""


class LeftOut(View):
    """A case whose data aren't in a copy: `case-erased` where gone, `case-damaged` where they can't be read."""

    number: str
    code: str


class SubjectCopy(View):
    """What is kept on a person in the cases of a file, and which cases have nothing any more."""

    file: str
    authority: str
    made_at: dt.datetime
    cases: tuple[CaseView, ...]
    left_out: tuple[LeftOut, ...]


@dataclass
class Attached:
    """The attachments of a copy by their place in it, and the names of those that didn't fit or aren't here.

    `folders`: id of a case → the folder of its files.
    """

    folders: dict[str, str]
    files: dict[str, bytes] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


async def copy(node: Node, actor: Actor, file_id: str, reason: str, lang: str) -> SubjectCopy:
    """Return the copy in a language; that blocked data were seen, by whom and why, is recorded first.

    Raises `invalid` without a reason, as for any look at blocked data, and `wrong-state` for a claim that has ended:
    nobody needs to know any more.
    """
    row = subjects.row_of(node, actor, file_id)
    subjects.going_on(stored.from_row(row))
    words = reason.strip()
    if not words or len(words) > MAX_NAME:
        raise NodeError("invalid", "A reason is needed.", fields={"reason": "too-long" if words else "missing"})
    linked = node.store.read_now(lambda q: stored.linked(q, file_id))
    views, left_out = [], []
    for one in linked:
        try:
            views.append(_of_case(node, actor, row, one, lang))
        except NodeError as error:
            left_out.append(LeftOut(number=one["number"], code=error.code))
    await _record(node, actor, row, [one for one in linked if one["id"] in {view.id for view in views}], words)
    await subjects.note_done(node, actor, file_id, "export", words)
    return SubjectCopy(
        file=row["number"],
        authority=row["authority"],
        made_at=node.clock.now(),
        cases=tuple(views),
        left_out=tuple(left_out),
    )


def _of_case(node: Node, actor: Actor, file: Row, row: Row, lang: str) -> CaseView:
    if row["own_authority"] != file["authority"]:
        raise NodeError("not-found")  # passed on to another authority meanwhile: that one answers for it
    if node.store.read_now(lambda q: erasures.find(q, row["id"])) is not None:
        raise NodeError("case-erased")
    view = reading.view_of(node, actor, cases.from_row(row), lang)
    left = {"actions": (), "notices": (), "draft_reply": None, "handler": None, "waiting_since": None}
    return view.model_copy(update=left)


async def _record(node: Node, actor: Actor, file: Row, seen: list[Row], reason: str) -> None:
    """Note who saw which data of which case for the claim, blocked or not: an administrator reads none otherwise."""
    notes = []
    for row in seen:
        sight_id = new_uuid(node.entropy)
        sealed = node.case_keys.seal(node.case_keys.find(row["id"]), reason.encode(), sight_id)
        values = {"id": sight_id, "case_id": row["id"], "authority": file["authority"], "person": actor.id}
        notes.append({**values, "ground": "claim", "reason": sealed, "until": stamp(node.clock.now())})

    def work(tx: Tx) -> None:
        for one in notes:
            sights.add(tx, one)
            audit.append(tx, actor.id, "case.see-blocked", one["case_id"], "claim")

    await node.store.write(work)


async def attached(node: Node, made: SubjectCopy) -> Attached:
    """Return the files of a copy's cases in the clear, under `FOLDER/PLACE-NAME`."""
    found, size = Attached(_folders(made.cases)), 0
    for view in made.cases:
        for place, file in enumerate(view.attachments, 1):
            name = f"{found.folders[view.id]}/{place}-{_plain(file.name)}"
            if not file.here or size + file.size > MAX_FILES:
                found.missing.append(name)
                continue
            try:
                opened = await attachments.open_attachment(node, view.id, file.sha256)
            except NodeError:  # damaged on the disk
                found.missing.append(name)
                continue
            size += len(opened.data)
            found.files[name] = opened.data
    return found


def _folders(cases: Sequence[CaseView]) -> dict[str, str]:
    """Return a folder for each case: its number, where several have it with the beginning of the case's id.

    After a loss two requests may have one number.
    """
    numbers = {case.id: case.number.replace("/", "-") for case in cases}
    often = Counter(numbers.values())
    return {one: number if often[number] == 1 else f"{number}_{one[:8]}" for one, number in numbers.items()}


def _plain(name: str) -> str:
    """Return a file's name that leads nowhere else when it is unpacked."""
    kept = "".join(one if one.isalnum() or one in "-_. " else "_" for one in name)
    return kept.lstrip(". ")[-100:] or "file"
