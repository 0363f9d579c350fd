"""The group-commit writer: many jobs, one commit (design: what queued while the last one committed).

Of several jobs each runs in a savepoint, a job that is alone in the transaction itself, so that an error
reaches only its caller. A job's result is released after the commit, never before: when `write` returns,
what it wrote is on disk. If the whole transaction is lost, each job that had its turn runs again alone. An
I/O error at COMMIT ends the process, since nobody knows then what is on disk.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from node.clock import Clock
from node.store.engine import FORGET
from node.store.tx import AtEnd, Tx

T = TypeVar("T")
_MAX_GROUP: Final = 500
_MANY_CHANGES: Final = 1_000
"""Changed rows of a transaction after which its pages are let go of: a country's list is hardly read again here.

A page of a list changes some thousands; most batches of a hundred messages stay below.
"""


@dataclass
class _Job:
    work: Callable[[Tx], Any]
    done: asyncio.Future[Any]


class _LostError(Exception):
    """The whole transaction is gone, not only the job that raised `__cause__`."""


@dataclass
class _Outcome:
    value: Any = None
    error: BaseException | None = None


class Writer:
    """The one writer of a database file.

    `executor` None runs jobs inline, which is what simulation under virtual time needs; otherwise one
    thread of its own does, so that the loop never waits for a disk.
    """

    def __init__(self, connection: sqlite3.Connection, clock: Clock, *, inline: bool = False) -> None:
        """Take over a connection that nobody else writes through."""
        self._connection = connection
        self._clock = clock
        self.commit = commit
        """The port to the disk; a simulation puts its own in its place, which loses power and runs full."""
        self._executor: Executor | None = None if inline else ThreadPoolExecutor(1, "writer")
        self._queue: list[_Job] = []
        self._busy = False
        self._idle: asyncio.Event | None = None

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run `work` in a transaction and return its result once it is durable."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.append(_Job(work, done))
        if not self._busy:
            self._busy = True
            self._idle = asyncio.Event()
            task = asyncio.ensure_future(self._drain())
            task.add_done_callback(_surface)
        return await asyncio.shield(done)

    def write_now(self, work: Callable[[Tx], T]) -> T:
        """Run one job at once, for commands that have no running loop."""
        (outcome,) = self._commit_group([work])
        if outcome.error is not None:
            raise outcome.error
        result: T = outcome.value
        return result

    async def close(self) -> None:
        """Finish what is queued, then close the connection."""
        if self._idle is not None and self._busy:
            await self._idle.wait()
        if self._executor is not None:
            self._executor.shutdown(wait=True)
        self._connection.close()

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._queue:
                group, self._queue = self._queue[:_MAX_GROUP], self._queue[_MAX_GROUP:]
                works = [job.work for job in group]
                try:
                    if self._executor is None:
                        outcomes = self._commit_group(works)
                    else:
                        outcomes = await loop.run_in_executor(self._executor, self._commit_group, works)
                except Exception as error:  # noqa: BLE001 - after `close`, say: it goes to every caller
                    outcomes = [_Outcome(error=error) for _ in works]
                for job, outcome in zip(group, outcomes, strict=True):
                    _release(job.done, outcome)
        finally:
            self._busy = False
            if self._idle is not None:
                self._idle.set()

    def _commit_group(self, works: list[Callable[[Tx], Any]]) -> list[_Outcome]:
        now = self._clock.now()
        if len(works) == 1:
            return [self._alone(works[0], now)]
        try:
            return self._transaction(works, now)
        except (sqlite3.Error, _LostError):
            self._rollback()
            return [self._alone(work, now) for work in works]

    def _alone(self, work: Callable[[Tx], Any], now: datetime) -> _Outcome:
        try:
            return self._transaction([work], now)[0]
        except Exception as error:  # noqa: BLE001 - its caller gets it
            self._rollback()
            return _Outcome(error=error.__cause__ if isinstance(error, _LostError) else error)

    def _transaction(self, works: list[Callable[[Tx], Any]], now: datetime) -> list[_Outcome]:
        before = self._connection.total_changes
        self._connection.execute("BEGIN IMMEDIATE")
        at_end: AtEnd = {}
        run = self._job if len(works) > 1 else _run  # alone a job has the whole transaction to be taken back
        outcomes = [run(work, Tx(self._connection, now, at_end)) for work in works]
        for work in at_end.values():
            self._job(work, Tx(self._connection, now, {}))  # what fails here is left for whoever does it next
        self.commit(self._connection)
        if self._connection.total_changes - before > _MANY_CHANGES:
            self._connection.execute(FORGET)
        return outcomes

    def _job(self, work: Callable[[Tx], Any], tx: Tx) -> _Outcome:
        execute = self._connection.execute
        execute("SAVEPOINT job")
        try:
            outcome = _Outcome(value=work(tx))
        except Exception as error:
            if not self._connection.in_transaction:
                raise _LostError from error
            execute("ROLLBACK TO job")
            outcome = _Outcome(error=error)
        execute("RELEASE job")
        return outcome

    def _rollback(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def _run(work: Callable[[Tx], Any], tx: Tx) -> _Outcome:
    return _Outcome(value=work(tx))


def commit(connection: sqlite3.Connection) -> None:
    """Make a transaction durable: on return it is on disk. After an I/O error the process ends."""
    try:
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname.startswith("SQLITE_IOERR"):
            os._exit(74)  # EX_IOERR: what is on disk is unknown, only a restart tells
        raise


def _release(done: asyncio.Future[Any], outcome: _Outcome) -> None:
    if done.done():
        return
    if outcome.error is None:
        done.set_result(outcome.value)
    else:
        done.set_exception(outcome.error)


def _surface(task: "asyncio.Future[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        raise error
