"""Peers that lie to a node about what it has lost: nothing of it is stored."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.typing import EventDict

from node.cli.simulation.loop import run
from node.delivery.call import Answer, Call
from node.delivery.incoming import STREAMS, handle
from node.service.verification import check_node
from protocol.event import item_line, parse_item
from protocol.history import Entry, Page, parse_page, write_page
from protocol.part import SealedPart
from protocol.receipt import issue as issue_receipt
from protocol.receipt import parse_receipt
from tests.exchange.disks import all_of, recovered, same_on_both, start_again
from tests.exchange.pair import World, world
from tests.exchange.test_restart import goes_on, lost
from tests.exchange.test_story import ask

Lie = Callable[[World, Page], Page]


def _first(change: Callable[[World, Entry], Entry]) -> Lie:
    return lambda both, page: replace(page, entries=(change(both, page.entries[0]), *page.entries[1:]))


def _last(change: Callable[[World, Entry], Entry]) -> Lie:
    def bent(both: World, page: Page) -> Page:
        at = max(number for number, entry in enumerate(page.entries) if any(entry.lines))
        changed = change(both, page.entries[at])
        return replace(page, entries=(*page.entries[:at], changed, *page.entries[at + 1 :]))

    return bent


def _other_part(_both: World, entry: Entry) -> Entry:
    event = parse_item(next(line for line in entry.lines if line))
    first, *rest = event.parts
    bent = SealedPart(first.id, first.sealed[:-1] + bytes([first.sealed[-1] ^ 1]))
    line = item_line(event.jws.compact, (bent, *rest), event.slots)
    place = next(number for number, each in enumerate(entry.lines) if each)
    return replace(entry, lines=(*entry.lines[:place], line, *entry.lines[place + 1 :]))


def _other_receipt(both: World, entry: Entry, **how: Any) -> Entry:
    """Let Budapest sign another receipt for the batch, with its own key."""
    from protocol.batch import parse_batch

    batch = parse_batch(entry.batch.encode() + b"\n\n")
    said = parse_receipt(entry.receipt.encode()).claims.outcomes
    outcomes = [(digest, how.get("code", code)) for digest, code in said]
    return replace(entry, receipt=issue_receipt(both["HU"].keys.signer, batch, outcomes, now=1, members={}))


LIES: dict[str, Lie] = {
    "a part with another byte": _first(_other_part),
    "a part with another byte, last": _last(_other_part),
    "an event withheld": _first(lambda _b, e: replace(e, lines=(None,) * len(e.lines))),
    "a line of another event": lambda _b, p: replace(
        p, entries=(replace(p.entries[0], lines=p.entries[1].lines[:1] * len(p.entries[0].lines)), *p.entries[1:])
    ),
    "the receipt of another batch": _first(lambda _b, e: replace(e, receipt="a.b.c")),
    "a batch with another signature": _first(lambda _b, e: replace(e, batch=e.batch[:-8] + "AAAAAAAA")),
    "a receipt with another signature": _first(lambda _b, e: replace(e, receipt=e.receipt[:-8] + "AAAAAAAA")),
    "a batch left out": lambda _b, p: replace(p, entries=p.entries[1:]),
    "in another order": lambda _b, p: replace(p, entries=p.entries[::-1]),
    "nothing": lambda _b, p: replace(p, entries=()),
}


async def _lied_to(folder: Path, lie: Lie, stream: str, log: list[EventDict]) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        given = await lost(both, "DE")

        def bend(me: str, _peer: str, call: Call, answer: Answer) -> Answer:
            if me == "DE" and call.path.startswith(f"{STREAMS}{stream}/"):
                return replace(answer, body=write_page(lie(both, parse_page(answer.body))))
            return answer

        both.net.after = bend
        await start_again(both, "DE")
        tables = ("event", "cases", "batch", "stream", "blob", "proof")
        before = [all_of(both["DE"], f"SELECT * FROM {table}") for table in tables]
        await asyncio.sleep(30)
        assert [all_of(both["DE"], f"SELECT * FROM {table}") for table in tables] == before
        assert all_of(both["DE"], "SELECT failure FROM peer WHERE country = 'HU'") == [("refused: history-refused",)]
        assert "history-refused" in {entry["event"] for entry in log}
        assert check_node(both["DE"]) == []
        both.net.after = lambda _me, _peer, _call, answer: answer
        await asyncio.sleep(200)
        await recovered(both, longest_s=300)
        same_on_both(both)
        await goes_on(both, given)


@pytest.mark.parametrize("stream", ["DE", "HU"])
@pytest.mark.parametrize("name", LIES)
def test_a_peer_that_lies_gets_nothing_stored(tmp_path: Path, name: str, stream: str, log: list[EventDict]) -> None:
    """Whatever it bends in the history, not a row is written, the operator is told, and the truth still mends (SPEC S-128)."""
    run(_lied_to(tmp_path, LIES[name], stream, log))


async def _outcome_bent(folder: Path, stream: str, code: str) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await lost(both, "DE")

        def bend(me: str, _peer: str, call: Call, answer: Answer) -> Answer:
            if me == "DE" and call.path.startswith(f"{STREAMS}{stream}/"):
                page = parse_page(answer.body)
                entries = [_other_receipt(both, entry, code=code) for entry in page.entries]
                return replace(answer, body=write_page(replace(page, entries=tuple(entries))))
            return answer

        both.net.after = bend
        await start_again(both, "DE")
        before = all_of(both["DE"], "SELECT * FROM event")
        await asyncio.sleep(30)
        assert all_of(both["DE"], "SELECT * FROM event") == before
        (failure,) = all_of(both["DE"], "SELECT failure FROM peer WHERE country = 'HU'")[0]
        assert failure in ("refused: history-refused", "refused: unknown-key")


@pytest.mark.parametrize(("stream", "code"), [("HU", "stored"), ("HU", "wrong-state"), ("DE", "busy")])
def test_a_receipt_that_is_not_ours_changes_nothing(tmp_path: Path, stream: str, code: str) -> None:
    """What this node took in is told by its own signature alone, and a temporary code is no outcome (SPEC S-128)."""
    run(_outcome_bent(tmp_path, stream, code))


async def _outsider(folder: Path) -> None:
    async with world(folder, "DE", "HU", "AT", inline=True) as three:
        await ask(three)
        for path in ("DE/1", "HU/1", "AT/1"):
            answer = await handle(three["DE"], "AT", Call("GET", STREAMS + path, {"from": "1"}))
            found = (
                [line for entry in parse_page(answer.body).entries for line in entry.lines]
                if answer.status == 200
                else []
            )
            assert answer.status == 404 or found == []
        answer = await handle(three["DE"], "HU", Call("GET", STREAMS + "DE/1", {"from": "1"}))
        page = parse_page(answer.body)
        assert page.entries
        reader = three["HU"].keys.encryption_kid
        assert {slot.kid for e in page.entries for line in e.lines if line for slot in parse_item(line).slots} == {
            reader
        }
        for path in ("DE/x", "DE/1/2", "DE/-1", "FR/1", "DE/" + "9" * 30):
            assert (await handle(three["DE"], "HU", Call("GET", STREAMS + path))).status == 404


def test_the_history_is_for_the_two_alone(tmp_path: Path) -> None:
    """A third member gets nothing of what two others said, and slots are for the one who asks (SPEC S-127)."""
    run(_outsider(tmp_path))
