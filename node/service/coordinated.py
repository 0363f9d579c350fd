"""The authorities that an actor's coordinators coordinate, filtered, in the order of their names."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from directory_sync.authority import Authority
from directory_sync.folding import fold
from node.domain.access import Actor
from node.domain.authority_change import Editor
from node.domain.directory_view import Page
from node.errors import NodeError
from node.service.authority_edit import editor_of, own_records
from node.service.node import Node

STATES: Final = ("active", "suspended", "ended")
MAX_LIMIT: Final = 100
"""Authorities on one page."""


@dataclass(frozen=True)
class Wanted:
    """Which authorities are listed: words of name, place or id, a legal area, a state of `STATES`."""

    q: str = ""
    area: str = ""
    state: str = ""
    limit: int = 50
    offset: int = 0


def state_of(one: Authority, day: date) -> str:
    """Return whether an authority has ended, is suspended in an area, or is active."""
    if one.valid_until is not None and one.valid_until < day:
        return "ended"
    return "suspended" if any(role.status == "suspended" for role in one.areas) else "active"


async def coordinated(node: Node, actor: Actor, wanted: Wanted) -> Page[Authority]:
    """Return one page of the authorities that the actor coordinates; all of the country for the operator.

    Raises `forbidden` for who coordinates nothing.
    """
    editor = editor_of(node, actor)
    if not editor.coordinates:
        raise NodeError("forbidden", "Only coordinators have a list of their authorities.")
    day, words = node.directory_day(), fold(wanted.q).split()
    records = await node.store.read(
        lambda q: [one for one in own_records(q, node.country) if _fits(editor, one, wanted, (day, words))]
    )
    ordered = sorted(records, key=lambda one: (fold(one.name), one.id))
    limit = min(max(wanted.limit, 1), MAX_LIMIT)
    items = tuple(ordered[wanted.offset : wanted.offset + limit])
    return Page(items, len(ordered), wanted.offset, limit)


def _fits(editor: Editor, one: Authority, wanted: Wanted, filters: tuple[date, list[str]]) -> bool:
    day, words = filters
    if wanted.state and state_of(one, day) != wanted.state:
        return False
    if wanted.area and all(role.area != wanted.area for role in one.areas):
        return False
    text = fold(f"{one.name} {one.place} {one.id}") if words else ""
    return all(word in text for word in words) and editor.sees_all_of(one)
