"""A country leaves while three nodes run with open cases: what was said stays, nothing new passes, nobody restarts."""

import asyncio
from pathlib import Path

import pytest

from node.cli.simulation.loop import run
from node.delivery.call import Call
from node.delivery.incoming import MEMBERS, handle
from node.domain.access import operator
from node.domain.directory_view import Query
from node.errors import NodeError
from node.service import accession, cases, drafts, find, observe, queues, reading, requests
from node.service.diagnosis import check_local
from node.service.verification import check_node
from node.store import streams
from protocol.member_bundle import MemberBundle
from protocol.member_proposal import Candidate, propose, propose_status
from protocol.member_signatures import signer_from_seed
from tests.exchange.pair import World
from tests.exchange.test_refusal import stored_case
from tests.exchange.test_story import ANNA, KATALIN, ask, reply, request
from tests.exchange.test_suspension import ALL, in_force, knows, living


async def change(net: World, status: str, *signers: str) -> None:
    """Let some states sign that Hungary leaves (or comes back), and Germany publish it."""
    members = in_force(net["DE"])
    if status == "left":
        proposal = propose_status(members, "HU", "left", net.clock.now())
    else:
        keys = (accession.state_signer(net["HU"]), signer_from_seed(net["HU"].keys.list_seed))
        proposal = propose(members, Candidate.of("HU", *keys), net.clock.now())
    statements = [accession.sign_here(net[country], proposal) for country in signers]
    assert (await accession.publish(net["DE"], proposal, statements)).missing == 0
    await asyncio.sleep(8000)


async def hungarian(net: World, country: str) -> int:
    """Return how many Hungarian authorities a country's officials find."""
    return (await find.search(net[country], ANNA, Query(country="HU"))).total


async def _left(folder: Path) -> None:
    async with living(folder, *ALL) as net:
        open_case, answered = await ask(net), await ask(net)
        await cases.accept(net["HU"], KATALIN, answered)
        await cases.reply(net["HU"], KATALIN, answered, reply())
        await net.settled(longest_s=8000)
        assert await hungarian(net, "DE")
        net.net.down.add("HU")
        waiting = (await requests.send(net["DE"], ANNA, request())).id
        await asyncio.sleep(10)
        draft = await drafts.start_request(net["DE"], ANNA, request())
        net.net.down.clear()
        await change(net, "left", "AT", "DE")
        assert {knows(net[country], "HU") for country in ALL} == {"left"}

        # what was said stays and can be read on both sides, with the reason why nothing more can be done
        for case_id in (open_case, answered, waiting):
            view = await reading.read_case(net["DE"], ANNA, case_id, "en")
            assert view.actions == ()
            assert "No longer takes part in the exchange. Country: Hungary." in view.notices[0].text
        assert stored_case(net["DE"], answered).state == "replied"
        theirs = await reading.read_case(net["HU"], KATALIN, open_case, "hu")
        assert (theirs.actions, theirs.notices[0].lang) == ((), "hu")
        assert "Magyarország" in theirs.notices[0].text

        # nothing new is made, on either side, and the draft stays
        for doing in (
            lambda: cases.close(net["DE"], ANNA, answered),
            lambda: cases.accept(net["HU"], KATALIN, open_case),
            lambda: requests.send_draft(net["DE"], ANNA, draft.id),
        ):
            with pytest.raises(NodeError, match="unknown-country"):
                await doing()
        assert [one.id for one in drafts.listing(net["DE"], ANNA)] == [draft.id]

        # its authorities are found no more, ours by it neither; what waits for it is shown
        assert (await hungarian(net, "DE"), await hungarian(net, "AT")) == (0, 0)
        seen = {one.country: one for one in observe.status(net["DE"], operator()).peers}
        assert (seen["HU"].standing, seen["HU"].queue, seen["HU"].waiting) == ("left", "not-a-member", 1)
        backlog = net["DE"].store.read_now(streams.backlog)
        assert [row["peer"] for row in backlog] == ["HU"]
        number = (await reading.read_case(net["DE"], ANNA, waiting, "en")).number
        mended = [one for one in check_local(net["DE"]) if one.name == "backlog"]
        assert ["left" in one.message and "give-up" in one.mend for one in mended] == [True], mended

        with pytest.raises(NodeError, match="sealed"):  # it may have arrived, so it is kept for ever
            await queues.give_up(net["DE"], operator(), number)

        # who has left can still see why, and nothing else
        asked = await handle(net["DE"], "HU", Call("GET", MEMBERS, {"after_root": "0"}))
        assert MemberBundle.from_json(asked.body).targets == in_force(net["DE"]).bundle().targets
        assert (await handle(net["DE"], "HU", Call("GET", "/peer/v1/directory"))).status == 403
        for country in ALL:
            assert check_node(net[country]) == []


def test_a_country_leaves_while_cases_are_open(tmp_path: Path) -> None:
    """Its cases stay readable and say why they stopped; its queue stays, its directory is hidden (SPEC S-110, S-115)."""
    run(_left(tmp_path))


async def _gone_and_back(folder: Path) -> None:
    async with living(folder, *ALL) as net:
        case_id = await ask(net)
        net.net.down.add("HU")
        waiting = (await requests.send(net["DE"], ANNA, request())).id
        await asyncio.sleep(10)
        net.net.down.clear()
        await change(net, "left", "AT", "DE")
        await change(net, "active", "AT", "DE", "HU")
        assert {knows(net[country], "HU") for country in ALL} == {"active"}
        await net.settled(longest_s=8000)
        assert stored_case(net["HU"], waiting).state == "sent"
        await cases.accept(net["HU"], KATALIN, case_id)
        await net.settled(longest_s=8000)
        assert stored_case(net["DE"], case_id).state == "accepted"
        assert await hungarian(net, "DE")
        for country in ALL:
            assert check_node(net[country]) == []


def test_a_country_that_comes_back_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """With the keys it had, its cases and what waited for it go on; nothing was thrown away."""
    run(_gone_and_back(tmp_path))


async def _others(folder: Path) -> None:
    async with living(folder, *ALL) as net:
        await net.settled()
        await change(net, "left", "AT", "DE")
        vienna = request().model_copy(update={"country": "AT", "to": "AT-bmasgpk"})
        case_id = (await requests.send(net["DE"], ANNA, vienna)).id
        await net.settled(longest_s=8000)
        assert stored_case(net["AT"], case_id).state == "sent"


def test_the_others_go_on(tmp_path: Path) -> None:
    """Two that stay exchange as before."""
    run(_others(tmp_path))
