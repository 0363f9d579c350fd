"""Closed cases are blocked and deleted in time, on both sides, and what was signed stays provable."""

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from node.cli.simulation.loop import run
from node.clock import unstamp
from node.domain.access import Actor, granted
from node.domain.draft import ReplyDraft
from node.domain.retention import day_that_counts
from node.errors import NodeError
from node.service import (
    attachments,
    backup,
    blocking,
    cases,
    corrections,
    drafts,
    erasure,
    erasure_backups,
    messages,
    rating,
    reading,
    retention,
    retention_status,
    splitting,
    upkeep,
)
from node.service.issue import issue
from node.service.node import Node
from node.service.verification import check_node
from node.store import blobs, erasures, events
from node.store import cases as stored_cases
from protocol.content import MATTER, PERSON, ActMatter, MessagePerson, Said
from protocol.content import Actor as ActorName
from protocol.event import parse_item
from protocol.message import MESSAGE
from tests.exchange.disks import all_of, put_back, recovered, save_disk, start_again
from tests.exchange.pair import World, world
from tests.exchange.test_refusal import stored_case
from tests.exchange.test_story import ANNA, KATALIN, PDF, ask, reply
from translations.area import MAX_DELETE_YEARS, Areas

OTTO = Actor("id-otto", "Otto", "de", granted(["data-administrator"], ["DE-zaek-berlin"]))
ZSOFIA = Actor("id-zsofia", "Zsófia", "hu", granted(["data-administrator"], ["HU-okfo"]))
PART = "6f1c0d4e-8f0a-4c0e-9d53-3a9f5a1b2c09"
WORD = Said(text="Noch offen.", lang="de")
PERSONAL = ("Eszter", "Kovács", "oklevel.pdf", "Bitte prüfen", "nyilvántartásban")


@dataclass
class Closed:
    """Two nodes with a case that was closed, and one that stays open and proves the time."""

    both: World
    case_id: str
    open_id: str

    async def later(self, days: float) -> None:
        """Let time pass on both clocks, and let each side have a receipt of the other afterwards."""
        self.both.clock.offset += dt.timedelta(days=days)
        await messages.send(self.both["DE"], ANNA, self.open_id, WORD)
        await messages.send(self.both["HU"], KATALIN, self.open_id, WORD)
        await self.both.settled()

    async def run(self, country: str) -> retention.Done:
        """Do a node's daily run, and let what it tells arrive."""
        done = await retention.run(self.both[country])
        await erasure.look(self.both[country])
        await self.both.settled()
        await erasure.finish(self.both[country])
        return done


@asynccontextmanager
async def closed(folder: Path) -> AsyncIterator[Closed]:
    """Give two nodes with a closed case; at the end both are sound."""
    async with world(folder, "DE", "HU", inline=True) as both:
        case_id, open_id = await ask(both), await ask(both)
        await cases.accept(both["HU"], KATALIN, case_id)
        await drafts.start_reply(both["HU"], KATALIN, case_id)  # stays, since the reply is sent whole
        await cases.reply(both["HU"], KATALIN, case_id, reply())
        await both.settled()
        await cases.close(both["DE"], ANNA, case_id)
        await both.settled()
        yield Closed(both, case_id, open_id)
        await both.settled()
        for country in both.net.nodes:
            assert check_node(both[country]) == []


async def answered_and_closed(both: World, case_id: str) -> None:
    """Let Budapest answer, and Berlin close the case."""
    await cases.accept(both["HU"], KATALIN, case_id)
    await cases.reply(both["HU"], KATALIN, case_id, reply())
    await both.settled()
    await cases.close(both["DE"], ANNA, case_id)
    await both.settled()


def plan(node: Node) -> list[tuple[str, str]]:
    """Return what is due at a node: case and step."""
    return [(due.case_id, due.step) for due in retention.plan(node)]


def left(node: Node) -> dict[str, list[str]]:
    """Return which files of a node's data hold which personal words in the clear, and its attachments."""
    words = {
        word: [
            path.name for path in node.config.data.rglob("*") if path.is_file() and word.encode() in path.read_bytes()
        ]
        for word in PERSONAL
    }
    return {word: files for word, files in words.items() if files}


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


async def _reasons(folder: Path) -> None:
    async with closed(folder) as world_:
        node, case_id = world_.both["DE"], world_.case_id
        await world_.later(190)
        await world_.run("DE")
        listed = await reading.list_cases(node, ANNA, reading.CaseFilter(), "de")
        assert [one.id for one in listed.items] == [world_.open_id]
        for refused in (
            lambda: reading.read_case(node, ANNA, case_id, "de"),
            lambda: cases.clarify(node, ANNA, case_id, WORD),
        ):
            with pytest.raises(NodeError, match="case-blocked"):
                await refused()
        with pytest.raises(NodeError, match="invalid"):
            await blocking.see(node, ANNA, case_id, "proof", " ")
        with pytest.raises(NodeError, match="not-found"):
            await blocking.see(node, KATALIN, case_id, "proof", "x")
        await blocking.see(node, ANNA, case_id, "proof", "Beweis vor dem Verwaltungsgericht")
        view = await reading.read_case(node, ANNA, case_id, "de")
        assert (view.state, view.actions) == ("closed", ())
        with pytest.raises(NodeError, match="case-blocked"):  # to read is all that a reason opens
            await rating.rate(node, ANNA, case_id, 1, 1)
        file = await attachments.read_attachment(node, ANNA, case_id, view.attachments[0].sha256)
        assert file.data == PDF
        (sight,) = blocking.seen_by(node, OTTO)[0]
        assert (sight.ground, sight.reason) == ("proof", "Beweis vor dem Verwaltungsgericht")
        world_.both.clock.offset += dt.timedelta(minutes=blocking.SIGHT_MINUTES + 1)
        with pytest.raises(NodeError, match="case-blocked"):
            await reading.read_case(node, ANNA, case_id, "de")
        assert left(node) == {}


def test_blocked_data_are_seen_with_a_reason_that_is_logged(tmp_path: Path) -> None:
    """Lists leave the case out; a reason opens it for a while, to its author alone, and the administrator sees why."""
    run(_reasons(tmp_path))


async def _drafted(folder: Path) -> None:
    async with closed(folder) as world_:
        node = world_.both["HU"]
        (draft,) = drafts.listing(node, KATALIN)
        await world_.later(190)
        await world_.run("HU")
        assert drafts.listing(node, KATALIN) == []
        with pytest.raises(NodeError, match="case-blocked"):
            drafts.read(node, KATALIN, draft.id)
        for refused in (drafts.delete(node, KATALIN, draft.id), drafts.save(node, KATALIN, draft.id, ReplyDraft())):
            with pytest.raises(NodeError, match="case-blocked"):
                await refused


def test_the_draft_of_a_reply_is_blocked_with_its_case(tmp_path: Path) -> None:
    """It is in no list, and neither read nor changed nor thrown away without a reason."""
    run(_drafted(tmp_path))


async def _ordered(folder: Path) -> None:
    async with closed(folder) as world_:
        both, case_id = world_.both, world_.case_id
        with pytest.raises(NodeError, match="forbidden"):
            await erasure.order(both["DE"], ANNA, case_id, "consent")
        with pytest.raises(NodeError, match="wrong-state"):
            await erasure.order(both["DE"], OTTO, world_.open_id, "consent")
        both.net.down.add("HU")
        await erasure.order(both["DE"], OTTO, case_id, "consent")
        with pytest.raises(NodeError, match="case-erased"):
            await reading.read_case(both["DE"], ANNA, case_id, "de")
        await erasure.look(both["DE"])
        assert (await reading.read_case(both["HU"], KATALIN, case_id, "hu")).state == "closed"
        both.clock.offset += dt.timedelta(days=31)
        both.net.down.clear()
        await both.settled(longest_s=60)
        with pytest.raises(NodeError, match="case-erased"):
            await reading.read_case(both["HU"], KATALIN, case_id, "hu")
        await erasure.look(both["HU"])
        await both.settled()
        for country in ("DE", "HU"):
            await erasure.finish(both[country])
            (row,) = both[country].store.read_now(lambda q: erasures.listing(q, 10))
            assert row["finished_at"] is not None
            assert row["erased_there_at"] is not None


def test_an_order_before_its_time_reaches_a_node_that_was_down_for_a_month(tmp_path: Path) -> None:
    """The data administrator orders, the other side carries it out when it is back, and says so (SPEC S-274)."""
    run(_ordered(tmp_path))


async def _divided(folder: Path, country: str) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        case_id = await ask(both)
        await splitting.split(both["HU"], KATALIN, case_id, "HU-mok", ["sanctions"], WORD)
        await splitting.split(both["HU"], KATALIN, case_id, "HU-oktatasi-hivatal", ["evidence-holder"], WORD)
        await both.settled()
        named = await reading.read_case(both["DE"], ANNA, case_id, "de")
        ended, runs = (part.case for part in named.parts)
        assert ended is not None
        assert runs is not None
        for one in (ended, case_id):
            await cases.withdraw(both["DE"], ANNA, one)
        await both.settled()
        orders = OTTO if country == "DE" else ZSOFIA
        await erasure.order(both[country], orders, case_id, "court")
        await both.settled()
        assert {one: erased_at(both, one) for one in (case_id, ended, runs)} == {
            case_id: {"DE", "HU"},
            ended: {"DE", "HU"},
            runs: set(),
        }
        await cases.withdraw(both["DE"], ANNA, runs)
        await both.settled()
        for one in ("HU", "DE", "HU"):
            await erasure.look(both[one])
            await both.settled()
            await erasure.finish(both[one])
        assert erased_at(both, runs) == {"DE", "HU"}
        for one in ("HU", "DE"):
            rows = both[one].store.read_now(lambda q: erasures.listing(q, 10))
            assert {row["case_id"] for row in rows if row["finished_at"] and row["erased_there_at"]} == {
                case_id,
                ended,
                runs,
            }
            assert left(both[one]) == {}
            assert check_node(both[one]) == []


def erased_at(both: World, case_id: str) -> set[str]:
    """Return the countries that show a case to nobody any more."""
    return {
        country
        for country, node in both.net.nodes.items()
        if node.store.read_now(lambda q: erasures.find(q, case_id)) is not None
    }


@pytest.mark.parametrize("country", ["DE", "HU"])
def test_an_order_reaches_the_parts_of_a_divided_case(tmp_path: Path, country: str) -> None:
    """Whichever side orders: what has ended goes at once, a part that runs as soon as it ends (SPEC S-277)."""
    run(_divided(tmp_path, country))


async def _unopened(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        case_id = await ask(both)
        await answered_and_closed(both, case_id)
        never = f"UPDATE cases SET parts = '{PART}' WHERE id = :id"
        await both["DE"].store.write(lambda tx: tx.run(never, {"id": case_id}))
        assert both["DE"].store.read_now(lambda q: stored_cases.unopened_parts(q, "HU")) == [(case_id, PART)]
        await erasure.order(both["DE"], OTTO, case_id, "court")
        assert both["DE"].store.read_now(lambda q: stored_cases.unopened_parts(q, "HU")) == []


def test_a_deleted_case_opens_no_part_any_more(tmp_path: Path) -> None:
    """A part that was named and never opened, since a file of it was lost, isn't tried for ever."""
    run(_unopened(tmp_path))


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


AREA = "professional-qualifications"


def forget_area(node: Node) -> None:
    """Let a node have an area no more, as when its operator takes back a pilot."""
    node.areas = Areas(area for area in node.areas.values() if area.id != AREA)


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


async def _old_disk(folder: Path, *, list_kept: bool) -> None:
    async with closed(folder) as world_:
        both, case_id = world_.both, world_.case_id
        save_disk(both, "DE")
        await erasure.order(both["DE"], OTTO, case_id, "consent")
        await both.settled()
        for country in ("HU", "DE"):
            await erasure.look(both[country])
            await both.settled()
            await erasure.finish(both[country])
        kept = (both["DE"].config.data / "erased").read_bytes()
        await put_back(both, "DE")
        if list_kept:
            (folder / "DE/data/erased").write_bytes(kept)
        await start_again(both, "DE")
        await recovered(both)
        await upkeep.protect(both["DE"])
        await erasure.look(both["DE"])
        with pytest.raises(NodeError, match="case-erased"):
            await reading.read_case(both["DE"], ANNA, case_id, "de")
        with pytest.raises(NodeError, match="not-found"):
            both["DE"].case_keys.find(case_id)
        assert both["DE"].store.read_now(lambda q: blobs.of_case(q, case_id)) == {}
        await both.settled()
        await erasure.finish(both["DE"])


@pytest.mark.parametrize("list_kept", [True, False])
def test_an_old_disk_brings_nothing_back(tmp_path: Path, *, list_kept: bool) -> None:
    """Erased again at the start by the list beside the data; without it, by what the peer gives back (SPEC S-276)."""
    run(_old_disk(tmp_path, list_kept=list_kept))


async def _divided_on_an_old_disk(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        case_id = await ask(both)
        await splitting.split(both["HU"], KATALIN, case_id, "HU-mok", ["sanctions"], WORD)
        await both.settled()
        (part,) = (one.case for one in (await reading.read_case(both["DE"], ANNA, case_id, "de")).parts)
        assert part is not None
        save_disk(both, "DE")
        for one in (part, case_id):
            await cases.withdraw(both["DE"], ANNA, one)
        await both.settled()
        await erasure.order(both["HU"], ZSOFIA, case_id, "court")
        for country in ("DE", "HU"):
            await both.settled()
            await erasure.look(both[country])
        await both.settled()
        assert erased_at(both, part) == {"DE", "HU"}
        await put_back(both, "DE")
        await start_again(both, "DE")
        await recovered(both)
        await upkeep.protect(both["DE"])
        await erasure.look(both["DE"])
        assert [erased_at(both, one) for one in (case_id, part)] == [{"DE", "HU"}] * 2
        assert left(both["DE"]) == {}
        states = [all_of(both[one], "SELECT id, state, n, head FROM cases ORDER BY id") for one in ("DE", "HU")]
        assert states[0] == states[1]
        assert check_node(both["DE"]) == []


def test_an_order_reaches_a_part_whose_end_an_old_disk_has_forgotten(tmp_path: Path) -> None:
    """The other side has deleted it and gives back signed words alone: they say that it has ended (SPEC S-276)."""
    run(_divided_on_an_old_disk(tmp_path))


async def _crossed(folder: Path) -> None:
    async with closed(folder) as world_:
        both, case_id = world_.both, world_.case_id
        both.net.down.add("DE")
        await erasure.order(both["HU"], ZSOFIA, case_id, "consent")
        said = {MATTER: ActMatter(actor=ActorName(authority="DE-zaek-berlin")), PERSON: MessagePerson(comment=WORD)}
        await issue(both["DE"], ANNA, stored_case(both["DE"], case_id), MESSAGE, said)
        both.net.down.clear()
        await both.settled()
        found = both["DE"].store.read_now(lambda q: events.of_case(q, case_id))
        assert [row["code"] for row in found if row["kind"] == MESSAGE] == ["case-erased"]
        await erasure.look(both["DE"])
        await both.settled()
        await erasure.finish(both["DE"])
        assert both["DE"].store.read_now(lambda q: erasures.unfinished(q, 1)) == []


def test_what_crosses_an_erasure_is_refused_and_goes_with_it(tmp_path: Path) -> None:
    """A message that meets an erased case is void for good; its own side erases the case all the same (SPEC S-275)."""
    run(_crossed(tmp_path))


async def _on_its_way(folder: Path) -> None:
    async with closed(folder) as world_:
        both, case_id = world_.both, world_.open_id
        await cases.accept(both["HU"], KATALIN, case_id)
        await cases.reply(both["HU"], KATALIN, case_id, reply())
        await both.settled()
        await cases.close(both["DE"], ANNA, case_id)
        await both.settled()
        both.net.down.add(("DE", "HU"))
        sent = both["DE"].store.read_now(lambda q: events.of_case(q, case_id))[0]["digest"]
        await corrections.contest(both["DE"], OTTO, case_id, str(sent), "accuracy", WORD)
        await erasure.order(both["DE"], OTTO, case_id, "court")
        assert erased_at(both, case_id) == {"DE"}
        both.net.down.clear()
        await both.settled(longest_s=60)
        kinds = [row["kind"] for row in both["HU"].store.read_now(lambda q: events.of_case(q, case_id))]
        assert kinds[-2:] == ["correction.contest", "erasure.order"]
        await erasure.look(both["HU"])
        await both.settled()
        for country in ("DE", "HU"):
            await erasure.look(both[country])
            await both.settled()
            await erasure.finish(both[country])
            lines = both[country].store.read_now(lambda q: events.of_case(q, case_id))
            assert {parse_item(bytes(row["line"])).is_bare for row in lines} == {True}


def test_an_erasure_in_the_middle_of_a_delivery_loses_nothing_that_was_said(tmp_path: Path) -> None:
    """What waited for the other side arrives, and is taken away here once it is receipted (SPEC S-030)."""
    run(_on_its_way(tmp_path))


async def _complete(folder: Path) -> None:
    async with closed(folder) as world_:
        node, keys = world_.both["DE"], folder / "keys-backup"
        (folder / "backup").mkdir(mode=0o700)
        keys.mkdir(mode=0o700)
        backup.create(node, folder / "backup", keys)
        await erasure.order(node, OTTO, world_.case_id, "unlawful")
        world_.both.clock.offset += dt.timedelta(days=29)
        backup.create(node, folder / "backup", keys)
        assert await erasure_backups.note_complete(node) == 0
        (told,) = retention_status.status(node, 10).items
        assert told.complete_on is not None
        assert told.key_gone_at is not None
        assert (told.complete_on - told.key_gone_at).days in (29, 30)
        world_.both.clock.offset += dt.timedelta(days=2)
        assert await erasure_backups.note_complete(node) == 0, "the expired backup is still there"
        backup.prune(keys, 9, node.clock.now())
        assert await erasure_backups.note_complete(node) == 1
        (told,) = retention_status.status(node, 10).items
        assert told.complete_at is not None
        assert left(node) == {}


def test_a_deletion_is_complete_when_the_last_backup_of_its_key_is_gone(tmp_path: Path) -> None:
    """A backup from before it holds the key; those made afterwards don't count, and an expired one has to be gone."""
    run(_complete(tmp_path))
