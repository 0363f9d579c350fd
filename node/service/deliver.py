"""Sending: seal what waits for a peer into a batch, and take in its receipt."""

from dataclasses import replace
from functools import partial

from node.clock import seconds
from node.errors import NodeError
from node.service import telling
from node.service.folding import fold_rows
from node.service.node import Node
from node.service.receive import accepted_key
from node.store import audit, cases, damage, events, logs, peers, streams
from node.store.tx import Read, Tx
from protocol import jws
from protocol.batch import Batch, check_body, choose, parse_batch, seal_batch
from protocol.encoding import un_b64u
from protocol.limits import MAX_ITEMS
from protocol.problems import STORED, ProtocolError
from protocol.receipt import Receipt, check_receipt, parse_receipt


async def next_batch(node: Node, peer: str) -> Batch | None:
    """Return what has to be sent to `peer` now: the unreceipted batch, byte for byte, or a new one.

    None where nothing waits, and where an operator holds the queue or blocks the peer (SPEC S-181).
    """
    batch, waits = node.store.read_now(lambda q: _next(q, node.country, peer))
    return await node.store.write(lambda tx: seal(tx, node, peer)) if waits else batch


def _next(q: Read, country: str, peer: str) -> tuple[Batch | None, bool]:
    """Return the batch that has no receipt yet, and whether something is to be sealed instead."""
    if peers.is_stopped(q, peer):
        return None, False
    batch = _pending(q, country, peer)
    return batch, batch is None and bool(streams.waiting(q, peer, 1))


def _pending(q: Read, country: str, peer: str) -> Batch | None:
    row = streams.unreceipted(q, country, peer)
    if row is None:
        return None
    body = b"".join(line + b"\n" for line in streams.lines_of(q, peer, row["first"]))
    batch = parse_batch(str(row["jws"]).encode("ascii") + b"\n" + body)
    try:
        check_body(batch)
    except ProtocolError:  # our disk's fault: it would be refused for ever, and can't be sealed again (SPEC S-030)
        raise ProtocolError("altered", "a message of the sealed batch is damaged here: entente verify") from None
    return batch


def seal(tx: Tx, node: Node, peer: str) -> Batch | None:
    """Seal what waits for a peer, unless a batch is on its way to it; only where the streams were compared (S-039)."""
    waiting = [row for row in streams.waiting(tx, peer, MAX_ITEMS) if b"\n" not in row["line"]]
    # one with a line feed is damaged: it would end the line early
    waiting = waiting[: choose([row["line"] for row in waiting])]
    if not waiting or streams.unreceipted(tx, node.country, peer) is not None or peers.is_stopped(tx, peer):
        return None
    batch = seal_batch(
        node.keys.signer,
        iss=node.country,
        aud=peer,
        head=streams.head(tx, node.country, peer),
        items=[(un_b64u(row["digest"]), row["line"]) for row in waiting],
        members=node.versions(),
        heads=logs.heads(tx),
        iat=seconds(tx.now),
    )
    streams.assign(tx, [row["seq"] for row in waiting], batch.claims.first)
    streams.save(tx, batch)
    return batch


async def accept_receipt(
    node: Node, peer: str, batch: Batch, data: bytes, passed: tuple[int, int] | None = None
) -> Receipt:
    """Take in a peer's receipt: events become applied, or void where they were finally refused (SPEC S-078, S-079).

    Raises `ProtocolError`; then the batch counts as not receipted and is sent again. `passed` says from when to
    when the call took, in seconds since 1970.
    """
    receipt = parse_receipt(data)
    key = accepted_key(node, peer, receipt.kid)
    if not jws.verify_with_certificate(receipt.jws, key.certificate):
        raise ProtocolError("wrong-signature", "of the receipt")
    check_receipt(receipt, batch)
    refused = {digest for digest, code in receipt.claims.outcomes if code != STORED}
    keys = _keys_of(node, refused)

    measured = _clock_difference(receipt.claims.clock, *passed) if passed else None

    def work(tx: Tx) -> None:
        _settle(tx, node, peer, batch, receipt, keys, measured)
        tx.once_at_end(f"seal {peer}", partial(seal, node=node, peer=peer))  # what waits goes with the same commit

    await node.store.write(work)
    node.post()
    return receipt


def _clock_difference(clock: int, before: int, after: int) -> float:
    """Return the peer's clock minus ours, in seconds."""
    if before <= clock <= after:
        return 0.0
    return float(clock - after if clock > after else clock - before)


def _settle(
    tx: Tx,
    node: Node,
    peer: str,
    batch: Batch,
    receipt: Receipt,
    keys: dict[str, bytes],
    measured: float | None,
) -> None:
    streams.receipted(tx, batch, receipt.jws.compact, receipt.sha256)
    peers.reached(tx, peer, measured, receipt.claims.clock)
    stored = [digest for digest, code in receipt.claims.outcomes if code == STORED]
    telling.tell_of_own(tx, node, frozenset(stored))
    cases.applied(tx, stored)
    events.applied(tx, stored, receipt.sha256)
    for digest, code in receipt.claims.outcomes:
        row = events.by_digest(tx, digest) if code != STORED else None
        if row is not None and row["status"] == "on-its-way":
            events.settle(tx, digest, code, receipt.sha256)
            cases.arrived(tx, row["case_id"])
            audit.append(tx, peer, "refused", row["case_id"], f"{row['kind']} {code}")
    for case_id, key in keys.items():
        _roll_back(tx, node, case_id, key, receipt.sha256)


def _roll_back(tx: Tx, node: Node, case_id: str, key: bytes, receipt: str) -> None:
    """Make the case what it is without the refused events; in the transaction, so that nothing comes between."""
    held = cases.find(tx, case_id)
    try:
        folded = fold_rows(node, key, events.of_case(tx, case_id))
    except NodeError as error:  # of this case alone: the receipt counts, the case waits for its repair (ADR 0016)
        damage.note(tx, case_id, error.message)
        return
    if folded is not None:
        cases.update(tx, folded, unread=True)
        if held is not None and held.own_authority != folded.own_authority:
            telling.tell_of_return(tx, node, folded, receipt)
    elif held is not None and held.state != "refused":
        cases.update(tx, replace(held, state="refused"), unread=True)
        audit.append(tx, node.country, "case.refused", case_id)


def _keys_of(node: Node, digests: set[str]) -> dict[str, bytes]:
    """Return the keys of the cases that some events belong to."""
    found = (node.store.read_now(lambda q, d=digest: events.by_digest(q, d)) for digest in digests)  # type: ignore[misc]
    case_ids = sorted({str(row["case_id"]) for row in found if row is not None})
    keys = {}
    for case_id in case_ids:
        try:
            keys[case_id] = node.case_keys.find(case_id)
        except NodeError as error:
            if error.code != "not-found":  # of a case that was erased there is nothing to take back
                raise
    return keys
