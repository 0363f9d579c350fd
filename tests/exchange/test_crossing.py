"""What crosses on the way, or happens twice at once: one of the two counts, and both sides see the same."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from node.cli.simulation.loop import run
from node.domain.case import Case
from node.errors import NodeError
from node.service import cases, follow_up, reading
from node.service.issue import issue
from node.service.verification import check_node
from protocol.content import MATTER, ActMatter
from protocol.content import Actor as ActorName
from tests.exchange.pair import World, handler, world
from tests.exchange.test_refusal import rows, stored_case
from tests.exchange.test_story import ANNA, KATALIN, ask, reply

SAME = (
    "state", "n", "head", "date_state", "date_n", "date_head", "due", "agreed", "withdrawal_wished", "replying", "former",
    "parts", "confidential", "timeliness", "efforts", "asking_coordinator", "replying_coordinator",
)  # fmt: skip
"""What both sides must agree on of a case."""
PETER = handler("HU-okfo", "Nagy Péter", "hu")


@asynccontextmanager
async def asked(folder: Path) -> AsyncIterator[tuple[World, str]]:
    """Give two nodes with one request between them; at the end both agree on it, and all is sound."""
    async with world(folder, "DE", "HU", inline=True) as both:
        case_id = await ask(both)
        yield both, case_id
        await both.settled()
        ours, theirs = (stored_case(both[country], case_id) for country in ("DE", "HU"))
        assert [getattr(ours, name) for name in SAME] == [getattr(theirs, name) for name in SAME]
        for country in ("DE", "HU"):
            assert check_node(both[country]) == []


async def _crossed_acceptance(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        both.net.down.add("HU")
        await cases.accept(both["HU"], KATALIN, case_id)
        await cases.withdraw(both["DE"], ANNA, case_id)
        both.net.down.clear()
        await both.settled()
        view = await reading.read_case(both["DE"], ANNA, case_id, "en")
        assert view.state == "accepted"
        assert "withdraw" in "".join(notice.text for notice in view.notices).lower()
        theirs = await reading.read_case(both["HU"], KATALIN, case_id, "en")
        assert "withdraw" in theirs.actions
        await cases.withdraw(both["HU"], KATALIN, case_id)
        await both.settled()
        assert stored_case(both["DE"], case_id).state == "withdrawn"


def test_a_withdrawal_that_crosses_the_acceptance_is_decided_by_a_person(tmp_path: Path) -> None:
    """The acceptance wins; both pages say that a withdrawal was asked, and a person grants it."""
    run(_crossed_acceptance(tmp_path))


async def _withdrawn_before(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        await cases.withdraw(both["DE"], ANNA, case_id)
        await both.settled()
        assert stored_case(both["DE"], case_id).state == "withdrawn"
        assert ("request.withdraw", 2, "applied", None) in rows(both["HU"], case_id)
        with pytest.raises(NodeError, match="wrong-state"):
            await cases.accept(both["HU"], KATALIN, case_id)
        with pytest.raises(NodeError, match="wrong-state"):
            await cases.withdraw(both["DE"], ANNA, case_id)


def test_a_withdrawal_before_the_acceptance_is_granted_by_itself(tmp_path: Path) -> None:
    """Nobody has to act: the replying node grants it, and an acceptance is no longer possible."""
    run(_withdrawn_before(tmp_path))


async def _granted_after_restart(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        node = both["HU"]
        await both.exchanges.pop("HU").stop()
        await node.store.write(
            lambda tx: tx.run("UPDATE cases SET withdrawal_wished = 'x' WHERE id = :id", {"id": case_id})
        )
        await both.start("HU")
        await asyncio.sleep(1)  # the streams are compared first
        assert stored_case(node, case_id).state == "withdrawn"
        await node.store.write(lambda tx: tx.run("UPDATE cases SET withdrawal_wished = NULL"))


def test_a_wish_that_a_crash_left_behind_is_granted_at_the_start(tmp_path: Path) -> None:
    """What was received and not yet answered when the node ended is answered when it starts."""
    run(_granted_after_restart(tmp_path))


async def _granted_beside_a_notice(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        node = both["HU"]
        await both.exchanges.pop("HU").stop()
        await cases.withdraw(both["DE"], ANNA, case_id)
        case = stored_case(node, case_id)
        wished = case.__class__(**{**vars(case), "withdrawal_wished": "x"})
        await node.store.write(lambda tx: tx.run("UPDATE cases SET withdrawal_wished = 'x'"))
        matter = {MATTER: ActMatter(actor=ActorName(authority="HU-okfo"))}
        await asyncio.gather(issue(node, KATALIN, wished, "notice.opened", matter), follow_up.grant_withdrawals(node))
        assert stored_case(node, case_id).state == "withdrawn"
        await both.start("HU")


def test_a_grant_that_meets_another_act_is_tried_again(tmp_path: Path) -> None:
    """Somebody opening the request in the same moment doesn't leave the wish unanswered."""
    run(_granted_beside_a_notice(tmp_path))


async def _two_handlers(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        outcomes = await asyncio.gather(
            cases.accept(both["HU"], KATALIN, case_id),
            cases.decline(both["HU"], PETER, case_id, "other"),
            cases.accept(both["HU"], PETER, case_id),
            return_exceptions=True,
        )
        assert [outcome.code for outcome in outcomes if isinstance(outcome, NodeError)] == ["stale", "stale"]
        assert len([outcome for outcome in outcomes if isinstance(outcome, Case)]) == 1
        assert len(rows(both["HU"], case_id)) == 2


def test_of_two_handlers_who_act_at_once_one_is_told_to_read_again(tmp_path: Path) -> None:
    """Exactly one act counts, the others are `stale`, and nothing is sent twice."""
    run(_two_handlers(tmp_path))


async def _date_after_close(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        await cases.accept(both["HU"], KATALIN, case_id)
        await cases.reply(both["HU"], KATALIN, case_id, reply())
        await both.settled()
        both.net.down.add("HU")
        await cases.close(both["DE"], ANNA, case_id)
        await cases.propose_date(both["HU"], KATALIN, case_id, dt.date(2026, 12, 21))
        both.net.down.clear()
        await both.settled()
        held = stored_case(both["HU"], case_id)
        assert (held.state, held.date_state, held.due) == ("closed", "asked", dt.date(2026, 12, 14))
        view = await reading.read_case(both["HU"], KATALIN, case_id, "en")
        refused = [entry.refusal.text for entry in view.timeline if entry.kind == "date.propose" and entry.refusal]
        assert "wrong-state" in refused[0]


def test_a_date_that_crosses_the_close_is_taken_back(tmp_path: Path) -> None:
    """A closed case has no dates to agree on; the proposal is void and shown as refused."""
    run(_date_after_close(tmp_path))


async def _dates(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        both.net.down.add("HU")
        await cases.propose_date(both["HU"], KATALIN, case_id, dt.date(2026, 12, 21))
        for attempt in (cases.propose_date(both["DE"], ANNA, case_id, dt.date(2026, 12, 18)), _agree(both, case_id)):
            with pytest.raises(NodeError):
                await attempt
        with pytest.raises(NodeError):
            await cases.propose_date(both["HU"], KATALIN, case_id, dt.date(2026, 12, 22))
        both.net.down.clear()
        await both.settled()
        await cases.propose_date(both["DE"], ANNA, case_id, dt.date(2026, 12, 18))
        await both.settled()
        await cases.agree_date(both["HU"], KATALIN, case_id)
        await cases.propose_date(both["HU"], KATALIN, case_id, dt.date(2026, 12, 23))
        await both.settled()
        await cases.agree_date(both["DE"], ANNA, case_id)
        await both.settled()
        held = stored_case(both["DE"], case_id)
        assert (held.date_state, held.agreed, held.date_n) == ("agreed", dt.date(2026, 12, 23), 5)


async def _agree(both: World, case_id: str) -> Case:
    return await cases.agree_date(both["DE"], ANNA, case_id)


def test_two_proposals_never_cross(tmp_path: Path) -> None:
    """Only one side at a time can name a date, so both always speak of the same one."""
    run(_dates(tmp_path))


async def _wish_after_the_end(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        both.net.down.add("HU")
        await cases.decline(both["HU"], KATALIN, case_id, "other")
        await cases.withdraw(both["DE"], ANNA, case_id)
        both.net.down.clear()
        await both.settled()
        assert stored_case(both["DE"], case_id).state == "declined"
        assert all(row[2] == "applied" for row in rows(both["DE"], case_id))


def test_a_wish_that_crosses_the_end_changes_nothing(tmp_path: Path) -> None:
    """A withdrawal asked while the request was being declined is stored, and the case stays declined."""
    run(_wish_after_the_end(tmp_path))
