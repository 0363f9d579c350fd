"""The pages of approval and of the audit trail in a real browser: no barrier, and nothing scrolls sideways."""

from pathlib import Path

from playwright.async_api import async_playwright

from directory_sync.demo import coordinated, demo_authorities
from node.domain.access import Actor, granted, operator
from node.service import approval_switches, approvals, directory
from tests.dashboard.test_browser import opened, violations
from tests.dashboard.test_pages import asked, dashboard, desks, signed_in

OKFO, OFFICE, AREA = "HU-okfo", "HU-oktatasi-hivatal", "professional-qualifications"


def decider_of(authority: str) -> Actor:
    """Return somebody who decides for a coordinator."""
    return Actor("id", "x", "de", granted(["referral-handler"], [authority]))


async def test_no_page_of_approval_or_audit_has_a_barrier(tmp_path: Path, chromium: str, axe: str) -> None:
    """Axe finds nothing at either width, in German and Bulgarian."""
    async with (
        desks(tmp_path) as (both, anna, katalin),
        dashboard(both["HU"]) as base,
        async_playwright() as playwright,
    ):
        node = both["HU"]
        await both.settled()
        await directory.import_authorities(node, operator(), list(coordinated(demo_authorities("HU"))))
        case = await asked(anna)
        await both.settled()
        await katalin.post((await katalin.get(case.path)).form("/accept"), accept="agree")
        await approval_switches.switch(node, operator(), OKFO, AREA, "replying", on=True)
        form = (await katalin.get(f"{case.path}/reply")).form("/reply")
        await katalin.post(form, do="send-part", **{"answer.registration-status": "registered"})
        async with (
            signed_in(node, base, "reka", "Réka", "de", OFFICE, "referral-handler") as reka,
            signed_in(node, base, "olga", "Olga", "de", OKFO, "auditor") as olga,
        ):
            (waiting,), _ = approvals.list_waiting(node, decider_of(OFFICE), 5)
            waits = f"/approvals/{waiting.draft}"
            launched = await playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
            )
            found: list[str] = []
            try:
                for lang, width in (("de", 1280), ("bg", 360)):
                    for browser, paths in (
                        (katalin, (case.path, f"{case.path}/reply", "/drafts")),
                        (reka, ("/approvals", waits)),
                        (olga, ("/audit",)),
                    ):
                        window = await opened(launched, browser, lang, width)
                        for path in paths:
                            await window.goto(browser.base + path)
                            found += await violations(window, axe)
                            wide = await window.evaluate("document.documentElement.scrollWidth > window.innerWidth")
                            assert not wide, f"{path} scrolls sideways at {width}"
            finally:
                await launched.close()
            assert found == []
