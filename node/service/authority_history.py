"""What happened to an authority of ours: who changed what, when and why; taking a change back; ending it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from directory_sync.authority import Authority
from node.clock import unstamp
from node.domain.access import Actor, operator
from node.domain.authority_change import FieldChange, changes_between
from node.errors import NodeError
from node.service import authority_edit
from node.service.authority_edit import Why
from node.service.node import Node
from node.store import authority_changes, people
from node.store.tx import Read, Row

MAX_CHANGES: Final = 200
"""Changes on one page of a history."""


@dataclass(frozen=True)
class Change:
    """One change; `by` is a person's name, the account's id once it has ended, empty for the operator's command line.

    `undoable` says whether there is an earlier record to go back to, other than the present one.
    """

    seq: int
    at: datetime
    by: str
    kind: str
    reason: str
    fields: tuple[FieldChange, ...]
    undoable: bool


def history(node: Node, actor: Actor, authority_id: str, limit: int = MAX_CHANGES, offset: int = 0) -> list[Change]:
    """Return the changes of an authority, the newest first, to those who may change it; raises `not-found`."""
    present = seen(node, actor, authority_id)

    def read(q: Read) -> list[Change]:
        rows = authority_changes.of(q, authority_id, min(limit, MAX_CHANGES), offset)
        return [_change(q, row, present) for row in rows]

    return node.store.read_now(read)


def seen(node: Node, actor: Actor, authority_id: str) -> Authority:
    """Return an authority of ours whose history the actor may see; raises `not-found` for all others."""
    found = authority_edit.current(node, authority_id)
    if found is None or not authority_edit.editor_of(node, actor).sees_all_of(found):
        raise NodeError("not-found", "There is no such authority.")
    return found


def version(node: Node, authority_id: str, v: int) -> Authority | None:
    """Return an authority's record as it was in a version, if its history or the list tells."""
    present = authority_edit.current(node, authority_id)
    if present is not None and present.v == v:
        return present
    line = node.store.read_now(lambda q: authority_changes.line_of_version(q, authority_id, v))
    return _record(line)


async def undo(node: Node, actor: Actor, authority_id: str, seq: int, v: int, reason: str) -> Authority:
    """Publish the record as it was before a change, as a new version; nothing of what came after is forgotten.

    `v` is the version that the actor saw. Raises as `authority_edit.change`, and `not-found`.
    """
    seen(node, actor, authority_id)
    row = node.store.read_now(lambda q: authority_changes.one(q, authority_id, seq))
    before = _record(row["before"]) if row else None
    if before is None:
        raise NodeError("not-found", "There is no earlier record to go back to.")
    return await authority_edit.change(node, actor, before.model_copy(update={"v": v}), Why("undo", reason))


async def end(
    node: Node, actor: Actor, authority_id: str, v: int, until: date, why: tuple[str, str | None]
) -> Authority:
    """End an authority after a day, perhaps with a successor: `why` is (reason, successor's id).

    It stays in the list and in every case. Raises as `authority_edit.change`, and `invalid`.
    """
    reason, successor = why
    present = seen(node, actor, authority_id)
    ended = authority_edit.remade(present, valid_until=until, successor=successor or None, v=v)
    return await authority_edit.change(node, actor, ended, Why("end", reason))


def _change(q: Read, row: Row, present: Authority) -> Change:
    before, after = _record(row["before"]), _record(row["after"])
    person = people.by_id(q, row["actor"])
    by = row["actor"] if row["actor"] != operator().id else ""
    return Change(
        row["seq"],
        unstamp(row["at"]),
        person.name if person and person.ended_at is None else by,
        row["kind"],
        row["reason"],
        changes_between(before, after),
        before is not None and bool(changes_between(before, present)),
    )


def _record(line: bytes | None) -> Authority | None:
    return Authority.model_validate_json(line) if line is not None else None
