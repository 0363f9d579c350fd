"""What was asked to be approved and was overtaken, and who had a hand in it though neither first nor last."""

from pathlib import Path

from node.cli.simulation.loop import run
from node.domain.access import Grant, operator
from node.domain.draft import ReplyDraft
from node.service import approval_switches, approvals, cases, drafts, forwarding
from protocol.content import Said
from tests.exchange.disks import put_back, recovered, save_disk, start_again
from tests.exchange.test_refusal import stored_case
from tests.exchange.test_reply_approval import (
    AREA,
    MOK,
    OFFICE,
    OKFO,
    PART,
    REASON,
    WHY,
    Budapest,
    budapest,
    person,
    refused,
)
from tests.exchange.test_story import ANNA, reply


async def _in_between(folder: Path) -> None:
    async with budapest(folder) as there:
        node = there.node
        both_roles = await person(node, "mind", Grant(OKFO, "handler"), Grant(OFFICE, "referral-handler"))
        draft = await drafts.start_reply(node, there.writer, there.case)
        for who, word in ((there.writer, "a"), (both_roles, "b"), (there.colleague, "c")):
            words = ReplyDraft(answers=reply().answers, comment=Said(text=word, lang="hu"))
            await drafts.save(node, who, draft.id, words)
        await approvals.ask(node, there.writer, draft.id)
        (waiting,), _ = approvals.list_waiting(node, both_roles, 5)
        assert waiting.own
        await refused("own-approval", approvals.approve(node, both_roles, draft.id, waiting.version))
        await approvals.give_back(node, both_roles, draft.id, waiting.version, REASON)
        await approvals.ask(node, there.writer, draft.id)
        await there.approve(draft.id)


def test_who_wrote_in_between_approves_nothing_of_it(tmp_path: Path) -> None:
    """Neither who began the draft nor who changed it last, and still one of its writers (SPEC S-286)."""
    run(_in_between(tmp_path))


async def _back_again(there: Budapest) -> None:
    await forwarding.forward(there.node, there.writer, there.case, MOK, WHY)
    await forwarding.forward(there.node, there.chamber, there.case, OKFO, WHY)
    await cases.accept(there.node, there.writer, there.case)


async def _passed_to_and_fro(folder: Path) -> None:
    async with budapest(folder) as there:
        draft = await there.asked()
        version = there.version(draft)
        await _back_again(there)
        assert (there.waiting(), there.state(draft)) == ((), "needed")
        await refused("stale", approvals.approve(there.node, there.approver, draft, version))
        assert await there.asked() == draft
        await there.approve(draft)


def test_what_was_passed_on_and_comes_back_waits_no_more(tmp_path: Path) -> None:
    """Another authority had the case meanwhile: what was asked before it did is asked for again (SPEC S-286)."""
    run(_passed_to_and_fro(tmp_path))


async def _answered_otherwise(folder: Path) -> None:
    async with budapest(folder) as there:
        node = there.node
        draft = await there.asked()
        await approval_switches.switch(node, operator(), OKFO, AREA, "replying", on=False)
        await cases.reply_part(node, there.writer, there.case, PART)
        assert there.waiting() == ()
        await cases.reply(node, there.writer, there.case, reply())
        await there.both.settled()
        await cases.clarify(there.both["DE"], ANNA, there.case, Said(text="Seit wann?", lang="de"))
        await there.both.settled()
        await approval_switches.switch(node, operator(), OKFO, AREA, "replying", on=True)
        assert (there.waiting(), there.state(draft)) == ((), "needed")  # it was no answer to this


def test_a_reply_that_went_another_way_is_not_approved_as_the_next(tmp_path: Path) -> None:
    """What waited before the reply doesn't wait as the answer to a clarification that was asked since (SPEC S-286)."""
    run(_answered_otherwise(tmp_path))


async def _older_disk(folder: Path) -> None:
    async with budapest(folder) as there:
        both = there.both
        draft = await there.asked()
        version = there.version(draft)
        save_disk(both, "HU")
        await there.approve(draft)
        await both.settled()
        await cases.clarify(both["DE"], ANNA, there.case, Said(text="Seit wann?", lang="de"))
        await both.settled()
        await put_back(both, "HU")
        await start_again(both, "HU")
        await recovered(both)
        assert stored_case(there.node, there.case).state == "clarifying"
        assert (there.waiting(), there.state(draft)) == ((), "needed")
        await refused("stale", approvals.approve(there.node, there.approver, draft, version))


def test_a_reply_that_was_sent_does_not_wait_again_on_an_older_disk(tmp_path: Path) -> None:
    """The reply comes back from the other side; its draft, on the old disk, answers nothing asked since (SPEC S-286)."""
    run(_older_disk(tmp_path))
