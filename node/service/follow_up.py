"""What follows from events that were received: withdrawals granted, attachments acknowledged."""

from collections.abc import Callable
from typing import Final

import structlog

from node.domain.access import Actor
from node.errors import NodeError
from node.service.cases import grant_withdrawal
from node.service.issue import issue_steps
from node.service.node import Node
from node.service.splitting import open_parts
from node.store import audit, blobs, cases, events
from node.store.tx import Read, Row, Tx
from protocol.batch import Batch
from protocol.content import MATTER, BlobMatter, Content
from protocol.request import SPLIT

log: Final = structlog.get_logger("entente.follow_up")
_ATTEMPTS: Final = 3


async def after_batch(node: Node, peer: str, batch: Batch) -> None:
    """Do what a batch just stored asks for, and let the fetcher look after the rest."""
    node.heard(peer, batch.claims.members or None, batch.claims.heads)
    if peer in node.lacking:  # it asked by a set that isn't here, so it has that set
        node.lacking.discard(peer)
        node.fetch_areas(peer)
    await grant_withdrawals(node)
    divided = node.store.read_now(lambda q: events.cases_named(q, peer, SPLIT, batch.claims.items))
    await open_parts(node, peer, divided)


async def catch_up(node: Node, peer: str) -> None:
    """Do what a crash left of it, once the streams with a peer were compared after a start."""
    await grant_withdrawals(node, peer)
    await open_parts(node, peer)


async def grant_withdrawals(node: Node, peer: str | None = None) -> None:
    """Grant every wish to withdraw that came before acceptance, or those of one peer."""
    for case_id in node.store.read_now(lambda q: cases.wished(q, peer)):
        try:
            await _grant(node, case_id)
        except NodeError as error:  # of this case alone (its country left, say); it is tried again with the next batch
            log.warning("withdrawal-not-granted", case=case_id, code=error.code)


async def _grant(node: Node, case_id: str) -> None:
    for attempt in range(_ATTEMPTS):
        try:
            return await grant_withdrawal(node, case_id)
        except NodeError as error:
            if error.code != "stale" or attempt == _ATTEMPTS - 1:
                raise
    return None


async def blob_lost(node: Node, peer: str, sha256: str) -> None:
    """Note that neither side has an attachment any more, once: who reads the case and the operator see it."""

    def work(tx: Tx) -> None:
        row = blobs.find(tx, sha256)
        if row is not None and not row["here"]:
            blobs.failed(tx, sha256, blobs.LOST)
            audit.append(tx, peer, "attachment.lost", row["case_id"], sha256)

    await node.store.write(work)
    log.warning("attachment-lost", peer=peer, sha256=sha256)


async def blob_arrived(node: Node, sha256: str) -> None:
    """Note that an attachment is here, and with the same commit tell the side that sent it (SPEC S-067)."""

    def arrived(tx: Tx) -> None:
        blobs.arrived(tx, sha256)

    def find(q: Read) -> Row | None:
        return blobs.find(q, sha256)

    row = node.store.read_now(find)
    try:
        # of one that came back the other side was told
        if row is not None and not row["again"] and await _tell_stored(node, str(row["case_id"]), sha256, arrived):
            return
    except NodeError:
        await node.store.write(arrived)
        raise
    await node.store.write(arrived)
    if node.store.read_now(find) is None:  # its case was erased while it came
        blobs.path_of(node.config.data, sha256).unlink(missing_ok=True)


async def _tell_stored(node: Node, case_id: str, sha256: str, arrived: Callable[[Tx], None]) -> bool:
    """Tell of it while the case runs; returns whether that is on its way, with what `arrived` notes."""
    system = Actor(node.country, node.country, "en", frozenset())
    steps: list[tuple[str, dict[str, Content]]] = [("notice.blob-stored", {MATTER: BlobMatter(stored=(sha256,))})]
    for _ in range(_ATTEMPTS):
        case = node.store.read_now(lambda q: cases.find(q, case_id))
        if case is None or case.ended:
            return False
        try:
            await issue_steps(node, system, case, steps, also=arrived)
        except NodeError as error:
            if error.code == "stale":  # somebody acted meanwhile
                continue
            if error.code == "case-full":  # it is a courtesy: the file is here
                return False
            raise
        return True
    return False
