"""The list of urgent cases: what a coordinator sees of its authorities' cases, and what nobody sees through it."""

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from directory_sync.authority import AreaRole, Links
from directory_sync.demo import demo_authorities
from node.domain.access import operator
from node.errors import NodeError
from node.service import cases, directory, reading, requests, urgency
from tests.dashboard.test_pages import dashboard, signed_in
from tests.exchange.pair import World, handler, world
from tests.exchange.test_mails import until
from tests.exchange.test_story import ANNA, KATALIN, request

JUDIT = handler("HU-meszk", "Judit", "hu")
PQ = "professional-qualifications"


async def coordinate(both: World, *, area: str = PQ, **links: object) -> None:
    """Make HU-meszk a coordinator of an area, named by the record of the asked authority where `links` say so."""
    records = []
    for one in demo_authorities("HU"):
        update: dict[str, object] = {"v": one.v + 1}
        if one.id == "HU-okfo":
            update["links"] = Links(validating="HU-bm", **links)
        elif one.id in ("HU-meszk", "HU-bm"):
            coordinated = area if one.id == "HU-meszk" else PQ
            update["areas"] = (AreaRole(area=coordinated, role="coordinator", status="active"),)
        records.append(one.model_copy(update=update))
    both.clock.offset += dt.timedelta(minutes=1)
    await until(both["HU"].asked)
    await directory.import_authorities(both["HU"], operator(), records)


@asynccontextmanager
async def coordinated(folder: Path, *due: int) -> AsyncIterator[World]:
    """Run two nodes with cases that are due on these days of December 2026; HU-meszk coordinates who was asked."""
    async with world(folder, "DE", "HU") as both:
        await both.settled()
        await coordinate(both, request={PQ: ("HU-meszk",)})
        variables = {name: one for name, one in request().variables.items() if name != "document"}
        for day in due:
            changes = {"due": dt.date(2026, 12, day), "questions": ("sanctions",), "variables": variables}
            await requests.send(both["DE"], ANNA, request().model_copy(update=changes))
        await both.settled()
        yield both


async def test_a_coordinator_sees_what_is_outstanding_the_most_urgent_first(tmp_path: Path) -> None:
    """Number, area, countries, authority, state and dates; what was answered or ended isn't there."""
    async with coordinated(tmp_path, 20, 2, 14, 5) as both:
        both.clock.offset += dt.timedelta(days=12)
        listed = await reading.list_cases(both["HU"], KATALIN, reading.CaseFilter(), "hu")
        ended = next(one for one in listed.items if one.due and one.due.date.day == 5)
        await cases.decline(both["HU"], KATALIN, ended.id, "other")
        found = await urgency.urgent(both["HU"], JUDIT, "en")
        assert [(one.due.day, one.days_late, one.marks) for one in found.items] == [
            (2, 3, ("unaccepted",)),
            (14, -9, ("unaccepted",)),
            (20, -15, ("unaccepted",)),
        ]
        first = found.items[0]
        assert (first.asking_name, first.replying_name, first.role) == ("Germany", "Hungary", "replying")
        assert (first.authority, first.state, first.due_state, first.legal) == ("HU-okfo", "sent", "asked", None)
        assert (first.sent, first.number, found.next) == (dt.date(2026, 11, 23), "DE-2026-000002", None)


async def test_the_list_has_no_contents_no_persons_and_no_way_into_a_case(tmp_path: Path) -> None:
    """Neither the person nor a handler or question stands in it, and the case itself isn't there for a coordinator."""
    async with coordinated(tmp_path, 14) as both:
        text = (await urgency.urgent(both["HU"], JUDIT, "hu")).model_dump_json()
        (line,) = (await reading.list_cases(both["HU"], KATALIN, reading.CaseFilter(), "hu")).items
        for hidden in ("Eszter", "Kovács", "Anna", "Katalin", "sanctions", "diplom", line.id):
            assert hidden not in text
        with pytest.raises(NodeError) as refused:
            await reading.read_case(both["HU"], JUDIT, line.id, "hu")
        assert refused.value.code == "not-found"


async def test_who_coordinates_nothing_has_no_list(tmp_path: Path) -> None:
    """An authority's own handler, an administrator and the operator are refused; so is a place that no list gave."""
    async with coordinated(tmp_path, 14) as both:
        for actor in (KATALIN, operator(), handler("HU-elsewhere", "Éva", "hu")):
            with pytest.raises(NodeError) as refused:
                await urgency.urgent(both["HU"], actor, "hu")
            assert refused.value.code == "forbidden"
        for place in ("x", "2026-12-14", "2026-12-14.' OR 1=1 --", "9" * 60):
            with pytest.raises(NodeError) as malformed:
                await urgency.urgent(both["HU"], JUDIT, "hu", after=place)
            assert malformed.value.fields == {"after": "malformed"}


async def test_only_cases_of_the_areas_it_is_named_for_are_seen(tmp_path: Path) -> None:
    """A coordinator of another area, or one that no record names, sees an empty list."""
    async with coordinated(tmp_path, 14) as both:
        await coordinate(both)
        assert (await urgency.urgent(both["HU"], JUDIT, "hu")).items == ()
        validating = handler("HU-bm", "Bea", "hu")
        assert len((await urgency.urgent(both["HU"], validating, "hu")).items) == 1


async def test_parts_of_the_list_hold_each_case_once(tmp_path: Path) -> None:
    """Read two at a time, also where several are due on one day and one is answered in between."""
    async with coordinated(tmp_path, 14, 14, 14, 3, 20) as both:
        whole = [one.number for one in (await urgency.urgent(both["HU"], JUDIT, "hu")).items]
        read, place = [], ""
        while True:
            part = await urgency.urgent(both["HU"], JUDIT, "hu", limit=2, after=place)
            read += [one.number for one in part.items]
            if part.next is None:
                break
            place = part.next
        assert (read, len(read)) == (whole, 5)


async def test_the_page_is_in_the_menu_of_coordinators_alone(tmp_path: Path) -> None:
    """Each in the reader's language; for others it says that it isn't theirs."""
    async with coordinated(tmp_path, 14) as both:
        both.clock.offset += dt.timedelta(days=8)
        async with (
            dashboard(both["HU"]) as base,
            signed_in(both["HU"], base, "judit", "Judit", "de", "HU-meszk") as judit,
            signed_in(both["HU"], base, "katalin", "Szabó Katalin", "hu", "HU-okfo") as katalin,
        ):
            page = await judit.get("/urgent")
            assert "/urgent" in [href for href, _ in page.links]
            for said in ("Dringende Vorgänge", "DE-2026-000001", "Nicht innerhalb von 7 Tagen angenommen"):
                assert said in page.text
            assert [href for href, _ in page.links if href.startswith("/cases/")] == []
            assert "/urgent" not in [href for href, _ in (await katalin.get("/work")).links]
            assert (await katalin.get("/urgent")).status == 403
            assert (await judit.get("/urgent?after=%00")).status in (400, 422)
