"""Dividing a request: some questions go to another authority of the replying country, under the same number."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from node.cli.simulation.loop import run
from node.delivery.call import Answer, Call, LineError
from node.delivery.incoming import BATCHES
from node.domain.case_view import CaseView
from node.domain.draft import ReplyDraft
from node.errors import NodeError
from node.service import attachments, cases, drafts, reading, requests, reuse, splitting
from node.service.node import Node
from node.store import blobs, events, refusals
from node.store import cases as stored_cases
from protocol.content import MATTER, Asked, Content, PartyName, Reply, Said
from protocol.event import parse_item
from tests.exchange.closed import WORD
from tests.exchange.disks import all_of, put_back, recovered, same_on_both, save_disk, start_again
from tests.exchange.pair import World, handler, world
from tests.exchange.test_crossing import asked
from tests.exchange.test_forwarding import JANOS
from tests.exchange.test_refusal import stored_case
from tests.exchange.test_story import ANNA, KATALIN, PDF, ask, request

WHY = Said(text="Erről az orvosi kamara dönt.", lang="hu")
MOVED = ["sanctions"]
LEFT = ["evidence-holder", "registration-status"]


def _asked_in(view: CaseView) -> list[str]:
    return [question.id for question in view.questions if question.depth == 0]


def _answers(*items: str) -> ReplyDraft:
    codes = {"evidence-holder": "yes", "registration-status": "registered", "sanctions": "no"}
    return ReplyDraft(answers={item: Reply(code=codes[item]) for item in items})


async def _story(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        await cases.accept(both["HU"], KATALIN, case_id)
        await splitting.split(both["HU"], KATALIN, case_id, "HU-mok", MOVED, WHY)
        await both.settled()
        whole = await reading.read_case(both["DE"], ANNA, case_id, "de")
        (part,) = whole.parts
        assert (whole.state, part.number) == ("accepted", f"{whole.number}/1")
        assert part.case is not None
        theirs = await reading.read_case(both["HU"], JANOS, part.case, "hu")
        assert (_asked_in(theirs), _asked_in(whole)) == (MOVED, LEFT)
        assert {variable.id for variable in theirs.variables} == {"person", "profession"}
        assert theirs.part_of is not None
        assert (theirs.part_of.number, theirs.part_of.case) == (whole.number, None)
        file = await attachments.read_attachment(both["HU"], JANOS, part.case, theirs.attachments[0].sha256)
        assert file.data == PDF
        for actor, one in ((JANOS, case_id), (KATALIN, part.case)):
            with pytest.raises(NodeError, match="not-found"):
                await reading.read_case(both["HU"], actor, one, "hu")
        await cases.accept(both["HU"], JANOS, part.case)
        await cases.reply(both["HU"], JANOS, part.case, _answers(*MOVED))
        with pytest.raises(NodeError, match="invalid"):
            await cases.reply(both["HU"], KATALIN, case_id, _answers(*LEFT, *MOVED))
        await cases.reply(both["HU"], KATALIN, case_id, _answers(*LEFT))
        await both.settled()
        for one in (case_id, part.case):
            await cases.close(both["DE"], ANNA, one)
        await both.settled()
        assert {stored_case(both["HU"], one).state for one in (case_id, part.case)} == {"closed"}


def test_a_request_is_divided_and_both_authorities_answer(tmp_path: Path) -> None:
    """Each question has one authority; the part carries the number with a suffix and only what it needs (SPEC S-229)."""
    run(_story(tmp_path))


async def _refused(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        node = both["HU"]
        for to, items, code in (
            ("HU-mok", [*LEFT, *MOVED], "invalid"),
            ("HU-mok", ["shoe-size"], "invalid"),
            ("HU-mok", [*MOVED, *MOVED], "invalid"),
            ("HU-mok", [], "invalid"),
            ("HU-okfo", MOVED, "invalid"),
            ("DE-lageso-berlin", MOVED, "unknown-authority"),
        ):
            with pytest.raises(NodeError, match=code):
                await splitting.split(node, KATALIN, case_id, to, items, WHY)
        await splitting.split(node, KATALIN, case_id, "HU-mok", MOVED, WHY)
        with pytest.raises(NodeError, match="invalid"):
            await splitting.split(node, KATALIN, case_id, "HU-bm", MOVED, WHY)
        await splitting.split(node, KATALIN, case_id, "HU-bm", LEFT[:1], WHY)
        await both.settled()
        numbers = [part.number for part in (await reading.read_case(both["DE"], ANNA, case_id, "de")).parts]
        assert [number.partition("/")[2] for number in numbers] == ["1", "2"]
        part = stored_case(both["DE"], case_id).parts[0]
        with pytest.raises(NodeError, match="wrong-state"):
            await splitting.split(node, JANOS, part, "HU-bm", MOVED, WHY)


def test_no_question_goes_to_two_authorities(tmp_path: Path) -> None:
    """All, none, a strange one, one twice, to oneself, abroad, a part of a part: refused before anything is signed."""
    run(_refused(tmp_path))


def _held(both: World, country: str, case_id: str) -> bool:
    return both[country].store.read_now(lambda q: stored_cases.find(q, case_id)) is not None


async def _split_without_its_file(both: World, case_id: str) -> Path:
    """Divide a request whose file is away, so that its part can't be opened; returns where the file belongs."""
    node = both["DE"]
    (digest,) = node.store.read_now(lambda q: blobs.of_case(q, case_id))
    path = blobs.path_of(node.config.data, digest)
    path.rename(path.with_suffix(".away"))
    await splitting.split(both["HU"], KATALIN, case_id, "HU-mok", MOVED, WHY)
    await both.settled()
    return path


async def _left_behind(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        node = both["DE"]
        path = await _split_without_its_file(both, case_id)
        (part,) = stored_case(node, case_id).parts
        assert not _held(both, "DE", part)
        path.with_suffix(".away").rename(path)
        await both.exchanges.pop("DE").stop()
        await both.start("DE")
        await asyncio.sleep(1)  # the streams are compared first
        await both.settled()
        assert _held(both, "HU", part)
        assert len(node.store.read_now(lambda q: blobs.of_case(q, part))) == 1


def test_a_part_that_could_not_be_opened_is_opened_after_a_restart(tmp_path: Path) -> None:
    """What a crash or a damaged disk left behind is done at the next start, once (SPEC S-230)."""
    run(_left_behind(tmp_path))


async def _withdrawn(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        both.net.down.add("DE")
        await splitting.split(both["HU"], KATALIN, case_id, "HU-mok", MOVED, WHY)
        await cases.withdraw(both["DE"], ANNA, case_id)
        both.net.down.clear()
        await both.settled()
        assert {stored_case(both[country], case_id).state for country in ("DE", "HU")} == {"withdrawn"}
        (part,) = stored_case(both["DE"], case_id).parts
        assert _held(both, "DE", part) == _held(both, "HU", part)


def test_a_division_that_crosses_a_wish_to_withdraw(tmp_path: Path) -> None:
    """The request is withdrawn at both ends, and both agree on whether the part was asked."""
    run(_withdrawn(tmp_path))


async def _a_little_later(node: Node, turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)
    await splitting.open_parts(node, "HU")


async def _at_once(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        node = both["DE"]
        path = await _split_without_its_file(both, case_id)
        path.with_suffix(".away").rename(path)
        await asyncio.gather(*(_a_little_later(node, turns) for turns in range(4)))
        await both.settled()
        (part,) = stored_case(node, case_id).parts
        for country, reader in (("DE", ANNA), ("HU", JANOS)):
            (file,) = (await reading.read_case(both[country], reader, part, "en")).attachments
            assert (await attachments.read_attachment(both[country], reader, part, file.sha256)).data == PDF


def test_a_part_that_is_opened_from_several_sides_at_once_keeps_its_files(tmp_path: Path) -> None:
    """A repeated batch and a start's catching up don't clear away what the other has just encrypted."""
    run(_at_once(tmp_path))


async def _strangers_word(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        path = await _split_without_its_file(both, case_id)
        (part,) = stored_case(both["DE"], case_id).parts
        row = both["HU"].store.read_now(lambda q: events.of_case(q, case_id))[0]
        claims = parse_item(bytes(row["line"])).claims.model_copy(update={"iss": "FR", "case": part})
        await both["HU"].store.write(lambda tx: refusals.keep(tx, "FR", "digest", "unknown-case", claims))
        (seen,) = (await reading.read_case(both["HU"], KATALIN, case_id, "en")).parts
        assert (seen.case, seen.state) == (None, None)
        path.with_suffix(".away").rename(path)


def test_a_part_is_refused_only_where_it_was_who_asks_that_sent_it(tmp_path: Path) -> None:
    """What a third country says under the part's id is refused, and says nothing of the part (SPEC S-234)."""
    run(_strangers_word(tmp_path))


async def _other(folder: Path, change: Mapping[str, object], patch: pytest.MonkeyPatch) -> None:
    async with asked(folder) as (both, case_id):
        honest = splitting._contents

        def bent(*given: object) -> dict[str, Content]:
            contents = honest(*given)  # type: ignore[arg-type]
            return {**contents, MATTER: contents[MATTER].model_copy(update=change)}

        patch.setattr(splitting, "_contents", bent)
        await splitting.split(both["HU"], KATALIN, case_id, "HU-mok", MOVED, WHY)
        await both.settled()
        (part,) = stored_case(both["DE"], case_id).parts
        assert (stored_case(both["DE"], part).state, _held(both, "HU", part)) == ("refused", False)
        (seen,) = (await reading.read_case(both["HU"], KATALIN, case_id, "en")).parts
        assert seen.state is not None
        assert seen.state.text.startswith("Refused here")
        again = await reuse.draft_from(both["DE"], ANNA, part)
        assert again.draft.request is not None
        assert again.draft.request.country == "HU"


@pytest.mark.parametrize(
    "change",
    [
        {"replying": PartyName(authority="HU-okfo", name="Országos Kórházi Főigazgatóság")},
        {"questions": (Asked(item=LEFT[0]),)},
        {"set": "general"},
    ],
)
def test_a_part_that_asks_something_else_than_it_was_named_for_is_refused(
    tmp_path: Path, change: Mapping[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another authority, another question, another set under a part's number: nothing of it is stored (SPEC S-230, S-234)."""
    run(_other(tmp_path, change, monkeypatch))


async def _twice(folder: Path, patch: pytest.MonkeyPatch) -> None:
    async with asked(folder) as (both, case_id):
        await splitting.split(both["HU"], KATALIN, case_id, "HU-mok", MOVED, WHY)
        await both.settled()
        (part,) = stored_case(both["DE"], case_id).parts
        second = await ask(both)
        patch.setattr(splitting, "new_uuid", lambda _entropy: part)
        await splitting.split(both["HU"], KATALIN, second, "HU-mok", MOVED, WHY)
        await both.settled()
        assert [stored_case(both[country], second).parts for country in ("DE", "HU")] == [(), ()]


def test_a_part_belongs_to_one_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part named a second time, for another request, is refused, and the questions stay where they were (SPEC S-229)."""
    run(_twice(tmp_path, monkeypatch))


async def _taken_first(folder: Path, patch: pytest.MonkeyPatch) -> None:
    async with world(folder, "DE", "HU", "AT", inline=True) as both:
        case_id, linz = await ask(both), handler("AT-aek-oberoesterreich", "Eva Huber")
        both.net.down.add("DE")
        await splitting.split(both["HU"], KATALIN, case_id, "HU-mok", MOVED, WORD)
        (part,) = stored_case(both["HU"], case_id).parts
        with patch.context() as known:
            known.setattr(drafts, "new_uuid", lambda _entropy: part)
            wish = request().model_copy(update={"authority": "AT-aek-oberoesterreich"})
            draft = await drafts.start_request(both["AT"], linz, wish)
        await requests.send_draft(both["AT"], linz, draft.id)
        async with asyncio.timeout(60):
            while both["AT"].store.read_now(lambda q: q.one("SELECT seq FROM outbox LIMIT 1")):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        both.net.down.clear()
        await both.settled()
        assert stored_case(both["AT"], part).state == "refused"
        assert stored_case(both["HU"], part).counterpart == "DE"


def test_no_third_country_takes_the_place_of_a_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has learned under which id a part will be opened opens nothing under it first (SPEC S-299)."""
    run(_taken_first(tmp_path, monkeypatch))


async def _named_again(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        await both.settled()
        save_disk(both, "DE")

        def unheard(me: str, _peer: str, call: Call, answer: Answer) -> Answer:
            if (me, call.path) == ("HU", BATCHES):
                raise LineError("no answer in time")
            return answer

        both.net.after = unheard
        await splitting.split(both["HU"], KATALIN, case_id, "HU-mok", MOVED, WHY)
        await asyncio.sleep(5)  # of virtual time
        assert len(all_of(both["HU"], "SELECT id FROM cases")) == 2, "Berlin has sent the part"
        await put_back(both, "DE")
        both.net.after = lambda _me, _peer, _call, answer: answer
        await start_again(both, "DE")
        await recovered(both)
        assert [len(stored_case(both[country], case_id).parts) for country in ("DE", "HU")] == [1, 1]
        same_on_both(both)


def test_a_part_that_came_back_before_it_was_named_is_that_part(tmp_path: Path) -> None:
    """Its sender never heard that the division was stored: it arrives once more, at a disk that has lost it."""
    run(_named_again(tmp_path))
