"""Events of a lying member: each is void with its own code, leaves nothing but that, and spoils no other."""

import contextlib
import sqlite3
from dataclasses import replace

import pytest

from directory_sync.demo import demo_authorities
from node.domain.access import operator
from node.service import directory
from node.store import refusals
from node.store.migrations import NODE
from node.store.store import Store
from protocol.batch import parse_batch
from protocol.content import (
    DateMatter,
    PartyName,
)
from protocol.encoding import b64u
from protocol.event import parse_item
from protocol.limits import MAX_ITEM
from protocol.problems import PROBLEMS
from protocol.receipt import parse_receipt
from tests.exchange.attacker import DUE, Attacker, Item, act, counts, grown, raw
from tests.exchange.forged_events import REFUSED, RIGHT, Craft, claim_anew, contest_of, reply_with

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def _craft(attacker: Attacker, craft: Craft) -> Item | bytes:
    made = craft(attacker)
    return made if isinstance(made, Item | bytes) else await made


@pytest.mark.parametrize("name", REFUSED)
async def test_an_event_that_may_not_stand_is_refused_for_good(attacker: Attacker, name: str) -> None:
    """Its code is final, nothing of it is stored, and others in the batch and after it get through.

    SPEC S-048, S-160, S-161, S-162, S-163, S-164, S-281, S-282, S-284, S-291, S-292, S-293.
    """
    craft, code = REFUSED[name]
    bad = await _craft(attacker, craft)
    before = counts(attacker.victim)
    assert PROBLEMS[code].final
    assert await attacker.send(attacker.request(), bad) == ["stored", code]
    kept = {"refusal": 1, "refusal_receipt": 1, **({"proof": 1} if code == "case-fork" else {})}
    assert grown(attacker.victim, before) == {"audit": 2, "batch": 1, "cases": 1, "event": 1, **kept}
    assert await attacker.send(attacker.request()) == ["stored"]


async def test_every_final_code_has_an_attack() -> None:
    """No final code of the protocol is without a test that provokes it."""
    elsewhere = {"event-too-large", "case-erased"}  # case-erased: test_retention.py
    assert {code for code, problem in PROBLEMS.items() if problem.final} - elsewhere == {c for _, c in REFUSED.values()}


async def test_an_event_that_another_name_stands_for_is_refused(attacker: Attacker) -> None:
    """A line that isn't the event whose digest the batch names is void under the name it was given."""
    item, name = attacker.request(), b64u(bytes(32))
    before = counts(attacker.victim)
    batch = parse_batch(attacker.batch([item], items=[name]))
    answer = await attacker.post(batch.wire())
    attacker.consumed(batch)
    assert parse_receipt(answer.body).claims.outcomes == ((name, "event-malformed"),)
    assert grown(attacker.victim, before) == {"audit": 1, "batch": 1, "refusal": 1, "refusal_receipt": 1}


async def test_an_oversize_event_is_refused_by_its_hash_alone(attacker: Attacker) -> None:
    """A line larger than allowed is never parsed; the others of its batch are stored."""
    large = b'{"event":' + b" " * MAX_ITEM + b"}"
    assert await attacker.send(attacker.request(), large, attacker.request()) == ["stored", "event-too-large", "stored"]
    assert await attacker.send(attacker.request()) == ["stored"]


async def test_two_events_at_one_place_of_a_case_are_kept_as_a_proof(attacker: Attacker) -> None:
    """Who gives one number twice has signed the proof against itself."""
    case = await attacker.be_asked()
    first = attacker.follow(case, "request.accept", {"matter": act()})
    second = attacker.follow(case, "request.decline", {"matter": raw({**act().model_dump(), "reason": "other"})})
    assert await attacker.send(first, second) == ["stored", "case-fork"]
    proof = attacker.victim.store.read_now(lambda q: q.one("SELECT * FROM proof ORDER BY seq DESC"))
    assert proof is not None
    kept = [parse_item(bytes(proof[name])).digest for name in ("first", "second")]
    assert kept == [first.digest, second.digest]


async def test_the_same_event_twice_counts_once(attacker: Attacker) -> None:
    """An event that was stored is stored, in one batch or in two, and nothing happens twice."""
    item = attacker.request()
    before = counts(attacker.victim)
    assert await attacker.send(item, item) == ["stored", "stored"]
    assert await attacker.send(item) == ["stored"]
    assert grown(attacker.victim, before) == {"audit": 1, "batch": 2, "cases": 1, "event": 1}


async def test_a_contest_said_again_counts_once(attacker: Attacker) -> None:
    """The same one in another batch changes nothing, and its identifier stands for nothing else."""
    case = await attacker.be_asked()
    contest = contest_of(attacker, case)
    assert await attacker.send(contest) == ["stored"]
    before = counts(attacker.victim)
    again = contest_of(attacker, case, "Other words.", ground="lawfulness")
    other = claim_anew(attacker.node, again, jti=parse_item(contest.line).claims.jti)
    assert (await attacker.send(contest, other))[0] == "stored"
    assert "event" not in grown(attacker.victim, before)


async def test_what_follows_a_refused_event_has_no_predecessor(attacker: Attacker) -> None:
    """Outcomes of earlier items count for later ones: the chain isn't taken up behind a refusal."""
    case = await attacker.be_asked()
    bad = attacker.follow(case, "request.reply", reply_with(RIGHT))
    after = attacker.follow(case, "request.reply", reply_with(RIGHT), n=3, prev=b64u(bad.digest))
    assert await attacker.send(bad, after) == ["wrong-state", "no-predecessor"]
    batch = attacker.victim.store.read_now(lambda q: q.one("SELECT receipt_digest FROM batch ORDER BY first DESC"))
    assert batch is not None
    good = attacker.follow(case, "request.accept", {"matter": act()}, prev=batch["receipt_digest"])
    assert await attacker.send(good) == ["stored"]


async def test_what_was_refused_stays_refused(fresh_attacker: Attacker) -> None:
    """The same event in another batch gets the same code, whatever has changed since (SPEC S-160)."""
    a = fresh_attacker
    item = a.request({"replying": PartyName(authority="HU-new", name="?")})
    assert await a.send(item) == ["unknown-authority"]
    new = demo_authorities("HU")[0].model_copy(update={"id": "HU-new"})
    await directory.import_authorities(a.victim, operator(), [new])
    assert await a.send(item, item) == ["unknown-authority"] * 2
    assert await a.send(a.request({"replying": PartyName(authority="HU-new", name="?")})) == ["stored"]


async def test_refusals_of_an_earlier_version_are_remembered(fresh_attacker: Attacker) -> None:
    """What the receipts of an older database say still holds after it is brought up to date (SPEC S-035, S-160)."""
    a = fresh_attacker
    item = a.follow(a.asked_by_victim, "request.reply", reply_with(RIGHT))
    assert await a.send(item) == ["wrong-state"]
    held = a.victim.store.read_now(lambda q: q.one("SELECT receipt_digest FROM batch ORDER BY first DESC"))
    assert held is not None
    await a.victim.store.close()
    path = a.victim.config.data / "node.db"
    with contextlib.closing(sqlite3.connect(path)) as old, old:
        old.execute("DROP TABLE refusal")
        old.execute("DROP TABLE refusal_receipt")
        assert old.execute("DELETE FROM _sqlite_migrations WHERE name = '006_refusals'").rowcount == 1
    a.victim.store = Store(path, NODE, a.victim.clock)
    assert await a.send(item) == ["wrong-state"]
    accept = a.follow(a.asked_by_victim, "request.accept", {"matter": act()}, prev=held["receipt_digest"])
    assert await a.send(accept) == ["stored"]


async def test_what_was_stored_stays_stored(fresh_attacker: Attacker) -> None:
    """A stored event whose line comes again, altered where no signature reaches, is stored all the same."""
    a = fresh_attacker
    item = a.request()
    assert await a.send(item) == ["stored"]
    assert await a.send(replace(item, slots=())) == ["stored"]


async def test_a_refusal_is_of_one_issuer(fresh_attacker: Attacker) -> None:
    """Who names another member's event in a batch of its own doesn't void it (SPEC S-160)."""
    a = fresh_attacker
    item = claim_anew(a.other, a.request(iss="AT"))
    assert await a.send(item) == ["event-issuer"]
    kept = a.victim.store.read_now(lambda q: refusals.codes_of(q, "DE", [b64u(item.digest)]))
    other = a.victim.store.read_now(lambda q: refusals.codes_of(q, "AT", [b64u(item.digest)]))
    assert (list(kept.values()), other) == (["event-issuer"], {})


async def test_only_a_receipt_that_refuses_stands_in_for_the_predecessor(fresh_attacker: Attacker) -> None:
    """A receipt that refused nothing, or another place, doesn't show that its author knows of a refusal (SPEC S-035)."""
    a = fresh_attacker

    def last_receipt() -> str:
        row = a.victim.store.read_now(lambda q: q.one("SELECT receipt_digest FROM batch ORDER BY first DESC"))
        assert row is not None
        return str(row["receipt_digest"])

    case = a.asked_by_victim
    assert await a.send(a.request()) == ["stored"]
    assert await a.send(a.follow(case, "request.accept", {"matter": act()}, prev=last_receipt())) == ["no-predecessor"]
    assert await a.send(a.follow(case, "date.agree", {"matter": DateMatter(actor=act().actor, date=DUE)}, n=2)) == [
        "no-predecessor"
    ]
    elsewhere = a.follow(case, "request.accept", {"matter": act()}, prev=last_receipt())
    assert await a.send(elsewhere) == ["no-predecessor"]
    assert await a.send(a.follow(case, "request.accept", {"matter": act()}, prev=last_receipt())) == ["stored"]


async def test_a_receipt_of_another_stream_is_no_predecessor(fresh_attacker: Attacker) -> None:
    """Only a receipt that this node gave to this issuer shows that the issuer knows of the refusal."""
    await fresh_attacker.send(fresh_attacker.request(n=2))
    victim = fresh_attacker.victim
    row = victim.store.read_now(lambda q: q.one("SELECT receipt_digest FROM batch WHERE first = 2"))
    assert row is not None
    item = fresh_attacker.follow(
        fresh_attacker.asked_by_victim, "request.accept", {"matter": act()}, prev=row["receipt_digest"]
    )
    await victim.store.write(lambda tx: tx.run("UPDATE refusal_receipt SET iss = 'AT'"))
    await victim.store.write(lambda tx: tx.run("UPDATE refusal SET iss = 'AT'"))
    assert await fresh_attacker.send(item) == ["no-predecessor"]


async def test_a_wrong_master_key_refuses_nothing_for_good(attacker: Attacker) -> None:
    """While our own case keys can't be opened the answer is 503, and the event gets through later."""
    masters = attacker.victim.keys.masters
    batch = parse_batch(attacker.batch([attacker.follow(attacker.asked, "wish.withdraw", {"matter": act()})]))
    attacker.victim.case_keys.use([bytes(32)])
    assert (await attacker.post(batch.wire())).status == 503
    attacker.victim.case_keys.use(masters)
    assert (await attacker.post(batch.wire())).status == 200
    attacker.consumed(batch)
