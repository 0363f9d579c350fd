"""Nothing that an official typed is lost: the session ends, the page is old, a colleague was quicker, a button twice."""

import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import aiohttp
from yarl import URL

from node.domain.access import operator
from node.service import cases, drafts, sessions
from node.service.node import Node
from tests.dashboard.browser import Browser, Page
from tests.dashboard.test_pages import PASSWORD, PDF, asked, dashboard, signed_in
from tests.dashboard.test_ways_in import BERLIN, added, stranger
from tests.exchange.pair import World, handler, world
from tests.exchange.test_story import KATALIN, ask

TYPED = {"comment.registration-status": '2015 óta <b>szerepel</b>.\r\nLásd: „Példa” & "más"'}
COMMENT = TYPED["comment.registration-status"]


@contextlib.asynccontextmanager
async def desk(folder: Path) -> AsyncIterator[tuple[World, str, Browser, str]]:
    """Give two nodes, Budapest's pages, its official there, and the address of a case that waits for a reply."""
    async with (
        world(folder, "DE", "HU") as both,
        dashboard(both["HU"]) as base,
        signed_in(both["HU"], base, "katalin", "Szabó Katalin", "en", "HU-okfo") as katalin,
    ):
        await both.settled()
        case = await ask(both)
        await cases.accept(both["HU"], KATALIN, case)
        await both.settled()
        yield both, base, katalin, f"/cases/{case}"


def cookie(browser: Browser) -> str:
    """Return the session's secret as the browser holds it."""
    return browser.session.cookie_jar.filter_cookies(URL(browser.base))["entente_session"].value


async def sign_in_again(browser: Browser, page: Page, name: str = "katalin") -> Page:
    """Answer the sign-in form that a page shows."""
    return await browser.post(page.form("/sign-in"), name=name, password=PASSWORD)


def kept_comment(node: Node, case: str) -> str | None:
    """Return the comment in the draft of the reply."""
    found = drafts.listing(node, handler("HU-okfo", "Szabó Katalin", "hu"))
    reply = next((draft.reply for draft in found if draft.case == case.rpartition("/")[2] and draft.reply), None)
    said = reply.answers.get("registration-status") if reply else None
    return said.comment.text if said and said.comment else None


async def test_what_was_typed_survives_the_end_of_the_session(tmp_path: Path) -> None:
    """After signing in again one button does what was pressed, with everything typed; before that nothing is done."""
    async with desk(tmp_path) as (both, _, katalin, case):
        form = (await katalin.get(f"{case}/reply")).form("/reply")
        both.clock.offset += timedelta(days=2)
        asks = await katalin.post(form, ("diploma.pdf", "application/pdf", PDF), do="save", **TYPED)
        assert asks.status == 403
        assert "What you entered is kept" in asks.text
        assert "szerepel" not in asks.html  # nobody reads it over a shoulder before the sign-in
        assert "szerepel" not in asks.path
        missed = await katalin.post(asks.form("/sign-in"), name="katalin", password="wrong")
        assert missed.status == 401
        again = await sign_in_again(katalin, missed)
        assert kept_comment(both["HU"], case) is None
        assert "Files are not kept. Choose them again." in again.text
        saved = await katalin.post(again.form("/reply"))
        assert "The draft is saved." in saved.text
        assert kept_comment(both["HU"], case) == COMMENT.replace("\r\n", "\n")


async def test_an_act_is_taken_up_too_after_signing_out_elsewhere(tmp_path: Path) -> None:
    """A question typed on the case page goes out once, when it is continued."""
    async with desk(tmp_path) as (both, _, katalin, case):
        form = (await katalin.get(case)).form("/propose-date")
        await sessions.sign_out(both["HU"], cookie(katalin))
        again = await sign_in_again(katalin, await katalin.post(form, date="2026-12-24"))
        assert again.path == "/sign-in"
        done = await katalin.post(again.form("/propose-date"))
        assert "The date is proposed." in done.text


async def test_nobody_else_gets_what_somebody_typed(tmp_path: Path) -> None:
    """Another person at the same browser, another browser and a page made by a stranger get nothing of it."""
    async with desk(tmp_path) as (both, base, katalin, case), stranger(base) as elsewhere:
        node = both["HU"]
        other = await added(node, "bela", authority="HU-okfo")
        link = await sessions.make_link(node, operator(), other)
        form = (await katalin.get(f"{case}/reply")).form("/reply")
        ended = cookie(katalin)
        await sessions.sign_out(node, ended)
        asks = await katalin.post(form, do="save", **TYPED)
        stolen = asks.form("/sign-in").fields["kept"]
        landed = await elsewhere.post((await elsewhere.get(f"/link/{link}")).form("/link"))
        await elsewhere.post(landed.form("/password"), password=PASSWORD, repeat=PASSWORD)
        await elsewhere.post((await elsewhere.get("/profile")).form("/sign-out"))
        empty = (await elsewhere.get("/sign-in")).form("/sign-in")
        page = await elsewhere.post(empty, name="bela", password=PASSWORD, kept=stolen)
        assert (page.path, "szerepel" in page.html) == ("/work", False)
        page = await sign_in_again(katalin, asks, "bela")  # at katalin's browser
        assert (page.path, "szerepel" in page.html) == ("/work", False)
        assert kept_comment(node, case) is None


async def test_a_form_that_never_stood_on_a_page_is_not_given_back(tmp_path: Path) -> None:
    """Without the ended session's cookie or its token, signing in leads to the work list."""
    async with desk(tmp_path) as (both, base, katalin, case), stranger(base) as nobody:
        form = (await katalin.get(f"{case}/reply")).form("/reply")
        assert (await nobody.post(form, **TYPED)).path == "/sign-in"
        await sessions.sign_out(both["HU"], cookie(katalin))
        for forged in ("", sessions.csrf_of("another", "katalin"), "é"):
            asks = await katalin.post(form, csrf=forged, **TYPED)
            page = await sign_in_again(katalin, asks)
            assert (page.path, page.status) == ("/work", 200)
            await sessions.sign_out(both["HU"], cookie(katalin))
        for wrong in ("x", "é", "A" * 100_000):
            sign_in = (await nobody.get("/sign-in")).form("/sign-in")
            page = await nobody.post(sign_in, name="katalin", password=PASSWORD, kept=wrong)
            assert page.path == "/work"
            await nobody.post(page.form("/sign-out"))


async def test_passwords_are_never_kept(tmp_path: Path) -> None:
    """The forms that hold secrets lead to the sign-in page with nothing in it."""
    async with desk(tmp_path) as (both, _, katalin, _case):
        profile = await katalin.get("/profile")
        await sessions.sign_out(both["HU"], cookie(katalin))
        for form in (profile.form("/password"), profile.form("/sign-out")):
            page = await katalin.post(form)
            assert (page.path, page.status) == ("/sign-in", 200)
            assert "kept" not in page.form("/sign-in").fields


async def test_a_page_of_an_earlier_session_is_sent_again_by_hand(tmp_path: Path) -> None:
    """The browser vouches that it is our page: what was typed is shown with a button; without that it is refused."""
    async with desk(tmp_path) as (both, _, katalin, case):
        form = (await katalin.get(f"{case}/reply")).form("/reply")
        form.fields |= {"do": "save", **TYPED}
        await sessions.sign_out(both["HU"], cookie(katalin))
        await sign_in_again(katalin, await katalin.get("/sign-in"))

        async def sent(**headers: str) -> Page:
            url = katalin.base + form.action
            async with katalin.session.post(url, data=aiohttp.FormData(form.fields), headers=headers) as answer:
                return await katalin._page(answer)

        assert (await sent()).status == 403
        assert (await sent(**{"Sec-Fetch-Site": "cross-site"})).status == 403
        shown = await sent(**{"Sec-Fetch-Site": "same-origin"})
        assert shown.status == 409
        assert "The page had been open for too long." in shown.text
        assert kept_comment(both["HU"], case) is None
        await katalin.post(shown.form("/reply"))
        assert kept_comment(both["HU"], case) == COMMENT.replace("\r\n", "\n")
        form.fields["csrf"] = sessions.csrf_of("x", "somebody else")
        assert (await sent(**{"Sec-Fetch-Site": "same-origin"})).status == 403


async def test_a_draft_that_a_colleague_changed_keeps_what_was_typed(tmp_path: Path) -> None:
    """Both versions are in somebody's hands: the page says so, shows the own one, and sending it again replaces."""
    async with desk(tmp_path) as (both, _, katalin, case):
        early = (await katalin.get(f"{case}/reply")).form("/reply")
        await katalin.post((await katalin.get(f"{case}/reply")).form("/reply"), do="save", **{"comment.sanctions": "A"})
        crossed = await katalin.post(early, do="send", **TYPED)
        assert crossed.status == 409
        assert "Somebody else has changed this draft" in crossed.text
        assert crossed.form("/reply").fields["comment.registration-status"].splitlines() == COMMENT.splitlines()
        assert kept_comment(both["HU"], case) is None
        await katalin.post(crossed.form("/reply"), do="save")
        assert kept_comment(both["HU"], case) is not None


async def test_a_request_s_steps_keep_what_was_typed_too(tmp_path: Path) -> None:
    """The same on each step of asking."""
    async with (
        world(tmp_path, "DE", "HU") as both,
        dashboard(both["DE"]) as base,
        signed_in(both["DE"], base, "anna", "Anna Berger", "en", BERLIN) as anna,
    ):
        await both.settled()
        found = await anna.get("/find?q=zahnarzt&country=HU")
        start = await anna.post(next(form for form in found.forms if form.fields.get("authority") == "HU-okfo"))
        chosen = {"set": "professional-qualifications/establishment"}
        questions = await anna.post(start.form(start.path), **chosen)
        again = await anna.post(start.form(start.path), set="professional-qualifications/general")
        assert again.status == 409
        assert again.form(start.path).fields["set"] == "professional-qualifications/general"
        again = await anna.post(questions.form("/questions"), item="sanctions", do="next")
        details = await anna.post(questions.form("/questions"), item="sanctions", do="next")
        assert again.path.endswith("/details")
        assert details.status == 409
        assert 'value="sanctions" checked' in details.html
        step = (await anna.get(f"{start.path}/details")).form("/details")
        await anna.post(step, do="save", comment="first")
        crossed = await anna.post(step, do="save", comment="second")
        assert crossed.status == 409
        assert crossed.form("/details").fields["comment"].strip() == "second"
        saved = await anna.post(crossed.form("/details"), do="save")
        assert saved.form("/details").fields["comment"].strip() == "second"


async def test_a_step_that_no_longer_fits_shows_the_case_as_it_is_now(tmp_path: Path) -> None:
    """Who presses on an old page is told that the case has changed, and nothing typed is lost."""
    async with desk(tmp_path) as (both, _, katalin, _case):
        case = await ask(both)
        await both.settled()
        old = await katalin.get(f"/cases/{case}")
        await katalin.post(old.form("/accept"), accept="agree")
        late = await katalin.post(old.form("/accept"), accept="agree")
        assert late.status == 409
        assert "The case has changed since you opened this page." in late.text
        assert "Accepted" in late.text
        asks = await katalin.post(old.form("/decline"), reason="other", comment="Nem illetékes.")
        declined = await katalin.post(asks.form("/decline"))
        assert "The case has changed since you opened this page." in declined.text


async def test_using_a_request_again_makes_one_draft_however_often_it_is_pressed(tmp_path: Path) -> None:
    """The button of one page makes one draft; a page that is opened anew makes another."""
    async with (
        world(tmp_path, "DE", "HU") as both,
        dashboard(both["DE"]) as base,
        signed_in(both["DE"], base, "anna", "Anna Berger", "en", BERLIN) as anna,
    ):
        await both.settled()
        case = await asked(anna)
        form = (await anna.get(case.path)).form("/reuse")
        first, second = await anna.post(form), await anna.post(form)
        assert first.path == second.path
        assert "A new draft is made." in second.text
        reader = handler(BERLIN, "Anna Berger", "de")
        assert len(drafts.listing(both["DE"], reader)) == 1
        another = await anna.post((await anna.get(case.path)).form("/reuse"))
        assert another.path != first.path
        assert len(drafts.listing(both["DE"], reader)) == 2


async def test_an_empty_file_is_named(tmp_path: Path) -> None:
    """What can't be attached is called by its name."""
    async with desk(tmp_path) as (_, _, katalin, case):
        form = (await katalin.get(f"{case}/reply")).form("/reply")
        page = await katalin.post(form, ("leer.pdf", "application/pdf", b""), do="upload")
        assert "The file is empty: leer.pdf" in page.text
        page = await katalin.post(page.form("/reply"), ("prog.exe", "application/x-dosexec", b"MZ"), do="upload")
        assert "This type of file cannot be attached: prog.exe" in page.text
