"""Who gets in, and what nobody learns about others' cases."""

import json
import uuid

from node.api.app import ROUTES
from tests.api.conftest import REPLY, Apis, request_body

SHA256 = "A" * 43


def address(path: str, **parts: str) -> str:
    """Fill in a route's path."""
    known = {
        "case": str(uuid.uuid4()),
        "draft": str(uuid.uuid4()),
        "sha256": SHA256,
        "registration": str(uuid.uuid4()),
        "file": str(uuid.uuid4()),
        "person": "p",
        "token": "t",
        "country": "HU",
        **parts,
    }
    return path.lstrip("/").format(**{"authority": "HU-okfo", "area": "a", "set": "s", **known})


async def test_without_a_valid_token_nothing_is_told(apis: Apis):
    """Every address, existing or not, is 401 with the way to sign in; only the description is open."""
    for header in ("", "Basic YW5uYTphbm5h", "Bearer", "Bearer wrong", "Bearer entente_wrong", "Bearer \xff"):
        headers = {"Authorization": header}
        for path in ("cases/x", "me", "nowhere", "status"):
            answer = await apis.nobody.send("GET", path, headers=headers)
            assert (answer.status, answer.code) == (401, "not-signed-in")
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert (await apis.nobody.send("GET", "openapi.json", headers=headers)).status == 200


async def test_every_route_needs_a_token(apis: Apis):
    """No route was forgotten; signing in alone is open."""
    assert [route.operation for route in ROUTES if route.access == "open"] == ["signIn"]
    for route in (route for route in ROUTES if route.access != "open"):
        assert (await apis.nobody.send(route.method, address(route.path))).status == 401, route.operation


def _without_instance(raw: bytes) -> bytes:
    told = json.loads(raw)
    instance = told.pop("instance")
    return raw.replace(instance.encode(), b"")


ACTS = {
    "accept": {},
    "decline": {"reason": "other"},
    "propose-date": {"date": "2026-12-24"},
    "agree-date": None,
    "reply": REPLY,
    "clarify": {"question": {"text": "?", "lang": "de"}},
    "close": None,
    "withdraw": {},
    "reply-draft": None,
}


async def test_another_authority_s_case_doesn_t_exist(apis: Apis):
    """For a handler of another authority a case answers byte for byte like one that was never there."""
    draft = await apis.anna.post("drafts", request_body())
    (file,) = (await apis.anna.upload(f"drafts/{draft['id']}/attachments", b"%PDF-1.4")).json["attachments"]
    other_draft = await apis.anna.post("drafts", request_body())
    case = (await apis.anna.post("requests", {"draft": draft["id"]}))["id"]
    nowhere = str(uuid.uuid4())
    pairs = [("GET", "cases/{}", None), ("GET", f"cases/{{}}/attachments/{file}", None)]
    pairs += [("POST", f"cases/{{}}/{act}", body) for act, body in ACTS.items()]
    for method, path, body in pairs:
        theirs = await apis.miriam.call(method, path.format(case), body)
        never = await apis.miriam.call(method, path.format(nowhere), body)
        assert theirs.status == never.status == 404
        assert _without_instance(theirs.raw) == _without_instance(never.raw)
    change = {"request": request_body()}
    for method, body in (("GET", None), ("PUT", change), ("DELETE", None)):
        theirs = await apis.miriam.call(method, f"drafts/{other_draft['id']}", body)
        never = await apis.miriam.call(method, f"drafts/{nowhere}", body)
        assert theirs.status == never.status == 404
        assert _without_instance(theirs.raw) == _without_instance(never.raw)
    assert (await apis.miriam.post("cases/search", {}))["items"] == []
    assert (await apis.miriam.get("drafts"))["items"] == []
    assert (await apis.anna.get(f"cases/{case}"))["state"] == "sent"


async def test_the_attachment_of_one_case_isn_t_read_through_another(apis: Apis):
    """A file is served only with the case that it belongs to."""
    draft = await apis.anna.post("drafts", request_body())
    (file,) = (await apis.anna.upload(f"drafts/{draft['id']}/attachments", b"%PDF-1.4")).json["attachments"]
    await apis.anna.post("requests", {"draft": draft["id"]})
    other = await apis.anna.post("requests", request_body())
    assert (await apis.anna.call("GET", f"cases/{other['id']}/attachments/{file}")).status == 404


OPERATORS_READ = ("diagnosis", "peers/HU", "peers/HU/queue", "peers/HU/queue/unsealed")
OPERATORS_ACTS = {
    "peers/HU/block": None,
    "peers/HU/unblock": None,
    "peers/HU/queue/hold": None,
    "peers/HU/queue/retry": None,
    "peers/HU/queue/give-up": {"until": 1},
    "queue/give-up": {"number": "DE-2026-000001"},
}
NOT_THEIRS = [
    ("operator", "POST", "cases/search"),
    ("operator", "GET", "drafts"),
    ("ada", "POST", "cases/search"),
    ("anna", "GET", "status"),
    ("ada", "GET", "status"),
    *((who, "GET", path) for who in ("anna", "ada") for path in OPERATORS_READ),
    *((who, "POST", path) for who in ("anna", "ada") for path in OPERATORS_ACTS),
    ("anna", "GET", "people"),
    ("anna", "POST", "people/ada/link"),
    ("anna", "GET", "directory/export"),
]


async def test_a_role_ends_where_another_begins(apis: Apis):
    """Who manages sees no cases, and who handles cases manages nobody."""
    for who, method, path in NOT_THEIRS:
        answer = await getattr(apis, who).call(method, path, OPERATORS_ACTS.get(path))
        assert (answer.status, answer.code) == (403, "forbidden"), (who, path)


async def test_a_request_is_asked_only_for_one_s_own_authority(apis: Apis):
    """Asking in the name of another authority is as if it didn't exist."""
    answer = await apis.miriam.call("POST", "requests", request_body())
    assert answer.code == "not-found"


async def test_a_draft_of_a_reply_goes_to_its_own_case_only(apis: Apis):
    """A draft is refused where another kind or another case was meant."""
    first, second = await apis.ask(), await apis.ask()
    for case in (first, second):
        await apis.katalin.post(f"cases/{case}/accept")
    draft = await apis.katalin.post(f"cases/{first}/reply-draft")
    wrong = await apis.katalin.call("POST", f"cases/{second}/reply", {"draft": draft["id"]})
    assert wrong.json["fields"] == {"draft": "wrong-kind"}
    wrong = await apis.katalin.call("POST", "requests", {"draft": draft["id"]})
    assert wrong.json["fields"] == {"draft": "wrong-kind"}
