"""Whatever the other node and the line do, what was said arrives, once, and the page says what it waits for."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.typing import EventDict

from node.cli.simulation.loop import run
from node.delivery.call import Answer, Call, LineError
from node.delivery.incoming import BATCHES, BLOBS, STREAMS
from node.service import cases, deliver, drafts, reading, requests
from node.service.node import Node
from node.service.receive import receive
from node.service.verification import check_node
from node.store import peers, streams
from tests.exchange.pair import START, World, world
from tests.exchange.test_refusal import stored_case
from tests.exchange.test_story import ANNA, KATALIN, PDF, ask, reply, request
from translations.area import Areas

PATIENT = {"retry_first_s": 1.0, "retry_longest_s": 300.0, "refresh_s": 600.0}


def now() -> float:
    """Return the virtual time in seconds."""
    return asyncio.get_running_loop().time()


def peer(node: Node, country: str) -> Any:
    """Return what a node knows of a peer."""
    return node.store.read_now(lambda q: peers.find(q, country))


class Recorded:
    """What went over the line, with what the test wants to happen to it."""

    def __init__(self, both: World, act: Callable[[int, Call], Answer | None] = lambda _count, _call: None) -> None:
        self.bodies: list[bytes] = []
        self.times: list[float] = []
        self._act = act
        both.net.before = self._before

    def _before(self, me: str, _peer: str, call: Call) -> Answer | None:
        if me != "DE" or call.path != BATCHES:
            return None
        self.bodies.append(call.body)
        self.times.append(now())
        return self._act(len(self.bodies), call)


async def _down_for_a_day(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True, **PATIENT) as both:
        await both.settled()
        both.net.down.add("HU")
        await asyncio.sleep(60)
        case = await requests.send(both["DE"], ANNA, request())
        since = both.clock.now()
        await asyncio.sleep(86_400)
        view = await reading.read_case(both["DE"], ANNA, case.id, "en")
        assert view.waiting_since == since
        assert "Hungary" in "".join(notice.text for notice in view.notices)
        assert view.timeline[0].transit == "on-its-way"
        down = peer(both["DE"], "HU")
        assert down["failure"] == "no answer in time"
        assert down["failed_since"] <= "2026-11-23T09:05"
        both.net.down.clear()
        await both.settled(longest_s=460)
        view = await reading.read_case(both["DE"], ANNA, case.id, "en")
        assert (view.waiting_since, view.notices, view.timeline[0].transit) == (None, (), "applied")
        assert peer(both["DE"], "HU")["failed_since"] is None
        received = await reading.read_case(both["HU"], KATALIN, case.id, "hu")
        assert received.timeline[0].at >= START + timedelta(days=1)


def test_a_peer_that_was_down_for_a_day_gets_what_waited(tmp_path: Path) -> None:
    """The page says "waiting for Hungary since", it goes out when the peer is back, and the notice is gone."""
    run(_down_for_a_day(tmp_path))


async def _one_way(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True, **PATIENT) as both:
        case_id = await ask(both)
        both.net.down.add(("DE", "HU"))
        await cases.withdraw(both["DE"], ANNA, case_id)
        await asyncio.sleep(7200)
        failed = peer(both["DE"], "HU")["failed_since"]
        assert failed is not None
        before = len(both.net.calls)
        await cases.accept(both["HU"], KATALIN, case_id)
        await asyncio.sleep(60)
        assert stored_case(both["DE"], case_id).state == "accepted"
        assert peer(both["DE"], "HU")["failed_since"] == failed
        assert not [call for call in both.net.calls[before:] if call[0] == "DE"]
        both.net.down.clear()
        await both.settled(longest_s=460)
        assert peer(both["DE"], "HU")["failed_since"] is None


def test_only_our_own_success_clears_the_back_off(tmp_path: Path) -> None:
    """That the peer reaches us says nothing about the way to it."""
    run(_one_way(tmp_path))


async def _back_off(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True, **PATIENT) as both:
        await both.settled()
        line = Recorded(both, lambda _count, _call: Answer(503, {}, b"") if now() < 3600 else None)
        await requests.send(both["DE"], ANNA, request())
        await both.settled(longest_s=4200)
        waits = [after - before for before, after in zip(line.times, line.times[1:], strict=False)]
        assert all(wait <= 301 for wait in waits)
        assert all(wait >= 0.5 * min(300, 2**place) for place, wait in enumerate(waits))
        assert len(waits) < 40


def test_the_back_off_doubles_up_to_its_limit(tmp_path: Path) -> None:
    """A peer that refuses for an hour is asked a few dozen times, not thousands."""
    run(_back_off(tmp_path))


async def _receipt_lost(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        line, answers = Recorded(both), []

        def lose(me: str, _peer: str, call: Call, answer: Answer) -> Answer:
            if me == "DE" and call.path == BATCHES:
                answers.append(answer.body)
                if len(answers) < 3:
                    raise LineError("the connection was dropped")
            return answer

        both.net.after = lose
        case = await requests.send(both["DE"], ANNA, request())
        await both.settled()
        assert len(line.bodies) == 3
        assert len(set(line.bodies)) == len(set(answers)) == 1
        held = both["HU"].store.read_now(lambda q: q.all("SELECT kind FROM event WHERE case_id = :id", {"id": case.id}))
        assert [row["kind"] for row in held] == ["request.send"]
        for country in ("DE", "HU"):
            assert check_node(both[country]) == []


def test_a_lost_receipt_costs_a_repetition_and_nothing_else(tmp_path: Path) -> None:
    """The same bytes are sent again, the same receipt comes back, and nothing is there twice."""
    run(_receipt_lost(tmp_path))


async def _asked_to_wait(folder: Path, status: int) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        wait = Answer(status, {"retry-after": "120"}, b'{"code":"busy"}')
        line = Recorded(both, lambda count, _call: wait if count <= 2 else None)
        await requests.send(both["DE"], ANNA, request())
        await asyncio.sleep(1)
        assert peer(both["DE"], "HU")["failure"] == "refused: busy"
        await both.settled(longest_s=400)
        assert len(line.times) == 3
        assert all(after - before >= 120 for before, after in zip(line.times, line.times[1:], strict=False))
        assert len(set(line.bodies)) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_peer_that_asks_us_to_wait_is_left_alone_so_long(tmp_path: Path, status: int) -> None:
    """Retry-After counts even where our own back-off is shorter."""
    run(_asked_to_wait(tmp_path, status))


NONSENSE = {
    "a page of a proxy": Answer(200, {"content-type": "text/html"}, b"<html>"),
    "nothing": Answer(200),
    "a redirection": Answer(302, {"location": "https://elsewhere.example"}),
    "a list": Answer(200, {}, b"[]"),
    "numbers that are none": Answer(200, {}, b'{"epoch":"x","next":null}'),
    "deep JSON": Answer(200, {}, b"[" * 100_000),
    "deep JSON as a problem": Answer(500, {}, b"[" * 100_000),
    "no text": Answer(500, {}, b"\xff\xfe"),
    "a code that is none": Answer(409, {}, b'{"code":["unknown-key"]}'),
    "an unknown code": Answer(418, {}, b'{"code":"teapot"}'),
    "a wait that is none": Answer(503, {"retry-after": "²"}, b"{}"),
    "a wait in words": Answer(503, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, b"{}"),
    "an unknown key": Answer(409, {}, b'{"code":"unknown-key"}'),
}


async def _nonsense(folder: Path, answer: Answer) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        until = now() + 5

        def instead(_me: str, _peer: str, _call: Call) -> Answer | None:
            return answer if now() < until else None

        both.net.before = instead
        case_id = (await requests.send(both["DE"], ANNA, request())).id
        await asyncio.sleep(4)
        assert stored_case(both["HU"], case_id) is None
        await both.exchanges.pop("DE").stop()
        await both.start("DE")
        await both.settled()
        assert stored_case(both["HU"], case_id).state == "sent"
        for country in ("DE", "HU"):
            assert check_node(both[country]) == []


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_for_an_answer_is_a_reason_to_try_again(tmp_path: Path, name: str, log: list[EventDict]) -> None:
    """No answer, whatever it is, to a batch or at a start, ends the delivery or counts as a receipt."""
    run(_nonsense(tmp_path, NONSENSE[name]))
    assert not [entry for entry in log if entry["event"] in ("courier-failed", "fetcher-failed")]


async def _restored(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        await both.exchanges.pop("DE").stop()
        both.net.before = lambda me, _peer, call: (
            Answer(200, {}, b'{"epoch":1,"next":9,"last":null}') if me == "DE" and STREAMS in call.path else None
        )
        await requests.send(both["DE"], ANNA, request())
        await both.start("DE")
        await asyncio.sleep(60)
        assert peer(both["DE"], "HU")["failure"] == "refused: restored-from-old-disk"
        sealed = both["DE"].store.read_now(lambda q: q.all("SELECT * FROM batch WHERE iss = 'DE'"))
        assert not sealed


def test_nothing_is_sealed_while_the_peer_knows_more_of_us(tmp_path: Path) -> None:
    """A node that was started from an old disk signs nothing and says why."""
    run(_restored(tmp_path))


async def _unknown_set(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        held = both["HU"].areas
        both["HU"].areas = Areas()
        case_id = await ask(both)
        view = await reading.read_case(both["HU"], KATALIN, case_id, "hu")
        assert not view.question_set_here
        assert view.notices
        assert stored_case(both["DE"], case_id).state == "sent"
        both["HU"].areas = held
        view = await reading.read_case(both["HU"], KATALIN, case_id, "hu")
        assert view.question_set_here
        await cases.accept(both["HU"], KATALIN, case_id)
        await cases.reply(both["HU"], KATALIN, case_id, reply())
        await both.settled()
        assert stored_case(both["DE"], case_id).state == "replied"


def test_a_question_set_that_is_not_here_yet_refuses_nothing(tmp_path: Path) -> None:
    """The request is stored and shown as being fetched; when the set is there it can be answered."""
    run(_unknown_set(tmp_path))


async def _other_digest(folder: Path, log: list[EventDict]) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        both.net.after = lambda me, _peer, call, answer: (
            replace(answer, body=bytes(len(answer.body))) if me == "HU" and BLOBS in call.path else answer
        )
        case_id = await ask(both)
        blob = both["HU"].store.read_now(lambda q: q.one("SELECT * FROM blob"))
        assert blob is not None
        assert (blob["here"], blob["failure"]) == (0, "attachment-digest")
        assert {entry["code"] for entry in log if entry["event"] == "attachment-refused"} == {"attachment-digest"}
        assert not list((both["HU"].config.data / "blobs").rglob("*"))
        view = await reading.read_case(both["HU"], KATALIN, case_id, "hu")
        assert [file.here for file in view.attachments] == [False]
        await cases.accept(both["HU"], KATALIN, case_id)
        await both.settled()
        assert stored_case(both["DE"], case_id).state == "accepted"
        both.net.after = lambda _me, _peer, _call, answer: answer
        await asyncio.sleep(120)
        view = await reading.read_case(both["HU"], KATALIN, case_id, "hu")
        assert [file.here for file in view.attachments] == [True]


def test_an_attachment_of_another_digest_is_refused_and_the_case_goes_on(tmp_path: Path, log: list[EventDict]) -> None:
    """Nothing of it is kept but the note that it was refused; it is asked for again until the right one comes."""
    run(_other_digest(tmp_path, log))


async def _cut_short(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        cut = ["", "x", "half"]

        def shorten(me: str, _peer: str, call: Call, answer: Answer) -> Answer:
            if me != "HU" or BLOBS not in call.path or not cut:
                return answer
            keep = {"": 0, "x": 1, "half": len(answer.body) // 2}[cut.pop()]
            return replace(answer, body=answer.body[:keep])

        both.net.after = shorten
        case_id = await ask(both)
        assert not cut
        seen = await reading.read_case(both["HU"], KATALIN, case_id, "hu")
        assert [file.here for file in seen.attachments] == [True]


def test_an_attachment_that_was_cut_on_the_way_is_fetched_again(tmp_path: Path) -> None:
    """Fewer bytes than were asked for prove nothing against the file."""
    run(_cut_short(tmp_path))


async def _withheld(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        draft = await drafts.start_request(both["DE"], ANNA, request())
        for name in ("one.pdf", "two.pdf", "three.pdf"):
            draft = await drafts.attach(both["DE"], ANNA, draft.id, name, "application/pdf", PDF + name.encode())
        assert draft.request is not None
        withheld = min(ref.sha256 for ref in draft.request.attachments)
        both.net.before = lambda _me, _peer, call: Answer(404, {}, b"") if call.path == BLOBS + withheld else None
        await requests.send_draft(both["DE"], ANNA, draft.id)
        await asyncio.sleep(5)
        here = both["HU"].store.read_now(lambda q: q.all("SELECT sha256 FROM blob WHERE here = 1"))
        assert len(here) == 2
        both.net.before = lambda _me, _peer, _call: None
        await both.settled(longest_s=60)


def test_an_attachment_that_is_withheld_keeps_back_no_other(tmp_path: Path) -> None:
    """The others come at once, and the one comes when the peer gives it."""
    run(_withheld(tmp_path))


async def _outsider(folder: Path) -> None:
    async with world(folder, "DE", "HU", "AT", inline=True) as three:
        case_id = await ask(three)
        digest = (await reading.read_case(three["HU"], KATALIN, case_id, "hu")).attachments[0].sha256
        ways = {me: three.exchanges[me]._lines["DE"] for me in ("HU", "AT")}
        answers = {me: await way.send(Call("GET", BLOBS + digest)) for me, way in ways.items()}
        assert {me: answer.status for me, answer in answers.items()} == {"HU": 200, "AT": 404}
        parts = [
            await ways["HU"].send(Call("GET", BLOBS + digest, {}, {"range": asked}))
            for asked in ("bytes=0-9", "bytes=10-", "bytes=999999-")
        ]
        assert [part.status for part in parts] == [206, 206, 404]
        assert parts[0].body + parts[1].body == answers["HU"].body


def test_an_attachment_is_served_to_the_other_side_alone(tmp_path: Path) -> None:
    """For a third member there is no such attachment, whatever it asks for."""
    run(_outsider(tmp_path))


async def _read_only(folder: Path, log: list[EventDict]) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        disk = both["DE"].store.writer._connection
        case = await requests.send(both["DE"], ANNA, request())
        disk.execute("PRAGMA query_only = ON")
        await asyncio.sleep(30)
        assert {"courier-failed", "failure-not-noted"} <= {entry["event"] for entry in log}
        disk.execute("PRAGMA query_only = OFF")
        await both.settled(longest_s=60)
        assert stored_case(both["HU"], case.id).state == "sent"


def test_a_disk_that_takes_nothing_stops_the_delivery_only_while_it_lasts(tmp_path: Path, log: list[EventDict]) -> None:
    """When the disk can be written again, what waited goes out."""
    run(_read_only(tmp_path, log))


async def test_many_who_send_at_once_get_a_number_each(tmp_path: Path) -> None:
    """Requests that are sent at the same time, alone and in bulk, never share an id or a number."""
    async with world(tmp_path, "DE", "HU") as both:
        await both.settled()
        alone = [requests.send(both["DE"], ANNA, request()) for _ in range(50)]
        bulk = [requests.send_many(both["DE"], ANNA, [request()] * 30) for _ in range(3)]
        sent, many = await asyncio.gather(asyncio.gather(*alone), asyncio.gather(*bulk))
        made = [*sent, *(case for cases_ in many for case in cases_)]
        assert len({case.id for case in made}) == len({case.number for case in made}) == 140


async def _sealed_at_once(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        sent = Recorded(both)
        node: Node = both["DE"]
        unsealed = "SELECT COUNT(*) AS c FROM outbox WHERE first IS NULL"

        async def waiting() -> int:
            await requests.send(node, ANNA, request())
            return int(node.store.read_now(lambda q: q.one(unsealed))["c"])  # type: ignore[index]

        assert await waiting() == 0
        await both.settled()
        await asyncio.gather(*(waiting() for _ in range(5)))
        await both.settled()
        both.net.down.add("HU")
        assert await waiting() == 0  # nothing was on its way when it was sent
        await asyncio.sleep(10)
        assert [await waiting(), await waiting()] == [1, 2]
        both.net.down.clear()
        await both.settled()
        assert node.store.read_now(lambda q: q.one(unsealed))["c"] == 0  # type: ignore[index]
        assert len(sent.bodies) <= 8
        await both.exchanges["DE"].stop()
        assert await waiting() == 1


def test_what_is_sent_while_nothing_is_on_its_way_is_sealed_with_its_own_commit(tmp_path: Path) -> None:
    """A request alone needs no second commit, several at once travel together, and without comparison none is sealed."""
    run(_sealed_at_once(tmp_path))


async def _settled_and_sealed(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True, **PATIENT) as both:
        await both.settled()
        node: Node = both["DE"]
        await both.exchanges["DE"].stop()
        for _ in range(2):
            await requests.send(node, ANNA, request())
            batch = await deliver.next_batch(node, "HU")
        assert batch is not None
        assert len(batch.claims.items) == 1
        await deliver.accept_receipt(node, "HU", batch, await receive(both["HU"], "DE", batch))
        row = node.store.read_now(lambda q: streams.unreceipted(q, "DE", "HU"))
        assert row is not None
        assert row["first"] == batch.next


def test_a_receipt_and_the_next_batch_are_one_commit(tmp_path: Path) -> None:
    """When a receipt has been taken in, what waited behind its batch is sealed already."""
    run(_settled_and_sealed(tmp_path))
