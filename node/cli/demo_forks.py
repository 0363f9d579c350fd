"""Many nodes on one machine: set up in this program, forked after one import, watched until the end.

A fork may happen only while there is no loop, no thread and no database handle. So everything before the nodes
run is done here without a loop, and what needs one (keys, member list, authorities, users) in processes of its own.
"""

import asyncio
import contextlib
import ctypes
import gc
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from io import StringIO
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any, Final

import aiohttp
from pydantic import BaseModel

from directory_sync.demo import europe
from node.cli.demo_nodes import MANY_CALLS, DemoNode, operator_of
from node.cli.free_ports import free_ports
from node.clock import stopwatch
from node.errors import NodeError
from translations.languages import country_name

_FORK: Final = multiprocessing.get_context("fork")
_HELPERS: Final = 2
"""Processes that fill the nodes' databases side by side."""
_NEARBY: Final = 4
"""More nodes than these don't look for each other by mDNS: each would answer all others, and the list names them."""
_START_S: Final = 60.0
_STOP_S: Final = 15.0
_LOOK_S: Final = 0.1

_PR_SET_PDEATHSIG: Final = 1
_M_TRIM_THRESHOLD: Final = -1
_M_ARENA_MAX: Final = -8
_ALL_COLLECTED: Final = ("stop", 2)

Say = Callable[[str], None]


class ForkedNode(DemoNode):
    """A node of the demo that shares the imported program with the others: `entente serve` in a forked process."""

    forked: ForkProcess | None = None

    def make(self, *, alone: bool) -> None:
        """Make configuration and keys: `entente init`, called in this process. `alone`: without mDNS."""
        from node.cli.init import init

        name, language, zone = operator_of(self.country)
        with redirect_stdout(StringIO()):
            init(
                self.folder, country=self.country, name=name, language=language, time_zone=zone, demo=True,
                peers_listen=f"127.0.0.1:{self.peers}", peers_url=f"https://127.0.0.1:{self.peers}",
                web_listen=f"127.0.0.1:{self.web}", web_url=self.url, health_listen=f"127.0.0.1:{self.health}",
            )  # fmt: skip
        self.configure(MANY_CALLS | ({"find_nearby = true": "find_nearby = false"} if alone else {}))

    def fork(self) -> None:
        """Start the node; call it only before there is a loop or a thread."""
        self.forked = _FORK.Process(target=_serve, args=(self.folder,), name=f"entente {self.country}")
        self.forked.start()

    def ended(self) -> str:
        """Return how the process ended, or nothing while it runs."""
        code = self.forked.exitcode if self.forked else None
        if code is None:
            return ""
        return f"signal {-code}" if code < 0 else f"code {code}"


def _serve(folder: Path) -> None:
    """Be a node until SIGTERM: what `entente serve` does, its log in `serve.log`."""
    from node.cli.serve import serve

    _apart()
    log = os.open(folder / "serve.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
    serve(folder)


def _apart() -> None:
    """Leave the terminal's process group: Ctrl-C is for the demo, which then stops its nodes in order.

    Where the demo itself is killed, its nodes get SIGTERM (Linux, prctl(2)).
    """
    os.setsid()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_DFL)
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def load_program() -> None:
    """Import all that a node needs, also what it would load later, and keep it out of every collection."""
    import babel.dates
    import jinja2
    import zeroconf.asyncio

    from node.api import app as api
    from node.dashboard import app as dashboard
    from node.server import serve, shipped_areas

    loaded: tuple[Any, ...] = (babel.dates, jinja2, zeroconf.asyncio, api, dashboard, serve)
    assert all(loaded)
    assert shipped_areas()
    assert country_name("EU", "en")
    _build_validators()
    _spare_memory()
    gc.collect()
    gc.freeze()


def _build_validators() -> None:
    """Build what models put off until their first use: each node would build it for itself."""
    left: list[type[BaseModel]] = [BaseModel]
    while left:
        for model in left.pop().__subclasses__():
            model.model_rebuild()
            left.append(model)


def _spare_memory() -> None:
    """Let the C library give back what it frees, and keep one heap for all threads: that saves a quarter.

    What is free between pages in use goes back after each full collection. Only glibc knows this (mallopt(3),
    malloc_trim(3)); elsewhere nothing happens.
    """
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_ARENA_MAX, 1)
        libc.mallopt(_M_TRIM_THRESHOLD, 64 * 1024)
        trim = libc.malloc_trim
        gc.callbacks.append(lambda phase, info: trim(0) if (phase, info["generation"]) == _ALL_COLLECTED else None)


def make_forked(folder: Path, countries: Sequence[str]) -> dict[str, ForkedNode]:
    """Choose folders and free ports for many nodes, and make configuration and keys."""
    ports = free_ports(3 * len(countries))
    nodes = {}
    for place, country in enumerate(countries):
        peers, web, health = ports[3 * place : 3 * place + 3]
        nodes[country] = ForkedNode(country, folder / country.lower(), peers, web, health)
        nodes[country].make(alone=len(countries) > _NEARBY)
    return nodes


def set_up(nodes: dict[str, ForkedNode], say: Say) -> None:
    """Let the nodes found a network, and give each its authorities and users, by what an operator's commands call."""
    from node.cli import demo_set_up

    say(f"Founding a network of {len(nodes)}: every country signs the member list …")
    bundle = next(iter(nodes.values())).folder.parent / "members.json"
    folders = [node.folder for node in nodes.values()]
    _aside([lambda tell: demo_set_up.found(folders, bundle, tell)], len(folders), say, "have signed")
    say("Publishing authorities, adding users …")
    # the largest first, each to the helper that has least: both end at about the same time
    parts: list[list[Path]] = [[] for _ in range(_HELPERS)]
    sizes = [0] * _HELPERS
    for country in sorted(nodes, key=lambda country: -europe.places(country)):
        least = sizes.index(min(sizes))
        parts[least].append(nodes[country].folder)
        sizes[least] += europe.places(country) + 100
    works = [lambda tell, part=part: demo_set_up.fill(part, bundle, tell) for part in parts if part]
    _aside(works, len(nodes), say, "are ready")


def _aside(works: Sequence[Callable[[Callable[[str], None]], None]], total: int, say: Say, what: str) -> None:
    """Do things in processes of their own and say how far they are; raises `internal` where one fails."""
    helpers, ends, done = [], [], 0
    for work in works:
        here, there = _FORK.Pipe(duplex=False)
        helper = _FORK.Process(target=_work, args=(work, there))
        helper.start()
        there.close()
        helpers.append(helper)
        ends.append(here)
    try:
        while ends:
            for end in [end for end in ends if end in wait(ends)]:
                try:
                    word = str(end.recv())
                except EOFError:
                    ends.remove(end)
                    continue
                if word.startswith("!"):
                    raise NodeError("internal", word[1:])
                done += 1
                if done % 5 == 0 or done == total:
                    say(f"    {done} of {total} {what}")
    finally:
        for helper in helpers:
            if ends:
                helper.terminate()
            helper.join()
    if any(helper.exitcode for helper in helpers):
        raise NodeError("internal", f"Setting up ended with {[helper.exitcode for helper in helpers]}.")


def _work(work: Callable[[Callable[[str], None]], None], end: Any) -> None:
    _apart()
    try:
        work(end.send)
    except NodeError as error:
        end.send(f"!{error.code}: {error.message}")
    finally:
        end.close()


def fork_all(nodes: dict[str, ForkedNode]) -> None:
    """Start all nodes at once."""
    for node in nodes.values():
        node.fork()


async def healthy(nodes: dict[str, ForkedNode]) -> None:
    """Wait until every node says that it is healthy; raises `internal` where one ends or takes too long."""
    deadline = stopwatch() + _START_S

    async def one(node: ForkedNode, session: aiohttp.ClientSession) -> None:
        while not await node.is_healthy(session):
            if node.ended() or stopwatch() > deadline:
                raise NodeError("internal", f"The node of {node.country} didn't start:\n{node.last_words()}")
            await asyncio.sleep(_LOOK_S)

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(one(node, session) for node in nodes.values()))


@contextlib.contextmanager
def watched(nodes: dict[str, ForkedNode], tell: Callable[[ForkedNode], None]) -> Iterator[None]:
    """Tell at once of each node that ends while the block runs."""
    loop = asyncio.get_running_loop()
    sentinels = {node.forked.sentinel: node for node in nodes.values() if node.forked}

    def gone(sentinel: int) -> None:
        loop.remove_reader(sentinel)
        process = sentinels[sentinel].forked
        assert process is not None
        process.join()
        tell(sentinels[sentinel])

    for sentinel in sentinels:
        loop.add_reader(sentinel, gone, sentinel)
    try:
        yield
    finally:
        for sentinel in sentinels:
            loop.remove_reader(sentinel)


def stop_all(nodes: dict[str, ForkedNode]) -> None:
    """Stop all nodes and wait for their ends, whatever signal comes meanwhile; who doesn't end in time is killed."""
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_IGN)
    processes = [node.forked for node in nodes.values() if node.forked]
    for process in processes:
        process.terminate()
    deadline = stopwatch() + _STOP_S
    for process in processes:
        process.join(max(0.1, deadline - stopwatch()))
        if process.exitcode is None:
            process.kill()
            process.join()
