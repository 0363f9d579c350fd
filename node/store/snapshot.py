"""One consistent state of a database for as long as a check takes, also beside a node that runs."""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

from typing_extensions import override

from node.errors import NodeError
from node.store.backup_files import synchronise
from node.store.engine import connect, durability
from node.store.store import Store
from node.store.tx import Read

T = TypeVar("T")
_PAGES: Final = 2048
"""Pages a step, 8 MiB."""

DamagedError = sqlite3.DatabaseError
"""What a query raises where the file can't be read as a database."""


_CODES: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


@contextlib.contextmanager
def damage_told() -> Iterator[None]:
    """Raise `database-damaged` where a file isn't what was written; a full disk or a lock stays what it is."""
    try:
        yield
    except DamagedError as error:
        code = getattr(error, "sqlite_errorcode", None)  # none where Python itself couldn't read a text
        if (code is not None and code & 0xFF in _CODES) or str(error).startswith("Could not decode"):
            raise NodeError("database-damaged") from None
        raise


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

    def size(self) -> int:
        """Return how many bytes the database has."""
        pages, each = (self._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
        return int(pages) * int(each)

    def copy_to(self, path: Path, told: Callable[[float], None] = lambda _part: None) -> None:
        """Write this state into a new file of mode 0600, page by page, while the node goes on; `told` hears how far.

        The state is held, so that a writer never makes the copy begin again.
        """
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
        target = sqlite3.connect(path)
        try:
            target.execute("PRAGMA synchronous = OFF")  # the whole file is synchronised below
            step = lambda _status, left, all_pages: told(1 - left / max(all_pages, 1))  # noqa: E731
            self._connection.backup(target, pages=_PAGES, progress=step)
        finally:
            target.close()
        synchronise(path)

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
