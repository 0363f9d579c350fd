"""A person's choice about mails on the profile page, the link that confirms an address, and where a mail leads."""

import datetime as dt
import re
from pathlib import Path

from icalendar import Calendar

from node.domain.access import operator
from node.service import accounts, cases
from node.store import people
from tests.dashboard.browser import Browser
from tests.dashboard.test_pages import PASSWORD, dashboard, signed_in
from tests.dashboard.test_ways_in import stranger
from tests.exchange.mail_server import mail_server
from tests.exchange.pair import world
from tests.exchange.test_deadlines import about_posting, asked
from tests.exchange.test_mails import Told, link_in
from tests.exchange.test_story import KATALIN, ask


async def test_a_person_chooses_confirms_and_is_led_to_the_case(tmp_path: Path) -> None:
    """Address, summary and topics on the profile; the link needs its person; a mail's link leads through the sign-in."""
    async with (
        world(tmp_path, "DE", "HU") as both,
        mail_server(tmp_path) as server,
        dashboard(both["HU"]) as base,
        signed_in(both["HU"], base, "katalin", "Szabó Katalin", "hu", "HU-okfo") as katalin,
        signed_in(both["HU"], base, "eva", "Éva", "hu", "HU-okfo") as eva,
        stranger(base) as outside,
    ):
        await both.settled()
        off = await katalin.get("/profile")
        assert "Ez a csomópont nem küld e-maileket" in off.text
        told = Told(both, server)
        node = told.node
        node.config = node.config.model_copy(update={"mail": server.section(tmp_path)})
        told.begin()
        form = (await katalin.get("/profile")).form("/profile/mail")
        wrong = await katalin.post(form, mail_address="katalin@", mail_how="once", topic_dates="yes")
        assert wrong.status == 422
        assert (wrong.form("/profile/mail").fields["mail_address"], wrong.status) == ("katalin@", 422)
        saved = await katalin.post(form, mail_address="katalin@register.example", mail_how="once")
        assert "Erre a címre hivatkozást küldtünk." in saved.text
        link = link_in((await server.count(1))[0]).removeprefix("http://127.0.0.1:7080")
        assert (await eva.get(link)).status == 403
        assert (await outside.get(link)).path == "/sign-in"
        page = await katalin.get(link)
        assert "katalin@register.example" in page.text
        done = await katalin.post(page.form("/profile/mail/confirm"))
        assert "Erre a címre hivatkozást küldtünk." not in done.text
        assert (await katalin.get(link)).status == 403
        await ask(both)
        case = link_in((await server.count(2))[1]).removeprefix("http://127.0.0.1:7080")
        asked = await outside.get(case)
        assert asked.path == "/sign-in"
        read = await outside.post(asked.form("/sign-in"), name="katalin", password=PASSWORD)
        assert (read.status, read.path) == (200, case)
        await told.crash()
        async with signed_in(both["HU"], base, "other", "Other", "en", "HU-bfkh") as other:
            assert (await other.get(case)).status == 404


async def test_nothing_leads_a_person_elsewhere_after_signing_in(tmp_path: Path) -> None:
    """Only our own cases and profile are gone on to: an address that somebody planted is passed over."""
    async with world(tmp_path, "HU") as one, dashboard(one["HU"]) as base, stranger(base) as outside:
        async with signed_in(one["HU"], base, "katalin", "Szabó Katalin", "hu", "HU-okfo"):
            pass
        for planted in ("//evil.example/cases/", "/cases/../../x", "https://evil.example", "/sign-out"):
            outside.session.cookie_jar.update_cookies({"entente_goal": planted})
            form = (await outside.get("/sign-in")).form("/sign-in")
            assert (await outside.post(form, name="katalin", password=PASSWORD)).path == "/work"


async def test_a_calendar_program_reads_the_dates_by_a_secret_address(tmp_path: Path) -> None:
    """Date, country, area and link, and nothing else; unchanged it is 304; revoked or replaced it isn't there."""
    async with (
        world(tmp_path, "DE", "HU") as both,
        dashboard(both["HU"]) as base,
        signed_in(both["HU"], base, "katalin", "Szabó Katalin", "hu", "HU-okfo") as katalin,
        signed_in(both["HU"], base, "other", "Other", "en", "HU-bfkh") as other,
        stranger(base) as program,
    ):
        case_id = await ask(both)

        async def made(person: Browser) -> str:
            page = await person.post((await person.get("/profile")).form("/profile/calendar"))
            assert page.text.count("/calendar/") == 1
            address = re.search(r"http://127.0.0.1:7080(/calendar/[\w-]{43}\.ics)", page.text)
            assert address is not None
            assert "/calendar/" not in (await person.get("/profile")).text
            return address[1]

        address = await made(katalin)
        first = await program.get(address)
        assert first.headers["Content-Type"] == "text/calendar; charset=utf-8"
        (event,) = Calendar.from_ical(first.html).events
        assert set(event) == {"UID", "DTSTAMP", "DTSTART", "SUMMARY", "DESCRIPTION", "URL", "TRANSP"}
        assert event["SUMMARY"] == "A válasz határideje · Németország · A szakmai képesítések elismerése"
        assert event["DESCRIPTION"] == "Kért időpont, még nincs megállapodás"
        assert (event.start, event["URL"]) == (dt.date(2026, 12, 14), f"http://127.0.0.1:7080/cases/{case_id}")
        assert Calendar.from_ical((await program.get(await made(other))).html).events == []
        known = {"If-None-Match": first.headers["ETag"]}
        async with program.session.get(base + address, headers=known) as again:
            assert (again.status, await again.read()) == (304, b"")
        await cases.propose_date(both["HU"], KATALIN, case_id, dt.date(2026, 12, 21))
        async with program.session.get(base + address, headers=known) as moved:
            assert moved.status == 200
            (changed,) = Calendar.from_ical(await moved.text()).events
        assert (changed["UID"], changed.start) == (event["UID"], dt.date(2026, 12, 21))
        for wrong in ("/calendar/x.ics", "/calendar/%00.ics", "/calendar/", address.removesuffix(".ics")):
            assert (await program.get(wrong)).status == 404
        second = await made(katalin)
        assert [(await program.get(one)).status for one in (address, second)] == [404, 200]
        await katalin.post((await katalin.get("/profile")).form("/profile/calendar/end"))
        assert (await program.get(second)).status == 404
        third = await made(katalin)
        person = both["HU"].store.read_now(lambda q: people.by_login(q, "katalin"))
        await accounts.end_person(both["HU"], operator(), person.id)
        assert (await program.get(third)).status == 404


async def test_a_calendar_shows_the_date_of_the_act_beside_the_agreed_one(tmp_path: Path) -> None:
    """Two entries of one case, each with its kind; after the reply none."""
    async with (
        world(tmp_path, "DE", "HU") as both,
        dashboard(both["HU"]) as base,
        signed_in(both["HU"], base, "katalin", "Szabó Katalin", "en", "HU-okfo") as katalin,
        stranger(base) as program,
    ):
        case_id = await asked(both, about_posting())
        await cases.agree_date(both["HU"], KATALIN, case_id)
        page = await katalin.post((await katalin.get("/profile")).form("/profile/calendar"))
        address = re.search(r"/calendar/[\w-]{43}\.ics", page.text)
        assert address is not None
        events = Calendar.from_ical((await program.get(address[0])).html).events
        told = [(one.start, one["SUMMARY"].partition(" · ")[0], one["DESCRIPTION"]) for one in events]
        assert told == [
            (dt.date(2026, 12, 14), "Reply due", "Date agreed"),
            (
                dt.date(2026, 12, 30),
                "Latest date by law",
                "Working days: 25. Country: Hungary. Counted from: 23 November 2026",
            ),
        ]
        assert len({one["UID"] for one in events}) == 2
        await cases.decline(both["HU"], KATALIN, case_id, "other")
        assert Calendar.from_ical((await program.get(address[0])).html).events == []
