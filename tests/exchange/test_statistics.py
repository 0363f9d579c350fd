"""Statistics: what both sides measure of the same requests, and who sees whose."""

import asyncio
import datetime as dt
from pathlib import Path

import pytest

from node.cli.simulation.loop import run
from node.domain.access import operator
from node.domain.indicators import Days, Share
from node.errors import NodeError
from node.service import cases, statistics
from node.service.statistics import Statistics, Wanted
from tests.exchange.pair import World, world
from tests.exchange.test_story import ANNA, KATALIN, MIRIAM, ask, reply

DAY_S = 86_400.0
SHARES = ("accepted_in_7_days", "answered_by_date", "answered_in_14_days")


async def _four_requests(both: World) -> None:
    """One is answered after 4 days, one accepted after 9 and answered after 30, one declined, a later one forgotten."""
    quick, slow, declined = [await ask(both) for _ in range(3)]
    await cases.decline(both["HU"], KATALIN, declined, "other")
    await both.settled()
    await asyncio.sleep(4 * DAY_S)
    await cases.accept(both["HU"], KATALIN, quick)
    await cases.reply(both["HU"], KATALIN, quick, reply())
    await both.settled()
    await asyncio.sleep(5 * DAY_S)
    await cases.accept(both["HU"], KATALIN, slow)
    await ask(both)
    await both.settled()
    await asyncio.sleep(21 * DAY_S)
    await cases.reply(both["HU"], KATALIN, slow, reply())
    await both.settled()


async def _measured(folder: Path) -> dict[str, Statistics]:
    async with world(folder, "DE", "HU", inline=True, retry_first_s=1, retry_longest_s=300, refresh_s=86400) as both:
        await _four_requests(both)
        asked, answered = Wanted("asking", "country"), Wanted("replying", "authority")
        november = Wanted("replying", "month", "2026-11", "2026-11")
        with pytest.raises(NodeError, match="invalid") as wrong:
            await statistics.statistics(both["DE"], ANNA, Wanted(first="2026-13"), "de")
        assert wrong.value.fields == {"first": "month"}
        with pytest.raises(NodeError, match="invalid") as long:
            await statistics.statistics(both["DE"], ANNA, Wanted(first="2021-11", last="2026-11"), "de")
        assert long.value.fields == {"first": "span"}
        return {
            "berlin": await statistics.statistics(both["DE"], ANNA, asked, "de"),
            "budapest": await statistics.statistics(both["HU"], KATALIN, answered, "hu"),
            "november": await statistics.statistics(both["HU"], KATALIN, november, "hu"),
            "operator": await statistics.statistics(both["DE"], operator(), asked, "en"),
            "elsewhere": await statistics.statistics(both["DE"], MIRIAM, asked, "de"),
        }


def test_both_sides_measure_the_same(tmp_path: Path) -> None:
    """Shares, days and colours of four requests, in total and by line; another authority sees none of them."""
    found = run(_measured(tmp_path))
    berlin, budapest = found["berlin"], found["budapest"]
    assert [(line.key, line.label.text) for line in berlin.lines] == [("HU", "Ungarn")]
    assert berlin.total == berlin.lines[0].indicators == budapest.total == found["operator"].total
    assert (berlin.total.requests, berlin.total.open) == (4, 3)
    assert [getattr(berlin.total, name) for name in SHARES] == [
        Share(of=3, percent=33, colour="red"),
        Share(of=2, percent=50, colour="red"),
        Share(of=3, percent=33, colour=None),
    ]
    assert berlin.total.days_to_answer == Days(of=2, mean=17.0, median=17.0, colour="yellow")
    assert (found["november"].total.requests, found["november"].first, found["november"].last) == (3, *["2026-11"] * 2)
    assert (found["elsewhere"].total.requests, found["elsewhere"].lines) == (0, ())
    rows = statistics.table(budapest).splitlines()
    assert rows[0].startswith("authority,name,requests,open,accepted_in_7_days_percent,accepted_in_7_days_of,days_mean")
    assert rows[-1] == ",,4,3,33,3,17.0,17.0,2,50,2,33,3,,0,,0"
    assert dt.date.fromisoformat(f"{berlin.first}-01") == dt.date(2026, 1, 1)
