"""The directory under attack, with real nodes that talk: each is named after what is tried."""

import asyncio
import gzip
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from directory_sync.authority import Authority
from directory_sync.checkpoint import make_checkpoint, read_checkpoint
from directory_sync.demo import demo_authorities
from directory_sync.tree import Tiles, Tree, is_consistent, leaf_hash
from directory_sync.witness import Request
from node.cli.simulation.loop import run
from node.delivery.call import Answer, Call
from node.delivery.incoming import handle
from node.delivery.incoming_directory import ADD_CHECKPOINT, DIRECTORY
from node.domain.access import operator
from node.errors import NodeError
from node.service import authority_edit, authority_erasure, country_log, directory, find, forks, freshness, requests
from node.service.log_keys import log_signer
from node.service.node import Node
from node.service.verification import check_node
from node.store import logs
from tests.exchange.disks import all_of, put_back, save_disk, start_again
from tests.exchange.pair import World, world
from tests.exchange.test_story import ANNA, ask, request


async def publish(both: World, country: str, records: list[Authority]) -> None:
    """Publish a country's whole list, and let everybody have it; the checkpoint may take ten seconds."""
    await directory.import_authorities(both[country], operator(), records, complete=True)
    await asyncio.sleep(10)
    await directory.ensure_published(both[country])
    both.exchanges[country].announce()
    await asyncio.sleep(120)


def log_of(node: Node, country: str) -> logs.Log:
    """Return a country's log as a node has it."""
    log = node.store.read_now(lambda q: logs.find(q, country))
    assert log is not None
    return log


async def _cosigned(folder: Path) -> None:
    async with world(folder, "DE", "HU", "AT", inline=True) as both:
        await both.settled()
        await asyncio.sleep(120)
        for node in both.net.nodes.values():
            for state in freshness.states(node):
                assert state.witnessed
                assert (state.needed, len(state.witnesses)) == (1, 2)
            assert check_node(node) == []


def test_every_log_is_witnessed_by_all_others(tmp_path: Path) -> None:
    """SPEC S-218, S-220: within two minutes each node has each log with everybody's cosignature."""
    run(_cosigned(tmp_path))


async def _down(folder: Path) -> None:
    async with world(folder, "DE", "HU", "AT", inline=True) as both:
        await both.settled()
        both.net.down.add(("AT", "HU"))
        both.net.down.add(("HU", "AT"))
        size = log_of(both["AT"], "HU").signed
        await publish(both, "HU", demo_authorities("HU")[:-1])
        assert log_of(both["AT"], "HU").signed == size + 1  # from Germany
        assert log_of(both["AT"], "HU").note == log_of(both["DE"], "HU").note


def test_a_country_that_is_down_is_had_from_another_node(tmp_path: Path) -> None:
    """SPEC S-220: who can't reach Hungary gets its newer log from Germany, with the same proofs."""
    run(_down(tmp_path))


async def _split_view(folder: Path) -> None:
    async with world(folder, "DE", "HU", "AT", inline=True) as both:
        await both.settled()
        ours = demo_authorities("HU")
        save_disk(both, "HU")
        both.net.down |= {("AT", "HU"), ("HU", "AT"), ("AT", "DE"), ("DE", "AT")}
        await publish(both, "HU", ours[:-1])  # what Germany sees
        both.net.down = {"DE"}
        await put_back(both, "HU")
        await start_again(both, "HU")
        node = both["HU"]
        node.half_asked = lambda: True  # Hungary lies: it doesn't ask what Germany has
        await publish(both, "HU", ours[1:])  # what Austria sees
        heads = [log_of(both[one], "HU") for one in ("DE", "AT")]
        assert heads[0].signed == heads[1].signed
        assert heads[0].root != heads[1].root
        both.net.down = {"HU"}
        await asyncio.sleep(120)
        for one in ("DE", "AT"):
            kept = all_of(both[one], "SELECT iss, code FROM proof")
            assert kept == [("HU", forks.CODE)]
            assert log_of(both[one], "HU").frozen
            assert find.is_active(both[one], "HU", ours[2].id)
        both.net.down = set()
        with pytest.raises(NodeError, match="directory-frozen"):
            country_log.here_of(both["DE"], "HU")
        case_id = await ask(both)  # messages go on
        assert all_of(both["HU"], "SELECT id FROM cases") == [(case_id,)]


def test_a_log_that_forks_between_two_readers_is_found_out(tmp_path: Path) -> None:
    """SPEC S-214, S-220, S-221: two readers that talk find it, keep the proof, freeze the log, and still send."""
    run(_split_view(tmp_path))


async def _gossip(folder: Path) -> None:
    async with world(folder, "DE", "HU", "AT", inline=True) as both:
        await both.settled()
        theirs = log_of(both["DE"], "HU")
        lie = make_checkpoint(log_signer(both["HU"]), theirs.signed, b"\x01" * 32)
        fork = forks.between(both["DE"], "HU", str(lie.note).encode(), (lie.root, ()))
        assert fork is not None
        assert await forks.keep(both["DE"], "HU", fork, "DE") == ("HU",)
        await asyncio.sleep(120)
        assert all_of(both["AT"], "SELECT iss FROM proof") == [("HU",)]
        assert log_of(both["AT"], "HU").frozen
        with pytest.raises(NodeError, match="directory-frozen"):  # Hungary itself hears of it and signs no more
            await directory.import_authorities(both["HU"], operator(), demo_authorities("HU")[1:], complete=True)


def test_a_proof_goes_round(tmp_path: Path) -> None:
    """SPEC S-221: who keeps a proof shows it, and everybody checks it for himself."""
    run(_gossip(tmp_path))


def _without_records(me: str, peer: str, call: Call, answer: Answer) -> Answer:
    """Let Hungary give Germany its leaves alone."""
    if (me, peer, call.path) == ("DE", "HU", f"{DIRECTORY}/HU") and answer.headers.get("content-encoding") == "gzip":
        head, *lines = gzip.decompress(answer.body).split(b"\n")
        bare = b"\n".join((head, *(line.partition(b" ")[0] for line in lines)))
        return Answer(200, {**answer.headers, "content-encoding": "identity"}, bare)
    return answer


async def _withholding(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        both.net.after = _without_records
        records = [one.model_copy(update={"place": "Pécs"}) for one in demo_authorities("HU")]
        await publish(both, "HU", records)
        (state,) = [one for one in freshness.states(both["DE"]) if one.country == "HU"]
        assert state.withheld == len(records)
        assert find.authority(both["DE"], records[0].id).place != "Pécs"
        assert find.is_active(both["DE"], "HU", records[0].id)


def test_withheld_records_are_told_and_nobody_disappears(tmp_path: Path) -> None:
    """SPEC S-217: leaves without their records leave the authorities as they were, and the operator hears of it."""
    run(_withholding(tmp_path))


async def _completed(folder: Path) -> None:
    async with world(folder, "DE", "HU", "AT", inline=True) as both:
        await both.settled()
        both.net.after = _without_records
        records = [one.model_copy(update={"place": "Pécs"}) for one in demo_authorities("HU")]
        await publish(both, "HU", records)
        (state,) = [one for one in freshness.states(both["DE"]) if one.country == "HU"]
        assert (state.withheld, find.authority(both["DE"], records[0].id).place) == (0, "Pécs")
        assert check_node(both["DE"]) == []
        assert both["DE"].store.read_now(partial(country_log.page_of, country="HU", start=0)) is not None


def test_a_withheld_record_is_had_from_another_node(tmp_path: Path) -> None:
    """SPEC S-256: what Hungary gives to Vienna and not to Berlin, Berlin has from Vienna, by the same leaf."""
    run(_completed(tmp_path))


async def _witness_from_an_old_disk(folder: Path, *, silent: bool) -> None:
    async with world(folder, "DE", "HU", "AT", inline=True) as both:
        await both.settled()
        await asyncio.sleep(120)
        save_disk(both, "AT")
        await publish(both, "HU", demo_authorities("HU")[:-1])
        cosigned = both["AT"].store.read_now(lambda q: logs.witnessed_note(q, "HU"))
        await put_back(both, "AT")
        both.net.down = {("AT", "DE"), ("AT", "HU")} if silent else {("AT", "HU")}
        await start_again(both, "AT")
        fork = _beside(both["HU"], both["AT"])
        early = await handle(both["AT"], "HU", Call("POST", ADD_CHECKPOINT, body=fork))
        await asyncio.sleep(120)
        late = await handle(both["AT"], "HU", Call("POST", ADD_CHECKPOINT, body=fork))
        if silent:  # nobody has told it what it cosigned
            assert (early.status, late.status) == (503, 503)
            return
        assert (early.status, late.status) == (503, 409)
        size = read_checkpoint(cosigned.encode()).size
        assert late.body == f"{size}\n".encode()
        assert both["AT"].store.read_now(lambda q: logs.witnessed(q, "HU", log_signer(both["HU"]).name))[0] == size


def _beside(liar: Node, witness: Node) -> bytes:
    """Return a request to cosign another history, which grew honestly from what the witness remembers."""
    seen = witness.store.read_now(lambda q: logs.witnessed(q, "HU", log_signer(liar).name))
    assert seen is not None
    log = log_of(liar, "HU")
    tree = Tree(0, [])
    leaves = liar.store.read_now(lambda q: [leaf.to_json() for leaf, _ in logs.leaves(q, "HU", 0, seen[0])])
    tree.append([leaf_hash(leaf) for leaf in leaves])
    assert (tree.root(), log.signed > seen[0]) == (seen[1], True)
    tree.append([b"\x01" * 32])
    lie = make_checkpoint(log_signer(liar), tree.size, tree.root())
    proof = _consistency([leaf_hash(leaf) for leaf in leaves], b"\x01" * 32)
    assert is_consistent(seen, (lie.size, lie.root), proof)
    return Request(seen[0], proof, lie).to_bytes()


def _consistency(before: list[bytes], added: bytes) -> tuple[bytes, ...]:
    tree = Tree()
    tree.append([*before, added])
    tiles = Tiles(tree.size, lambda level, n: tree.edges[level] if n == 0 and level < len(tree.edges) else b"")
    return tuple(tiles.consistency(len(before), tree.size))


@pytest.mark.parametrize("silent", [False, True])
def test_a_witness_from_an_old_disk_cosigns_no_second_history(tmp_path: Path, *, silent: bool) -> None:
    """SPEC S-255: it asks what it has cosigned before it cosigns; what it had forgotten counts again."""
    run(_witness_from_an_old_disk(tmp_path, silent=silent))


async def _erased_on_an_old_disk(folder: Path) -> None:
    async with world(folder, "DE", "HU", "AT", inline=True) as both:
        await both.settled()
        one = demo_authorities("HU")[-1].model_copy(update={"place": "Titkosfalva"})
        await publish(both, "HU", [*demo_authorities("HU")[:-1], one])
        why = authority_edit.Why("edit", "Titkosfalva")
        await authority_edit.change(both["HU"], operator(), authority_edit.remade(one, v=2, place="Pécs"), why)
        await asyncio.sleep(120)
        save_disk(both, "HU")
        await authority_erasure.erase(both["HU"], operator(), one.id, "Kérelemre")
        await publish(both, "HU", demo_authorities("HU")[:-1])
        await put_back(both, "HU")
        data = both.folder / "HU" / "data"
        old = [path for path in data.rglob("*") if path.is_file() and b"Titkosfalva" in path.read_bytes()]
        assert old
        await start_again(both, "HU")
        await asyncio.sleep(120)
        assert [path for path in old if path.exists() and b"Titkosfalva" in path.read_bytes()] == []
        assert check_node(both["HU"]) == []


def test_an_erased_record_stays_erased_on_an_old_disk(tmp_path: Path) -> None:
    """SPEC S-211: what a backup still knew of an erased authority goes once the node has its own log back."""
    run(_erased_on_an_old_disk(tmp_path))


async def _deaf_witness(folder: Path) -> None:
    async with world(folder, "DE", "HU", "AT", inline=True) as both:
        await both.settled()
        both.net.before = lambda me, peer, call: Answer(500) if call.path == ADD_CHECKPOINT else None
        await publish(both, "HU", demo_authorities("HU")[:-1])
        (state,) = [one for one in freshness.states(both["DE"]) if one.country == "HU"]
        assert not state.witnessed
        assert not find.is_active(both["DE"], "HU", demo_authorities("HU")[-1].id)
        both.net.before = lambda me, peer, call: None
        await asyncio.sleep(240)
        (state,) = [one for one in freshness.states(both["DE"]) if one.country == "HU"]
        assert state.witnessed


def test_where_nobody_witnesses_the_directory_is_used_and_marked(tmp_path: Path) -> None:
    """SPEC S-218: a change is in use at once, shown as not yet witnessed, and witnessed as soon as somebody does."""
    run(_deaf_witness(tmp_path))


async def _ageing(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        both.net.down.add("HU")
        grades = []
        for _ in range(3):
            grades.append(freshness.grade_of(both["DE"], "HU"))
            both.clock.offset += timedelta(days=16)
        assert grades == ["fresh", "stale", "known-only"]
        due = both.clock.now().date() + timedelta(days=9)
        with pytest.raises(NodeError, match="directory-old"):
            await requests.send(both["DE"], ANNA, request().model_copy(update={"due": due}))
        assert freshness.notes(both["DE"], frozenset({"HU", "DE"}))[0][:2] == ("find.known-only", "HU")


def test_an_old_directory_is_graded_and_never_a_cliff(tmp_path: Path) -> None:
    """SPEC S-223: first a mark on the page, then no new counterparts; what goes on goes on."""
    run(_ageing(tmp_path))


async def _attachments(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        broken = (f"{DIRECTORY}/DE", DIRECTORY, ADD_CHECKPOINT)
        both.net.before = lambda me, _peer, call: Answer(500) if me == "HU" and call.path in broken else None
        await ask(both)
        assert all_of(both["HU"], "SELECT here FROM blob") == [(1,)]


def test_attachments_come_whatever_is_wrong_with_the_directory(tmp_path: Path) -> None:
    """SPEC S-221: a log that can't be had, or a witness that fails, keeps back no attachment."""
    run(_attachments(tmp_path))
