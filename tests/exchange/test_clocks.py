"""Clocks that are wrong: receipts measure them, and nothing depends on them."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from node.cli.simulation.loop import run
from node.domain.clock_error import clock_error
from node.service import cases, diagnosis, requests
from node.store import peers
from tests.exchange.disks import same_on_both
from tests.exchange.pair import LoopClock, world
from tests.exchange.test_refusal import stored_case
from tests.exchange.test_story import ANNA, KATALIN, request


class Wrong:
    """A clock that is ahead of another one, or behind."""

    def __init__(self, right: LoopClock, ahead: timedelta) -> None:
        self._right, self._ahead = right, ahead

    def now(self) -> datetime:
        """Return the wrong time."""
        return self._right.now() + self._ahead


async def _wrong(folder: Path, hours: float) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        wrong = Wrong(both.clock, timedelta(hours=hours))
        both["HU"].clock = both["HU"].store.writer._clock = wrong
        case = await requests.send(both["DE"], ANNA, request())
        await both.settled()
        await cases.accept(both["HU"], KATALIN, case.id)
        await both.settled()
        assert stored_case(both["DE"], case.id).state == "accepted"
        same_on_both(both)
        for country, other, expected in (("DE", "HU", hours), ("HU", "DE", -hours)):
            (row,) = both[country].store.read_now(peers.all_peers)
            assert abs(row["clock_offset_s"] - expected * 3600) <= 2
            told = [check.message for check in diagnosis.check_local(both[country]) if check.name == "clock"]
            assert len(told) == 1
            assert told[0].startswith(f"{other}'s clock differs by")


@pytest.mark.parametrize("hours", [-30.0, -0.1, 0.1, 5.0])
def test_a_clock_that_is_hours_wrong_refuses_nothing_and_is_measured(tmp_path: Path, hours: float) -> None:
    """Requests and answers pass, both sides agree, and each is told how far the other's clock is (SPEC S-006)."""
    run(_wrong(tmp_path, hours))


async def test_our_own_error_is_what_most_peers_say(tmp_path: Path) -> None:
    """With three peers or more `doctor` says whose clock is wrong: one peer's doesn't make it ours."""
    async with world(tmp_path, "DE") as one:
        for offsets, level, words in (
            ({"HU": 301.0, "AT": 299.0, "FR": 300.0, "PL": 0.0}, "warn", "ours differs by -300 s from the middle of 4"),
            ({"HU": 86400.0, "AT": 1.0, "FR": 0.0, "PL": -1.0}, "ok", "ours differs by -0 s from the middle of 4"),
        ):
            for country, offset in offsets.items():
                await one["DE"].store.write(lambda tx, c=country, o=offset: peers.reached(tx, c, o))
            checks = [check for check in diagnosis.check_local(one["DE"]) if check.name == "clock"]
            assert (checks[0].level, words in checks[0].message) == (level, True), checks


def test_too_few_peers_say_nothing() -> None:
    """One or two peers' clocks are no measure of ours."""
    assert clock_error([]) is None
    assert clock_error([500.0, 500.0]) is None
    assert clock_error([500.0, 500.0, -9.0]) == -500.0
