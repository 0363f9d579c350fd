"""One life of a node: from its start on a folder until it stops or dies."""

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Coroutine
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, Generic, NoReturn, Protocol, TypeVar

from node.cli.simulation.clock import DriftingClock
from node.cli.simulation.entropy import SeededEntropy
from node.cli.simulation.patience import Patience
from node.cli.simulation.template import config_for, copy_of, open_files
from node.delivery.call import Answer, Call, Line, LineError
from node.delivery.exchange import Exchange
from node.delivery.upkeep import Upkeep
from node.store import fates
from node.store.engine import synchronous
from node.store.tx import Read
from node.store.writer import commit

T = TypeVar("T")
LIFE: Final[ContextVar["Life | None"]] = ContextVar("LIFE", default=None)
"""In whose life the running task works, to know whose log it writes."""
_FULL: Final = 2
"""SQLite's level of `synchronous` at which a commit waits for the disk."""
_LOOK_S: Final = 45.0
"""Seconds of virtual time between looks at keys and list; a running node looks each second, which costs too much."""


class PowerCutError(BaseException):
    """The process is gone: nothing inside it may catch this."""


@dataclass(frozen=True)
class Ended(Generic[T]):
    """How work of a node ended; `unknown` where the node died before anybody was told."""

    value: T | None = None
    error: Exception | None = None
    unknown: bool = False


class Surroundings(Protocol):
    """What a life meets: whether it dies now, and who must hear that it did or has written."""

    def dies(self, life: "Life") -> bool:
        """Say whether the node dies at the boundary that it has reached."""

    def died(self, life: "Life", boundary: str, torn: bool) -> None:
        """Take note of a death; the files as they were then lie in `life.heir`."""

    def written(self, life: "Life", q: Read) -> None:
        """Take note that a commit of the main database is durable; `q` reads through the connection that wrote it."""

    def tears(self, grown: int) -> int | None:
        """Return how many bytes of the last commit's `grown` ones reach the disk; None: all of them."""

    async def carry(self, life: "Life", peer: str, call: Call) -> Answer:
        """Carry a call to a peer."""

    def tries(self, life: "Life", peer: str, early_s: float) -> None:
        """Take note that the node tries to deliver again; later than it may where `early_s` isn't above 0."""


@dataclass(frozen=True)
class _SimulatedLine:
    life: "Life"
    peer: str
    command: bool = False

    async def send(self, call: Call) -> Answer:
        self.life.boundary("call")
        if self.command:
            return await self._carried(call)
        now, patience = asyncio.get_running_loop().time, self.life.patience
        if (early := patience.early_by(self.peer, call, now())) is not None:
            self.life.around.tries(self.life, self.peer, early)
        try:
            answer = await self._carried(call)
        except LineError:
            patience.ended(self.peer, call, now(), None)
            raise
        patience.ended(self.peer, call, now(), answer)
        return answer

    async def _carried(self, call: Call) -> Answer:
        answer = await self.life.around.carry(self.life, self.peer, call)
        self.life.boundary("answered")
        return answer

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class Life:
    """A running node with everything that runs in it. When it dies, nothing of it has any effect any more."""

    around: Surroundings
    country: str
    folder: Path
    keys: Path
    clock: DriftingClock
    entropy: SeededEntropy
    dead: bool = False
    full: bool = False
    tasks: dict["asyncio.Task[Any]", None] = field(default_factory=dict)
    patience: Patience = field(default_factory=Patience)
    lazy: dict[Path, int] = field(default_factory=dict)
    """Logs of which the end was committed without waiting for the disk: how long what is certainly there is."""
    new_keys: bool = True
    """Whether the key database may hold others than when somebody looked last."""

    def __post_init__(self) -> None:
        """Open the node's files."""
        config = config_for(self.folder, self.country, self.keys)
        self.node = open_files(config, self.clock, self.entropy)
        self.exchange = Exchange(self.node, self.line_to)
        self.upkeep = Upkeep(self.node, self.exchange)
        self.node.members_changed = self.exchange.match_members
        self.node.store.writer.commit = partial(self._commit, self.node.store.path)
        self.node.key_store.writer.commit = partial(self._commit, self.node.key_store.path)
        self._changes = 0
        self._levels: dict[Path, int] = {}

    @property
    def heir(self) -> Path:
        """The folder of the next life."""
        stem, _, number = self.folder.name.partition(".")
        return self.folder.with_name(f"{stem}.{int(number or 0) + 1}")

    def line_to(self, peer: str) -> Line:
        """Return the way to a country."""
        return _SimulatedLine(self, peer)

    def command_line_to(self, peer: str) -> Line:
        """Return the way that an operator's command takes, in a process of its own."""
        return _SimulatedLine(self, peer, command=True)

    async def start(self) -> None:
        """Do what `entente serve` does at its start, but for opening listeners."""
        await self.exchange.start()
        await self.upkeep.publish()
        upkeep = asyncio.get_running_loop().create_task(self.upkeep.run(_LOOK_S))
        self.tasks[upkeep] = None

    async def stop(self) -> None:
        """Stop as on SIGTERM."""
        for task in list(self.tasks):
            task.cancel()
        await self.exchange.stop()
        await self.node.store.close()
        await self.node.key_store.close()

    # --- working for somebody outside ---

    async def work(self, job: Coroutine[Any, Any, T]) -> Ended[T]:
        """Do something inside the node and return how it ended, as somebody outside sees it."""
        done: asyncio.Future[Ended[T]] = asyncio.get_running_loop().create_future()
        context = copy_context()
        context.run(LIFE.set, self)
        task = asyncio.get_running_loop().create_task(job, context=context)
        self.tasks[task] = None
        task.add_done_callback(partial(self._told, done))
        if self.dead:
            task.cancel()
        return await done

    def _told(self, done: "asyncio.Future[Ended[T]]", task: "asyncio.Task[T]") -> None:
        self.tasks.pop(task, None)
        error = None if task.cancelled() else task.exception()
        if done.done():
            return
        if self.dead or task.cancelled() or isinstance(error, PowerCutError):
            done.set_result(Ended(unknown=True))
        elif isinstance(error, Exception):
            done.set_result(Ended(error=error))
        else:
            done.set_result(Ended(value=task.result()))

    # --- the disk and the power ---

    def boundary(self, name: str) -> None:
        """Pass a point at which the power may fail."""
        if self.dead:
            raise PowerCutError
        if self.around.dies(self):
            self.die(name)

    def _commit(self, path: Path, connection: sqlite3.Connection) -> None:
        self.boundary("before-commit")
        if self.full:
            fates.run_full(connection)
        log = path.with_name(f"{path.name}-wal")
        before = _size(log)
        commit(connection)
        if path not in self._levels:
            self._levels[path] = synchronous(connection)
        if self._levels[path] < _FULL:
            self.lazy.setdefault(log, before)
        if self.around.dies(self):
            self.die("after-commit", (log, before))
        if path == self.node.key_store.path:
            self.new_keys = True
        elif connection.total_changes != self._changes:
            self._changes = connection.total_changes
            self.around.written(self, Read(connection))

    def die(self, boundary: str, last: tuple[Path, int] | None = None) -> NoReturn:
        """Lose power: keep the files as they are now, the last commit's perhaps torn, and end everything."""
        self.end(boundary, last)
        raise PowerCutError

    def end(self, boundary: str, last: tuple[Path, int] | None = None) -> None:
        """Lose power from outside."""
        copy_of(self.folder / "data", self.heir / "data")
        torn = [self._tear(*each) for each in (*self.lazy.items(), *([last] if last else []))]
        self.dead = True
        for task in list(self.tasks):
            task.cancel()
        self.around.died(self, boundary, any(torn))

    def _tear(self, log: Path, before: int) -> bool:
        """Cut what was appended to the write-ahead log since it was on disk for good: by the last commit."""
        here = self.heir / "data" / log.name
        grown = here.stat().st_size - before if here.exists() else 0
        kept = self.around.tears(grown) if before and grown > 0 else None
        if kept is None:
            return False
        os.truncate(here, before + kept)
        return True

    async def bury(self) -> None:
        """Let go of what the dead process held."""
        await self.exchange.stop()
        await self.node.store.close()
        await self.node.key_store.close()
        shutil.rmtree(self.folder)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
