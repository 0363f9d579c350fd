"""A node that starts from yesterday's disk gets back from its peers what it has lost, and signs nothing twice."""

import asyncio
import datetime as dt
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.typing import EventDict

from node.cli.simulation.loop import run
from node.delivery.call import Answer, Call, LineError
from node.delivery.incoming import BATCHES, STREAMS, handle
from node.service import cases, history, reading, requests
from node.service.ahead import NUMBERS_SKIPPED
from node.service.node import Node
from node.service.verification import check_node
from node.store import recoveries
from node.store.engine import connect
from protocol.content import Said
from protocol.event import item_line, parse_item
from protocol.history import Entry, Page, parse_page, write_page
from protocol.part import SealedPart
from protocol.receipt import issue as issue_receipt
from protocol.receipt import parse_receipt
from tests.exchange.pair import World, open_for_test, world
from tests.exchange.test_refusal import stored_case
from tests.exchange.test_story import ANNA, KATALIN, ask, reply, request

LATER = Said(text="Seit wann genau?", lang="de")


def all_of(node: Node, sql: str) -> list[Any]:
    """Return the rows of a query as tuples."""
    return [tuple(row) for row in node.store.read_now(lambda q: q.all(sql))]


def save_disk(both: World, country: str) -> None:
    """Copy the files of a node as they are now: what is committed, whatever its writer is in the middle of."""
    node = both[country]
    yesterday = both.folder / f"{country}-yesterday"
    yesterday.mkdir(mode=0o700)
    databases = sorted(node.config.data.glob("*.db"))
    for database in databases:
        with closing(connect(database, readonly=True)) as source, closing(connect(yesterday / database.name)) as copy:
            source.backup(copy)
    shutil.copytree(node.config.data, yesterday, ignore=shutil.ignore_patterns("*.db*"), dirs_exist_ok=True)


async def put_back(both: World, *countries: str) -> None:
    """Stop some nodes and put their old files in place; `start_again` starts them."""
    both.members = both[countries[0]].members  # type: ignore[attr-defined]
    for country in countries:
        data = both[country].config.data
        await both.stop(country)
        shutil.rmtree(data)
        shutil.move(both.folder / f"{country}-yesterday", data)


async def start_again(both: World, *countries: str) -> None:
    """Start nodes from what is on their disks."""
    for country in countries:
        node = open_for_test(both.folder / country, country, both.clock, inline=both.inline)
        node.members = both.members  # type: ignore[attr-defined]
        both.net.nodes[country] = node
    for country in countries:
        await both.start(country)


async def recovered(both: World, *, longest_s: float = 30.0) -> None:
    """Wait until the nodes have compared and everything has arrived."""
    await asyncio.sleep(2)
    await both.settled(longest_s=longest_s)


def same_on_both(both: World) -> None:
    """Both sides hold the same cases in the same state, every invariant holds, and nobody is accused."""
    sql = "SELECT id, number, state, n, head, date_state, date_n, date_head, due, agreed, on_its_way FROM cases"
    found = [all_of(both[country], sql + " WHERE state <> 'refused' ORDER BY id") for country in ("DE", "HU")]
    assert found[0] == found[1]
    sql = "SELECT digest, kind FROM event WHERE status = 'applied' ORDER BY digest"
    assert all_of(both["DE"], sql) == all_of(both["HU"], sql)
    for country in ("DE", "HU"):
        assert check_node(both[country]) == []
        assert all_of(both[country], "SELECT * FROM proof") == []
        assert all_of(both[country], "SELECT * FROM blob WHERE here = 0") == []
        assert all_of(both[country], "SELECT * FROM event WHERE status = 'on-its-way'") == []
        assert all_of(both[country], "SELECT * FROM recovery WHERE finished_at IS NULL") == []


async def ask_back(both: World) -> str:
    """Let Budapest ask Berlin; returns the case."""
    asked = request().model_copy(update={"authority": "HU-okfo", "country": "DE", "to": "DE-zaek-berlin"})
    return (await requests.send(both["HU"], KATALIN, asked)).id


async def morning(both: World, opened: str) -> None:
    """Go on with what is open: agree on a date, accept, answer, ask for a clarification."""
    await cases.propose_date(both["HU"], KATALIN, opened, dt.date(2026, 12, 21))
    await cases.accept(both["HU"], KATALIN, opened)
    await both.settled()
    await cases.agree_date(both["DE"], ANNA, opened)
    await cases.reply(both["HU"], KATALIN, opened, reply())
    await both.settled()
    await cases.clarify(both["DE"], ANNA, opened, LATER)
    await both.settled()


async def afternoon(both: World) -> None:
    """Play requests in both directions: with an attachment, answered and closed, withdrawn, finally refused."""
    new = await ask(both)
    await cases.accept(both["HU"], KATALIN, new)
    back = await ask_back(both)
    await both.settled()
    await cases.agree_date(both["DE"], ANNA, back)
    await cases.accept(both["DE"], ANNA, back)
    await cases.reply(both["DE"], ANNA, back, reply())
    await both.settled()
    await cases.close(both["HU"], KATALIN, back)
    withdrawn = (await requests.send(both["DE"], ANNA, request())).id
    await both.settled()
    await cases.withdraw(both["DE"], ANNA, withdrawn)
    await both.settled()
    await _refused(both)


async def _refused(both: World) -> None:
    both.net.down.add("HU")
    await requests.send(both["DE"], ANNA, request())
    await both["HU"].store.write(lambda tx: tx.run("UPDATE authority SET ended = 1 WHERE id = 'HU-okfo'"))
    both.net.down.clear()
    await both.settled()
    await both["HU"].store.write(lambda tx: tx.run("UPDATE authority SET ended = 0 WHERE id = 'HU-okfo'"))


async def goes_on(both: World, given: list[Any]) -> None:
    """Send a new request: its number was never given, and it arrives."""
    fresh = await requests.send(both["DE"], ANNA, request())
    assert (fresh.number,) not in given
    await both.settled()
    await cases.accept(both["HU"], KATALIN, fresh.id)
    await both.settled()
    assert stored_case(both["DE"], fresh.id).state == "accepted"
    same_on_both(both)


async def lost(both: World, *countries: str) -> list[Any]:
    """Play a day after which some nodes have yesterday's disk again and don't run; returns the numbers given."""
    opened = await ask(both)
    for country in countries[:1]:
        save_disk(both, country)
    await morning(both, opened)
    for country in countries[1:]:
        save_disk(both, country)
    await afternoon(both)
    given = all_of(both["DE"], "SELECT number FROM cases WHERE role = 'asking'")
    await put_back(both, *countries)
    return given


async def _yesterday(folder: Path, old: tuple[str, ...], log: list[EventDict]) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        given = await lost(both, *old)
        await start_again(both, *old)
        await recovered(both)
        same_on_both(both)
        if len(old) == 1:
            live = "SELECT id FROM cases WHERE state <> 'refused'"
            assert len(all_of(both["DE"], live)) == len(all_of(both["HU"], live)) == 4
            told = "SELECT r.iss, r.code FROM refusal r JOIN refusal_receipt USING (iss, digest)"
            assert all_of(both["HU"], told) == [("DE", "unknown-authority")]  # and that is what it will say again
        assert {entry["event"] for entry in log} >= {"loss-found", "loss-mended"}
        note = both[old[0]].store.read_now(recoveries.everything)[0]
        assert note["events"] > 0
        assert note["first_at"] <= note["last_at"] < note["found_at"]
        await goes_on(both, given)
        if old == ("DE",):
            assert all_of(both["DE"], "SELECT next FROM case_number")[0][0] > len(given) + NUMBERS_SKIPPED
        for _ in range(2):  # nothing is fetched or skipped a second time
            await both.exchanges.pop("DE").stop()
            await both.start("DE")
            await recovered(both)
        assert [len(both[c].store.read_now(recoveries.everything)) for c in old] == [1, 0][: len(old)]


async def _asked_before_all_are_heard(folder: Path) -> None:
    async with world(folder, "DE", "HU", "AT", inline=True) as three:
        await three.settled()
        save_disk(three, "DE")
        given = [(await requests.send(three["DE"], ANNA, request())).number]
        await three.settled()
        shutil.copytree(folder / "DE-yesterday", folder / "kept")
        three.net.down.add("HU")
        to_austria = request().model_copy(update={"country": "AT", "to": "AT-apothekerkammer"})
        for again in (True, False):  # one copy is put back twice
            await put_back(three, "DE")
            await start_again(three, "DE")
            await asyncio.sleep(2)
            if again:
                shutil.copytree(folder / "kept", folder / "DE-yesterday")
                three.net.down.add("AT")  # so that nobody knows what the first copy gave
            given.append((await requests.send(three["DE"], ANNA, to_austria)).number)
        assert len(set(given)) == 3
        three.net.down.clear()
        await recovered(three)
        assert check_node(three["DE"]) == []


def test_no_number_is_given_again_to_another_country(tmp_path: Path) -> None:
    """Yesterday's disk, put back twice, asks before those who know the numbers could be heard (SPEC S-134)."""
    run(_asked_before_all_are_heard(tmp_path))


@pytest.mark.parametrize("old", [("DE",), ("HU",), ("DE", "HU"), ("HU", "DE")], ids="-".join)
def test_yesterdays_disk_is_mended_from_the_peer(tmp_path: Path, old: tuple[str, ...], log: list[EventDict]) -> None:
    """One node is a day old, or both are, one more than the other: they come to agree, and go on with fresh numbers.

    SPEC S-039, S-126, S-127, S-128, S-134, S-160.
    """
    run(_yesterday(tmp_path, old, log))


async def _asked_to_wait(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        case = await ask(both)
        await both.settled()
        both.members = both["DE"].members  # type: ignore[attr-defined]
        await both.stop("DE")
        asked: list[float] = []

        def before(me: str, _peer: str, call: Call) -> Answer | None:
            if me != "DE" or not call.path.startswith(STREAMS):
                return None
            asked.append(asyncio.get_running_loop().time())
            return Answer(503, {"retry-after": "60"}, b"{}")

        both.net.before = before
        await start_again(both, "DE")
        await asyncio.sleep(1)
        await cases.accept(both["HU"], KATALIN, case)
        await asyncio.sleep(50)
        assert len(asked) == 1
        await asyncio.sleep(20)
        assert len(asked) == 2


def test_a_peer_that_asked_to_wait_is_left_alone_though_it_sends(tmp_path: Path) -> None:
    """What it sends has to wait for the comparison, and that for the time it asked for (SPEC S-039, S-084)."""
    run(_asked_to_wait(tmp_path))


async def _normal_restart(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await ask(both)
        numbers = all_of(both["DE"], "SELECT * FROM case_number")
        await both.exchanges.pop("HU").stop()
        await both.start("HU")
        began = asyncio.get_running_loop().time()
        await requests.send(both["DE"], ANNA, request())
        await both.settled()
        assert asyncio.get_running_loop().time() - began < 0.1
        assert all_of(both["DE"], "SELECT * FROM recovery") == []
        assert all_of(both["DE"], "SELECT * FROM case_number") == numbers  # none was left out


def test_a_normal_restart_costs_one_call(tmp_path: Path) -> None:
    """A batch that comes right after the start waits for the comparison, and nothing else (SPEC S-039)."""
    run(_normal_restart(tmp_path))


async def _not_compared(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        both.net.down.add(("HU", "DE"))
        await both.exchanges.pop("HU").stop()
        await both.start("HU")
        sent = await requests.send(both["DE"], ANNA, request())
        await asyncio.sleep(10)
        assert stored_case(both["HU"], sent.id) is None
        failure = all_of(both["DE"], "SELECT failure FROM peer WHERE country = 'HU'")
        assert failure == [("refused: comparing",)]
        body = both["DE"].store.read_now(lambda q: q.one("SELECT jws FROM batch WHERE aud = 'HU'"))
        assert body is not None
        both.net.down.clear()
        await both.settled()
        assert stored_case(both["HU"], sent.id).state == "sent"


def test_nothing_is_taken_in_before_the_streams_are_compared(tmp_path: Path) -> None:
    """While a started node can't compare, a batch is refused for a moment, and stored later (SPEC S-039)."""
    run(_not_compared(tmp_path))


def no_receipt(me: str, _peer: str, call: Call, answer: Answer) -> Answer:
    """Lose what Germany is answered to its batches."""
    if me == "DE" and call.path == BATCHES:
        raise LineError("no answer in time")
    return answer


async def _answered_before_the_receipt(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await ask(both)
        save_disk(both, "HU")
        both.net.after = no_receipt
        sent = (await requests.send(both["DE"], ANNA, request())).id
        await asyncio.sleep(1)
        await cases.accept(both["HU"], KATALIN, sent)
        await cases.reply(both["HU"], KATALIN, sent, reply())
        await asyncio.sleep(1)
        assert stored_case(both["DE"], sent).state == "replied"  # and Berlin has no receipt of its request yet
        await put_back(both, "HU")
        both.net.after = lambda _me, _peer, _call, answer: answer
        await start_again(both, "HU")
        await recovered(both)
        assert stored_case(both["HU"], sent).state == "replied"
        same_on_both(both)


def test_answers_come_back_whose_question_was_never_receipted(tmp_path: Path) -> None:
    """The batch whose receipt was lost with the disk is taken in again first, then what followed it (SPEC S-128)."""
    run(_answered_before_the_receipt(tmp_path))


async def _copied_with_an_open_batch(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await ask(both)
        both.net.after = no_receipt
        sent = (await requests.send(both["DE"], ANNA, request())).id
        await asyncio.sleep(1)
        save_disk(both, "DE")
        await cases.accept(both["HU"], KATALIN, sent)
        both.net.after = lambda _me, _peer, _call, answer: answer
        await both.settled()
        await put_back(both, "DE")
        await start_again(both, "DE")
        await recovered(both)
        assert stored_case(both["DE"], sent).state == "accepted"
        same_on_both(both)


def test_a_disk_that_was_copied_while_a_batch_was_open_is_mended(tmp_path: Path) -> None:
    """Its receipt comes back with the answers that followed it (SPEC S-128)."""
    run(_copied_with_an_open_batch(tmp_path))


async def _acted_meanwhile(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        given = await lost(both, "HU")
        opened = all_of(both["DE"], "SELECT id FROM cases ORDER BY created_at LIMIT 1")[0][0]
        both.net.down.add("DE")
        await start_again(both, "HU")
        assert stored_case(both["HU"], opened).state == "sent"
        await cases.propose_date(both["HU"], KATALIN, opened, dt.date(2026, 12, 30))
        await cases.decline(both["HU"], KATALIN, opened, "not-competent")
        again = await ask_back(both)
        both.net.down.clear()
        await recovered(both)
        assert stored_case(both["HU"], opened).state == "clarifying"
        sql = f"SELECT kind, status, code FROM event WHERE case_id = '{opened}' AND status = 'refused' ORDER BY kind"
        assert all_of(both["HU"], sql) == [
            ("date.propose", "refused", "case-fork"),
            ("request.decline", "refused", "case-fork"),
        ]
        view = await reading.read_case(both["HU"], KATALIN, opened, "en")
        assert "case-fork" in "".join(entry.refusal.text for entry in view.timeline if entry.refusal)
        assert stored_case(both["HU"], again).state == "sent"  # under a number that nobody can know
        assert both["HU"].store.read_now(recoveries.everything)[0]["voided"] == 2
        await cases.reply(both["HU"], KATALIN, opened, reply())
        await both.settled()
        await goes_on(both, given)


def test_what_was_done_on_the_old_disk_gives_way_to_what_was_said_before(tmp_path: Path) -> None:
    """An act on yesterday's state never leaves the node: it would be a second event with one number (SPEC S-128)."""
    run(_acted_meanwhile(tmp_path))


async def _interrupted(folder: Path, at: int) -> bool:
    async with world(folder, "DE", "HU", inline=True) as both:
        given = await lost(both, "DE")
        pages = 0

        def cut(me: str, _peer: str, call: Call, answer: Answer) -> Answer:
            nonlocal pages
            if me == "DE" and call.path.startswith(STREAMS) and "from" in call.query:
                pages += 1
                if pages == at:
                    raise LineError("the connection was dropped")
            return answer

        both.net.after = cut
        await start_again(both, "DE")
        await asyncio.sleep(0.03)
        assert check_node(both["DE"]) == []
        both.members = both["DE"].members  # type: ignore[attr-defined]
        await both.stop("DE")
        await start_again(both, "DE")
        await recovered(both)
        same_on_both(both)
        assert len(both["DE"].store.read_now(recoveries.everything)) == 1
        await goes_on(both, given)
        return pages >= at


def test_an_interruption_anywhere_is_taken_up_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With pages of one batch, cut at each of them in turn and started anew, the end is the same (SPEC S-128)."""
    monkeypatch.setattr(history, "ENOUGH", 1)
    for at in range(1, 40, 3):
        if not run(_interrupted(_made(tmp_path / str(at)), at)):
            break
    else:
        raise AssertionError("no end")


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


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
