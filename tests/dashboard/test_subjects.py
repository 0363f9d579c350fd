"""The data administrator's pages: a claim from its receipt to its deletion, and what is recorded beside a case."""

import contextlib
import datetime as dt
import io
import json
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from node.domain.access import Actor, granted
from node.service import cases, corrections, subject_cases, subjects
from node.service.subjects import NewFile
from protocol.content import Said
from tests.dashboard.browser import Browser, PageForm
from tests.dashboard.test_browser import FLAGS, opened, violations
from tests.dashboard.test_pages import dashboard, signed_in
from tests.exchange.pair import World, world
from tests.exchange.test_story import ANNA, KATALIN, ask, reply

CHAMBER = "DE-zaek-berlin"
OTTO = Actor("id-otto", "Otto", "de", granted(["data-administrator"], [CHAMBER]))
NAME = "Eszter Kovács"


@dataclass
class Desk:
    """Two nodes with a case that has been answered and closed, and Ada, Berlin's data administrator."""

    both: World
    ada: Browser
    case: str

    async def sent(self, form: PageForm, **fields: str) -> bytes:
        """Send a form whose answer is a file."""
        async with self.ada.session.post(self.ada.base + form.action, data={**form.fields, **fields}) as answer:
            assert answer.status == 200
            assert "attachment" in answer.headers["Content-Disposition"]
            return await answer.read()


@contextlib.asynccontextmanager
async def desk(folder: Path, lang: str = "de") -> AsyncIterator[Desk]:
    """Give Ada's desk."""
    async with world(folder, "DE", "HU") as both:
        case = await ask(both)
        await cases.accept(both["HU"], KATALIN, case)
        await cases.reply(both["HU"], KATALIN, case, reply())
        await both.settled()
        await cases.close(both["DE"], ANNA, case)
        await both.settled()
        async with (
            dashboard(both["DE"]) as base,
            signed_in(both["DE"], base, "ada", "Ada", lang, CHAMBER, "data-administrator") as ada,
        ):
            yield Desk(both, ada, case)


async def test_a_claim_is_kept_on_pages_from_its_receipt_to_its_deletion(tmp_path: Path) -> None:
    """Mistakes come back with what was typed; the case is found, contested, copied, the claim answered and deleted."""
    async with desk(tmp_path) as at:
        ada, today = at.ada, at.both["DE"].clock.now().date()
        form = (await ada.get("/subjects/new")).form("/subjects")
        wrong = await ada.post(form, person=NAME, reach="Teststraße 1", asked="Was haben Sie?")
        assert (wrong.status, NAME in wrong.html, "Bitte" in wrong.text) == (422, True, True)
        received = (today - dt.timedelta(days=40)).isoformat()
        file = await ada.post(wrong.form("/subjects"), wants="access", received=received)
        assert (file.status, NAME in file.html) == (200, True)
        assert "10 Tage" in (await ada.get("/subjects")).text
        assert '<span class="ent-count">1</span>' in file.html
        found = await ada.get(f"{file.path}?country=HU&search=yes")
        named = await ada.post(next(one for one in found.forms if one.fields.get("case") == at.case))
        assert named.path == file.path

        beside = await ada.get(f"/cases/{at.case}/corrections")
        assert "Kovács" not in beside.html, "nothing of the case's contents is shown"
        empty = await ada.post(beside.form("/contest"), contest_text="Das Datum ist falsch.")
        assert (empty.status, "Das Datum ist falsch." in empty.html) == (422, True)
        reply_event = next(
            one.event for one in corrections.read(at.both["DE"], OTTO, at.case, "de").statements if not one.ours
        )
        contest = empty.form("/contest")
        done = await ada.post(contest, contest_event=reply_event, contest_ground="accuracy")
        assert (done.status, "Bestritten" in done.text) == (200, True)
        await ada.post(contest, contest_event=reply_event, contest_ground="accuracy")  # pressed twice
        assert len(corrections.read(at.both["DE"], OTTO, at.case, "de").corrections) == 1
        theirs = await ada.post(done.form("/contest"), contest_event="nothing", contest_ground="accuracy")
        assert theirs.status == 422

        page = await ada.get(file.path)
        assert "Daten bestritten" in page.text, "the file says what was done in the case"
        refused = await ada.post(page.form("/copy"), copy_reason=" ")
        assert refused.status == 422
        packed = zipfile.ZipFile(io.BytesIO(await at.sent(page.form("/copy"), copy_reason="Auskunft")))
        names = packed.namelist()
        assert {"copy.html", "copy.css", "copy.json"} < set(names)
        assert any(name.endswith("oklevel.pdf") for name in names)
        document = packed.read("copy.html").decode()
        assert all(word in document for word in ("Eszter", "Kovács", "Das Datum ist falsch.", "Bestritten"))
        assert json.loads(packed.read("copy.json"))["cases"][0]["id"] == at.case

        page = await ada.get(file.path)
        late = await ada.post(page.form("/extend"), extend_until="2027-02-01", extend_told=today.isoformat())
        assert late.status == 422
        ended = await ada.post(
            page.form("/end"), end_outcome="answered", end_on=today.isoformat(), end_words="Kopie geschickt"
        )
        assert (ended.status, "Kopie geschickt" in ended.text) == (200, True)
        assert "/copy" not in ended.html, "a claim that has ended opens no case"
        asked_again = await ada.post(ended.form("/delete"))
        assert "Dieses Ersuchen löschen?" in asked_again.text
        assert (await ada.post(asked_again.form("/delete"))).path == "/subjects"
        assert (await ada.get(file.path)).status == 404


async def test_a_claim_that_can_not_be_read_says_so_and_can_be_deleted(tmp_path: Path) -> None:
    """After a restore of older keys the list is there as ever; nothing is offered that would overwrite the claim."""
    async with desk(tmp_path) as at:
        ada, node = at.ada, at.both["DE"]
        form = (await ada.get("/subjects/new")).form("/subjects")
        today = node.clock.now().date().isoformat()
        said = {"person": NAME, "reach": "Teststraße 1", "asked": "Was haben Sie?", "wants": "access"}
        file = await ada.post(form, received=today, **said)
        file_id = file.path.rpartition("/")[2]
        await node.case_keys.erase_made_before([file_id], node.clock.now() + dt.timedelta(days=1))
        assert "nicht mehr lesbar" in (await ada.get("/subjects")).text
        page = await ada.get(file.path)
        assert (page.status, "nicht mehr lesbar" in page.text, "/end" in page.html) == (200, True, False)
        asked_again = await ada.post(page.form("/delete"))
        assert (await ada.post(asked_again.form("/delete"))).path == "/subjects"
        assert (await ada.get(file.path)).status == 404


async def test_a_deletion_is_ordered_beside_the_case(tmp_path: Path) -> None:
    """The ground is asked for, then it is asked again; the order crosses and the claim says that it was given."""
    async with desk(tmp_path) as at:
        node, today = at.both["DE"], at.both["DE"].clock.now().date()
        claim = NewFile(CHAMBER, ("deletion",), today, NAME, "Post", "Löschen Sie alles.")
        file = await subjects.open_file(node, OTTO, claim)
        await subject_cases.link(node, OTTO, file.id, at.case)
        page = await at.ada.get(f"/cases/{at.case}/corrections")
        order = page.form("/protection/order")
        assert (await at.ada.post(order)).status == 422
        question = await at.ada.post(order, ground="consent")
        assert (await at.ada.post(question.form("/protection/order"))).path == "/protection"
        kept = await at.ada.get(f"/subjects/{file.id}")
        assert "Löschung angeordnet" in kept.text
        assert (await at.ada.get(f"/cases/{at.case}/corrections")).status == 410
        await at.both.settled()


async def test_whoever_uses_the_node_gets_a_file_of_what_it_keeps_of_them(tmp_path: Path) -> None:
    """From the profile: account, roles and what the trail says the person did."""
    async with desk(tmp_path) as at:
        page = await at.ada.get("/profile")
        (href,) = [href for href, _ in page.links if href == "/profile/data"]
        async with at.ada.session.get(at.ada.base + href) as answer:
            assert "attachment" in answer.headers["Content-Disposition"]
            found = await answer.json()
        assert (found["login"], found["grants"][0]["role"]) == ("ada", "data-administrator")


@pytest.mark.browser
async def test_no_page_of_the_data_administrator_has_a_barrier(tmp_path: Path, chromium: str, axe: str) -> None:
    """Axe finds nothing, in two languages, on a wide and a narrow screen, and nothing scrolls sideways."""
    async with desk(tmp_path) as at, async_playwright() as playwright:
        node, today = at.both["DE"], at.both["DE"].clock.now().date()
        ids = []
        for days, wants in ((40, ("access", "objection")), (25, ("deletion",)), (2, ("correction",))):
            claim = NewFile(CHAMBER, wants, today - dt.timedelta(days=days), NAME, "Per Post", "Was haben Sie?")
            ids.append((await subjects.open_file(node, OTTO, claim)).id)
        await subject_cases.link(node, OTTO, ids[0], at.case)
        await subjects.end(node, OTTO, ids[2], "refused", today, "Unbegründet")
        statements = corrections.read(node, OTTO, at.case, "de").statements
        for one in statements[:2]:
            text = Said(text="Das Geburtsdatum ist falsch.", lang="de")
            await corrections.contest(node, OTTO, at.case, one.event, "accuracy", text)
        await at.both.settled()
        launched = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        found: list[str] = []
        paths = ("/subjects", "/subjects/new", f"/subjects/{ids[0]}?search=yes", f"/subjects/{ids[2]}")
        for lang, width in (("de", 1280), ("el", 360)):
            window = await opened(launched, at.ada, lang, width)
            for path in (*paths, f"/cases/{at.case}/corrections"):
                await window.goto(at.ada.base + path)
                await window.evaluate("document.querySelectorAll('details.ent-fold').forEach(one => one.open = true)")
                found += await violations(window, axe)
                wide = await window.evaluate("document.documentElement.scrollWidth > window.innerWidth")
                assert not wide, f"{path} scrolls sideways at {width}"
        await launched.close()
        assert found == []
