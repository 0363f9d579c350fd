"""A file that a disk took with it before the other side had fetched it: both sides end their waiting, and say so."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from node.cli.simulation.loop import run
from node.delivery.call import Answer, Call
from node.delivery.incoming import BLOBS
from node.domain.access import Actor
from node.domain.case import Case
from node.service import attachments, cases, diagnosis, drafts, follow_up, messages, reading, requests
from node.service.node import Node
from node.store import blobs
from tests.exchange.disks import all_of, put_back, recovered, save_disk, start_again
from tests.exchange.pair import World, world
from tests.exchange.test_crash import Cut, revive, watch
from tests.exchange.test_crossing import asked
from tests.exchange.test_messages import FILE, WORD
from tests.exchange.test_story import ANNA, KATALIN, PDF, ask, request

SIDES = (("DE", ANNA), ("HU", KATALIN))


def _no_files(_me: str, _peer: str, call: Call) -> Answer | None:
    return Answer(503, {}, b"{}") if call.path.startswith(BLOBS) else None


async def _lost_disk(both: World, case_id: str, *, kept_files: bool = False) -> None:
    """Let Berlin write with a file, and lose its disk before Budapest has fetched that."""
    save_disk(both, "DE")
    both.net.before = _no_files
    await messages.send(both["DE"], ANNA, case_id, WORD, [FILE])
    await asyncio.sleep(5)
    folder = both["DE"].config.data / "blobs"
    shutil.copytree(folder, both.folder / "files")
    await put_back(both, "DE")
    if kept_files:
        shutil.copytree(both.folder / "files", folder, dirs_exist_ok=True)
    await start_again(both, "DE")
    await asyncio.sleep(5)
    both.net.before = lambda _me, _peer, _call: None


def _here(node: Node, case_id: str) -> list[int]:
    return sorted(row["here"] for row in node.store.read_now(lambda q: blobs.of_case(q, case_id)).values())


async def _gone(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        await _lost_disk(both, case_id)
        await asyncio.sleep(120)
        both.net.calls.clear()
        await asyncio.sleep(600)
        assert not [call for call in both.net.calls if call[2].startswith(BLOBS)]
        for country, reader in SIDES:
            node = both[country]
            view = await reading.read_case(node, reader, case_id, "de")
            assert [(file.here, file.lost) for file in view.attachments] == [(True, False), (False, True)]
            (found,) = [check for check in diagnosis.check_local(node) if check.name == "attachment"]
            assert (found.level, view.number in found.message) == ("warn", True)
            assert len(all_of(node, "SELECT * FROM audit WHERE action = 'attachment.lost'")) == 1
        await messages.send(both["DE"], ANNA, case_id, WORD, [FILE])  # the same file again is another one
        await recovered(both)
        view = await reading.read_case(both["HU"], KATALIN, case_id, "hu")
        assert [file.here for file in view.attachments] == [True, False, True]


def test_a_file_that_neither_side_has_any_more_is_shown_as_lost_on_both(tmp_path: Path) -> None:
    """Each asks the other for it once, then nobody any more; page, operator and audit say it (SPEC S-233)."""
    run(_gone(tmp_path))


async def _found(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        await _lost_disk(both, case_id, kept_files=True)
        await recovered(both, longest_s=120)
        assert [_here(both[country], case_id) for country, _ in SIDES] == [[1, 1], [1, 1]]
        view = await reading.read_case(both["HU"], KATALIN, case_id, "hu")
        opened = await attachments.read_attachment(both["HU"], KATALIN, case_id, view.attachments[-1].sha256)
        assert opened.data == PDF


def test_a_file_that_is_still_on_the_disk_is_found_there(tmp_path: Path) -> None:
    """Where the database alone was lost, its files come back from its own disk, and the other side gets them."""
    run(_found(tmp_path))


async def _acted_as_it_came(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        tell, acted = follow_up.issue_steps, False

        async def late(node: Node, actor: Actor, case: Case, *what: Any, **more: Any) -> Case:
            nonlocal acted
            if not acted:
                acted = True
                await cases.accept(node, KATALIN, case.id)
            return await tell(node, actor, case, *what, **more)

        monkeypatch.setattr(follow_up, "issue_steps", late)
        case_id = await ask(both)
        assert acted
        for country, reader in (("DE", ANNA), ("HU", KATALIN)):
            view = await reading.read_case(both[country], reader, case_id, "en")
            assert [one.kind for one in view.timeline].count("notice.blob-stored") == 1


def test_who_sent_a_file_hears_that_it_came_though_somebody_acts_just_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Budapest accepts while the notice of the diploma is written; Berlin gets both."""
    run(_acted_as_it_came(tmp_path, monkeypatch))


async def _cut(folder: Path, cut: Cut) -> tuple[int, int]:
    """Let Budapest die while it gets a request with a file; return how often Berlin hears, and Budapest's commits."""
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        members = both["HU"].members
        assert members is not None
        draft = await drafts.start_request(both["DE"], ANNA, request())
        await drafts.attach(both["DE"], ANNA, draft.id, "oklevel.pdf", "application/pdf", PDF)
        watch(both, cut)
        case_id = (await requests.send_draft(both["DE"], ANNA, draft.id)).id
        await asyncio.sleep(20)  # of the nodes' own clock: whatever was to come has come, or Budapest is dead
        made = cut.commits
        if cut.dead:
            await revive(both, cut, members)
            await asyncio.sleep(300)  # Berlin waits longer each time that it finds nobody
        view = await reading.read_case(both["DE"], ANNA, case_id, "de")
        return [one.kind for one in view.timeline].count("notice.blob-stored"), made


@pytest.mark.parametrize("after", [False, True], ids=["before the commit", "after it"])
def test_who_sent_a_file_hears_that_it_came_wherever_the_power_fails(tmp_path: Path, *, after: bool) -> None:
    """At every commit of the other node from the request's arrival on; once, and not before it is there."""
    for at in range(40):
        (tmp_path / str(at)).mkdir()
    heard, commits = run(_cut(tmp_path / "0", Cut("HU", 0, after)))
    assert (heard, commits < 40) == (1, True)
    for at in range(1, commits + 1):
        assert run(_cut(tmp_path / str(at), Cut("HU", at, after)))[0] == 1, f"commit {at} of {commits}"
