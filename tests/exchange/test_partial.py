"""Replying in parts: some questions are answered now, the case stays with who replies until the whole reply."""

from pathlib import Path

import pytest

from node.cli.simulation.loop import run
from node.domain.case_view import CaseView
from node.domain.draft import ReplyDraft
from node.errors import NodeError
from node.service import cases, drafts, forwarding, reading, splitting
from protocol.content import Reply, Said
from tests.exchange.test_crossing import asked
from tests.exchange.test_forwarding import JANOS, WHY
from tests.exchange.test_refusal import stored_case
from tests.exchange.test_story import ANNA, KATALIN, reply

FIRST = ReplyDraft(answers={"sanctions": Reply(code="no")})


def _read(view: CaseView) -> dict[str, str]:
    """Return what stands as an answer to each question that has one."""
    return {one.id: one.answer.label.text for one in view.questions if one.answer and one.answer.label}


async def _story(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        await cases.accept(both["HU"], KATALIN, case_id)
        await cases.reply_part(both["HU"], KATALIN, case_id, FIRST)
        await both.settled()
        read = await reading.read_case(both["DE"], ANNA, case_id, "de")
        assert (read.state, read.holder, _read(read)) == ("accepted", "them", {"sanctions": "Nein"})
        assert read.due is not None
        assert "steht noch aus" in "".join(notice.text for notice in read.notices)
        draft = await drafts.start_reply(both["HU"], KATALIN, case_id)
        assert draft.reply is not None
        assert draft.reply.answers == FIRST.answers
        second = ReplyDraft(answers={"evidence-holder": Reply(code="yes"), "sanctions": Reply(code="yes")})
        with pytest.raises(NodeError, match="invalid"):  # a follow-up of a question that is begun is due with it
            await cases.reply_part(both["HU"], KATALIN, case_id, second)
        await cases.reply_part(both["HU"], KATALIN, case_id, ReplyDraft(answers={"evidence-holder": Reply(code="yes")}))
        await cases.reply(both["HU"], KATALIN, case_id, reply())
        await both.settled()
        read = await reading.read_case(both["DE"], ANNA, case_id, "de")
        assert (read.state, len(_read(read))) == ("replied", 3)
        assert [entry.kind for entry in read.timeline].count("request.reply-part") == 2
        for attempt in (cases.reply_part(both["HU"], KATALIN, case_id, FIRST),):
            with pytest.raises(NodeError, match="not-owner"):
                await attempt


def test_some_answers_are_read_before_the_whole_reply(tmp_path: Path) -> None:
    """The asker reads them at once, the case and its date stay where they are, and nothing said is lost (SPEC S-262)."""
    run(_story(tmp_path))


async def _many_hands(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        await cases.accept(both["HU"], KATALIN, case_id)
        both.net.down.add("DE")
        await cases.reply_part(both["HU"], KATALIN, case_id, FIRST)
        await forwarding.forward(both["HU"], KATALIN, case_id, "HU-mok", WHY)
        both.net.down.clear()
        await cases.accept(both["HU"], JANOS, case_id)
        draft = await drafts.start_reply(both["HU"], JANOS, case_id)
        assert draft.reply is not None
        assert set(draft.reply.answers) == {"sanctions"}
        await drafts.delete(both["HU"], JANOS, draft.id)
        await splitting.split(both["HU"], JANOS, case_id, "HU-okfo", ["sanctions"], WHY)
        again = await drafts.start_reply(both["HU"], JANOS, case_id)
        assert again.reply is not None
        assert again.reply.answers == {}
        await both.settled()
        assert stored_case(both["DE"], case_id).state == "accepted"


def test_what_was_answered_in_part_goes_along_when_the_case_is_passed_on(tmp_path: Path) -> None:
    """Who takes over begins with it; a question that then goes to a part is answered there (SPEC S-262)."""
    run(_many_hands(tmp_path))


async def _refused(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        with pytest.raises(NodeError, match="wrong-state"):
            await cases.reply_part(both["HU"], KATALIN, case_id, FIRST)
        await cases.accept(both["HU"], KATALIN, case_id)
        for content in (
            ReplyDraft(),
            ReplyDraft(comment=Said(text="?", lang="hu")),
            ReplyDraft(answers={"shoe-size": Reply(code="no")}),
            ReplyDraft(answers={"entitled-to-practise": Reply(code="yes")}),  # of the set, but not asked here
        ):
            with pytest.raises(NodeError, match="invalid"):
                await cases.reply_part(both["HU"], KATALIN, case_id, content)
        assert stored_case(both["HU"], case_id).n == 2


def test_a_part_of_a_reply_answers_something_that_was_asked(tmp_path: Path) -> None:
    """Before the acceptance, without any answer, and to what nobody asked there is none (SPEC S-262)."""
    run(_refused(tmp_path))


async def _absent(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        await cases.accept(both["HU"], KATALIN, case_id)
        word = Said(text="1990 előtti adat.", lang="hu")
        given = {
            "evidence-holder": Reply(absent="not-available", comment=word),
            "registration-status": Reply(absent="not-known"),
            "sanctions": Reply(code="no"),
        }
        await cases.reply(both["HU"], KATALIN, case_id, ReplyDraft(answers=given))
        await both.settled()
        read = await reading.read_case(both["DE"], ANNA, case_id, "de")
        assert _read(read) == {
            "evidence-holder": "Nicht verfügbar",
            "registration-status": "Nicht bekannt",
            "sanctions": "Nein",
        }


def test_what_is_not_known_or_not_available_is_said_for_each_question(tmp_path: Path) -> None:
    """In place of an answer of any type, required or not; no follow-up opens, and it is read in German (SPEC S-263)."""
    run(_absent(tmp_path))
