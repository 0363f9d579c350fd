"""What officials do about a reply on their pages: mark it as confidential."""

from pathlib import Path

from tests.dashboard.test_pages import asked, dashboard, signed_in
from tests.exchange.pair import world


async def test_what_is_written_is_marked_as_confidential(tmp_path: Path) -> None:
    """A box in each form, the mark at both readers in their own language, in the work list too."""
    async with (
        world(tmp_path, "DE", "HU") as both,
        dashboard(both["DE"]) as berlin,
        dashboard(both["HU"]) as budapest,
        signed_in(both["DE"], berlin, "anna", "Anna Berger", "de", "DE-zaek-berlin") as anna,
        signed_in(both["HU"], budapest, "katalin", "Szabó Katalin", "hu", "HU-okfo") as katalin,
    ):
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
