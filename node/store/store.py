"""A database file with its writer and its pool of readers."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from node.clock import Clock
from node.errors import NodeError
from node.store.engine import connect, cut_log, undo_in_memory
from node.store.schema import Schema
from node.store.tx import Read, Tx
from node.store.writer import Writer

T = TypeVar("T")
_READERS: Final = 2
PREFIX: Final = "before-upgrade-"
"""Begins the names of the copies that are made of a data directory's databases before a migration."""


class Store:
    """One SQLite file: `write` is durable when it returns, `read` sees one consistent state."""

    def __init__(self, path: Path, schema: Schema, clock: Clock, *, inline: bool = False) -> None:
        """Open or make the file and bring its schema up to date; `inline` does all work in the caller's thread."""
        self.path = path
        self._inline = inline
        connection = connect(path, waits=not inline)
        try:
            require_known(schema.applied(connection), schema, path.parent)
            schema.apply(connection)
            undo_in_memory(connection)
        except BaseException:
            connection.close()
            raise
        self.writer = Writer(connection, clock, inline=inline)
        count = 1 if inline else _READERS  # one thread reads one thing at a time
        self._opened: list[sqlite3.Connection] = []  # every reader, also one that a query has at the moment
        self._readers = [self._open_reader() for _ in range(count)]
        self._pool = ThreadPoolExecutor(_READERS, "reader")
        self._slots: asyncio.Semaphore | None = None

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run `work` in a write transaction; see `Writer`."""
        return await self.writer.write(work)

    async def read(self, work: Callable[[Read], T]) -> T:
        """Run a long query off the loop, for searches and lists."""
        if self._inline:
            return self.read_now(work)
        if self._slots is None:
            self._slots = asyncio.Semaphore(_READERS)
        await self._slots.acquire()
        connection = self._readers.pop()
        query = asyncio.get_running_loop().run_in_executor(self._pool, _read, connection, work)
        query.add_done_callback(lambda _: self._give_back(connection))
        return await asyncio.shield(query)  # a caller that gives up leaves the connection to its thread until it ends

    def read_now(self, work: Callable[[Read], T]) -> T:
        """Run a short query by key at once: it costs less than handing it to a thread."""
        return _read(self._readers[-1] if self._readers else self._spare(), work)

    @contextlib.contextmanager
    def reader(self) -> Iterator[Read]:
        """Give a connection of its own to code that runs in another thread."""
        connection = connect(self.path, readonly=True)
        try:
            yield Read(connection)
        finally:
            connection.close()

    async def cut_log(self) -> bool:
        """Bring the write-ahead log into the file and cut it to nothing, so that no deleted row is left in it.

        False where somebody read all the while: then it is for the next call to do.
        """
        if self._inline:
            return cut_log(self.path, waits=False)
        return await asyncio.get_running_loop().run_in_executor(self._pool, cut_log, self.path)

    def _give_back(self, connection: sqlite3.Connection) -> None:
        assert self._slots is not None
        self._readers.append(connection)
        self._slots.release()

    def _open_reader(self) -> sqlite3.Connection:
        self._opened.append(connect(self.path, readonly=True, waits=not self._inline))
        return self._opened[-1]

    def _spare(self) -> sqlite3.Connection:
        self._readers.append(self._open_reader())
        return self._readers[-1]

    async def close(self) -> None:
        """Finish all writes and queries, and close every connection."""
        await self.writer.close()
        self._pool.shutdown(wait=True)
        for connection in self._opened:
            connection.close()


def _read(connection: sqlite3.Connection, work: Callable[[Read], T]) -> T:
    connection.execute("BEGIN")
    try:
        return work(Read(connection))
    finally:
        connection.execute("COMMIT")


def require_known(applied: Sequence[str], schema: Schema, data: Path | None = None) -> None:
    """Refuse a schema that this version doesn't know with `schema-newer`; says the way back where there is one."""
    if not (unknown := sorted(set(applied) - set(schema.names))):
        return
    message = f"The data were written by a newer version: unknown migrations {', '.join(unknown)}."
    fitting = [path for path in sorted(data.glob(f"{PREFIX}*")) if not path.name.endswith(".part")] if data else []
    back = f"Install that version, or go back to before it: entente restore {fitting[-1]}" if fitting else ""
    raise NodeError("schema-newer", message, back)


def schema_of(path: Path, schema: Schema) -> tuple[tuple[str, ...], bool]:
    """Return the migrations that a file has had, and whether others are still to come."""
    connection = connect(path, readonly=True)
    try:
        applied = schema.applied(connection)
        return applied, not set(schema.names) <= set(applied)
    finally:
        connection.close()
