"""Receipts that were given already: the same bytes again, or signed anew where their key isn't accepted any more."""

from node.clock import seconds
from node.service.node import Node
from node.store import refusals, streams
from node.store.tx import Row, Tx
from protocol.batch import Batch
from protocol.problems import STORED
from protocol.receipt import issue, parse_receipt


async def of_repeat(node: Node, batch: Batch) -> bytes | None:
    """Return the receipt of a batch that was receipted before, known by its digest; None where it wasn't."""
    claims = batch.claims
    row = node.store.read_now(lambda q: streams.batch_over(q, claims.iss, claims.aud, claims.epoch, claims.first))
    if row is None or row["digest"] != batch.sha256 or row["receipt"] is None:
        return None
    given = str(row["again"] or row["receipt"])
    if _counts(node, given):
        return given.encode("ascii")  # the same bytes as the first time (SPEC S-036)
    return await _signed_again(node, batch, row)


def _counts(node: Node, receipt: str) -> bool:
    """Say whether the peer can still accept a receipt of ours, by the state of the key that signed it."""
    kid = parse_receipt(receipt.encode("ascii")).kid
    key = node.members.message_key(node.country, kid) if node.members else None
    return kid == node.keys.signer.kid or key is None or key.accepts(node.clock.now())


async def _signed_again(node: Node, batch: Batch, row: Row) -> bytes:
    """Sign the same outcomes with the present key, and keep both: later events may name the first (SPEC S-132)."""
    outcomes = list(parse_receipt(str(row["receipt"]).encode("ascii")).claims.outcomes)
    now = seconds(node.clock.now())
    again = issue(node.keys.signer, batch, outcomes, now=now, members=node.versions())
    digest = parse_receipt(again.encode("ascii")).sha256

    def work(tx: Tx) -> None:
        streams.signed_again(tx, batch.sha256, again, digest)
        refusals.receipted(tx, batch.claims.iss, digest, [refused for refused, code in outcomes if code != STORED])

    await node.store.write(work)
    return again.encode("ascii")
