"""Approval of replies by the replying side's coordinator: nothing crosses the line before, and nothing goes round it."""

import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from itertools import permutations
from pathlib import Path

import pytest

from directory_sync.demo import coordinated, demo_authorities
from node.cli.simulation.loop import run
from node.domain.access import Actor, Grant, operator
from node.domain.draft import ReplyDraft
from node.domain.person import NewPerson
from node.errors import NodeError
from node.service import (
    accounts,
    approval_switches,
    approvals,
    cases,
    directory,
    drafts,
    forwarding,
    reading,
    splitting,
)
from node.service.approval_rule import Step
from node.store import audit, people
from protocol.content import Reply, Said
from protocol.request import REPLY, REPLY_PART
from tests.exchange.pair import World
from tests.exchange.test_crossing import asked
from tests.exchange.test_refusal import rows, stored_case
from tests.exchange.test_story import ANNA, ask, reply
from translations.area import Sides

AREA = "professional-qualifications"
OKFO, MOK, OFFICE = "HU-okfo", "HU-mok", "HU-oktatasi-hivatal"
WHY = Said(text="Az orvosi kamara illetékes.", lang="hu")
REASON = "Kérjük, nevezze meg a nyilvántartás számát."
PART = ReplyDraft(answers={"sanctions": Reply(code="no")})


@dataclass
class Budapest:
    """The replying side: who writes, a colleague, a person of another authority, and two who approve."""

    both: World
    case: str
    writer: Actor
    colleague: Actor
    chamber: Actor
    approver: Actor
    other: Actor

    @property
    def node(self):
        return self.both["HU"]

    async def asked(self, content: ReplyDraft | None = None, step: Step = REPLY, case: str = "") -> str:
        """Write a reply and ask for its approval; return the draft's id."""
        draft = await drafts.start_reply(self.node, self.writer, case or self.case)
        await drafts.save(self.node, self.writer, draft.id, content or reply())
        await approvals.ask(self.node, self.writer, draft.id, step)
        return draft.id

    def waiting(self, who: Actor | None = None) -> tuple[str, ...]:
        """Return the drafts that wait for somebody's approval."""
        found, following = approvals.list_waiting(self.node, who or self.approver, 50)
        assert following is None
        return tuple(one.draft for one in found)

    def version(self, draft: str) -> int:
        """Return the version that the approver looks at."""
        return approvals.read(self.node, self.approver, draft)[0].version

    async def approve(self, draft: str) -> None:
        """Look at it and approve it."""
        await approvals.approve(self.node, self.approver, draft, self.version(draft))

    def state(self, draft: str) -> str | None:
        """Return how a draft stands for its writers."""
        return approvals.standing(self.node, self.writer, draft).state


async def person(node, name: str, *grants: Grant) -> Actor:
    """Add a person with some grants."""
    first = grants[0]
    new = NewPerson(
        name, name, "hu", frozenset({first.role}), frozenset({first.authority}), areas=frozenset({first.area} - {""})
    )
    made = await accounts.add_person(node, operator(), new)
    for grant in grants[1:]:
        await accounts.grant(node, operator(), made.id, grant)
    return again(node, made.actor())


def again(node, actor: Actor) -> Actor:
    """Return somebody with the rights of now."""
    person = node.store.read_now(lambda q: people.by_id(q, actor.id))
    assert person is not None
    return person.actor()


async def directory_of(node, *, ended: tuple[str, ...] = ()) -> None:
    """Let each authority have its coordinators, some of which have ended; only the own node need know."""
    past = dt.date(2026, 1, 1)
    records = [
        one.model_copy(update={"valid_from": dt.date(2025, 1, 1), "valid_until": past}) if one.id in ended else one
        for one in coordinated(demo_authorities("HU"))
    ]
    await directory.import_authorities(node, operator(), records, complete=True)


@asynccontextmanager
async def budapest(folder: Path, *, on: bool = True) -> AsyncIterator[Budapest]:
    """Give a request that Budapest has accepted, with approval of its replies switched on."""
    async with asked(folder) as (both, case_id):
        node = both["HU"]
        await directory_of(node)
        made = Budapest(
            both,
            case_id,
            await person(node, "katalin", Grant(OKFO, "handler")),
            await person(node, "peter", Grant(OKFO, "handler")),
            await person(node, "janos", Grant(MOK, "handler")),
            await person(node, "reka", Grant(OFFICE, "referral-handler", AREA)),
            await person(node, "zoltan", Grant(OFFICE, "referral-handler", "services")),
        )
        if on:
            await approval_switches.switch(node, operator(), OKFO, AREA, "replying", on=True)
        await cases.accept(node, made.writer, case_id)
        await both.settled()
        yield made


async def _seen(both: World, case_id: str) -> str:
    """Return the state and answers that Berlin reads."""
    view = await reading.read_case(both["DE"], ANNA, case_id, "de")
    return f"{view.state} {sum(question.answer is not None for question in view.questions)}"


async def refused(code: str, attempt: Awaitable[object]) -> None:
    """Fail unless an attempt is refused with a code."""
    assert await code_of(attempt) == code


async def code_of(attempt: Awaitable[object]) -> str:
    """Return the code with which an attempt is refused, else nothing."""
    try:
        await attempt
    except NodeError as error:
        return error.code
    return ""


async def _whole(folder: Path) -> None:
    async with budapest(folder) as there:
        both, node = there.both, there.node
        await refused("not-found", reading.read_case(node, there.approver, there.case, "hu"))
        draft = await there.asked()
        await both.settled()
        assert (await _seen(both, there.case), there.state(draft)) == ("accepted 0", "waiting")
        assert there.waiting() == (draft,)
        waiting, content = approvals.read(node, there.approver, draft)
        assert (waiting.step, waiting.authority, waiting.number) == (REPLY, OKFO, "DE-2026-000001")
        assert content.answers == reply().answers
        view = await reading.read_case(node, there.approver, there.case, "hu")
        assert (view.actions, "jóváhagyására vár" in " ".join(n.text for n in view.notices)) == ((), True)
        await there.approve(draft)
        await both.settled()
        assert await _seen(both, there.case) == "replied 3"
        read = await reading.read_case(both["DE"], ANNA, there.case, "de")
        assert read.timeline[-1].person == "katalin"
        await refused("not-found", reading.read_case(node, there.approver, there.case, "hu"))
        assert there.waiting() == ()
        told = node.store.read_now(lambda q: audit.entries_of(q, there.case))
        assert [(r["actor"], r["detail"]) for r in told if r["action"] == "approval.approved"] == [
            (there.approver.id, REPLY)
        ]


def test_a_reply_is_sent_once_it_is_approved(tmp_path: Path) -> None:
    """The asker sees nothing before; the approver reads the case as long as it waits, and not after (SPEC S-286)."""
    run(_whole(tmp_path))


async def _in_parts(folder: Path) -> None:
    async with budapest(folder) as there:
        both = there.both
        draft = await there.asked(PART, REPLY_PART)
        await there.approve(draft)
        await both.settled()
        assert await _seen(both, there.case) == "accepted 1"
        draft = await there.asked()
        await both.settled()
        assert await _seen(both, there.case) == "accepted 1"
        await there.approve(draft)
        await both.settled()
        assert await _seen(both, there.case) == "replied 3"
        await cases.clarify(both["DE"], ANNA, there.case, Said(text="Seit wann?", lang="de"))
        await both.settled()
        word = ReplyDraft(comment=Said(text="2015 óta.", lang="hu"))
        await refused("approval-needed", cases.reply(there.node, there.writer, there.case, word))
        await approvals.ask_with(there.node, there.writer, there.case, word)
        (draft,) = there.waiting()
        await both.settled()
        assert stored_case(both["DE"], there.case).state == "clarifying"
        await there.approve(draft)
        await both.settled()
        read = await reading.read_case(both["DE"], ANNA, there.case, "de")
        assert read.clarifications[0].answered is not None


def test_parts_the_whole_and_a_clarification_are_each_approved(tmp_path: Path) -> None:
    """What was approved is sent, as that step; the next one waits again (SPEC S-286)."""
    run(_in_parts(tmp_path))


async def _returned(folder: Path) -> None:
    async with budapest(folder) as there:
        draft = await there.asked()
        await refused("invalid", approvals.give_back(there.node, there.approver, draft, there.version(draft), " "))
        await approvals.give_back(there.node, there.approver, draft, there.version(draft), REASON)
        standing = approvals.standing(there.node, there.colleague, draft)
        assert (standing.state, standing.reason) == ("returned", REASON)
        kept = drafts.read(there.node, there.writer, draft)
        assert kept.reply is not None
        assert kept.reply.answers == reply().answers
        await refused("not-found", reading.read_case(there.node, there.approver, there.case, "hu"))
        assert await there.asked(reply()) == draft
        await there.approve(draft)


def test_a_returned_reply_keeps_everything_typed(tmp_path: Path) -> None:
    """The reason is shown to the authority, and to nobody else; what was typed can be mended and asked for again."""
    run(_returned(tmp_path))


async def _round_it(folder: Path) -> None:
    async with budapest(folder) as there:
        node, writer, case_id = there.node, there.writer, there.case
        draft = await there.asked(PART, REPLY_PART)
        version = drafts.read(node, writer, draft).version
        for attempt in (
            cases.reply(node, writer, case_id, reply()),
            cases.reply_part(node, writer, case_id, PART),
            cases.reply_part(node, writer, case_id, PART, (draft, version)),
            approvals.send_approved(node, writer, draft),
            approvals.send(node, writer, draft, REPLY_PART),
        ):
            await refused("approval-needed", attempt)
        for who, code in ((there.other, "not-found"), (there.colleague, "forbidden"), (there.chamber, "forbidden")):
            await refused(code, approvals.approve(node, who, draft, version))
        assert there.waiting(there.other) == ()
        await approval_switches.switch(node, operator(), OKFO, AREA, "asking", on=False)  # another switch
        await refused("approval-needed", cases.reply(node, writer, case_id, reply()))
        await there.both.settled()
        assert await _seen(there.both, case_id) == "accepted 0"
        there.both.net.down.add("DE")
        await there.approve(draft)  # of the part, and of nothing else
        await refused("approval-needed", cases.reply(node, writer, case_id, reply()))
        there.both.net.down.clear()


def test_a_reply_finds_no_way_round_approval(tmp_path: Path) -> None:
    """Not whole, not in part, not from the draft that waits; nor does another role, area or authority approve it."""
    run(_round_it(tmp_path))


async def _own(folder: Path) -> None:
    async with budapest(folder) as there:
        node = there.node
        both_roles = await person(node, "mind", Grant(OKFO, "handler"), Grant(OFFICE, "referral-handler"))
        for changed_by, asked_by in ((both_roles, there.writer), (there.colleague, both_roles)):
            draft = await drafts.start_reply(node, changed_by, there.case)
            words = ReplyDraft(answers=reply().answers, comment=Said(text=changed_by.name, lang="hu"))
            await drafts.save(node, changed_by, draft.id, words)
            await approvals.ask(node, asked_by, draft.id)
            (waiting,), _ = approvals.list_waiting(node, both_roles, 5)
            assert waiting.own
            await refused("own-approval", approvals.approve(node, both_roles, draft.id, waiting.version))
            await approvals.give_back(node, both_roles, draft.id, waiting.version, REASON)
        await approvals.ask(node, there.writer, draft.id)
        await there.approve(draft.id)


def test_nobody_approves_the_reply_that_he_wrote_or_asked_for(tmp_path: Path) -> None:
    """Who wrote in it, and who asked, leave it to somebody else; giving it back is open to them."""
    run(_own(tmp_path))


# --- what crosses ---


async def _withdrawn(there: Budapest, draft: str) -> None:
    await cases.withdraw(there.both["DE"], ANNA, there.case)
    await there.both.settled()
    assert there.waiting() == (draft,)  # a wish moves nothing: the reply may still go
    await cases.withdraw(there.node, there.writer, there.case)


async def _passed_on(there: Budapest, _draft: str) -> None:
    await forwarding.forward(there.node, there.writer, there.case, MOK, WHY)
    await cases.accept(there.node, there.chamber, there.case)


async def _changed(there: Budapest, draft: str) -> None:
    await drafts.save(there.node, there.colleague, draft, PART)


async def _deleted(there: Budapest, draft: str) -> None:
    await drafts.delete(there.node, there.colleague, draft)


async def _coordinator_ended(there: Budapest, _draft: str) -> None:
    await directory_of(there.node, ended=(OFFICE,))


async def _right_revoked(there: Budapest, _draft: str) -> None:
    grants = [Grant(OFFICE, "basic-user"), Grant(OFFICE, "referral-handler", AREA)]
    await accounts.grant(there.node, operator(), there.approver.id, grants[0])
    await accounts.revoke(there.node, operator(), there.approver.id, grants[1])
    there.approver = again(there.node, there.approver)


async def _role_lost(there: Budapest, _draft: str) -> None:
    await accounts.grant(there.node, operator(), there.writer.id, Grant(OKFO, "basic-user"))
    await accounts.revoke(there.node, operator(), there.writer.id, Grant(OKFO, "handler"))


async def _divided(there: Budapest, _draft: str) -> None:
    await splitting.split(there.node, there.writer, there.case, MOK, ["sanctions"], WHY)


async def _date_passed(there: Budapest, _draft: str) -> None:
    there.both.clock.offset += dt.timedelta(days=60)


CROSSING: dict[Callable[[Budapest, str], Awaitable[None]], tuple[str, str]] = {
    _withdrawn: ("stale", "withdrawn 0"),
    _passed_on: ("stale", "accepted 0"),
    _changed: ("stale", "accepted 0"),
    _deleted: ("not-found", "accepted 0"),
    _coordinator_ended: ("not-found", "accepted 0"),
    _right_revoked: ("forbidden", "accepted 0"),
    _role_lost: ("wrong-state", "accepted 0"),
    _divided: ("", "replied 2"),
    _date_passed: ("", "replied 3"),
}
"""What happens while a reply waits → what the approval says then, and what Berlin sees."""


async def _crosses(folder: Path, happens: Callable[[Budapest, str], Awaitable[None]]) -> None:
    code, seen = CROSSING[happens]
    async with budapest(folder) as there:
        draft = await there.asked()
        version = there.version(draft)
        await happens(there, draft)
        approving = approvals.approve(there.node, there.approver, draft, version)
        await (refused(code, approving) if code else approving)
        await there.both.settled()
        assert await _seen(there.both, there.case) == seen
        with suppress(NodeError):
            assert draft not in there.waiting()
        if happens is _passed_on:  # the new authority's own rule counts, and it isn't switched on there
            await cases.reply(there.node, there.chamber, there.case, reply())
        if happens is _coordinator_ended:  # nobody could approve any more
            assert there.state(draft) is None
            await approvals.send(there.node, there.writer, draft, REPLY)
        if happens is _role_lost:  # approved it is: a colleague sends it as it was approved
            assert approvals.standing(there.node, there.colleague, draft).state == "approved"
            await approvals.send_approved(there.node, there.colleague, draft)
        if happens is _right_revoked:
            assert there.state(draft) == "waiting"
            there.approver = await person(there.node, "uj", Grant(OFFICE, "referral-handler", AREA))
            await there.approve(draft)
        if code and happens not in (_withdrawn, _changed, _deleted):
            await there.both.settled()
            assert await _seen(there.both, there.case) == "replied 3"


@pytest.mark.parametrize("happens", CROSSING, ids=lambda one: one.__name__.strip("_"))
def test_what_happens_while_a_reply_waits(tmp_path: Path, happens) -> None:
    """Each has one outcome: what waits no more is refused with a code, and nobody is left who can't go on."""
    run(_crosses(tmp_path, happens))


async def _orders(folder: Path) -> None:
    async with budapest(folder) as there:
        await approval_switches.switch(there.node, operator(), MOK, AREA, "replying", on=True)
        for place, order in enumerate(permutations(("approve", "change", "grant", "forward"))):
            if place:
                there.case = await ask(there.both)
                await cases.accept(there.node, there.writer, there.case)
            draft = await there.asked()
            version = there.version(draft)
            await cases.withdraw(there.both["DE"], ANNA, there.case)
            await there.both.settled()
            acts: dict[str, Callable[[], Awaitable[object]]] = {
                "approve": lambda d=draft, v=version: approvals.approve(there.node, there.approver, d, v),
                "change": lambda d=draft: drafts.save(there.node, there.colleague, d, PART),
                "grant": lambda: cases.withdraw(there.node, there.writer, there.case),
                "forward": lambda: forwarding.forward(there.node, there.writer, there.case, MOK, WHY),
            }
            done = []
            for act in order:
                if not (code := await code_of(acts[act]())):
                    done.append(act)
                assert code in ("", "stale", "not-found", "wrong-state", "forbidden", "not-owner"), (order, code)
            await there.both.settled()
            kinds = [row[0] for row in rows(there.both["DE"], there.case)]
            assert (REPLY in kinds) is (order[0] == "approve"), (order, kinds)
            assert kinds.count(REPLY) <= 1
            assert ("approve" in done) is (REPLY in kinds), (order, done)
            assert draft not in there.waiting(), order


def test_in_whatever_order_things_meet_the_approval(tmp_path: Path) -> None:
    """Approved, changed, withdrawn and passed on in every order: a reply only where it was approved first."""
    run(_orders(tmp_path))


async def _by_rule(folder: Path) -> None:
    async with budapest(folder, on=False) as there:
        node, known = there.node, there.node.areas[AREA]
        draft = await drafts.start_reply(node, there.writer, there.case)
        assert there.state(draft.id) is None
        await drafts.save(node, there.writer, draft.id, reply())
        await refused("wrong-state", approvals.ask(node, there.writer, draft.id))
        rules = known.rules.model_copy(
            update={"approval": Sides(asking="optional", replying="required"), "version": 99}
        )
        node.areas.add(replace(known, rules=rules))
        assert there.state(draft.id) == "needed"
        fixed = [s for s in approval_switches.switches(node, operator(), OKFO) if s.area == AREA]
        assert [(s.side, s.on, s.fixed) for s in fixed] == [("asking", False, False), ("replying", True, True)]
        assert {s.area for s in approval_switches.switches(node, operator(), OKFO)} == {AREA}
        await refused("invalid", approval_switches.switch(node, operator(), OKFO, AREA, "replying", on=False))
        await refused("approval-needed", cases.reply(node, there.writer, there.case, reply()))
        rules = rules.model_copy(update={"approval": Sides(asking="optional", replying="never"), "version": 100})
        node.areas.add(replace(known, rules=rules))
        await refused("invalid", approval_switches.switch_case(node, there.writer, there.case, on=True))
        await cases.reply(node, there.writer, there.case, reply())


def test_the_area_s_rule_requires_approval_or_rules_it_out(tmp_path: Path) -> None:
    """Where the area says so there is no choice, for the authority or for the case."""
    run(_by_rule(tmp_path))


async def _one_case(folder: Path) -> None:
    async with budapest(folder, on=False) as there:
        node, case = there.node, stored_case(there.node, there.case)
        assert approval_switches.of_case(node, there.writer, case) is False
        assert await approval_switches.switch_case(node, there.writer, there.case, on=True)
        await refused("approval-needed", cases.reply(node, there.writer, there.case, reply()))
        allocator = await person(node, "vera", Grant(OKFO, "allocator"))
        await refused("forbidden", approval_switches.switch_case(node, there.writer, there.case, on=False))
        assert approval_switches.of_case(node, there.writer, case) is None
        draft = await there.asked()
        assert there.waiting() == (draft,)
        assert not await approval_switches.switch_case(node, allocator, there.case, on=False)
        await cases.reply(node, there.writer, there.case, reply())
        assert there.waiting() == ()


def test_the_replies_to_one_request_are_approved(tmp_path: Path) -> None:
    """Whoever gives out the cases switches it; where there are allocators a handler doesn't switch it off again."""
    run(_one_case(tmp_path))
