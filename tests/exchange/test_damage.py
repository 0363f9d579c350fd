"""Bit rot in one stored event stops that one case; streams and all other cases go on, and nothing is refused for it."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from node.errors import NodeError
from node.service import cases, drafts, reading, requests, upkeep
from node.service.diagnosis import check_local
from node.service.node import Node
from node.service.verification import check_node
from node.store import damage as marks
from node.store import streams
from protocol.problems import ProtocolError
from tests.exchange.pair import World, world
from tests.exchange.test_refusal import rows
from tests.exchange.test_story import ANNA, KATALIN, ask, reply, request


def _flip(data: bytes) -> bytes:
    return data[:100] + bytes([data[100] ^ 1]) + data[101:]


ROT: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "a bit of the line": ("line", _flip),
    "the line is gone": ("line", lambda _: b""),
    "the line is cut": ("line", lambda data: data[: len(data) // 2]),
    "the line isn't text": ("line", lambda data: b"\xff" * len(data)),
    "a bit of the keys": ("ceks", lambda data: data[:-1] + bytes([data[-1] ^ 1])),
    "the keys are gone": ("ceks", lambda _: b""),
    "the keys are cut": ("ceks", lambda data: data[:5]),
}


async def rot(node: Node, case_id: str, kind: str, how: str) -> Callable[[], Any]:
    """Damage a stored event; returns what puts it right again."""
    column, change = ROT[how]
    where = {"id": case_id, "kind": kind}
    row = node.store.read_now(
        lambda q: q.one(f"SELECT {column} AS data FROM event WHERE case_id = :id AND kind = :kind", where)
    )
    assert row is not None
    good = bytes(row["data"])

    def put(data: bytes) -> Any:
        sql = f"UPDATE event SET {column} = :data WHERE case_id = :id AND kind = :kind"
        return node.store.write(lambda tx: tx.run(sql, {**where, "data": data}))

    await put(change(good))
    return lambda: put(good)


async def state(both: World, country: str, case_id: str) -> str:
    """Return the state of a case as the work list has it."""
    actor = ANNA if country == "DE" else KATALIN
    listed = await reading.list_cases(both[country], actor, reading.CaseFilter(), "en")
    return next(item.state for item in listed.items if item.id == case_id)


def marked(node: Node) -> list[str]:
    """Return the cases that are marked as damaged."""
    return [row["case_id"] for row in node.store.read_now(marks.listing)]


@pytest.mark.parametrize("how", ROT)
async def test_a_damaged_request_stops_neither_its_stream_nor_its_case(tmp_path: Path, how: str) -> None:
    """The reply is stored and receipted (SPEC S-179), other cases are read, and once the bytes are back all is well."""
    async with world(tmp_path, "DE", "HU") as both:
        hurt, fine = await ask(both), await ask(both)
        mend = await rot(both["DE"], hurt, "request.send", how)
        for case_id in (hurt, fine):
            await cases.accept(both["HU"], KATALIN, case_id)
            await cases.reply(both["HU"], KATALIN, case_id, reply())
        await both.settled()
        assert [await state(both, "DE", case_id) for case_id in (hurt, fine)] == ["replied", "replied"]
        assert (await reading.read_case(both["DE"], ANNA, fine, "de")).state == "replied"
        with pytest.raises(NodeError, match="case-damaged"):
            await reading.read_case(both["DE"], ANNA, hurt, "de")
        assert marked(both["DE"]) == [hurt]
        assert [c.level for c in check_local(both["DE"]) if hurt in c.message] == ["fail"]
        told = {"event-damaged", "event-signature", "content-damaged", "batch-damaged"}
        assert {f.code for f in check_node(both["DE"])} <= told
        await upkeep.round_of(both["DE"])
        assert marked(both["DE"]) == [hurt]
        await mend()
        await upkeep.round_of(both["DE"])
        assert (marked(both["DE"]), check_node(both["DE"])) == ([], [])
        assert (await reading.read_case(both["DE"], ANNA, hurt, "de")).state == "replied"


async def test_a_refusal_counts_though_its_case_is_damaged(tmp_path: Path) -> None:
    """The receipt is taken in and the stream goes on; what was refused is taken back when the case is whole again."""
    async with world(tmp_path, "DE", "HU") as both:
        hurt = await ask(both)
        await cases.accept(both["HU"], KATALIN, hurt)
        await both.settled()
        both.net.down.add("DE")
        await cases.reply(both["HU"], KATALIN, hurt, reply())
        mend = await rot(both["HU"], hurt, "request.send", "a bit of the keys")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("node.service.receive.judge_content", _refuse)
            both.net.down.clear()
            await both.settled()
        assert rows(both["HU"], hurt)[-1] == ("request.reply", 3, "refused", "content-incomplete")
        assert marked(both["HU"]) == [hurt]
        other = await ask(both)
        assert await state(both, "HU", other) == "sent"
        await mend()
        await upkeep.round_of(both["HU"])
        assert await state(both, "HU", hurt) == "accepted"
        assert check_node(both["HU"]) == []


def _refuse(_areas: Any, kind: str, *_: Any) -> None:
    """Judge every reply to be incomplete, as a node with a newer question set may."""
    if kind == "request.reply":
        raise ProtocolError("content-incomplete", "sanctions")


async def cut_off(both: World) -> None:
    """Cut Hungary off, and wait until Berlin has noticed: what is sent from now on waits unsealed."""
    await both.settled()
    both.net.down.add("HU")
    await requests.send(both["DE"], ANNA, request())
    async with asyncio.timeout(10):
        while not both["DE"].store.read_now(lambda q: streams.stuck(q, "HU")):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_damaged_message_that_waits_is_refused_alone(tmp_path: Path) -> None:
    """It goes as it is, the receiver refuses that one event, and those behind it arrive."""
    async with world(tmp_path, "DE", "HU") as both:
        await cut_off(both)
        hurt = await requests.send(both["DE"], ANNA, request())
        fine = await requests.send(both["DE"], ANNA, request())
        await rot(both["DE"], hurt.id, "request.send", "a bit of the line")
        both.net.down.clear()
        await both.settled()
        assert rows(both["DE"], hurt.id) == [("request.send", 1, "refused", "event-malformed")]
        assert [await state(both, "DE", c.id) for c in (hurt, fine)] == ["refused", "sent"]
        assert await state(both, "HU", fine.id) == "sent"


async def test_a_line_that_fell_apart_waits_and_the_others_go(tmp_path: Path) -> None:
    """A line feed inside would end the line early and alter every batch with it; so it stays here."""
    async with world(tmp_path, "DE", "HU") as both:
        await cut_off(both)
        hurt = await requests.send(both["DE"], ANNA, request())
        fine = await requests.send(both["DE"], ANNA, request())
        sql = "UPDATE event SET line = CAST('a' || char(10) || 'b' AS BLOB) WHERE case_id = :id"
        await both["DE"].store.write(lambda tx: tx.run(sql, {"id": hurt.id}))
        both.net.down.clear()
        with pytest.raises(AssertionError, match="don't settle"):
            await both.settled(longest_s=1)
        assert await state(both, "HU", fine.id) == "sent"
        assert rows(both["DE"], hurt.id) == [("request.send", 1, "on-its-way", None)]


def failure(node: Node, peer: str) -> str:
    """Return why nothing goes to a peer, as the operator reads it; empty while all is well."""
    row = node.store.read_now(lambda q: q.one("SELECT failure FROM peer WHERE country = :peer", {"peer": peer}))
    return (row["failure"] if row else None) or ""


async def test_a_damaged_message_in_a_sealed_batch_is_named(tmp_path: Path) -> None:
    """What was sealed can't be sealed again; the operator is told what is wrong, the other direction goes on."""
    async with world(tmp_path, "DE", "HU") as both:
        case_id = await ask(both)
        both.net.down.add(("DE", "HU"))
        hurt = await requests.send(both["DE"], ANNA, request())
        async with asyncio.timeout(10):
            while not both["DE"].store.read_now(lambda q: streams.unreceipted(q, "DE", "HU")):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await both.exchanges["DE"].stop()  # an attempt under way would still have the good bytes
        mend = await rot(both["DE"], hurt.id, "request.send", "a bit of the line")
        both.net.down.clear()
        await both.start("DE")
        await cases.accept(both["HU"], KATALIN, case_id)
        async with asyncio.timeout(20):
            while "damaged here: entente verify" not in failure(both["DE"], "HU"):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            while await state(both, "DE", case_id) != "accepted":  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await mend()
        await both.settled()
        assert await state(both, "HU", hurt.id) == "sent"


async def test_a_damaged_draft_hides_no_other(tmp_path: Path) -> None:
    """The list shows what can be read."""
    async with world(tmp_path, "DE", "HU") as both:
        await both.settled()
        node = both["DE"]
        hurt = await drafts.start_request(node, ANNA, request())
        fine = await drafts.start_request(node, ANNA, request())
        await node.store.write(
            lambda tx: tx.run("UPDATE draft SET content = :c WHERE id = :id", {"c": b"x", "id": hurt.id})
        )
        assert [draft.id for draft in drafts.listing(node, ANNA)] == [fine.id]


async def test_keys_of_cases_that_never_came_to_be_are_swept(tmp_path: Path) -> None:
    """Only after a day, and never one that a case, a draft or somebody just at work needs."""
    async with world(tmp_path, "DE", "HU") as both:
        case_id, node = await ask(both), both["DE"]
        draft = await drafts.start_request(node, ANNA, request())
        await node.case_keys.make(["orphan", "resumed"])
        assert await upkeep.sweep_keys(node) == 0
        both.clock.offset += timedelta(days=2)
        await node.case_keys.make(["resumed"])
        assert await upkeep.sweep_keys(node) == 1
        with pytest.raises(NodeError, match="not-found"):
            node.case_keys.find("orphan")
        kept = {one: node.case_keys.find(one) for one in (case_id, draft.id, "resumed")}
        assert await node.case_keys.make(["resumed"]) == {"resumed": kept["resumed"]}
        just_looked = node.clock.now() - timedelta(days=1)
        assert await node.case_keys.erase_made_before(["resumed"], just_looked) == 0
        assert await upkeep.sweep_keys(node) == 0


async def test_a_file_that_comes_too_late_for_its_draft_leaves_nothing(tmp_path: Path) -> None:
    """Two people attach at once: one is told so, and of that file neither row nor bytes stay."""
    async with world(tmp_path, "DE", "HU") as both:
        await both.settled()
        node = both["DE"]
        draft = await drafts.start_request(node, ANNA, request())
        write = node.store.write

        async def late(work: Any) -> Any:
            node.store.write = write  # type: ignore[method-assign]
            await drafts.save(node, ANNA, draft.id, request())
            return await write(work)

        node.store.write = late  # type: ignore[method-assign,assignment]
        with pytest.raises(NodeError, match="stale"):
            await drafts.attach(node, ANNA, draft.id, "a.pdf", "application/pdf", b"%PDF-1")
        assert node.store.read_now(lambda q: q.all("SELECT * FROM blob")) == []
        assert [path for path in (node.config.data / "blobs").rglob("*") if path.is_file()] == []
