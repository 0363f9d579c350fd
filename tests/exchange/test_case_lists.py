"""Lists of cases: each reader finds every case it may see and no other, part by part, at the same cost in any store."""

import itertools
import random
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from directory_sync.demo import demo_authorities
from node.cli.bench_case_store import AREA, CaseStore, SetClock
from node.clock import stamp
from node.domain.access import Actor, Grant, Reach, granted, operator
from node.domain.case import Case
from node.errors import NodeError
from node.service import directory, messages, reading, statistics, telling
from node.service.node import Node
from node.service.reading import CaseFilter
from node.service.statistics import Wanted as Figures
from node.store import audit, case_lists, cases, copies, courses, referrals, retention, subjects
from node.store.case_lists import FIRST, Place, Wanted
from node.store.key_files import load_keys
from node.store.tx import Read, Row, Tx
from protocol.content import Said
from tests.exchange.pair import START, members_of, open_for_test

WHOLE = 80
A, B, COORDINATOR = "DE-lageso-berlin", "DE-zaek-berlin", "DE-bva"
OTHER_AREA = "services"


@pytest.fixture
async def filled(tmp_path: Path) -> AsyncIterator[tuple[Node, CaseStore]]:
    """Fill a German store with a year of cases with Hungary."""
    clock = SetClock(START)
    for country in ("DE", "HU"):
        (tmp_path / country).mkdir()
    node, peer = (open_for_test(tmp_path / country, country, clock, inline=True) for country in ("DE", "HU"))
    node.members = members_of(node, peer)
    await directory.import_authorities(node, operator(), demo_authorities("DE"))
    made = CaseStore(node, load_keys(peer.config.keys), clock, WHOLE)
    await made.fill(WHOLE)
    clock.time = START
    yield node, made
    for store in (node.store, node.key_store, peer.store, peer.key_store):
        await store.close()


def _changed(case: Case, chance: random.Random) -> Case:
    """Give a case another authority, area, date, referral or past, as events do."""
    own = chance.choice((A, B, B, "DE-zzz"))
    case = replace(case, own_authority=own, area=chance.choice((AREA, AREA, OTHER_AREA)))
    what = chance.randrange(6)
    if what == 0:
        case = replace(case, state="referred" if case.role == "asking" else "escalated")
        return replace(case, asking_coordinator=COORDINATOR, replying_coordinator=chance.choice((COORDINATOR, A)))
    if what == 1 and not case.ended:
        return replace(case, date_state=chance.choice(("proposed", "agreed")), state="accepted")
    if what == 2:
        return replace(case, former=tuple({A, B, "DE-zzz"} - {own}))
    return case


async def _lively(node: Node) -> None:
    """Change the cases in every way that lists tell apart; many at the same time."""
    chance = random.Random(4)

    def work(tx: Tx) -> None:
        for row in cases.overview(tx):
            if chance.random() < 0.7:
                cases.update(tx, _changed(cases.from_row(row), chance))
            if chance.random() < 0.3:
                tx.run("UPDATE cases SET handler = 'anna' WHERE id = :id", {"id": row["id"]})
            if chance.random() < 0.2:
                tx.run("UPDATE cases SET blocked_at = :at WHERE id = :id", {"id": row["id"], "at": tx.at})

    await node.store.write(work)


def _within(reach: Reach, authority: str, area: str) -> bool:
    return (authority, "") in reach or (authority, area) in reach


def _belongs(row: Row, wanted: Wanted) -> bool:
    """Say of one case, by itself, whether it belongs to a list."""
    case, filters = cases.from_row(row), dict(wanted.filters)
    own = _within(wanted.reach, case.own_authority, case.area)
    decides = bool(case.coordinator) and (
        _within(wanted.deciding, case.coordinator, case.area) or case.id in wanted.inherited
    )
    passed_on, blocked, todo = (filters.pop(name, None) for name in ("passed_on", "blocked", "todo"))
    still_open = filters.pop("open", None)
    ended = row["closed_at"] is not None
    ours = (case.turn == "us" and own) or (case.turn == "coordinator" and decides)
    once = case.role == "replying" and not own and any(_within(wanted.reach, one, case.area) for one in case.former)
    return (
        (once if passed_on else own or decides)
        and bool(blocked) == (row["blocked_at"] is not None)
        and (still_open is None or still_open != ended)
        and (todo is None or (not ended and todo == ours and not (todo and (blocked or passed_on))))
        and all(str(row[{"country": "counterpart"}.get(name, name)]) == value for name, value in filters.items())
    )


READERS: dict[str, tuple[Reach, Reach]] = {
    "one authority": (((A, ""),), ()),
    "two": (((A, ""), (B, "")), ()),
    "one area of each": (((A, AREA), (B, OTHER_AREA)), ()),
    "a coordinator": (((COORDINATOR, ""),), ((COORDINATOR, ""),)),
    "who also decides": (((A, ""), (B, AREA)), ((A, ""), (COORDINATOR, OTHER_AREA))),
    "who only decides": ((), ((COORDINATOR, AREA),)),
    "nobody": ((), ()),
}
FILTERS: tuple[dict[str, Any], ...] = (
    {}, {"open": True}, {"open": False}, {"todo": True}, {"todo": False}, {"blocked": True}, {"passed_on": True},
    {"role": "asking"}, {"state": "closed"}, {"state": "referred"}, {"area": OTHER_AREA}, {"country": "HU"},
    {"country": "FR"}, {"handler": "anna"}, {"handler": "anna", "open": True}, {"handler": "anna", "todo": True},
    {"handler": "anna", "blocked": True}, {"todo": True, "role": "replying", "area": AREA},
    {"todo": False, "state": "accepted"}, {"passed_on": True, "state": "closed"}, {"passed_on": True, "open": True},
    {"blocked": True, "state": "closed"}, {"blocked": True, "todo": True}, {"passed_on": True, "todo": True},
)  # fmt: skip


def _parts(q: Read, wanted: Wanted, limit: int) -> Iterator[case_lists.Part]:
    place: Place | None = FIRST
    while place is not None:
        part = case_lists.listing(q, wanted, limit, place)
        yield part
        place = part.next


async def test_every_reader_finds_all_that_it_may_see_and_nothing_else(
    filled: tuple[Node, CaseStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each list, read part by part, is what a look at every single case gives: whole, in order, each case once.

    However few entries are tested at once, and of parts of any size.
    """
    node, _ = filled
    await _lively(node)

    def read(q: Read) -> None:
        rows = sorted(cases.overview(q), key=lambda row: (row["updated_at"], row["id"]), reverse=True)
        numbers = [{"number": row["number"]} for row in rows[:10]] + [{"number": rows[0]["number"], "todo": True}]
        referred = [case for case in map(cases.from_row, rows) if case.coordinator]
        for (name, (reach, deciding)), every, filters in itertools.product(
            READERS.items(), (0, 3), (*FILTERS, *numbers)
        ):
            others = [one.id for one in referred if not _within(deciding, one.coordinator, one.area)]
            inherited = others[::every] if every else []
            wanted = Wanted(reach, deciding, inherited, filters)
            true = [row["id"] for row in rows if _belongs(row, wanted)]
            for look, limit in ((5000, 200), (5000, 7), (4, 3)):
                monkeypatch.setattr(case_lists, "LOOK", look)
                parts = list(_parts(q, wanted, limit))
                assert [row["id"] for part in parts for row in part.rows] == true, (name, filters, look)
                assert max(len(part.rows) for part in parts) <= limit
            todo = Wanted(reach, deciding, inherited, {"todo": True})
            assert case_lists.count_todo(q, reach, deciding, inherited) == sum(_belongs(row, todo) for row in rows)

    node.store.read_now(read)


async def test_what_changes_meanwhile_is_at_the_beginning(filled: tuple[Node, CaseStore]) -> None:
    """Reading on from a place, one meets all others once; and a place of one list opens nothing of another's."""
    node, made = filled
    anna = Actor("a", "Anna", "de", granted(["handler"], [made.busiest]))
    everything = {one.id for one in (await reading.list_cases(node, anna, CaseFilter(), "de", limit=200)).items}
    first = await reading.list_cases(node, anna, CaseFilter(), "de", limit=3)
    later = next(iter(everything - {one.id for one in first.items}))
    case = node.store.read_now(lambda q: cases.find(q, later))
    assert case is not None
    await node.store.write(lambda tx: cases.update(tx, case))
    seen, after = [one.id for one in first.items], first.next
    while after is not None:
        part = await reading.list_cases(node, anna, CaseFilter(), "de", limit=3, after=after)
        seen, after = seen + [one.id for one in part.items], part.next
    assert sorted(seen) == sorted(everything - {later})
    front = await reading.list_cases(node, anna, CaseFilter(), "de", limit=1)
    assert [one.id for one in front.items] == [later]
    other = Actor("b", "Bea", "de", frozenset({Grant("DE-zzz", "handler")}))
    stolen = await reading.list_cases(node, other, CaseFilter(), "de", after=first.next or "")
    assert (stolen.items, stolen.next) == ((), None)
    for made_up in ("x", "2026-11-30", f"{first.next}'", "2026-11-30T00:00:00.000000Z~' OR 1=1", "~~"):
        with pytest.raises(NodeError, match="invalid") as wrong:
            await reading.list_cases(node, anna, CaseFilter(), "de", after=made_up)
        assert wrong.value.fields == {"after": "malformed"}


async def test_words_are_looked_for_beyond_what_a_page_shows(filled: tuple[Node, CaseStore]) -> None:
    """A number in any case of letters, part of one, an authority, a country in the reader's language; never a person."""
    node, made = filled
    anna = Actor("a", "Anna", "de", granted(["handler"], [made.busiest]))

    async def found(text: str) -> set[str]:
        numbers: list[str] = []
        after: str | None = ""
        while after is not None:
            part = await reading.list_cases(node, anna, CaseFilter(text=text), "de", limit=2, after=after)
            numbers, after = numbers + [one.number for one in part.items], part.next
        assert len(set(numbers)) == len(numbers)
        return set(numbers)

    rows = [row for row in node.store.read_now(cases.overview) if row["own_authority"] == made.busiest]
    oldest = min(rows, key=lambda row: str(row["updated_at"]))
    assert await found(oldest["number"].lower()) == {oldest["number"]}
    assert await found(oldest["number"][-4:]) >= {oldest["number"]}
    assert await found("ungarn") == {row["number"] for row in rows}
    name = oldest["their_name"]
    assert await found(f"UNGARN {name.upper()}") == {row["number"] for row in rows if row["their_name"] == name}
    assert await found("Eszter") == await found("Hungary") == set()


def _steps(node: Node, work: Callable[[Read], object]) -> int:
    """Return how many tens of steps of SQLite's machine something takes."""
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    def counted(q: Read) -> None:
        q._connection.set_progress_handler(step, 10)
        try:
            work(q)
        finally:
            q._connection.set_progress_handler(None, 0)

    node.store.read_now(counted)
    return count


_SEARCHED = ("number", "country", "area", "since", "before")


def _asked_often(made: CaseStore) -> dict[str, Callable[[Read], object]]:
    own = made.busiest
    closed = made.whole(own, still_open=False)[0]
    lists: dict[str, dict[str, Any]] = {
        "all": {}, "open": {"open": True}, "todo": {"todo": True}, "waiting": {"todo": False},
        "finished": {"open": False}, "blocked": {"blocked": True}, "passed on": {"passed_on": True},
        "mine": {"handler": "anna"}, "rare": {"state": "withdrawn"}, "number": {"number": closed.number},
        "country": {"country": "FR"}, "area": {"area": OTHER_AREA},
    }  # fmt: skip
    reach, deciding = ((own, ""),), ((own, ""),)
    until = stamp(START - timedelta(days=400))
    return {
        **{
            name: lambda q, filters=filters: case_lists.listing(q, Wanted(reach, deciding, filters=filters), 5)
            for name, filters in lists.items()
        },
        "count": lambda q: case_lists.count_todo(q, reach, deciding),
        "referrals": lambda q: (referrals.coordinators(q), referrals.open_referrals(q, [COORDINATOR])),
        "audited cases": lambda q: audit.trail(q, audit.Which(("DE-zzz",), "case"), None, 5),
        "audited": lambda q: audit.trail(q, audit.Which((own,)), None, 5),
        "cases for a claim": lambda q: subjects.searched(q, own, dict.fromkeys(_SEARCHED), 5),
        "urgent": lambda q: cases.urgent(q, AREA, [own], ("", ""), 50),
        "calendar": lambda q: cases.outstanding(q, reach, 1000),
        "met": lambda q: (cases.met(q, "HU"), cases.met(q, "FR")),
        "reminders": lambda q: list(telling.due_reminders(q, START.date() - timedelta(days=1), START.date())),
        "statistics of what runs": lambda q: courses.running(q, "replying", "2025", "2027", None),
        "retention": lambda q: (retention.areas(q), retention.due(q, "block", AREA, until, 50)),
    }


async def test_nothing_costs_more_in_a_store_with_more_closed_cases(
    filled: tuple[Node, CaseStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lists, counts, reminders, the retention run and a message: the same steps of SQLite with ten times the cases."""
    node, made = filled
    monkeypatch.setattr(case_lists, "LOOK", 20)
    closed = [case.id for case in made.whole(made.busiest, still_open=False)]

    def more(tx: Tx, turn: int) -> None:
        copies.add(tx, closed, turn, turn * len(closed))
        tx.run("UPDATE cases SET handler = 'anna' WHERE role = 'asking'")
        ids = [row["id"] for row in tx.all("SELECT id FROM cases WHERE closed_at IS NOT NULL ORDER BY id LIMIT 20")]
        retention.block(tx, ids if turn == 1 else [])

    asked = _asked_often(made)
    for turn in range(1, 3):
        await node.store.write(lambda tx, turn=turn: more(tx, turn))  # type: ignore[misc]
    await statistics.keep(node)
    few = {name: _steps(node, work) for name, work in asked.items()} | {"message": await _message(node, made)}
    for turn in range(3, 31):
        await node.store.write(lambda tx, turn=turn: more(tx, turn))  # type: ignore[misc]
    await statistics.keep(node)
    many = {name: _steps(node, work) for name, work in asked.items()} | {"message": await _message(node, made)}
    grown = {name: (few[name], many[name]) for name in few if many[name] > few[name] * 1.4 + 10}
    assert len(closed) > 10
    assert not grown


async def _message(node: Node, made: CaseStore) -> int:
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    anna = Actor("a", "Anna", "de", granted(["handler"], [made.busiest]))
    connection = node.store.writer._connection
    case = made.whole(made.busiest, still_open=True)[0]
    connection.set_progress_handler(step, 10)
    await messages.send(node, anna, case.id, Said(text="Wir bitten um Geduld.", lang="de"))
    connection.set_progress_handler(None, 0)
    return count


async def test_statistics_say_the_same_once_courses_are_kept(filled: tuple[Node, CaseStore]) -> None:
    """What has ended is counted without being read again; whatever changes a case has it counted anew."""
    node, made = filled

    async def told() -> list[statistics.Statistics]:
        return [
            await statistics.statistics(node, operator(), Figures(role, by), "de")  # type: ignore[arg-type]
            for role, by in itertools.product(("asking", "replying"), ("month", "area", "country", "authority"))
        ]

    before = await told()
    assert await statistics.keep(node) > WHOLE // 2
    assert await told() == before
    assert await statistics.keep(node) == 0
    case = next(one for one in made.whole(made.busiest, still_open=False) if one.role == "asking")
    rated = replace(case, timeliness=-1, efforts=1)
    await node.store.write(lambda tx: cases.update(tx, rated))
    after = await told()
    assert [one.total.negative_timeliness.of for one in after[:4]] == [1] * 4
    assert after[4:] == before[4:]
    assert await statistics.keep(node) == 1
    assert await told() == after
    refused = "UPDATE event SET status = 'refused' WHERE case_id = :id AND kind = 'request.reply'"
    await node.store.write(lambda tx: tx.run(refused, {"id": case.id}))
    assert (await told())[0].total.days_to_answer.of == after[0].total.days_to_answer.of - 1
    await node.store.write(lambda tx: tx.run("DELETE FROM cases WHERE id = :id", {"id": case.id}))
    assert (await told())[0].total.requests == after[0].total.requests - 1
