"""What those see who take no part in a case: observers a summary, auditors the trail, both without contents."""

import json

import pytest

from directory_sync.authority import Links
from node.domain.access import Grant, operator
from node.service import authority_edit
from node.service.authority_edit import Why
from tests.api.conftest import Apis
from tests.api.test_roles import AREA, CHAMBER, OTHER, person

OBSERVER = OTHER
OF_THE_CASE = ("Eszter", "Kovács", "Eintragung", "registration-status", "OKFŐ", "HU-okfo", "Anna", "establishment")
"""What stands in the request, whom it went to and who sent it."""


@pytest.fixture
async def observing(apis: Apis) -> Apis:
    """Let the chamber's record name an observer."""
    record = authority_edit.current(apis.berlin, CHAMBER)
    assert record is not None
    links = (record.links or Links(validating="DE-bva")).model_copy(update={"observers": (OBSERVER,)})
    why = Why("change", "An observer")
    await authority_edit.change(apis.berlin, operator(), record.model_copy(update={"links": links}), why)
    return apis


async def test_an_observer_sees_a_summary_and_no_contents(observing: Apis):
    """Number, area, countries, state and dates: nothing that was typed, no person, no authority of the other side."""
    case = await observing.ask()
    raw = (await observing.miriam.call("GET", "observed-cases")).raw
    (line,) = json.loads(raw)["items"]
    assert (line["authority"], line["country"], line["state"], line["due"]) == (CHAMBER, "HU", "sent", "2026-12-14")
    assert not [word for word in (case, *OF_THE_CASE) if word in raw.decode()]


async def test_an_observer_that_asks_the_api_directly_finds_no_case(observing: Apis):
    """A summary opens nothing: by its id the case answers like one that doesn't exist, whatever is asked of it."""
    case = await observing.ask()
    for method, path, body in (
        ("GET", "", None),
        ("GET", "/handlers", None),
        ("POST", "/withdraw", {}),
        ("POST", "/message", {"comment": {"text": "x", "lang": "de"}}),
        ("POST", "/reuse", None),
    ):
        assert (await observing.miriam.call(method, f"cases/{case}{path}", body)).status == 404
    assert (await observing.miriam.post("cases/search", {}))["items"] == []


async def test_whom_no_record_names_observes_nothing(apis: Apis):
    """Without a link the same authority sees no line."""
    await apis.ask()
    assert (await apis.miriam.get("observed-cases"))["items"] == []


async def test_an_observer_s_role_counts_in_its_area(observing: Apis):
    """Whoever works for the observer in another area sees none of this one's cases."""
    await observing.ask()
    other = await person(observing, Grant(OBSERVER, "handler", "services"))
    same = await person(observing, Grant(OBSERVER, "basic-user", AREA))
    assert (await other.get("observed-cases"))["items"] == []
    assert len((await same.get("observed-cases"))["items"]) == 1


async def test_a_link_that_goes_takes_the_summary_along(observing: Apis):
    """Once the record names no observer any more, nothing is shown."""
    await observing.ask()
    record = authority_edit.current(observing.berlin, CHAMBER)
    assert record is not None
    assert record.links is not None
    links = record.links.model_copy(update={"observers": ()})
    why = Why("change", "No observer")
    await authority_edit.change(observing.berlin, operator(), record.model_copy(update={"links": links}), why)
    assert (await observing.miriam.get("observed-cases"))["items"] == []


async def test_an_auditor_reads_who_did_what_and_no_contents(apis: Apis):
    """The trail of the authority's cases and accounts has ids and codes; other authorities' entries aren't in it."""
    case = await apis.ask()
    auditor = await person(apis, Grant(CHAMBER, "auditor"))
    raw = (await auditor.call("GET", "audit")).raw
    trail = json.loads(raw)["items"]
    assert (apis.people["anna"], "request.send", case) in {(e["actor"], e["action"], e["subject"]) for e in trail}
    assert apis.people["miriam"] not in raw.decode()
    assert not [word for word in OF_THE_CASE if word in raw.decode()]
    elsewhere = await person(apis, Grant(OTHER, "auditor"))
    assert case not in (await elsewhere.call("GET", "audit")).raw.decode()


async def test_the_trail_goes_on_where_a_part_of_it_ended(apis: Apis):
    """Parts follow one another without a gap or an entry twice."""
    await apis.ask()
    auditor = await person(apis, Grant(CHAMBER, "auditor"))
    whole = [entry["number"] for entry in (await auditor.get("audit"))["items"]]
    parts, before = [], {}
    while before is not None:
        part = await auditor.get("audit", limit="2", **before)
        parts += [entry["number"] for entry in part["items"]]
        before = {"before": str(part["before"])} if part["before"] else None
    assert parts == whole
