"""A node that starts from yesterday's disk gets back from its peers what it has lost, and signs nothing twice."""

import asyncio
import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import pytest
from structlog.typing import EventDict

from node.cli.simulation.loop import run
from node.cli.simulation.template import open_files
from node.clock import SystemEntropy
from node.delivery.call import Answer, Call, LineError
from node.delivery.incoming import BATCHES, STREAMS
from node.service import backup, cases, history, reading, requests, restore
from node.service.ahead import NUMBERS_SKIPPED
from node.service.verification import check_node
from node.store import recoveries
from protocol.content import Said
from tests.exchange.disks import all_of, put_back, recovered, same_on_both, save_disk, start_again
from tests.exchange.pair import World, world
from tests.exchange.test_refusal import stored_case
from tests.exchange.test_story import ANNA, KATALIN, ask, reply, request

LATER = Said(text="Seit wann genau?", lang="de")


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


async def _restored(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        main, keys = folder / "main", folder / "keys"
        for place in (main, keys):
            place.mkdir(mode=0o700)
        backup.create(both["DE"], main, keys)
        given, config, masters = [], both["DE"].config, both["DE"].keys.masters
        for _ in range(2):  # one backup is restored twice
            both.net.down.add("HU")
            given.append((await requests.send(both["DE"], ANNA, request())).number)
            both.members = both["DE"].members  # type: ignore[attr-defined]
            await both.stop("DE")
            chosen = restore.plan(config, masters, main, keys, both.clock.now())
            await restore.restore(
                lambda restored: open_files(restored, both.clock, SystemEntropy()), config, chosen, both.clock
            )
            both.net.down.clear()
            await start_again(both, "DE")
            await recovered(both)
        await goes_on(both, [(number,) for number in given])
        assert len(set(given)) == 2


def test_a_restored_backup_gives_no_number_again_that_nobody_else_knows(tmp_path: Path) -> None:
    """What was asked since and never left the lost disk may be on paper: its number isn't given again (SPEC S-134)."""
    run(_restored(tmp_path))


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
