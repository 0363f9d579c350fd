"""The page of observed cases: a summary for who observes, no entry in the menu for who doesn't."""

from pathlib import Path

from directory_sync.authority import Links
from node.domain.access import operator
from node.service import authority_edit
from node.service.authority_edit import Why
from tests.dashboard.test_pages import asked, dashboard, signed_in
from tests.exchange.pair import world


async def test_an_observer_reads_the_summary_on_a_page(tmp_path: Path) -> None:
    """The menu leads to it once the record names the reader's authority; it says nothing typed and opens no case."""
    async with world(tmp_path, "DE", "HU") as both, dashboard(both["DE"]) as base:
        await both.settled()
        async with signed_in(both["DE"], base, "anna", "Anna", "de", "DE-zaek-berlin") as browser:
            case = (await asked(browser)).path
        async with signed_in(both["DE"], base, "mia", "Mia", "en", "DE-lageso-berlin") as browser:
            assert 'href="/observed"' not in (await browser.get("/work")).html
            record = authority_edit.current(both["DE"], "DE-zaek-berlin")
            assert record is not None
            links = Links(validating="DE-bva", observers=("DE-lageso-berlin",))
            why = Why("change", "An observer")
            await authority_edit.change(both["DE"], operator(), record.model_copy(update={"links": links}), why)
            page = await browser.get("/observed")
            assert "DE-2026-000001" in page.html
            assert not [word for word in ("/cases/", "Eszter", "Bitte", "OKFŐ") if word in page.html]
            assert (await browser.get(case)).status == 404
