"""The queue for a peer in the operator's hands: seen, held, tried again, given up where that is allowed."""

import datetime as dt
from dataclasses import dataclass

from node.clock import unstamp
from node.domain.access import Actor
from node.domain.case_view import View
from node.errors import NodeError
from node.service.node import Node
from node.service.recover import write_case
from node.store import audit, cases, events, peers, streams
from node.store.events import GIVEN_UP
from node.store.tx import Read, Row, Tx


class Waiting(View):
    """A message that waits for its receipt. `sealed`: it was in a batch, so nobody may take it back."""

    number: str
    kind: str
    since: dt.datetime
    sealed: bool


class Unsealed(View):
    """How many messages for a peer were never sealed, and the place of the last of them in the queue."""

    count: int
    until: int


@dataclass(frozen=True)
class GivenUp:
    """What was given up: of which request, for which peer, and the kinds of its messages in their order."""

    number: str
    peer: str
    kinds: tuple[str, ...]


def waiting(node: Node, actor: Actor, peer: str) -> tuple[Waiting, ...]:
    """Return what waits for a peer, oldest first. Raises `unknown-country`."""
    actor.require("node.observe")
    require_known(node, peer)
    return tuple(map(_waiting, node.store.read_now(lambda q: streams.queue(q, peer))))


async def some_waiting(node: Node, actor: Actor, peer: str, limit: int, offset: int) -> tuple[Waiting, ...]:
    """Return a part of what waits for a peer, oldest first; read off the loop. Raises `unknown-country`."""
    actor.require("node.observe")
    require_known(node, peer)
    return tuple(map(_waiting, await node.store.read(lambda q: streams.queue(q, peer, limit, offset))))


def _waiting(row: Row) -> Waiting:
    return Waiting(number=row["number"], kind=row["kind"], since=unstamp(row["since"]), sealed=bool(row["sealed"]))


def require_known(node: Node, peer: str) -> None:
    """Raise `unknown-country` for one that isn't in the list, that was never seen and that nothing waits for."""

    def is_here(q: Read) -> bool:
        return peers.find(q, peer) is not None or any(row["peer"] == peer for row in streams.backlog(q))

    listed = node.members is not None and node.members.standing(peer) is not None
    if peer == node.country or not (listed or node.store.read_now(is_here)):
        raise NodeError("unknown-country", f"The member list names no other country {peer}.")


async def hold(node: Node, actor: Actor, peer: str) -> None:
    """Send nothing more to a peer until `retry`; everything goes on being queued, and received (SPEC S-181)."""
    actor.require("node.observe")
    require_known(node, peer)

    def work(tx: Tx) -> None:
        if peers.hold(tx, peer):
            audit.append(tx, actor.id, "queue.hold", peer)

    await node.store.write(work)


async def retry(node: Node, actor: Actor, peer: str) -> None:
    """Try a peer now, and end a hold of its queue. The next pause is as long as it would have been (SPEC S-084)."""
    actor.require("node.observe")
    require_known(node, peer)

    def work(tx: Tx) -> None:
        peers.ask_retry(tx, peer)
        audit.append(tx, actor.id, "queue.retry", peer)

    await node.store.write(work)


def to_give_up(node: Node, actor: Actor, number: str) -> GivenUp:
    """Say what `give_up` would take back. Raises `not-found`, `sealed`."""
    actor.require("node.observe")
    return _given_up(number, _takeable(number, node.store.read_now(lambda q: streams.queued_with(q, number))))


async def give_up(node: Node, actor: Actor, number: str) -> GivenUp:
    """Take back what waits of a request and was never in a batch; it never happened (SPEC S-180).

    Of a case whose key is gone its order and notice wait; nothing of it is left that could change. Raises `not-found`
    where nothing waits, and `sealed` where a part of it may have arrived already.
    """
    actor.require("node.observe")
    found = node.store.read_now(lambda q: streams.queued_with(q, number))
    gone = node.case_keys.erased().keys()
    keys = {case_id: node.case_keys.find(case_id) for case_id in sorted({str(row["case_id"]) for row in found} - gone)}

    def work(tx: Tx) -> GivenUp:
        rows = _takeable(number, streams.queued_with(tx, number))
        for row in rows:
            streams.leave_queue(tx, row["peer"], row["digest"])
            events.settle(tx, row["digest"], GIVEN_UP, None)
            audit.append(tx, actor.id, "queue.give-up", row["case_id"], row["kind"])
        for case_id in sorted({str(row["case_id"]) for row in rows}):
            if case_id in gone:
                cases.recount(tx, case_id)
            else:
                write_case(tx, node, case_id, keys[case_id])
        return _given_up(number, rows)

    return await node.store.write(work)


def to_give_up_all(node: Node, actor: Actor, peer: str) -> Unsealed:
    """Say how much `give_up_all` would take back now. Raises `unknown-country`."""
    actor.require("node.observe")
    require_known(node, peer)
    count, until = node.store.read_now(lambda q: streams.unsealed(q, peer))
    return Unsealed(count=count, until=until)


async def give_up_all(node: Node, actor: Actor, peer: str, until: int) -> int:
    """Take back all that was never sealed for a peer, up to a place of its queue; returns how many messages.

    What came into the queue after `until` stays, but for what follows in a case of which something is taken back.
    Request by request, each as `give_up` does it, so that nobody else has to wait for long.
    """
    actor.require("node.observe")
    require_known(node, peer)
    count = 0
    for number in await node.store.read(lambda q: streams.unsealed_numbers(q, peer, until)):
        try:
            count += len((await give_up(node, actor, number)).kinds)
        except NodeError as error:
            if error.code not in ("not-found", "sealed"):  # it went out meanwhile
                raise
    return count


def _takeable(number: str, rows: list[Row]) -> list[Row]:
    """Return what of a request was never sealed. What is behind in a chain can't be sealed before what is ahead."""
    if not rows:
        raise NodeError("not-found", f"Nothing of {number} waits to be sent.", "entente queue list COUNTRY")
    free = [row for row in rows if not row["sealed"]]
    if not free:
        raise NodeError("sealed", f"All that waits of {number} is sealed for {rows[0]['peer']} already.")
    return free


def _given_up(number: str, rows: list[Row]) -> GivenUp:
    return GivenUp(number, str(rows[0]["peer"]), tuple(str(row["kind"]) for row in rows))
