"""A national system uses an earlier request again, and accepts with a date in one call."""

from tests.api.conftest import Apis, request_body


async def test_a_request_is_used_again_without_the_person(apis: Apis):
    """The new draft has authority, questions and profession; the answer names the step to go on with."""
    case_id = await apis.ask()
    made = await apis.anna.post(f"cases/{case_id}/reuse")
    assert (made["mend"], made["kind"], made["attachments"]) == ("details", "request", [])
    held = (await apis.anna.get(f"drafts/{made['id']}"))["request"]
    assert (held["to"], held["questions"]) == ("HU-okfo", request_body()["questions"])
    assert (list(held["variables"]), held["comment"]) == (["profession"], None)


async def test_only_the_asking_authority_uses_a_request_again(apis: Apis):
    """Others of the node find no such case, the replying side is told that it isn't its request."""
    case_id = await apis.ask()
    assert (await apis.miriam.call("POST", f"cases/{case_id}/reuse")).status == 404
    assert (await apis.ada.call("POST", f"cases/{case_id}/reuse")).status == 403
    assert (await apis.katalin.call("POST", f"cases/{case_id}/reuse")).status == 409


async def test_accepting_says_until_when_in_the_same_call(apis: Apis):
    """The date asked for is agreed to, another one proposed; one in the past accepts nothing."""
    first, second = await apis.ask(), await apis.ask()
    past = await apis.katalin.call("POST", f"cases/{first}/accept", {"date": "2020-01-01"})
    assert past.status == 422
    assert (await apis.katalin.get(f"cases/{first}"))["state"] == "sent"
    await apis.katalin.post(f"cases/{first}/accept", {"date": request_body()["due"]})
    await apis.katalin.post(f"cases/{second}/accept", {"date": "2026-12-30"})
    dues = [(await apis.katalin.get(f"cases/{case}"))["due"] for case in (first, second)]
    assert [(due["state"], due["date"]) for due in dues] == [("agreed", "2026-12-14"), ("proposed", "2026-12-30")]
