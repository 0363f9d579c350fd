"""The page of a user's roles: an administrator grants and revokes, and nobody else finds it."""

from pathlib import Path

from node.domain.access import Grant, operator
from node.service import accounts, passwords
from tests.dashboard.browser import PageForm
from tests.dashboard.test_pages import PASSWORD, dashboard, signed_in
from tests.dashboard.test_ways_in import BERLIN, added, administrator, stranger
from tests.exchange.pair import world
from tests.sign_in import session_of

AREA = "professional-qualifications"


async def test_an_administrator_grants_a_role_in_an_area_and_revokes_it(tmp_path: Path) -> None:
    """What the form grants is held, shown with its area, and gone after the button."""
    async with world(tmp_path, "DE") as one, dashboard(one["DE"]) as base:
        node = one["DE"]
        anna = await added(node, "anna")
        async with administrator(node, base) as browser:
            page = await browser.get(f"/people/{anna}/roles")
            form = page.form(f"/people/{anna}/roles")
            granted = await browser.post(form, authority=BERLIN, role="allocator", area=AREA)
            assert granted.path == f"/people/{anna}/roles"
            held = accounts.person_by_id(node, operator(), anna).grants
            assert held == {Grant(BERLIN, "handler"), Grant(BERLIN, "allocator", AREA)}
            revoke = next(
                each
                for each in granted.forms
                if each.action.endswith("/revoke") and each.fields.get("role") == "allocator"
            )
            await browser.post(revoke)
            assert accounts.person_by_id(node, operator(), anna).grants == {Grant(BERLIN, "handler")}


async def test_a_role_that_can_t_be_held_in_an_area_is_explained(tmp_path: Path) -> None:
    """The mistake stands at the field, what was chosen stays, and nothing is granted."""
    async with world(tmp_path, "DE") as one, dashboard(one["DE"]) as base:
        node = one["DE"]
        anna = await added(node, "anna")
        async with administrator(node, base) as browser:
            form = (await browser.get(f"/people/{anna}/roles")).form(f"/people/{anna}/roles")
            answer = await browser.post(form, authority=BERLIN, role="auditor", area=AREA)
            assert answer.status == 422
            assert "Administrators and auditors hold their role in all areas." in answer.html
            assert accounts.person_by_id(node, operator(), anna).grants == {Grant(BERLIN, "handler")}


async def test_a_handler_finds_no_page_of_roles(tmp_path: Path) -> None:
    """Whoever administers nobody is refused the page, and what its form would post."""
    async with world(tmp_path, "DE") as one, dashboard(one["DE"]) as base, stranger(base) as browser:
        node = one["DE"]
        anna = await added(node, "anna")
        session = await session_of(node, anna)
        await passwords.set_password(node, session, PASSWORD)
        await browser.post((await browser.get("/sign-in")).form("/sign-in"), name="anna", password=PASSWORD)
        assert (await browser.get(f"/people/{anna}/roles")).status == 403
        csrf = (await browser.get("/profile")).form("/profile/language").fields["csrf"]
        form = PageForm(f"/people/{anna}/roles", {"csrf": csrf})
        assert (await browser.post(form, authority=BERLIN, role="data-administrator", area="")).status == 403
        assert accounts.person_by_id(node, operator(), anna).grants == {Grant(BERLIN, "handler")}


async def test_the_auditor_reads_the_trail_on_a_page(tmp_path: Path) -> None:
    """A menu entry, filters that stay filled in, a file; nobody else finds the page."""
    async with world(tmp_path, "DE", "HU") as both, dashboard(both["DE"]) as base:
        await both.settled()
        async with (
            signed_in(both["DE"], base, "olga", "Olga Prüferin", "de", BERLIN, "auditor") as olga,
            signed_in(both["DE"], base, "anna", "Anna Berger", "de", BERLIN) as anna,
        ):
            assert "/audit" not in (await anna.get("/work")).html
            assert (await anna.get("/audit")).status == 403
            assert (await anna.get("/audit.csv")).status == 403
            page = await olga.get("/audit")
            assert ("Prüfprotokoll" in page.text, "role.grant" in page.text) == (True, True)
            assert "Anna" not in page.text
            chosen = await olga.get("/audit?kind=person&first=2026-11-01&last=nonsense")
            assert (chosen.status, 'value="2026-11-01"' in chosen.html) == (200, True)
            file = await olga.get("/audit.csv?kind=person")
            assert file.html.startswith("number,at,actor,action,subject,detail")
