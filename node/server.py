"""The one composition root: what a configuration names is opened, joined and run here.

Tests start the same functions with a test configuration, another clock, and stores that run inline.
"""

import asyncio
import contextlib
import errno
import gc
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

import structlog
from aiohttp import web

import translations
from node.clock import Clock, Entropy, SystemClock, SystemEntropy
from node.config import Config
from node.delivery import http_listener
from node.delivery.call import Line
from node.delivery.exchange import Exchange
from node.delivery.health import health_app
from node.delivery.http_line import HttpLine
from node.delivery.tls import ServerContexts
from node.delivery.upkeep import Upkeep
from node.errors import NodeError
from node.service import area_packs, log_keys, membership, tokens, upgrade
from node.service.node import Node
from node.store import backup_history, data_lock
from node.store.case_keys import CaseKeys
from node.store.key_files import load_keys, operator_token
from node.store.migrations import KEYS, NODE
from node.store.snapshot import damage_told
from node.store.store import Store
from translations.area import Areas, load_areas
from translations.catalogue import Catalogue

log: Final = structlog.get_logger("entente.server")

LIST_S: Final = 1.0
"""Seconds between looks at what commands changed on disk: the member list, queues, blocks; some small queries."""

_SWITCH_S: Final = 0.001
"""How long a thread that seals or opens many events may keep the loop and the writer waiting (Python's own: 5 ms)."""

TEXTS: Final = Path(translations.__file__).parent

_GARBAGE: Final = 10_000
"""Live objects more than at the last look after which garbage in circles is looked for (Python's own: 700).

A batch of a hundred requests makes about as many, nearly all of which go without a collector.
"""

_COLLECT_S: Final = 60.0
"""Seconds after which all garbage is collected: an idle node makes too little, and connections that ended are large.

It takes some milliseconds, since nothing that a start has loaded is looked at.
"""


@cache
def shipped_areas() -> Areas:
    """Return the legal areas of this version. They are read once in a process, also for all that are forked from it."""
    return load_areas(TEXTS / "areas")


def _log_copy(folder: Path) -> None:
    log.info("copied-before-upgrade", folder=str(folder))


def open_node(
    config: Config,
    *,
    clock: Clock | None = None,
    entropy: Entropy | None = None,
    inline: bool = False,
    copied: Callable[[Path], None] = _log_copy,
) -> Node:
    """Open a node's databases, keys, areas and member list; `close_node` closes it again.

    `copied` hears where the databases were copied to before their schema was changed.
    """
    clock, entropy = clock or SystemClock(), entropy or SystemEntropy()
    config.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    if backup_history.unfinished(config.data) is not None:
        raise NodeError("restore-unfinished")
    keys = load_keys(config.keys, config.master_key)
    if (copy := upgrade.keep_copy(config, keys.master, clock)) is not None:
        copied(copy)
    key_store = Store(config.data / "keys.db", KEYS, clock, inline=inline)
    store = Store(config.data / "node.db", NODE, clock, inline=inline)
    node = Node(
        config=config,
        store=store,
        key_store=key_store,
        case_keys=CaseKeys(key_store, keys.masters, entropy),
        keys=keys,
        clock=clock,
        entropy=entropy,
        areas=shipped_areas().copy(),
        texts=Catalogue(TEXTS / "interface" / "po"),
    )
    membership.restore(node)
    area_packs.use(node)
    return node


async def close_node(node: Node) -> None:
    """Finish all writes and close the databases."""
    await node.store.close()
    await node.key_store.close()
    node.hashing.close()


class Server:
    """A running node: three listeners and the delivery."""

    def __init__(self, node: Node) -> None:
        """Take an open node."""
        self.node = node
        self._runners: list[web.AppRunner] = []
        self._tls = ServerContexts(node.keys.tls_certificate, node.keys.tls_key)
        self._exchange = Exchange(node, self._line_to)
        self._tasks: list[asyncio.Task[None]] = []

    def _line_to(self, country: str) -> Line:
        return HttpLine(self.node, country)

    async def start(self) -> None:
        """Publish the node's own record, open the listeners, start the delivery."""
        # these take most of a second to load, and commands that only open a node need none of them
        from node.api.app import add_routes as add_api
        from node.dashboard.app import add_routes as add_dashboard

        config = self.node.config
        await tokens.ensure_operator_token(self.node, operator_token(config.keys))
        self.node.members_changed = self._members_changed
        if log_keys.make_missing(self.node):
            log.info("log-keys-made", folder=str(config.keys))
        self._members_changed(start=True)
        web_app = web.Application()
        add_api(web_app, self.node)
        add_dashboard(web_app, self.node)
        await self._listen_to_peers(config.peers.listen)
        await self._listen(web_app, config.web.listen)
        await self._exchange.start()
        upkeep = Upkeep(self.node, self._exchange)
        await upkeep.publish()
        # last: who asks is sent to the others
        await self._listen(health_app(self.node, self._tls), config.health.listen)
        self._tasks.append(asyncio.create_task(upkeep.run(LIST_S), name="upkeep"))
        if config.mail.host:
            from node.delivery.mailer import Mailer

            self._tasks.append(asyncio.create_task(Mailer(self.node).run(), name="mailer"))
        if config.peers.find_nearby:
            self._tasks.append(asyncio.create_task(self._find_nearby(), name="nearby"))
        log.info("started", country=self.node.country, peers=config.peers.listen, web=config.web.listen)

    async def stop(self) -> None:
        """Stop taking calls, then stop sending; everything that was acknowledged is on disk."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for runner in self._runners:
            await runner.cleanup()
        await self._exchange.stop()
        await close_node(self.node)
        log.info("stopped", country=self.node.country)

    async def _listen(self, app: web.Application, address: str) -> None:
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=2.0)
        await runner.setup()
        self._runners.append(runner)
        with _in_use(address):
            await web.TCPSite(runner, *_host_and_port(address)).start()

    async def _listen_to_peers(self, address: str) -> None:
        with _in_use(address):
            runner = await http_listener.listen(self.node, self._tls.listener, _host_and_port(address))
        self._runners.append(runner)

    def _members_changed(self, *, start: bool = False) -> None:
        members = self.node.members
        pinned: frozenset[bytes] = frozenset()
        if members is not None:
            # whoever isn't active is told so, not left with a broken line: SPEC S-165
            pinned = members.listed_certificates() - members.tls_certificates(self.node.country)
        self._tls.trust(pinned)
        if not start:
            self._exchange.match_members()

    async def _find_nearby(self) -> None:
        """Announce this node and contact members that appear nearby at once; the list alone decides trust."""
        await asyncio.sleep(LIST_S)  # zeroconf takes a while to load, and the first callers come first
        from directory_sync.discovery import announce, browse

        port = int(self.node.config.peers.listen.rpartition(":")[2])
        async with announce(self.node.country, port):
            async for hint in browse():
                if hint.country != self.node.country:
                    self.node.wake(hint.country)
                    self.node.heard(hint.country, {}, {})


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


@contextlib.contextmanager
def _in_use(address: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise NodeError("address-in-use", f"{address} is in use.") from None
        raise


@contextlib.asynccontextmanager
async def running(node: Node) -> AsyncIterator[Server]:
    """Run a node for as long as the block lasts."""
    server = Server(node)
    try:
        await server.start()
        yield server
    finally:
        await server.stop()


async def serve(config: Config) -> None:
    """Run a node until SIGINT or SIGTERM."""
    sys.setswitchinterval(_SWITCH_S)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, ended.set)
    with data_lock.served(config.data), damage_told():
        upgrade.drop_old(config.data, SystemClock().now())
        async with running(open_node(config)):
            gc.freeze()  # what a start has loaded stays until the end: no collection looks at it again
            gc.set_threshold(_GARBAGE)
            gc.enable()
            while not await _within(ended, _COLLECT_S):
                gc.collect()


async def _within(event: asyncio.Event, wait_s: float) -> bool:
    """Say whether something has happened, at the latest after so many seconds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(wait_s):
            await event.wait()
    return event.is_set()
