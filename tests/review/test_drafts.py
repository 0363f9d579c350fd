"""Drafts under several hands: what is sent stays whole, what was typed stays readable."""

import asyncio
from pathlib import Path

import pytest

from node.domain.draft import RequestDraft
from node.errors import NodeError
from node.service import cases, drafts, reading, requests
from node.service.node import Node
from protocol.content import Said
from tests.exchange.pair import world
from tests.exchange.test_story import ANNA, KATALIN, ask, reply, request


async def _after_one_commit(node: Node) -> None:
    """Let a commit pass, so that what follows comes just behind what another task queues then."""
    await node.store.write(lambda _tx: None)


async def test_a_draft_that_is_sent_while_it_is_deleted_keeps_its_key(tmp_path: Path) -> None:
    """Whoever comes second loses: a case that was opened stays readable."""
    async with world(tmp_path, "DE", "HU") as both:
        node = both["DE"]
        await both.settled()
        draft = await drafts.start_request(node, ANNA, request())

        async def delete() -> None:
            await _after_one_commit(node)
            await drafts.delete(node, ANNA, draft.id)

        case, refused = await asyncio.gather(
            requests.send_draft(node, ANNA, draft.id), delete(), return_exceptions=True
        )
        assert not isinstance(case, BaseException)
        assert isinstance(refused, NodeError)
        assert refused.code == "not-found"
        assert reading.view_case(node, ANNA, draft.id, "de").state == "sent"


async def test_a_draft_that_changes_while_it_is_sent_is_not_sent(tmp_path: Path) -> None:
    """What a colleague has just saved is never thrown away with the draft."""
    async with world(tmp_path, "DE", "HU") as both:
        node = both["DE"]
        await both.settled()
        draft = await drafts.start_request(node, ANNA, request())
        changed = request().model_copy(update={"comment": Said(text="Eilt.", lang="de")})

        async def save() -> None:
            await _after_one_commit(node)
            await drafts.save(node, ANNA, draft.id, changed)

        _, sent = await asyncio.gather(save(), requests.send_draft(node, ANNA, draft.id), return_exceptions=True)
        assert isinstance(sent, NodeError)
        assert sent.code == "stale"
        kept = drafts.read(node, ANNA, draft.id).request
        assert kept is not None
        assert kept.comment == changed.comment


async def test_what_could_not_be_read_again_is_not_stored(tmp_path: Path) -> None:
    """A field that no draft may hold is refused, and the drafts of the authority stay readable."""
    async with world(tmp_path, "DE", "HU") as both:
        node = both["DE"]
        draft = await drafts.start_request(node, ANNA, RequestDraft(authority="DE-zaek-berlin"))
        odd = request().model_copy(update={"comments": {"not an id": Said(text="?", lang="de")}})
        with pytest.raises(NodeError) as refused:
            await drafts.save(node, ANNA, draft.id, odd)
        assert refused.value.code == "invalid"
        assert [one.id for one in drafts.listing(node, ANNA)] == [draft.id]


async def test_a_case_has_one_draft_of_its_reply(tmp_path: Path) -> None:
    """Two handlers who begin at the same moment write in the same draft."""
    from node.service import cases
    from tests.exchange.test_story import KATALIN, ask

    async with world(tmp_path, "DE", "HU") as both:
        case_id = await ask(both)
        await cases.accept(both["HU"], KATALIN, case_id)
        first, second = await asyncio.gather(*(drafts.start_reply(both["HU"], KATALIN, case_id) for _ in range(2)))
        assert first.id == second.id


async def test_a_reply_is_sent_only_as_it_was_read(tmp_path: Path) -> None:
    """A colleague who changes the draft while it is being sent keeps the change: the sending is `stale`."""
    async with world(tmp_path, "DE", "HU") as both:
        case_id = await ask(both)
        await cases.accept(both["HU"], KATALIN, case_id)
        draft = await drafts.start_reply(both["HU"], KATALIN, case_id)
        read = (draft.id, draft.version)
        await drafts.save(both["HU"], KATALIN, draft.id, reply(), draft.version)
        with pytest.raises(NodeError) as refused:
            await cases.reply(both["HU"], KATALIN, case_id, reply(), read)
        assert refused.value.code == "stale"
        assert drafts.read(both["HU"], KATALIN, draft.id).reply == reply()
        await both.settled()
