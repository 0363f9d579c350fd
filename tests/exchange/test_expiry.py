"""A member list near its end and long after it: the operator is told at every date, and no message waits for it."""

import asyncio
import datetime as dt
from pathlib import Path

import pytest

from node.cli.simulation.loop import run
from node.domain.access import operator
from node.domain.directory_view import Query
from node.errors import NodeError
from node.service import accession, cases, drafts, find, observe, requests
from node.service.diagnosis import check_local
from node.service.node import Node
from node.store import cases as stored_cases
from protocol.member_proposal import renew
from tests.exchange.disks import same_on_both
from tests.exchange.pair import world
from tests.exchange.test_epochs import publish, renew_message_key
from tests.exchange.test_refusal import stored_case
from tests.exchange.test_story import ANNA, KATALIN, ask, reply, request
from tests.exchange.test_suspension import ALL, in_force, living


def said(node: Node) -> dict[str, str]:
    """Return doctor's level for each thing that ends."""
    return {one.message.partition(":")[0]: one.level for one in check_local(node) if one.name == "expiry"}


async def _expired(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        before = await ask(both)
        assert {*said(both["DE"]).values()} == {"ok"}
        for days, level in ((276, "warn"), (336, "warn"), (359, "fail"), (366, "fail"), (800, "fail")):
            both.clock.offset = dt.timedelta(days=days)
            found = said(both["DE"])
            assert (found["root"], found["targets"]) == (level, level), days
        new = request().model_copy(update={"due": both.clock.now().date() + dt.timedelta(days=20)})
        after = (await requests.send(both["DE"], ANNA, new)).id
        await both.settled()
        for case_id in (before, after):
            await cases.accept(both["HU"], KATALIN, case_id)
            await cases.reply(both["HU"], KATALIN, case_id, reply())
        await both.settled()
        assert {stored_case(both["DE"], case_id).state for case_id in (before, after)} == {"replied"}
        same_on_both(both)


def test_a_list_that_ended_stops_no_message(tmp_path: Path) -> None:
    """Warned of 90, 30 and 7 days before and from then on, and two years later requests still go (SPEC S-174)."""
    run(_expired(tmp_path))


async def _retired(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        record = renew_message_key(both["DE"], "retired")
        publish(record, both["DE"], both["DE"], both["HU"])
        earlier = next(key.kid for key in record.message_keys if key.state == "retired")
        ends = [one for one in check_local(both["DE"]) if f"retired message key {earlier[:8]}" in one.message]
        assert [one.message[-10:] for one in ends] == [f"{both.clock.now().date() + dt.timedelta(days=40)}"]


def test_the_day_on_which_a_retired_key_ends_is_said(tmp_path: Path) -> None:
    """40 days after it was replaced nothing under it is accepted any more, and doctor names the day."""
    run(_retired(tmp_path))


async def _new_counterpart(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        berlin = both["DE"]
        both.clock.offset = dt.timedelta(days=366)
        content = request().model_copy(update={"due": both.clock.now().date() + dt.timedelta(days=20)})
        draft = await drafts.start_request(berlin, ANNA, content)
        with pytest.raises(NodeError, match=r"list-expired.*HU"):
            await requests.send_draft(berlin, ANNA, draft.id)
        with pytest.raises(NodeError, match=r"list-expired.*HU"):
            await requests.send_many(berlin, ANNA, [content, content])
        assert [one.id for one in drafts.listing(berlin, ANNA)] == [draft.id]
        assert berlin.store.read_now(stored_cases.ids) == frozenset()
        both.clock.offset = dt.timedelta()
        assert (await requests.send_draft(berlin, ANNA, draft.id)).id == draft.id
        both.clock.offset = dt.timedelta(days=366)
        await requests.send(berlin, ANNA, content)
        await both.settled()
        assert len(both["HU"].store.read_now(stored_cases.ids)) == 2


def test_a_list_that_ended_lets_no_new_counterpart_in(tmp_path: Path) -> None:
    """Two countries that never met wait for the renewal, their draft stays; those that met go on (SPEC S-112)."""
    run(_new_counterpart(tmp_path))


async def _running(folder: Path) -> None:
    async with living(folder, *ALL) as net:
        berlin, began = net["DE"], net.clock.offset
        await ask(net)
        codes = []
        for days in (200, 276, 336, 359, 366):
            net.clock.offset = began + dt.timedelta(days=days)
            await asyncio.sleep(8000)  # the nodes look, renew their own records and tell each other
            said_here = {one.document: one.code for one in observe.status(berlin, operator()).warnings}
            assert said_here.keys() <= {"root", "targets"}, days
            codes.append(said_here.get("root", "none").removeprefix("members-"))
            pages = [await find.search(berlin, ANNA, Query(country=country)) for country in ("AT", "HU")]
            askable = {one.country for page in pages for one in page.items if one.askable}
            assert askable == ({"HU"} if days > 365 else {"AT", "HU"}), days
        assert codes == ["none", "expires-90", "expires-30", "expires-7", "expired"]
        due = net.clock.now().date() + dt.timedelta(days=20)
        vienna = request().model_copy(update={"due": due, "country": "AT", "to": "AT-bmasgpk"})
        with pytest.raises(NodeError, match=r"list-expired.*AT"):
            await requests.send(berlin, ANNA, vienna)
        await requests.send(berlin, ANNA, request().model_copy(update={"due": due}))
        await net.settled(longest_s=8000)
        renewal = renew(in_force(berlin), net.clock.now())
        statements = [accession.sign_here(net[country], renewal) for country in ("AT", "DE")]
        assert (await accession.publish(berlin, renewal, statements)).missing == 0
        await asyncio.sleep(8000)
        assert observe.status(net["HU"], operator()).warnings == ()
        case_id = (await requests.send(berlin, ANNA, vienna)).id
        await net.settled(longest_s=8000)
        assert stored_case(net["AT"], case_id).state == "sent"


def test_running_nodes_pass_the_end_of_their_list_and_its_renewal(tmp_path: Path) -> None:
    """Told at 90, 30 and 7 days; past it only known counterparts; renewed without a restart (SPEC S-112, S-174)."""
    run(_running(tmp_path))
