"""What a person contests is recorded beside the data, on both sides, signed; nothing that was said changes."""

import itertools
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from node.cli.simulation.loop import run
from node.errors import NodeError
from node.service import blocking, cases, corrections, erasure, forwarding, reading, receive
from node.store import events
from protocol.content import Content, Said
from protocol.event import Event, open_contents
from protocol.problems import ProtocolError
from tests.exchange.closed import OTTO, ZSOFIA, closed
from tests.exchange.disks import put_back, recovered, save_disk, start_again
from tests.exchange.pair import World
from tests.exchange.test_crossing import asked
from tests.exchange.test_refusal import stored_case
from tests.exchange.test_story import ANNA, KATALIN, reply

WRONG = Said(text="Sie ist nicht 1991 geboren, sondern 1990.", lang="de")
RIGHT = Said(text="A helyes év: 2014.", lang="hu")


def said(both: World, country: str, case_id: str, kind: str) -> str:
    """Return the digest of the first event of a kind in a case."""
    rows = both[country].store.read_now(lambda q: events.of_case(q, case_id))
    return next(str(row["digest"]) for row in rows if row["kind"] == kind)


def states(both: World, case_id: str, lang: str = "de") -> dict[str, list[tuple[str, str]]]:
    """Return what each side shows beside a case: state, and the words that were said."""
    found = {}
    for country, who in (("DE", OTTO), ("HU", ZSOFIA)):
        shown = corrections.read(both[country], who, case_id, lang).corrections
        found[country] = [(one.state, " / ".join(e.said.text for e in one.entries if e.said)) for one in shown]
    return found


def both_show(shown: tuple[str, str]) -> dict[str, list[tuple[str, str]]]:
    """Return what `states` gives where both sides show one thing."""
    return {"DE": [shown], "HU": [shown]}


async def _beside(folder: Path) -> None:
    async with closed(folder) as world_:
        both, case_id = world_.both, world_.case_id
        await world_.later(190)
        for country in ("DE", "HU"):
            await world_.run(country)  # blocked on both sides
        answer = said(both, "DE", case_id, "request.reply")
        before = [bytes(row["line"]) for row in both["HU"].store.read_now(lambda q: events.of_case(q, case_id))]
        await corrections.contest(both["DE"], OTTO, case_id, answer, "accuracy", WRONG)
        await both.settled()
        assert states(both, case_id) == both_show(("contested", WRONG.text))
        (theirs,) = corrections.open_contests(both["HU"], ZSOFIA, "hu")
        (ours,) = corrections.open_contests(both["DE"], OTTO, "de")
        assert (theirs.ours, ours.ours) == (True, False)
        contest = corrections.read(both["HU"], ZSOFIA, case_id, "hu").corrections[0].id
        await corrections.correct(both["HU"], ZSOFIA, case_id, answer, RIGHT, contest)
        await both.settled()
        assert states(both, case_id) == both_show(("corrected", f"{WRONG.text} / {RIGHT.text}"))
        assert corrections.open_contests(both["HU"], ZSOFIA, "hu") == ()
        after = [bytes(row["line"]) for row in both["HU"].store.read_now(lambda q: events.of_case(q, case_id))]
        assert after[: len(before)] == before, "nothing that was signed changes"
        with pytest.raises(NodeError, match="case-blocked"):
            await reading.read_case(both["DE"], ANNA, case_id, "de")
        await blocking.see(both["DE"], ANNA, case_id, "proof", "Beweis")
        view = await reading.read_case(both["DE"], ANNA, case_id, "de")
        assert [one.state for one in view.corrections] == ["corrected"]
        assert view.actions == ()


def test_what_is_contested_in_a_blocked_case_is_recorded_beside_it_on_both_sides(tmp_path: Path) -> None:
    """The person complains in Berlin, Budapest corrects what it said; both show both, signed (SPEC S-281, S-282)."""
    run(_beside(tmp_path))


async def _rights(folder: Path) -> None:
    async with closed(folder) as world_:
        both, case_id = world_.both, world_.case_id
        answer = said(both, "DE", case_id, "request.reply")
        with pytest.raises(NodeError, match="forbidden"):
            await corrections.contest(both["DE"], ANNA, case_id, answer, "accuracy", WRONG)
        with pytest.raises(NodeError, match="not-found"):
            await corrections.contest(both["DE"], ZSOFIA, case_id, answer, "accuracy", WRONG)
        with pytest.raises(NodeError, match="not-owner"):
            await corrections.correct(both["DE"], OTTO, case_id, answer, WRONG)
        for wrong, field in (
            (corrections.contest(both["DE"], OTTO, case_id, "nothing", "accuracy", WRONG), "event"),
            (corrections.contest(both["DE"], OTTO, case_id, answer, "taste", WRONG), "ground"),
            (corrections.contest(both["DE"], OTTO, case_id, answer, "accuracy", None), "text"),
            (corrections.settle(both["HU"], ZSOFIA, case_id, "nothing", None), "contest"),
        ):
            with pytest.raises(NodeError) as found:
                await wrong
            assert list(found.value.fields) == [field]
        await corrections.contest(both["DE"], OTTO, case_id, answer, "lawfulness", WRONG)
        await both.settled()
        contest = corrections.read(both["HU"], ZSOFIA, case_id, "hu").corrections[0].id
        with pytest.raises(NodeError, match="not-owner"):
            await corrections.settle(both["DE"], OTTO, case_id, contest, None)
        with pytest.raises(NodeError, match="not-owner"):
            await corrections.withdraw(both["HU"], ZSOFIA, case_id, contest, None)
        await corrections.settle(both["HU"], ZSOFIA, case_id, contest, RIGHT)
        with pytest.raises(NodeError, match="wrong-state"):
            await corrections.correct(both["HU"], ZSOFIA, case_id, answer, RIGHT, contest)


def test_each_side_corrects_its_own_words_alone(tmp_path: Path) -> None:
    """A data administrator of the case's authority, and nobody else; each answer has one owner (SPEC S-282)."""
    run(_rights(tmp_path))


Act = Callable[[], Awaitable[object]]


async def _crossing(folder: Path, order: tuple[str, ...], *, answered: bool) -> None:
    """Let a correction meet what else is on its way, and compare what both sides make of it.

    With `answered` Berlin contests Budapest's reply and closes the case; without it Budapest contests the request
    and replies to it. `order` is in which order it is said.
    """
    async with closed(folder) as world_:
        both, case_id = world_.both, world_.open_id
        await cases.accept(both["HU"], KATALIN, case_id)
        if answered:
            await cases.reply(both["HU"], KATALIN, case_id, reply())
        await both.settled()
        event = said(both, "DE", case_id, "request.reply" if answered else "request.send")
        (here, who), (there, owner) = ((both["DE"], OTTO), (both["HU"], ZSOFIA))[:: 1 if answered else -1]
        await corrections.contest(here, who, case_id, event, "accuracy", WRONG)
        await both.settled()
        contest = corrections.read(there, owner, case_id, "hu").corrections[0].id
        both.net.down |= {("DE", "HU"), ("HU", "DE")}
        acts: dict[str, Act] = {
            "correct": lambda: corrections.correct(there, owner, case_id, event, RIGHT, contest),
            "withdraw": lambda: corrections.withdraw(here, who, case_id, contest, None),
            "move": lambda: (
                cases.close(here, ANNA, case_id) if answered else cases.reply(here, KATALIN, case_id, reply())
            ),
            "again": lambda: corrections.contest(here, who, case_id, event, "lawfulness", WRONG),
        }
        for name in order:
            await acts[name]()
        ways = [("HU", "DE"), ("DE", "HU")]
        for way in ways if order[0] == "correct" else ways[::-1]:
            both.net.down.discard(way)
        await both.settled(longest_s=60)
        shown = states(both, case_id)
        assert shown["DE"] == shown["HU"]
        assert sorted(state for state, _ in shown["DE"]) == ["contested", "corrected"]
        for node in (here, there):
            assert stored_case(node, case_id).state == ("closed" if answered else "replied")
            assert {row["code"] for row in node.store.read_now(lambda q: events.of_case(q, case_id))} == {None}


ORDERS = [
    order
    for place, order in enumerate(itertools.permutations(("correct", "withdraw", "move", "again")))
    if place % 9 == 0
]
"""Some of them; `tests/protocol/test_corrections.py` goes through all."""


@pytest.mark.parametrize("answered", [True, False], ids=["close", "reply"])
@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_whatever_crosses_both_sides_show_the_same(tmp_path: Path, order: tuple[str, ...], *, answered: bool) -> None:
    """A correction that crosses a close, a reply and a withdrawal counts on both sides, nothing is void (SPEC S-283)."""
    run(_crossing(tmp_path, order, answered=answered))


async def _given_back(folder: Path) -> None:
    async with closed(folder) as world_:
        both, case_id = world_.both, world_.case_id
        save_disk(both, "HU")
        answer = said(both, "DE", case_id, "request.reply")
        await corrections.contest(both["DE"], OTTO, case_id, answer, "accuracy", WRONG)
        await both.settled()
        await corrections.correct(
            both["HU"],
            ZSOFIA,
            case_id,
            answer,
            RIGHT,
            corrections.read(both["HU"], ZSOFIA, case_id, "hu").corrections[0].id,
        )
        await both.settled()
        await put_back(both, "HU")
        await start_again(both, "HU")
        await recovered(both)
        assert states(both, case_id) == both_show(("corrected", f"{WRONG.text} / {RIGHT.text}"))


def test_contests_and_corrections_come_back_after_a_loss(tmp_path: Path) -> None:
    """A node with an older disk gets both back from its peer, its own words too (SPEC S-128, S-281)."""
    run(_given_back(tmp_path))


async def _erased(folder: Path, *, ordered_there: bool) -> None:
    async with closed(folder) as world_:
        both, case_id = world_.both, world_.case_id
        answer = said(both, "DE", case_id, "request.reply")
        both.net.down |= {("DE", "HU"), ("HU", "DE")}
        await corrections.contest(both["DE"], OTTO, case_id, answer, "accuracy", WRONG)
        node, who = (both["HU"], ZSOFIA) if ordered_there else (both["DE"], OTTO)
        await erasure.order(node, who, case_id, "consent")
        both.net.down.clear()
        await both.settled(longest_s=60)
        rows = both["DE"].store.read_now(lambda q: events.of_case(q, case_id))
        (row,) = [row for row in rows if row["kind"] == "correction.contest"]
        assert row["code"] == ("case-erased" if ordered_there else None)
        for country, admin in (("DE", OTTO), ("HU", ZSOFIA)):
            await erasure.look(both[country])
            await both.settled()
            await erasure.finish(both[country])
            with pytest.raises(NodeError, match="case-erased"):
                await corrections.contest(both[country], admin, case_id, answer, "accuracy", WRONG)
            assert corrections.open_contests(both[country], admin, "de") == ()


@pytest.mark.parametrize("ordered_there", [True, False])
def test_a_contest_that_meets_an_order_to_erase_goes_with_the_case(tmp_path: Path, *, ordered_there: bool) -> None:
    """Refused by who has erased; carried out first where the same side orders; nothing comes back (SPEC S-284)."""
    run(_erased(tmp_path, ordered_there=ordered_there))


def _earlier(event: Event, ceks: dict[str, bytes]) -> dict[str, Content]:
    """Open contents as a node of an earlier version does, which has no such kinds."""
    if event.claims.kind.startswith("correction."):
        raise ProtocolError("unknown-kind", event.claims.kind)
    return open_contents(event, ceks)


async def _not_taken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with closed(folder) as world_:
        both, case_id = world_.both, world_.case_id
        answer = said(both, "DE", case_id, "request.reply")
        monkeypatch.setattr(receive, "open_contents", _earlier)
        await corrections.contest(both["DE"], OTTO, case_id, answer, "accuracy", WRONG)
        await both.settled()
        assert corrections.read(both["HU"], ZSOFIA, case_id, "hu").corrections == ()
        (shown,) = (await reading.read_case(both["DE"], ANNA, case_id, "de")).corrections
        assert (shown.state, shown.open, shown.entries[0].transit) == ("contested", False, "refused")
        assert shown.entries[0].refusal is not None
        assert "unknown-kind" in shown.entries[0].refusal.text
        assert corrections.open_contests(both["DE"], OTTO, "de") == ()
        with pytest.raises(NodeError, match="invalid"):
            await corrections.withdraw(both["DE"], OTTO, case_id, shown.id, None)


def test_what_an_older_node_doesnt_take_stays_recorded_at_its_author(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is shown with the code, so that the other authority can be told in another way (SPEC S-285)."""
    run(_not_taken(tmp_path, monkeypatch))


async def _many_contested(folder: Path, patch: pytest.MonkeyPatch) -> None:
    async with closed(folder) as world_:
        both, node = world_.both, world_.both["DE"]
        await corrections.contest(node, OTTO, world_.case_id, said(both, "DE", world_.case_id, "request.reply"),
                                  "accuracy", WRONG)  # fmt: skip
        event = said(both, "DE", world_.open_id, "request.send")
        await corrections.contest(node, OTTO, world_.open_id, event, "accuracy", WRONG)
        contest = corrections.read(node, OTTO, world_.open_id, "de").corrections[0].id
        await corrections.settle(node, OTTO, world_.open_id, contest, None)
        patch.setattr(corrections, "MAX_OPEN", 1)
        assert [one.case for one in corrections.open_contests(node, OTTO, "de")] == [world_.case_id]


def test_contests_that_were_answered_hide_none_that_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many later ones have ended: what has to be examined stays in the list."""
    run(_many_contested(tmp_path, monkeypatch))


async def _passed_on(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        await cases.accept(both["HU"], KATALIN, case_id)
        await forwarding.forward(both["HU"], KATALIN, case_id, "HU-mok", RIGHT)
        await both.settled()
        shown = corrections.read(both["DE"], OTTO, case_id, "de")
        (where,) = [one for one in shown.statements if "Weiter" in one.text.text]
        assert where.event == said(both, "DE", case_id, "request.forward")
        await corrections.contest(both["DE"], OTTO, case_id, where.event, "lawfulness", WRONG)
        await both.settled()
        (beside,) = (await reading.read_case(both["DE"], ANNA, case_id, "de")).corrections
        assert beside.about == where.text


def test_a_case_that_was_passed_on_can_be_contested(tmp_path: Path) -> None:
    """Also that it was passed on: the data administrator reads to whom, by the name of the authority."""
    run(_passed_on(tmp_path))
