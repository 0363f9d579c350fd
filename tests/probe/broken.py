"""Nodes that are broken on purpose: each function takes one guard out of the real node's own parts."""

import ssl
from collections.abc import Callable
from dataclasses import replace

import pytest

import node.delivery.http_listener
import node.delivery.incoming
import node.service.follow_up
import node.service.receipts
import node.service.receive
import protocol.batch
import protocol.jws
from node.cli.probing import cases, probe, wire
from node.delivery import incoming, tls
from node.service import receive
from node.service.receipts import of_repeat
from node.store import streams
from protocol import jws
from protocol.batch import Batch, Head
from protocol.limits import MIB
from protocol.problems import ProtocolError

Break = Callable[[pytest.MonkeyPatch], None]


def signs_a_second_receipt(patch: pytest.MonkeyPatch) -> None:
    """Answer a repeated batch with a receipt that is signed anew, at another second."""

    async def anew(node, batch):
        given = await of_repeat(node, batch)
        if given is None:
            return None
        claims = jws.parse(given.decode(), limit=MIB).claims()
        return jws.sign(node.keys.signer, "entente-receipt-v1", {**claims, "clock": claims["clock"] + 1}, 1).encode()

    patch.setattr(receive.receipts, "of_repeat", anew)


def forgets_what_it_said(patch: pytest.MonkeyPatch) -> None:
    """Judge an event that was stored or refused before once more, by what stands on its line now."""
    patch.setattr(receive._Taking, "_said", lambda _self, _batch: {})


def receipts_a_fork(patch: pytest.MonkeyPatch) -> None:
    """Take any batch at a position that is taken for the one that has it."""

    async def lenient(node, batch):
        return await of_repeat(node, batch) or await _of_position(node, batch)

    patch.setattr(receive.receipts, "of_repeat", lenient)


async def _of_position(node, batch: Batch) -> bytes | None:
    """Seal a receipt of a batch that has no position of its own."""
    c = batch.claims
    if node.store.read_now(lambda q: streams.batch_over(q, c.iss, c.aud, c.epoch, c.first)) is None:
        return None
    outcomes = [(digest, "unknown-kind") for digest in c.items]
    return protocol.receipt.issue(node.keys.signer, batch, outcomes, now=1, members={}).encode()


def trusts_its_clock(patch: pytest.MonkeyPatch) -> None:
    """Refuse a batch because of the time at which it says it was signed."""

    def dated(node, peer, batch):
        if batch.jws.header["iat"] > node.clock.now().timestamp() + 300:
            raise ProtocolError("wrong-signature", "of the future")

    patch.setattr(receive, "check_signature", _after(receive.check_signature, dated))


def reads_what_is_too_large(patch: pytest.MonkeyPatch) -> None:
    """Read a body of any size before judging it."""
    patch.setattr(wire, "CALL_S", 2.0)
    for module in (node.delivery.http_listener, incoming, protocol.batch):
        patch.setattr(module, "MAX_REQUEST_BODY", 4 * MIB)


def believes_any_key(patch: pytest.MonkeyPatch) -> None:
    """Leave the signature of a batch unverified."""
    patch.setattr(receive, "check_signature", receive._batch_key)


def believes_any_event(patch: pytest.MonkeyPatch) -> None:
    """Leave the signatures of events unverified."""

    def unsigned(node, batch, event):
        if event.claims.iss != batch.claims.iss:
            raise ProtocolError("event-issuer", event.claims.iss)
        if node.country not in event.claims.aud:
            raise ProtocolError("event-audience", "not addressed to this node")
        receive.accepted_key(node, event.claims.iss, event.kid)

    patch.setattr(receive, "_check_event", unsigned)


def lets_anyone_in(patch: pytest.MonkeyPatch) -> None:
    """Ask callers for a certificate without requiring one."""
    context = tls._context

    def optional(*arguments):
        made = context(*arguments)
        made.verify_mode, made.sslobject_class = ssl.CERT_OPTIONAL, ssl.SSLObject
        return made

    patch.setattr(tls, "_context", optional)


def takes_batches_in_any_order(patch: pytest.MonkeyPatch) -> None:
    """Take the next position without looking at the batch before."""

    def follows(batch: Batch, head: Head) -> bool:
        return (batch.claims.epoch, batch.claims.first) == (head.epoch, head.next) or (
            batch.claims.epoch > head.epoch and batch.claims.first == 1
        )

    patch.setattr(protocol.batch, "follows", follows)


def takes_altered_bodies(patch: pytest.MonkeyPatch) -> None:
    """Judge a body that isn't the one that was signed, so that a fault on the way voids events."""
    patch.setattr(receive, "check_body", lambda _batch: None)
    patch.setattr(probe, "PATIENCE_S", 0.0)


def takes_any_version(patch: pytest.MonkeyPatch) -> None:
    """Take documents of any type, of a newer version too, for those of its own."""
    require = jws.require_header
    patch.setattr(jws, "require_header", lambda parsed, _typ: require(parsed, parsed.header.get("typ")))


def answers_a_version_it_does_not_speak(patch: pytest.MonkeyPatch) -> None:
    """Answer at the addresses of a version that its record doesn't name."""
    route = incoming._route
    patch.setattr(
        incoming,
        "_route",
        lambda node, peer, call: route(node, peer, replace(call, path=call.path.replace("v2", "v1"))),
    )


def refuses_what_it_does_not_know(patch: pytest.MonkeyPatch) -> None:
    """Refuse events with claims that a later version may have added."""
    parse = receive.parse_item
    known = {"iss", "aud", "jti", "case", "n", "prev", "kind", "parts"}

    def strict(line):
        event = parse(line)
        if event.jws.claims().keys() - known:
            raise ProtocolError("event-malformed", "unknown claims")
        return event

    patch.setattr(receive, "parse_item", strict)


def grants_no_withdrawal(patch: pytest.MonkeyPatch) -> None:
    """Leave wishes to withdraw to people."""

    async def nothing(_node, _peer=None):
        return None

    patch.setattr(node.service.follow_up, "grant_withdrawals", nothing)
    patch.setattr(cases, "GRANT_S", 0.3)


def _after(first, then):
    def both(*arguments):
        first(*arguments)
        then(*arguments)

    return both
