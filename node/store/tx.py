"""What a store function gets: a transaction, never a cursor."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from node.clock import stamp

Row = sqlite3.Row
Values = Mapping[str, Any]


class Read:
    """Queries on one consistent state."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Take an open connection; the caller holds its transaction."""
        self._connection = connection

    def all(self, sql: str, values: Values | None = None) -> list[Row]:
        """Return every row."""
        return self._connection.execute(sql, values or {}).fetchall()

    def one(self, sql: str, values: Values | None = None) -> Row | None:
        """Return the first row, or None."""
        rows = self.all(sql, values)
        return rows[0] if rows else None


class Tx(Read):
    """A transaction that writes; `now` is its one time stamp."""

    def __init__(self, connection: sqlite3.Connection, now: datetime, at_end: "AtEnd") -> None:
        """Take the writer's connection, inside the job's transaction or savepoint."""
        super().__init__(connection)
        self.now = now
        self._at_end = at_end

    @cached_property
    def at(self) -> str:
        """The time stamp as it is stored."""
        return stamp(self.now)

    def once_at_end(self, name: str, work: "Callable[[Tx], object]") -> None:
        """Run `work` before the commit, once for all jobs that ask for it by this name.

        It gets a savepoint of its own; if it fails, it didn't happen, and the jobs are committed without it.
        """
        self._at_end[name] = work

    def run(self, sql: str, values: Values | None = None) -> int:
        """Execute a statement and return how many rows it changed."""
        return self._connection.execute(sql, values or {}).rowcount

    def many(self, sql: str, values: Iterable[Values]) -> int:
        """Execute a statement once for each set of values; returns how many rows it changed."""
        return self._connection.executemany(sql, values).rowcount


def listed(items: Sequence[str], prefix: str = "v") -> tuple[str, dict[str, str]]:
    """Return what stands between the brackets of `IN ()`, and its values."""
    values = {f"{prefix}{place}": item for place, item in enumerate(items)}
    return ", ".join(f":{name}" for name in values), values


def reached(
    reach: Iterable[tuple[str, str]], authority: str, area: str, prefix: str = ""
) -> tuple[str, dict[str, str]]:
    """Return the condition under which a row lies within a reach, and its values.

    `reach` has authorities, each with an area or, for all of them, an empty text; `authority` and `area` are columns.
    `prefix` tells the names of the values of several conditions apart.
    """
    pairs = list(reach)
    names, values = listed([of for of, confined in pairs if not confined], f"{prefix}v")
    any_of = [f"{authority} IN ({names})"] if names else []
    for place, (of, confined) in enumerate((of, confined) for of, confined in pairs if confined):
        any_of.append(f"{authority} = :{prefix}o{place} AND {area} = :{prefix}i{place}")
        values |= {f"{prefix}o{place}": of, f"{prefix}i{place}": confined}
    return f"({' OR '.join(any_of) or '0 = 1'})", values


AtEnd = dict[str, Callable[[Tx], object]]
