"""Approval on pages: the official asks for it, the coordinator reads, returns and approves, and it is sent."""

from pathlib import Path

import aiohttp

from directory_sync.authority import Links
from directory_sync.demo import coordinated, demo_authorities
from node.domain.access import Grant, operator
from node.domain.person import NewPerson
from node.service import accounts, approval_switches, approvals, authority_edit, directory, passwords
from node.service.authority_edit import Why
from node.store import people
from tests.dashboard.browser import Browser
from tests.dashboard.test_pages import PASSWORD, asked, dashboard, desks, signed_in
from tests.exchange.pair import World, world
from tests.sign_in import session_of

CHAMBER, COORDINATOR, AREA = "DE-zaek-berlin", "DE-bva", "professional-qualifications"
OFFICE = "HU-oktatasi-hivatal"
REASON = "Bitte das Diplom nennen."


async def _switched_on(both: World) -> None:
    await both.settled()
    record = authority_edit.current(both["DE"], CHAMBER)
    assert record is not None
    links = Links(validating=COORDINATOR, request={AREA: (COORDINATOR,)})
    await authority_edit.change(
        both["DE"], operator(), record.model_copy(update={"links": links}), Why("change", "A coordinator")
    )
    await approval_switches.switch(both["DE"], operator(), CHAMBER, AREA, "asking", on=True)


async def test_a_request_is_returned_mended_and_approved_on_pages(tmp_path: Path) -> None:
    """What the official sends waits; the coordinator returns it with a reason, then approves it, and it is a case."""
    async with world(tmp_path, "DE", "HU") as both, dashboard(both["DE"]) as base:
        await _switched_on(both)
        new = NewPerson("carla", "Carla", "en", frozenset({"referral-handler"}), frozenset({COORDINATOR}))
        carla = await accounts.add_person(both["DE"], operator(), new)
        await passwords.set_password(both["DE"], await session_of(both["DE"], carla.id), PASSWORD)
        async with (
            signed_in(both["DE"], base, "anna", "Anna", "en", CHAMBER) as anna,
            aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
        ):
            drafts = await asked(anna)
            assert drafts.path == "/drafts"
            assert "Waiting for approval" in drafts.html
            coordinator = Browser(base, session)
            signing = (await coordinator.get("/sign-in")).form("/sign-in")
            await coordinator.post(signing, name="carla", password=PASSWORD)
            (draft,) = [one.draft for one in approvals.list_waiting(both["DE"], carla.actor(), 50)[0]]
            page = await coordinator.get(f"/approvals/{draft}")
            assert "Eszter" in page.html
            empty = await coordinator.post(page.form(f"/approvals/{draft}/return"), reason="")
            assert empty.status == 422
            await coordinator.post(empty.form(f"/approvals/{draft}/return"), reason=REASON)
            check = await anna.get(f"/ask/{draft}/check")
            assert REASON in check.html
            assert (await anna.post(check.form(f"/ask/{draft}/send"))).path == "/drafts"
            again = await coordinator.get(f"/approvals/{draft}")
            assert (await coordinator.post(again.form(f"/approvals/{draft}/approve"))).path == "/approvals"
            assert (await anna.get(f"/cases/{draft}")).status == 200


async def test_a_reply_is_returned_mended_and_approved_on_pages(tmp_path: Path) -> None:
    """The form asks instead of sending; the coordinator reads the answers and the case, and its words reach Berlin."""
    async with desks(tmp_path) as (both, anna, katalin), dashboard(both["HU"]) as base:
        await both.settled()
        await directory.import_authorities(both["HU"], operator(), list(coordinated(demo_authorities("HU"))))
        case = await asked(anna)
        await both.settled()
        await katalin.post((await katalin.get(case.path)).form("/accept"), accept="agree")
        switch = (await katalin.get(case.path)).form("/approval")
        assert (await katalin.post(switch)).path == case.path
        async with signed_in(both["HU"], base, "reka", "Réka", "en", OFFICE, "referral-handler") as reka:
            form = (await katalin.get(f"{case.path}/reply")).form("/reply")
            waits = await katalin.post(form, do="send", **{"answer.registration-status": "registered"})
            assert (waits.path, "jóváhagyására vár" in waits.text) == (case.path, True)
            listed = await reka.get("/approvals")
            assert "DE-2026-000001" in listed.text
            (href,) = {link for link, _ in listed.links if link.startswith("/approvals/") and "?" not in link}
            page = await reka.get(href)
            assert ("registered" in page.text, "Eszter" in page.text) == (True, True), page.text
            assert (await reka.get(case.path)).status == 200
            assert (await anna.get(case.path)).form("/message").action  # accepted, and no answer yet
            await reka.post(page.form(f"{href}/return"), reason=REASON)
            assert (await reka.get(case.path)).status == 404
            form_page = await katalin.get(f"{case.path}/reply")
            assert REASON in form_page.text
            await katalin.post(form_page.form("/reply"), do="send", comment="Lásd a mellékletet.")
            page = await reka.get(href)
            assert (await reka.post(page.form(f"{href}/approve"))).path == "/approvals"
            await both.settled()
            assert "eingetragen" in (await anna.get(case.path)).text


async def test_a_part_that_is_approved_and_not_sent_keeps_no_button_from_working(tmp_path: Path) -> None:
    """Who asked may not send any more: a colleague asks for the whole reply, or sends the part, without an error."""
    async with desks(tmp_path) as (both, anna, katalin), dashboard(both["HU"]) as base:
        node = both["HU"]
        await both.settled()
        await directory.import_authorities(node, operator(), list(coordinated(demo_authorities("HU"))))
        case = await asked(anna)
        await both.settled()
        await katalin.post((await katalin.get(case.path)).form("/accept"), accept="agree")
        await katalin.post((await katalin.get(case.path)).form("/approval"))
        form = (await katalin.get(f"{case.path}/reply")).form("/reply")
        await katalin.post(form, do="send-part", **{"answer.registration-status": "registered"})
        writer = node.store.read_now(lambda q: people.by_login(q, "katalin"))
        assert writer is not None
        await accounts.grant(node, operator(), writer.id, Grant("HU-okfo", "basic-user"))
        await accounts.revoke(node, operator(), writer.id, Grant("HU-okfo", "handler"))
        async with (
            signed_in(node, base, "reka", "Réka", "en", OFFICE, "referral-handler") as reka,
            signed_in(node, base, "peter", "Péter", "en", "HU-okfo") as peter,
        ):

            async def approve() -> None:
                (href,) = {link for link, _ in (await reka.get("/approvals")).links if link.startswith("/approvals/")}
                await reka.post((await reka.get(href)).form(f"{href}/approve"))

            await approve()
            page = await peter.get(f"{case.path}/reply")
            assert "not sent yet" in page.text
            whole = await peter.post(page.form("/reply"), do="send")
            assert (whole.status, whole.path, "waits for the coordinator" in whole.text) == (200, case.path, True)
            page = await peter.get(f"{case.path}/reply")
            assert (await peter.post(page.form("/reply"), do="send-part")).path == case.path
            await approve()
            await both.settled()
            assert "eingetragen" in (await anna.get(case.path)).text


async def test_an_administrator_switches_approval_on_a_page(tmp_path: Path) -> None:
    """The button switches it for the authority and area that it names, and says what it would do next."""
    async with world(tmp_path, "DE", "HU") as both, dashboard(both["DE"]) as base:
        await _switched_on(both)
        new = NewPerson("ada", "Ada", "en", frozenset({"data-administrator"}), frozenset({CHAMBER}))
        ada = await accounts.add_person(both["DE"], operator(), new)
        assert ada.grants == {Grant(CHAMBER, "data-administrator")}
        await passwords.set_password(both["DE"], await session_of(both["DE"], ada.id), PASSWORD)
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            browser = Browser(base, session)
            await browser.post((await browser.get("/sign-in")).form("/sign-in"), name="ada", password=PASSWORD)
            page = await browser.get("/people/approval")
            off = next(one for one in page.forms if one.fields.get("area") == AREA)
            assert off.fields["on"] == "no"
            after = await browser.post(off)
            assert next(one for one in after.forms if one.fields.get("area") == AREA).fields["on"] == "yes"
