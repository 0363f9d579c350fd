"""The power fails at every commit of either node in turn, and the story ends as if nothing had happened."""

import asyncio
import shutil
import sqlite3
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

from node.cli.simulation.loop import run
from node.domain.case import Case
from node.service import cases, drafts, requests
from node.service.node import Node
from node.service.verification import check_node
from node.store import cases as stored_cases
from protocol.content import Said
from protocol.members import MemberList
from tests.exchange.pair import AWAITED, LoopClock, Net, World, open_for_test, world
from tests.exchange.test_story import ANNA, KATALIN, PDF, reply, request

LATER = Said(text="Seit wann genau?", lang="de")


class PowerCutError(BaseException):
    """The process is gone; nothing inside it may catch this."""


@dataclass
class Cut:
    """When a node dies: at its commit number `at`, before it or right after it, before anybody is told."""

    country: str
    at: int
    after: bool
    commits: int = 0
    dead: bool = False


@dataclass(frozen=True)
class Prepared:
    """Two nodes on disk that know each other and each other's directory."""

    folder: Path
    members: MemberList


@dataclass(frozen=True)
class Told:
    """How a story ended: the kinds of what moved the case, on each side, and the commits of the watched node."""

    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    commits: int


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Give the two nodes that every story starts from."""
    folder = tmp_path_factory.mktemp("prepared")

    async def prepare() -> MemberList:
        async with world(folder, "DE", "HU", inline=True) as both:
            await both.settled()
            members = both["DE"].members
            assert members is not None
            return members

    return Prepared(folder, run(prepare()))


def watch(both: World, cut: Cut) -> None:
    """Count the commits of a node, and let it die at the one that is named."""
    node = both[cut.country]

    async def never(_work: object) -> NoReturn:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    def die() -> NoReturn:
        cut.dead = True
        both.net.down.add(cut.country)
        for store in (node.store, node.key_store):
            store.writer.write = never  # type: ignore[method-assign]
        raise PowerCutError

    for store in (node.store, node.key_store):

        def commit(connection: sqlite3.Connection, real: Any = store.writer.commit) -> None:
            cut.commits += 1
            if cut.commits == cut.at and not cut.after:
                die()
            real(connection)
            if cut.commits == cut.at:
                die()

        store.writer.commit = commit


async def revive(both: World, cut: Cut, members: MemberList) -> None:
    """Start the dead node again from what is on disk."""
    cut.dead = False
    await both.exchanges.pop(cut.country).stop()
    gone = both.net.nodes.pop(cut.country)
    for store in (gone.store, gone.key_store):
        store.writer._connection.close()
        for reader in store._readers:
            reader.close()
    both.net.nodes[cut.country] = opened(both, cut.country, members)
    both.net.down.discard(cut.country)
    await both.start(cut.country)


def opened(both: World, country: str, members: MemberList) -> Node:
    """Open a node from its folder."""
    node = open_for_test(both.folder / country, country, both.clock, inline=True)
    node.members = members
    return node


def held(node: Node) -> Any:
    """Return the one case of a node, if it has it."""
    row = node.store.read_now(lambda q: q.one("SELECT id FROM cases"))
    return node.store.read_now(lambda q: stored_cases.find(q, row["id"])) if row else None


def next_step(both: World) -> Awaitable[Any] | None:
    """Return what the people do next, from what their pages show; None at the end."""
    ours, theirs = held(both["DE"]), held(both["HU"])
    if ours is None:
        return _draft(both["DE"])
    if theirs is None:
        return asyncio.sleep(1)
    return _budapest(both["HU"], theirs) or _berlin(both["DE"], ours) or _wait(ours, theirs)


def _budapest(node: Node, case: Case) -> Awaitable[Any] | None:
    if case.date_state == "asked":
        return cases.propose_date(node, KATALIN, case.id, case.due.replace(day=21))
    if case.state == "sent":
        return cases.accept(node, KATALIN, case.id)
    return cases.reply(node, KATALIN, case.id, reply()) if case.state in ("accepted", "clarifying") else None


def _berlin(node: Node, case: Case) -> Awaitable[Any] | None:
    if case.date_state == "proposed":
        return cases.agree_date(node, ANNA, case.id)
    if case.state != "replied":
        return None
    clarified = case.n > 3
    return cases.close(node, ANNA, case.id) if clarified else cases.clarify(node, ANNA, case.id, LATER)


def _wait(ours: Case, theirs: Case) -> Awaitable[Any] | None:
    return None if ours.state == theirs.state == "closed" else asyncio.sleep(1)


def _draft(node: Node) -> Awaitable[Any]:
    mine = drafts.listing(node, ANNA)
    if not mine:
        return drafts.start_request(node, ANNA, request())
    assert mine[0].request is not None
    if not mine[0].request.attachments:
        return drafts.attach(node, ANNA, mine[0].id, "oklevel.pdf", "application/pdf", PDF)
    return requests.send_draft(node, ANNA, mine[0].id)


async def _told(folder: Path, prepared: Prepared, cut: Cut) -> Told:
    clock = LoopClock()
    both = World(Net(), clock, folder, inline=True)
    for country in ("DE", "HU"):
        both.net.nodes[country] = opened(both, country, prepared.members)
    for country in ("DE", "HU"):
        await both.start(country)
    await both.settled()
    watch(both, cut)
    while (step := next_step(both)) is not None:
        try:
            async with asyncio.timeout(400):
                await step
                await both.settled(longest_s=1000)
        except TimeoutError:
            assert cut.dead
        if cut.dead:
            await revive(both, cut, prepared.members)
    await both.settled()
    sql = "SELECT kind FROM event WHERE kind NOT LIKE 'notice.%' ORDER BY kind, seq"
    kinds = [tuple(row["kind"] for row in both[c].store.read_now(lambda q: q.all(sql))) for c in ("DE", "HU")]
    for country in ("DE", "HU"):
        assert check_node(both[country]) == []
        assert not both[country].store.read_now(lambda q: q.all("SELECT seq FROM proof"))
        assert not both[country].store.read_now(lambda q, own=country: q.all(AWAITED, {"own": own}))
        await both.stop(country)
    return Told(kinds[0], kinds[1], cut.commits)


def tell(prepared: Prepared, folder: Path, cut: Cut) -> Told:
    """Play the story on a copy of the prepared nodes."""
    shutil.copytree(prepared.folder, folder)
    try:
        return run(_told(folder, prepared, cut))
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("after", [False, True], ids=["before the commit", "after it"])
@pytest.mark.parametrize("country", ["DE", "HU"])
def test_a_power_cut_at_any_commit_changes_nothing(
    prepared: Prepared, tmp_path: Path, country: str, *, after: bool
) -> None:
    """Wherever a node dies between two commits, it goes on from there: nothing is lost, nothing happens twice."""
    expected = tell(prepared, tmp_path / "whole", Cut(country, 0, after))
    assert len(expected.ours) == len(expected.theirs) == 8
    for at in range(1, expected.commits + 1, 2):  # after an odd one is the same disk as before an even one
        cut = Cut(country, at, after)
        found = tell(prepared, tmp_path / str(at), cut)
        assert cut.commits >= at, "the cut never came"
        assert (found.ours, found.theirs) == (expected.ours, expected.theirs), f"commit {at}"
