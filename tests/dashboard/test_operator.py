"""The operator's pages on a running node: the other nodes, the queues, this node; the same acts as the commands."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from node.dashboard.queue import UNREAD
from node.domain.access import operator
from node.domain.person import NewPerson
from node.service import accounts, observe, passwords, queues, requests
from node.service.node import Node
from protocol.content import SHAPES
from tests.dashboard.browser import Browser, Page
from tests.dashboard.test_pages import PASSWORD, asked, dashboard, signed_in
from tests.dashboard.test_ways_in import added, administrator, stranger
from tests.exchange.pair import World, texts_of_this_tree, world
from tests.exchange.test_story import ANNA, request
from tests.exchange.test_suspension import stop_hungary
from tests.sign_in import session_of

PAGES = ("/peers", "/peers/HU", "/queue", "/queue/HU", "/node")
ACTS = (
    *(f"/peers/HU/{name}" for name in ("block", "unblock", "hold", "release", "retry")),
    "/queue/HU/give-up",
    "/queue/HU/give-up-all",
)


@contextlib.asynccontextmanager
async def operating(node: Node, base: str, lang: str = "en") -> AsyncIterator[Browser]:
    """Give the browser of a person with the operator's role, signed in with a password."""
    new = NewPerson(f"olga-{lang}", "Olga", lang, frozenset({"operator"}), frozenset())
    person = await accounts.add_person(node, operator(), new)
    await passwords.set_password(node, await session_of(node, person.id), PASSWORD)
    async with stranger(base) as browser:
        landed = await browser.post(
            (await browser.get("/sign-in")).form("/sign-in"), name=f"olga-{lang}", password=PASSWORD
        )
        assert (landed.status, landed.path) == (200, "/peers")
        yield browser


@contextlib.asynccontextmanager
async def desk(folder: Path) -> AsyncIterator[tuple[World, str, Browser]]:
    """Give two nodes, the address of the German one's pages, and its operator."""
    async with (
        world(folder, "DE", "HU") as both,
        dashboard(both["DE"]) as base,
        operating(both["DE"], base) as olga,
    ):
        await both.settled()
        yield both, base, olga


def status_of(node: Node) -> observe.PeerStatus:
    """Return what is known of Hungary."""
    return next(one for one in observe.status(node, operator()).peers if one.country == "HU")


async def failing(node: Node) -> None:
    """Wait until an attempt to reach Hungary has failed."""
    deadline = asyncio.get_running_loop().time() + 60
    while status_of(node).failed_since is None:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.01)


async def confirmed(browser: Browser, page: Page, action: str, **fields: str) -> Page:
    """Press a button and answer the page that asks once more."""
    asks = await browser.post(page.form(action), **fields)
    assert asks.status == 200, asks.text
    assert asks.form(action).fields["confirmed"] == "yes"
    return await browser.post(asks.form(action))


async def test_the_operator_sees_how_the_other_nodes_are(tmp_path: Path) -> None:
    """The list and the page of a peer say both ways, receipt, clock, queue, comparison and directory."""
    async with desk(tmp_path) as (both, _, olga):
        await requests.send(both["DE"], ANNA, request())
        await both.settled()
        peers = await olga.get("/peers")
        assert all(word in peers.text for word in ("Hungary", "Member", "Last reached", "Nothing waits"))
        peer = await olga.get("/peers/HU")
        assert "Done. Last comparison" in peer.text
        assert "Version: 1" in peer.text
        assert "+0 s" in peer.text
        assert [form.action for form in peer.forms if form.action.startswith("/peers")] == [
            "/peers/HU/hold",
            "/peers/HU/block",
        ]
        assert (await olga.get("/peers/DE")).status == 404
        assert (await olga.get("/peers/XX")).status == 404


async def test_who_may_not_ask_is_offered_no_button_to_ask(tmp_path: Path) -> None:
    """The operator finds authorities, step by step too, and is led to no request."""
    async with desk(tmp_path) as (_, _, olga):
        for path in (
            "/find?q=&country=HU",
            "/find/whom?country=HU&area=professional-qualifications&competence=profession:dental-practitioner&place=x",
        ):
            found = await olga.get(path)
            assert "Országos Kórházi Főigazgatóság" in found.text
            assert [form.action for form in found.forms if form.action == "/ask"] == []


async def test_a_suspension_is_told_with_its_end_and_who_decided_it(tmp_path: Path) -> None:
    """SPEC S-184: the list and the page of a peer say until when and by whom, and at the suspended country its own."""
    async with (
        world(tmp_path, "AT", "DE", "HU") as three,
        dashboard(three["DE"]) as base,
        operating(three["DE"], base) as olga,
        dashboard(three["HU"]) as there,
        operating(three["HU"], there, "de") as janos,
    ):
        await three.settled()
        assert "suspended until" not in (await olga.get("/peers")).text
        await stop_hungary(three)
        three.clock.offset += timedelta(minutes=1)  # it begins at a whole second
        for path in ("/peers", "/peers/HU"):
            assert "Participation suspended until: " in (await olga.get(path)).text
            assert "By: Austria, Germany" in (await olga.get(path)).text
        three["HU"].members = three["DE"].members
        assert "Ihr eigenes Land: Teilnahme ausgesetzt bis: " in (await janos.get("/peers")).text
        assert "Durch: Österreich, Deutschland" in (await janos.get("/peers")).text


@pytest.mark.parametrize("kind", sorted(SHAPES))
def test_each_kind_of_message_that_waits_has_a_name(kind: str) -> None:
    """Also where the message names somebody, which is encrypted: the operator doesn't read it."""
    _, texts = texts_of_this_tree()
    assert "{" not in texts.text(f"event.{kind}", "en", **UNREAD).text


async def test_a_peer_that_can_t_be_reached_is_shown_with_its_queue(tmp_path: Path) -> None:
    """What fails since when, why, the next attempt and what waits stand on both pages, and never a content."""
    async with desk(tmp_path) as (both, _, olga):
        both.net.down.add("HU")
        case = await requests.send(both["DE"], ANNA, request())
        await failing(both["DE"])
        for path in ("/peers", "/peers/HU", "/queue"):
            page = await olga.get(path)
            assert "no answer in time" in page.text
            assert "Waiting messages: 1" in page.text
        queue = await olga.get("/queue/HU")
        assert case.number in queue.text
        assert "Request sent" in queue.text
        assert "Eszter" not in queue.html
        assert "Sealed" in queue.text  # it was in a batch, so that nobody may take it back
        assert [form.action for form in queue.forms if "give-up" in form.action] == []
        both.net.down.clear()
        again = await olga.post(queue.form("/peers/HU/retry"))
        assert "The next attempt is made at once." in again.text
        await both.settled()
        assert "Nothing waits" in (await olga.get("/queue")).text


async def test_blocking_and_holding_ask_once_more_and_say_what_happens(tmp_path: Path) -> None:
    """Nothing is done before the answer; both can be undone on the same page, and say so."""
    async with desk(tmp_path) as (both, _, olga):
        node = both["DE"]
        page = await olga.get("/peers/HU")
        asks = await olga.post(page.form("/peers/HU/block"))
        assert "You can end the block at any time." in asks.text
        assert "This cannot be undone." not in asks.text
        assert not status_of(node).blocked
        blocked = await olga.post(asks.form("/peers/HU/block"))
        assert "Blocked here" in blocked.text
        assert status_of(node).blocked
        await confirmed(olga, blocked, "/peers/HU/unblock")
        assert not status_of(node).blocked
        held = await confirmed(olga, await olga.get("/peers/HU"), "/peers/HU/hold")
        assert "Held since" in held.text
        assert status_of(node).queue == "held"
        await confirmed(olga, held, "/peers/HU/release")
        assert status_of(node).queue == "empty"
        sql = "SELECT actor, action FROM audit WHERE subject = 'HU' AND action <> 'directory.accept' ORDER BY seq"
        entries = node.store.read_now(lambda q: q.all(sql))
        assert [row["action"] for row in entries] == ["peer.block", "peer.unblock", "queue.hold", "queue.retry"]
        assert "operator" not in {row["actor"] for row in entries}  # the person, not the command line


async def test_one_request_or_all_are_given_up_and_the_official_is_told(tmp_path: Path) -> None:
    """The officials' list and case say who took it back and what to do; what came later stays."""
    async with (
        desk(tmp_path) as (both, base, olga),
        signed_in(both["DE"], base, "anna", "Anna Berger", "en", "DE-zaek-berlin") as anna,
    ):
        node = both["DE"]
        await queues.hold(node, operator(), "HU")
        case = await asked(anna)
        for _ in range(2):
            await requests.send(node, ANNA, request())
        queue = await olga.get("/queue/HU")
        first = next(form for form in queue.forms if form.action.endswith("/give-up"))
        asks = await olga.post(first)
        assert "This cannot be undone." in asks.text
        assert "Waiting messages: 1" in asks.text
        done = await olga.post(asks.form("/give-up"))
        assert "Given up. Messages: 1" in done.text
        work = await anna.get("/work")
        assert "Taken back by the operator of your node" in work.text
        assert "Send it again if it is still needed" in work.text
        assert "Refused by the other node" not in work.text
        told = await anna.get(case.path)
        assert "The operator of your node took the last step back" in told.text
        assert any(form.action.endswith("/reuse") for form in told.forms)
        asks = await olga.post(done.form("/give-up-all"))
        assert "Waiting messages: 2" in asks.text
        later = await requests.send(node, ANNA, request())
        done = await olga.post(asks.form("/give-up-all"))
        assert "Given up. Messages: 2" in done.text
        assert [one.number for one in queues.waiting(node, operator(), "HU")] == [later.number]
        gone = await olga.post(first, confirmed="yes")  # pressed on an old page
        assert gone.status == 404


async def test_what_is_sealed_is_given_up_on_no_page(tmp_path: Path) -> None:
    """The button isn't there, and a form made by hand is refused in words."""
    async with desk(tmp_path) as (both, _, olga):
        both.net.down.add("HU")
        case = await requests.send(both["DE"], ANNA, request())
        await failing(both["DE"])
        form = (await olga.get("/queue/HU")).form("/peers/HU/retry")
        form.action = "/queue/HU/give-up"
        refused = await olga.post(form, number=case.number, confirmed="yes")
        assert refused.status == 409
        assert "Nobody can take it back." in refused.text
        form.action = "/queue/HU/give-up-all"
        assert (await olga.post(form, until="9" * 16, confirmed="yes")).status == 200
        for wrong in ("-1", "x", "9" * 30, "٣"):
            assert (await olga.post(form, until=wrong, confirmed="yes")).status == 422
        assert len(queues.waiting(both["DE"], operator(), "HU")) == 1


async def test_this_node_s_page_says_what_the_command_finds(tmp_path: Path) -> None:
    """Findings with their remedy, dates, proofs; each finding in English and marked so."""
    async with desk(tmp_path) as (both, _, olga):
        page = await olga.get("/node?lang=de")
        assert "Was abläuft" in page.text
        assert "member list (root)" in page.text
        assert '<span lang="en">database</span>' in page.html
        assert both["DE"].keys.signer.kid not in page.html


@pytest.mark.parametrize("who", ["handler", "data-administrator", "nobody"])
async def test_nobody_else_gets_in(tmp_path: Path, who: str) -> None:
    """Neither officials nor data administrators nor strangers see or do any of it, and their menu doesn't offer it."""
    async with contextlib.AsyncExitStack() as stack:
        both, base, olga = await stack.enter_async_context(desk(tmp_path))
        node = both["DE"]
        if who == "handler":
            way_in = signed_in(node, base, "anna", "Anna Berger", "en", "DE-zaek-berlin")
        else:
            way_in = administrator(node, base) if who == "data-administrator" else stranger(base)
        other = await stack.enter_async_context(way_in)
        for path in PAGES:
            page = await other.get(path)
            assert (page.path, page.status) == (("/sign-in", 200) if who == "nobody" else (path, 403))
        form = (await olga.get("/peers/HU")).form("/peers/HU/hold")
        mine = await other.get("/profile")
        token = next((one.fields["csrf"] for one in mine.forms if "csrf" in one.fields), "")
        for action in ACTS:
            form.action = action
            answer = await other.post(form, csrf=token, confirmed="yes", number="DE-2026-000001", until="9")
            assert answer.path == "/sign-in" if who == "nobody" else answer.status == 403
        status = status_of(node)
        assert (status.blocked, status.queue) == (False, "empty")
        assert not [href for href, _ in mine.links if href in ("/peers", "/queue", "/node")]


async def test_the_operator_s_menu_leads_only_where_the_role_may_go(tmp_path: Path) -> None:
    """Each entry of the menu opens; the officials' pages aren't offered, and a mistake leads back to the start."""
    async with desk(tmp_path) as (both, _, olga):
        await added(both["DE"], "anna")
        start = await olga.get("/")
        assert start.path == "/peers"
        menu = [href for href, _ in start.links if href in {"/work", "/find", "/ask", "/drafts", "/people", *PAGES}]
        assert "/work" not in menu
        for path in dict.fromkeys(menu):
            assert (await olga.get(path)).status == 200, path
        lost = await olga.get("/nowhere")
        assert ("/", "Back to the start page") in lost.links
