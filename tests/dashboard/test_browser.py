"""The pages in a real browser: accessibility, keyboard, narrow screens, no scripts."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Browser as Chromium
from playwright.async_api import Page, async_playwright

from node.service import cases, requests, sessions
from tests.dashboard.browser import Browser
from tests.dashboard.test_operator import failing, operating, status_of
from tests.dashboard.test_pages import PASSWORD, asked, dashboard, signed_in
from tests.exchange.pair import World, handler, world
from tests.exchange.test_story import ANNA, request

pytestmark = pytest.mark.browser

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@dataclass
class Stage:
    """Two nodes with an open case, a signed-in reader on each side, and a browser."""

    both: World
    chromium: Chromium
    anna: Browser
    katalin: Browser
    case: str


@contextlib.asynccontextmanager
async def stage(folder: Path, chromium: str) -> AsyncIterator[Stage]:
    """Set the stage: Berlin has asked, Budapest has accepted."""
    async with (
        world(folder, "DE", "HU") as both,
        dashboard(both["DE"]) as berlin,
        dashboard(both["HU"]) as budapest,
        signed_in(both["DE"], berlin, "anna", "Anna Berger", "de", "DE-zaek-berlin") as anna,
        signed_in(both["HU"], budapest, "katalin", "Szabó Katalin", "hu", "HU-okfo") as katalin,
        async_playwright() as playwright,
    ):
        await both.settled()
        case = (await asked(anna)).path
        await both.settled()
        await cases.accept(both["HU"], handler("HU-okfo", "Szabó Katalin", "hu"), case.rpartition("/")[2])
        await both.settled()
        launched = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        try:
            yield Stage(both, launched, anna, katalin, case)
        finally:
            await launched.close()


async def opened(chromium: Chromium, reader: Browser, lang: str, width: int) -> Page:
    """Open a window of a signed-in reader, in a language and a width in CSS pixels; scripts are off."""
    context = await chromium.new_context(viewport={"width": width, "height": 900}, java_script_enabled=True)
    for cookie in reader.session.cookie_jar:
        await context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": reader.base}])
    await context.add_cookies([{"name": "entente_lang", "value": lang, "url": reader.base}])
    return await context.new_page()


async def violations(page: Page, axe: str) -> list[str]:
    """Return what axe finds, each with the first place where it is."""
    await page.evaluate(axe)
    found = await page.evaluate("tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", TAGS)
    return [f"{page.url}: {v['id']}: {v['nodes'][0]['html'][:200]}" for v in found["violations"]]


async def pages_of(case: str, reader: Browser) -> list[str]:
    """Return the addresses of all pages that a handler can reach without writing."""
    draft = next(href for href, _ in (await reader.get("/drafts")).links if href.startswith("/ask/"))
    steps = [draft, f"{draft}/questions", f"{draft}/details"]
    whom = "/find/whom?country=HU&area=professional-qualifications"
    searches = ["/find", "/find?q=zahnartz&level=national&competence=profession:dental-practitioner"]
    guide = [
        "/find/whom",
        "/find/whom?country=HU",
        whom,
        f"{whom}&competence=profession:dental-practitioner&place=Szeged",
    ]
    return [
        "/work",
        *searches,
        *guide,
        "/countries",
        case,
        "/ask",
        *steps,
        "/drafts",
        "/statistics",
        "/profile",
        "/nowhere",
    ]


@pytest.mark.parametrize("width", [1280, 360])
async def test_no_page_has_a_barrier(tmp_path: Path, chromium: str, axe: str, width: int) -> None:
    """Axe finds nothing on any page, in two languages, on a wide and a narrow screen."""
    async with stage(tmp_path, chromium) as set_up:
        start = await set_up.anna.post(
            next(
                form
                for form in (await set_up.anna.get("/find?q=zahnarzt&country=HU")).forms
                if form.fields.get("authority") == "HU-okfo"
            )
        )
        await set_up.anna.post(start.form(start.path), set="professional-qualifications/establishment")
        found: list[str] = []
        anna = await opened(set_up.chromium, set_up.anna, "de", width)
        for path in await pages_of(set_up.case, set_up.anna):
            await anna.goto(set_up.anna.base + path)
            found += await violations(anna, axe)
            wide = await anna.evaluate("document.documentElement.scrollWidth > window.innerWidth")
            assert not wide, f"{path} scrolls sideways at {width}"
        await anna.goto(set_up.anna.base + set_up.case)
        async with anna.expect_navigation():
            await anna.evaluate("document.querySelector('form[action$=\"/withdraw\"]').submit()")
        found += await violations(anna, axe)
        async with anna.expect_navigation():
            await anna.get_by_role("link", name="Abbrechen").click()
        assert anna.url == set_up.anna.base + set_up.case
        katalin = await opened(set_up.chromium, set_up.katalin, "el", width)
        for path in ("/work", set_up.case, f"{set_up.case}/reply", "/sign-in"):
            await katalin.goto(set_up.katalin.base + path)
            found += await violations(katalin, axe)
        assert found == []


OPERATORS_PAGES = ("/peers", "/peers/HU", "/queue", "/queue/HU", "/node")


@contextlib.asynccontextmanager
async def operators_stage(folder: Path, chromium: str) -> AsyncIterator[tuple[World, Chromium, Browser]]:
    """Set the operator's stage: one message is sealed and stuck, another was never sealed."""
    async with (
        world(folder, "DE", "HU") as both,
        dashboard(both["DE"]) as berlin,
        operating(both["DE"], berlin) as olga,
        async_playwright() as playwright,
    ):
        await both.settled()
        both.net.down.add("HU")
        await requests.send(both["DE"], ANNA, request())
        await failing(both["DE"])
        await requests.send(both["DE"], ANNA, request())
        launched = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        try:
            yield both, launched, olga
        finally:
            await launched.close()


@pytest.mark.parametrize(("lang", "width"), [("de", 1280), ("de", 360), ("el", 360), ("el", 320)])
async def test_no_page_of_the_operator_has_a_barrier(
    tmp_path: Path, chromium: str, axe: str, lang: str, width: int
) -> None:
    """Axe finds nothing on the operator's pages and their questions, and nothing scrolls sideways."""
    async with operators_stage(tmp_path, chromium) as (_, launched, olga):
        window, found = await opened(launched, olga, lang, width), []
        asking = [("/peers/HU", f'form[action="/peers/HU/{action}"] button') for action in ("block", "hold")]
        asking += [("/queue/HU", f'form[action="/queue/HU/{what}"] button') for what in ("give-up", "give-up-all")]
        for path, button in [*((path, "") for path in OPERATORS_PAGES), *asking]:
            await window.goto(olga.base + path)
            if button:
                async with window.expect_navigation():
                    await window.locator(button).first.click()
            found += await violations(window, axe)
            wide = await window.evaluate("document.documentElement.scrollWidth > window.innerWidth")
            assert not wide, f"{path} {button} scrolls sideways at {width}"
        assert found == []


async def test_the_operator_needs_no_mouse_and_no_scripts(tmp_path: Path, chromium: str) -> None:
    """By keyboard alone a country is held, on a narrow screen without scripts; each stop of the way shows the focus."""
    async with operators_stage(tmp_path, chromium) as (both, launched, olga):
        context = await launched.new_context(viewport={"width": 320, "height": 700}, java_script_enabled=False)
        for cookie in olga.session.cookie_jar:
            await context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": olga.base}])
        page = await context.new_page()
        await page.goto(olga.base + "/peers")
        for place, stop in (
            ("**/peers/HU", 'main a[href="/peers/HU"]'),
            ("**/peers/HU/hold", 'form[action="/peers/HU/hold"] button'),
            ("**/peers/HU", 'form[action="/peers/HU/hold"] button'),
        ):
            await _tab_to(page, stop)
            await page.keyboard.press("Enter")
            await page.wait_for_url(place)
        assert await page.get_by_text("Held since").count() > 0
        assert status_of(both["DE"]).queue == "held"


async def _tab_to(page: Page, selector: str) -> None:
    """Press Tab until an element has the focus, and see that it shows."""
    wanted = page.locator(selector).first
    for _ in range(80):
        await page.keyboard.press("Tab")
        if await wanted.evaluate("element => element.matches(':focus-visible')"):
            style = await wanted.evaluate("element => getComputedStyle(element).outlineStyle")
            assert style != "none", selector
            return
    raise AssertionError(f"no way to {selector} by Tab")


async def test_what_was_typed_is_there_after_signing_in_again(tmp_path: Path, chromium: str, axe: str) -> None:
    """The session ends under an open form; signing in gives everything back, and so does a page of an old session."""
    async with stage(tmp_path, chromium) as set_up:
        node, found = set_up.both["HU"], []
        window = await opened(set_up.chromium, set_up.katalin, "hu", 360)
        form, comment = f"{set_up.katalin.base}{set_up.case}/reply", '[name="comment.registration-status"]'

        async def end_session() -> None:
            cookies = await window.context.cookies()
            await sessions.sign_out(node, next(one["value"] for one in cookies if one["name"] == "entente_session"))

        async def typed(page: Page, text: str) -> None:
            await page.goto(form)
            await page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
            await page.fill(comment, text)

        async def pressed(page: Page, button: str) -> None:
            async with page.expect_navigation():
                await page.locator(button).first.click()

        async def sign_in(page: Page) -> None:
            await page.fill("#f-name", "katalin")
            await page.fill("#f-password", PASSWORD)
            await pressed(page, 'form[action="/sign-in"] button')

        await typed(window, "2015 óta\nszerepel & <b>")
        await end_session()
        await pressed(window, 'button[value="save"]:visible')
        assert await window.locator("#f-password").count() == 1
        found += await violations(window, axe)
        await sign_in(window)
        found += await violations(window, axe)
        await pressed(window, 'form[action$="/reply"] button')
        assert await window.input_value(comment) == "2015 óta\nszerepel & <b>"
        await typed(window, "utólag")
        await end_session()
        second = await window.context.new_page()
        await second.goto(set_up.katalin.base + "/sign-in")
        await sign_in(second)
        await pressed(window, 'button[value="save"]:visible')
        found += await violations(window, axe)
        await pressed(window, 'form[action$="/reply"] button')
        assert await window.input_value(comment) == "utólag"
        assert found == []


async def test_the_accessibility_check_bites(tmp_path: Path, chromium: str, axe: str) -> None:
    """A label taken away on purpose is found, so an empty result means something."""
    async with stage(tmp_path, chromium) as set_up:
        page = await opened(set_up.chromium, set_up.anna, "de", 1280)
        await page.goto(set_up.anna.base + "/find")
        await page.evaluate("document.querySelectorAll('label').forEach(label => label.remove())")
        assert any("label" in line for line in await violations(page, axe))


async def test_everything_works_by_keyboard_and_without_scripts(tmp_path: Path, chromium: str) -> None:
    """An official searches with keyboard alone in a browser without scripts; the focus is always visible."""
    async with stage(tmp_path, chromium) as set_up:
        context = await set_up.chromium.new_context(viewport={"width": 320, "height": 700}, java_script_enabled=False)
        for cookie in set_up.anna.session.cookie_jar:
            await context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": set_up.anna.base}])
        page = await context.new_page()
        await page.goto(set_up.anna.base + "/find")
        await page.locator("#f-q").focus()
        await page.keyboard.type("nyilvántartás")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**q=nyilv*")
        assert await page.get_by_text("Országos Kórházi Főigazgatóság").count() > 0


async def test_the_print_is_a_paper_for_the_file(tmp_path: Path, chromium: str) -> None:
    """On paper the case page has the questions and no menu, buttons or forms."""
    async with stage(tmp_path, chromium) as set_up:
        page = await opened(set_up.chromium, set_up.anna, "de", 1280)
        await page.goto(set_up.anna.base + set_up.case)
        await page.emulate_media(media="print")
        assert not await page.locator("nav").first.is_visible()
        assert not await page.locator("button").first.is_visible()
        assert await page.get_by_text("DE-2026-000001").first.is_visible()
