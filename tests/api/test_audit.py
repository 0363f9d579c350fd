"""The auditor's trail: filters, pages, the table, and who held which role from when until when."""

import csv
import io
from datetime import timedelta

import pytest

from node.domain.access import ROLES, Grant, operator
from node.domain.person import NewPerson
from node.service import accounts
from tests.api.conftest import Apis
from tests.api.test_roles import AREA, CHAMBER, OTHER, person


async def test_a_revoked_role_stays_visible_to_the_auditor(apis: Apis):
    """Who held which role from when until when, and who granted and revoked it; also once nothing is held there."""
    node, auditor = apis.berlin, await person(apis, Grant(CHAMBER, "auditor"))
    new = NewPerson("uli", "Uli Beispiel", "de", frozenset({"handler"}), frozenset({CHAMBER}), areas=frozenset({AREA}))
    uli = await accounts.add_person(node, operator(), new)
    await accounts.grant(node, operator(), uli.id, Grant(OTHER, "handler"))
    began = node.clock.now()
    apis.world.clock.offset += timedelta(hours=1)
    await accounts.revoke(node, operator(), uli.id, Grant(CHAMBER, "handler", AREA))
    (held,) = [one for one in (await auditor.get("audit/rights"))["items"] if one["person"] == uli.id]
    assert (held["role"], held["area"], held["by"], held["ended_by"]) == ("handler", AREA, "operator", "operator")
    assert held["since"] <= began.isoformat() < held["until"]
    about = [one for one in (await auditor.get("audit", kind="person"))["items"] if one["subject"] == uli.id]
    assert {one["action"] for one in about} == {"person.add", "role.grant", "role.revoke"}
    assert all(OTHER not in one["detail"] for one in about), "roles elsewhere are others' to audit"
    elsewhere = await person(apis, Grant(OTHER, "auditor"))
    rights = (await elsewhere.get("audit/rights"))["items"]
    assert [(one["authority"], one["until"]) for one in rights if one["person"] == uli.id] == [(OTHER, None)]
    assert "Uli" not in str(rights) + str(about)
    await accounts.end_person(node, operator(), uli.id)
    (ended,) = [one for one in (await elsewhere.get("audit/rights"))["items"] if one["person"] == uli.id]
    assert ended["until"] is not None


async def test_the_trail_is_narrowed_by_day_kind_and_authority_and_read_in_pages(apis: Apis):
    """Days count in the node's zone and both ends; what isn't audited isn't found; pages leave nothing out."""
    case = await apis.ask()
    auditor = await person(apis, Grant(CHAMBER, "auditor"))
    everything = (await auditor.get("audit", limit="500"))["items"]
    cases = (await auditor.get("audit", kind="case"))["items"]
    assert {one["subject"] for one in cases} == {case}
    kinds = [
        one for kind in ("case", "person", "authority") for one in (await auditor.get("audit", kind=kind))["items"]
    ]
    assert sorted(one["number"] for one in kinds) == sorted(one["number"] for one in everything)
    today = apis.berlin.clock.now().date()
    for first, last, count in ((0, 0, len(cases)), (-9, -1, 0), (1, 9, 0), (-1, 1, len(cases))):
        days = {"first": str(today + timedelta(days=first)), "last": str(today + timedelta(days=last))}
        assert len((await auditor.get("audit", kind="case", **days))["items"]) == count, days
    paged, before = [], {}
    while True:
        part = await auditor.get("audit", limit="2", **before)
        paged += part["items"]
        if part["before"] is None:
            break
        before = {"before": str(part["before"])}
    assert paged == everything
    table = await auditor.call("GET", "audit/table")
    assert table.headers["Content-Type"].startswith("text/csv")
    lines = list(csv.DictReader(io.StringIO(table.raw.decode())))
    assert [int(line["number"]) for line in lines] == [one["number"] for one in everything]
    assert (await auditor.call("GET", "audit", authority=OTHER)).status == 404
    assert (await auditor.call("GET", "audit", kind="content")).status in (400, 422)


@pytest.mark.parametrize("role", ROLES)
async def test_only_the_auditor_reads_it(apis: Apis, role):
    """Each other role is refused, the operator too."""
    caller = await person(apis, Grant("" if role == "operator" else CHAMBER, role))
    for path in ("audit", "audit/table", "audit/rights"):
        assert (await caller.call("GET", path)).status == (200 if role == "auditor" else 403), path
