"""Data of blocked cases: who sees them, and what is blocked with them."""

import datetime as dt
from pathlib import Path

import pytest

from node.cli.simulation.loop import run
from node.domain.draft import ReplyDraft
from node.errors import NodeError
from node.service import (
    attachments,
    blocking,
    cases,
    drafts,
    rating,
    reading,
)
from tests.exchange.closed import OTTO, WORD, closed, left
from tests.exchange.test_story import ANNA, KATALIN, PDF


async def _reasons(folder: Path) -> None:
    async with closed(folder) as world_:
        node, case_id = world_.both["DE"], world_.case_id
        await world_.later(190)
        await world_.run("DE")
        listed = await reading.list_cases(node, ANNA, reading.CaseFilter(), "de")
        assert [one.id for one in listed.items] == [world_.open_id]
        for refused in (
            lambda: reading.read_case(node, ANNA, case_id, "de"),
            lambda: cases.clarify(node, ANNA, case_id, WORD),
        ):
            with pytest.raises(NodeError, match="case-blocked"):
                await refused()
        with pytest.raises(NodeError, match="invalid"):
            await blocking.see(node, ANNA, case_id, "proof", " ")
        with pytest.raises(NodeError, match="not-found"):
            await blocking.see(node, KATALIN, case_id, "proof", "x")
        await blocking.see(node, ANNA, case_id, "proof", "Beweis vor dem Verwaltungsgericht")
        view = await reading.read_case(node, ANNA, case_id, "de")
        assert (view.state, view.actions) == ("closed", ())
        with pytest.raises(NodeError, match="case-blocked"):  # to read is all that a reason opens
            await rating.rate(node, ANNA, case_id, 1, 1)
        file = await attachments.read_attachment(node, ANNA, case_id, view.attachments[0].sha256)
        assert file.data == PDF
        (sight,) = blocking.seen_by(node, OTTO)[0]
        assert (sight.ground, sight.reason) == ("proof", "Beweis vor dem Verwaltungsgericht")
        world_.both.clock.offset += dt.timedelta(minutes=blocking.SIGHT_MINUTES + 1)
        with pytest.raises(NodeError, match="case-blocked"):
            await reading.read_case(node, ANNA, case_id, "de")
        assert left(node) == {}


def test_blocked_data_are_seen_with_a_reason_that_is_logged(tmp_path: Path) -> None:
    """Lists leave the case out; a reason opens it for a while, to its author alone, and the administrator sees why."""
    run(_reasons(tmp_path))


async def _drafted(folder: Path) -> None:
    async with closed(folder) as world_:
        node = world_.both["HU"]
        (draft,) = drafts.listing(node, KATALIN)
        await world_.later(190)
        await world_.run("HU")
        assert drafts.listing(node, KATALIN) == []
        with pytest.raises(NodeError, match="case-blocked"):
            drafts.read(node, KATALIN, draft.id)
        for refused in (drafts.delete(node, KATALIN, draft.id), drafts.save(node, KATALIN, draft.id, ReplyDraft())):
            with pytest.raises(NodeError, match="case-blocked"):
                await refused


def test_the_draft_of_a_reply_is_blocked_with_its_case(tmp_path: Path) -> None:
    """It is in no list, and neither read nor changed nor thrown away without a reason."""
    run(_drafted(tmp_path))
