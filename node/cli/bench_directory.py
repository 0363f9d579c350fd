"""The measurement behind `entente bench directory`: a directory that one node publishes and another takes over."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import aiohttp

from directory_sync.limits import MAX_BODY_BYTES, MAX_RECORDS
from node.cli.bench_authorities import authorities, changed
from node.cli.bench_exchange import rss_mb
from node.cli.bench_search import search_figures
from node.cli.demo_network import found
from node.cli.demo_nodes import Api, DemoNode, make_nodes
from node.cli.free_ports import free_ports
from node.clock import SystemClock, stopwatch
from node.config import FILE_NAME, load
from node.errors import NodeError
from node.server import close_node, open_node
from node.service.directory import CHECKPOINT_EVERY

_CHANGES: Final = 100
_DELTAS: Final = 3
_WAIT_S: Final = 600.0
_LOOK_S: Final = 0.02


@dataclass(frozen=True)
class Figures:
    """What a run measured.

    `cold_sync_s` is from the first byte that the reading node sends, which has one authority of the directory and has
    met the publishing one before, until it finds the last. `delta_ms` is from the signing of the checkpoint until the
    other node finds what it vouches for, `delta_total_ms` from the import's answer; a checkpoint may be signed at once
    (there is one in 10 s at most, SPEC S-215). `delta_bytes` are all bytes on the line between the nodes meanwhile,
    both ways, TLS included. Each is the middle of three runs.
    """

    authorities: int
    import_rows_per_s: float
    cold_sync_s: float
    delta_changes: int
    delta_ms: float
    delta_total_ms: float
    delta_bytes: int
    search_p50_ms: float
    search_p99_ms: float
    recall: float
    disk_mb: float
    rss_mb: float


def measure_and_print(count: int, *, as_json: bool) -> None:
    """Measure, and print the figures."""
    figures = asyncio.run(_run(count))
    if as_json:
        print(json.dumps(asdict(figures)))
        return
    for name, value in asdict(figures).items():
        print(f"{name:>18}  {value}")


async def _run(count: int) -> Figures:
    records = list(authorities("DE", count))
    size = len(json.dumps(records, ensure_ascii=False).encode())
    if count > MAX_RECORDS or size > MAX_BODY_BYTES:
        raise NodeError(
            "too-large", f"One country publishes at most {MAX_RECORDS} authorities in {MAX_BODY_BYTES} bytes."
        )
    with tempfile.TemporaryDirectory(prefix="entente-bench-") as folder:
        nodes = make_nodes(Path(folder), ("DE", "HU"))
        for node in nodes.values():
            await node.init()
        lines = {country: Line(node) for country, node in nodes.items()}
        await found(Path(folder), nodes)
        try:
            async with lines["DE"].open(), lines["HU"].open(), aiohttp.ClientSession() as session:
                return await _Bench(nodes, lines, session, records).measure()
        finally:
            for node in nodes.values():
                await node.stop()


class Line:
    """A way to a node's peer listener that counts what passes, and changes none of it."""

    def __init__(self, node: DemoNode) -> None:
        """Let the node listen on another port, and take the one that its record names."""
        self._port, (self._behind,) = node.peers, free_ports(1)
        file = node.folder / FILE_NAME
        listen = 'listen = "127.0.0.1:{}"'
        text = file.read_text()
        assert listen.format(self._port) in text
        file.write_text(text.replace(listen.format(self._port), listen.format(self._behind)))
        self.passed = 0
        self.began = 0.0
        """When the first byte passed since this was 0."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Let calls pass as long as the block lasts."""
        server = await asyncio.start_server(self._pass, "127.0.0.1", self._port)
        try:
            yield
        finally:
            server.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            theirs, there = await asyncio.open_connection("127.0.0.1", self._behind)
        except OSError:  # the node is not up
            writer.close()
            return
        await asyncio.gather(self._copy(reader, there), self._copy(theirs, writer))

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 16):
                self.began = self.began or stopwatch()
                self.passed += len(data)
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


@dataclass
class _Bench:
    nodes: dict[str, DemoNode]
    lines: dict[str, Line]
    session: aiohttp.ClientSession
    records: list[dict[str, Any]]

    async def measure(self) -> Figures:
        publisher, reader = self.nodes["DE"], self.nodes["HU"]
        await publisher.start()
        await reader.start()
        await self._publish(self.records[:1])
        await self._until_found(self.records[0])
        await reader.stop()
        took = await self._publish(self.records)
        await self._until_signed("DE", len(self.records))
        self.lines["DE"].began = 0.0
        await reader.start()
        await self._until_signed("HU", len(self.records))  # to search all the while would slow down what is measured
        await self._until_found(self.records[-1])
        cold = stopwatch() - self.lines["DE"].began
        deltas = [await self._delta(2 + run) for run in range(_DELTAS)]
        delta_ms, delta_total_ms, delta_bytes = (sorted(figures)[_DELTAS // 2] for figures in zip(*deltas, strict=True))
        rss = rss_mb(reader)
        await reader.stop()
        node = open_node(load(reader.folder / FILE_NAME), inline=True)
        try:
            searched = await search_figures(node, [record["name"] for record in self.records])
        finally:
            await close_node(node)
        disk = sum(file.stat().st_size for file in (reader.folder / "data").rglob("*") if file.is_file())
        return Figures(
            authorities=len(self.records),
            import_rows_per_s=round(len(self.records) / took, 1),
            cold_sync_s=round(cold, 2),
            delta_changes=_CHANGES,
            delta_ms=delta_ms,
            delta_total_ms=delta_total_ms,
            delta_bytes=int(delta_bytes),
            search_p50_ms=searched.p50_ms,
            search_p99_ms=searched.p99_ms,
            recall=searched.recall,
            disk_mb=round(disk / 1e6, 1),
            rss_mb=rss,
        )

    def _api(self, country: str) -> Api:
        return Api(self.nodes[country], self.nodes[country].operator_token(), self.session)

    async def _publish(self, records: list[dict[str, Any]]) -> float:
        """Import records at the publishing node; returns the seconds that it took."""
        started = stopwatch()
        await self._api("DE").call("POST", "directory/import", records)
        return stopwatch() - started

    def _news(self, run: int) -> list[dict[str, Any]]:
        step = max(1, len(self.records) // _CHANGES)
        return [changed(record, run) for record in self.records[::step][:_CHANGES]]

    async def _delta(self, run: int) -> tuple[float, float, float]:
        """Change some authorities and wait until the other node finds the last of them; returns ms, ms and bytes."""
        news = self._news(run)
        _, signed_at = await self._signed("DE")
        await asyncio.sleep((signed_at + CHECKPOINT_EVERY - SystemClock().now()).total_seconds())
        before = sum(line.passed for line in self.lines.values())
        await self._publish(news)
        started = stopwatch()
        await self._until_found(news[-1])
        found_at, total = SystemClock().now(), stopwatch() - started
        passed = sum(line.passed for line in self.lines.values()) - before
        _, signed_at = await self._signed("DE")
        return round((found_at - signed_at).total_seconds() * 1000, 1), round(total * 1000, 1), passed

    async def _signed(self, node: str) -> tuple[int, datetime]:
        """Return size and time of the newest checkpoint that a node has; all run on this machine's clock."""
        status = await self._api(node).call("GET", "status")
        (own,) = [one for one in status["directories"] if one["country"] == "DE"]
        return int(own["version"]), datetime.fromisoformat(own["confirmed_at"])

    async def _until_signed(self, node: str, size: int) -> None:
        """Wait until a node has the whole directory under a checkpoint."""
        while (await self._signed(node))[0] < size:
            await asyncio.sleep(_LOOK_S)

    async def _until_found(self, record: dict[str, Any]) -> None:
        """Wait until the reading node finds an authority by its name."""
        api, deadline = self._api("HU"), stopwatch() + _WAIT_S
        while True:
            page = await api.call("GET", "authorities", q=record["name"], country="DE", limit="100")
            if any(one["authority"] == record["id"] and one["name"] == record["name"] for one in page["items"]):
                return
            if stopwatch() > deadline:
                raise NodeError("internal", "The directory didn't arrive at the other node.")
            await asyncio.sleep(_LOOK_S)
