"""Finding whom to ask on the real pages, without scripts: mistyped, filtered, or led there step by step."""

from pathlib import Path

from node.domain.draft import ReplyDraft
from node.service import cases
from protocol.content import Reply
from tests.dashboard.test_pages import asked, dashboard, signed_in
from tests.exchange.pair import handler, world

DENTIST = "profession:dental-practitioner"


async def test_an_official_is_led_to_the_register_and_asks_it(tmp_path: Path) -> None:
    """Who doesn't know whom to ask chooses country, area and profession, reads why, and asks with one button."""
    async with (
        world(tmp_path, "DE", "HU") as both,
        dashboard(both["DE"]) as base,
        signed_in(both["DE"], base, "anna", "Anna Berger", "de", "DE-zaek-berlin") as anna,
    ):
        await both.settled()
        found = await anna.get("/find?new=1")
        (guide,) = [href for href, words in found.links if words == "Ich weiß nicht, wen ich fragen soll"]
        country = await anna.get(guide)
        assert "Beantworten Sie einige Fragen" in country.text
        area = await anna.get(f"{guide.partition('?')[0]}?new=1&country=HU")
        assert "Ungarn" in area.text
        last = await anna.get("/find/whom?new=1&country=HU&area=professional-qualifications")
        assert last.form("/whom").fields["new"] == "1"
        end = await anna.get(
            f"/find/whom?new=1&country=HU&area=professional-qualifications&competence={DENTIST}&place=Atlantis"
        )
        assert "Zuständig für: Zahnarzt. Gebiet: Ungarn" in end.text
        assert "Diese sind für ein größeres Gebiet zuständig." in end.text
        assert "Koordinatoren" in end.text
        button = next(form for form in end.forms if form.fields.get("authority") == "HU-okfo")
        start = await anna.post(button)
        assert start.path.startswith("/ask/")


async def test_filters_and_words_stay_in_the_form(tmp_path: Path) -> None:
    """After a search the form shows what was chosen, and only what fits is listed; odd values break nothing."""
    async with (
        world(tmp_path, "DE", "HU") as both,
        dashboard(both["DE"]) as base,
        signed_in(both["DE"], base, "anna", "Anna Berger", "de", "DE-zaek-berlin") as anna,
    ):
        await both.settled()
        page = await anna.get(f"/find?q=zahnartz&country=HU&competence={DENTIST}&level=national&understands=hu")
        fields = page.form("/find").fields
        assert (fields["q"], fields["competence"], fields["level"]) == ("zahnartz", DENTIST, "national")
        assert "Országos Kórházi Főigazgatóság" in page.text
        none = await anna.get(f"/find?country=HU&competence={DENTIST}&level=local")
        assert "Keine Behörde gefunden" in none.text
        for odd in (
            "/find?q=" + "x" * 5000,
            "/find?from=abc&q=a",
            "/find/whom?country=XX",
            "/find/whom?country=HU&area=%22",
        ):
            assert (await anna.get(odd)).status == 200, odd


async def test_the_usual_time_to_answer_is_shown_from_three_answers_on(tmp_path: Path) -> None:
    """Two closed requests say nothing yet; the third shows the median, and nothing else of the cases."""
    async with (
        world(tmp_path, "DE", "HU") as both,
        dashboard(both["DE"]) as base,
        signed_in(both["DE"], base, "anna", "Anna Berger", "de", "DE-zaek-berlin") as anna,
    ):
        await both.settled()
        katalin, berlin = handler("HU-okfo", "Szabó Katalin", "hu"), handler("DE-zaek-berlin", "Anna Berger", "de")
        for count in (1, 2, 3):
            case = (await asked(anna)).path.rpartition("/")[2]
            await both.settled()
            await cases.accept(both["HU"], katalin, case)
            answers = {"registration-status": Reply(code="registered")}
            await cases.reply(both["HU"], katalin, case, ReplyDraft(answers=answers))
            await both.settled()
            await cases.close(both["DE"], berlin, case)
            await both.settled()
            page = await anna.get("/find?q=zahnarzt&country=HU")
            assert ("Übliche Antwortzeit in Tagen: 1" in page.text) == (count == 3)
            assert "Példa" not in page.text
