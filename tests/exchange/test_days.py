"""Which day it is: a country's own for periods and due dates, UTC for who may be asked."""

import datetime as dt
import re
from pathlib import Path

import pytest

from directory_sync.demo import demo_authorities
from node.cli.simulation.loop import run
from node.domain.day import day_in
from node.errors import NodeError
from node.service import cases, deadlines, reading, requests, subjects
from protocol.countries import COUNTRIES
from tests.exchange.closed import OTTO
from tests.exchange.pair import World, world
from tests.exchange.test_deadlines import about_posting
from tests.exchange.test_directory_faults import publish
from tests.exchange.test_story import ANNA, KATALIN, ask
from tests.exchange.test_subjects import claim
from tests.project.tree import product_files, text_of

LATE = dt.datetime(2026, 11, 23, 23, 30, tzinfo=dt.UTC)
YESTERDAY, TODAY = LATE.date(), LATE.date() + dt.timedelta(days=1)
"""In UTC it is the one day, in Berlin and Budapest half past midnight of the other."""


def _past_midnight(both: World) -> None:
    both.clock.offset += LATE - both.clock.now()


@pytest.mark.parametrize("country", [*COUNTRIES, "EU"])
def test_every_country_has_a_day_of_its_own(country: str) -> None:
    """At noon in UTC all have the same day; at half past eleven at night all but those of Greenwich's hour the next."""
    assert day_in(country, LATE.replace(hour=12)) == YESTERDAY
    assert day_in(country, LATE) == (YESTERDAY if country in ("IE", "IS", "PT") else TODAY)


def test_what_is_no_country_has_the_day_in_utc() -> None:
    """A program may ask for the date of any country code; where it is none, nothing fails."""
    assert day_in("XX", LATE) == YESTERDAY


async def _claim(folder: Path) -> None:
    async with world(folder, "DE", "HU") as both:
        await both.settled()
        node = both["DE"]
        _past_midnight(both)
        file = await subjects.open_file(node, OTTO, claim(received=TODAY))
        view = subjects.read(node, OTTO, file.id)
        assert (view.received, view.due, view.days_left) == (TODAY, TODAY + dt.timedelta(days=30), 30)
        both.clock.offset += dt.timedelta(days=31)  # the last day passed half an hour ago
        assert subjects.read(node, OTTO, file.id).days_left == -1


def test_a_claim_runs_by_the_country_s_own_day(tmp_path: Path) -> None:
    """Received half past midnight it is of today; it is overdue once its last day has ended here, not in Greenwich."""
    run(_claim(tmp_path))


async def _case(folder: Path) -> None:
    async with world(folder, "DE", "HU") as both:
        case_id = await ask(both)
        await cases.accept(both["HU"], KATALIN, case_id)
        await both.settled()
        _past_midnight(both)
        with pytest.raises(NodeError, match="invalid"):
            await cases.propose_date(both["HU"], KATALIN, case_id, YESTERDAY)
        due = reading.view_case(both["DE"], ANNA, case_id, "de").due
        assert due is not None
        assert due.days_left == (due.date - TODAY).days
        posting = await requests.send(both["DE"], ANNA, about_posting())
        await both.settled()
        for node, actor, lang in ((both["DE"], ANNA, "de"), (both["HU"], KATALIN, "hu")):
            legal = reading.view_case(node, actor, posting.id, lang).legal
            assert legal is not None
            assert legal.since == TODAY
        area = both["DE"].areas["posting"]
        assert deadlines.usual(both["DE"], area, "registers", "PT", "de").since == YESTERDAY


def test_a_date_is_past_and_a_period_begins_by_the_country_s_own_day(tmp_path: Path) -> None:
    """Nobody proposes yesterday; both sides count the act's period from the day in the replying country."""
    run(_case(tmp_path))


async def _last_day(folder: Path) -> None:
    async with world(folder, "DE", "HU") as both:
        await both.settled()
        records = [
            one.model_copy(update={"valid_until": YESTERDAY}) if one.id == "HU-okfo" else one
            for one in demo_authorities("HU")
        ]
        await publish(both, "HU", records)
        _past_midnight(both)
        case_id = await ask(both)
        await cases.accept(both["HU"], KATALIN, case_id)
        both.clock.offset += dt.timedelta(hours=1)
        with pytest.raises(NodeError, match="invalid"):
            await ask(both)


def test_an_authority_may_be_asked_until_its_last_day_ends_in_utc(tmp_path: Path) -> None:
    """At half past midnight in both countries its last day has half an hour to go: sent and stored (SPEC S-308)."""
    run(_last_day(tmp_path))


def test_one_place_says_which_day_it_is() -> None:
    """No service and no page makes a day of the clock by itself."""
    made = re.compile(r"\b(?:clock\.now\(\)|tx\.now|q\.now|now)\.date\(\)")
    places = [
        path for path in product_files(".py") if path.startswith(("node/service/", "node/dashboard/", "node/api/"))
    ]
    assert {path for path in places if made.search(text_of(path))} <= {
        "node/service/tokens.py",  # when a token was used last, to the day
        "node/service/calendar_feed.py",
    }
