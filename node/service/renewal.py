"""What is on its way with a key that isn't accepted any more: signed again, in a new epoch where it was sealed."""

from datetime import timedelta
from typing import Final

import structlog

from node.clock import seconds
from node.service.node import Node
from node.store import audit, cases, events, streams
from node.store.tx import Read, Row, Tx
from protocol.batch import Head, parse_batch
from protocol.encoding import b64u
from protocol.event import Event, parse_item, signed_again
from protocol.history import Told

log: Final = structlog.get_logger("entente.renewal")
_MARGIN: Final = timedelta(days=1)
"""So much two clocks may differ: a sealed batch is given up that much later, an event is signed again earlier."""


async def renew(node: Node, peer: str, told: Told) -> None:
    """Sign again what waits for a peer under a key that was revoked, or retired too long ago (SPEC S-130).

    A sealed batch is given up only where the peer has just said that it hasn't got it and that it knows of the
    revocation: so it can never take it in afterwards. Its events travel in a new epoch.
    """
    soon, surely = _ended(node, _MARGIN), _ended(node, -_MARGIN)
    if not soon:
        return
    if node.keys.signer.kid in soon:
        log.error("key-not-accepted", kid=node.keys.signer.kid, hint="keys/message.pem: docs/operating.md")
        return
    sealed = node.store.read_now(lambda q: _sealed_with(q, node, peer))
    has_it = told.ours != node.store.read_now(lambda q: streams.receipted_head(q, node.country, peer))
    knows = node.members is not None and told.record >= node.members.role_version(node.country)
    agreed = told.ours if sealed & surely and knows and not has_it else None
    waiting = node.store.read_now(lambda q: events.unsettled_with(q, peer))
    if agreed is None and not any(row["first"] is None and _kid(row) in soon for row in waiting):
        return
    count = await node.store.write(lambda tx: _renew(tx, node, peer, agreed, soon))
    log.warning("signed-again", peer=peer, events=count, new_epoch=agreed is not None)


def _ended(node: Node, margin: timedelta) -> frozenset[str]:
    """Return the own message keys that peers don't accept any more at `margin` from now."""
    record = node.members.member(node.country) if node.members else None
    at = node.clock.now() + margin
    return frozenset(key.kid for key in record.message_keys if not key.accepts(at)) if record else frozenset()


def _sealed_with(q: Read, node: Node, peer: str) -> frozenset[str]:
    """Return the keys that signed the open batch and the events in it; none where no batch is open."""
    row = streams.unreceipted(q, node.country, peer)
    if row is None:
        return frozenset()
    inside = [_kid(one) for one in events.unsettled_with(q, peer) if one["first"] is not None]
    return frozenset([parse_batch(str(row["jws"]).encode("ascii") + b"\n\n").kid, *inside])


def _kid(row: Row) -> str:
    return parse_item(bytes(row["line"])).kid


def _renew(tx: Tx, node: Node, peer: str, agreed: Head | None, ended: frozenset[str]) -> int:
    if agreed is not None:
        begun = streams.begin_epoch(tx, node.country, peer, agreed, "key-ended")
        audit.append(tx, node.country, "epoch.begin", peer, f"{begun.epoch} key-ended")
    renamed: dict[str, str] = {}
    for row in events.unsettled_with(tx, peer):
        if row["first"] is not None:
            continue
        event = parse_item(bytes(row["line"]))
        prev = renamed.get(event.claims.prev or "", event.claims.prev)
        if event.kid in ended or prev != event.claims.prev:
            renamed[str(row["digest"])] = _again(tx, node, row, event, prev)
    return len(renamed)


def _again(tx: Tx, node: Node, row: Row, event: Event, prev: str | None) -> str:
    """Sign one event again; returns its new digest."""
    again = signed_again(event, node.keys.signer, prev, seconds(tx.now))
    digest, case_id = b64u(again.digest), str(row["case_id"])
    events.sign_again(tx, row["seq"], digest, again.line())
    cases.renamed(tx, case_id, str(row["digest"]), digest)
    audit.append(tx, node.country, "signed-again", case_id, f"{row['kind']} {row['digest']} {digest}")
    return digest
