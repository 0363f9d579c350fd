"""The power fails while something is done in a case for a person's claim: the case and the claim tell the same."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from node.cli.simulation.loop import run
from node.service import corrections, erasure, subject_cases, subjects
from node.store import audit
from tests.exchange.closed import OTTO
from tests.exchange.pair import World, world
from tests.exchange.test_corrections import WRONG, said
from tests.exchange.test_crash import Cut, revive, watch
from tests.exchange.test_orders import ended
from tests.exchange.test_subjects import claim, did

Act = Callable[[World, str], Awaitable[object]]


def _contest(both: World, case_id: str) -> Awaitable[object]:
    event = said(both, "DE", case_id, "request.send")
    return corrections.contest(both["DE"], OTTO, case_id, event, "accuracy", WRONG)


def _erase(both: World, case_id: str) -> Awaitable[object]:
    return erasure.order(both["DE"], OTTO, case_id, "consent")


DOES = {"correction.contest": (_contest, "contest"), "case.erase": (_erase, "erase")}
"""What is done in the case, by its entry in the trail → how, and the claim's note of it."""


async def _cut(folder: Path, action: str, cut: Cut) -> tuple[int, int, int]:
    """Let the node die in the middle; return how often it is in the trail and in the claim, and the commits so far."""
    act, noted = DOES[action]
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        case_id = await ended(both)
        file = await subjects.open_file(both["DE"], OTTO, claim())
        await subject_cases.link(both["DE"], OTTO, file.id, case_id)
        members = both["DE"].members
        assert members is not None
        watch(both, cut)
        try:
            async with asyncio.timeout(60):
                await act(both, case_id)
        except TimeoutError:
            assert cut.dead
        made = cut.commits
        if cut.dead:
            await revive(both, cut, members)
        trail = [row["action"] for row in both["DE"].store.read_now(lambda q: audit.entries_of(q, case_id))]
        return trail.count(action), did(subjects.read(both["DE"], OTTO, file.id)).count(noted), made


@pytest.mark.parametrize("after", [False, True], ids=["before the commit", "after it"])
@pytest.mark.parametrize("action", DOES)
def test_what_is_done_in_a_case_stands_in_the_claim_wherever_the_power_fails(
    tmp_path: Path, action: str, *, after: bool
) -> None:
    """Both or neither, at every commit of the step (ADR 0032)."""
    for at in range(20):
        (tmp_path / str(at)).mkdir()
    done, noted, commits = run(_cut(tmp_path / "0", action, Cut("DE", 0, after)))
    assert (done, noted, commits < 20) == (1, 1, True)
    for at in range(1, commits + 1):
        done, noted, _ = run(_cut(tmp_path / str(at), action, Cut("DE", at, after)))
        assert done == noted, f"commit {at}: {done} in the case, {noted} in the claim"
