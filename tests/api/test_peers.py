"""The operator's hand on peers and queues by the API: the same as the commands and the pages."""

from directory_sync.demo import demo_authorities
from node.domain.access import operator
from node.service import queues
from tests.api.conftest import Apis, request_body


async def test_a_peer_is_read_blocked_and_unblocked(apis: Apis) -> None:
    """All that is known of it in one answer, and both acts at once."""
    await apis.ask()
    peer = await apis.operator.get("peers/HU")
    assert (peer["status"]["country"], peer["status"]["queue"], peer["compared"]) == ("HU", "empty", True)
    assert peer["directory"]["version"] == len(demo_authorities("HU"))
    assert (peer["epochs"], peer["losses"]) == ([], [])
    for path, blocked in (("peers/HU/block", True), ("peers/HU/unblock", False)):
        assert (await apis.operator.call("POST", path)).status == 204
        assert (await apis.operator.get("peers/HU"))["status"]["blocked"] == blocked
    assert (await apis.operator.call("GET", "peers/XX")).code == "unknown-country"
    assert (await apis.operator.call("POST", "peers/DE/block")).code == "unknown-country"


async def test_a_queue_is_held_listed_and_given_up(apis: Apis) -> None:
    """One request by its number, the rest up to what was counted; what came later stays."""
    assert (await apis.operator.call("POST", "peers/HU/queue/hold")).status == 204
    made = [await apis.anna.post("requests", request_body()) for _ in range(3)]
    first = await apis.operator.get("peers/HU/queue", limit="2")
    rest = await apis.operator.get("peers/HU/queue", limit="2", offset=str(first["next"]))
    listed = [*first["items"], *rest["items"]]
    assert [one["number"] for one in listed] == [one["number"] for one in made]
    assert {(one["kind"], one["sealed"]) for one in listed} == {("request.send", False)}
    assert rest["next"] is None
    assert await apis.operator.post("queue/give-up", {"number": made[0]["number"]}) == {"count": 1}
    counted = await apis.operator.get("peers/HU/queue/unsealed")
    assert counted["count"] == 2
    later = await apis.anna.post("requests", request_body())
    assert await apis.operator.post("peers/HU/queue/give-up", {"until": counted["until"]}) == {"count": 2}
    assert [one.number for one in queues.waiting(apis.berlin, operator(), "HU")] == [later["number"]]
    void = await apis.anna.get(f"cases/{made[1]['id']}", lang="en")
    assert void["state_text"]["text"] == "Taken back by the operator of your node"
    (line,) = [one for one in (await apis.anna.post("cases/search", {}))["items"] if one["id"] == made[1]["id"]]
    assert line["given_up"]
    assert (await apis.operator.call("POST", "queue/give-up", {"number": made[0]["number"]})).code == "not-found"
    assert (await apis.operator.call("POST", "peers/HU/queue/retry")).status == 204


async def test_a_key_makes_giving_up_happen_once(apis: Apis) -> None:
    """Repeated with its key it answers as before, though nothing waits any more."""
    await apis.operator.call("POST", "peers/HU/queue/hold")
    made = await apis.anna.post("requests", request_body())
    for _ in range(2):
        assert await apis.operator.post("queue/give-up", {"number": made["number"]}, key="once") == {"count": 1}


async def test_the_diagnosis_says_what_mends_it(apis: Apis) -> None:
    """What the command finds without calling anybody, dates and evidence."""
    found = await apis.operator.get("diagnosis")
    names = {one["name"] for one in found["findings"]}
    assert {"keys", "disk", "database", "members", "directory", "backup"} <= names
    assert {one["name"] for one in found["endings"]} >= {"member list (root)", "record of DE"}
    assert (found["proofs"], found["refusals"]) == ([], [])
