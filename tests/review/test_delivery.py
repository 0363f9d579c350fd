"""What nodes do to each other without meaning to: no storms of calls, no stream that stands still for one case."""

import asyncio
from pathlib import Path

import pytest
from typing_extensions import override

from node.delivery.fetcher import Fetcher
from node.delivery.incoming import MEMBERS
from node.service import requests
from node.service.node import Node
from node.store import blobs
from protocol.encoding import sha256_b64u
from tests.exchange.pair import MemoryLine, world
from tests.exchange.test_story import ANNA, request


async def test_two_nodes_that_miss_something_of_each_other_stay_calm(tmp_path: Path) -> None:
    """The call of one wakes the other, whose call wakes the first: still neither asks faster than its back-off."""
    async with world(tmp_path, "DE", "HU") as both:
        await both.settled()
        for me, peer in (("DE", "HU"), ("HU", "DE")):
            digest = sha256_b64u(me.encode())
            await both[me].store.write(lambda tx, d=digest, p=peer: blobs.want(tx, d, "none", p, 10))  # type: ignore[misc]
        both.exchanges["DE"].announce()
        await asyncio.sleep(0.2)
        before = len(both.net.calls)
        await asyncio.sleep(1)
        assert len(both.net.calls) - before <= 2 * 1 / both["DE"].config.peers.retry_first_s


async def test_a_refusal_in_an_erased_case_does_not_stop_the_stream(tmp_path: Path) -> None:
    """Of a case whose key is gone nothing can be taken back, and what waits behind it goes out."""
    async with world(tmp_path, "DE", "HU") as both:
        await both.settled()
        both.net.down.add("HU")
        case = await requests.send(both["DE"], ANNA, request())
        await both["HU"].store.write(lambda tx: tx.run("UPDATE authority SET ended = 1 WHERE id = 'HU-okfo'"))
        await both["DE"].case_keys.erase([case.id])
        both.net.down.clear()
        await both.settled()


async def test_a_receipt_without_versions_is_no_reason_to_fetch_the_members(tmp_path: Path) -> None:
    """A receipt may leave the member list out; that says nothing of it."""

    class Silent(Node):
        @override
        def versions(self) -> dict[str, tuple[int, str]]:
            return {}

    async with world(tmp_path, "DE", "HU") as both:
        await both.settled()
        both["HU"].__class__ = Silent
        await asyncio.sleep(0.2)
        before = both.net.calls.count(("DE", "HU", MEMBERS))
        await requests.send(both["DE"], ANNA, request())
        await both.settled()
        await asyncio.sleep(0.2)
        assert both.net.calls.count(("DE", "HU", MEMBERS)) == before


@pytest.mark.parametrize("steps", range(6))
async def test_a_fetcher_that_is_stopped_while_it_is_woken_stops(tmp_path: Path, steps: int) -> None:
    """A node that is told to stop does so, whatever arrives in the same moment."""
    async with world(tmp_path, "DE", "HU") as both:
        await both.settled()
        fetcher = Fetcher(both["DE"], "HU", MemoryLine(both.net, "DE", "HU"))
        task = asyncio.create_task(fetcher.run())
        await asyncio.sleep(0.2)
        fetcher.announce()
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        for _ in range(100):
            await asyncio.sleep(0.005)
        stopped = task.done()
        task.cancel()
        assert stopped
