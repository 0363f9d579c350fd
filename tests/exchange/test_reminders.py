"""What stands too long is told once: 7 days without acceptance, two months without activity; marks say it meanwhile."""

import datetime as dt
from pathlib import Path

import pytest

from directory_sync.authority import AreaRole, Links
from directory_sync.demo import demo_authorities
from node.domain.access import operator
from node.domain.mail import TOPICS, URGENCY
from node.domain.reminders import months_before
from node.service import cases, directory, mailing, messages, reading
from node.service.telling import look
from node.store import cases as stored
from protocol.content import Said
from tests.exchange.pair import START
from tests.exchange.test_mail_days import at
from tests.exchange.test_mails import Told, link_in, telling, until
from tests.exchange.test_story import ANNA, KATALIN, reply

DAY = dt.timedelta(days=1)
SENT = START.date()
LATE = SENT + 8 * DAY
UNACCEPTED = "katalin: Entente: 7 napon belül nem fogadták el"
IDLE = "katalin: Entente: Több mint két hónapja nem történt semmi"


async def reminders(told: Told, day: dt.date, hour: int = 8) -> list[str]:
    """Return the reminders that a day brings, without country and date."""
    found = [one.partition(" · ")[0] for one in await at(told, day, hour)]
    return [one for one in found if one.startswith(("katalin: Entente: 7 napon", "katalin: Entente: Több"))]


async def marked(told: Told) -> tuple[str, ...]:
    """Return the marks of the replying side's only case in its work list."""
    (line,) = (await reading.list_cases(told.node, KATALIN, reading.CaseFilter(), "hu")).items
    return line.marks


async def test_a_request_that_nobody_accepts_is_told_of_after_seven_days(tmp_path: Path) -> None:
    """Once, to the authority that should accept; the mark and the advice on the page go with the acceptance."""
    async with telling(tmp_path) as told:
        await told.reader("katalin", topics=frozenset({"dates"}))
        await told.crash()
        case_id = await told.ask()
        assert await reminders(told, SENT + 7 * DAY) == []
        assert await marked(told) == ()
        assert await reminders(told, LATE) == [UNACCEPTED]
        assert (await reminders(told, LATE, 23), await reminders(told, LATE + DAY)) == ([], [])
        assert await marked(told) == ("unaccepted",)
        notices = reading.view_case(told.node, KATALIN, case_id, "en").notices
        assert [one.text.partition(".")[0] for one in notices] == ["The request was not accepted within 7 days"]
        assert reading.view_case(told.world["DE"], ANNA, case_id, "en").notices == ()
        await cases.accept(told.node, KATALIN, case_id)
        assert await marked(told) == ()
        assert reading.view_case(told.node, KATALIN, case_id, "en").notices == ()


async def test_a_request_accepted_in_time_is_not_told_of(tmp_path: Path) -> None:
    """Seven days later there is nothing to say."""
    async with telling(tmp_path) as told:
        await told.reader("katalin", topics=frozenset({"dates"}))
        await told.crash()
        case_id = await told.ask()
        await cases.accept(told.node, KATALIN, case_id)
        await told.world.settled()
        assert await reminders(told, LATE) == []


async def test_nothing_for_two_months_is_told_with_what_to_do(tmp_path: Path) -> None:
    """On both sides; each is advised what is its to do, a message begins the two months anew, an end stops it."""
    async with telling(tmp_path) as told:
        await told.reader("katalin", topics=frozenset({"dates"}))
        await told.crash()
        case_id = await told.ask()
        await cases.accept(told.node, KATALIN, case_id)
        await told.world.settled()
        assert await reminders(told, dt.date(2027, 1, 23)) == []
        assert await reminders(told, dt.date(2027, 1, 24)) == [IDLE]
        assert await reminders(told, dt.date(2027, 1, 25)) == []
        assert await marked(told) == ("idle",)

        def advice(country: str) -> list[str]:
            actor = KATALIN if country == "HU" else ANNA
            said = reading.view_case(told.world[country], actor, case_id, "en").notices
            return [one.text.partition(". ")[2] for one in said]

        assert advice("HU") == ["Reply, or write to the other authority when your reply will come."]
        assert advice("DE") == ["Write to the other authority, or turn to your coordinator."]
        await messages.send(told.node, KATALIN, case_id, Said(text="Márciusban válaszolunk.", lang="hu"))
        await told.world.settled()
        assert (await marked(told), advice("DE")) == ((), [])
        assert await reminders(told, dt.date(2027, 3, 25)) == []
        assert await reminders(told, dt.date(2027, 3, 26)) == [IDLE]
        content = reply()
        answers = {item: one for item, one in content.answers.items() if item != "evidence-holder"}
        await cases.reply(told.node, KATALIN, case_id, content.model_copy(update={"answers": answers}))
        await told.world.settled()
        assert await reminders(told, dt.date(2027, 6, 15)) == [IDLE]
        told.country = "DE"
        assert advice("DE")[0].startswith("If the reply is sufficient, close the case")
        await cases.close(told.world["DE"], ANNA, case_id)
        await told.world.settled()
        told.country = "HU"
        assert await reminders(told, dt.date(2028, 1, 1)) == []
        assert await marked(told) == ()


async def test_a_clock_that_is_set_back_tells_nothing_twice_and_misses_nothing(tmp_path: Path) -> None:
    """Told in 2026, back ten days and on again: not told again; what falls due after the wrong year is told."""
    async with telling(tmp_path) as told:
        await told.reader("katalin", topics=frozenset({"dates"}))
        await told.crash()
        await told.ask()
        assert await reminders(told, LATE) == [UNACCEPTED]
        assert await reminders(told, LATE - 10 * DAY) == []
        assert await at(told, LATE) == []
        assert await at(told, dt.date(2036, 1, 1)) != []  # a wrong clock says what it must think
        assert await at(told, LATE + DAY) == []
        await told.ask()
        second = LATE + 8 * DAY
        assert await reminders(told, second) == []
        assert await reminders(told, second + DAY) == [UNACCEPTED]


async def test_a_reminder_survives_a_stop_on_any_side_of_it(tmp_path: Path) -> None:
    """A node that stood still for a month tells what came due meanwhile, once and by its most urgent news."""
    async with telling(tmp_path) as told:
        await told.reader("katalin", topics=frozenset({"dates"}))
        await told.crash()
        case_id = await told.ask()
        await at(told, SENT, 12)
        await cases.propose_date(told.node, KATALIN, case_id, dt.date(2099, 1, 1))
        await told.world.settled()
        assert await at(told, SENT + 75 * DAY) == [f"{UNACCEPTED} · Németország · határidő: 2099. január 1."]
        assert await at(told, SENT + 76 * DAY) == []


async def test_a_coordinator_is_told_of_it_and_led_to_the_urgent_cases(tmp_path: Path) -> None:
    """With kind, country and date as everybody, and no way into the case; who coordinates no more isn't told."""
    async with telling(tmp_path) as told:
        await coordinate(told, "HU-bfkh")
        await told.reader("judit", language="en", topics=frozenset({"dates"}), authority="HU-bfkh")
        await told.crash()
        await told.ask()
        (mail,) = await at(told, LATE)
        assert mail == "judit: Entente: Not accepted within 7 days · Germany · until 14 December 2026"
        assert link_in(told.server.taken[-1]) == "http://127.0.0.1:7080/urgent"
        assert await at(told, LATE + DAY) == []


async def test_who_coordinates_no_more_is_told_nothing(tmp_path: Path) -> None:
    """A mail that waits is looked at again before it is sent."""
    async with telling(tmp_path) as told:
        await coordinate(told, "HU-bfkh")
        await told.reader("judit", topics=frozenset({"dates"}), authority="HU-bfkh")
        await told.crash()
        await told.ask()
        told.world.clock.offset += LATE - SENT
        await look(told.node)
        assert len(mailing.queue_of(told.node, operator()).waiting) == 1
        await coordinate(told, "HU-meszk", spare="HU-bfkh")
        assert await at(told, LATE, 23) == []
        assert mailing.queue_of(told.node, operator()).waiting == ()


async def coordinate(told: Told, coordinator: str, spare: str = "") -> None:
    """Let the record of the asked authority name a coordinator."""
    changed = []
    for one in demo_authorities("HU"):
        links, areas, level, region = one.links, one.areas, one.level, one.region
        if one.id == "HU-okfo":
            links = Links(validating=coordinator)
        if one.id in (coordinator, spare):
            areas = (AreaRole(area="professional-qualifications", role="coordinator", status="active"),)
            level, region = "national", None
        update = {"links": links, "areas": areas, "level": level, "region": region, "v": one.v + (2 if spare else 1)}
        changed.append(one.model_copy(update=update))
    told.world.clock.offset += dt.timedelta(minutes=1)
    await until(told.node.asked)
    await directory.import_authorities(told.node, operator(), changed)


async def test_a_reminder_is_noted_with_the_case_and_bounded(tmp_path: Path) -> None:
    """The same reminder isn't given twice, and only the last dozen are remembered."""
    async with telling(tmp_path) as told:
        case_id = await told.ask()

        async def remind(what: str) -> bool:
            return await told.node.store.write(lambda tx: stored.remind(tx, case_id, what))

        assert [await remind(f"near/{n}") for n in (1, 1, 2)] == [True, False, True]
        for n in range(3, 40):
            await remind(f"near/{n}")
        row = told.node.store.read_now(lambda q: stored.row_of(q, case_id))
        assert row["reminded"].split() == [f"near/{n}" for n in range(28, 40)]


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("cases_sent", "state = 'sent' AND role = 'replying' AND created_at >= :a AND created_at < :b"),
        ("cases_idle", "closed_at IS NULL AND updated_at >= :a AND updated_at < :b"),
    ],
)
async def test_a_look_visits_only_what_is_due(tmp_path: Path, name: str, where: str) -> None:
    """Each kind has its index."""
    async with telling(tmp_path) as told:
        plan = told.node.store.read_now(
            lambda q: q.all(f"EXPLAIN QUERY PLAN SELECT * FROM cases WHERE {where}", {"a": "2026", "b": "2027"})
        )
        assert [f"USING INDEX {name}" in row["detail"] for row in plan] == [True]


def test_two_months_end_with_a_day_that_the_month_has() -> None:
    """From the last of April it is the last of February."""
    days = [
        dt.date(2026, 4, 30),
        dt.date(2028, 4, 30),
        dt.date(2027, 1, 24),
        dt.date(2026, 12, 31),
        dt.date(2026, 2, 1),
    ]
    back = [
        dt.date(2026, 2, 28),
        dt.date(2028, 2, 29),
        dt.date(2026, 11, 24),
        dt.date(2026, 10, 31),
        dt.date(2025, 12, 1),
    ]
    assert [months_before(day, 2) for day in days] == back


def test_every_news_has_a_topic_and_a_place_in_the_summary() -> None:
    """A kind that was forgotten in one of them would never be told."""
    assert {news for topic in TOPICS.values() for news in topic} == set(URGENCY)
