"""Deleting a case: its key is destroyed, what that leaves unreadable is taken away, and the other side is told.

The decision is on disk first, so that whatever is interrupted is done again: by the next look of the running node,
by the next command, and after a restore.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Final

import structlog

from node.clock import unstamp
from node.domain.access import Actor
from node.domain.case import Case
from node.errors import NodeError
from node.service import subject_cases
from node.service.issue import seal_for
from node.service.node import Node
from node.store import audit, blobs, cases, erasures, events, streams
from node.store.erasures import Why
from node.store.list_place import EARLIEST
from node.store.tx import Read, Row, Tx
from protocol.content import MATTER, ErasedMatter, OrderMatter
from protocol.content import Actor as ActorName
from protocol.erasure import GROUNDS
from protocol.event import Event, Place, parse_item
from protocol.problems import ProtocolError

log: Final = structlog.get_logger("entente.retention")
MANY: Final = 200
"""Cases that are erased or told of in one transaction."""


def decide(tx: Tx, node: Node, case_ids: Sequence[str], why: Why, by: str = "", ground: str | None = None) -> list[str]:
    """Decide that cases are erased, in the caller's transaction; returns those for which that is new."""
    new = erasures.decide(tx, case_ids, why, ground)
    audit.extend(tx, [audit.Entry(by or node.country, "case.erase", case_id, why) for case_id in new])
    return new


async def order(node: Node, actor: Actor, case_id: str, ground: str) -> None:
    """Order that a case that has ended is erased before its time, here and at the other side (SPEC S-274).

    With a divided case go its parts: those that have ended at once, the others as soon as they end (SPEC S-277).

    Raises `invalid` for an unknown ground, `wrong-state` while the case runs or its end is on its way, `case-erased`
    where it was decided.
    """
    actor.require("cases.erase")
    case = node.store.read_now(lambda q: cases.find(q, case_id))
    if case is None:
        raise NodeError("not-found")
    actor.require("cases.erase", case.own_authority, case.area)
    if ground not in GROUNDS:
        raise NodeError("invalid", "Not a ground to erase data.", fields={"ground": "not-in-list"})
    node.store.read_now(lambda q: require_ended(q, node, case))
    event = None
    if case.state != "refused" and not _has_left(node, case.counterpart):
        matter = OrderMatter(actor=ActorName(authority=case.own_authority, name=actor.name), ground=ground)
        event, _ = seal_for(node, case.counterpart, Place(case_id, "erasure.order", None, None), {MATTER: matter})

    def work(tx: Tx) -> None:
        require_ended(tx, node, cases.find(tx, case_id) or case)
        if not decide(tx, node, [case_id], "order", actor.id, ground):
            raise NodeError("case-erased")
        subject_cases.note_done(tx, node, actor, case_id, "erase")
        if event is not None:
            _queue(tx, node, case.counterpart, event, actor.id)

    await node.store.write(work)
    await carry_out(node)
    node.wake(case.counterpart)


def require_ended(q: Read, node: Node, case: Case) -> None:
    """Raise `wrong-state` unless a case has ended, and the other side, if it hasn't left, has taken it (SPEC S-298)."""
    if not case.ended:
        raise NodeError("wrong-state", "Only a case that has ended is erased.", "Close or withdraw it first.")
    if erasures.end_on_its_way(q, case.id) and not _has_left(node, case.counterpart):
        raise NodeError(
            "wrong-state", "The other side hasn't taken the end of the case yet.", "Order it once that has arrived."
        )


async def carry_out(node: Node) -> int:
    """Destroy the keys of all cases for which that was decided, and what they opened; returns how many cases.

    Each of them has its turn once, so that it comes to an end whatever becomes of one: the next look meets it again.
    """
    count, place = 0, EARLIEST
    while found := node.store.read_now(lambda q, after=place: erasures.to_do(q, MANY, after)):  # type: ignore[misc]
        case_ids, place = [one.id for one in found], found[-1]
        await node.case_keys.erase(case_ids)
        drop_files(node, case_ids)
        await node.store.write(lambda tx, ids=case_ids: _taken_away(tx, node, ids))  # type: ignore[misc]
        await node.store.cut_log()  # nothing of the rows stays in the write-ahead log
        count += len(case_ids)
    return count


def _taken_away(tx: Tx, node: Node, case_ids: Sequence[str]) -> None:
    erasures.strip(tx, case_ids, bare)
    audit.extend(tx, [audit.Entry(node.country, "case.erased", case_id) for case_id in case_ids])


def bare(line: bytes) -> bytes:
    """Return an event's line with its signed words alone; nothing of one that is damaged, for `verify` to name."""
    try:
        return parse_item(line).bare_line()
    except ProtocolError:
        return b""


def drop_files(node: Node, case_ids: Sequence[str]) -> None:
    """Remove the attachments of cases from the disk; their rows go next, so what is interrupted is found again."""
    for case_id in case_ids:
        for sha256 in node.store.read_now(lambda q, c=case_id: blobs.of_case(q, c)):  # type: ignore[misc]
            path = blobs.path_of(node.config.data, sha256)
            path.unlink(missing_ok=True)
            path.with_suffix(".part").unlink(missing_ok=True)


def _reach_parts(tx: Tx, node: Node) -> None:
    audit.extend(tx, [audit.Entry(node.country, "case.erase", part, why) for part, why in erasures.reach_parts(tx)])


async def look(node: Node) -> None:
    """Carry out what was ordered, and tell the other sides; some small queries where there is nothing to do."""
    if node.store.read_now(erasures.has_parts_to_reach):  # they ran when the order came (SPEC S-277)
        await node.store.write(lambda tx: _reach_parts(tx, node))
    if erased := await carry_out(node):
        log.info("cases-erased", count=erased)
    await tell(node)


async def restore(node: Node) -> int:
    """Erase again what is in the list of erased cases and is here all the same; returns how many cases.

    After a restore, keys and rows are those of the backup; a peer may have given more of them back.
    """
    case_ids = node.store.read_now(lambda q: erasures.here(q, node.case_keys.erased()))
    if case_ids:
        await node.store.write(lambda tx: erasures.again(tx, case_ids))
        await carry_out(node)
    return len(case_ids)


async def finish(node: Node) -> int:
    """Take away what had to wait for the other side's receipt; returns how many erasures have ended."""
    case_ids = node.store.read_now(lambda q: erasures.unfinished(q, 100 * MANY))
    ended = 0
    for start in range(0, len(case_ids), MANY):
        some = case_ids[start : start + MANY]

        def work(tx: Tx, some: Sequence[str] = some) -> int:
            erasures.strip(tx, some, bare)
            return len(erasures.finish(tx, some))

        ended += await node.store.write(work)
    if case_ids:
        await node.store.cut_log()
    return ended


async def tell(node: Node) -> int:
    """Tell the other sides of what was erased (SPEC S-275); returns how many cases that were.

    Whoever can't be told now is told at a later look; who has left, or never had the case, isn't.
    """
    rows = node.store.read_now(lambda q: erasures.untold(q, MANY))
    sealed: list[tuple[Row, Event]] = []
    done: list[str] = []
    for row in rows:
        if row["state"] == "refused" or _has_left(node, row["counterpart"]):
            done.append(row["id"])
            continue
        matter = ErasedMatter(date=unstamp(row["key_gone_at"]).astimezone(dt.UTC).date())
        try:
            event, _ = seal_for(
                node, row["counterpart"], Place(row["id"], "erasure.done", None, None), {MATTER: matter}
            )
        except NodeError:
            continue  # suspended, say, or without a key that is known here
        sealed.append((row, event))
        done.append(row["id"])
    if done:
        await node.store.write(lambda tx: _said(tx, node, sealed, done))
        for country in sorted({str(row["counterpart"]) for row, _ in sealed}):
            node.wake(country)
    return len(sealed)


def _has_left(node: Node, country: str) -> bool:
    decided = node.members.decided(country) if node.members else None
    return decided is not None and decided.status == "left"


def _said(tx: Tx, node: Node, sealed: Sequence[tuple[Row, Event]], done: Sequence[str]) -> None:
    """Queue the notices, and note that these cases were told of."""
    for row, event in sealed:
        _queue(tx, node, row["counterpart"], event, node.country)
    erasures.told(tx, done)


def _queue(tx: Tx, node: Node, to: str, event: Event, by: str) -> None:
    """Store an event of a case whose key goes, and put it into the queue; nobody here can read it any more."""
    claims = event.claims
    events.insert(tx, event, event.line(), b"", status=erasures.ON_ITS_WAY)
    streams.enqueue(tx, to, event.name)
    erasures.one_more_on_its_way(tx, claims.case)
    audit.append(tx, by, claims.kind, claims.case, f"{node.country} to {to}")
