"""The work list with more cases than a page holds: each section is turned over by itself, and loses none."""

from pathlib import Path

from node.service import cases, requests
from tests.dashboard.browser import Browser
from tests.dashboard.test_pages import dashboard, signed_in
from tests.exchange.pair import world
from tests.exchange.test_story import ANNA, KATALIN, request

CASES = 53


async def _turned_over(browser: Browser, section: str, path: str = "/work") -> list[str]:
    """Return the numbers of a section's cases, from page to page."""
    seen: list[str] = []
    while path:
        page = await browser.get(path)
        part = page.html.partition(f'aria-labelledby="{section}"')[2].partition("</section>")[0]
        seen += [line.partition(">")[2].partition("<")[0] for line in part.split('class="ecl-link ent-number"')[1:]]
        after = [href for href, words in page.links if f"{section}=" in href and words == "Következő oldal"]
        assert len(after) <= 1
        path = after[0] if after else ""
    return seen


async def test_each_section_is_read_on_from_page_to_page(tmp_path: Path) -> None:
    """More than fifty cases wait; one of them is finished. All are met once, whatever the list is narrowed to."""
    async with world(tmp_path, "DE", "HU") as both:
        short = request().model_copy(update={"questions": ("registration-status", "sanctions")})
        content = requests.only_needed(both["DE"], short)
        await both.settled()
        sent = await requests.send_many(both["DE"], ANNA, [content] * CASES)
        await both.settled()
        await cases.decline(both["HU"], KATALIN, sent[0].id, "other")
        waiting = {one.number for one in sent[1:]}
        async with (
            dashboard(both["HU"]) as base,
            signed_in(both["HU"], base, "katalin", "Szabó Katalin", "hu", "HU-okfo") as katalin,
        ):
            first = await katalin.get("/work")
            assert "50+ ügy" in first.text
            assert (f'<span class="ent-count">{CASES - 1}</span>' in first.html, "Első oldal" in first.text) == (
                True,
                False,
            )
            todo = await _turned_over(katalin, "todo")
            assert (len(todo), set(todo)) == (CASES - 1, waiting)
            assert await _turned_over(katalin, "finished") == [sent[0].number]
            narrowed = await _turned_over(katalin, "todo", "/work?role=replying&state=sent&text=n%C3%A9metorsz%C3%A1g")
            assert set(narrowed) == waiting
            assert await _turned_over(katalin, "todo", "/work?role=asking") == []
            oldest = todo[-1]
            assert await _turned_over(katalin, "todo", f"/work?text={oldest.lower()}") == [oldest]
            made_up = await katalin.get("/work?todo=2026-11-30T00%3A00%3A00.000000Z~x")
            assert made_up.status == 422
