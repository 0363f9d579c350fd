"""What an official reads when the member list has expired, or a country is suspended or has left."""

import datetime as dt
from pathlib import Path

from node.service import membership, requests
from protocol.suspension_proposal import lift, suspend
from tests.dashboard.test_mistakes import offices
from tests.dashboard.test_pages import dashboard, signed_in
from tests.exchange.pair import world
from tests.exchange.test_story import ANNA, request
from tests.exchange.test_suspension import agree, in_force

EXPIRED = "Die Liste der teilnehmenden Länder ist abgelaufen."
SUSPENDED = "Die Teilnahme ist ausgesetzt. Land: Ungarn."


async def test_the_search_says_that_the_list_has_expired(tmp_path: Path) -> None:
    """Authorities of countries never dealt with are shown without their button, with the reason (SPEC S-112)."""
    async with world(tmp_path, "DE", "HU") as both:
        await both.settled()
        year = dt.timedelta(days=366)
        async with (
            dashboard(both["DE"]) as base,
            signed_in(both["DE"], base, "anna", "Anna Berger", "de", "DE-zaek-berlin") as anna,
        ):
            found = await anna.get("/find?q=&country=HU")
            assert EXPIRED not in found.text
            assert any(form.fields.get("authority") == "HU-okfo" for form in found.forms)
        await requests.send(both["DE"], ANNA, request().model_copy(update={"to": "HU-okfo"}))
        await both.settled()
        both.clock.offset = year
        async with (
            dashboard(both["DE"]) as base,
            signed_in(both["DE"], base, "anna2", "Anna Berger", "de", "DE-zaek-berlin") as anna,
        ):
            met = await anna.get("/find?q=&country=HU")
            assert EXPIRED in met.text
            assert any(form.fields.get("authority") == "HU-okfo" for form in met.forms)


async def test_a_new_counterpart_has_no_button(tmp_path: Path) -> None:
    """Whoever was never dealt with is found, and can't be asked before the list is renewed (SPEC S-112)."""
    async with world(tmp_path, "DE", "HU") as both:
        await both.settled()
        both.clock.offset = dt.timedelta(days=366)
        async with (
            dashboard(both["DE"]) as base,
            signed_in(both["DE"], base, "anna", "Anna Berger", "de", "DE-zaek-berlin") as anna,
        ):
            found = await anna.get("/find?q=&country=HU")
            assert EXPIRED in found.text
            assert "Országos Kórházi Főigazgatóság" in found.text
            assert not [form for form in found.forms if form.fields.get("authority")]


async def test_a_case_with_a_suspended_country_says_so(tmp_path: Path) -> None:
    """The page gives the reason and offers nothing that would fail; after the end it is as before (SPEC S-184)."""
    async with offices(tmp_path) as office:
        path, both = await office.sent(), office.both
        actions = [form.action for form in (await office.anna.get(path)).forms if form.action.startswith(path)]
        assert len(actions) > 1
        now = both.clock.now() + dt.timedelta(minutes=1)
        both.clock.offset = dt.timedelta(minutes=2)
        await agree(both, suspend(in_force(both["DE"]), "HU", ("DE", "HU"), now), ("DE", "HU"))
        stopped = await office.anna.get(path)
        assert SUSPENDED in stopped.text
        left = [form.action for form in stopped.forms if form.action.startswith(path)]
        assert left == [f"{path}/allocate", f"{path}/reuse"]  # what stays at home
        assert "HU-okfo" not in (await office.anna.get("/find?q=&country=HU")).text
        members = in_force(both["DE"])
        (one,) = members.suspensions("HU", both.clock.now())
        await membership.take_bundle(both["HU"], members.bundle(), "operator")
        await agree(both, lift(members, one, both.clock.now()), ("DE", "HU"))
        again = await office.anna.get(path)
        assert SUSPENDED not in again.text
        assert [form.action for form in again.forms if form.action.startswith(path)] == actions
