"""Batches of a lying member: each is refused for the time being, stores nothing, and the next good one gets through."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from structlog.typing import EventDict

from node.delivery.call import Answer, Call
from node.delivery.incoming import BLOBS, STREAMS, handle
from node.service.node import Node
from node.store import peers, streams
from node.store.key_files import load_keys, make_keys
from protocol import jws
from protocol.batch import Batch, parse_batch
from protocol.encoding import b64u
from protocol.limits import MAX_REQUEST_BODY
from protocol.member import MessageKey
from protocol.member_bundle import MemberBundle
from protocol.member_signatures import sign_role, signer_from_seed
from protocol.problems import PROBLEMS
from protocol.receipt import parse_receipt
from tests.exchange.attacker import Attacker, counts, grown
from tests.exchange.pair import START, record_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


def another_signer(attacker: Attacker) -> tuple[jws.KeySigner, bytes]:
    """Make one more message key with its certificate."""
    folder = attacker.node.config.folder / attacker.node.entropy.random(8).hex()
    make_keys(folder, attacker.node.country, attacker.node.entropy)
    keys = load_keys(folder)
    return keys.signer, keys.message_certificate


def relist(attacker: Attacker, *extra: MessageKey) -> None:
    """Let the victim learn a record of the attacker that has more message keys."""
    known = attacker.victim.members
    assert known is not None
    record = record_of(attacker.node)
    record = record.model_copy(update={"message_keys": (*record.message_keys, *extra)})
    version = known.role_version(attacker.node.country) + 1
    raw = sign_role(record, version, START + timedelta(days=365), signer_from_seed(attacker.node.keys.list_seed))
    members, problems = known.update(MemberBundle(roles={attacker.node.country: raw}), START)
    assert not problems
    attacker.victim.members = members


def revoked(attacker: Attacker) -> jws.KeySigner:
    """Make a key that the member list calls revoked."""
    signer, certificate = another_signer(attacker)
    key = MessageKey(kid=signer.kid, certificate=certificate, state="revoked", since=START, until=START)
    relist(attacker, key)
    return signer


def code_of(answer: Answer) -> str:
    """Return the code of a problem, after checking that it is a whole one."""
    assert answer.headers["content-type"] == "application/problem+json"
    problem = json.loads(answer.body)
    entry = PROBLEMS[problem["code"]]
    assert not entry.final
    assert (answer.status, problem["status"], problem["type"]) == (
        entry.status,
        entry.status,
        f"urn:entente:problem:{entry.code}",
    )
    assert ("retry-after" in answer.headers) == (answer.status in (429, 503))
    return entry.code


async def gets_through(attacker: Attacker) -> None:
    """Check that the next good batch is stored."""
    assert await attacker.send(attacker.request()) == ["stored"]


def _wrong_signature(a: Attacker) -> bytes:
    signer, _ = another_signer(a)
    claimed = jws.KeySigner(signer.private_key, a.node.keys.signer.kid, a.node.keys.signer.x5t)
    return a.batch([a.request()], signer=claimed)


def _other_certificate(a: Attacker) -> bytes:
    own = a.node.keys.signer
    return a.batch([a.request()], signer=jws.KeySigner(own.private_key, own.kid, a.victim.keys.signer.x5t))


def _der_signature(a: Attacker) -> bytes:
    head, rest = a.batch([a.request()]).split(b".", 1)
    payload, rest = rest.split(b".", 1)
    signature, body = rest.split(b"\n", 1)
    return head + b"." + payload + b"." + signature + b"AAAA" + b"\n" + body


def _unknown_key(a: Attacker) -> bytes:
    return a.batch([a.request()], signer=another_signer(a)[0])


def _event_of_unknown_key(a: Attacker) -> bytes:
    item = a.event("request.send", {"matter": b"{}"}, n=1, signer=another_signer(a)[0])
    return a.batch([a.request(), item])


def _retired_too_long(a: Attacker) -> bytes:
    signer, certificate = another_signer(a)
    long_ago = START - timedelta(days=41)
    relist(a, MessageKey(kid=signer.kid, certificate=certificate, state="retired", since=long_ago, until=long_ago))
    return a.batch([a.request()], signer=signer)


def _deep_claims(a: Attacker) -> bytes:
    head = a.batch([a.request()]).split(b".", 1)[0]
    deep = b64u(b'{"iss":' + b"[" * 10_000 + b"]" * 10_000 + b"}").encode()
    return head + b"." + deep + b".AAAA\n{}\n"


def _duplicate_claim(a: Attacker) -> bytes:
    head = a.batch([a.request()]).split(b".", 1)[0]
    return head + b"." + b64u(b'{"iss":"DE","iss":"DE"}').encode() + b".AAAA\n{}\n"


def _altered(a: Attacker) -> bytes:
    return a.batch([a.request()]).replace(b'"parts"', b'"Parts"', 1)


def _line_too_many(a: Attacker) -> bytes:
    return a.batch([a.request()], items=[b64u(bytes(32)), b64u(bytes(32))])


TEMPORARY: dict[str, tuple[Callable[[Attacker], bytes], str]] = {
    "a wrong signature": (_wrong_signature, "wrong-signature"),
    "the hash of another certificate": (_other_certificate, "wrong-signature"),
    "a signature of another length": (_der_signature, "wrong-signature"),
    "a key that isn't listed": (_unknown_key, "unknown-key"),
    "an event whose key isn't listed": (_event_of_unknown_key, "unknown-key"),
    "a revoked key": (lambda a: a.batch([a.request()], signer=revoked(a)), "wrong-signature"),
    "a key retired too long": (_retired_too_long, "wrong-signature"),
    "another audience": (lambda a: a.batch([a.request()], aud="AT"), "wrong-audience"),
    "another issuer": (lambda a: a.batch([a.request()], iss="AT"), "not-the-issuer"),
    "a body altered on the way": (_altered, "altered"),
    "fewer lines than named": (_line_too_many, "altered"),
    "a later position": (lambda a: a.batch([a.request()], first=a.head.next + 1), "gap"),
    "another predecessor": (lambda a: a.batch([a.request()], prev=b64u(bytes(32))), "gap"),
    "another epoch": (lambda a: a.batch([a.request()], epoch=2), "gap"),
    "an epoch that follows another head": (
        lambda a: a.batch([a.request()], epoch=2, first=1, prev=b64u(bytes(32))),
        "gap",
    ),
    "no item": (lambda a: a.batch([]), "malformed"),
    "claims 10,000 deep": (_deep_claims, "malformed"),
    "a claim twice": (_duplicate_claim, "malformed"),
    "no line feed at its end": (lambda a: a.batch([a.request()])[:-1], "malformed"),
    "no batch at all": (lambda _a: b"\xff\xfe\n\n", "malformed"),
    "one byte too many": (lambda a: a.batch([a.request()]) + b"x" * MAX_REQUEST_BODY, "too-large"),
}


@pytest.mark.parametrize("name", TEMPORARY)
async def test_a_batch_that_cannot_be_taken_is_refused_for_now(attacker: Attacker, name: str) -> None:
    """It gets its own code, consumes and stores nothing, and the next good batch gets through."""
    craft, code = TEMPORARY[name]
    wire = craft(attacker)
    before = counts(attacker.victim)
    assert code_of(await attacker.post(wire)) == code
    assert grown(attacker.victim, before) == {}
    await gets_through(attacker)


@pytest.mark.parametrize(
    ("peer", "media_type", "code"),
    [(None, None, "not-a-member"), ("FR", None, "not-a-member"), ("DE", "application/json", "malformed")],
)
async def test_a_stranger_and_another_media_type_are_refused(
    attacker: Attacker, peer: str | None, media_type: str | None, code: str
) -> None:
    """Without an active member's certificate, or as something else than a batch, nothing is read."""
    before = counts(attacker.victim)
    wire = attacker.batch([attacker.request()])
    answer = await attacker.post(wire, peer=peer, media_type=media_type or "application/entente-batch")
    assert code_of(answer) == code
    assert grown(attacker.victim, before) == {}
    await gets_through(attacker)


async def test_a_blocked_member_is_refused_until_it_is_unblocked(attacker: Attacker) -> None:
    """The operator's block counts at once, and what waited gets through afterwards."""
    await attacker.victim.store.write(lambda tx: peers.block(tx, "DE", blocked=True))
    before = counts(attacker.victim)
    assert code_of(await attacker.post(attacker.batch([attacker.request()]))) == "blocked"
    assert grown(attacker.victim, before) == {}
    await attacker.victim.store.write(lambda tx: peers.block(tx, "DE", blocked=False))
    await gets_through(attacker)


async def test_a_gap_names_the_position_that_is_expected(attacker: Attacker) -> None:
    """The 409 says where the receiver stands, so that the sender resends from there."""
    answer = await attacker.post(attacker.batch([attacker.request()], first=10**6))
    problem = json.loads(answer.body)
    assert (answer.status, problem["code"]) == (409, "gap")
    assert (problem["epoch"], problem["next"], problem["last"]) == (1, attacker.head.next, attacker.head.last)


async def test_a_repeated_batch_gets_the_same_receipt(attacker: Attacker) -> None:
    """However often it comes, at once or later, it counts once and the receipt's bytes are the same."""
    batch = parse_batch(attacker.batch([attacker.request()]))
    before = counts(attacker.victim)
    answers = await asyncio.gather(*(attacker.post(batch.wire()) for _ in range(3)))
    receipts = {answer.body for answer in answers if answer.status == 200}
    assert len(receipts) == 1
    assert {answer.status for answer in answers} <= {200, 429}
    assert grown(attacker.victim, before) == {"audit": 1, "batch": 1, "cases": 1, "event": 1}
    attacker.consumed(batch)
    await gets_through(attacker)
    assert {(await attacker.post(batch.wire())).body} == receipts


async def test_an_altered_batch_is_taken_once_it_comes_unaltered(attacker: Attacker) -> None:
    """A fault on the way voids nothing: the same bytes get through afterwards."""
    wire = attacker.batch([attacker.request()])
    assert code_of(await attacker.post(wire.replace(b'"slots"', b'"slotz"'))) == "altered"
    answer = await attacker.post(wire)
    assert [code for _, code in parse_receipt(answer.body).claims.outcomes] == ["stored"]
    attacker.consumed(parse_batch(wire))


def _fork(attacker: Attacker, first: int, prev: str | None) -> Batch:
    return parse_batch(attacker.batch([attacker.request()], first=first, prev=prev))


@pytest.mark.parametrize("back", [2, 1], ids=["at the same position", "inside a longer batch"])
async def test_two_batches_at_one_position_are_kept_as_a_proof(attacker: Attacker, back: int) -> None:
    """A fork is refused, both signed batches are kept, once however often it is repeated."""
    head = attacker.head
    good = parse_batch(attacker.batch([attacker.request(), attacker.request()]))
    assert (await attacker.post(good.wire())).status == 200
    attacker.consumed(good)
    forked = _fork(attacker, good.next - back, head.last)
    before = counts(attacker.victim)
    for _ in range(2):
        assert code_of(await attacker.post(forked.wire())) == "fork"
    assert grown(attacker.victim, before) == {"proof": 1}
    proof = attacker.victim.store.read_now(lambda q: q.one("SELECT * FROM proof ORDER BY seq DESC"))
    assert proof is not None
    assert (proof["iss"], proof["code"]) == ("DE", "fork")
    assert {bytes(proof["first"]), bytes(proof["second"])} == {
        good.jws.compact.encode(),
        forked.jws.compact.encode(),
    }
    await gets_through(attacker)


async def test_a_newer_member_record_lets_an_unknown_key_in(attacker: Attacker) -> None:
    """The very batch that was refused for an unknown key is taken once the list names the key."""
    signer, certificate = another_signer(attacker)
    batch = parse_batch(attacker.batch([attacker.request()], signer=signer))
    assert code_of(await attacker.post(batch.wire())) == "unknown-key"
    relist(attacker, MessageKey(kid=signer.kid, certificate=certificate, state="active", since=START))
    assert (await attacker.post(batch.wire())).status == 200
    attacker.consumed(batch)
    await gets_through(attacker)


async def test_what_follows_a_batch_never_holds_back_its_receipt(
    fresh_attacker: Attacker, log: list[EventDict]
) -> None:
    """A wish of a country that has left can't be granted, and that is no reason to refuse others' batches."""
    await fresh_attacker.victim.store.write(
        lambda tx: tx.run("UPDATE cases SET withdrawal_wished = 'x', counterpart = 'FR' WHERE role = 'replying'")
    )
    await gets_through(fresh_attacker)
    assert [entry["code"] for entry in log if entry["event"] == "withdrawal-not-granted"] == ["unknown-country"]


def _get(node: Node, peer: str, path: str) -> asyncio.Future[Answer]:
    return asyncio.ensure_future(handle(node, peer, Call("GET", path)))


async def test_streams_and_attachments_are_for_those_they_concern(attacker: Attacker) -> None:
    """Another member's stream head, and an attachment of a case one has no part in, don't exist: 404."""
    victim = attacker.victim
    assert code_of(await _get(victim, "DE", STREAMS + "AT")) == "not-found"
    assert code_of(await _get(victim, "DE", STREAMS + "HU")) == "not-found"
    own = await _get(victim, "DE", STREAMS + "DE")
    assert json.loads(own.body)["next"] == attacker.head.next
    for digest in (b64u(bytes(32)), "../../keys/master.key", ""):
        assert code_of(await _get(victim, "AT", BLOBS + digest)) == "not-found"
    for path in ("/", "/peer/v1/nothing", "/api/v1/cases"):
        assert code_of(await _get(victim, "DE", path)) == "not-found"


async def test_a_full_disk_is_no_refusal(attacker: Attacker) -> None:
    """While nothing can be stored the answer is 503 with Retry-After, and the same batch gets through later (SPEC S-166)."""
    limit = attacker.victim.store.writer._connection
    pages = limit.execute("PRAGMA page_count").fetchone()[0]
    limit.execute(f"PRAGMA max_page_count = {pages}")
    items = [attacker.request() for _ in range(30)]
    large = parse_batch(attacker.batch(items))
    before = counts(attacker.victim)
    assert code_of(await attacker.post(large.wire())) == "unavailable"
    assert grown(attacker.victim, before) == {}
    assert attacker.victim.store.read_now(lambda q: streams.head(q, "DE", "HU")) == attacker.head
    limit.execute("PRAGMA max_page_count = 1073741823")
    assert (await attacker.post(large.wire())).status == 200
    attacker.consumed(large)
