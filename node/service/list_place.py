"""Places of lists as pages and programs hand them on: `TIME~ID` of the last entry that was shown."""

import re
from collections.abc import Sequence
from typing import Final

from node.errors import NodeError
from node.store.list_place import FIRST, Place
from node.store.tx import Row

MAX_PLACE: Final = 70
"""Characters of a place in a list."""
_PLACE: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}:\d{2}\.\d{6}Z)?)~([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
)


def place_from(text: str, first: Place = FIRST) -> Place:
    """Read a place in a list, the beginning where it is empty; raises `invalid` for one that no list gave."""
    if not text:
        return first
    found = _PLACE.fullmatch(text)
    if found is None:
        raise NodeError("invalid", "Not a place of a list.", fields={"after": "malformed"})
    return Place(found[1], found[2])


def place_text(place: Place | None) -> str | None:
    """Write a place in a list; None at its end."""
    return f"{place.at}~{place.id}" if place else None


def next_of(rows: Sequence[Row], limit: int, at: str, key: str = "id") -> str | None:
    """Return where a list goes on of which more rows than `limit` were read; `at` and `key` are columns."""
    last = rows[limit - 1] if len(rows) > limit else None
    return place_text(Place(str(last[at]), str(last[key]))) if last else None
