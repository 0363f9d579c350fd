"""The pages of authorities: my record, two editors, history, registering, inviting and approving; without scripts."""

import contextlib
import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import async_playwright

from node.domain.access import operator
from node.domain.person import NewPerson
from node.service import accounts, find, registration
from node.service.authority_edit import current
from node.service.node import Node
from tests.dashboard.browser import Browser, Page
from tests.dashboard.test_browser import FLAGS, opened, violations
from tests.dashboard.test_pages import dashboard
from tests.dashboard.test_ways_in import stranger
from tests.exchange.pair import world
from tests.node.coordinated import PQ, country
from tests.node.coordinated import settle as publish_country
from tests.sign_in import session_of

ATTACK = "<script>alert('x')</script> \"quoted\" & <b>bold</b>"


@contextlib.asynccontextmanager
async def berlin(folder: Path) -> AsyncIterator[tuple[Node, str]]:
    """Serve Germany's pages with a coordinated country."""
    async with world(folder, "DE") as one, dashboard(one["DE"]) as base:
        node = one["DE"]
        await publish_country(node)
        yield node, base


@contextlib.asynccontextmanager
async def administrator(node: Node, base: str, login: str, authority: str, lang: str = "en") -> AsyncIterator[Browser]:
    """Give the browser of a data administrator who has a password."""
    new = NewPerson(login, login.title(), lang, frozenset({"data-administrator"}), frozenset({authority}))
    person = await accounts.add_person(node, operator(), new)
    session = await session_of(node, person.id)
    from node.service import passwords

    await passwords.set_password(node, session, "Fahrrad Suppe Lampe Wolke")
    session = await session_of(node, person.id)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        client.cookie_jar.update_cookies({"entente_session": session})
        yield Browser(base, client)


def record_form(page: Page, action: str, **fields: str) -> dict[str, str]:
    """Return the changes that fill in the form of a new authority."""
    assert any(form.action == action for form in page.forms), page.text[:800]
    return {
        "name": "Ärztekammer Berlin", "name_lang": "de", "level": "regional", "region_code": "DE3",
        "region_name": "Berlin", "place": "Berlin", f"area.{PQ}": "authority", "new_lang": "de",
        "new_title": "Kammer", "competences": "profession:doctor", "languages": "de", **fields,
    }  # fmt: skip


async def test_my_authority_is_shown_changed_and_taken_back(tmp_path: Path) -> None:
    """A local administrator sees the record as others do, changes the contacts, and restores the earlier version."""
    async with berlin(tmp_path) as (node, base), administrator(node, base, "ada", "DE-zaek-berlin") as ada:
        mine = await ada.get("/authority")
        assert mine.path == "/authority/DE-zaek-berlin"
        for said in ("Zahnärztekammer Berlin", "Recognition of professional qualifications", "Dental practitioner",
                     "Senat Berlin (DE-state)", "Fachstelle (DE-area)", "Regional", "Berlin"):  # fmt: skip
            assert said in mine.text, said
        form = await ada.get("/authority/DE-zaek-berlin/edit")
        fields = form.form("/edit").fields
        assert "name" not in fields
        assert (fields["place"], fields[f"area.{PQ}"], fields["competences"]) == (
            "Berlin", "authority", "profession:dental-practitioner",
        )  # fmt: skip
        saved = await ada.post(form.form("/edit"), place=f"Potsdam {ATTACK}", reason=f"Umzug {ATTACK}")
        assert (saved.status, saved.path) == (200, "/authority/DE-zaek-berlin"), saved.text[:900]
        assert "&lt;script&gt;" in saved.html
        told = await ada.get("/authority/DE-zaek-berlin/history")
        assert "Changed" in told.text
        assert "<script" not in told.html
        back = await ada.post(
            told.form("/undo"), **{next(n for n in told.form("/undo").fields if "reason" in n): "Irrtum"}
        )
        assert "Earlier version restored" in back.text
        one = current(node, "DE-zaek-berlin")
        assert one is not None
        assert (one.v, one.place) == (4, "Berlin")  # the demo had a first version


async def test_a_region_is_named_in_other_languages(tmp_path: Path) -> None:
    """The authority's own administrator adds and takes away names of its region; the region itself stays."""
    async with berlin(tmp_path) as (node, base), administrator(node, base, "ada", "DE-zaek-berlin") as ada:
        for typed, names in (
            ({"new_lang": "el", "new_region_names": "Βερολίνο"}, {"el": "Βερολίνο"}),
            ({"new_lang": "bg", "new_region_names": "Берлин"}, {"bg": "Берлин", "el": "Βερολίνο"}),
            ({"region_names.el": ""}, {"bg": "Берлин"}),
        ):
            form = (await ada.get("/authority/DE-zaek-berlin/edit")).form("/edit")
            assert (await ada.post(form, **typed, reason="Name")).status == 200
            one = current(node, "DE-zaek-berlin")
            assert one is not None
            assert one.region is not None
            assert (one.region.code, one.region.name, one.region.names) == ("DE3", "Berlin", names)
        form = (await ada.get("/authority/DE-zaek-berlin/edit")).form("/edit")
        wrong = await ada.post(form, **{"region_names.bg": "х" * 201, "reason": "Name"})
        assert wrong.status == 422
        assert wrong.form("/edit").fields["region_names.bg"] == "х" * 201


async def test_mistakes_keep_what_was_typed(tmp_path: Path) -> None:
    """A wrong address and a missing reason are named at their fields; nothing typed is lost or published."""
    async with berlin(tmp_path) as (node, base), administrator(node, base, "ada", "DE-zaek-berlin") as ada:
        form = (await ada.get("/authority/DE-zaek-berlin/edit")).form("/edit")
        wrong = await ada.post(form, email="nobody", place="Potsdam", reason="Umzug")
        assert wrong.status == 422
        assert "does not have the right form" in wrong.text
        assert wrong.form("/edit").fields["email"] == "nobody"
        wrong = await ada.post(wrong.form("/edit"), email="a@b.example", new_lang="el", new_title="x" * 201, reason="")
        assert wrong.status == 422
        assert wrong.form("/edit").fields["place"] == "Potsdam"
        one = current(node, "DE-zaek-berlin")
        assert one is not None
        assert one.v == 2


async def test_a_form_that_asks_for_more_than_it_may_is_refused(tmp_path: Path) -> None:
    """Fields slipped into the form, as the name or a region, are refused at the field; others' pages don't open."""
    async with berlin(tmp_path) as (node, base), administrator(node, base, "ada", "DE-zaek-berlin") as ada:
        form = (await ada.get("/authority/DE-zaek-berlin/edit")).form("/edit")
        slipped = await ada.post(form, name="Reichskammer", region_code="DE2", region_name="Bayern", reason="x")
        assert slipped.status == 422
        assert "Only the coordinator can change this" in slipped.text
        slipped = await ada.post(form, **{f"area.{PQ}": "coordinator", "reason": "x"})
        assert slipped.status == 422
        for path in ("/authority/DE-other/edit", "/authority/DE-zaek-berlin/end", "/authority/DE-zaek-berlin/erase",
                     "/authorities"):  # fmt: skip
            assert (await ada.get(path)).status == 403, path
        for path in ("/authority/DE-other/history", "/authority/HU-okfo", "/authority/DE-nobody"):
            assert (await ada.get(path)).status == 404, path
        assert (await ada.get("/authority/DE-other")).status == 200
        assert not any(href == "/authorities" for href, _ in (await ada.get("/authority/DE-other")).links)


async def test_the_second_of_two_editors_sees_the_first_and_saves_on_top(tmp_path: Path) -> None:
    """Both open the form; the second is shown before, now and her own entry, keeps her text, and saves again."""
    async with (
        berlin(tmp_path) as (node, base),
        administrator(node, base, "ada", "DE-zaek-berlin") as ada,
        administrator(node, base, "bea", "DE-state") as bea,
    ):
        first = (await ada.get("/authority/DE-zaek-berlin/edit")).form("/edit")
        second = (await bea.get("/authority/DE-zaek-berlin/edit")).form("/edit")
        await ada.post(first, place="Potsdam", phone="+49 30 1", reason="Umzug")
        told = await bea.post(second, phone="+49 30 2", address="Am Markt 1", reason="Neue Nummer")
        assert told.status == 409
        assert "Somebody else has changed this record" in told.text
        for said in ("Potsdam", "+49 30 1", "+49 30 2"):
            assert said in told.text
        again = told.form("/edit").fields
        assert (again["place"], again["phone"], again["address"], again["reason"], again["v"]) == (
            "Potsdam", "+49 30 2", "Am Markt 1", "Neue Nummer", "3",
        )  # fmt: skip
        saved = await bea.post(told.form("/edit"))
        assert saved.status == 200, saved.text[:900]
        one = current(node, "DE-zaek-berlin")
        assert one is not None
        assert (one.v, one.place, one.contacts.phone, one.contacts.address) == (4, "Potsdam", "+49 30 2", "Am Markt 1")


async def test_a_coordinator_lists_registers_and_ends(tmp_path: Path) -> None:
    """Filters narrow the list; a new authority is published with its administrator's link; one is ended."""
    async with berlin(tmp_path) as (node, base), administrator(node, base, "bea", "DE-state") as bea:
        listed = await bea.get("/authorities")
        assert "Zahnärztekammer Berlin" in listed.text
        assert "Andere Kammer" not in listed.text
        assert "Zahnärztekammer" not in (await bea.get("/authorities?q=nichts")).text
        assert "Zahnärztekammer" in (await bea.get(f"/authorities?q=zahnarzt+berlin&area={PQ}&state=active")).text
        new = await bea.get("/authorities/register")
        fields = record_form(
            new, "/authorities/register", login="carla", person_name="Carla", reason="Neu", by="DE-state"
        )
        made = await bea.post(new.form("/register"), **fields)
        assert made.status == 200, made.text[:1500]
        assert f"{node.config.web.url}/link/" in made.text
        one = current(node, "DE-aerztekammer-berlin")
        assert one is not None
        assert (one.titles, one.languages, one.competences) == ({"de": "Kammer"}, ("de",), ("profession:doctor",))
        ends = await bea.get(f"/authority/{one.id}/end")
        wrong = await bea.post(ends.form("/end"), valid_until="", reason="Fusion")
        assert wrong.status == 422
        fields = {"valid_until": "2027-06-30", "successor": "DE-zaek-berlin", "reason": "Fusion"}
        ended = await bea.post(wrong.form("/end"), **fields)
        assert (ended.status, ended.path) == (200, f"/authority/{one.id}")
        assert "Zahnärztekammer Berlin (DE-zaek-berlin)" in ended.text
        outside = await bea.post(
            new.form("/register"),
            **record_form(new, "/authorities/register", reason="x", by="DE-state", region_code="DE2"),
        )
        assert outside.status == 422
        assert "outside the area or region" in outside.text


async def test_an_invited_authority_writes_and_its_coordinator_approves(tmp_path: Path) -> None:
    """Invited without an account, returned once with a reason, corrected, approved; the link works once."""
    async with (
        berlin(tmp_path) as (node, base),
        administrator(node, base, "bea", "DE-state") as bea,
        stranger(base) as carla,
    ):
        made = await bea.post((await bea.get("/authorities")).form("/invite"), by="DE-state", note=f"Kammer {ATTACK}")
        path = next(word for word in made.text.split() if "/invitation/" in word).removeprefix(node.config.web.url)
        page = await carla.get(path)
        assert (page.status, "Senat Berlin" in page.text) == (200, True)
        fields = record_form(page, "/invitation", login="carla", person_name="Carla <b>", person_language="de")
        wrong = await carla.post(page.form("/invitation"), **{**fields, "region_code": "DE2", "login": "bea"})
        assert wrong.status == 422
        assert "outside the area or region" in wrong.text
        assert "user name is taken" in wrong.text
        assert wrong.form("/invitation").fields["new_title"] == "Kammer"
        sent = await carla.post(wrong.form("/invitation"), **fields)
        assert (sent.status, "Your entries are sent" in sent.text) == (200, True)
        assert (await carla.post(wrong.form("/invitation"), **fields)).status == 403
        assert (await carla.get(path)).status == 403
        (open_one,) = registration.listing(node, operator())
        review = await bea.get(f"/authorities/invitations/{open_one.id}")
        assert "Ärztekammer Berlin" in review.text
        assert "Carla &lt;b&gt;" in review.html
        assert (await bea.post(review.form("/return"), return_reason="")).status == 422
        returned = await bea.post(review.form("/return"), return_reason="Bitte Anschrift ergänzen")
        again = next(word for word in returned.text.split() if "/invitation/" in word).removeprefix(node.config.web.url)
        page = await carla.get(again)
        assert "Bitte Anschrift ergänzen" in page.text
        filled = page.form("/invitation").fields
        assert (filled["name"], filled["title.de"], filled["login"]) == ("Ärztekammer Berlin", "Kammer", "carla")
        assert (await carla.post(page.form("/invitation"), address="Am Markt 1")).status == 200
        review = await bea.get(f"/authorities/invitations/{open_one.id}")
        assert (await bea.post(review.form("/approve"), id="DE-zaek-berlin", reason="Geprüft")).status == 422
        done = await bea.post(review.form("/approve"), id="", reason="Geprüft")
        assert f"{node.config.web.url}/link/" in done.text, done.text[:900]
        one = current(node, "DE-aerztekammer-berlin")
        assert one is not None
        assert one.contacts.address == "Am Markt 1"
        assert accounts.person_named(node, operator(), "carla").authorities == {one.id}


@pytest.mark.parametrize("path", ["/invitation/x", "/invitation/" + "x" * 43])
async def test_a_stranger_with_a_made_up_invitation_gets_nothing(tmp_path: Path, path: str) -> None:
    """A guessed link shows no form and names nobody; without one everything asks to sign in."""
    async with berlin(tmp_path) as (_, base), stranger(base) as nobody:
        page = await nobody.get(path)
        assert (page.status, [form.action for form in page.forms]) == (403, [])
        for closed in ("/authority", "/authorities", "/authority/DE-zaek-berlin", "/authorities/register"):
            assert (await nobody.get(closed)).path == "/sign-in"
        async with nobody.session.post(f"{base}/invitation", data={"token": "x"}) as answer:
            assert answer.status == 403


async def test_a_record_is_erased_after_it_was_said_what_that_means(tmp_path: Path) -> None:
    """The page says that it can't be undone and wants a reason; a coordinator that others name stays for now."""
    async with berlin(tmp_path) as (node, base), administrator(node, base, "nina", "DE-nation") as nina:
        asked = await nina.get("/authority/DE-area/erase")
        assert "This cannot be undone." in asked.text
        linked = await nina.post(asked.form("/erase"), reason="Auf Antrag")
        assert linked.status == 422
        assert "Other authorities name this one" in linked.text
        page = await nina.get("/authority/DE-other")
        assert "/authority/DE-other/erase" in [href for href, _ in page.links]
        asked = await nina.get("/authority/DE-other/erase")
        assert (await nina.post(asked.form("/erase"), reason="")).status == 422
        assert find.is_active(node, "DE", "DE-other")
        assert (await nina.post(asked.form("/erase"), reason="Auf Antrag")).status == 200
        assert not find.is_active(node, "DE", "DE-other")
        assert "Erased for data protection" in (await nina.get("/authority/DE-other/history")).text


async def test_every_language_has_the_pages(tmp_path: Path) -> None:
    """Each page of authorities opens in all 26 languages, without a mark of a missing text."""
    from translations.languages import LANGUAGES

    pages = ("/authorities", "/authorities/register", "/authority/DE-area", "/authority/DE-area/edit",
             "/authority/DE-area/history", "/authority/DE-area/end", "/authority/DE-area/erase")  # fmt: skip
    async with berlin(tmp_path) as (node, base), administrator(node, base, "nina", "DE-nation") as nina:
        assert len(country()) == 5
        for lang in LANGUAGES:
            for path in pages:
                page = await nina.get(f"{path}?lang={lang}")
                assert page.status == 200, (path, lang)
                marks = page.html.count('<span class="ent-mark" aria-hidden="true">en</span>')
                assert marks == 0 or lang == "en", (path, lang)


async def sent(browser: Browser, path: str, files: dict[str, bytes], **fields: str) -> Page:
    """Send the form of a page with files."""
    form = (await browser.get("/authorities/table")).form(path)
    data = aiohttp.FormData()
    for name, value in {**form.fields, **fields}.items():
        data.add_field(name, value, content_type="text/plain")
    for name, content in files.items():
        data.add_field(name, content, filename=f"{name}.bin", content_type="application/octet-stream")
    async with browser.session.post(browser.base + path, data=data) as answer:
        return await browser._page(answer)


async def test_a_table_is_uploaded_looked_at_and_published(tmp_path: Path) -> None:
    """Exported, changed, looked at with before and after, published with a reason; the preview counts once."""
    async with berlin(tmp_path) as (node, base), administrator(node, base, "bea", "DE-state") as bea:
        async with bea.session.get(f"{base}/authorities/table.csv") as answer:
            assert "attachment" in answer.headers["Content-Disposition"]
            table = await answer.text()
        async with bea.session.get(f"{base}/authorities/table.xlsx") as answer:
            assert (await answer.read()).startswith(b"PK")
        looked = await sent(bea, "/authorities/table", {"table": table.encode()})
        assert "The table changes nothing" in looked.text, looked.html[:6000]
        changed = table.replace("Zahnärztekammer Berlin,", f'"Kammer {ATTACK.replace(chr(34), chr(34) * 2)}",', 1)
        assert changed != table
        looked = await sent(bea, "/authorities/table", {"table": changed.encode()})
        assert looked.status == 200, looked.text[:900]
        assert "<script" not in looked.html
        assert "Zahnärztekammer Berlin → Kammer" in looked.text
        published = looked.form("/publish")
        empty = await bea.post(published, reason="")
        assert empty.status == 422
        done = await bea.post(empty.form("/publish"), reason="Neuer Name")
        assert (done.status, done.path) == (200, "/authorities")
        one = current(node, "DE-zaek-berlin")
        assert one is not None
        assert one.name == f"Kammer {ATTACK}"
        again = await bea.post(empty.form("/publish"), reason="Noch einmal")
        assert again.status == 422
        assert "preview has expired" in again.text


async def test_a_wrong_table_names_its_cells(tmp_path: Path) -> None:
    """Rows and columns at fault are listed, a bomb and a wrong mapping are refused, and nothing is published."""
    async with berlin(tmp_path) as (node, base), administrator(node, base, "bea", "DE-state") as bea:
        before = current(node, "DE-state")
        heading = "id,name,name_lang,level,valid_from,place,validating\n"
        rows = "DE-b,Amt,de,federal,2026-01-01,Berlin,DE-state\n"
        wrong = await sent(bea, "/authorities/table", {"table": (heading + rows).encode()})
        assert wrong.status == 422
        assert "level" in wrong.text
        assert "Choose an entry of the list." in wrong.text
        wrong = await sent(bea, "/authorities/table", {"table": b"id,colour\n"})
        assert "This is no column of the table." in wrong.text
        rows = "DE-b,Amt,de,local,2026-01-01,Berlin,DE-nation\n"
        wrong = await sent(bea, "/authorities/table", {"table": (heading + rows).encode()})
        assert "Only the coordinator can change this" in wrong.text
        assert (await sent(bea, "/authorities/table", {})).status == 422
        assert (await sent(bea, "/authorities/table", {"table": b"x", "mapping": b"["})).status == 422
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("xl/workbook.xml", b"<a>" * 30_000_000)
        bomb = await sent(bea, "/authorities/table", {"table": out.getvalue()})
        assert bomb.status == 422
        assert "The table has too many rows, columns or characters." in bomb.text
        assert current(node, "DE-state") == before


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 360])
async def test_no_page_of_authorities_has_a_barrier(tmp_path: Path, chromium: str, axe: str, width: int) -> None:
    """Axe finds nothing on any of them, wide and narrow, with mistakes and with two editors; none scrolls sideways."""
    async with (
        berlin(tmp_path) as (node, base),
        administrator(node, base, "nina", "DE-nation", "de") as nina,
        administrator(node, base, "bea", "DE-state", "de") as bea,
        async_playwright() as playwright,
    ):
        first = (await bea.get("/authority/DE-zaek-berlin/edit")).form("/edit")
        await bea.post(first, place="Potsdam", reason="Umzug")
        _, token = await registration.invite(node, operator(), "DE-state", "Kammer")
        (one,) = registration.listing(node, operator())
        chromium_there = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = await opened(chromium_there, bea, "el", width)
        found: list[str] = []
        for path in (
            "/authorities", "/authorities/register", "/authorities/table", f"/authorities/invitations/{one.id}",
            "/authority/DE-zaek-berlin", "/authority/DE-zaek-berlin/edit", "/authority/DE-zaek-berlin/history",
            "/authority/DE-zaek-berlin/end", f"/invitation/{token}", "/invitation/x",
        ):  # fmt: skip
            await page.goto(base + path)
            found += await violations(page, axe)
            assert not await page.evaluate("document.documentElement.scrollWidth > window.innerWidth"), path
        await page.goto(base + "/authority/DE-zaek-berlin/edit")
        await page.fill("#f-email", "nobody")
        await page.fill("#f-reason", "x")
        async with page.expect_navigation():
            await page.evaluate("document.querySelector('form[action$=\"/edit\"]').submit()")
        found += await violations(page, axe)
        assert await page.evaluate("document.querySelector('#f-email').value") == "nobody"
        await page.goto(base + "/authority/DE-zaek-berlin/edit")
        await page.fill("#f-phone", "+49 30 2")
        third = (await bea.get("/authority/DE-zaek-berlin/edit")).form("/edit")
        await bea.post(third, phone="+49 30 1", reason="Neu")
        async with page.expect_navigation():
            await page.evaluate("document.querySelector('form[action$=\"/edit\"]').submit()")
        assert await page.locator("#changed").count() == 1
        found += await violations(page, axe)
        assert not await page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        assert found == []
        assert (await nina.get("/authorities")).status == 200
        await chromium_there.close()
