"""Where a list goes on: behind an entry, by the column that orders it and its id. So a list costs what it shows."""

from typing import Final, NamedTuple


class Place(NamedTuple):
    """Behind the entry with this id that has this time (a stamp) or day in the column that orders the list."""

    at: str
    id: str


FIRST: Final = Place("~", "~")
"""Before every entry of a list that has the latest first."""
EARLIEST: Final = Place("", "")
"""Before every entry of a list that has the oldest first."""
