"""What goes wrong in an office's day is mended on the pages: refusals, slips of the hand, things typed too long."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

from node.domain.access import operator
from node.domain.person import NewPerson
from node.service import accounts, cases, drafts, sessions
from protocol.content import Said
from protocol.limits import MAX_TEXT
from tests.dashboard.browser import Browser, Page, PageForm
from tests.dashboard.test_pages import asked, dashboard, signed_in
from tests.exchange.pair import World, handler, world
from tests.exchange.test_refusal import end_authority
from tests.exchange.test_story import request

ANNA = handler("DE-zaek-berlin")


@dataclass
class Offices:
    """Berlin's and Budapest's nodes, and a handler's browser at each."""

    both: World
    anna: Browser
    katalin: Browser

    async def sent(self) -> str:
        """Send a request; return the address of its page once it is in Budapest."""
        path = (await asked(self.anna)).path
        await self.both.settled()
        return path


@contextlib.asynccontextmanager
async def offices(folder: Path) -> AsyncIterator[Offices]:
    """Open both offices."""
    async with (
        world(folder, "DE", "HU") as both,
        dashboard(both["DE"]) as berlin,
        dashboard(both["HU"]) as budapest,
        signed_in(both["DE"], berlin, "anna", "Anna Berger", "de", "DE-zaek-berlin") as anna,
        signed_in(both["HU"], budapest, "katalin", "Szabó Katalin", "hu", "HU-okfo") as katalin,
    ):
        await both.settled()
        yield Offices(both, anna, katalin)


def choosing(page: Page, authority: str) -> PageForm:
    """Return the form of a search result that asks an authority."""
    return next(form for form in page.forms if form.fields.get("authority") == authority)


async def test_a_refused_request_is_mended_with_a_few_clicks(tmp_path: Path) -> None:
    """The button leads to the search; what was typed comes along, and only the authority is chosen anew."""
    async with offices(tmp_path) as office:
        office.both.net.down.add("HU")
        case = (await asked(office.anna)).path
        await end_authority(office.both["HU"], "HU-okfo")
        office.both.net.down.clear()
        await office.both.settled()
        read = await office.anna.get(case)
        assert "unknown-authority" in read.text
        find = await office.anna.post(read.form("/reuse"))
        assert (find.status, find.path) == (200, "/find")
        assert "DE-2026-000001" in find.text
        start = await office.anna.post(choosing(find, "HU-mok"))
        questions = await office.anna.post(start.form(start.path))
        details = await office.anna.post(questions.form("/questions"), item="registration-status", do="next")
        assert "oklevel.pdf" in details.text
        check = await office.anna.post(details.form("/details"), do="check")
        assert (check.path.rpartition("/")[2], "Bitte prüfen." in check.text) == ("check", True), check.text[:900]
        sent = await office.anna.post(check.form("/send"))
        await office.both.settled()
        assert "DE-2026-000002" in (await office.anna.get(sent.path)).text


async def test_a_draft_for_an_unknown_authority_hides_no_other_draft(tmp_path: Path) -> None:
    """It is listed like all others, and leads to where the authority is chosen, whatever else is filled in."""
    async with offices(tmp_path) as office:
        wrong = request().model_copy(update={"to": "HU-nobody"})
        draft = await drafts.start_request(office.both["DE"], ANNA, wrong)
        listed = await office.anna.get("/drafts")
        assert (listed.status, "HU-nobody" in listed.text) == (200, True)
        for step in ("", "/questions", "/details", "/check"):
            start = await office.anna.get(f"/ask/{draft.id}{step}")
            assert (start.status, start.path, "#f-authority" in start.html) == (422, f"/ask/{draft.id}", True)


async def test_an_authority_that_has_ended_meanwhile_is_named_as_the_mistake(tmp_path: Path) -> None:
    """The last step keeps what was typed and leads to the first, where another authority can be chosen."""
    async with offices(tmp_path) as office:
        berlin = office.both["DE"]
        draft = await drafts.start_request(berlin, ANNA, request())
        details = await office.anna.get(f"/ask/{draft.id}/details")
        await berlin.store.write(lambda tx: tx.run("UPDATE authority SET ended = 1 WHERE id = 'HU-okfo'"))
        start = await office.anna.post(details.form("/details"), do="check", comment="Neu.")
        assert (start.path, "#f-authority" in start.html) == (f"/ask/{draft.id}", True)
        kept = drafts.read(berlin, ANNA, draft.id).request
        assert kept is not None
        assert kept.comment == Said(text="Neu.", lang="de")


async def test_a_comment_that_is_too_long_comes_back_with_everything_typed(tmp_path: Path) -> None:
    """Nothing of a form is lost for one field at fault: asking, answering and declining alike."""
    async with offices(tmp_path) as office:
        case = await office.sent()
        long = "á" * (MAX_TEXT + 1)
        start = await office.anna.post(choosing(await office.anna.get("/find?q=zahnarzt&country=HU"), "HU-okfo"))
        questions = await office.anna.post(start.form(start.path), set="professional-qualifications/establishment")
        details = await office.anna.post(questions.form("/questions"), item="registration-status", do="next")
        back = await office.anna.post(
            details.form("/details"), do="check", comment=long, variable__person__given_names="Eszter"
        )
        assert back.status == 422
        assert (back.form("/details").fields["comment"], "#f-comment" in back.html) == (long, True)
        assert back.form("/details").fields["variable.person.given_names"] == "Eszter"
        theirs = await office.katalin.get(case)
        declined = await office.katalin.post(theirs.form("/decline"), reason="other", comment=long)
        assert (declined.status, declined.form("/decline").fields["comment"]) == (422, long)
        accepted = await office.katalin.post(theirs.form("/accept"), accept="agree")
        reply = await office.katalin.get(f"{accepted.path}/reply")
        kept = await office.katalin.post(
            reply.form("/reply"), **{"answer.registration-status": "registered", "comment.registration-status": long}
        )
        fields = kept.form("/reply").fields
        assert (kept.status, fields["comment.registration-status"]) == (422, long)
        assert fields["answer.registration-status"] == "registered"


async def test_accepting_with_another_date_is_one_step(tmp_path: Path) -> None:
    """Acceptance and date are one button: a date in the past leaves the request as it was."""
    async with offices(tmp_path) as office:
        case = await office.sent()
        budapest, case_id = office.both["HU"], case.rpartition("/")[2]
        theirs = await office.katalin.get(case)
        past = await office.katalin.post(theirs.form("/accept"), accept="propose", accept_date="2020-01-01")
        assert past.status == 422
        sql = "SELECT kind FROM event WHERE case_id = :id AND kind NOT LIKE 'notice.%' ORDER BY seq"
        assert len(budapest.store.read_now(lambda q: q.all(sql, {"id": case_id}))) == 1
        done = await office.katalin.post(past.form("/accept"), accept="propose", accept_date="2026-12-28")
        assert (done.status, done.path) == (200, case)
        await office.both.settled()
        _, proposed, accepted = budapest.store.read_now(lambda q: q.all(sql, {"id": case_id}))
        assert [proposed["kind"], accepted["kind"]] == ["date.propose", "request.accept"]
        held = cases.own_case(office.both["DE"], ANNA, case_id)
        assert (held.state, held.date_state, held.due.isoformat()) == ("accepted", "proposed", "2026-12-28")


async def test_granting_a_withdrawal_asks_once_more(tmp_path: Path) -> None:
    """The first press only asks; cancelling and another language lead back to the case, which still runs."""
    async with offices(tmp_path) as office:
        case = await office.sent()
        await office.katalin.post((await office.katalin.get(case)).form("/accept"), accept="agree")
        await office.both.settled()
        asking = await office.anna.post((await office.anna.get(case)).form("/withdraw"))
        await office.anna.post(asking.form("/withdraw"))
        await office.both.settled()
        confirm = await office.katalin.post((await office.katalin.get(case)).form("/withdraw"))
        assert any(href == case for href, _ in confirm.links)
        assert any(href.startswith(f"{case}?lang=el") for href, _ in confirm.links)
        budapest, case_id = office.both["HU"], case.rpartition("/")[2]
        katalin = handler("HU-okfo", "Szabó Katalin", "hu")
        assert cases.own_case(budapest, katalin, case_id).state == "accepted"
        await office.katalin.post(confirm.form("/withdraw"))
        assert cases.own_case(budapest, katalin, case_id).state == "withdrawn"


async def test_ending_an_access_asks_once_more(tmp_path: Path) -> None:
    """Only the second press ends it; the page names the user, and no address does."""
    async with offices(tmp_path) as office:
        berlin = office.both["DE"]
        ada, otto = [
            await accounts.add_person(
                berlin,
                operator(),
                NewPerson(login, login.title(), "de", frozenset({role}), frozenset({"DE-zaek-berlin"})),
            )
            for login, role in (("ada", "data-administrator"), ("otto", "handler"))
        ]
        token = await sessions.make_link(berlin, operator(), ada.id)
        office.anna.session.cookie_jar.clear()
        landing = await office.anna.get(f"/link/{token}")
        choose = await office.anna.post(landing.form("/link"))
        await office.anna.post(choose.form("/password"), password="Wolke Lampe Suppe 12", repeat="Wolke Lampe Suppe 12")
        people = await office.anna.get("/people")
        end = f"/people/{otto.id}/end"
        confirm = await office.anna.post(people.form(end))
        assert (confirm.status, "Otto" in confirm.text, confirm.path) == (200, True, end)

        def ended() -> bool:
            return (
                next(one for one in accounts.list_people(berlin, operator()) if one.id == otto.id).ended_at is not None
            )

        assert not ended()
        done = await office.anna.post(confirm.form(end))
        assert (done.path, ended()) == ("/people", True)
        taken = await office.anna.post(
            done.form("/people"), name="Otto Zwei", login="otto", authority="DE-zaek-berlin", role="handler"
        )
        assert "vergeben" in taken.text


async def test_the_head_of_each_page_names_the_authority(tmp_path: Path) -> None:
    """The official name stands there, never an id; of several the first, with the number and names of the others."""
    async with offices(tmp_path) as office:
        berlin = office.both["DE"]
        work = await office.anna.get("/work")
        assert ("Zahnärztekammer Berlin" in work.text, "DE-zaek-berlin" in work.text) == (True, False)
        both = frozenset({"DE-zaek-berlin", "DE-lageso-berlin"})
        mia = await accounts.add_person(berlin, operator(), NewPerson("mia", "Mia", "de", frozenset({"handler"}), both))
        token = await sessions.make_link(berlin, operator(), mia.id)
        office.anna.session.cookie_jar.clear()
        landing = await office.anna.get(f"/link/{token}")
        page = await office.anna.post(landing.form("/link"))
        assert "+1" in page.text
        assert "Zahnärztekammer Berlin" in page.text


@pytest.mark.parametrize("number", ["²", "٣", "9" * 5000, "9" * 17, "-1", "1e3", ""], ids=lambda text: text[:6])
async def test_whatever_stands_for_a_number_breaks_no_page(tmp_path: Path, number: str) -> None:
    """A number in an address that isn't one counts as none, and in a form it changes nothing."""
    async with offices(tmp_path) as office:
        told = urlencode({"from": number})
        for path in ("/work", "/find?q=zahnarzt", "/find?q=zahnarzt&country=HU"):
            page = await office.anna.get(f"{path}{'&' if '?' in path else '?'}{told}")
            assert page.status == 200, path
        start = await office.anna.post(choosing(await office.anna.get("/find?q=zahnarzt&country=HU"), "HU-okfo"))
        chosen = "professional-qualifications/establishment"
        questions = await office.anna.post(start.form(start.path), set=chosen, version=number)
        assert questions.path.endswith("/questions"), questions.text[:600]
