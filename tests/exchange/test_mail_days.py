"""What days bring by mail: summaries in their reader's language, dates near or passed; each once, whatever stops."""

import asyncio
import datetime as dt
from pathlib import Path

import pytest

from node.delivery.mailer import Mailer
from node.domain.mail import stages, summary_day
from node.service import cases
from tests.exchange.pair import handler
from tests.exchange.test_mails import Told, telling
from tests.exchange.test_story import ANNA, KATALIN

DAY = dt.timedelta(days=1)
DUE = dt.date(2026, 12, 14)


async def at(told: Told, day: dt.date, hour: int = 8) -> list[str]:
    """Move on to an hour of a day, let the node look and send; returns the subjects that came."""
    wanted = dt.datetime(day.year, day.month, day.day, hour, tzinfo=dt.UTC)
    told.world.clock.offset += wanted - told.node.clock.now()
    before = len(told.server.taken)
    await Mailer(told.node).round()
    return [f"{mail['To'].split('@')[0]}: {mail['Subject']}" for mail in told.server.taken[before:]]


async def test_a_summary_comes_once_a_day_in_its_readers_language(tmp_path: Path) -> None:
    """Two readers, two languages, what is urgent first; no second one that day, none where there is nothing."""
    async with telling(tmp_path) as told:
        await told.reader("katalin", how="daily")
        await told.reader("ursula", how="daily", language="de")
        await told.crash()
        first, _second = await told.ask(), await told.ask()
        await cases.accept(told.node, KATALIN, first)
        await told.world.settled()
        await cases.withdraw(told.world["DE"], ANNA, first)
        await told.world.settled()
        assert await at(told, dt.date(2026, 11, 24), 6) == []
        came = await at(told, dt.date(2026, 11, 24), 7)
        assert sorted(came) == ["katalin: Entente: Napi összefoglaló (3)", "ursula: Entente: Tägliche Übersicht (3)"]
        german = next(mail for mail in told.server.taken[2:] if mail["To"].startswith("ursula"))
        lines = [line for line in german.get_content().splitlines() if " · " in line]
        assert lines == [
            *["Neue Anfrage · Deutschland · bis 14. Dezember 2026"] * 2,
            "Um Zurückziehung gebeten · Deutschland · bis 14. Dezember 2026",
        ]
        assert german.get_content().count("http://127.0.0.1:7080/cases/") == 3
        assert await at(told, dt.date(2026, 11, 24), 20) == []
        assert await at(told, dt.date(2026, 11, 25)) == []
        await told.ask()
        await at(told, DUE - 7 * DAY)
        german = next(mail for mail in told.server.taken[4:] if mail["To"].startswith("ursula"))
        kinds = [line.split(" · ")[0] for line in german.get_content().splitlines() if " · " in line]
        assert kinds == [*["Antwort bald fällig"] * 3, "Neue Anfrage"]


async def test_dates_near_and_passed_are_told_once_to_whose_turn_it_is(tmp_path: Path) -> None:
    """7 days and 1 day before to who replies, after the date to both; a case that was answered is left alone."""
    async with telling(tmp_path) as told:
        await told.reader("katalin")
        await told.crash()
        open_case, answered = await told.ask(), await told.ask()
        assert len(await at(told, dt.date(2026, 11, 23), 12)) == 2
        await cases.decline(told.node, handler("HU-okfo", "Éva", "hu"), answered, "other")
        await cases.accept(told.node, KATALIN, open_case)
        near = "katalin: Entente: Közeleg a válasz határideje · Németország · határidő: 2026. december 14."
        for day, said in ((DUE - 8 * DAY, []), (DUE - 7 * DAY, [near]), (DUE - DAY, [near]), (DUE, [])):
            assert await at(told, day) == said
            assert await at(told, day, 23) == []
        passed = near.replace("Közeleg a válasz határideje", "A válasz határideje lejárt")
        assert await at(told, DUE + DAY) == [passed]
        assert await at(told, DUE + 2 * DAY) == []
        assert told.server.taken[-1].get_content().count(open_case) == 1


async def test_after_a_long_stop_a_case_is_told_of_once_by_its_most_urgent_news(tmp_path: Path) -> None:
    """A node that stood still over all three days says that the date has passed, and nothing of it being near."""
    async with telling(tmp_path) as told:
        await told.reader("katalin")
        await told.crash()
        await told.ask()
        await at(told, dt.date(2026, 11, 23), 12)
        came = await at(told, DUE + 5 * DAY)
        assert [one.split(" · ")[0] for one in came] == ["katalin: Entente: A válasz határideje lejárt"]


async def test_a_flood_comes_as_one_summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond so many mails that wait for a person, news come with the next daily summary, and none is lost."""
    monkeypatch.setattr("node.service.telling.MAX_WAITING", 2)
    async with telling(tmp_path) as told:
        await told.reader("katalin")
        await told.crash()
        await asyncio.gather(*(told.ask() for _ in range(5)))
        assert len(await at(told, dt.date(2026, 11, 23), 12)) == 2
        assert await at(told, dt.date(2026, 11, 24)) == ["katalin: Entente: Napi összefoglaló (3)"]


async def test_a_moved_date_is_told_of_anew(tmp_path: Path) -> None:
    """Who agrees on a later date is reminded of that one too."""
    async with telling(tmp_path) as told:
        await told.reader("katalin", topics=frozenset({"dates"}))
        await told.crash()
        case_id = await told.ask()
        assert len(await at(told, DUE - 7 * DAY)) == 1
        later = DUE + 10 * DAY
        await cases.accept(told.node, KATALIN, case_id, date=later)
        await told.world.settled()
        await cases.agree_date(told.world["DE"], ANNA, case_id)
        await told.world.settled()
        said = [one.split(" · ")[0] for one in await at(told, DUE + DAY)]
        assert said == ["katalin: Entente: Időpont elfogadva"]
        assert [one.rpartition("határidő: ")[2] for one in await at(told, later - 7 * DAY)] == ["2026. december 24."]


async def test_a_look_at_the_dates_reads_by_index(tmp_path: Path) -> None:
    """However many cases there are, only those in the period are read."""
    async with telling(tmp_path) as told:
        plan = told.node.store.read_now(
            lambda q: q.all(
                "EXPLAIN QUERY PLAN SELECT * FROM cases WHERE closed_at IS NULL AND due > :a AND due <= :b"
                " ORDER BY due, id",
                {"a": "2026-01-01", "b": "2026-01-02"},
            )
        )
        assert any("USING INDEX cases_due" in row["detail"] for row in plan)


def test_periods_never_overlap_and_leave_no_day_out() -> None:
    """Looked at daily or after any stop, each due date is in one period at most, and `passed` leaves none out."""
    today = dt.date(2026, 11, 23)
    for stopped in (1, 2, 6, 7, 8, 40):
        days = [
            (news, after + dt.timedelta(days=n))
            for news, after, until in stages(today - dt.timedelta(days=stopped), today)
            for n in range(1, (until - after).days + 1)
        ]
        assert len({day for _, day in days}) == len(days)
        assert len([news for news, _ in days if news == "passed"]) == stopped
    assert [until - after for _, after, until in stages(today, today - DAY)] <= [dt.timedelta(0)] * 3


def test_the_summary_keeps_its_hour_when_the_clocks_change() -> None:
    """At seven in Berlin, before and after the night of 25 October 2026."""
    for day, utc in ((24, 5), (25, 6)):
        before, after = (dt.datetime(2026, 10, day, utc - early, 59 * early, tzinfo=dt.UTC) for early in (1, 0))
        assert summary_day(after, "Europe/Berlin", 7) == dt.date(2026, 10, day)
        assert summary_day(before, "Europe/Berlin", 7) == dt.date(2026, 10, day - 1)
