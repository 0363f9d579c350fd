"""Approval by the coordinator before a request is sent: asked, approved, returned, and no way round it."""

from typing import Any

import pytest

from directory_sync.authority import Links
from directory_sync.demo import coordinated, demo_authorities
from node.domain.access import Grant, operator
from node.service import authority_edit, directory
from node.service.authority_edit import Why
from tests.api.caller import Caller
from tests.api.conftest import REPLY, Apis, request_body
from tests.api.test_roles import AREA, CHAMBER, OTHER, person

COORDINATOR = "DE-bva"
REASON = "Bitte den Berufstitel von Frau Kovács nennen."


@pytest.fixture
async def approving(apis: Apis) -> Apis:
    """Let the chamber have a coordinator, and have its requests approved."""
    record = authority_edit.current(apis.berlin, CHAMBER)
    assert record is not None
    links = Links(validating=COORDINATOR, request={AREA: (COORDINATOR,)}, observers=(OTHER,))
    why = Why("change", "A coordinator")
    await authority_edit.change(apis.berlin, operator(), record.model_copy(update={"links": links}), why)
    await apis.ada.post(f"authorities/{CHAMBER}/approval", {"area": AREA, "on": True})
    return apis


async def coordinator(apis: Apis) -> Caller:
    """Add a referral handler of the coordinator."""
    return await person(apis, Grant(COORDINATOR, "referral-handler", AREA))


async def asked(apis: Apis, **changes: Any) -> str:
    """Let Anna write a request and ask for its approval; return the draft's id."""
    draft = (await apis.anna.post("drafts", request_body(**changes)))["id"]
    assert (await apis.anna.post(f"drafts/{draft}/approval"))["state"] == "waiting"
    return draft


def in_budapest(apis: Apis) -> int:
    """Return how many cases Budapest has."""
    row = apis.world["HU"].store.read_now(lambda q: q.one("SELECT COUNT(*) AS count FROM cases"))
    assert row is not None
    return row["count"]


async def test_a_request_is_sent_once_it_is_approved(approving: Apis):
    """It waits on the coordinator's list, and crosses the line with the approval, in the name of who asked."""
    draft, carla = await asked(approving), await coordinator(approving)
    await approving.settled()
    assert in_budapest(approving) == 0
    (waiting,) = (await carla.get("approvals"))["items"]
    assert (waiting["draft"], waiting["authority"], waiting["area"]) == (draft, CHAMBER, AREA)
    seen = await carla.get(f"approvals/{draft}")
    assert seen["request"]["comment"] == request_body()["comment"]
    sent = await carla.post(f"approvals/{draft}/approve", {"version": seen["version"]})
    await approving.settled()
    assert in_budapest(approving) == 1
    assert (await carla.get("approvals"))["items"] == []
    timeline = (await approving.anna.get(f"cases/{sent['id']}"))["timeline"]
    assert "Anna" in str(timeline)


async def test_a_returned_request_keeps_everything_typed(approving: Apis):
    """The reason is shown to the authority; what was typed is there, and can be mended and asked for again."""
    draft, carla = await asked(approving), await coordinator(approving)
    version = (await carla.get(f"approvals/{draft}"))["version"]
    await carla.post(f"approvals/{draft}/return", {"version": version, "reason": REASON})
    assert await approving.anna.get(f"drafts/{draft}/approval") == {
        "state": "returned",
        "reason": REASON,
        "step": "request.send",
    }
    kept = (await approving.anna.get(f"drafts/{draft}"))["request"]
    assert request_body()["variables"]["person"].items() <= kept["variables"]["person"].items()
    assert kept["comment"] == request_body()["comment"]
    assert (await approving.anna.post(f"drafts/{draft}/approval"))["state"] == "waiting"


async def test_a_handler_finds_no_way_round_approval(approving: Apis):
    """Neither a draft nor a whole request, alone or among many, is sent; nothing reaches the other country."""
    draft = await asked(approving)
    plain = (await approving.anna.post("drafts", request_body()))["id"]
    for body in ({"draft": draft}, {"draft": plain}, request_body()):
        answer = await approving.anna.call("POST", "requests", body)
        assert (answer.status, answer.code) == (409, "approval-needed")
    answer = await approving.anna.call("POST", "requests/bulk", {"requests": [request_body(), request_body()]})
    assert (answer.status, answer.code) == (409, "approval-needed")
    for act in ("approve", "return"):
        body = {"version": 1} | ({"reason": "x"} if act == "return" else {})
        assert (await approving.anna.call("POST", f"approvals/{draft}/{act}", body)).status == 403
    await approving.settled()
    assert in_budapest(approving) == 0


async def test_nobody_approves_what_he_asked_for(approving: Apis):
    """Who is a handler of the authority and decides for its coordinator leaves his own requests to others."""
    both = await person(approving, Grant(CHAMBER, "handler"), Grant(COORDINATOR, "referral-handler"))
    draft = (await both.post("drafts", request_body()))["id"]
    await both.post(f"drafts/{draft}/approval")
    version = (await both.get(f"approvals/{draft}"))["version"]
    assert (await both.call("POST", f"approvals/{draft}/approve", {"version": version})).status == 403
    carla = await coordinator(approving)
    assert (await carla.call("POST", f"approvals/{draft}/approve", {"version": version})).status == 200


async def test_the_auditor_sees_that_approval_was_switched(approving: Apis):
    """Who switched it, and when, stands in the authority's trail."""
    await approving.ada.post(f"authorities/{CHAMBER}/approval", {"area": AREA, "on": False})
    auditor = await person(approving, Grant(CHAMBER, "auditor"))
    done = [(entry["action"], entry["subject"]) for entry in (await auditor.get("audit"))["items"]]
    assert {("approval.on", CHAMBER), ("approval.off", CHAMBER)} <= set(done)


async def test_what_changes_after_it_was_asked_is_not_approved(approving: Apis):
    """Whoever changes a draft that waits, or was approved for its earlier wording, has to ask again."""
    draft, carla = await asked(approving), await coordinator(approving)
    version = (await carla.get(f"approvals/{draft}"))["version"]
    changed = {"request": request_body(comment={"text": "Etwas anderes.", "lang": "de"})}
    assert (await approving.anna.call("PUT", f"drafts/{draft}", changed)).status == 200
    assert (await carla.call("POST", f"approvals/{draft}/approve", {"version": version})).status == 409
    assert (await carla.get("approvals"))["items"] == []
    assert (await approving.anna.get(f"drafts/{draft}/approval"))["state"] == "needed"
    assert (await approving.anna.call("POST", "requests", {"draft": draft})).code == "approval-needed"


async def test_others_find_nothing_that_waits(approving: Apis):
    """Another area, another coordinator, a handler of the coordinator, an observer: for them nothing waits."""
    draft = await asked(approving)
    for grant, status in (
        (Grant(COORDINATOR, "referral-handler", "services"), 404),
        (Grant(OTHER, "referral-handler"), 404),
        (Grant(COORDINATOR, "handler"), 403),
        (Grant(OTHER, "handler"), 403),
    ):
        other = await person(approving, grant)
        assert (await other.call("GET", f"approvals/{draft}")).status == status
        assert (await other.call("POST", f"approvals/{draft}/approve", {"version": 1})).status == status
        assert draft not in (await other.call("GET", "approvals")).raw.decode()


async def test_a_reply_with_its_file_is_approved_by_programs(apis: Apis):
    """The approver reads answers and file; who changes nothing keeps the approval; the switch of one case counts."""
    node = apis.world["HU"]
    await directory.import_authorities(node, operator(), list(coordinated(demo_authorities("HU"))))
    case = await apis.ask()
    await apis.katalin.post(f"cases/{case}/accept", {})
    assert await apis.katalin.post(f"cases/{case}/approval", {"on": True}) == {"on": True}
    assert (await apis.katalin.call("POST", f"cases/{case}/reply", REPLY)).code == "approval-needed"
    draft = (await apis.katalin.post(f"cases/{case}/reply-draft"))["id"]
    assert (await apis.katalin.upload(f"drafts/{draft}/attachments", b"%PDF-1.4 oklevel")).status == 201
    body = {"reply": REPLY}
    await apis.katalin.call("PUT", f"drafts/{draft}", body)
    asked = await apis.katalin.post(f"drafts/{draft}/approval", part="true")
    assert (asked["state"], asked["step"]) == ("waiting", "request.reply-part")
    await apis.katalin.call("PUT", f"drafts/{draft}", body)  # the same again changes nothing
    reka = await person(apis, Grant("HU-oktatasi-hivatal", "referral-handler", AREA), country="HU")
    (line,) = (await reka.get("approvals"))["items"]
    assert (line["draft"], line["case"], line["number"]) == (draft, case, "DE-2026-000001")
    seen = await reka.get(f"approvals/{draft}")
    (file,) = seen["attachments"]
    assert seen["reply"]["answers"]["sanctions"]["code"] == "no"
    path = f"approvals/{draft}/attachments/{file['sha256']}"
    assert (await reka.call("GET", path)).raw == b"%PDF-1.4 oklevel"
    assert (await apis.katalin.call("GET", path)).status == 403
    assert (await apis.katalin.call("POST", f"drafts/{draft}/send-approved")).code == "approval-needed"
    assert (await reka.post(f"approvals/{draft}/approve", {"version": seen["version"]}))["id"] == case
    await apis.settled()
    assert (await apis.anna.get(f"cases/{case}"))["state"] == "accepted"
    answers = {one["id"]: one["answer"] for one in (await apis.anna.get(f"cases/{case}"))["questions"]}
    assert answers["sanctions"]["code"] == "no"


async def test_approval_is_switched_by_the_authority_s_administrator(approving: Apis):
    """Off again, requests go out at once; nobody else switches it, nor where there is no coordinator."""
    assert (
        await approving.anna.call("POST", f"authorities/{CHAMBER}/approval", {"area": AREA, "on": False})
    ).status == 403
    other = await person(approving, Grant(OTHER, "data-administrator"))
    assert (await other.call("POST", f"authorities/{CHAMBER}/approval", {"area": AREA, "on": False})).status == 404
    none = await other.call("POST", f"authorities/{OTHER}/approval", {"area": AREA, "on": True})
    assert (none.status, none.json["fields"]) == (422, {"area": "no-coordinator"})
    await approving.ada.post(f"authorities/{CHAMBER}/approval", {"area": AREA, "on": False})
    await approving.anna.post("requests", request_body())
