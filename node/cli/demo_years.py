"""Two nodes of the demo that live through years in one process.

Their clock and the network between them are simulated, as `entente simulate` does; databases, files, keys, services,
protocol and delivery are those of `entente serve`. A running node's clock can't be set for this, and shouldn't be.
"""

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncIterator, Iterator, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog

from directory_sync.authority import Authority
from directory_sync.demo import demo_authorities
from node.cli.simulation.clock import START, DriftingClock
from node.cli.simulation.template import Template, config_for, copy_of, open_files
from node.clock import SystemEntropy
from node.config import Config, MailSection
from node.delivery.call import Answer, Call, LineError
from node.delivery.exchange import Exchange
from node.delivery.incoming import handle
from node.delivery.upkeep import Upkeep
from node.domain.access import Actor, operator
from node.domain.person import NewPerson
from node.errors import NodeError
from node.service import accounts, directory
from node.service.node import Node
from node.store import fates

DAY_S: Final = 24 * 3600.0
_SETTLE_S: Final = 3600.0
"""Seconds of simulated time in which everything that waits arrives."""
_REFRESH_S: Final = 6 * 3600.0
"""A look at each other every few hours is enough: little happens, and each costs what it costs a real node."""
_LINE_S: Final = 0.05
_LOG: Final = "serve.log"
_MAIL: Final = MailSection(host="localhost", port=25, security="none", sender="entente@demo.example")
"""Mails are written and wait: there is no mail server."""


@dataclass
class Years:
    """The two nodes, the clock that both follow, and the folder of each."""

    folder: Path
    made: Template
    clock: DriftingClock = field(default_factory=DriftingClock)
    nodes: dict[str, Node] = field(default_factory=dict)
    _running: dict[str, tuple[Exchange, Upkeep]] = field(default_factory=dict)

    def __getitem__(self, country: str) -> Node:
        return self.nodes[country]

    @property
    def now(self) -> datetime:
        """What both clocks show."""
        return self.clock.now()

    def place(self, country: str) -> Path:
        """Return a node's folder: `data`, `keys`, and the log."""
        return self.folder / country.lower()

    def config(self, country: str) -> Config:
        """Return a node's configuration."""
        config = config_for(self.place(country), country, self.place(country) / "keys")
        peers = config.peers.model_copy(update={"refresh_s": _REFRESH_S})
        return config.model_copy(update={"mail": _MAIL, "peers": peers})

    def open(self, config: Config) -> Node:
        """Open a node on a data directory, as commands do beside a node that is stopped."""
        return open_files(config, self.clock, SystemEntropy())

    @contextlib.asynccontextmanager
    async def beside(self, country: str) -> AsyncIterator[Node]:
        """Open a node that is stopped, as a command does, and close it again."""
        node = self.open(self.config(country))
        try:
            yield node
        finally:
            await node.store.close()
            await node.key_store.close()

    async def start(self, country: str) -> None:
        """Start a node: delivery and upkeep, as `entente serve` does."""
        node = self.nodes[country] = self.open(self.config(country))
        exchange = Exchange(node, partial(_Line, self, country))
        node.members_changed = exchange.match_members
        self._running[country] = exchange, Upkeep(node, exchange)
        await exchange.start()
        await self._running[country][1].publish()

    async def stop(self, country: str) -> None:
        """Stop a node."""
        exchange, _ = self._running.pop(country)
        await exchange.stop()
        node = self.nodes.pop(country)
        await node.store.close()
        await node.key_store.close()

    async def settled(self) -> None:
        """Wait until nothing waits between the nodes; raises `internal` after an hour of simulated time."""
        deadline = asyncio.get_running_loop().time() + _SETTLE_S
        while any(_waits(node) for node in self.nodes.values()):
            if asyncio.get_running_loop().time() > deadline:
                raise NodeError("internal", "The other node didn't get it in time.")
            await asyncio.sleep(1.0)

    async def later(self, days: int) -> None:
        """Let days pass: both clocks leap, and for the last day the nodes run and do their daily work."""
        self.clock.jump(timedelta(days=days - 1).total_seconds())
        await asyncio.sleep(DAY_S)
        for _ in range(2):  # what one tells the other is carried out at the next look
            for _, upkeep in self._running.values():
                await upkeep.look()
            await self.settled()
        for _, upkeep in self._running.values():
            await upkeep.look()

    async def person(self, country: str, name: str, role: str, authority: str, lang: str) -> Actor:
        """Add a user as the operator does, and return whoever is signed in as that one."""
        new = NewPerson(f"{country.lower()}.{role}", name, lang, frozenset({role}), frozenset({authority}))
        found = await accounts.add_person(self[country], operator(), new)
        return Actor(found.id, found.name, found.language, found.grants)


@dataclass(frozen=True)
class _Line:
    years: Years
    me: str
    peer: str

    async def send(self, call: Call) -> Answer:
        await asyncio.sleep(_LINE_S)
        node = self.years.nodes.get(self.peer)
        if node is None:
            raise LineError("can't connect")
        return await handle(node, self.me, call)

    async def close(self) -> None:
        """Nothing is open."""


def _waits(node: Node) -> bool:
    return bool(node.store.read_now(fates.queued) or node.store.read_now(fates.missing_files))


def _authorities(country: str) -> list[Authority]:
    """Return the demo's authorities, as they were when the story begins."""
    return [one.model_copy(update={"valid_from": START.date()}) for one in demo_authorities(country)]


@contextlib.asynccontextmanager
async def years(folder: Path, made: Template) -> AsyncIterator[Years]:
    """Run the template's nodes with the demo's authorities; they begin in March 2020."""
    lived = Years(folder, made)
    with _logged(folder / _LOG):
        for country in made.members:
            place = lived.place(country)
            place.mkdir(mode=0o700, parents=True)
            shutil.copytree(made.folder / country / "keys", place / "keys")
            copy_of(made.folder / country / "data", place / "data")
        try:
            for country in made.members:
                await lived.start(country)
            await asyncio.sleep(60.0)  # each asks first what the other knows of it
            for country in made.members:
                await directory.import_authorities(lived[country], operator(), _authorities(country))
                await directory.reindex(lived[country])
            await lived.later(1)
            yield lived
        finally:
            for country in list(lived.nodes):
                await lived.stop(country)


@contextlib.contextmanager
def _logged(path: Path) -> Iterator[None]:
    """Write the nodes' log to a file, a JSON object a line."""
    before = structlog.get_config()

    def write(_logger: Any, level: str, event: MutableMapping[str, Any]) -> str:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**event, "level": level}, ensure_ascii=False, default=str) + "\n")
        raise structlog.DropEvent

    structlog.configure(processors=[write], cache_logger_on_first_use=False)
    try:
        yield
    finally:
        structlog.configure(**before)
