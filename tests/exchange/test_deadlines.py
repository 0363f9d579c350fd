"""Until when a reply is due by law: in working days of the replying country, the same on both sides."""

import datetime as dt
from pathlib import Path

import pytest

from node.domain.draft import RequestDraft
from node.domain.working_days import working_day_from, working_days_after
from node.service import cases, deadlines, reading, requests, splitting
from protocol.content import Said, Variable
from protocol.countries import COUNTRIES
from tests.exchange.pair import START, World, handler, world
from tests.exchange.test_story import ANNA, KATALIN, ask, reply, request

TODAY = START.date()
CHRISTMAS = (dt.date(2026, 12, 24), dt.date(2026, 12, 25))


def about_posting(set_id: str = "information", *questions: str) -> RequestDraft:
    """Return a request on posted workers."""
    variables = {
        "legal_form": Variable(code="hu-kft"),
        "sector": Variable(code="f"),
        "provider": Variable(text="Építő Kft.", lang="hu"),
    }
    asked = {"area": "posting", "set": set_id, "questions": questions or ("provider-established",)}
    return request().model_copy(update={**asked, "variables": variables, "comment": None})


async def asked(both: World, content: RequestDraft) -> str:
    """Send a request and let it arrive."""
    await both.settled()
    case = await requests.send(both["DE"], ANNA, content)
    await both.settled()
    return case.id


def test_a_period_begins_the_day_after_and_goes_round_weekends_and_holidays() -> None:
    """Ten working days from Thursday 15 October, with 23 October off: the 30th; without it the 29th."""
    national = dt.date(2026, 10, 23)
    ending = working_days_after(dt.date(2026, 10, 15), 10, lambda day: day == national)
    assert ending == (dt.date(2026, 10, 30), (national,))
    assert working_days_after(dt.date(2026, 10, 15), 10, lambda _day: False) == (dt.date(2026, 10, 29), ())


def test_a_period_of_calendar_days_ends_on_a_working_day() -> None:
    """From a Saturday before a Monday off it is the Tuesday; a working day stays as it is."""
    monday = dt.date(2026, 10, 26)
    assert working_day_from(dt.date(2026, 10, 24), lambda day: day == monday) == (dt.date(2026, 10, 27), (monday,))
    assert working_day_from(monday, lambda _day: False) == (monday, ())


@pytest.mark.parametrize("country", COUNTRIES)
def test_each_country_has_its_public_holidays(country: str) -> None:
    """New Year and Christmas Day are off in all 30, in each of the next years, with at least five other days."""
    for year in range(2026, 2032):
        off = deadlines.public_holidays(country, year)
        assert {dt.date(year, 1, 1), dt.date(year, 12, 25)} <= off
        assert len(off) >= 7


def test_known_national_days_are_off_in_their_country_alone() -> None:
    """A dozen days that differ from country to country."""
    days = {
        "DE": (10, 3), "HU": (10, 23), "FR": (7, 14), "IT": (6, 2), "PL": (11, 11), "GR": (3, 25),
        "BG": (3, 3), "IS": (6, 17), "NO": (5, 17), "RO": (12, 1), "SI": (6, 25), "LT": (2, 16),
    }  # fmt: skip
    for country, (month, day) in days.items():
        assert dt.date(2026, month, day) in deadlines.public_holidays(country, 2026)
        assert dt.date(2026, month, day) not in deadlines.public_holidays("NL", 2026)
    assert deadlines.public_holidays("EU", 2026) == frozenset()


async def test_both_sides_see_the_date_that_the_act_sets(tmp_path: Path) -> None:
    """25 working days in Hungary go round Christmas, in the work list and on the page, until the reply is there."""
    async with world(tmp_path, "DE", "HU") as both:
        case_id = await asked(both, about_posting())
        for node, actor, lang in ((both["DE"], ANNA, "de"), (both["HU"], KATALIN, "hu")):
            (line,) = (await reading.list_cases(node, actor, reading.CaseFilter(), lang)).items
            assert line.legal is not None
            assert (line.legal.date, line.legal.since, line.legal.days) == (dt.date(2026, 12, 30), TODAY, 25)
            assert (line.legal.country, line.legal.holidays) == ("HU", CHRISTMAS)
            assert reading.view_case(node, actor, case_id, lang).legal == line.legal
        await cases.decline(both["HU"], KATALIN, case_id, "other")
        await both.settled()
        assert reading.view_case(both["DE"], ANNA, case_id, "de").legal is None


async def test_an_area_without_such_a_period_sets_no_date(tmp_path: Path) -> None:
    """What is asked about qualifications has the date that was asked for, and none by law."""
    async with world(tmp_path, "DE", "HU") as both:
        case_id = await ask(both)
        assert reading.view_case(both["HU"], KATALIN, case_id, "hu").legal is None
        await cases.accept(both["HU"], KATALIN, case_id)
        await cases.reply(both["HU"], KATALIN, case_id, reply())
        assert reading.view_case(both["HU"], KATALIN, case_id, "hu").legal is None


async def test_a_part_keeps_the_period_of_its_request(tmp_path: Path) -> None:
    """What is passed on a week later gains no time by it."""
    async with world(tmp_path, "DE", "HU") as both:
        content = about_posting("information", "provider-established", "trading-names")
        case_id = await asked(both, content)
        both.clock.offset += dt.timedelta(days=7)
        why = Said(text="Önöknél van az adat.", lang="hu")
        await splitting.split(both["HU"], KATALIN, case_id, "HU-bfkh", ["trading-names"], why)
        await both.settled()
        eva = handler("HU-bfkh", "Éva", "hu")
        (line,) = (await reading.list_cases(both["HU"], eva, reading.CaseFilter(), "hu")).items
        assert line.legal is not None
        assert (line.legal.since, line.legal.date) == (TODAY, dt.date(2026, 12, 30))
        assert reading.view_case(both["HU"], eva, line.id, "hu").legal == line.legal


async def test_what_is_proposed_counts_as_the_act_does(tmp_path: Path) -> None:
    """By law two working days in Hungary; else the area's days, moved on to a day that is worked on there."""
    async with world(tmp_path, "DE", "HU") as both:
        node = both["DE"]
        urgent = deadlines.usual(node, node.areas["posting"], "registers", "HU", "de")
        assert (urgent.date, urgent.unit, urgent.days) == (dt.date(2026, 11, 25), "working-days", 2)
        qualifications = node.areas["professional-qualifications"]
        both.clock.offset += dt.timedelta(days=5)  # in 28 days it is 26 December, a Saturday
        usual = deadlines.usual(node, qualifications, "establishment", "HU", "de")
        assert (usual.date, usual.unit, usual.holidays) == (dt.date(2026, 12, 28), "days", ())
        assert usual.country_name == "Ungarn"
