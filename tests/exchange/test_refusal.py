"""What was finally refused never happened: it is taken back, shown with its code, and can be repeated."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from directory_sync.demo import demo_authorities
from node.cli.simulation.loop import run
from node.domain.access import operator
from node.service import cases, deliver, directory, reading, requests
from node.service.node import Node
from node.service.receive import receive
from node.service.verification import check_node
from node.store import cases as stored_cases
from node.store import retention
from node.store.key_files import load_keys, make_keys
from protocol.event import parse_item
from protocol.member_bundle import MemberBundle
from protocol.member_signatures import sign_role, signer_from_seed
from protocol.receipt import issue as issue_receipt
from tests.exchange.pair import START, World, record_of, world
from tests.exchange.test_story import ANNA, KATALIN, ask, reply, request


async def end_authority(node: Node, ended: str) -> None:
    """Take an authority off a node's own directory."""
    left = [one for one in demo_authorities(node.country) if one.id != ended]
    await directory.import_authorities(node, operator(), left, complete=True)


def new_encryption_key(node: Node) -> None:
    """Give a node another encryption key, as after the loss of the first; its peers don't know of it yet."""
    folder = node.config.folder / "more-keys"
    make_keys(folder, node.country, node.entropy)
    new = load_keys(folder)
    node.keys = replace(
        node.keys,
        encryption_kid=new.encryption_kid,
        encryption_public=new.encryption_public,
        encryption_private=new.encryption_private,
    )


def tell(node: Node, about: Node) -> None:
    """Let a node learn the present record of another one."""
    assert node.members is not None
    version = node.members.role_version(about.country) + 1
    raw = sign_role(record_of(about), version, START + timedelta(days=365), signer_from_seed(about.keys.list_seed))
    node.members, problems = node.members.update(MemberBundle(roles={about.country: raw}), START)
    assert not problems


def rows(node: Node, case_id: str) -> list[Any]:
    """Return the events of a case: kind, number, fate and code."""
    sql = "SELECT kind, n, status, code FROM event WHERE case_id = :id AND kind LIKE 'request.%' ORDER BY seq"
    return [tuple(row) for row in node.store.read_now(lambda q: q.all(sql, {"id": case_id}))]


def sound(both: World) -> None:
    """Check every invariant of both nodes' data."""
    for country in ("DE", "HU"):
        assert check_node(both[country]) == []


async def _refused_request(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        both.net.down.add("HU")
        case = await requests.send(both["DE"], ANNA, request())
        await cases.withdraw(both["DE"], ANNA, case.id)
        await end_authority(both["HU"], "HU-okfo")
        both.net.down.clear()
        await both.settled()
        assert rows(both["DE"], case.id) == [("request.send", 1, "refused", "unknown-authority")]
        view = await reading.read_case(both["DE"], ANNA, case.id, "en")
        assert (view.state, view.holder, view.actions) == ("refused", "nobody", ())
        refusals = {entry.kind: entry.refusal.text for entry in view.timeline if entry.refusal}
        assert "unknown-authority" in refusals["request.send"]
        assert "unknown-case" in refusals["wish.withdraw"]
        ended = await reading.list_cases(both["DE"], ANNA, reading.CaseFilter(open=False), "en")
        assert [one.id for one in ended.items] == [case.id]
        assert stored_case(both["HU"], case.id) is None
        sql = "SELECT COUNT(*) AS count FROM audit WHERE action = 'case.refused'"
        assert both["DE"].store.read_now(lambda q: q.all(sql))[0]["count"] == 1
        sound(both)


def stored_case(node: Node, case_id: str) -> Any:
    """Return a case as a node holds it, or None."""
    return node.store.read_now(lambda q: stored_cases.find(q, case_id))


def test_a_refused_request_is_shown_as_refused(tmp_path: Path) -> None:
    """There is no case then; what was queued behind it is refused too, and the page says why."""
    run(_refused_request(tmp_path))


async def _refused_acceptance(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        case_id = await ask(both)
        both.net.down.add("DE")
        await cases.accept(both["HU"], KATALIN, case_id)
        new_encryption_key(both["DE"])
        tell(both["HU"], both["DE"])
        await cases.reply(both["HU"], KATALIN, case_id, reply())
        assert stored_case(both["HU"], case_id).state == "replied"
        both.net.down.clear()
        await both.settled()
        assert rows(both["HU"], case_id)[1:] == [
            ("request.accept", 2, "refused", "part-unreadable"),
            ("request.reply", 3, "refused", "no-predecessor"),
        ]
        back = await reading.read_case(both["HU"], KATALIN, case_id, "en")
        assert (back.state, back.holder) == ("sent", "us")
        assert "accept" in back.actions
        assert "no-predecessor" in back.notices[-1].text
        await _repeated(both, case_id)


async def _repeated(both: World, case_id: str) -> None:
    await cases.accept(both["HU"], KATALIN, case_id)
    await cases.reply(both["HU"], KATALIN, case_id, reply())
    await both.settled()
    assert stored_case(both["DE"], case_id).state == stored_case(both["HU"], case_id).state == "replied"
    sql = "SELECT line, receipt FROM event WHERE kind = 'request.accept' ORDER BY seq"
    refused, again = both["HU"].store.read_now(lambda q: q.all(sql))
    assert parse_item(bytes(again["line"])).claims.n == 2
    assert parse_item(bytes(again["line"])).claims.prev == refused["receipt"]
    assert [status for _, _, status, _ in rows(both["HU"], case_id)].count("applied") == 3
    sound(both)


def test_a_refused_acceptance_is_taken_back_and_repeated(tmp_path: Path) -> None:
    """Its number is free again, the reply behind it had no predecessor, and the next one names the refusal."""
    run(_refused_acceptance(tmp_path))


async def closed_unheard(both: World) -> str:
    """Let Berlin close an answered case while Budapest is down; returns the case."""
    case_id = await ask(both)
    await cases.accept(both["HU"], KATALIN, case_id)
    await cases.reply(both["HU"], KATALIN, case_id, reply())
    await both.settled()
    both.net.down.add("HU")
    await cases.close(both["DE"], ANNA, case_id)
    return case_id


async def _refused_close(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        case_id = await closed_unheard(both)
        new_encryption_key(both["HU"])
        both.net.down.clear()
        await both.settled()
        assert stored_case(both["DE"], case_id).state == "replied"
        shown = await reading.list_cases(both["DE"], ANNA, reading.CaseFilter(open=True), "en")
        assert [one.id for one in shown.items] == [case_id]
        tell(both["DE"], both["HU"])
        await cases.close(both["DE"], ANNA, case_id)
        await both.settled()
        assert stored_case(both["HU"], case_id).state == "closed"
        sound(both)


def test_a_case_whose_close_was_refused_is_open_again(tmp_path: Path) -> None:
    """It stands among the open cases, as if it had never been closed."""
    run(_refused_close(tmp_path))


async def _refused_after_blocking(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        berlin, case_id = both["DE"], await closed_unheard(both)
        assert await berlin.store.write(lambda tx: retention.block(tx, [case_id])) == [case_id]
        new_encryption_key(both["HU"])
        both.net.down.clear()
        await both.settled()
        assert (await reading.read_case(berlin, ANNA, case_id, "de")).state == "replied"
        shown = await reading.list_cases(berlin, ANNA, reading.CaseFilter(open=True), "en")
        assert [one.id for one in shown.items] == [case_id]


def test_a_case_whose_close_was_refused_after_months_is_open_and_not_blocked(tmp_path: Path) -> None:
    """Blocked while its end waited for a peer that was down: nobody could go on with it, and nothing would delete it."""
    run(_refused_after_blocking(tmp_path))


async def _refused_while_something_arrives(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        case_id = await ask(both)
        for country in ("DE", "HU"):
            await both.exchanges.pop(country).stop()
        await cases.accept(both["HU"], KATALIN, case_id)
        await cases.withdraw(both["DE"], ANNA, case_id)
        new_encryption_key(both["DE"])
        accepted = await deliver.next_batch(both["HU"], "DE")
        wished = await deliver.next_batch(both["DE"], "HU")
        assert accepted is not None
        assert wished is not None
        receipt = await receive(both["DE"], "HU", accepted)
        await asyncio.gather(
            receive(both["HU"], "DE", wished),
            deliver.accept_receipt(both["HU"], "DE", accepted, receipt),
        )
        held = stored_case(both["HU"], case_id)
        assert held.state == "sent"
        assert held.withdrawal_wished is not None
        for country in ("DE", "HU"):
            tell(both[country], both["DE"])
        for country in ("DE", "HU"):
            await both.start(country)
        await asyncio.sleep(1)  # the streams are compared first
        await both.settled()
        assert stored_case(both["DE"], case_id).state == "withdrawn"
        sound(both)


def test_what_arrives_beside_a_refusal_is_not_lost(tmp_path: Path) -> None:
    """Taking an event back keeps what came in at the same moment."""
    run(_refused_while_something_arrives(tmp_path))


async def _code_from_the_future(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        for country in ("DE", "HU"):
            await both.exchanges.pop(country).stop()
        case = await requests.send(both["DE"], ANNA, request())
        batch = await deliver.next_batch(both["DE"], "HU")
        assert batch is not None
        outcomes = [(digest, "from-the-future") for digest in batch.claims.items]
        receipt = issue_receipt(both["HU"].keys.signer, batch, outcomes, now=1, members={})
        await deliver.accept_receipt(both["DE"], "HU", batch, receipt.encode())
        view = await reading.read_case(both["DE"], ANNA, case.id, "en")
        assert view.state == "refused"
        assert "from-the-future" in view.notices[-1].text


def test_a_code_that_a_newer_receiver_gives_is_a_refusal_too(tmp_path: Path) -> None:
    """A code that this node doesn't know counts as final, and is shown as it is."""
    run(_code_from_the_future(tmp_path))
