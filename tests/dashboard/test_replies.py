"""What officials do about a reply on their pages: mark it as confidential, send it in parts, rate and refer it."""

from datetime import timedelta
from pathlib import Path

from directory_sync.demo import coordinated, demo_authorities
from node.domain.access import operator
from node.service import cases, directory, find
from tests.dashboard.test_pages import asked, dashboard, desks, signed_in
from tests.exchange.pair import world
from tests.exchange.test_areas import until
from tests.exchange.test_story import ANNA, KATALIN, ask, reply


async def test_what_is_written_is_marked_as_confidential(tmp_path: Path) -> None:
    """A box in each form, the mark at both readers in their own language, in the work list too."""
    async with desks(tmp_path) as (both, anna, katalin):
        await both.settled()
        case = await asked(anna)
        await both.settled()
        theirs = await katalin.get(case.path)
        assert "Bizalmasan kezelendő" not in theirs.text
        await katalin.post(theirs.form("/accept"), accept="agree")
        form = (await katalin.get(f"{case.path}/reply")).form("/reply")
        kept = await katalin.post(form, do="save", confidential="yes", **{"answer.registration-status": "registered"})
        assert kept.form("/reply").fields["confidential"] == "yes"
        await katalin.post(kept.form("/reply"), do="send")
        await both.settled()
        read = await anna.get(case.path)
        assert read.text.count("Vertraulich zu behandeln") == 2, read.text  # above all, and in the history
        await anna.post(read.form("/message"), message="Danke.", confidential="yes")
        assert (await anna.get(case.path)).text.count("Vertraulich zu behandeln") == 4
        for browser, words in ((anna, "Vertraulich zu behandeln"), (katalin, "Bizalmasan kezelendő")):
            assert (await browser.get("/work")).text.count(words) == 1
        await both.settled()


async def test_some_questions_are_answered_now_and_one_cannot_be(tmp_path: Path) -> None:
    """A second button sends what is answered; the asker reads it; an answer and none at once comes back in place."""
    async with desks(tmp_path) as (both, anna, katalin):
        case_id = await ask(both)
        path = f"/cases/{case_id}"
        await katalin.post((await katalin.get(path)).form("/accept"), accept="agree")
        form = (await katalin.get(f"{path}/reply")).form("/reply")
        both_given = {"answer.sanctions": "no", "absent.sanctions": "not-known"}
        wrong = await katalin.post(form, do="send-part", **both_given)
        assert (wrong.status, "vagy válassza ki" in wrong.text) == (422, True)
        sent = await katalin.post(wrong.form("/reply"), do="send-part", **{"absent.sanctions": ""})
        assert (sent.path, "A válasz többi része" in sent.text) == (path, True), sent.text[:900]
        await both.settled()
        read = await anna.get(path)
        assert ("Die vollständige Antwort steht noch aus" in read.text, "/close" in read.html) == (True, False)
        rest = (await katalin.get(f"{path}/reply")).form("/reply")
        assert rest.fields["answer.sanctions"] == "no"
        done = {"absent.evidence-holder": "not-available", "absent.registration-status": "not-known"}
        assert (await katalin.post(rest, do="send", **done)).path == path
        await both.settled()
        read = await anna.get(path)
        assert ("Nicht verfügbar" in read.text, "Nicht bekannt" in read.text, "/close" in read.html) == (True,) * 3


async def test_a_closed_request_is_rated_on_its_page(tmp_path: Path) -> None:
    """Both answers are needed, the other side reads it, the statistics count it, and the form is gone."""
    async with desks(tmp_path) as (both, anna, katalin):
        case_id = await ask(both)
        await cases.accept(both["HU"], KATALIN, case_id)
        await cases.reply(both["HU"], KATALIN, case_id, reply())
        await both.settled()
        await cases.close(both["DE"], ANNA, case_id)
        form = (await anna.get(f"/cases/{case_id}")).form("/rate")
        half = await anna.post(form, timeliness="1")
        assert (half.status, half.form("/rate").fields["timeliness"]) == (422, "1")
        rated = await anna.post(half.form("/rate"), efforts="-1")
        assert ("Die Bewertung wurde gesendet" in rated.text, "/rate" in rated.html) == (True, False)
        await both.settled()
        assert "Nem elégedett" in (await katalin.get(f"/cases/{case_id}")).text
        rows = await anna.get("/statistics.csv?role=asking")
        assert rows.html.splitlines()[-1].endswith(",0,1,100,1")


async def test_a_reply_is_referred_and_decided_on_pages(tmp_path: Path) -> None:
    """Each page says in plain words where the case is; who decides has the buttons, and nobody else."""
    async with (
        world(tmp_path, "DE", "HU") as both,
        dashboard(both["DE"]) as berlin,
        dashboard(both["HU"]) as budapest,
        signed_in(both["DE"], berlin, "anna", "Anna Berger", "de", "DE-zaek-berlin") as anna,
        signed_in(both["DE"], berlin, "uwe", "Uwe Lang", "de", "DE-bva", "referral-handler") as uwe,
        signed_in(both["HU"], budapest, "reka", "Tóth Réka", "hu", "HU-oktatasi-hivatal", "referral-handler") as reka,
    ):
        path = f"/cases/{await ask(both)}"
        case_id = path.rpartition("/")[2]
        await cases.accept(both["HU"], KATALIN, case_id)
        await cases.reply(both["HU"], KATALIN, case_id, reply())
        await both.settled()
        form = (await anna.get(path)).form("/refer")
        alone = await anna.post(form, refer="Die Angaben fehlen.")
        assert (alone.status, "Das Verzeichnis nennt" in alone.text) == (422, True)
        both.clock.offset += timedelta(minutes=1)  # a log is signed every ten seconds at most
        for country in ("DE", "HU"):
            await directory.import_authorities(both[country], operator(), coordinated(demo_authorities(country)))
        for country, other, known in (("DE", "HU", "HU-okfo"), ("HU", "DE", "DE-zaek-berlin")):
            both.exchanges[other].announce()
            await until(
                lambda at=both[country], one=known: bool((find.known(at, one) or demo_authorities("HU")[0]).links)
            )
        referred = await anna.post(alone.form("/refer"))
        assert "Jetzt entscheidet ihr eigener Koordinator" in referred.text, referred.text[:900]
        assert ("/escalate" in referred.html, path in (await uwe.get("/work")).html) == (False, True)
        agreed = await uwe.post((await uwe.get(path)).form("/escalate"))
        assert "Koordinator der antwortenden Seite" in agreed.text
        await both.settled()
        both_ways = await reka.get(path)
        empty = await reka.post(both_ways.form("/return"))
        assert empty.status == 422
        upheld = await reka.post(both_ways.form("/uphold"), uphold="Teljes.")
        assert upheld.path == "/work"
        await both.settled()
        seen = await anna.get(path)
        assert ("hält die Antwort für ausreichend" in seen.text, "Teljes." in seen.text) == (True, True)
        assert ("/close" in seen.html, "/refer" in seen.html) == (True, False)
