"""Deleting a case: ordered before its time, across old disks and deliveries, until the last backup is gone."""

import datetime as dt
from pathlib import Path

import pytest

from node.cli.simulation.loop import run
from node.errors import NodeError
from node.service import (
    backup,
    cases,
    corrections,
    erasure,
    erasure_backups,
    reading,
    retention_status,
    splitting,
    upkeep,
)
from node.service.issue import issue
from node.service.verification import check_node
from node.store import blobs, erasures, events
from node.store import cases as stored_cases
from protocol.content import MATTER, PERSON, ActMatter, MessagePerson
from protocol.content import Actor as ActorName
from protocol.event import parse_item
from protocol.message import MESSAGE
from tests.exchange.closed import OTTO, PART, WORD, ZSOFIA, answered_and_closed, closed, erased_at, left
from tests.exchange.disks import all_of, put_back, recovered, save_disk, start_again
from tests.exchange.pair import world
from tests.exchange.test_refusal import stored_case
from tests.exchange.test_story import ANNA, KATALIN, ask, reply


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


async def _older_than_the_case(folder: Path, lost: str, *, ordered: bool) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await ask(both)
        await both.settled()
        save_disk(both, lost)
        case_id = await ask(both)
        await answered_and_closed(both, case_id)
        if ordered:
            await erasure.order(both["HU"], ZSOFIA, case_id, "consent")
        else:
            for node in both.net.nodes.values():
                await node.store.write(lambda tx, node=node: erasure.decide(tx, node, [case_id], "time"))  # type: ignore[misc]
        for country in ("DE", "HU", "DE"):
            await both.settled()
            await erasure.look(both[country])
        await both.settled()
        await put_back(both, lost)
        await start_again(both, lost)
        await recovered(both)
        signed = "SELECT digest FROM event WHERE status = 'applied' ORDER BY digest"
        assert all_of(both["DE"], signed) == all_of(both["HU"], signed)
        assert check_node(both[lost]) == [], "before it looks what there is to erase"
        await erasure.look(both[lost])
        await erasure.finish(both[lost])
        assert check_node(both[lost]) == []
        assert case_id in both[lost].case_keys.erased()
        assert both[lost].store.read_now(lambda q: erasures.unfinished(q, 1)) == []
        assert both[lost].case_keys.wrapped(case_id) is None
        rows = both[lost].store.read_now(lambda q: events.of_case(q, case_id))
        assert {(parse_item(bytes(row["line"])).is_bare, bytes(row["ceks"])) for row in rows} == {(True, b"")}
        assert left(both[lost]) == {}


@pytest.mark.parametrize("ordered", [True, False], ids=["ordered", "in-time"])
@pytest.mark.parametrize("lost", ["DE", "HU"])
def test_a_case_that_an_old_disk_never_knew_comes_back_as_erased(tmp_path: Path, lost: str, *, ordered: bool) -> None:
    """Both sides have erased it since: the streams come back whole with signed words alone, and verify (SPEC S-276)."""
    run(_older_than_the_case(tmp_path, lost, ordered=ordered))


async def _in_pieces(folder: Path, patch: pytest.MonkeyPatch) -> None:
    async with closed(folder) as world_:
        node, case_id = world_.both["DE"], world_.case_id
        others = [await ask(world_.both) for _ in range(4)]
        for one in others:
            await cases.withdraw(node, ANNA, one)
        await world_.both.settled()
        patch.setattr(erasure, "MANY", 2)
        strip, left_over = erasures.strip, [others[1]]
        patch.setattr(
            erasures, "strip", lambda tx, ids, bare: strip(tx, [one for one in ids if one not in left_over], bare)
        )
        await node.store.write(lambda tx: erasure.decide(tx, node, [case_id, *others], "time"))
        assert await erasure.carry_out(node) == 5
        assert [one.id for one in node.store.read_now(lambda q: erasures.to_do(q, 9))] == left_over
        left_over.clear()
        assert await erasure.carry_out(node) == 1
        assert node.store.read_now(lambda q: erasures.to_do(q, 9)) == []


def test_what_is_left_of_a_deletion_waits_for_the_next_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each case has one turn in a look: one that stays in the list, for whatever reason, holds up none behind it."""
    run(_in_pieces(tmp_path, monkeypatch))


async def _part_on_an_old_disk(folder: Path, patch: pytest.MonkeyPatch, *, careless: bool) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        case_id = await ask(both)
        save_disk(both, "DE")
        await splitting.split(both["HU"], KATALIN, case_id, "HU-mok", ["sanctions"], WORD)
        await both.settled()
        (part,) = (one.case for one in (await reading.read_case(both["DE"], ANNA, case_id, "de")).parts)
        assert part is not None
        await cases.withdraw(both["DE"], ANNA, part)
        await both.settled()
        await erasure.order(both["DE"], OTTO, part, "court")
        for country in ("HU", "DE", "HU"):
            await both.settled()
            await erasure.look(both[country])
        await both.settled()
        if careless:  # as an earlier version is, or whoever wants to see what becomes of it
            patch.setattr(stored_cases, "unopened_parts", lambda _q, _peer, _ids=None: [(case_id, part)])
        await put_back(both, "DE")
        await start_again(both, "DE")
        await recovered(both)
        await erasure.look(both["DE"])
        said = both["DE"].store.read_now(lambda q: events.of_case(q, part))
        again = [row["code"] for row in said if row["kind"] == "request.send" and row["status"] != "applied"]
        assert set(again) <= {"case-exists"}
        assert bool(again) == careless
        assert both["HU"].case_keys.wrapped(part) is None
        assert check_node(both["HU"]) == []
        if not careless:
            assert check_node(both["DE"]) == []


@pytest.mark.parametrize("careless", [False, True])
def test_a_part_that_was_deleted_is_not_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, careless: bool
) -> None:
    """An old disk finds it named and not there: it stays deleted, and nobody makes a key for it anew (SPEC S-276)."""
    run(_part_on_an_old_disk(tmp_path, monkeypatch, careless=careless))


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
