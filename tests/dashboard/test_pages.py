"""The officials' story on the real pages of two nodes, without scripts."""

import contextlib
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from directory_sync.authority import AreaRole
from directory_sync.demo import demo_authorities
from node.dashboard.app import add_routes
from node.domain.access import Role, operator
from node.domain.person import NewPerson
from node.service import accounts, directory, find, sessions
from node.service.node import Node
from tests.dashboard.browser import Browser, Page, PageForm
from tests.exchange.pair import World, world
from tests.exchange.test_areas import until
from tests.exchange.test_story import ask

PASSWORD = "Fahrrad Suppe Lampe Wolke"
PDF = b"%PDF-1.4\n% a diploma\n"


@contextlib.asynccontextmanager
async def dashboard(node: Node) -> AsyncIterator[str]:
    """Serve a node's pages; gives their address."""
    app = web.Application(client_max_size=25 * 1024 * 1024)
    add_routes(app, node)
    server = TestServer(app)
    await server.start_server()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        await server.close()


@contextlib.asynccontextmanager
async def signed_in(
    node: Node, base: str, login: str, name: str, lang: str, authority: str, role: Role = "handler"
) -> AsyncIterator[Browser]:
    """Give a new person's browser, signed in by link and with a password of its own."""
    new = NewPerson(login, name, lang, frozenset({role}), frozenset({authority}))
    person = await accounts.add_person(node, operator(), new)
    token = await sessions.make_link(node, operator(), person.id)
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        browser = Browser(base, session)
        landing = await browser.get(f"/link/{token}")
        choose = await browser.post(landing.form("/link"))
        work = await browser.post(choose.form("/password"), password=PASSWORD, repeat=PASSWORD)
        assert (work.status, work.path == "/work") == (200, person.actor().may("cases.list"))
        yield browser


async def asked(browser: Browser) -> Page:
    """Play the three steps of asking; returns the case page."""
    found = await browser.get("/find?q=zahnarzt&country=HU")
    button = next(form for form in found.forms if form.fields.get("authority") == "HU-okfo")
    start = await browser.post(button)
    questions = await browser.post(start.form(start.path), set="professional-qualifications/establishment")
    assert questions.path.endswith("/questions"), questions.text[:600]
    details = await browser.post(questions.form("/questions"), item="registration-status", do="next")
    assert details.path.endswith("/details"), details.text[:600]
    check = await browser.post(
        details.form("/details"),
        ("oklevel.pdf", "application/pdf", PDF),
        variable__person__given_names="Eszter",
        variable__person__family_name="Példa <b>",
        variable__profession="dental-practitioner",
        comment="Bitte prüfen.",
        do="check",
    )
    assert check.path.endswith("/check"), check.text[:900]
    return await browser.post(check.form("/send"))


@contextlib.asynccontextmanager
async def desks(folder: Path) -> AsyncIterator[tuple[World, Browser, Browser]]:
    """Give Germany's and Hungary's nodes, and Anna's and Katalin's browsers, signed in at theirs."""
    async with (
        world(folder, "DE", "HU") as both,
        dashboard(both["DE"]) as berlin,
        dashboard(both["HU"]) as budapest,
        signed_in(both["DE"], berlin, "anna", "Anna Berger", "de", "DE-zaek-berlin") as anna,
        signed_in(both["HU"], budapest, "katalin", "Szabó Katalin", "hu", "HU-okfo") as katalin,
    ):
        yield both, anna, katalin


async def test_an_official_asks_and_another_answers_on_their_pages(tmp_path: Path) -> None:
    """Berlin finds, asks, reads; Budapest reads, accepts, answers, each in its own language and without scripts."""
    async with desks(tmp_path) as (both, anna, katalin):
        await both.settled()
        case = await asked(anna)
        assert case.status == 200, case.text[:900]
        assert "Példa &lt;b&gt;" in case.html
        await both.settled()
        work = await katalin.get("/work")
        href = next(link for link, _ in work.links if link.startswith("/cases/"))
        theirs = await katalin.get(href)
        given = await katalin.post(theirs.form("/allocate"), handler=_first_handler(theirs))
        assert "Szabó Katalin" in (await katalin.get("/work?whose=mine")).text
        accepted = await katalin.post(given.form("/accept"), accept="agree")
        assert accepted.status == 200, accepted.text[:900]
        wrong = await katalin.post(
            accepted.form("/message"), ("a.exe", "application/pdf", b"MZ"), message="Lásd a fájlt."
        )
        assert (wrong.status, "Lásd a fájlt." in wrong.html) == (422, True)
        form = wrong.form("/message")
        for _ in range(2):  # a second press sends nothing more
            said = await katalin.post(form, ("lap.pdf", "application/pdf", PDF), message="Lásd a fájlt.")
            assert (said.status, said.html.count("lap.pdf")) == (200, 2), said.text[:900]
        form = await katalin.get(f"{href}/reply")
        replied = await katalin.post(
            form.form("/reply"),
            do="send",
            **{"answer.registration-status": "registered", "comment.registration-status": "2015 óta."},
        )
        assert replied.path == href, replied.text[:1200]
        await both.settled()
        read = await anna.get(case.path)
        assert "2015 óta." in read.text
        assert "Lásd a fájlt." in read.text
        assert 'lang="hu"' in read.html
        confirm = await anna.post(read.form("/close"))
        closed = await anna.post(confirm.form("/close"))
        assert closed.status == 200
        await both.settled()


def _first_handler(page: Page) -> str:
    """Return the first person to whom a case may be given."""
    (options,) = re.findall(r'<select[^>]* name="handler".*?</select>', page.html, re.DOTALL)
    return next(filter(None, re.findall(r'value="([^"]*)"', options)))


def _passing_on(page: Page, act: str = "forward") -> PageForm:
    return next(form for form in page.forms if "csrf" in form.fields and form.action.endswith(f"/{act}"))


async def test_a_case_is_passed_on_and_another_official_answers(tmp_path: Path) -> None:
    """Budapest searches the right authority and passes the case on; Berlin's page shows who answers now."""
    async with (
        world(tmp_path, "DE", "HU") as both,
        dashboard(both["DE"]) as berlin,
        dashboard(both["HU"]) as budapest,
        signed_in(both["DE"], berlin, "anna", "Anna Berger", "de", "DE-zaek-berlin") as anna,
        signed_in(both["HU"], budapest, "katalin", "Szabó Katalin", "hu", "HU-okfo") as katalin,
        signed_in(both["HU"], budapest, "janos", "Kiss János", "hu", "HU-mok") as janos,
    ):
        await both.settled()
        case = await asked(anna)
        await both.settled()
        divide = await katalin.get(f"{case.path}/split?q=orvosi+kamara")
        only = {"item": "registration-status", "to": "HU-mok", "reason": "Az orvosi kamara illetékes."}
        none_left = await katalin.post(_passing_on(divide, "split"), **only)
        assert (none_left.status, 'href="#f-item"' in none_left.html) == (422, True)
        search = await katalin.get(f"{case.path}/forward?q=orvosi+kamara")
        empty = await katalin.post(_passing_on(search), reason="Az orvosi kamara illetékes.")
        assert (empty.status, "Az orvosi kamara illetékes." in empty.html) == (422, True)
        work = await katalin.post(_passing_on(empty), to="HU-mok", reason_language="hu")
        assert (work.path, case.path in work.html) == ("/work", False)
        assert "Magyar Orvosi Kamara" in work.text
        assert (await katalin.get(case.path)).status == 404
        assert "/accept" in (await janos.get(case.path)).html
        await both.settled()
        seen = await anna.get(case.path)
        assert "Magyar Orvosi Kamara" in seen.text
        assert "Az orvosi kamara illetékes." in seen.text


async def test_the_countries_are_told_in_the_readers_language(tmp_path: Path) -> None:
    """The search page leads to the countries; one that can be asked leads back to the search, as map and as words."""
    async with (
        world(tmp_path, "DE", "HU") as made,
        dashboard(made["DE"]) as base,
        signed_in(made["DE"], base, "anna", "Anna Berger", "de", "DE-zaek-berlin") as anna,
    ):
        await made.settled()
        assert "/countries" in [href for href, _ in (await anna.get("/find")).links]
        for lang, here, ready, absent in (
            ("de", "Ihr eigenes Land", "Kann angefragt werden", "Nimmt noch nicht teil"),
            ("el", "Η χώρα σας", "Μπορείτε να υποβάλετε ερώτηση", "Δεν συμμετέχει ακόμη"),
        ):
            page = await anna.get(f"/countries?lang={lang}")
            assert page.status == 200
            assert [page.html.count(f"{words}</div>") for words in (here, ready)] == [1, 1]
            assert page.html.count(f"{absent}</div>") == 28
            assert page.html.count("ent-land--ready") == 2  # on the map, and beside the words
            assert page.html.count("<path") == 31
            assert f'lang="{lang}"' in page.html
        assert page.html.count("Επικαιροποιημένος") == 2
        assert page.html.count("(απαιτούνται: 1)") == 2
        found = await anna.get(next(href for href, _ in page.links if href.startswith("/find?q=&country=HU")))
        assert "HU-okfo" in [form.fields.get("authority") for form in found.forms]


async def test_the_statistics_are_a_page_and_a_table(tmp_path: Path) -> None:
    """The menu leads to figures of one's own requests, by what one chooses; a month that is none is told in place."""
    async with (
        world(tmp_path, "DE", "HU") as made,
        dashboard(made["DE"]) as base,
        signed_in(made["DE"], base, "anna", "Anna Berger", "de", "DE-zaek-berlin") as anna,
    ):
        assert "Keine Ersuchen in diesen Monaten" in (await anna.get("/statistics")).text
        await ask(made)
        page = await anna.get("/statistics?role=asking&by=country")
        assert page.html.count('href="/statistics"') == 1
        assert [page.html.count(f">{words}</div>") for words in ("Ungarn", "Insgesamt", "1")] == [1, 1, 4]
        rows = await anna.get(next(href for href, _ in page.links if href.startswith("/statistics.csv?")))
        assert rows.html.splitlines()[1:] == ["HU,Ungarn,1,1,,0,,,0,,0,,0,,0,,0", ",,1,1,,0,,,0,,0,,0,,0,,0"]
        wrong = await anna.get("/statistics?first=2026-13")
        assert (wrong.status, "zum Beispiel 2026-11" in wrong.text) == (400, True)


async def test_another_area_is_asked_and_answered_on_the_same_pages(tmp_path: Path) -> None:
    """Posting of workers: a legal form as its own law calls it, a hint at the field, an answer that opens a follow-up."""
    async with (
        world(tmp_path, "DE", "HU") as both,
        dashboard(both["DE"]) as berlin,
        dashboard(both["HU"]) as budapest,
        signed_in(both["DE"], berlin, "anna", "Anna Berger", "en", "DE-zaek-berlin") as anna,
        signed_in(both["HU"], budapest, "katalin", "Szabó Katalin", "hu", "HU-okfo") as katalin,
    ):
        posting = AreaRole(area="posting", role="authority", status="active")
        records = [
            one.model_copy(update={"areas": (*one.areas, posting), "v": one.v + 1}) if one.id == "HU-okfo" else one
            for one in demo_authorities("HU")
        ]
        await both.settled()
        both.clock.offset += timedelta(minutes=1)  # a log is signed every ten seconds at most
        await directory.import_authorities(both["HU"], operator(), records)
        both.exchanges["HU"].announce()
        await until(lambda: "posting" in (find.known(both["DE"], "HU-okfo") or records[0]).active_areas())
        found = await anna.get("/find?country=HU&area=posting")
        start = await anna.post(next(form for form in found.forms if form.fields.get("authority") == "HU-okfo"))
        questions = await anna.post(start.form(start.path), set="posting/registers")
        details = await anna.post(questions.form("/questions"), item="vat-registered", do="next")
        assert "(HU) Kft." in details.text
        assert "forms are named as in national law" in details.text
        assert "Usual date in this area: 25 November 2026" in details.text
        assert "Working days: 2. Country: Hungary. Counted from: 23 November 2026" in details.text
        assert details.form("/details").fields["due"] == "2026-11-25"
        check = await anna.post(
            details.form("/details"), variable__legal_form="hu-kft", variable__provider="Építő Kft.", do="check"
        )
        case = await anna.post(check.form("/send"))
        assert case.status == 200, case.text[:900]
        assert "Latest date by law" in case.text
        await both.settled()
        theirs = await katalin.get("/work")
        href = next(link for link, _ in theirs.links if link.startswith("/cases/"))
        assert "Építő Kft." in (await katalin.get(href)).text
        await katalin.post((await katalin.get(href)).form("/accept"), accept="agree")
        form = await katalin.get(f"{href}/reply")
        answers = {"answer.vat-registered": "yes", "answer.vat-number": "HU00000000"}
        replied = await katalin.post(form.form("/reply"), do="send", **answers)
        assert replied.path == href, replied.text[:1200]
        await both.settled()
        assert "HU00000000" in (await anna.get(case.path)).text
