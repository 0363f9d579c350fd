"""The measurement behind `entente bench cases`: what officials and operators wait for in a store with many cases."""

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import aiohttp

from node.cli.bench_case_store import AREA, PEER, CaseStore, SetClock
from node.cli.bench_exchange import rss_mb
from node.cli.demo_network import nodes_of, seed
from node.cli.demo_nodes import DemoNode
from node.clock import SystemClock, stamp, stopwatch
from node.config import FILE_NAME, load
from node.domain.access import Actor, granted, operator
from node.server import close_node, open_node
from node.service import messages, observe, reading, telling
from node.service.node import Node
from node.service.reading import CaseFilter
from node.service.statistics import Wanted
from node.service.statistics import keep as keep_statistics
from node.service.statistics import statistics as statistics_of
from node.store import cases, retention
from node.store.key_files import load_keys
from node.store.retention import Step
from node.store.tx import Read, Tx
from protocol.content import Said

_LOOKS: Final = 60
_EVENTS: Final = 60
_SCRAPES: Final = 15
_YEARS: Final = 10
_PAGE: Final = 50
_BLOCKED: Final = 5000
"""Cases that are blocked in one transaction."""


@dataclass(frozen=True)
class Took:
    """Milliseconds of the thread that serves: half of the looks took less than `p50`, 19 of 20 less than `p95`."""

    p50_ms: float
    p95_ms: float


_NONE: Final = Took(0, 0)


@dataclass(frozen=True)
class Figures:
    """What a run measured.

    `work_list` is what the page of the busiest authority reads, `later_page` the finished cases a thousand further
    on, `rare` those with a filter that hardly any fit, `search` one number among all, `words` all cases with a country.
    `event` is a message in an open case with its commit, `event_at_tenth` the same when there was a tenth of the cases.
    `due` is a day's look at what is near, passed or stands too long, `retention` one at what is to be blocked or
    deleted, `urgent` the first page of what is outstanding. `metrics` is a scrape of the running node, `start_s` its
    start until healthy.
    """

    cases: int
    events: int
    fill_s: float
    busiest_authority_cases: int = 0
    work_list: Took = _NONE
    later_page: Took = _NONE
    rare: Took = _NONE
    case_page: Took = _NONE
    search: Took = _NONE
    words: Took = _NONE
    event_at_tenth: Took = _NONE
    event: Took = _NONE
    due: Took = _NONE
    retention: Took = _NONE
    urgent: Took = _NONE
    status: Took = _NONE
    statistics_year: Took = _NONE
    metrics: Took = _NONE
    start_s: float = 0
    rss_mb: float = 0
    disk_mb: float = 0


def measure_and_print(count: int, *, as_json: bool) -> None:
    """Measure, and print the figures."""
    figures = asdict(asyncio.run(_run(count)))
    if as_json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:>24}  {value}")


async def _run(count: int) -> Figures:
    with tempfile.TemporaryDirectory(prefix="entente-bench-") as place:
        async with (
            nodes_of(Path(place), ("DE", PEER), lambda _words: None) as nodes,
            aiohttp.ClientSession() as session,
        ):
            await seed(nodes, session)
            await asyncio.gather(*(node.stop() for node in nodes.values()))
            figures = await _opened(nodes, count)
            return await _served(nodes["DE"], session, figures)


async def _opened(nodes: dict[str, DemoNode], count: int) -> Figures:
    """Fill the German store and measure the services on it."""
    clock = SetClock(SystemClock().now())
    node = open_node(load(nodes["DE"].folder / FILE_NAME), clock=clock)
    try:
        end = clock.now()
        peer_keys = load_keys(load(nodes[PEER].folder / FILE_NAME).keys)
        store = CaseStore(node, peer_keys, clock, count)
        began = stopwatch()
        await store.fill(count // 10)
        bench = _Bench(node, store)
        tenth = await bench.event()
        await store.fill(count)
        filled, clock.time = stopwatch() - began, end
        await bench.look_after()
        known = Figures(store.made, store.events, round(filled, 1))
        return await bench.measure(known, tenth)
    finally:
        await close_node(node)


async def _served(node: DemoNode, session: aiohttp.ClientSession, figures: Figures) -> Figures:
    """Start the node's process on the store, and measure what its operator sees."""
    await node.start()

    async def scrape() -> None:
        async with session.get(f"http://127.0.0.1:{node.health}/metrics") as answer:
            await answer.read()

    metrics = await _took(scrape, _SCRAPES, clock=stopwatch)
    disk = sum(file.stat().st_size for file in (node.folder / "data").rglob("*") if file.is_file())
    return replace(
        figures, metrics=metrics, start_s=round(node.start_s, 2), rss_mb=rss_mb(node), disk_mb=round(disk / 1e6, 1)
    )


async def _took(
    work: Callable[[], Awaitable[object]], times: int, clock: Callable[[], float] = time.process_time
) -> Took:
    """Measure some work again and again; by default in seconds of this process, so that other work doesn't count."""
    await work()
    found = []
    for _ in range(times):
        began = clock()
        await work()
        found.append((clock() - began) * 1000)
    return Took(round(statistics.median(found), 2), round(statistics.quantiles(found, n=20)[18], 2))


class _Bench:
    """What is measured in one open node, as an official of its busiest authority."""

    def __init__(self, node: Node, store: CaseStore) -> None:
        self._node = node
        self._store = store
        self._anna = Actor("bench", "Anna Berger", "de", granted(["handler"], [store.busiest]))

    async def _listed(self, limit: int, after: str = "", **wanted: Any) -> reading.CaseList:
        return await reading.list_cases(self._node, self._anna, CaseFilter(**wanted), "de", limit=limit, after=after)

    async def event(self) -> Took:
        """Measure a message in open cases, one after the other."""
        found = [one.id for one in self._store.whole(self._store.busiest, still_open=True)][:_EVENTS]
        turn = iter(found * (_EVENTS // max(1, len(found)) + 2))
        said = Said(text="Wir bitten um Geduld.", lang="de")
        return await _took(lambda: messages.send(self._node, self._anna, next(turn), said), _EVENTS, clock=stopwatch)

    async def look_after(self) -> None:
        """Do what the daily rounds would have done by now: block, and keep what statistics count."""
        half_a_year_ago = stamp(self._node.clock.now() - timedelta(days=183))

        def work(tx: Tx) -> int:
            due = retention.due(tx, "block", AREA, half_a_year_ago, _BLOCKED)
            return len(retention.block(tx, [row["id"] for row in due]))

        while await self._node.store.write(work):
            pass
        await keep_statistics(self._node)

    async def _work_list(self) -> None:
        """Read what the page of the work list reads."""
        reading.count_todo(self._node, self._anna)
        sections: tuple[dict[str, Any], ...] = ({"todo": True}, {"todo": False}, {"open": False}, {"passed_on": True})
        for section in sections:
            await self._listed(_PAGE, **section)

    def _due_for_retention(self, q: Read) -> None:
        before = stamp(self._node.clock.now() - timedelta(days=182))
        for area in retention.areas(q):
            steps: tuple[Step, ...] = ("block", "erase")
            for step in steps:
                retention.due(q, step, area, before, _PAGE)

    async def measure(self, known: Figures, tenth: Took) -> Figures:
        node, anna, today = self._node, self._anna, self._node.clock.now().date()
        own = sorted(anna.authorities)
        closed = self._store.whole(own[0], still_open=False)[:_LOOKS]
        numbers, ids = cycle([one.number for one in closed]), cycle([one.id for one in closed])
        after = ""
        for _ in range(5):
            after = (await self._listed(200, after, open=False)).next or after

        async def read(work: Callable[[Read], object]) -> object:
            return await node.store.read(work)

        async def status() -> None:
            observe.status(node, operator())

        event = await self.event()
        return replace(
            known,
            busiest_authority_cases=node.store.read_now(lambda q: cases.count_of(q, own[0])),
            work_list=await _took(self._work_list, _LOOKS),
            later_page=await _took(lambda: self._listed(_PAGE, after, open=False), _LOOKS),
            rare=await _took(lambda: self._listed(_PAGE, state="withdrawn"), _LOOKS),
            case_page=await _took(lambda: reading.read_case(node, anna, next(ids), "de"), _LOOKS),
            search=await _took(lambda: self._listed(_PAGE, number=next(numbers)), _LOOKS),
            words=await _took(lambda: self._listed(_PAGE, text="ungarn"), _LOOKS),
            event_at_tenth=tenth,
            event=event,
            due=await _took(
                lambda: read(lambda q: list(telling.due_reminders(q, today - timedelta(days=1), today))), _LOOKS
            ),
            retention=await _took(lambda: read(self._due_for_retention), _LOOKS),
            urgent=await _took(lambda: read(lambda q: cases.urgent(q, AREA, own, ("", ""), 51)), _LOOKS),
            status=await _took(status, _LOOKS),
            statistics_year=await _took(lambda: statistics_of(node, operator(), Wanted(), "de"), _YEARS),
        )
