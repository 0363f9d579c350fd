"""Files of persons who claim their rights at an authority: a work list, what was found, what was done until when.

Who the person is and what it asked is sealed under a key of the file's own. The audit trail names the file by its id.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog
from pydantic import ValidationError

from node.clock import new_uuid
from node.domain.access import Actor
from node.domain.case_view import View
from node.domain.retention import months_after
from node.domain.subject import (
    KEPT_YEARS,
    MAX_ENTRIES,
    OUTCOMES,
    SOON_DAYS,
    Contents,
    FileEntry,
    State,
    SubjectFile,
    Want,
    due_of,
    extension_faults,
    opening_faults,
)
from node.errors import NodeError
from node.service.list_place import next_of, place_from
from node.service.node import Node
from node.store import audit, subjects
from node.store.list_place import EARLIEST, FIRST
from node.store.tx import Row, Tx
from protocol.limits import MAX_NAME, MAX_TEXT

log: Final = structlog.get_logger("entente.subjects")


@dataclass(frozen=True)
class NewFile:
    """A claim as it was received; `reach` is how the person wants to be answered."""

    authority: str
    wants: tuple[str, ...]
    received: dt.date | None
    person: str
    reach: str
    asked: str


class FileLine(View):
    """A line of the work list; `days_left` is negative once the period has passed, None where nothing is due.

    `readable` is false, and `person` empty, where the file's key is lost or what it sealed is damaged.
    """

    id: str
    number: str
    authority: str
    readable: bool
    person: str
    wants: tuple[Want, ...]
    state: State
    received: dt.date
    due: dt.date
    days_left: int | None
    ended_on: dt.date | None
    cases: int


class FileList(View):
    """Part of the work list; `next` is where it goes on, None at the end."""

    items: tuple[FileLine, ...]
    next: str | None


class FileView(View):
    """A file with all that is kept of it; `subject_cases.linked` gives the cases that it names.

    Where it isn't `readable`, person, reach, asked and entries are empty.
    """

    id: str
    number: str
    authority: str
    wants: tuple[Want, ...]
    state: State
    received: dt.date
    due: dt.date
    days_left: int | None
    told_on: dt.date | None
    ended_on: dt.date | None
    kept_until: dt.date | None
    readable: bool
    person: str
    reach: str
    asked: str
    entries: tuple[FileEntry, ...]


async def open_file(node: Node, actor: Actor, new: NewFile) -> SubjectFile:
    """Record that a person claims a right; raises `invalid` with the fields at fault."""
    actor.require("subjects.manage")
    actor.require("subjects.manage", new.authority)
    today = node.today()
    faults = opening_faults(new.wants, new.received, today)
    contents = _contents(new, faults)
    if faults or contents is None or new.received is None:
        raise NodeError("invalid", "The claim isn't complete.", fields=faults)
    file_id, received = new_uuid(node.entropy), new.received
    key = (await node.case_keys.make([file_id]))[file_id]
    opened = contents.model_copy(update={"entries": (_entry(node, actor, "opened"),)})
    values = {
        "id": file_id,
        "authority": new.authority,
        "wants": " ".join(dict.fromkeys(new.wants)),
        "received": received.isoformat(),
        "due": due_of(received).isoformat(),
        "content": _seal(node, key, file_id, opened),
        "by": actor.id,
    }

    def work(tx: Tx) -> SubjectFile:
        number = subjects.add(tx, values)
        audit.append(tx, actor.id, "subject.open", file_id, number)
        row = subjects.find(tx, file_id)
        assert row is not None
        return subjects.from_row(row)

    return await node.store.write(work)


def _contents(new: NewFile, faults: dict[str, str]) -> Contents | None:
    try:
        return Contents(person=new.person, reach=new.reach, asked=new.asked)
    except ValidationError as error:
        for one in error.errors():
            faults[str(one["loc"][0])] = "too-long" if one["type"] == "string_too_long" else "missing"
        return None


def _entry(node: Node, actor: Actor, what: str, words: str = "") -> FileEntry:
    return FileEntry(at=node.clock.now(), by=actor.name, what=what, words=words)


def _seal(node: Node, key: bytes, file_id: str, contents: Contents) -> bytes:
    return node.case_keys.seal(key, contents.model_dump_json().encode(), f"subject file {file_id}")


def open_contents(node: Node, row: Row) -> Contents:
    """Open what is sealed of a file; `not-found` once its key is destroyed."""
    key = node.case_keys.find(row["id"])
    plain = node.case_keys.open(key, bytes(row["content"]), f"subject file {row['id']}")
    return Contents.model_validate_json(plain)


def _shown(node: Node, row: Row) -> Contents | None:
    """Open what is sealed of a file; None where that can't be read any more, so that it stops no other file."""
    try:
        return open_contents(node, row)
    except NodeError as error:
        log.warning("subject-file-unreadable", file=row["id"], what=error.message)
        return None


def require_unreadable(node: Node, row: Row) -> None:
    """Raise `wrong-state` where a file can be read."""
    if _shown(node, row) is not None:
        raise NodeError("wrong-state", "Only a file that has ended is deleted.")


def row_of(node: Node, actor: Actor, file_id: str) -> Row:
    """Return a file of the actor's authorities; another one is `not-found`, existing or not."""
    actor.require("subjects.manage")
    row = node.store.read_now(lambda q: subjects.find(q, file_id))
    if row is None:
        raise NodeError("not-found")
    actor.require("subjects.manage", row["authority"])
    return row


def listing(node: Node, actor: Actor, *, ended: bool = False, limit: int = 50, after: str = "") -> FileList:
    """Return the files of the actor's authorities: open ones by their date, or those that have ended, latest first."""
    actor.require("subjects.manage")
    places, place = sorted(actor.places("subjects.manage")), place_from(after, FIRST if ended else EARLIEST)
    rows = node.store.read_now(lambda q: subjects.listing(q, places, place, ended=ended, limit=limit + 1))
    lines = tuple(_line(node, row) for row in rows[:limit])
    return FileList(items=lines, next=next_of(rows, limit, "ended_on" if ended else "due"))


def _line(node: Node, row: Row) -> FileLine:
    file, contents = subjects.from_row(row), _shown(node, row)
    return FileLine(
        id=file.id,
        number=file.number,
        authority=file.authority,
        readable=contents is not None,
        person=contents.person if contents else "",
        wants=file.wants,
        state=file.state,
        received=file.received,
        due=file.due,
        days_left=_days_left(node, file),
        ended_on=file.ended_on,
        cases=row["cases"],
    )


def _days_left(node: Node, file: SubjectFile) -> int | None:
    return None if file.ended else (file.due - node.today()).days


def count_due(node: Node, actor: Actor) -> int:
    """Return how many open files of the actor's authorities are overdue or soon will be."""
    until = node.today() + dt.timedelta(days=SOON_DAYS)
    return node.store.read_now(lambda q: subjects.count_due(q, sorted(actor.places("subjects.manage")), until))


def read(node: Node, actor: Actor, file_id: str) -> FileView:
    """Return a file."""
    row = row_of(node, actor, file_id)
    file, contents = subjects.from_row(row), _shown(node, row)
    return FileView(
        id=file.id,
        number=file.number,
        authority=file.authority,
        wants=file.wants,
        state=file.state,
        received=file.received,
        due=file.due,
        days_left=_days_left(node, file),
        told_on=file.told_on,
        ended_on=file.ended_on,
        kept_until=months_after(file.ended_on, 12 * KEPT_YEARS) if file.ended_on else None,
        readable=contents is not None,
        person=contents.person if contents else "",
        reach=contents.reach if contents else "",
        asked=contents.asked if contents else "",
        entries=contents.entries if contents else (),
    )


# --- what is done in a file ---

Step = Callable[[SubjectFile], dict[str, str]]
"""Looks at a file as it is now; returns what changes of it, or raises."""


async def _step(node: Node, actor: Actor, file_id: str, entry: FileEntry, step: Step, detail: str = "") -> SubjectFile:
    row_of(node, actor, file_id)
    return await node.store.write(_stepping(node, actor, file_id, entry, step, detail))


def _stepping(
    node: Node, actor: Actor, file_id: str, entry: FileEntry, step: Step, detail: str = ""
) -> Callable[[Tx], SubjectFile]:
    def work(tx: Tx) -> SubjectFile:
        row = subjects.find(tx, file_id)
        if row is None:
            raise NodeError("not-found")
        changed, contents = step(subjects.from_row(row)), open_contents(node, row)
        if entry.what == "note" and len(contents.entries) >= MAX_ENTRIES:  # the file can still be ended
            raise NodeError("too-many", "The file is full.")
        after = contents.model_copy(update={"entries": (*contents.entries, entry)})
        subjects.change(tx, file_id, _seal(node, node.case_keys.find(file_id), file_id, after), changed)
        audit.append(tx, actor.id, f"subject.{entry.what}", file_id, detail)
        now = subjects.find(tx, file_id)
        assert now is not None
        return subjects.from_row(now)

    return work


def going_on(file: SubjectFile) -> dict[str, str]:
    """Raise `wrong-state` for a file that has ended; changes nothing."""
    if file.ended:
        raise NodeError("wrong-state", f"The file is {file.state}.")
    return {}


def _words(text: str, *, needed: bool = True) -> str:
    words = text.strip()
    if len(words) > MAX_TEXT or (needed and not words):
        raise NodeError("invalid", fields={"words": "too-long" if words else "missing"})
    return words


async def note(node: Node, actor: Actor, file_id: str, text: str) -> SubjectFile:
    """Note what was done."""
    return await _step(node, actor, file_id, _entry(node, actor, "note", _words(text)), going_on)


async def note_done(node: Node, actor: Actor, file_id: str, what: str, words: str) -> SubjectFile:
    """Note that something was done for the file elsewhere, by an own code such as `export`."""
    row_of(node, actor, file_id)
    return await node.store.write(noting(node, actor, file_id, what, words))


def noting(node: Node, actor: Actor, file_id: str, what: str, words: str) -> Callable[[Tx], SubjectFile]:
    """Return what notes it in the transaction of what was done, such as `erase`; asks for no right."""
    return _stepping(node, actor, file_id, _entry(node, actor, what, words[:MAX_NAME]), lambda _file: {})


async def extend(
    node: Node, actor: Actor, file_id: str, until: dt.date | None, told_on: dt.date | None, reason: str
) -> SubjectFile:
    """Extend the period once, where the law allows it; the person was told of it, and why, on a day within the first.

    Raises `invalid` with the fields, `wrong-state` where it was extended or has ended.
    """
    words, today = _words(reason), node.today()

    def step(file: SubjectFile) -> dict[str, str]:
        going_on(file)
        if file.state == "extended":
            raise NodeError("wrong-state", "The period was extended before.")
        if (faults := extension_faults(file, until, told_on, today)) or until is None or told_on is None:
            raise NodeError("invalid", fields=faults)
        return {"state": "extended", "due": until.isoformat(), "told_on": told_on.isoformat()}

    return await _step(node, actor, file_id, _entry(node, actor, "extend", words), step)


async def end(node: Node, actor: Actor, file_id: str, outcome: str, on: dt.date | None, text: str) -> SubjectFile:
    """End a file: answered with what was done, refused with the reason, or withdrawn by the person, on a day."""
    if outcome not in OUTCOMES:
        raise NodeError("invalid", fields={"outcome": "not-in-list"})
    words, today = _words(text, needed=outcome != "withdrawn"), node.today()

    def step(file: SubjectFile) -> dict[str, str]:
        going_on(file)
        if on is None or not file.received <= on <= today:
            raise NodeError("invalid", fields={"on": "out-of-range" if on else "missing"})
        return {"state": outcome, "ended_on": on.isoformat()}

    return await _step(node, actor, file_id, _entry(node, actor, outcome, words), step, outcome)
