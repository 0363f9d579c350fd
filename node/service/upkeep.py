"""What is looked after at every start and once a day: what the law deletes, needless keys, old mails, counts."""

from datetime import timedelta
from typing import Final

import structlog

from node.clock import stamp
from node.errors import NodeError
from node.service import (
    damage,
    erasure,
    erasure_backups,
    idempotency,
    mailing,
    own_data,
    retention,
    statistics,
    subject_retention,
    upgrade,
)
from node.service.drafts import drop_blobs
from node.service.node import Node
from node.store import blobs, cases, drafts
from node.store.subjects import ids as subject_ids

log: Final = structlog.get_logger("entente.upkeep")

EVERY_S: Final = 24 * 3600
"""Seconds between two rounds."""
ORPHAN_S: Final = 24 * 3600
"""Age in seconds from which a case key without case or draft is an orphan, and a file that nothing names.

Long after any crash's leftovers."""


async def round_of(node: Node) -> None:
    """Do everything that is due."""
    await damage.look_again(node)
    await mailing.forget_old(node)
    await idempotency.sweep(node)
    await protect(node)
    await statistics.keep(node)
    swept = await sweep_keys(node)
    if swept:
        log.info("orphan-keys-swept", count=swept)
    files = await sweep_files(node)
    if files:
        log.info("unnamed-files-swept", count=files)


async def sweep_files(node: Node) -> int:
    """Delete attachments that no draft and no event names, since a crash came between; returns how many."""
    before = stamp(node.clock.now() - timedelta(seconds=ORPHAN_S))
    found = node.store.read_now(lambda q: blobs.unnamed(q, node.country, before))
    await drop_blobs(node, found)
    return len(found)


async def protect(node: Node) -> None:
    """Block and delete what is due, and note which erasures are complete by now."""
    await erasure.restore(node)
    await own_data.forget_again(node)
    try:
        done = await retention.run(node)
    except NodeError as error:  # of a new node nobody has signed any time yet
        told = log.warning if retention.clocks(node).attested else log.info
        told("retention-waits", code=error.code, reason=error.message)
    else:
        log.info("retention", blocked=done.blocked, erased=done.erased)
    await own_data.forget_left(node)
    await subject_retention.forget_old(node)
    upgrade.drop_old(node.config.data, node.clock.now())
    await erasure_backups.note_complete(node)


async def sweep_keys(node: Node) -> int:
    """Erase the keys of cases that never came to be; returns how many.

    A key is durable before its case (design 7), so a young one may belong to what is just being stored. `make`
    makes an old one young again; that and the deletion take turns in the key database's writer.
    """
    before = node.clock.now() - timedelta(seconds=ORPHAN_S)
    found = node.case_keys.made_before(before)
    needed = node.store.read_now(lambda q: cases.ids(q) | drafts.case_ids(q) | subject_ids(q)) if found else frozenset()
    orphans = [case_id for case_id in found if case_id not in needed]
    return await node.case_keys.erase_made_before(orphans, before) if orphans else 0
