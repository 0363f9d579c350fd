"""Another program's view of our own authorities: change, history, undo, end, register, invite and approve."""

from typing import Any

import pytest

from node.service.authority_edit import current
from tests.api.conftest import Apis
from tests.node.coordinated import settle

CHAMBER = "DE-zaek-berlin"


@pytest.fixture
async def coordinated(apis: Apis) -> Apis:
    """Both nodes, with a coordinated list in Berlin."""
    await settle(apis.world["DE"])
    return apis


def record(apis: Apis, authority: str = CHAMBER, **changes: Any) -> dict[str, Any]:
    """Return an authority's record with some fields changed."""
    found = current(apis.world["DE"], authority)
    assert found is not None
    return {**found.model_dump(mode="json"), **changes}


async def test_a_program_changes_what_its_person_may(coordinated: Apis) -> None:
    """A data administrator's program changes the place, reads the history and takes it back; a handler's may not."""
    ada, path = coordinated.ada, f"authorities/{CHAMBER}"
    body = {"record": record(coordinated, place="Potsdam"), "reason": "Umzug"}
    assert (await coordinated.anna.call("PUT", path, body)).status == 403
    made = await ada.call("PUT", path, body)
    assert (made.status, made.json["place"]) == (200, "Potsdam")
    stale = await ada.call("PUT", path, body)
    assert (stale.status, stale.json["code"]) == (409, "stale")
    named = {"record": record(coordinated, name="Anders"), "reason": "x"}
    refused = await ada.call("PUT", path, named)
    assert (refused.status, refused.json["fields"]) == (403, {"name": "not-yours"})
    history = (await ada.get(f"{path}/history"))["items"]
    assert history[0]["fields"] == [{"field": "place", "before": "Berlin", "after": "Potsdam"}]
    undo = {"change": history[0]["change"], "v": made.json["v"], "reason": "Irrtum"}
    assert (await ada.call("POST", f"{path}/undo", undo)).json["place"] == "Berlin"
    assert (await coordinated.miriam.call("GET", f"{path}/history")).status == 404
    wrong = await ada.call("PUT", "authorities/DE-other", {"record": record(coordinated), "reason": "x"})
    assert wrong.status == 422


async def test_an_operator_s_program_registers_invites_and_ends(coordinated: Apis) -> None:
    """Registering, inviting, listing and ending, with links where somebody gets one."""
    operator = coordinated.operator
    new = {**record(coordinated), "id": "DE-new", "v": 1, "name": "Neue Kammer"}
    admin = {"login": "carla", "name": "Carla", "language": "de"}
    body = {"coordinator": "DE-state", "record": new, "administrator": admin, "reason": "Neu"}
    made = await operator.call("POST", "authorities", body)
    assert made.status == 201, made.json
    assert "/link/" in made.json["url"]
    assert (await operator.call("POST", "authorities", body)).status == 409
    invited = await operator.call("POST", "registrations", {"coordinator": "DE-state", "note": "Kammer"})
    assert "/invitation/" in invited.json["url"]
    (found,) = (await operator.get("registrations"))["items"]
    assert (found["state"], found["administrator"]) == ("invited", None)
    path = f"registrations/{found['id']}"
    assert (await operator.call("POST", f"{path}/approve", {"reason": "x"})).status == 409
    assert (await operator.call("POST", f"{path}/return", {})).status == 201
    assert (await operator.call("POST", f"{path}/withdraw", {})).status == 204
    assert (await operator.get(path))["state"] == "withdrawn"
    end = {"v": 1, "valid_until": "2027-06-30", "successor": CHAMBER, "reason": "Fusion"}
    assert (await operator.call("POST", "authorities/DE-new/end", end)).json["successor"] == CHAMBER
    listed = (await operator.get("coordinated", q="neue"))["items"]
    assert [one["id"] for one in listed] == ["DE-new"]
    assert (await coordinated.ada.call("GET", "coordinated")).status == 403
    assert (await coordinated.ada.get("registrations"))["items"] == []


async def test_a_record_is_erased(coordinated: Apis) -> None:
    """The operator's program erases a record; a local administrator's may not, and a second time changes nothing."""
    path = f"authorities/{CHAMBER}/erase"
    assert (await coordinated.ada.call("POST", path, {"reason": "x"})).status == 403
    assert (await coordinated.operator.call("POST", path, {"reason": ""})).json["fields"] == {"reason": "missing"}
    for _ in range(2):
        assert (await coordinated.operator.call("POST", path, {"reason": "Auf Antrag"})).status == 204
    (first, *_) = (await coordinated.operator.get(f"authorities/{CHAMBER}/history"))["items"]
    assert (first["kind"], first["reason"], first["fields"]) == ("erase", "Auf Antrag", [])


async def test_the_import_keeps_to_the_same_rules(coordinated: Apis) -> None:
    """A local administrator can't rename itself by the import, and each import is in the history with its reason."""
    renamed = [record(coordinated, name="Anders")]
    assert (await coordinated.ada.call("POST", "directory/import", renamed)).status == 403
    moved = [record(coordinated, place="Potsdam")]
    assert (await coordinated.ada.call("POST", "directory/import", moved)).status == 200
    latest = (await coordinated.ada.get(f"authorities/{CHAMBER}/history"))["items"][0]
    assert (latest["kind"], latest["reason"]) == ("import", "Import")


async def test_an_import_may_say_why(coordinated: Apis) -> None:
    """The reason stands in the history; without one, or with a record that can't be published, nothing is changed."""
    moved = [record(coordinated, place="Potsdam")]
    unsaid = await coordinated.ada.call("POST", "directory/imports", {"reason": "", "records": moved})
    assert (unsaid.status, unsaid.json["fields"]) == (422, {"reason": "missing"})
    foreign = {"reason": "x", "records": [record(coordinated, competences=["activity:nonsense"])]}
    refused = await coordinated.ada.call("POST", "directory/imports", foreign)
    assert refused.json["fields"] == {"records.0.competences": "unknown-competence"}
    made = await coordinated.ada.call("POST", "directory/imports", {"reason": "Umzug", "records": moved})
    assert (made.status, made.json["changed"]) == (200, 1)
    latest = (await coordinated.ada.get(f"authorities/{CHAMBER}/history"))["items"][0]
    assert (latest["kind"], latest["reason"]) == ("import", "Umzug")
