"""Coming in on the pages: links, passwords, access tokens, and what a stranger or an administrator can't do."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from node.domain.access import operator
from node.domain.person import NewPerson
from node.errors import NodeError
from node.service import accounts, passwords, sessions, tokens
from node.service.node import Node
from tests.dashboard.browser import Browser
from tests.dashboard.test_pages import PASSWORD, dashboard, signed_in
from tests.exchange.pair import world
from tests.sign_in import session_of

BERLIN = "DE-zaek-berlin"
OTHER = "Violine Schirm Kies Sieben"


@contextlib.asynccontextmanager
async def stranger(base: str) -> AsyncIterator[Browser]:
    """Give a browser that nobody is signed in with."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield Browser(base, session)


async def added(
    node: Node, login: str, role: str = "handler", authority: str = BERLIN, *, service: bool = False
) -> str:
    """Add an account; return its id."""
    new = NewPerson(login, login.title(), "en", frozenset({role}), frozenset({authority}), service)
    return (await accounts.add_person(node, operator(), new)).id


@contextlib.asynccontextmanager
async def administrator(node: Node, base: str) -> AsyncIterator[Browser]:
    """Give the browser of the chamber's data administrator, who reads English."""
    session = await session_of(node, await added(node, "ada", "data-administrator"))
    await passwords.set_password(node, session, PASSWORD)
    async with stranger(base) as browser:
        await browser.post((await browser.get("/sign-in")).form("/sign-in"), name="ada", password=PASSWORD)
        yield browser


async def test_a_scanner_that_opens_the_link_uses_nothing_up(tmp_path: Path) -> None:
    """Looking at a link by GET or HEAD changes nothing; its button does, and then no address holds the secret."""
    async with world(tmp_path, "DE") as one, dashboard(one["DE"]) as base, stranger(base) as browser:
        link = await sessions.make_link(one["DE"], operator(), await added(one["DE"], "anna"))
        for _ in range(3):
            async with aiohttp.ClientSession() as scanner, scanner.head(f"{base}/link/{link}") as answer:
                assert answer.status == 200
            landing = await browser.get(f"/link/{link}")
            assert landing.headers["Referrer-Policy"] == "no-referrer"
            assert landing.headers["Cache-Control"] == "no-store"
        form = landing.form("/link")
        assert link not in form.action
        chosen = await browser.post(form)
        assert (chosen.status, chosen.path) == (200, "/password")
        assert link not in chosen.html
        async with stranger(base) as thief:
            again = await thief.post(form)
            assert (again.status, again.path) == (403, "/link")
            assert (await thief.get("/work")).path == "/sign-in"
            assert not [one for one in (await thief.get(f"/link/{link}")).forms if one.action == "/link"]
        async with browser.session.post(f"{base}/link/{link}") as answer:
            assert answer.status in (404, 405)


async def test_a_link_form_of_another_site_is_refused(tmp_path: Path) -> None:
    """Nobody is signed in to somebody else's account by a form on a strange page."""
    async with world(tmp_path, "DE") as one, dashboard(one["DE"]) as base, aiohttp.ClientSession() as session:
        link = await sessions.make_link(one["DE"], operator(), await added(one["DE"], "anna"))
        headers = {"Origin": "https://elsewhere.example"}
        async with session.post(f"{base}/link", data={"link": link}, headers=headers) as answer:
            assert answer.status == 403
        assert sessions.link_works(one["DE"], link)


async def test_a_token_is_made_shown_once_and_revoked_on_the_profile(tmp_path: Path) -> None:
    """The page shows a new token a single time, lists it, and ends it; mistakes keep what was typed."""
    async with (
        world(tmp_path, "DE") as one,
        dashboard(one["DE"]) as base,
        signed_in(one["DE"], base, "anna", "Anna Berger", "en", BERLIN) as anna,
    ):
        profile = await anna.get("/profile")
        empty = await anna.post(profile.form("/profile/tokens"), token_days="30")
        assert (empty.status, empty.form("/profile/tokens").fields["token_days"]) == (422, "30")
        assert (await anna.post(profile.form("/profile/tokens"), token_label="x", token_days="9999")).status == 422
        made = await anna.post(profile.form("/profile/tokens"), token_label="Excel <b>")
        token = next(word for word in made.text.split() if word.startswith(tokens.TOKEN_PREFIX))
        assert (await tokens.actor_of_token(one["DE"], token)).name == "Anna Berger"
        profile = await anna.get("/profile")
        assert token not in profile.html
        assert "Excel &lt;b&gt;" in profile.html
        await anna.post(profile.form("/profile/tokens/end"))
        with pytest.raises(NodeError, match="not-signed-in"):
            await tokens.actor_of_token(one["DE"], token)


async def test_a_changed_password_ends_the_tokens_and_says_so(tmp_path: Path) -> None:
    """Beside the form and after it the page tells what ends."""
    async with (
        world(tmp_path, "DE") as one,
        dashboard(one["DE"]) as base,
        signed_in(one["DE"], base, "anna", "Anna Berger", "en", BERLIN) as anna,
    ):
        profile = await anna.get("/profile")
        assert "all your access tokens" in profile.text
        await anna.post(profile.form("/profile/tokens"), token_label="Excel")
        form = profile.form("/profile/password")
        changed = await anna.post(form, current=PASSWORD, password=OTHER, repeat=OTHER)
        assert (changed.status, changed.path) == (200, "/profile")
        assert "have ended" in changed.text
        assert not [one for one in changed.forms if one.action == "/profile/tokens/end"]
        for _ in range(passwords.ATTEMPTS):
            await anna.post(form, current="guessed wrongly", password=OTHER, repeat=OTHER)
        stopped = await anna.post(form, current=OTHER, password=PASSWORD, repeat=PASSWORD)
        assert "Too many attempts" in stopped.text


async def test_a_link_that_somebody_made_is_shown_to_its_person(tmp_path: Path) -> None:
    """After the next sign-in a notice leads to the profile, where it stands by whom and when."""
    async with (
        world(tmp_path, "DE") as one,
        dashboard(one["DE"]) as base,
        signed_in(one["DE"], base, "anna", "Anna Berger", "en", BERLIN) as anna,
        administrator(one["DE"], base) as ada,
    ):
        path = f"/people/{accounts.person_named(one['DE'], operator(), 'anna').id}/link"
        made = await ada.post((await ada.get("/people")).form(path))
        assert "The user will see" in made.text
        assert (await anna.get("/work")).status == 200  # her session goes on
        await anna.post((await anna.get("/work")).form("/sign-out"))
        form = (await anna.get("/sign-in")).form("/sign-in")
        assert "link was made for you" in (await anna.post(form, name="anna", password=PASSWORD)).text
        shown = (await anna.get("/profile")).text
        assert "A sign-in link was made for you. By: Ada. On:" in shown
        assert "By: Operator of the node. On:" in shown
        await anna.post((await anna.get("/work")).form("/sign-out"))
        again = await anna.post(form, name="anna", password=PASSWORD)
        assert (again.path, "link was made for you" in again.text) == ("/work", False)


async def test_an_administrator_looks_at_tokens_and_revokes_them_only(tmp_path: Path) -> None:
    """No page makes a token for another person; no address holds a login; a system has no link."""
    async with (
        world(tmp_path, "DE") as one,
        dashboard(one["DE"]) as base,
        signed_in(one["DE"], base, "anna", "Anna Berger", "en", BERLIN) as anna,
        administrator(one["DE"], base) as ada,
    ):
        await added(one["DE"], "register", service=True)
        miriam = await added(one["DE"], "miriam", authority="DE-lageso-berlin")
        await anna.post((await anna.get("/profile")).form("/profile/tokens"), token_label="Excel")
        people = await ada.get("/people")
        addresses = [form.action for form in people.forms] + [href for href, _ in people.links]
        assert not [address for address in addresses if "anna" in address or "register" in address]
        assert len([address for address in addresses if address.endswith("/link")]) == 2  # Anna's and Ada's own
        assert "System" in people.text
        anna_id = accounts.person_named(one["DE"], operator(), "anna").id
        shown = await ada.get(f"/people/{anna_id}/tokens")
        assert "Excel" in shown.text
        assert {form.action for form in shown.forms} == {"/sign-out", f"/people/{anna_id}/tokens/end"}
        form = shown.form("/tokens/end")
        for path in (f"/people/{anna_id}/tokens", f"/people/{anna_id}/token", f"/people/{miriam}/tokens/end"):
            form.action = path
            assert (await ada.post(form)).status == 404, path
        assert (await ada.get(f"/people/{miriam}/tokens")).status == 404
        assert (await anna.get(f"/people/{anna_id}/tokens")).status == 403
        form.action = f"/people/{anna_id}/tokens/end"
        assert "no access token" in (await ada.post(form)).text


async def test_a_system_can_t_sign_in_on_the_page(tmp_path: Path) -> None:
    """Its name with any password is answered like an unknown name."""
    async with world(tmp_path, "DE") as one, dashboard(one["DE"]) as base, stranger(base) as browser:
        await added(one["DE"], "register", service=True)
        form = (await browser.get("/sign-in")).form("/sign-in")
        answers = [await browser.post(form, name=name, password=PASSWORD) for name in ("register", "nobody")]
        assert [answer.status for answer in answers] == [401, 401]
        assert answers[0].text == answers[1].text


async def test_who_tried_too_often_is_told_when_to_come_again(tmp_path: Path) -> None:
    """The sixth wrong password is 429 with Retry-After."""
    async with world(tmp_path, "DE") as one, dashboard(one["DE"]) as base, stranger(base) as browser:
        form = (await browser.get("/sign-in")).form("/sign-in")
        for _ in range(passwords.ATTEMPTS):
            assert (await browser.post(form, name="eve", password=PASSWORD)).status == 401
        stopped = await browser.post(form, name="eve", password=PASSWORD)
        assert stopped.status == 429
        assert 0 < int(stopped.headers["Retry-After"]) <= 60
