"""Two of three countries suspend the third while all nodes run: it begins with the news, ends by itself, and nothing is lost."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from pathlib import Path

import pytest

from node.cli.simulation.loop import run
from node.delivery.upkeep import Upkeep
from node.domain.access import operator
from node.errors import NodeError
from node.service import accession, cases, membership, observe
from node.service.diagnosis import check_local
from node.service.node import Node
from node.service.verification import check_node
from node.store.key_files import read_seed
from protocol.member_bundle import MemberBundle
from protocol.member_signatures import signer_from_seed
from protocol.member_suspension import write_suspension
from protocol.members import MemberList
from protocol.suspension_proposal import SuspensionProposal, lift, suspend
from tests.exchange.pair import World, world
from tests.exchange.test_refusal import stored_case
from tests.exchange.test_story import ANNA, KATALIN, ask, reply
from tests.protocol.member_network import tampered

LOOK_S = 300.0
"""A running node looks every two seconds, which would take long over 14 days."""
ALL = ("AT", "DE", "HU")
BOTH = ("AT", "DE")
"""Of three states two are more than half, so these two can suspend (SPEC S-183)."""


@contextlib.asynccontextmanager
async def living(folder: Path, *countries: str) -> AsyncIterator[World]:
    """Run nodes with everything that a running node looks after by itself."""
    settings = {"retry_first_s": 1.0, "retry_longest_s": 3600.0, "refresh_s": 3600.0}
    async with world(folder, *countries, inline=True, **settings) as made:
        upkeeps = []
        for country, exchange in made.exchanges.items():
            made[country].members_changed = exchange.match_members
            upkeep = Upkeep(made[country], exchange)
            upkeeps.append(asyncio.create_task(upkeep.run(LOOK_S)))
        await made.settled()
        made.clock.offset += timedelta(minutes=1)  # it began after everybody had joined
        try:
            yield made
        finally:
            for task in upkeeps:
                task.cancel()
            await asyncio.gather(*upkeeps, return_exceptions=True)


def in_force(node: Node) -> MemberList:
    """Return a node's list."""
    assert node.members is not None
    return node.members


async def agree(net: World, proposal: SuspensionProposal, by: Iterable[str], at: str = "DE") -> None:
    """Let some nodes' states sign a suspension, and one of them publish it, as the commands do."""
    statements = [accession.sign_here(net[country], proposal) for country in by]
    files = [accession.Statement.from_json(statement.to_json()) for statement in statements]
    assert (await accession.publish(net[at], proposal, files)).missing == 0


async def stop_hungary(net: World) -> None:
    """Let Austria and Germany suspend Hungary."""
    await agree(net, suspend(in_force(net["DE"]), "HU", BOTH, net.clock.now()), BOTH)


def knows(node: Node, country: str) -> str:
    """Return the status that a node knows of a country."""
    standing = in_force(node).standing(country)
    assert standing is not None
    return standing.status


async def _ends_by_itself(folder: Path) -> None:
    async with living(folder, *ALL) as net:
        case_id = await ask(net)
        await stop_hungary(net)
        await asyncio.sleep(4000)
        assert {knows(net[country], "HU") for country in ALL} == {"suspended"}
        seen = {one.country: one for one in observe.status(net["DE"], operator()).peers}
        assert (seen["HU"].standing, seen["HU"].queue) == ("suspended", "not-a-member")
        warned = [one for one in check_local(net["HU"]) if one.name == "members"]
        assert ["AT, DE" in one.message and "suspended" in one.message for one in warned] == [True], warned
        await cases.accept(net["HU"], KATALIN, case_id)
        with pytest.raises(NodeError, match="unknown-country"):
            await cases.withdraw(net["DE"], ANNA, case_id)
        net.net.calls.clear()
        await asyncio.sleep(4000)
        assert stored_case(net["DE"], case_id).state == "sent"
        assert {path for _, peer, path in net.net.calls if peer == "HU"} == set()
        assert [path for me, peer, path in net.net.calls if (me, peer) == ("HU", "DE")]  # it tries, and is refused
        net.clock.offset += timedelta(days=13)
        await asyncio.sleep(4000)
        assert {knows(net[country], "HU") for country in ALL} == {"suspended"}
        net.clock.offset += timedelta(days=1)
        await asyncio.sleep(4000)
        await net.settled(longest_s=8000)
        assert {knows(net[country], "HU") for country in ALL} == {"active"}
        assert stored_case(net["DE"], case_id).state == "accepted"
        await cases.reply(net["HU"], KATALIN, case_id, reply())
        await net.settled(longest_s=600)
        assert stored_case(net["DE"], case_id).state == "replied"
        for country in ALL:
            assert check_node(net[country]) == []


def test_it_ends_by_itself_after_fourteen_days(tmp_path: Path) -> None:
    """Nobody starts a node or types anything: what both sides had to say waits, and then goes (SPEC S-184)."""
    run(_ends_by_itself(tmp_path))


async def _lifted(folder: Path) -> None:
    async with living(folder, *ALL) as net:
        case_id = await ask(net)
        await stop_hungary(net)
        await asyncio.sleep(4000)
        await cases.accept(net["HU"], KATALIN, case_id)
        members = in_force(net["AT"])
        (one,) = members.suspensions("HU", net.clock.now())
        await agree(net, lift(members, one, net.clock.now()), BOTH, at="AT")
        assert knows(net["AT"], "HU") == "active"
        await asyncio.sleep(8000)
        assert {knows(net[country], "HU") for country in ALL} == {"active"}
        await net.settled(longest_s=8000)
        assert stored_case(net["DE"], case_id).state == "accepted"
        with pytest.raises(Exception, match="other states, or more than half"):
            suspend(in_force(net["DE"]), "HU", BOTH, net.clock.now())
        entries = net["AT"].store.read_now(lambda q: q.all("SELECT seq FROM audit WHERE detail LIKE '%suspension-%'"))
        assert len(entries) == 2, [dict(entry) for entry in entries]


def test_those_who_suspended_take_it_back(tmp_path: Path) -> None:
    """Each node hears of it by gossip or at its next look, the suspended one too (SPEC S-186, S-189)."""
    run(_lifted(tmp_path))


async def _restarted(folder: Path) -> None:
    async with living(folder, *ALL) as net:
        await stop_hungary(net)
        node = net["DE"]
        node.members = None
        membership.restore(node)
        assert knows(node, "HU") == "suspended"
        net.clock.offset += timedelta(days=14)
        membership.restore(node)
        assert knows(node, "HU") == "active"


def test_a_start_finds_it_as_it_was(tmp_path: Path) -> None:
    """It is on disk before anybody is told, and a start looks at the time."""
    run(_restarted(tmp_path))


async def _greedy(folder: Path) -> None:
    async with living(folder, *ALL) as net:
        await stop_hungary(net)
        await asyncio.sleep(4000)
        now = net.clock.now().replace(microsecond=0)
        raw = write_suspension("DE", now, ("AT", "HU"), now + timedelta(days=14))
        states = [signer_from_seed(read_seed(net[c].config.keys / "state.seed")) for c in ("AT", "HU")]
        raw = tampered(raw, states, lambda _: None)
        proposal = SuspensionProposal(suspension=raw)
        second = MemberBundle(suspensions={proposal.read().name: raw})
        problems = await membership.take_bundle(net["AT"], second, "HU")
        assert [problem.code for problem in problems] == ["members-second-suspension"]
        assert knows(net["AT"], "DE") == "active"
        kept = net["AT"].store.read_now(lambda q: q.all("SELECT iss, code FROM proof"))
        assert [(row["iss"], row["code"]) for row in kept] == [(proposal.read().name, "members-second-suspension")]
        told = {proposal.read().name: (1, proposal.read().sha256)}
        assert not membership.needs_fetch(net["AT"], told)
        assert membership.needs_fetch(net["DE"], told)
        await membership.take_bundle(net["AT"], second, "HU")
        assert len(net["AT"].store.read_now(lambda q: q.all("SELECT seq FROM proof"))) == 1
        assert any(one.name == "proof" for one in check_local(net["AT"]))
        with pytest.raises(Exception, match="members-proposal"):
            accession.sign_here(net["AT"], proposal)


def test_three_greedy_states_are_proved_to(tmp_path: Path) -> None:
    """A second suspension with a state of the first is kept as a proof, fetched once, and signed by no honest node."""
    run(_greedy(tmp_path))
