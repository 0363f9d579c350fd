"""Rating a reply: voluntary, by who asked, once, after closing; both sides count the same."""

import asyncio
from pathlib import Path

import pytest

from node.cli.simulation.loop import run
from node.domain.indicators import Share
from node.errors import NodeError
from node.service import cases, rating, reading, statistics
from node.service.statistics import Wanted
from protocol.message import RATING
from tests.exchange.pair import World
from tests.exchange.test_crossing import asked
from tests.exchange.test_refusal import stored_case
from tests.exchange.test_story import ANNA, KATALIN, ask, reply


async def _closed(both: World, case_id: str) -> None:
    await cases.accept(both["HU"], KATALIN, case_id)
    await cases.reply(both["HU"], KATALIN, case_id, reply())
    await both.settled()
    await cases.close(both["DE"], ANNA, case_id)


async def _once(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        with pytest.raises(NodeError, match="not-owner"):
            await rating.rate(both["DE"], ANNA, case_id, 1, 1)
        await _closed(both, case_id)
        outcomes = await asyncio.gather(
            rating.rate(both["DE"], ANNA, case_id, -1, 1),
            rating.rate(both["DE"], ANNA, case_id, 1, 1),
            return_exceptions=True,
        )
        assert [one.code for one in outcomes if isinstance(one, NodeError)] == ["stale"]
        await both.settled()
        for country, actor in (("DE", ANNA), ("HU", KATALIN)):
            with pytest.raises(NodeError, match="wrong-state"):
                await rating.rate(both[country], actor, case_id, 1, 1)
            read = await reading.read_case(both[country], actor, case_id, "en")
            assert read.rating is not None
            assert (read.rating.timeliness, read.rating.efforts, read.state) == (-1, 1, "closed")
            assert [entry.transit for entry in read.timeline if entry.kind == RATING] == ["applied"]


def test_a_reply_is_rated_once(tmp_path: Path) -> None:
    """Not before the end, not by who replied, not twice, also by two officials at once (SPEC S-264)."""
    run(_once(tmp_path))


async def _crossing(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        await cases.accept(both["HU"], KATALIN, case_id)
        await cases.reply(both["HU"], KATALIN, case_id, reply())
        await both.settled()
        both.net.down.add("HU")
        await cases.close(both["DE"], ANNA, case_id)
        await rating.rate(both["DE"], ANNA, case_id, 0, -1)
        assert stored_case(both["HU"], case_id).state == "replied"
        both.net.down.clear()
        await both.settled()
        held = stored_case(both["HU"], case_id)
        assert (held.state, held.timeliness, held.efforts) == ("closed", 0, -1)


def test_a_rating_comes_after_the_closing_that_it_follows(tmp_path: Path) -> None:
    """Both are on their way at once; neither is refused, and the other side holds both."""
    run(_crossing(tmp_path))


async def _counted(folder: Path) -> None:
    async with asked(folder) as (both, first):
        for number, case_id in enumerate([first, *[await ask(both) for _ in range(9)]]):
            await _closed(both, case_id)
            if number < 8:  # two of them are rated by nobody
                await rating.rate(both["DE"], ANNA, case_id, -1 if number == 0 else 1, 0)
        await both.settled()
        for country, actor, role in (("DE", ANNA, "asking"), ("HU", KATALIN, "replying")):
            found = await statistics.statistics(both[country], actor, Wanted(role), "en")
            assert found.total.negative_timeliness == Share(of=8, percent=12, colour="yellow")
            assert found.total.negative_efforts == Share(of=8, percent=0, colour="green")
            assert statistics.table(found).splitlines()[-1].endswith(",12,8,0,8")


def test_both_sides_count_the_same_negative_ratings(tmp_path: Path) -> None:
    """Of those rated alone, in the colours of the Scoreboard: one of eight is average, none is good."""
    run(_counted(tmp_path))
