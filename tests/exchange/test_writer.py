"""The group-commit writer: nothing is acknowledged before it is on disk, and an error reaches only its caller."""

import asyncio
import os
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from node.store.engine import FORGET, connect, durability
from node.store.migrations import KEYS, NODE
from node.store.schema import Database, Schema
from node.store.store import Store
from node.store.tx import Read, Tx
from tests.exchange.pair import LoopClock

NUMBERS = Schema("numbers")


@NUMBERS(name="001")
def _numbers(db: Database) -> None:
    db.execute("CREATE TABLE number (value INTEGER NOT NULL UNIQUE, at TEXT NOT NULL) STRICT")


@pytest.fixture(params=[False, True], ids=["thread", "inline"])
async def store(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """Give a store with its writer in a thread, then one whose writer runs inline."""
    made = Store(tmp_path / "numbers.db", NUMBERS, LoopClock(), inline=request.param)
    yield made
    await made.close()


def put(value: int) -> Callable[[Tx], int]:
    """Return a job that writes a number."""

    def job(tx: Tx) -> int:
        tx.run("INSERT INTO number (value, at) VALUES (:value, :at)", {"value": value, "at": tx.now.isoformat()})
        return value

    return job


def values(store: Store) -> list[int]:
    """Return what another process would read."""
    with store.reader() as q:
        return [row["value"] for row in q.all("SELECT value FROM number ORDER BY value")]


def still_open(folder: Path) -> list[str]:
    """Return the files of a folder that this process holds open."""
    held = (os.path.realpath(entry) for entry in Path("/proc/self/fd").iterdir())
    return [path for path in held if path.startswith(str(folder))]


def traced(store: Store) -> list[str]:
    """Collect the statements that the writer executes."""
    statements: list[str] = []
    store.writer._connection.set_trace_callback(statements.append)
    return statements


def test_both_databases_are_durable_at_every_commit(tmp_path: Path) -> None:
    """The real stores use a write-ahead log and wait for the disk at each commit."""
    for name, migrations in (("node.db", NODE), ("keys.db", KEYS)):
        store = Store(tmp_path / name, migrations, LoopClock(), inline=True)
        assert durability(store.writer._connection) == ("wal", 2)
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
        asyncio.run(store.close())


async def test_what_many_rows_went_through_is_let_go_of(store: Store) -> None:
    """After a transaction with a country's list in it the writer keeps none of its pages; after others it does."""
    statements = traced(store)

    def rows(count: int) -> Callable[[Tx], None]:
        begun = len(statements) * 100_000
        numbers = ({"value": begun + value, "at": ""} for value in range(count))
        return lambda tx: tx.many("INSERT INTO number (value, at) VALUES (:value, :at)", numbers)

    await store.write(rows(100))
    assert FORGET not in statements
    await store.write(rows(6_000))
    assert statements[-2:] == ["COMMIT", FORGET]


async def test_many_callers_share_a_commit(store: Store) -> None:
    """What queued while the last group committed goes into one transaction, with one time stamp."""
    statements = traced(store)
    done = await asyncio.gather(*(store.write(put(value)) for value in range(100)))
    assert done == list(range(100))
    assert values(store) == done
    assert statements.count("COMMIT") <= 2
    with store.reader() as q:
        assert len(q.all("SELECT DISTINCT at FROM number")) <= 2


async def test_a_job_that_fails_reaches_only_its_caller(store: Store) -> None:
    """Whatever it wrote before it failed is gone, and the others of its group are stored."""

    def fails(tx: Tx) -> None:
        put(7)(tx)
        raise ValueError("of this job alone")

    outcomes = await asyncio.gather(
        store.write(put(1)), store.write(fails), store.write(put(1)), store.write(put(2)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [int, ValueError, sqlite3.IntegrityError, int]
    assert values(store) == [1, 2]


async def test_a_job_that_fails_alone_leaves_nothing(store: Store) -> None:
    """Its transaction is all its own: what it wrote is gone, and what it asked for at the end isn't done."""

    def fails(tx: Tx) -> None:
        put(7)(tx)
        tx.once_at_end("more", put(8))
        raise ValueError("of this job alone")

    statements = traced(store)
    with pytest.raises(ValueError, match="of this job alone"):
        await store.write(fails)
    assert not [statement for statement in statements if "SAVEPOINT" in statement]
    assert statements[-1] == "ROLLBACK"
    assert values(store) == []
    assert await store.write(put(7)) == 7


async def test_what_a_statement_replaces_stays_in_memory(store: Store) -> None:
    """The writer keeps it there once its schema stands; what a migration sorts may be larger than memory."""
    (kept,) = store.writer._connection.execute("PRAGMA temp_store").fetchone()
    assert kept == 2


def loses_the_transaction(error: Exception) -> Callable[[Tx], None]:
    """Return a job at which the whole transaction is rolled back, as SQLite does when the disk is full."""

    def job(tx: Tx) -> None:
        put(8)(tx)
        tx._connection.execute("ROLLBACK")
        raise error

    return job


@pytest.mark.parametrize("error", [sqlite3.OperationalError("database or disk is full"), ValueError("hidden")])
async def test_when_the_transaction_is_lost_each_job_runs_again_alone(store: Store, error: Exception) -> None:
    """No caller hangs, the jobs beside the culprit are stored, and only the culprit is told."""
    await store.write(put(0))
    outcomes = await asyncio.wait_for(
        asyncio.gather(
            store.write(put(1)), store.write(loses_the_transaction(error)), store.write(put(2)), return_exceptions=True
        ),
        10,
    )
    assert outcomes == [1, error, 2]
    assert values(store) == [0, 1, 2]
    assert await store.write(put(3)) == 3


async def test_nothing_is_acknowledged_before_its_commit(store: Store) -> None:
    """At the moment a caller is told, another connection already reads what it wrote."""
    order: list[str] = []

    def trace(statement: str) -> None:
        if statement in ("BEGIN IMMEDIATE", "COMMIT"):
            order.append(statement)

    store.writer._connection.set_trace_callback(trace)

    async def caller(value: int) -> None:
        await store.write(put(value))
        assert value in values(store)
        order.append("told")

    await asyncio.gather(*(caller(value) for value in range(20)))
    assert order[0] == "BEGIN IMMEDIATE"
    assert order.index("COMMIT") < order.index("told")
    committed = 0
    for what in order:
        committed += what == "COMMIT"
        assert what != "told" or committed


async def test_what_another_process_holds_is_waited_for(store: Store, tmp_path: Path) -> None:
    """A command that writes meanwhile delays a job, and neither is lost."""
    other = connect(tmp_path / "numbers.db")
    other.execute("PRAGMA busy_timeout = 0")
    store.writer._connection.execute("PRAGMA busy_timeout = 0")
    other.execute("BEGIN IMMEDIATE")
    outcomes = await asyncio.gather(store.write(put(1)), store.write(put(2)), return_exceptions=True)
    assert all(isinstance(outcome, sqlite3.OperationalError) for outcome in outcomes)
    other.execute("COMMIT")
    other.close()
    assert await store.write(put(1)) == 1


async def test_a_caller_that_gives_up_loses_nothing(store: Store) -> None:
    """Cancelling the caller doesn't cancel the job, nor disturb the others."""
    given_up = asyncio.ensure_future(store.write(put(1)))
    other = asyncio.ensure_future(store.write(put(2)))
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.gather(given_up, other, return_exceptions=True)
    assert values(store) == [1, 2]


async def test_closing_finishes_what_is_queued(tmp_path: Path) -> None:
    """Every job that was accepted is on disk when `close` returns, and a later one is refused, not left hanging."""
    store = Store(tmp_path / "numbers.db", NUMBERS, LoopClock())
    jobs = [asyncio.ensure_future(store.write(put(value))) for value in range(10)]
    await asyncio.sleep(0)
    await store.close()
    assert await asyncio.gather(*jobs) == list(range(10))
    late: Any = await asyncio.wait_for(asyncio.gather(store.write(put(11)), return_exceptions=True), 10)
    assert isinstance(late[0], Exception)
    reopened = Store(tmp_path / "numbers.db", NUMBERS, LoopClock())
    assert values(reopened) == list(range(10))
    await reopened.close()


async def test_closing_waits_for_who_reads_and_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A query that runs when the store closes gets its answer, and its connection is closed with the others."""
    store = Store(tmp_path / "numbers.db", NUMBERS, LoopClock())
    await store.write(put(7))
    reads, may_end, shutdown = threading.Event(), threading.Event(), store._pool.shutdown

    def look(q: Read) -> list[int]:
        reads.set()
        may_end.wait()
        return [row["value"] for row in q.all("SELECT value FROM number")]

    def end(*, wait: bool) -> None:
        may_end.set()
        shutdown(wait=wait)

    monkeypatch.setattr(store._pool, "shutdown", end)
    asked = asyncio.create_task(store.read(look))
    await asyncio.to_thread(reads.wait)
    await store.close()
    assert still_open(tmp_path) == []
    assert await asked == [7]


async def test_many_readers_and_writers_at_once(store: Store) -> None:
    """Long reads off the loop, short ones on it and writes don't disturb each other."""

    async def reads() -> int:
        rows = await store.read(lambda q: q.all("SELECT COUNT(*) AS count FROM number"))
        return int(rows[0]["count"])

    jobs = [task for value in range(50) for task in (store.write(put(value)), reads())]
    results = await asyncio.gather(*jobs)
    assert all(0 <= count <= 50 for count in results[1::2])
    assert store.read_now(lambda q: len(q.all("SELECT * FROM number"))) == 50


async def test_what_many_ask_for_at_the_end_is_done_once(store: Store) -> None:
    """Jobs of one commit that ask for the same last step get it once, behind all of them; its failure harms none."""
    seen: list[list[int]] = []

    def look(tx: Tx) -> None:
        seen.append([row["value"] for row in tx.all("SELECT value FROM number ORDER BY value")])
        put(99)(tx)
        if len(seen) == 2:
            raise RuntimeError

    def job(value: int) -> Callable[[Tx], None]:
        def work(tx: Tx) -> None:
            put(value)(tx)
            tx.once_at_end("look", look)

        return work

    await asyncio.gather(store.write(put(0)), *(store.write(job(value)) for value in (1, 2, 3)))
    assert seen[-1] == [0, 1, 2, 3]
    assert len(seen) == 1
    assert values(store) == [0, 1, 2, 3, 99]
    await store.write(lambda tx: tx.run("DELETE FROM number WHERE value = 99"))
    await store.write(job(4))
    assert values(store) == [0, 1, 2, 3, 4]
