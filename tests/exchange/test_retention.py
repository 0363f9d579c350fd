"""Closed cases are blocked and deleted in time, on both sides, and what was signed stays provable."""

import datetime as dt
from pathlib import Path

import pytest

from node.cli.simulation.loop import run
from node.clock import unstamp
from node.domain.retention import day_that_counts
from node.errors import NodeError
from node.service import (
    blocking,
    retention,
    retention_status,
)
from node.store import blobs, erasures
from tests.exchange.closed import AREA, answered_and_closed, closed, forget_area, plan
from tests.exchange.disks import put_back, recovered, save_disk, start_again
from tests.exchange.pair import world
from tests.exchange.test_story import KATALIN, ask
from translations.area import MAX_DELETE_YEARS


async def _in_time(folder: Path) -> None:
    async with closed(folder) as world_:
        both, case_id = world_.both, world_.case_id
        await world_.later(180)
        assert plan(both["DE"]) == []
        await world_.later(2)
        for country in ("DE", "HU"):
            assert plan(both[country]) == [(case_id, "block")]
            assert await world_.run(country) == retention.Done(1, 0)
            assert plan(both[country]) == []
        await world_.later(912)
        assert plan(both["DE"]) == []
        await world_.later(3)
        for country in ("DE", "HU"):
            assert plan(both[country]) == [(case_id, "erase")]
            assert await world_.run(country) == retention.Done(0, 1)
            row = both[country].store.read_now(lambda q: erasures.find(q, case_id))
            assert row is not None
            assert row["finished_at"] is not None
            assert both[country].store.read_now(lambda q: blobs.of_case(q, case_id)) == {}
            with pytest.raises(NodeError, match="not-found"):
                both[country].case_keys.find(case_id)
        status = both["DE"].store.read_now(lambda q: erasures.listing(q, 10))
        assert [(one["why"], bool(one["erased_there_at"])) for one in status] == [("time", True)]


def test_a_case_is_blocked_and_deleted_in_time_on_both_sides(tmp_path: Path) -> None:
    """After 6 months it is blocked, after 3 years erased; each side says so, and everything verifies (SPEC S-275)."""
    run(_in_time(tmp_path))


async def _clock_ahead(folder: Path) -> None:
    async with closed(folder) as world_:
        node = world_.both["DE"]
        world_.both.clock.offset += dt.timedelta(days=5 * 365)  # nobody has signed a time since
        assert plan(node) == []
        world_.both.clock.offset -= dt.timedelta(days=5 * 365)
        await node.store.write(lambda tx: tx.run("UPDATE peer SET clock_offset_s = -100000"))
        with pytest.raises(NodeError, match="clock-wrong"):
            plan(node)
        await node.store.write(lambda tx: tx.run("UPDATE peer SET clock_offset_s = 0"))


def test_a_clock_that_runs_ahead_deletes_nothing_early(tmp_path: Path) -> None:
    """No day counts that is a week after what a peer has signed, and none at all with a large error (SPEC S-273)."""
    run(_clock_ahead(tmp_path))


async def _lying_clock(folder: Path) -> None:
    async with closed(folder) as world_:
        node = world_.both["DE"]
        before = retention.clocks(node).attested
        lie = "UPDATE peer SET clock_at = '9999-12-31T00:00:00.000000Z', clock_offset_s = 9e9"
        await node.store.write(lambda tx: tx.run(lie))
        seen = retention.clocks(node).attested
        assert seen is None or (before is not None and seen <= before)
        await node.store.write(lambda tx: tx.run("UPDATE peer SET clock_at = NULL, clock_offset_s = 0"))
    end_of_time = dt.datetime.max.replace(tzinfo=dt.UTC)
    today = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
    assert day_that_counts(today, end_of_time, [0.0, 0.0, 1.0]) == today.date()


def test_a_peer_that_lies_about_the_time_proves_nothing_and_stops_nothing(tmp_path: Path) -> None:
    """What its receipt names far from our clock doesn't bind the day that counts (SPEC S-273)."""
    run(_lying_clock(tmp_path))


async def _never_known(folder: Path) -> None:
    async with closed(folder) as world_:
        both, case_id = world_.both, world_.case_id
        forget_area(both["HU"])
        await world_.later(182)
        assert await world_.run("HU") == retention.Done(1, 0)
        await world_.later(4 * 365)
        assert plan(both["HU"]) == []
        assert retention_status.status(both["HU"], 10).areas_unknown == (AREA,)
        assert blocking.blocked_case(both["HU"], KATALIN, case_id, "hu").delete_on is None
        assert await world_.run("DE") == retention.Done(0, 1)
        (due,) = retention.plan(both["HU"])
        assert (due.case_id, due.step, due.why) == (case_id, "erase", f"deleted by the other side, area {AREA}")
        assert await world_.run("HU") == retention.Done(0, 1)
        await world_.run("DE")
        assert retention_status.status(both["HU"], 10).areas_unknown == ()


def test_a_case_of_an_area_that_was_never_here_is_neither_deleted_early_nor_kept_for_ever(tmp_path: Path) -> None:
    """It is blocked as the law says for all, and deleted when the side that knows the area has done so (SPEC S-278)."""
    run(_never_known(tmp_path))


async def _many_of_them(folder: Path, patch: pytest.MonkeyPatch) -> None:
    async with closed(folder) as world_:
        both, node = world_.both, world_.both["HU"]
        more = await ask(both)
        await answered_and_closed(both, more)
        forget_area(node)
        for case_id in (world_.case_id, more):
            await node.store.write(lambda tx, c=case_id: erasures.theirs(tx, c))  # type: ignore[misc]
        patch.setattr(retention, "MANY", 1)
        assert {due.case_id for due in retention.plan(node) if due.theirs} == {world_.case_id, more}
        assert await world_.run("HU") == retention.Done(0, 2)


def test_however_many_cases_the_other_side_has_deleted_one_run_deletes_them_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not as many a day as are looked at in one go (SPEC S-278)."""
    run(_many_of_them(tmp_path, monkeypatch))


async def _longest(folder: Path) -> None:
    async with closed(folder) as world_:
        node = world_.both["HU"]
        forget_area(node)
        await world_.later(MAX_DELETE_YEARS * 365 + 8)
        assert plan(node) == [(world_.case_id, "erase")]


def test_nothing_is_kept_longer_than_any_area_may_say(tmp_path: Path) -> None:
    """Also where the other side never tells: the longest period that an area can have ends it (SPEC S-278)."""
    run(_longest(tmp_path))


async def _known_once(folder: Path) -> None:
    async with closed(folder) as world_:
        node = world_.both["HU"]
        await world_.later(182)
        await world_.run("HU")
        forget_area(node)
        await world_.later(3 * 365 - 181)
        assert plan(node) == [(world_.case_id, "erase")]
        assert retention_status.status(node, 10).areas_unknown == ()


def test_an_area_that_is_gone_keeps_its_periods(tmp_path: Path) -> None:
    """What the node knew of an area counts on after the area was taken back (SPEC S-278)."""
    run(_known_once(tmp_path))


async def _given_back(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        save_disk(both, "HU")
        case_id = await ask(both)
        await answered_and_closed(both, case_id)
        ended = both.clock.now()
        both.clock.offset += dt.timedelta(days=100)
        await put_back(both, "HU")
        await start_again(both, "HU")
        await recovered(both)
        row = both["HU"].store.read_now(lambda q: q.one("SELECT closed_at FROM cases WHERE id = :id", {"id": case_id}))
        assert row is not None
        assert unstamp(row["closed_at"]) <= ended


def test_a_closed_case_that_a_peer_gives_back_is_kept_no_longer(tmp_path: Path) -> None:
    """After a loss it is as closed as it was, and since when it was (SPEC S-128, S-273)."""
    run(_given_back(tmp_path))


async def _clock_behind(folder: Path) -> None:
    async with closed(folder) as world_:
        node, case_id = world_.both["DE"], world_.case_id
        year_ago = (node.clock.now() - dt.timedelta(days=365)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
        await node.store.write(
            lambda tx: tx.run("UPDATE cases SET closed_at = :at WHERE id = :id", {"at": year_ago, "id": case_id})
        )
        assert plan(node) == []


def test_a_closure_noted_with_a_clock_that_was_behind_counts_from_when_it_was(tmp_path: Path) -> None:
    """What the other side receipted, and what was stored before, prove that it was later."""
    run(_clock_behind(tmp_path))
