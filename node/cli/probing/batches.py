"""Checks of batches: their signature, their form, and their place in the stream."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec

from node.cli.probing.check import Check, SkippedError, check, require
from node.cli.probing.probe import OK, Probe, all_are, problem, shown
from node.cli.probing.sealing import Item, body_of
from node.delivery.incoming import BATCHES
from protocol import jws
from protocol.batch import MEDIA_TYPE, Head
from protocol.encoding import b64u, canonical_json, sha256_b64u
from protocol.event import TYP as EVENT_TYP
from protocol.limits import MAX_BATCH_JWS, MAX_INTEGER, MAX_ITEMS, MAX_JSON_DEPTH
from protocol.problems import PROBLEMS

_UNKNOWN: Final = "unknown-kind"
_FAR_S: Final = 10 * 365 * 86_400


def stranger() -> jws.KeySigner:
    """Return a key that stands in no record."""
    key = ec.generate_private_key(ec.SECP256R1())
    return jws.KeySigner(key, jws.key_id(key.public_key()), sha256_b64u(b"no certificate"))


def _refusal(name: str, code: str, rules: str, sends: str, wire: Callable[[Probe], bytes]) -> Check:
    """Make the check of a batch at the right position that has to be refused for one reason."""

    async def run(probe: Probe) -> None:
        await probe.refused(wire(probe), code)

    return Check(
        name,
        tuple(rules.split()),
        f"Send {sends}",
        f"{PROBLEMS[code].status} {code}; the stream stays",
        run,
    )


def _accepted(name: str, rules: str, sends: str, wire: Callable[[Probe], bytes]) -> Check:
    """Make the check of a batch with one event of an unknown kind that has to be receipted."""

    async def run(probe: Probe) -> None:
        all_are(await probe.deliver(wire(probe)), [_UNKNOWN])

    return Check(name, tuple(rules.split()), f"Send {sends}", f"a receipt with the outcome {_UNKNOWN}", run)


def _claims(probe: Probe, *items: Item, **claims: Any) -> dict[str, Any]:
    return probe.voice.batch_claims(probe.head, items, **claims)


def _with_header(probe: Probe, signer: jws.Signer | None = None, **header: Any) -> bytes:
    event = probe.voice.event()
    return probe.voice.batch(_claims(probe, event), [event], signer, **header)


def _with_json(probe: Probe, addition: bytes) -> bytes:
    """Return a batch whose claims are those of a good one with some JSON more."""
    event = probe.voice.event()
    payload = canonical_json(_claims(probe, event))
    return probe.voice.batch_of(payload[:-1] + b"," + addition + b"}", [event])


def _with_alg(probe: Probe) -> bytes:
    other = "ES256" if probe.voice.node.keys.signer.alg == "Ed25519" else "Ed25519"
    return _with_header(probe, alg=other)


def _with_other_signature(probe: Probe) -> bytes:
    line, _, body = probe.next(probe.voice.event()).partition(b"\n")
    return line.rpartition(b".")[0] + b"." + b64u(bytes(64)).encode() + b"\n" + body


def _signed_by(kid: Callable[[jws.Signer], str]) -> Callable[[Probe], bytes]:
    def wire(probe: Probe) -> bytes:
        own, other = probe.voice.node.keys.signer, stranger()
        return _with_header(probe, other, kid=kid(own) or other.kid, x5t=own.x5t)

    return wire


def _altered(probe: Probe) -> bytes:
    """Return a batch of which one byte of the body was changed after it was signed."""
    wire = bytearray(probe.next(probe.voice.event()))
    wire[-3] ^= 1
    return bytes(wire)


def _more_lines(probe: Probe) -> bytes:
    event, other = probe.voice.event(), probe.voice.event()
    claims = _claims(probe, event, body=sha256_b64u(body_of([event, other])))
    return probe.voice.batch(claims, [event, other])


def _too_many(probe: Probe) -> bytes:
    event = probe.voice.event()
    items = [event] * (MAX_ITEMS + 1)
    return probe.voice.batch(_claims(probe, *items), items)


def _long_first_line(probe: Probe) -> bytes:
    return probe.next(probe.voice.event(), unknown="x" * MAX_BATCH_JWS)


def _next_with(**claims: Any) -> Callable[[Probe], bytes]:
    return lambda probe: probe.next(probe.voice.event(), **claims)


def _json(addition: bytes) -> Callable[[Probe], bytes]:
    return lambda probe: _with_json(probe, addition)


def _header(**header: Any) -> Callable[[Probe], bytes]:
    return lambda probe: _with_header(probe, **header)


_DEEP: Final = b'"unknown":' + b"[" * MAX_JSON_DEPTH + b"]" * MAX_JSON_DEPTH

FORMS: Final = (
    _accepted("unknown-kind", "S-009 S-036 S-037 S-093", "an event of a kind that nobody knows", _next_with()),
    _accepted("unknown-claims", "S-008", "a batch with claims that nobody knows", _next_with(hint={"a": [1, "x"]})),
    _accepted("unknown-header", "S-024", "a batch with jwk, jku and x5u in its header",
              _header(jwk={"kty": "EC"}, jku="https://evil.example", x5u="https://evil.example")),
    _accepted("unreadable-gossip", "S-117", "a batch whose members and heads can't be read",
              _next_with(members=[1], heads="x")),
    _accepted("future-clock", "S-006", "a batch that says it was signed in ten years",
              lambda probe: _with_header(probe, iat=probe.voice.now + _FAR_S)),
    _accepted("past-clock", "S-006", "a batch that says it was signed in 1970", _header(iat=0)),
    _refusal("wrong-audience", "wrong-audience", "S-038 S-004", "a batch for a country XX", _next_with(aud="XX")),
    _refusal("wrong-issuer", "not-the-issuer", "S-038 S-004", "a batch of a country XX", _next_with(iss="XX")),
    _refusal("wrong-key", "wrong-signature", "S-038", "a batch signed by another key under our key's name",
             _signed_by(lambda own: own.kid)),
    _refusal("unknown-key", "unknown-key", "S-038 S-086", "a batch signed by a key that stands in no record",
             _signed_by(lambda _own: "")),
    _refusal("wrong-signature", "wrong-signature", "S-038", "a batch with 64 zero bytes as signature",
             _with_other_signature),
    _refusal("wrong-certificate", "wrong-signature", "S-022", "a batch that names another certificate",
             _header(x5t=sha256_b64u(b"another"))),
    _refusal("no-algorithm", "malformed", "S-020", "a batch with alg none", _header(alg="none")),
    _refusal("other-algorithm", "wrong-signature", "S-023", "a batch that names the algorithm of another key type",
             _with_alg),
    _refusal("critical-header", "malformed", "S-020", "a batch with crit in its header", _header(crit=["x"])),
    _refusal("other-document", "malformed", "S-027", "an event's typ on a batch", _header(typ=EVENT_TYP)),
    _refusal("newer-version", "malformed", "S-009 S-027", "a batch with typ entente-batch-v2",
             _header(typ="entente-batch-v2")),
    _refusal("deep-json", "malformed", "S-012", "claims nested 17 levels deep", _json(_DEEP)),
    _refusal("duplicate-key", "malformed", "S-014", "claims with one key twice", _json(b'"epoch":1')),
    _refusal("float", "malformed", "S-013", "claims with the number 1.0", _json(b'"unknown":1.0')),
    _refusal("large-integer", "malformed", "S-013", "claims with 2 to the power of 53",
             _json(b'"unknown":%d' % (MAX_INTEGER + 1))),
    _refusal("lone-surrogate", "malformed", "S-015", "claims with a lone surrogate", _json(b'"unknown":"\\ud800"')),
    _refusal("position-as-text", "malformed", "S-013", "claims whose first is a text", _next_with(first="1")),
    _refusal("no-body", "malformed", "S-011", "a signed line with nothing after it",
             lambda probe: probe.next(probe.voice.event()).partition(b"\n")[0]),
    _refusal("too-many-events", "malformed", "S-002", "a batch that names 101 events", _too_many),
    _refusal("long-first-line", "malformed", "S-002", "a first line of more than 64 KiB", _long_first_line),
    _refusal("altered-body", "altered", "S-031", "a batch with one byte of its body changed", _altered),
    _refusal("more-lines", "altered", "S-031", "a batch with more lines than it names", _more_lines),
)  # fmt: skip


@check("S-032", "S-036", expects="the same receipt, byte for byte")
async def replay(probe: Probe) -> None:
    """Send a receipted batch again."""
    sent = await probe.said()
    answer = await probe.post(sent.wire)
    require(answer.status == OK, f"{shown(answer)} instead of the receipt")
    require(answer.body == sent.receipt, "another receipt than the first time")


@check("S-131", "S-036", expects="the same receipt, byte for byte")
async def replay_with_another_body(probe: Probe) -> None:
    """Send a receipted batch again, its body altered."""
    sent = await probe.said()
    answer = await probe.post(sent.wire.partition(b"\n")[0] + b"\n" + probe.voice.event().line + b"\n")
    require(answer.status == OK, f"{shown(answer)} instead of the receipt")
    require(answer.body == sent.receipt, "another receipt than the first time")


@check("S-025", "S-131", expects="the same receipt")
async def replay_with_another_signature(probe: Probe) -> None:
    """Send a receipted batch again, its signature altered."""
    sent = await probe.said()
    line, _, body = sent.wire.partition(b"\n")
    answer = await probe.post(line.rpartition(b".")[0] + b"." + b64u(bytes(64)).encode() + b"\n" + body)
    require((answer.status, answer.body) == (OK, sent.receipt), f"{shown(answer)} instead of the same receipt")


@check("S-031", "S-088", expects="altered, then a receipt")
async def altered_then_good(probe: Probe) -> None:
    """Send a batch with an altered body, then the good one."""
    good = probe.next(probe.voice.event())
    bad = bytearray(good)
    bad[-3] ^= 1
    await probe.refused(bytes(bad), "altered")
    all_are(await probe.deliver(good), [_UNKNOWN])


@check("S-032", expects="409 fork; the stream stays")
async def fork(probe: Probe) -> None:
    """Another batch at a position that is taken."""
    claims = (await probe.said()).batch.claims
    other = probe.next(probe.voice.event(), epoch=claims.epoch, first=claims.first, prev=claims.prev)
    await probe.refused(other, "fork")


@check("S-032", "S-083", expects="409 gap with the head of the stream")
async def gap(probe: Probe) -> None:
    """Send a batch that leaves a position out."""
    await _gap(probe, probe.next(probe.voice.event(), first=probe.head.next + 1))


@check("S-032", "S-083", expects="409 gap with the head of the stream")
async def wrong_predecessor(probe: Probe) -> None:
    """Send the next position after another batch."""
    await _gap(probe, probe.next(probe.voice.event(), prev=sha256_b64u(b"another batch")))


@check("S-129", expects="409 gap with the head of the stream")
async def epoch_from_the_middle(probe: Probe) -> None:
    """Send a new epoch that doesn't begin with 1."""
    await _gap(probe, probe.next(probe.voice.event(), epoch=probe.head.epoch + 1, first=2))


async def _gap(probe: Probe, wire: bytes) -> None:
    found = await probe.refused(wire, "gap")
    head = {"epoch": probe.head.epoch, "next": probe.head.next, "last": probe.head.last}
    require(found.items() >= head.items(), "a gap without the receiver's head (S-083)")


@check("S-129", "S-032", expects="a receipt, then 409 epoch-ended")
async def ended_epoch(probe: Probe) -> None:
    """Send a new epoch, then a batch of the old one."""
    before = await probe.said()
    old = probe.head
    if old.epoch >= MAX_INTEGER:
        raise SkippedError("the stream has no higher epoch")
    event = probe.voice.event()
    claims = probe.voice.batch_claims(Head(old.epoch + 1, 1, old.last), [event])
    all_are(await probe.deliver(probe.voice.batch(claims, [event])), [_UNKNOWN])
    late = probe.next(probe.voice.event(), epoch=old.epoch, first=old.next, prev=old.last)
    await probe.refused(late, "epoch-ended")
    answer = await probe.post(before.wire)
    require((answer.status, answer.body) == (OK, before.receipt), "no receipt of a batch of the epoch that ended")


@check("S-036", "S-166", expects="one receipt, or busy for one of them")
async def twice_at_once(probe: Probe) -> None:
    """Send the same new batch twice at once."""
    wire = probe.next(probe.voice.event())
    calls = [probe.wire.call("POST", BATCHES, {"content-type": MEDIA_TYPE}, wire) for _ in range(2)]
    answers = await asyncio.gather(*calls)
    for busy in (each for each in answers if each.status != OK):
        problem(busy, "busy")
    answer = await probe.post(wire)
    all_are(probe.receipted(wire, answer), [_UNKNOWN])
    require(all(each.body == answer.body for each in answers if each.status == OK), "two receipts of one batch")


CHECKS: Final = (
    *FORMS, replay, replay_with_another_body, replay_with_another_signature, altered_then_good, fork, gap,
    wrong_predecessor, epoch_from_the_middle, twice_at_once, ended_epoch,
)  # fmt: skip
