"""Versions of areas on their way: signed by states, fetched by the others, in force without a restart."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node.delivery.area_sync import AREAS, fetch
from node.delivery.call import Answer, Call
from node.delivery.incoming import handle
from node.errors import NodeError
from node.service import area_packs, reading, requests
from node.service.node import Node
from node.service.verification import check_node
from protocol.area_statement import AreaIndex, AreaStatement
from protocol.encoding import canonical_json
from protocol.limits import MAX_AREA_PACK
from tests.exchange.pair import World, world
from tests.exchange.test_story import ANNA, KATALIN, request
from tests.translations.small_area import AREA, CHECKS, small_area
from translations.pack import read_pack, write_pack

PQ = "professional-qualifications"


def second_version(node: Node) -> bytes:
    """Return the shipped area as its next version, with a question less in a set that is new too."""
    pack = json.loads(write_pack(node.areas[PQ]))
    pack["area"]["version"] = 2
    (chosen,) = (one for one in pack["question_sets"] if one["id"] == "establishment")
    chosen["version"] = 2
    pack["question_sets"] = [chosen]
    return canonical_json(_without_idle_texts(pack))


def _without_idle_texts(pack: dict[str, Any]) -> dict[str, Any]:
    written = json.dumps({key: pack[key] for key in pack if key != "texts"})
    texts = {lang: {k: t for k, t in given.items() if f'"{k}"' in written} for lang, given in pack["texts"].items()}
    return {**pack, "texts": texts}


def signed(data: bytes, *nodes: Node) -> AreaStatement:
    """Return what some states signed of a pack."""
    return area_packs.statement_of(data).with_signatures([area_packs.sign(node, data) for node in nodes])


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that comes by itself."""
    deadline = asyncio.get_running_loop().time() + 20
    while not condition():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.02)


def withhold(both: World) -> None:
    """Let no area through, as if it were on its way."""
    away = Answer(503, {}, b"")
    both.net.before = lambda _me, _peer, call: away if call.path.startswith(AREAS) else None


async def test_a_request_waits_for_its_set_and_shows_it_once_it_is_there(tmp_path: Path) -> None:
    """Both states signed a new version; Budapest hears of a case before the version, and reads it a moment later.

    A set that a case names is asked for at once, not with the next look at the peer. SPEC S-246, S-248, S-250.
    """
    async with world(tmp_path, "DE", "HU", refresh_s=60.0) as both:
        await both.settled()
        withhold(both)
        old = both["HU"].areas[PQ].question_sets["establishment"]
        data = second_version(both["DE"])
        statement, missing = await area_packs.publish(both["DE"], data, [signed(data, both["DE"])])
        assert (missing, both["DE"].areas[PQ].version) == (1, 1)
        statement, missing = await area_packs.publish(both["DE"], data, [signed(data, both["DE"], both["HU"])])
        assert (missing, both["DE"].areas[PQ].version) == (0, 2)
        case = await requests.send(both["DE"], ANNA, request())
        await both.settled()
        waiting = await reading.read_case(both["HU"], KATALIN, case.id, "hu")
        assert not waiting.question_set_here
        both.net.before = lambda _me, _peer, _call: None
        await until(lambda: both["HU"].areas[PQ].version == 2)
        shown = await reading.read_case(both["HU"], KATALIN, case.id, "hu")
        assert shown.question_set_here
        assert {one.text.lang for one in shown.questions} == {"hu"}
        assert area_packs.pack(both["HU"], statement.sha256) == data
        assert both["HU"].areas.holding(PQ, "establishment", 1, old.sha256) is not None


async def test_a_version_is_there_after_a_restart_and_from_a_command(tmp_path: Path) -> None:
    """What another process stored comes into use while the node runs, and is in use from the next start on."""
    async with world(tmp_path, "DE", refresh_s=30.0) as one:
        node = one["DE"]
        data = second_version(node)
        await area_packs.publish(node, data, [signed(data, node)])
        for forget in (True, False):
            node.areas = type(node.areas)([read_pack(write_pack(node.areas["services"]))])
            node.packs.clear()
            await area_packs.follow(node) if forget else area_packs.use(node)
            assert node.areas[PQ].version == 2
        assert check_node(node) == []
        await node.store.write(
            lambda tx: tx.run("UPDATE area_pack SET pack = CAST(replace(pack, 'Beruf', 'Zunft') AS BLOB)")
        )
        assert [finding.code for finding in check_node(node)] == ["area-damaged"]


async def test_a_pilot_counts_where_its_operator_accepts_it(tmp_path: Path) -> None:
    """One state signs; it is in use there at once, and at the other node once its operator says so (SPEC S-249)."""
    async with world(tmp_path, "DE", "HU", refresh_s=0.3) as both:
        pilot = write_pack(small_area(tmp_path, area=AREA.replace("pilot: false", "pilot: true")))
        await area_packs.publish(both["DE"], pilot, [signed(pilot, both["DE"])])
        assert both["DE"].areas["small"].rules.pilot
        await until(lambda: bool(both["HU"].store.read_now(area_packs.waiting)))
        assert "small" not in both["HU"].areas
        await area_packs.accept(both["HU"], "small")
        assert both["HU"].areas["small"].catalogue.text("list.professions.doctor", "de").text == "Ärztin/Arzt"
        assert both["HU"].areas["small"].pilot_of == ("DE",)
        with pytest.raises(NodeError, match="not-found"):
            await area_packs.accept(both["HU"], "small")
        real = json.loads(write_pack(both["DE"].areas["services"]))
        real["area"] |= {"pilot": True, "version": 9}
        with pytest.raises(NodeError, match="area-refused"):
            await area_packs.publish(both["DE"], canonical_json(real), [signed(canonical_json(real), both["DE"])])


def _changed(pack: bytes, before: str, after: str) -> bytes:
    text = pack.decode()
    assert before in text
    return text.replace(before, after, 1).encode()


async def test_an_area_changed_after_signing_is_refused(tmp_path: Path) -> None:
    """Whoever serves other bytes, or signs with a key of nobody, gets nothing into a node (SPEC S-247, S-248)."""
    async with world(tmp_path, "DE", "HU", refresh_s=30.0) as both:
        data = write_pack(small_area(tmp_path))
        statement = signed(data, both["DE"], both["HU"])
        other = _changed(data, "Small area", "Large area")
        for given, bytes_ in (
            (statement, other),
            (statement.model_copy(update={"sha256": hashlib.sha256(other).hexdigest()}), other),
            (statement.model_copy(update={"version": 3}), data),
            (signed(data, both["DE"]), data),
            (statement.model_copy(update={"signatures": statement.signatures[:1] * 2}), data),
        ):
            with pytest.raises(NodeError, match="area-refused"):
                await area_packs.take(both["HU"], given, bytes_, "DE")
        await _serve(both, statement, other)
        assert "small" not in both["HU"].areas
        await _serve(both, statement, data)
        assert both["HU"].areas["small"].version == 1
        newer = _changed(data, "Small area", "Other area")
        with pytest.raises(NodeError, match="is taken"):
            await area_packs.take(both["HU"], signed(newer, both["DE"], both["HU"]), newer, "DE")


async def _serve(both: World, statement: AreaStatement, data: bytes) -> None:
    """Let HU fetch from a peer that tells of a statement and serves these bytes."""
    index = AreaIndex(areas=(statement,)).to_json()

    async def ask(call: Call) -> Answer:
        return Answer(200, {}, index if call.path == AREAS else data)

    await fetch(both["HU"], "DE", ask)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Wo wurde er erworben? Genannter Staat: {country}", "Wo wurde er erworben?"),
        ("Seit", "{person.__class__}"),
        ('"item":"regulated"},"id":"why-not"', '"item":"why-not"},"id":"why-not"'),
        ('"list":"yes-no"', '"list":"nowhere"'),
        ('"area.title":"Small area"', '"area.title":"Small area","idle":"x"'),
        ('"texts":{', '"texts":{"xx":{},'),
        ('"area":{', '"surprise":1,"area":{'),
        ('"list.professions.doctor":"Doctor of medicine"', '"list.professions.doctor":"' + "x" * 5000 + '"'),
        ('"pilot":false', '"pilot":' + "[" * 20 + "]" * 20),
    ],
    ids=["lost placeholder", "format", "cycle", "reference", "idle", "language", "field", "long", "deep"],
)
async def test_an_area_that_isnt_sound_is_refused_though_all_signed_it(tmp_path: Path, before: str, after: str) -> None:
    """A signature doesn't mend a set: a placeholder lost, a circle, texts that nobody shows (SPEC S-246)."""
    german = {"item.since": "Seit wann?"}
    async with world(tmp_path, "DE", refresh_s=30.0) as one:
        pack = json.loads(write_pack(small_area(tmp_path)))
        pack["texts"]["de"] |= german
        good = canonical_json(pack)
        area_packs.statement_of(good)
        bad = _changed(good, before, after)
        with pytest.raises(NodeError, match="area-refused"):
            area_packs.statement_of(bad)
        statement = area_packs.statement_of(good).model_copy(
            update={"sha256": hashlib.sha256(bad).hexdigest(), "size": len(bad)}
        )
        from node.service.accession import state_signer

        with pytest.raises(NodeError, match="area-refused"):
            await area_packs.take(one["DE"], statement.signed(state_signer(one["DE"])), bad, "HU")


async def test_a_bomb_is_refused_unread(tmp_path: Path) -> None:
    """More than a pack may be is never promised, asked for or read; a state's pilots don't fill a disk."""
    async with world(tmp_path, "DE", "HU", refresh_s=30.0) as both:
        with pytest.raises(NodeError, match="area-refused"):
            area_packs.statement_of(b"[" * (MAX_AREA_PACK + 1))
        index = json.dumps({"areas": [{"area": "small", "version": 1, "pilot": True, "sha256": "0" * 64}] * 2000})
        asked: list[Call] = []

        async def ask(call: Call) -> Answer:
            asked.append(call)
            return Answer(200, {}, index.encode())

        await fetch(both["HU"], "DE", ask)
        assert [call.path for call in asked] == [AREAS]
        rules = AREA.replace("pilot: false", "pilot: true")
        for version in range(1, area_packs.MAX_WAITING + 2):
            versioned = rules.replace("version: 1", f"version: {version}")
            pilot = write_pack(small_area(tmp_path, area=versioned, questions__checks=CHECKS))
            await _serve(both, signed(pilot, both["DE"]), pilot)
        assert len(both["HU"].store.read_now(area_packs.waiting)) == area_packs.MAX_WAITING
        assert (await handle(both["HU"], "DE", Call("GET", f"{AREAS}/{'0' * 64}"))).status == 404
