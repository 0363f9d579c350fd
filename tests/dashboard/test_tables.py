"""Tables on the pages: filled in and read without scripts, row by row, by both sides."""

from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from node.domain.draft import RequestDraft
from node.service import cases, drafts
from tests.dashboard.browser import Browser, Page
from tests.dashboard.test_browser import FLAGS, opened, violations
from tests.dashboard.test_pages import dashboard, desks, signed_in
from tests.exchange.pair import World, world
from tests.exchange.test_story import ANNA, KATALIN
from tests.exchange.test_tables import ANA, ESZTER, posting

LIST = "answer.trading-names-list"


def _cells(row: int, **cells: str) -> dict[str, str]:
    return {f"variable.workers/{row}/{column}": value for column, value in cells.items()}


async def _details(both: World, anna: Browser, content: RequestDraft) -> Page:
    draft = await drafts.start_request(both["DE"], ANNA, content)
    return await anna.get(f"/ask/{draft.id}/details")


async def test_workers_are_typed_in_and_read_as_rows(tmp_path: Path) -> None:
    """Rows are added and kept, a wrong cell comes back with its row and column, and Budapest reads a table."""
    async with desks(tmp_path) as (both, anna, katalin):
        await both.settled()
        page = await _details(both, anna, posting().model_copy(update={"variables": {}}))
        assert "Vornamen" in page.text
        known = {"variable.provider": "Kft.", "variable.legal_form": "hu-kft", "variable.sector": "f"}
        known |= {"variable.period": "2026"}
        first = _cells(1, given_names="Ana", family_name="Exemplu", nationality="RO", workplace="Baustelle Spandau")
        page = await anna.post(page.form("/details"), more="variable.workers", **known, **first)
        form = page.form("/details")
        assert (page.status, form.fields["variable.workers/rows"]) == (200, "8")
        assert form.fields["variable.workers/0/nationality"] == "RO"  # the empty row above it is gone
        assert "variable.workers/7/given_names" in form.fields
        wrong = _cells(1, given_names="Eszter", birth_date="31.02.1990")
        page = await anna.post(form, do="check", **wrong)
        assert (page.status, "Zeile 2: Geburtsdatum" in page.text) == (422, True), page.text[:600]
        page = await anna.post(page.form("/details"), do="check", **_cells(1, birth_date=""))
        assert (page.status, "Zeile 2: Familienname" in page.text) == (422, True), page.text[:600]
        check = await anna.post(page.form("/details"), do="check", **_cells(1, family_name="Példa"))
        assert ("<caption" in check.html, "Rumänien" in check.text) == (True, True), check.text[:600]
        case = await anna.post(check.form("/send"))
        await both.settled()
        read = await katalin.get(case.path)
        assert '<span lang="de">Baustelle Spandau</span>' in read.html
        for words in ('<th scope="row">2</th>', '<th scope="col">Állampolgárság</th>', "<td>Románia</td>"):
            assert words in read.html
        await katalin.post(read.form("/accept"), accept="agree")
        form = (await katalin.get(f"{case.path}/reply")).form("/reply")
        given = {"answer.trading-names": "yes", "answer.pay-documents": "attached"}
        page = await katalin.post(form, more=LIST, **given, **{f"{LIST}/2/name": "Példa Bau"})
        assert page.form("/reply").fields[f"{LIST}/0/name"] == "Példa Bau"
        page = await katalin.post(page.form("/reply"), do="send", **{f"{LIST}/0/name": "x" * 201})
        assert (page.status, "1. sor: Kereskedelmi név" in page.text) == (422, True), page.text[:600]
        sent = await katalin.post(page.form("/reply"), do="send", **{f"{LIST}/0/name": "Példa Bau"})
        assert sent.path == case.path, sent.text[:600]
        await both.settled()
        assert "<td>Példa Bau</td>" in (await anna.get(case.path)).html


async def test_a_form_takes_no_more_rows_than_the_table(tmp_path: Path) -> None:
    """The button goes where the table is full; rows that a form makes up beyond that are nobody's."""
    async with (
        world(tmp_path, "DE", "HU") as both,
        dashboard(both["DE"]) as berlin,
        signed_in(both["DE"], berlin, "anna", "Anna Berger", "de", "DE-zaek-berlin") as anna,
    ):
        await both.settled()
        page = await _details(both, anna, posting(*[ESZTER] * 50))
        assert ('value="variable.workers"' in page.html, page.html.count('<th scope="row"')) == (False, 50)
        made_up = _cells(50, given_names="Zu viel") | {"variable.workers/rows": "9" * 30}
        again = await anna.post(page.form("/details"), more="variable.workers", **made_up)
        assert (again.status, again.html.count('<th scope="row"'), "Zu viel" in again.html) == (200, 50, False)


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 360])
async def test_no_table_has_a_barrier(tmp_path: Path, chromium: str, axe: str, width: int) -> None:
    """Axe finds nothing where a table is filled in, looked over, read and answered, wide and narrow, with a mistake."""
    async with (
        world(tmp_path, "DE", "HU") as both,
        dashboard(both["DE"]) as berlin,
        dashboard(both["HU"]) as budapest,
        signed_in(both["DE"], berlin, "anna", "Anna Berger", "de", "DE-zaek-berlin") as anna,
        signed_in(both["HU"], budapest, "katalin", "Szabó Katalin", "hu", "HU-okfo") as katalin,
        async_playwright() as playwright,
    ):
        await both.settled()
        page = await _details(both, anna, posting())
        half = (await _details(both, anna, posting(ANA, {"family_name": ESZTER["family_name"]}))).path
        check = await anna.post(page.form("/details"), do="check")
        case = (await anna.post(check.form("/send"))).path
        looked = await anna.post((await _details(both, anna, posting())).form("/details"), do="check")
        await both.settled()
        await cases.accept(both["HU"], KATALIN, case.rpartition("/")[2])
        launched = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        try:
            ours = await opened(launched, anna, "de", width)
            theirs = await opened(launched, katalin, "el", width)
            found: list[str] = []
            for window, base, path in (
                (ours, anna.base, half),
                (ours, anna.base, looked.path),
                (ours, anna.base, case),
                (theirs, katalin.base, case),
                (theirs, katalin.base, f"{case}/reply"),
            ):
                await window.goto(base + path)
                found += await violations(window, axe)
                wide = await window.evaluate("document.documentElement.scrollWidth > window.innerWidth")
                assert not wide, f"{path} scrolls sideways at {width}"
            await ours.goto(anna.base + half)
            await ours.locator('button[value="check"]:visible').click()
            assert await ours.get_by_role("textbox", name="Zeile 2 Vornamen").get_attribute("aria-invalid") == "true"
            found += await violations(ours, axe)
            assert found == []
        finally:
            await launched.close()
