"""New epochs and signing again: what can't be sent any more as it was is sent as it should be, and never twice."""

import asyncio
import datetime as dt
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from node.cli.simulation.loop import run
from node.delivery.call import Answer, Call, LineError
from node.delivery.incoming import BATCHES, handle
from node.domain.access import operator
from node.errors import NodeError
from node.service import cases, deliver, epochs
from node.service.node import Node
from node.service.receive import receive
from node.service.verification import check_node
from node.store import streams
from node.store.key_files import load_keys, make_keys
from protocol.batch import Head
from protocol.event import parse_item
from protocol.history import Told
from protocol.member import MemberRecord, MessageKey
from protocol.member_bundle import MemberBundle
from protocol.member_signatures import sign_role, signer_from_seed
from protocol.problems import ProtocolError
from protocol.receipt import parse_receipt
from tests.exchange.disks import all_of, same_on_both
from tests.exchange.pair import START, record_of, world
from tests.exchange.test_refusal import stored_case
from tests.exchange.test_story import KATALIN, ask, reply


def renew_message_key(node: Node, state: str = "revoked") -> MemberRecord:
    """Give a node another message key, and return the record that says what became of the first."""
    before = record_of(node).message_keys[0]
    folder = node.config.folder / "more-keys"
    make_keys(folder, node.country, node.entropy)
    new = load_keys(folder)
    node.keys = replace(node.keys, signer=new.signer, message_certificate=new.message_certificate)
    ended = MessageKey.model_validate({**before.model_dump(), "state": state, "until": START})
    record = record_of(node)
    return record.model_copy(update={"message_keys": (*record.message_keys, ended)})


def publish(record: MemberRecord, owner: Node, *nodes: Node) -> None:
    """Let some nodes know a record, signed by its owner."""
    for node in nodes:
        assert node.members is not None
        version = node.members.role_version(owner.country) + 1
        raw = sign_role(record, version, START + timedelta(days=365), signer_from_seed(owner.keys.list_seed))
        node.members, problems = node.members.update(MemberBundle(roles={owner.country: raw}), START)
        assert not problems
        node.members_changed()


async def _chained(folder: Path, *, sealed: bool) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        case_id = await ask(both)
        if sealed:
            both.net.before = lambda me, _peer, call: (
                Answer(503, {}, b'{"code":"unavailable"}') if me == "HU" and call.path == BATCHES else None
            )
        else:
            await both.exchanges.pop("HU").stop()
        await cases.propose_date(both["HU"], KATALIN, case_id, dt.date(2026, 12, 21))
        await cases.accept(both["HU"], KATALIN, case_id)
        await asyncio.sleep(1)
        record = renew_message_key(both["HU"])
        await cases.reply(both["HU"], KATALIN, case_id, reply())  # under the new key, and chained behind the acceptance
        waiting = dict(all_of(both["HU"], "SELECT jti, digest FROM event WHERE status = 'on-its-way'"))
        assert len(waiting) == 3
        publish(record, both["HU"], both["HU"], both["DE"])
        both.net.before = lambda _me, _peer, _call: None
        if sealed:
            await asyncio.sleep(3)
        else:
            await both.start("HU")
            await asyncio.sleep(1)
        await both.settled(longest_s=60)
        after = dict(all_of(both["HU"], "SELECT jti, digest FROM event WHERE status = 'applied' AND iss = 'HU'"))
        assert all(after[jti] != digest for jti, digest in waiting.items())
        lines = both["HU"].store.read_now(lambda q: q.all("SELECT line FROM event WHERE iss = 'HU' ORDER BY seq"))
        kids = {parse_item(bytes(row["line"])).kid for row in lines[-3:]}
        assert kids == {both["HU"].keys.signer.kid}
        assert stored_case(both["DE"], case_id).state == "replied"
        assert all_of(both["DE"], "SELECT epoch FROM stream WHERE iss = 'HU'") == [(2 if sealed else 1,)]
        same_on_both(both)


@pytest.mark.parametrize("sealed", [False, True], ids=["waiting", "sealed without a receipt"])
def test_events_under_a_revoked_key_are_signed_again(tmp_path: Path, *, sealed: bool) -> None:
    """Same identifiers and parts, new signatures, each naming the new digest of the one before it (SPEC S-130)."""
    run(_chained(tmp_path, sealed=sealed))


async def _not_known_yet(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True, refresh_s=3600) as both:
        case_id = await ask(both)
        both.net.before = lambda me, _peer, call: (
            Answer(503, {}, b'{"code":"unavailable"}') if me == "HU" and call.path == BATCHES else None
        )
        await cases.accept(both["HU"], KATALIN, case_id)
        await asyncio.sleep(1)
        jws = all_of(both["HU"], "SELECT jws FROM batch WHERE receipt IS NULL")
        record = renew_message_key(both["HU"])
        both["HU"].members_changed = both.exchanges["HU"].match_members
        publish(record, both["HU"], both["HU"])
        await asyncio.sleep(3)
        assert all_of(both["HU"], "SELECT jws FROM batch WHERE receipt IS NULL") == jws
        publish(record, both["HU"], both["DE"])
        both.net.before = lambda _me, _peer, _call: None
        await asyncio.sleep(5)
        await both.settled(longest_s=60)
        assert stored_case(both["DE"], case_id).state == "accepted"
        same_on_both(both)


def test_nothing_is_sealed_anew_before_the_peer_knows_of_the_revocation(tmp_path: Path) -> None:
    """Until then it might still take in the first batch: two for one event (SPEC S-130)."""
    run(_not_known_yet(tmp_path))


async def _receipt_lost(folder: Path, whose: str) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        case_id = await ask(both)

        def lose(me: str, _peer: str, call: Call, answer: Answer) -> Answer:
            if me == "HU" and call.path == BATCHES:
                raise LineError("the connection was dropped")
            return answer

        both.net.after = lose
        await cases.accept(both["HU"], KATALIN, case_id)
        await asyncio.sleep(2)
        assert stored_case(both["DE"], case_id).state == "accepted"
        assert all_of(both["HU"], "SELECT kind FROM event WHERE status = 'on-its-way'") == [("request.accept",)]
        publish(renew_message_key(both[whose]), both[whose], both["HU"], both["DE"])
        both.net.after = lambda _me, _peer, _call, answer: answer
        await asyncio.sleep(2)
        await both.settled(longest_s=60)
        assert all_of(both["DE"], "SELECT epoch FROM stream WHERE iss = 'HU'") == [(1,)]
        rows = all_of(both["DE"], "SELECT receipt, again FROM batch WHERE iss = 'HU' ORDER BY first DESC LIMIT 1")
        assert (rows[0][1] is not None) == (whose == "DE")
        if whose == "DE":
            first, again = (parse_receipt(text.encode()) for text in rows[0])
            assert first.claims.outcomes == again.claims.outcomes
            assert all_of(both["HU"], "SELECT receipt FROM batch WHERE iss = 'HU' ORDER BY first DESC LIMIT 1") == [
                (rows[0][1],)
            ]
        await cases.reply(both["HU"], KATALIN, case_id, reply())
        await both.settled()
        same_on_both(both)


@pytest.mark.parametrize("whose", ["HU", "DE"])
def test_a_receipt_that_was_lost_survives_a_revocation(tmp_path: Path, whose: str) -> None:
    """A repeated batch is known by its digest whatever its key is now, and the receipt is signed again if need be.

    SPEC S-131, S-132.
    """
    run(_receipt_lost(tmp_path, whose))


async def _late(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        case_id = await ask(both)
        kept: list[bytes] = []

        def keep(me: str, _peer: str, call: Call) -> Answer | None:
            if me == "HU" and call.path == BATCHES:
                kept.append(call.body)
                return Answer(503, {}, b'{"code":"unavailable"}')
            return None

        both.net.before = keep
        await cases.accept(both["HU"], KATALIN, case_id)
        await asyncio.sleep(1)
        publish(renew_message_key(both["HU"], "retired"), both["HU"], both["HU"], both["DE"])
        told = Told(ours=streams_head(both["DE"], "HU", "DE"))
        await both["HU"].store.write(lambda tx: streams.begin_epoch(tx, "HU", "DE", told.ours, "test"))
        both.net.before = lambda _me, _peer, _call: None
        await both.settled(longest_s=60)
        assert stored_case(both["DE"], case_id).state == "accepted"
        before = all_of(both["DE"], "SELECT * FROM batch")
        answer = await handle(
            both["DE"], "HU", Call("POST", BATCHES, {}, {"content-type": "application/entente-batch"}, kept[0])
        )
        assert (answer.status, b"epoch-ended" in answer.body) == (409, True)
        assert all_of(both["DE"], "SELECT * FROM batch") == before
        same_on_both(both)


def streams_head(node: Node, iss: str, aud: str) -> Head:
    """Return the head of a stream as a node has it."""
    return node.store.read_now(lambda q: streams.head(q, iss, aud))


def test_a_late_batch_of_an_ended_epoch_is_refused(tmp_path: Path) -> None:
    """It comes when its events were taken in already in the new epoch; it has a code of its own (SPEC S-129)."""
    run(_late(tmp_path))


async def _diverged(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        case_id = await ask(both)
        await cases.accept(both["HU"], KATALIN, case_id)
        await both.settled()
        await both.exchanges.pop("HU").stop()
        await both["HU"].store.write(
            lambda tx: tx.run("UPDATE batch SET receipt = NULL, digest = 'x' WHERE iss = 'HU' AND first > 1")
        )
        await both["HU"].store.write(lambda tx: tx.run("UPDATE stream SET last = 'x' WHERE iss = 'HU'"))
        await both.start("HU")
        await asyncio.sleep(2)
        assert all_of(both["HU"], "SELECT failure FROM peer WHERE country = 'DE'") == [("refused: stream-diverged",)]
        await cases.reply(both["HU"], KATALIN, case_id, reply())
        await asyncio.sleep(2)
        assert stored_case(both["DE"], case_id).state == "accepted"
        told = Told(ours=streams_head(both["DE"], "HU", "DE"))
        begun = await epochs.begin(both["HU"], operator(), "DE", told)
        assert (begun.epoch, begun.next, begun.last) == (2, 1, told.ours.last)
        with pytest.raises(NodeError, match="no new epoch is needed"):
            await epochs.begin(both["HU"], operator(), "DE", told)
        await asyncio.sleep(200)
        await both.settled(longest_s=120)
        assert stored_case(both["DE"], case_id).state == "replied"
        assert check_node(both["DE"]) == []


def test_operators_end_a_contradiction_by_a_new_epoch(tmp_path: Path) -> None:
    """Where two nodes have different batches at one position nothing is sent until the operators decide (SPEC S-130)."""
    run(_diverged(tmp_path))


async def _revoked_while_it_is_stored(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        case_id = await ask(both)
        for country in ("DE", "HU"):
            await both.exchanges.pop(country).stop()
        await cases.accept(both["HU"], KATALIN, case_id)
        batch = await deliver.next_batch(both["HU"], "DE")
        assert batch is not None
        record, write = renew_message_key(both["HU"]), both["DE"].store.write

        async def revoked_first(work: Any) -> Any:
            publish(record, both["HU"], both["DE"])
            return await write(work)

        both["DE"].store.write = revoked_first  # type: ignore[method-assign]
        with pytest.raises(ProtocolError, match="wrong-signature"):
            await receive(both["DE"], "HU", batch)
        both["DE"].store.write = write  # type: ignore[method-assign]
        assert stored_case(both["DE"], case_id).state == "sent"


def test_a_revocation_counts_up_to_the_commit(tmp_path: Path) -> None:
    """A batch that was checked just before is refused: its sender may have been told that it isn't here (SPEC S-130)."""
    run(_revoked_while_it_is_stored(tmp_path))
