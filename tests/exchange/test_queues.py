"""The operator's hand on a queue: held, tried again, given up, blocked; nothing is lost by it, nothing is done twice."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from node.cli.simulation.loop import run
from node.delivery.call import Answer, Call
from node.delivery.incoming import BATCHES
from node.domain.access import operator
from node.errors import NodeError
from node.service import cases, erasure, membership, observe, queues, reading, requests
from node.service.node import Node
from node.service.verification import check_node
from node.store import streams
from protocol.batch import Head
from tests.exchange.closed import OTTO
from tests.exchange.disks import all_of, put_back, recovered, same_on_both, save_disk, start_again
from tests.exchange.pair import World, handler, world
from tests.exchange.test_delivery import PATIENT, Recorded, peer
from tests.exchange.test_refusal import stored_case
from tests.exchange.test_story import ANNA, KATALIN, ask, request

OPERATOR = operator()


def status_of(node: Node, country: str) -> observe.PeerStatus:
    """Return what the operator sees of a peer."""
    return next(one for one in observe.status(node, OPERATOR).peers if one.country == country)


def looked(both: World, country: str) -> None:
    """Do what the running node does once a second."""
    both.exchanges[country].follow_operators()


async def _held(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True, **PATIENT) as both:
        open_case = await ask(both)
        await queues.hold(both["DE"], OPERATOR, "HU")
        looked(both, "DE")
        case = await requests.send(both["DE"], ANNA, request())
        await cases.accept(both["HU"], KATALIN, open_case)
        await asyncio.sleep(7200)
        assert stored_case(both["HU"], case.id) is None
        assert stored_case(both["DE"], open_case).state == "accepted"
        status = status_of(both["DE"], "HU")
        assert (status.queue, status.waiting, status.waiting_since is None) == ("held", 1, False)
        assert all_of(both["DE"], "SELECT first FROM outbox") == [(None,)]
        view = await reading.read_case(both["DE"], ANNA, case.id, "en")
        assert "Hungary" in "".join(notice.text for notice in view.notices)
        await queues.retry(both["DE"], OPERATOR, "HU")
        looked(both, "DE")
        await both.settled(longest_s=1)
        assert stored_case(both["HU"], case.id).state == "sent"
        assert status_of(both["DE"], "HU").queue == "empty"
        same_on_both(both)


def test_a_held_queue_sends_nothing_and_receives_everything(tmp_path: Path) -> None:
    """Nothing is sealed while it is held, and all of it goes out when it is let go (SPEC S-181)."""
    run(_held(tmp_path))


async def _held_with_a_batch(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        line = Recorded(both, lambda _count, _call: Answer(503, {}, b"{}"))
        await requests.send(both["DE"], ANNA, request())
        await asyncio.sleep(2)
        await queues.hold(both["DE"], OPERATOR, "HU")
        looked(both, "DE")
        await asyncio.sleep(1)
        sent = len(line.bodies)
        await asyncio.sleep(600)
        assert len(line.bodies) == sent
        both.net.before = lambda _me, _peer, _call: None
        await queues.retry(both["DE"], OPERATOR, "HU")
        looked(both, "DE")
        await both.settled(longest_s=1)
        same_on_both(both)


def test_a_sealed_batch_is_held_too_and_stays_what_it_was(tmp_path: Path) -> None:
    """A batch that was sealed before the hold isn't repeated meanwhile; then it is, byte for byte."""
    run(_held_with_a_batch(tmp_path))


async def _no_word(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True, **PATIENT) as both:
        await both.settled()
        await both["DE"].store.write(lambda tx: tx.run("DELETE FROM peer"))
        looked(both, "DE")
        line = Recorded(both, lambda _count, _call: Answer(503, {}, b"{}"))
        await requests.send(both["DE"], ANNA, request())
        await asyncio.sleep(40)
        tried = len(line.bodies)
        assert tried > 2
        assert all_of(both["DE"], "SELECT country FROM peer") == [("HU",)]
        looked(both, "DE")
        await asyncio.sleep(0.01)  # at once, if at all; the next attempt of its own comes at some time
        assert len(line.bodies) == tried


def test_what_is_noted_of_a_peer_for_the_first_time_is_no_operators_word(tmp_path: Path) -> None:
    """The first failure is written down, and doesn't clear the back-off that it began (SPEC S-084)."""
    run(_no_word(tmp_path))


async def _tried_now(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True, **PATIENT) as both:
        await both.settled()
        both.net.down.add("HU")
        await requests.send(both["DE"], ANNA, request())
        await asyncio.sleep(3600)
        status = status_of(both["DE"], "HU")
        assert status.queue == "retrying"
        assert status.attempts > 10
        assert status.next_try_at is not None
        assert 0 < (status.next_try_at - both.clock.now()).total_seconds() < 450
        both.net.down.clear()
        await queues.retry(both["DE"], OPERATOR, "HU")
        looked(both, "DE")
        await both.settled(longest_s=1)
        status = status_of(both["DE"], "HU")
        assert (status.queue, status.attempts, status.next_try_at) == ("empty", 0, None)


def test_a_peer_that_is_back_is_tried_at_once(tmp_path: Path) -> None:
    """The operator sees when the next attempt would be, and needs not wait for it."""
    run(_tried_now(tmp_path))


async def _asked_to_wait(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        busy = Answer(429, {"retry-after": "120"}, b'{"code":"busy"}')
        line = Recorded(both, lambda count, _call: busy if count == 1 else None)
        await requests.send(both["DE"], ANNA, request())
        await asyncio.sleep(10)
        await queues.retry(both["DE"], OPERATOR, "HU")
        looked(both, "DE")
        await both.settled(longest_s=400)
        first, second = line.times
        assert second - first >= 120


def test_a_peer_that_asked_us_to_wait_is_left_alone_even_then(tmp_path: Path) -> None:
    """`retry` shortens our own pause and never the peer's Retry-After (SPEC S-084)."""
    run(_asked_to_wait(tmp_path))


async def _given_up(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        await queues.hold(both["DE"], OPERATOR, "HU")
        case = await requests.send(both["DE"], ANNA, request())
        await cases.withdraw(both["DE"], ANNA, case.id)
        kept = await requests.send(both["DE"], ANNA, request())
        done = await queues.give_up(both["DE"], OPERATOR, case.number)
        assert (done.peer, done.kinds) == ("HU", ("request.send", "wish.withdraw"))
        view = await reading.read_case(both["DE"], ANNA, case.id, "en")
        assert (view.state, view.waiting_since) == ("refused", None)
        assert "took the last step back" in view.notices[-1].text
        entries = all_of(both["DE"], f"SELECT actor, action FROM audit WHERE subject = '{case.id}' ORDER BY seq")
        assert entries[-2:] == [("operator", "queue.give-up")] * 2
        await queues.retry(both["DE"], OPERATOR, "HU")
        looked(both, "DE")
        await both.settled()
        assert stored_case(both["HU"], case.id) is None
        assert stored_case(both["HU"], kept.id).state == "sent"
        same_on_both(both)


def test_what_was_never_sealed_may_be_given_up(tmp_path: Path) -> None:
    """All that waits of the request goes, its people are told, and the other side never hears of it (SPEC S-180)."""
    run(_given_up(tmp_path))


async def _order_given_up(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        case_id = await ask(both)
        number = stored_case(both["DE"], case_id).number
        await cases.withdraw(both["DE"], ANNA, case_id)
        await both.settled()
        await queues.hold(both["DE"], OPERATOR, "HU")
        await erasure.order(both["DE"], OTTO, case_id, "consent")
        await erasure.look(both["DE"])
        assert queues.to_give_up(both["DE"], OPERATOR, number).kinds == ("erasure.order", "erasure.done")
        done = await queues.give_up(both["DE"], OPERATOR, number)
        assert (done.peer, done.kinds) == ("HU", ("erasure.order", "erasure.done"))
        await erasure.finish(both["DE"])
        await queues.retry(both["DE"], OPERATOR, "HU")
        looked(both, "DE")
        await both.settled()
        await erasure.look(both["HU"])
        assert all_of(both["HU"], "SELECT case_id FROM erasure") == []
        assert all_of(both["DE"], "SELECT told, finished_at IS NOT NULL FROM erasure") == [(1, 1)]
        assert all_of(both["DE"], "SELECT on_its_way FROM cases") == [(0,)]
        assert check_node(both["DE"]) == []
        with pytest.raises(NodeError) as refused:
            await queues.give_up(both["DE"], OPERATOR, number)
        assert refused.value.code == "not-found"


def test_the_order_of_a_case_whose_key_is_gone_may_be_given_up(tmp_path: Path) -> None:
    """Nothing of it can be read here any more, and nothing needs to be: the other side never hears of it (SPEC S-180)."""
    run(_order_given_up(tmp_path))


async def _a_step_given_up(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        case_id = await ask(both)
        number = stored_case(both["HU"], case_id).number
        await queues.hold(both["HU"], OPERATOR, "DE")
        await cases.accept(both["HU"], KATALIN, case_id)
        await queues.give_up(both["HU"], OPERATOR, number)
        assert stored_case(both["HU"], case_id).state == "sent"
        await cases.decline(both["HU"], KATALIN, case_id, "not-competent")
        await queues.retry(both["HU"], OPERATOR, "DE")
        looked(both, "HU")
        await both.settled()
        assert stored_case(both["DE"], case_id).state == "declined"
        same_on_both(both)


def test_a_step_that_was_given_up_leaves_its_place_to_another(tmp_path: Path) -> None:
    """The acceptance never happened, so the authority may decline instead (SPEC S-180)."""
    run(_a_step_given_up(tmp_path))


async def _refused_to_give_up(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        Recorded(both, lambda _count, _call: Answer(503, {}, b"{}"))
        case = await requests.send(both["DE"], ANNA, request())
        await asyncio.sleep(2)
        before = all_of(both["DE"], "SELECT digest, first FROM outbox")
        with pytest.raises(NodeError) as refused:
            await queues.give_up(both["DE"], OPERATOR, case.number)
        assert refused.value.code == "sealed"
        await both["DE"].store.write(lambda tx: streams.begin_epoch(tx, "DE", "HU", Head(), "operator"))
        assert all_of(both["DE"], "SELECT first FROM outbox") == [(None,)]  # the batch is open again
        with pytest.raises(NodeError) as refused:
            await queues.give_up(both["DE"], OPERATOR, case.number)
        assert refused.value.code == "sealed"
        assert [digest for digest, _ in all_of(both["DE"], "SELECT digest, first FROM outbox")] == [before[0][0]]
        both.net.before = lambda _me, _peer, _call: None
        await both.settled()
        with pytest.raises(NodeError) as refused:
            await queues.give_up(both["DE"], OPERATOR, case.number)
        assert refused.value.code == "not-found"
        assert stored_case(both["HU"], case.id).state == "sent"
        same_on_both(both)


def test_what_was_ever_sealed_is_never_given_up(tmp_path: Path) -> None:
    """Not in its batch, not after a new epoch opened that batch, not when it has arrived (SPEC S-180)."""
    run(_refused_to_give_up(tmp_path))


async def _given_up_on_an_old_disk(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        await queues.hold(both["DE"], OPERATOR, "HU")
        case = await requests.send(both["DE"], ANNA, request())
        save_disk(both, "DE")
        await queues.retry(both["DE"], OPERATOR, "HU")
        looked(both, "DE")
        await both.settled()
        await cases.accept(both["HU"], KATALIN, case.id)
        await both.settled()
        await put_back(both, "DE")
        both.net.down.add("HU")
        await start_again(both, "DE")
        await queues.give_up(both["DE"], OPERATOR, case.number)
        assert stored_case(both["DE"], case.id).state == "refused"
        both.net.down.clear()
        await queues.retry(both["DE"], OPERATOR, "HU")
        looked(both, "DE")
        await recovered(both)
        assert stored_case(both["DE"], case.id).state == "accepted"
        same_on_both(both)


def test_what_had_arrived_before_the_old_disk_counts_though_it_was_given_up(tmp_path: Path) -> None:
    """The other side's receipt is stronger than what an operator did on yesterday's disk (SPEC S-180, S-128)."""
    run(_given_up_on_an_old_disk(tmp_path))


async def _blocked(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        case_id = await ask(both)
        calls: list[tuple[str, str, int]] = []

        def seen(me: str, _peer: str, call: Call, answer: Answer) -> Answer:
            calls.append((me, call.path, answer.status))
            return answer

        both.net.after = seen
        await membership.set_blocked(both["DE"], OPERATOR, "HU", blocked=True)
        await both.exchanges.pop("DE").stop()  # a start begins with comparing
        await both.start("DE")
        await cases.withdraw(both["DE"], ANNA, case_id)
        await cases.accept(both["HU"], KATALIN, case_id)
        await asyncio.sleep(600)
        assert {me for me, _, _ in calls} == {"HU"}
        assert {status for _, path, status in calls if path == BATCHES} == {403}
        assert stored_case(both["DE"], case_id).state == "sent"
        assert status_of(both["DE"], "HU").queue == "blocked"
        await membership.set_blocked(both["DE"], OPERATOR, "HU", blocked=False)
        looked(both, "DE")
        await both.settled(longest_s=60)
        assert stored_case(both["DE"], case_id).state == "accepted"
        same_on_both(both)


def test_a_blocked_peer_gets_nothing_from_us_either(tmp_path: Path) -> None:
    """Neither messages nor questions of ours reach it, and all that waited goes on afterwards (SPEC S-181)."""
    run(_blocked(tmp_path))


async def _forbidden(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        node: Node = both["DE"]
        attempts: list[Any] = [
            queues.hold(node, ANNA, "HU"),
            queues.retry(node, handler("DE-zaek-berlin"), "HU"),
            queues.give_up(node, ANNA, "DE-2026-000001"),
        ]
        for attempt in attempts:
            with pytest.raises(NodeError) as refused:
                await attempt
            assert refused.value.code == "forbidden"
        with pytest.raises(NodeError, match="forbidden"):
            queues.waiting(node, ANNA, "HU")
        for country in ("DE", "FR"):
            with pytest.raises(NodeError, match="unknown-country"):
                await queues.hold(node, OPERATOR, country)
        assert peer(node, "HU")["held_at"] is None
        assert check_node(node) == []


def test_only_an_operator_touches_a_queue(tmp_path: Path) -> None:
    """Case handlers neither see nor move it, and there is none for a country that isn't in the list."""
    run(_forbidden(tmp_path))
