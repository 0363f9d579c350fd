"""A peer that refuses a request in its receipt and keeps it all the same."""

import asyncio
from pathlib import Path

from structlog.typing import EventDict

from node.cli.simulation.loop import run
from node.delivery.call import Answer, Call, LineError
from node.delivery.incoming import BATCHES
from node.service import cases, drafts, requests
from node.service.verification import check_node
from node.store import events
from protocol.batch import parse_batch
from protocol.receipt import issue, parse_receipt
from tests.exchange.pair import World, world
from tests.exchange.test_refusal import rows, stored_case
from tests.exchange.test_story import ANNA, KATALIN, ask, reply, request


def refusing(both: World, call: Call, true: Answer, liar: str = "HU", only: str | None = None) -> Answer:
    """Return a receipt that refuses everything which a liar has just stored, or one event of it by its digest."""
    if call.path != BATCHES or true.status != 200:
        return true
    said = parse_receipt(true.body).claims
    outcomes = [(digest, "wrong-state" if only in (None, digest) else code) for digest, code in said.outcomes]
    lie = issue(both[liar].keys.signer, parse_batch(call.body), outcomes, now=said.clock, members={})
    return Answer(200, true.headers, lie.encode())


async def _refused_and_kept(folder: Path) -> list[str]:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        both.net.after = lambda me, _peer, call, answer: refusing(both, call, answer) if me == "DE" else answer
        draft = await drafts.start_request(both["DE"], ANNA, request())
        case = await requests.send_draft(both["DE"], ANNA, draft.id)
        await both.settled()
        assert stored_case(both["DE"], case.id).state == "refused"
        both.net.after = lambda _me, _peer, _call, answer: answer
        await cases.accept(both["HU"], KATALIN, case.id)
        await both.settled()
        assert stored_case(both["DE"], case.id).state == "refused"
        assert check_node(both["DE"]) == []
        return [row[3] for row in rows(both["HU"], case.id) if row[0] == "request.accept"]


def test_who_refused_a_request_cannot_go_on_with_it(tmp_path: Path, log: list[EventDict]) -> None:
    """What it says of that case is refused as of a case that isn't there, and nothing inside the node fails."""
    assert run(_refused_and_kept(tmp_path)) == ["unknown-case"]
    assert not [entry for entry in log if entry["log_level"] == "error"]


async def _accepted_and_refused(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        lost = LineError("no answer in time")

        def losing(me: str, _peer: str, call: Call, answer: Answer) -> Answer:
            if me == "DE" and call.path == BATCHES:
                raise lost
            return answer

        both.net.after = losing
        draft = await drafts.start_request(both["DE"], ANNA, request())
        case = await requests.send_draft(both["DE"], ANNA, draft.id)
        await asyncio.sleep(1)
        await cases.accept(both["HU"], KATALIN, case.id)
        await asyncio.sleep(1)
        assert stored_case(both["DE"], case.id).state == "accepted"
        both.net.after = lambda me, _peer, call, answer: refusing(both, call, answer) if me == "DE" else answer
        await both.settled()
        assert stored_case(both["DE"], case.id).state == "refused"
        assert check_node(both["DE"]) == []


def test_who_refuses_a_request_that_it_accepted_breaks_nothing(tmp_path: Path) -> None:
    """The request counts as refused, and verification finds no fault in the node that was lied to."""
    run(_accepted_and_refused(tmp_path))


async def _stored_behind_a_refusal(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        case_id = await ask(both)
        both.net.down.add(("HU", "DE"))
        await cases.accept(both["HU"], KATALIN, case_id)
        await cases.reply(both["HU"], KATALIN, case_id, reply())
        stored = both["HU"].store.read_now(lambda q: events.of_case(q, case_id))
        (accept,) = [str(row["digest"]) for row in stored if row["kind"] == "request.accept"]
        both.net.after = lambda me, _peer, call, true: refusing(both, call, true, "DE", accept) if me == "HU" else true
        both.net.down.clear()
        await both.settled()
        said = [(kind, status) for kind, _, status, _ in rows(both["HU"], case_id)]
        assert ("request.accept", "refused") in said
        assert ("request.reply", "applied") in said
        assert check_node(both["HU"]) == []


def test_who_refuses_an_act_and_takes_the_next_one_breaks_nothing(tmp_path: Path) -> None:
    """What is applied behind a refusal is the counterpart's contradiction, and verification finds no fault here."""
    run(_stored_behind_a_refusal(tmp_path))
