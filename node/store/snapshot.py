"""One consistent state of a database for as long as a check takes, also beside a node that runs."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from typing_extensions import override

from node.store.engine import connect, durability
from node.store.store import Store
from node.store.tx import Read

T = TypeVar("T")

DamagedError = sqlite3.DatabaseError
"""What a query raises where the file can't be read as a database."""


class Snapshot(Store):
    """A store as it was when this was made; only `read_now` is there. SQLite keeps readers apart from the writer."""

    def __init__(self, path: Path) -> None:
        """Open a connection of its own and begin to read."""
        self.path = path
        self._connection = connect(path, readonly=True)
        self._connection.execute("BEGIN")
        self._connection.execute(
            "SELECT COUNT(*) FROM sqlite_master"
        ).fetchone()  # the state is taken at the first read

    @override
    def read_now(self, work: Callable[[Read], T]) -> T:
        """Run a query on the state that was taken."""
        return work(Read(self._connection))

    def durability(self) -> tuple[str, int]:
        """Return the journal mode and the level of `synchronous` with which databases are opened."""
        return durability(self._connection)

    def integrity(self) -> list[str]:
        """Return what the engine's own full check finds; nothing when all is well."""
        try:
            rows = self._connection.execute("PRAGMA integrity_check").fetchall()
        except DamagedError as error:
            return [str(error)]
        return [str(row[0]) for row in rows if row[0] != "ok"]

    def end(self) -> None:
        """Let go of the state."""
        self._connection.close()
