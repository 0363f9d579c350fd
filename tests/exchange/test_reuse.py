"""A new draft from an earlier request: whole where it was refused, without the person otherwise."""

from pathlib import Path

import pytest

from node.cli.simulation.loop import run
from node.domain.case import Case
from node.domain.draft import RequestDraft
from node.errors import NodeError
from node.service import attachments, cases, drafts, reading, requests
from node.service.reuse import draft_from
from node.service.verification import check_node
from node.store import blobs
from protocol.content import Said
from tests.exchange.pair import World, world
from tests.exchange.test_refusal import end_authority
from tests.exchange.test_story import ANNA, KATALIN, MIRIAM, PDF, ask, reply, request


def commented() -> RequestDraft:
    """Return a complete request with a comment on a question."""
    return request().model_copy(update={"comments": {"sanctions": Said(text="Auch frühere?", lang="de")}})


async def refused(both: World, content: RequestDraft) -> Case:
    """Send a request with a file; Budapest refuses it, since it no longer has the authority."""
    await both.settled()
    draft = await drafts.start_request(both["DE"], ANNA, content)
    await drafts.attach(both["DE"], ANNA, draft.id, "oklevel.pdf", "application/pdf", PDF)
    both.net.down.add("HU")
    case = await requests.send_draft(both["DE"], ANNA, draft.id)
    await end_authority(both["HU"], "HU-okfo")
    both.net.down.clear()
    await both.settled()
    return case


async def _mended(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        case = await refused(both, commented())
        made = await draft_from(both["DE"], ANNA, case.id)
        assert made.mend == "authority"
        again = made.draft.request
        assert again is not None
        assert again.model_copy(update={"attachments": ()}) == commented()
        other = again.model_copy(update={"to": "HU-oktatasi-hivatal"})
        await drafts.save(both["DE"], ANNA, made.draft.id, other)
        sent = await requests.send_draft(both["DE"], ANNA, made.draft.id)
        await both.settled()
        assert sent.number != case.number
        view = reading.view_case(both["DE"], ANNA, sent.id, "en")
        assert (view.state, [file.name for file in view.attachments]) == ("sent", ["oklevel.pdf"])
        file = await attachments.read_attachment(both["DE"], ANNA, sent.id, view.attachments[0].sha256)
        assert file.data == PDF
        for country in ("DE", "HU"):
            assert check_node(both[country]) == []


def test_a_refused_request_is_mended_and_sent_again(tmp_path: Path) -> None:
    """Everything typed goes along, the file too; it is sent under a number of its own to another authority."""
    run(_mended(tmp_path))


async def _closed(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        case_id = await ask(both)
        await cases.accept(both["HU"], KATALIN, case_id)
        await cases.reply(both["HU"], KATALIN, case_id, reply())
        await both.settled()
        await cases.close(both["DE"], ANNA, case_id)
        made = await draft_from(both["DE"], ANNA, case_id)
        assert made.mend == "details"
        again = made.draft.request
        assert again is not None
        assert (again.to, again.set, again.questions) == ("HU-okfo", "establishment", request().questions)
        assert (again.comment, again.comments, again.attachments, again.due) == (None, {}, (), None)
        assert set(again.variables) == {"profession", "title"}
        assert "Kovács" not in again.model_dump_json()


def test_another_request_is_used_again_without_the_person(tmp_path: Path) -> None:
    """Authority and questions go along; name, comments and files serve the case they were given for."""
    run(_closed(tmp_path))


async def _not_mine(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        case_id = await ask(both)
        with pytest.raises(NodeError, match="not-found"):
            await draft_from(both["DE"], MIRIAM, case_id)
        with pytest.raises(NodeError, match="wrong-state"):
            await draft_from(both["HU"], KATALIN, case_id)
        assert drafts.listing(both["DE"], MIRIAM) == drafts.listing(both["HU"], KATALIN) == []


def test_only_a_request_of_ones_own_authority_is_used_again(tmp_path: Path) -> None:
    """A colleague of another authority sees no such case, and the replying side has nothing to send again."""
    run(_not_mine(tmp_path))


async def _damaged(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        case = await refused(both, request())
        (sha256,) = both["DE"].store.read_now(lambda q: blobs.of_case(q, case.id))
        blobs.path_of(both["DE"].config.data, sha256).write_bytes(b"damaged")
        with pytest.raises(NodeError, match="verification-failed"):
            await draft_from(both["DE"], ANNA, case.id)
        assert drafts.listing(both["DE"], ANNA) == []
        assert len(both["DE"].store.read_now(lambda q: q.all("SELECT sha256 FROM blob"))) == 1
        assert len(both["DE"].key_store.read_now(lambda q: q.all("SELECT case_id FROM case_key"))) == 1


def test_a_damaged_file_leaves_no_half_draft(tmp_path: Path) -> None:
    """Where a file can't be read, there is no draft without it, and nothing of it stays."""
    run(_damaged(tmp_path))
