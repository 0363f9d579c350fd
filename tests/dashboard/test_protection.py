"""The data administrator's page: deletions are ordered, followed on both sides, and sights of blocked data read."""

import os
from pathlib import Path

from playwright.async_api import async_playwright

from node.service import blocking, cases, erasure, erasure_orders
from node.store import erasures, retention
from tests.dashboard.test_browser import FLAGS, opened, violations
from tests.dashboard.test_pages import dashboard, signed_in
from tests.exchange.closed import OTTO
from tests.exchange.pair import World, world
from tests.exchange.test_orders import divided, withdrawn
from tests.exchange.test_refusal import stored_case
from tests.exchange.test_story import ANNA, ask

SHOTS = os.environ.get("SHOTS")
CHAMBER = "DE-zaek-berlin"
REASON = "Klage vor dem Verwaltungsgericht"


async def blocked_and_seen(both: World) -> tuple[str, str]:
    """Let Berlin withdraw a request that is blocked and seen with a reason, and another that still runs: the numbers."""
    ended, runs = await ask(both), await ask(both)
    await cases.withdraw(both["DE"], ANNA, ended)
    await both.settled()
    await both["DE"].store.write(lambda tx: retention.block(tx, [ended]))
    await blocking.see(both["DE"], ANNA, ended, "proof", REASON)
    return stored_case(both["DE"], ended).number, stored_case(both["DE"], runs).number


async def test_a_deletion_is_ordered_and_followed_on_both_sides(tmp_path: Path) -> None:
    """A wrong number or one of a running case is said at its field; the order is asked once more, given, acknowledged."""
    async with (
        world(tmp_path, "DE", "HU") as both,
        dashboard(both["DE"]) as berlin,
        dashboard(both["HU"]) as budapest,
        signed_in(both["DE"], berlin, "otto", "Otto", "en", CHAMBER, "data-administrator") as otto,
        signed_in(both["HU"], budapest, "zsofia", "Zsófia", "en", "HU-okfo", "data-administrator") as zsofia,
    ):
        number, running = await blocked_and_seen(both)
        page = await otto.get("/protection")
        assert (page.status, REASON in page.text) == (200, True)
        for wrong, ground, said in (
            ("DE-2026-999999", "court", "No case of your authority"),
            (running, "court", "not ended yet"),
            (number, "", "Choose"),
            ("", "court", "Fill in this field"),
        ):
            again = await otto.post(page.form("/protection/order"), number=wrong, ground=ground)
            assert (again.status, said in again.text) == (422, True), again.text
        asked = await otto.post(page.form("/protection/order"), number=number, ground="court")
        assert "cannot be undone" in asked.text
        assert stored_case(both["DE"], asked_case(both, number)).ended
        assert "Not yet" not in (await otto.get("/protection")).text
        ordered = await otto.post(asked.form("/protection/order"))
        assert (ordered.path, "Ordered here" in ordered.text) == ("/protection", True)
        assert (REASON in ordered.text, "Deleted with the case" in ordered.text) == (False, True)
        await both.settled()
        await erasure.look(both["HU"])
        await both.settled()
        assert "Not yet" not in (await otto.get("/protection")).text
        theirs = await zsofia.get("/protection")
        assert ("Ordered by the other side" in theirs.text, "Decision of a court" in theirs.text) == (True, True)
        twice = await otto.post(page.form("/protection/order"), number=number, ground="court")
        assert (twice.status, "have been deleted" in twice.text) == (422, True)


async def test_of_several_cases_with_one_number_one_is_chosen(tmp_path: Path) -> None:
    """After a loss two requests may have it: the page names them, asks which, and only that one is deleted."""
    async with (
        world(tmp_path, "DE", "HU") as both,
        dashboard(both["DE"]) as berlin,
        signed_in(both["DE"], berlin, "otto", "Otto", "en", CHAMBER, "data-administrator") as otto,
    ):
        node, (first, second) = both["DE"], [await ask(both), await ask(both)]
        for case_id in (first, second):
            await withdrawn(both, case_id)
        number = stored_case(node, second).number
        await node.store.write(lambda tx: tx.run("UPDATE cases SET number = :n", {"n": number}))
        form = (await otto.get("/protection")).form("/protection/order")
        several = await otto.post(form, number=number, ground="court")
        assert (several.status, "Several cases" in several.text, "Case meant" in several.text) == (422, True, True)
        assert all(f'value="{one}"' in several.html for one in (first, second))
        assert several.text.count("Hungary · ") == 2
        again = await otto.post(several.form("/protection/order"), case="another")
        assert (again.status, again.form("/protection/order").fields["ground"]) == (422, "court")
        asked = await otto.post(again.form("/protection/order"), case=second)
        assert ("cannot be undone" in asked.text, f"{number} · Hungary · " in asked.text) == (True, True)
        await otto.post(asked.form("/protection/order"))
        gone = [one for one in (first, second) if node.store.read_now(lambda q, c=one: erasures.find(q, c))]
        assert gone == [second]


def asked_case(both: World, number: str) -> str:
    """Return the case of a number in Berlin."""
    row = both["DE"].store.read_now(lambda q: q.one("SELECT id FROM cases WHERE number = :n", {"n": number}))
    assert row is not None
    return str(row["id"])


async def test_nobody_is_told_that_they_ordered_what_another_authority_did(tmp_path: Path) -> None:
    """Who orders hears that the parts go too; who has a part reads that it was ordered here, not by whom it wasn't."""
    async with (
        divided(tmp_path) as one,
        dashboard(one.both["HU"]) as budapest,
        signed_in(one.both["HU"], budapest, "zsofia", "Zsófia", "en", "HU-okfo", "data-administrator") as zsofia,
        signed_in(one.both["HU"], budapest, "janos", "János", "en", "HU-mok", "data-administrator") as janos,
    ):
        await withdrawn(one.both, one.part)
        number = stored_case(one.both["HU"], one.whole).number
        page = await zsofia.get("/protection")
        asked = await zsofia.post(page.form("/protection/order"), number=number, ground="court")
        assert "parts of the case are deleted as well" in asked.text
        await zsofia.post(asked.form("/protection/order"))
        theirs = (await janos.get("/protection")).text
        assert (f"{number}/1" in theirs, "Ordered here" in theirs, "by your authority" in theirs) == (True, True, False)


async def test_who_may_not_order_sees_no_form_and_gets_no_further(tmp_path: Path) -> None:
    """An auditor reads orders and sights; a handler reads neither; another authority's administrator finds no case."""
    async with (
        world(tmp_path, "DE", "HU") as both,
        dashboard(both["DE"]) as berlin,
        signed_in(both["DE"], berlin, "olaf", "Olaf", "en", CHAMBER, "auditor") as auditor,
        signed_in(both["DE"], berlin, "hanna", "Hanna", "en", CHAMBER, "handler") as handler,
        signed_in(both["DE"], berlin, "ute", "Ute", "en", "DE-lageso-berlin", "data-administrator") as other,
    ):
        number, _ = await blocked_and_seen(both)
        read = await auditor.get("/protection")
        assert (REASON in read.text, "/protection/order" in read.text) == (True, False)
        assert (await handler.get("/protection")).status == 403
        page = await other.get("/protection")
        assert REASON not in page.text
        form = page.form("/protection/order")
        assert (await other.post(form, number=number, ground="court")).status == 422
        for browser in (auditor, handler):
            token = next(one.fields["csrf"] for one in (await browser.get("/profile")).forms if "csrf" in one.fields)
            form.fields["csrf"] = token
            said = await browser.post(form, number=number, ground="court", confirmed="yes")
            assert said.status == 403
        case_id = asked_case(both, number)
        assert both["DE"].store.read_now(lambda q: erasures.find(q, case_id)) is None


async def test_the_page_has_no_barrier(tmp_path: Path, chromium: str, axe: str) -> None:
    """Axe finds nothing on it, with its mistakes and its question, wide and narrow; nothing scrolls sideways."""
    async with (
        world(tmp_path, "DE", "HU") as both,
        dashboard(both["DE"]) as berlin,
        signed_in(both["DE"], berlin, "otto", "Otto", "de", CHAMBER, "data-administrator") as otto,
        async_playwright() as playwright,
    ):
        number, running = await blocked_and_seen(both)
        ordered = await ask(both)
        await cases.withdraw(both["DE"], ANNA, ordered)
        await both.settled()
        await erasure_orders.give(both["DE"], OTTO, stored_case(both["DE"], ordered).number, "consent")
        launched = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        found = []
        for lang, width in (("de", 1280), ("el", 360)):
            window = await opened(launched, otto, lang, width)
            for asked in ("", running, number):
                await window.goto(otto.base + "/protection")
                if asked:
                    await window.locator("input[name=number]").fill(asked)
                    await window.locator("input[value=court]").check()
                    async with window.expect_navigation():
                        await window.locator("form[action$=order] button").click()
                found += await violations(window, axe)
                assert not await window.evaluate("document.documentElement.scrollWidth > window.innerWidth"), width
                if SHOTS:
                    await window.screenshot(path=f"{SHOTS}/{lang}-{width}-{asked or 'page'}.png", full_page=True)
        await launched.close()
        assert found == []
