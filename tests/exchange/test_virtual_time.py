"""The main story under virtual time: a day passes in milliseconds, and the same chance gives the same story."""

import asyncio
import datetime as dt
from pathlib import Path

from node.cli.simulation.entropy import SeededEntropy
from node.cli.simulation.loop import run
from node.service import cases, reading
from node.service.verification import check_node
from protocol.content import Said
from tests.exchange.pair import LoopClock, World, world
from tests.exchange.test_story import ANNA, KATALIN, ask, reply

DAY_S = 86_400.0


async def _story(both: World) -> str:
    """Play the main story with a day on which Budapest can't be reached."""
    case_id = await ask(both)
    await reading.read_case(both["HU"], KATALIN, case_id, "hu")
    await cases.propose_date(both["HU"], KATALIN, case_id, dt.date(2026, 12, 21))
    await both.settled()
    both.net.down.add("HU")
    await cases.agree_date(both["DE"], ANNA, case_id)
    await asyncio.sleep(DAY_S)
    both.net.down.clear()
    await both.settled(longest_s=600)
    await cases.accept(both["HU"], KATALIN, case_id)
    await cases.reply(both["HU"], KATALIN, case_id, reply())
    await both.settled()
    await cases.clarify(both["DE"], ANNA, case_id, Said(text="Seit wann genau?", lang="de"))
    await both.settled()
    await cases.reply(both["HU"], KATALIN, case_id, reply())
    await both.settled()
    await cases.close(both["DE"], ANNA, case_id)
    await both.settled()
    return case_id


async def _played(folder: Path) -> list[tuple[str, str, str, int, str]]:
    """Play the story and return what happened: node, kind, fate, batch position and time of each event."""
    seeds = {"entropy": lambda country: SeededEntropy(f"seed of {country}")}
    async with world(
        folder, "DE", "HU", inline=True, retry_first_s=1, retry_longest_s=300, refresh_s=600, **seeds
    ) as both:
        case_id = await _story(both)
        assert asyncio.get_running_loop().time() > DAY_S
        happened = []
        for country in ("DE", "HU"):
            assert check_node(both[country]) == []
            view = await reading.read_case(both[country], {"DE": ANNA, "HU": KATALIN}[country], case_id, "en")
            assert view.state == "closed"
            rows = both[country].store.read_now(lambda q: q.all("SELECT * FROM event ORDER BY seq"))
            happened += [(country, row["kind"], row["status"], row["seq"], row["at"]) for row in rows]
        return happened


def test_a_day_passes_and_the_same_chance_gives_the_same_story(tmp_path: Path) -> None:
    """Played twice with the same seeds, every event happens at the same virtual microsecond."""
    stories = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        stories.append(run(_played(tmp_path / name)))
    assert stories[0] == stories[1]
    assert len(stories[0]) == 2 * 10


async def _clock() -> list[float]:
    loop, clock = asyncio.get_running_loop(), LoopClock()
    before = clock.now()
    await asyncio.gather(asyncio.sleep(DAY_S), asyncio.sleep(2 * DAY_S))
    assert clock.now() - before == dt.timedelta(days=2)
    return [loop.time(), await loop.run_in_executor(None, lambda: 7)]


def test_nothing_waits_for_real() -> None:
    """Two days are one jump, and what would run in a thread has run when the call returns."""
    assert run(_clock()) == [2 * DAY_S, 7]
