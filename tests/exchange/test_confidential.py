"""What one side asks to be handled confidentially is marked so at every reader, whoever has the case."""

from dataclasses import replace
from pathlib import Path

from node.cli.simulation.loop import run
from node.domain.access import granted
from node.service import cases, forwarding, messages, reading, requests, splitting
from protocol.content import Said
from tests.exchange.pair import World
from tests.exchange.test_crossing import asked
from tests.exchange.test_forwarding import JANOS
from tests.exchange.test_refusal import stored_case
from tests.exchange.test_splitting import MOVED
from tests.exchange.test_story import ANNA, KATALIN, reply, request

WORD = Said(text="Bizalmas.", lang="hu")


async def _marks(both: World, case_id: str) -> dict[str, list[str]]:
    """Return which kinds of events each side's reader sees marked, where the case is marked too."""
    read = {c: await reading.read_case(both[c], a, case_id, "en") for c, a in (("DE", ANNA), ("HU", KATALIN))}
    return {c: [e.kind for e in view.timeline if e.confidential] for c, view in read.items() if view.confidential}


async def _each_kind(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        assert await _marks(both, case_id) == {}
        await cases.accept(both["HU"], KATALIN, case_id)
        await cases.reply(both["HU"], KATALIN, case_id, reply().model_copy(update={"confidential": True}))
        await both.settled()
        await messages.send(both["DE"], ANNA, case_id, WORD)
        await cases.clarify(both["DE"], ANNA, case_id, WORD, confidential=True)
        await both.settled()
        await messages.send(both["HU"], KATALIN, case_id, WORD, confidential=True)
        await both.settled()
        marked = ["request.reply", "request.clarify", "note.message"]
        assert await _marks(both, case_id) == {"DE": marked, "HU": marked}
        read = await reading.read_case(both["DE"], ANNA, case_id, "en")
        assert [message.confidential for message in read.messages] == [False, True]


def test_a_reply_a_question_and_a_message_are_marked_at_both_readers(tmp_path: Path) -> None:
    """Who wrote it asks for it, the mark travels with it, and what isn't marked stays unmarked (SPEC S-261)."""
    run(_each_kind(tmp_path))


async def _ask(both: World) -> str:
    case = await requests.send(both["DE"], ANNA, request().model_copy(update={"confidential": True}))
    await both.settled()
    return case.id


async def _kept(folder: Path) -> None:
    async with asked(folder) as (both, _):
        case_id = await _ask(both)
        for country, actor in (("DE", ANNA), ("HU", KATALIN)):
            found = await reading.list_cases(both[country], actor, reading.CaseFilter(), "en")
            assert {line.id for line in found.items if line.confidential} == {case_id}
        await splitting.split(both["HU"], KATALIN, case_id, "HU-mok", MOVED, WORD)
        await both.settled()
        (part,) = stored_case(both["DE"], case_id).parts
        await forwarding.forward(both["HU"], KATALIN, case_id, "HU-bm", WORD)
        (line,) = (await reading.list_cases(both["HU"], KATALIN, reading.CaseFilter(passed_on=True), "hu")).items
        assert (line.id, line.confidential) == (case_id, True)
        await both.settled()
        taken = replace(JANOS, grants=granted(["handler"], ["HU-bm", "HU-mok"]))
        for one in (case_id, part):
            assert (await reading.read_case(both["HU"], taken, one, "hu")).confidential


def test_the_mark_stays_when_the_case_is_passed_on_or_divided(tmp_path: Path) -> None:
    """In both work lists, at the authority that takes over, in the line that stays, and in a part (SPEC S-261)."""
    run(_kept(tmp_path))


async def _crossed(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        both.net.down.add("HU")
        await messages.send(both["DE"], ANNA, case_id, WORD, confidential=True)
        await cases.decline(both["HU"], KATALIN, case_id, "other")
        both.net.down.clear()
        await both.settled()
        assert all(stored_case(both[country], case_id).confidential for country in ("DE", "HU"))


def test_a_mark_that_crosses_the_end_counts(tmp_path: Path) -> None:
    """A marked message on its way while the case ends marks it at both ends all the same (SPEC S-261)."""
    run(_crossed(tmp_path))
