"""A person's choice about mails on the profile page, the link that confirms an address, and where a mail leads."""

from pathlib import Path

from tests.dashboard.test_pages import PASSWORD, dashboard, signed_in
from tests.dashboard.test_ways_in import stranger
from tests.exchange.mail_server import mail_server
from tests.exchange.pair import world
from tests.exchange.test_mails import Told, link_in
from tests.exchange.test_story import ask


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
