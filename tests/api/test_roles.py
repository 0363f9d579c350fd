"""Who may do what: each role against each right, in its own authority and area and beyond them."""

import uuid
from typing import Any

import pytest

from node.domain.access import RIGHTS, ROLES, Actor, Grant, granted, operator
from node.domain.person import NewPerson
from node.service import accounts
from node.store import retention
from tests.api.caller import Caller
from tests.api.conftest import Apis, request_body
from tests.sign_in import token_of

CHAMBER = "DE-zaek-berlin"
OTHER = "DE-lageso-berlin"
AREA = "professional-qualifications"

TABLE = """
                  basic-user  handler  allocator  referral-handler  data-administrator  auditor  operator
directory.search  yes         yes      yes        yes               yes                 yes      yes
directory.change  no          no       no         no                yes                 no       yes
directory.invite  no          no       no         no                yes                 no       yes
cases.list        yes         yes      yes        yes               no                  yes      no
cases.read        no          yes      yes        yes               no                  no       no
cases.act         no          yes      no         no                no                  no       no
cases.allocate    no          yes      yes        no                no                  no       no
cases.correct     no          no       no         no                yes                 no       no
subjects.manage   no          no       no         no                yes                 no       no
cases.decide      no          no       no         yes               no                  no       no
cases.observe     yes         yes      yes        yes               no                  yes      no
audit.read        no          no       no         no                no                  yes      no
cases.see-blocked no          yes      no         yes               no                  no       no
cases.erase       no          no       no         no                yes                 no       no
protection.read   no          no       no         no                yes                 yes      no
people.manage     no          no       no         no                yes                 no       yes
services.manage   no          no       no         no                no                  no       yes
own-account       yes         yes      yes        yes               yes                 yes      yes
statistics.read   yes         yes      yes        yes               yes                 yes      yes
node.observe      no          no       no         no                no                  no       yes
"""
HEAD, *LINES = (line.split() for line in TABLE.strip().splitlines())
CELLS = [(line[0], role, mark == "yes") for line in LINES for role, mark in zip(HEAD, line[1:], strict=True)]

CALLS: dict[str, tuple[str, str, dict[str, Any] | None]] = {
    "directory.search": ("GET", "countries", None),
    "directory.change": ("POST", "directory/imports", {"reason": "r", "records": []}),
    "directory.invite": ("GET", "registrations", None),
    "cases.list": ("POST", "cases/search", {}),
    "cases.read": ("GET", "cases/{case}", None),
    "cases.act": ("POST", "cases/{case}/message", {"comment": {"text": "x", "lang": "de"}}),
    "cases.allocate": ("POST", "cases/{case}/allocate", {"handler": None}),
    "cases.observe": ("GET", "observed-cases", None),
    "audit.read": ("GET", "audit", None),
    "cases.correct": ("GET", "cases/{case}/corrections", None),
    "subjects.manage": ("GET", "subjects", None),
    "protection.read": ("GET", "protection/sights", None),
    "people.manage": ("GET", "people", None),
    "own-account": ("GET", "me/mail", None),
    "statistics.read": ("GET", "statistics", None),
    "node.observe": ("GET", "diagnosis", None),
}
"""Right → a call that needs it; of those that no call of the API needs alone the cell is tested on the actor."""


def test_the_table_names_each_role_and_right():
    """No cell is left out: the table of this test has all rows and columns of the table of the code."""
    assert tuple(HEAD) == ROLES
    assert [line[0] for line in LINES] == list(RIGHTS)


@pytest.mark.parametrize(("what", "role", "may"), CELLS, ids=[f"{what}:{role}" for what, role, _ in CELLS])
def test_each_cell(what, role, may):
    """A person with one role in one authority may what its cell says, there and in no other authority."""
    (grant,) = granted([role], [CHAMBER])
    actor = Actor("p", "P", "en", frozenset({grant}))
    assert actor.may(what) is may
    assert actor.may(what, CHAMBER, AREA) is may
    assert actor.may(what, OTHER) is (may and role == "operator")


async def person(apis: Apis, *grants: Grant, country: str = "DE") -> Caller:
    """Add a person with some grants; return its program."""
    login, (first, *more) = f"p{uuid.uuid4().hex[:8]}", grants
    new = NewPerson(
        login,
        login,
        "de",
        frozenset({first.role}),
        frozenset({first.authority} - {""}),
        areas=frozenset({first.area} - {""}),
    )
    node = apis.world[country]
    made = await accounts.add_person(node, operator(), new)
    for grant in more:
        await accounts.grant(node, operator(), made.id, grant)
    return Caller(apis.clients[country], await token_of(node, made.id))


@pytest.mark.parametrize("role", ROLES)
async def test_the_api_keeps_to_the_table(apis: Apis, role):
    """Each call by a person of each role is refused as forbidden exactly where the table says no."""
    case = await apis.ask()
    caller = await person(apis, Grant("" if role == "operator" else CHAMBER, role))
    for what, asked, may in CELLS:
        if asked == role and what in CALLS:
            method, path, body = CALLS[what]
            answer = await caller.call(method, path.format(case=case), body)
            assert (answer.status == 403) is not may, (what, answer.status, answer.raw)


PROVES_IT_WAS = {
    "id", "number", "role", "state", "state_text", "counterpart", "own_authority", "area", "updated_at", "holder",
}  # fmt: skip


async def test_a_search_says_no_more_of_a_blocked_case_than_that_it_was(apis: Apis):
    """Number, authorities, area, state and dates to who may see that cases exist; nobody else gets a line at all."""
    case = await apis.ask()
    await apis.anna.post(f"cases/{case}/allocate", {"handler": (await apis.anna.get("me"))["id"]})
    await apis.anna.post(f"cases/{case}/withdraw", {})
    await apis.settled()
    assert await apis.berlin.store.write(lambda tx: retention.block(tx, [case])) == [case]
    for role in ROLES:
        caller = await person(apis, Grant("" if role == "operator" else CHAMBER, role))
        found = await caller.call("POST", "cases/search", {"blocked": True})
        if ("cases.list", role, False) in CELLS:
            assert found.status == 403, role
            continue
        (line,) = found.json["items"]
        assert {name for name, value in line.items() if value not in (None, False, [])} == PROVES_IT_WAS, role
        assert line["holder"] == "nobody"
        assert (await caller.post("cases/search", {}))["items"] == []
        read = await caller.call("GET", f"cases/{case}")
        assert read.code == ("case-blocked" if ("cases.read", role, True) in CELLS else "forbidden"), role


async def test_a_deletion_is_ordered_by_the_number_of_the_case(apis: Apis):
    """By the authority's data administrator alone, once the case has ended; both sides' progress can be read."""
    case = await apis.ask()
    number = (await apis.anna.get(f"cases/{case}"))["number"]
    wanted = {"number": number, "ground": "court"}
    otto = await person(apis, Grant(CHAMBER, "data-administrator"))
    strange = await person(apis, Grant(OTHER, "data-administrator"))
    assert (await otto.call("POST", "protection/orders", wanted)).code == "wrong-state"
    await apis.anna.post(f"cases/{case}/withdraw", {})
    await apis.settled()
    assert (await strange.call("POST", "protection/orders", wanted)).code == "not-found"
    auditor = await person(apis, Grant(CHAMBER, "auditor"))
    assert (await auditor.call("POST", "protection/orders", wanted)).code == "forbidden"
    assert (await otto.call("POST", "protection/orders", wanted)).status == 204
    assert (await otto.call("POST", "protection/orders", wanted)).code == "case-erased"
    (told,) = (await auditor.get("protection/orders"))["items"]
    assert (told["number"], told["ground"], told["by"], told["there"]) == (number, "court", "us", None)
    assert told["here"] is not None
    assert (await strange.get("protection/orders"))["items"] == []
    assert (await apis.anna.call("GET", "protection/orders")).code == "forbidden"


async def test_a_role_ends_at_its_area(apis: Apis):
    """A handler of another area doesn't find the case: not in the list, not by its address, and can't act on it."""
    case = await apis.ask()
    bruno = await person(apis, Grant(CHAMBER, "handler", "services"))
    assert (await bruno.post("cases/search", {}))["items"] == []
    for method, path, body in (
        ("GET", "", None),
        ("GET", "/handlers", None),
        ("POST", "/withdraw", {}),
        ("POST", "/message", {"comment": {"text": "x", "lang": "de"}}),
        ("POST", "/allocate", {"handler": None}),
        ("POST", "/reuse", None),
    ):
        assert (await bruno.call(method, f"cases/{case}{path}", body)).status == 404, path
    assert (await bruno.call("POST", "requests", request_body())).status == 404
    draft = await apis.anna.post("drafts", request_body())
    assert (await bruno.call("GET", f"drafts/{draft['id']}")).status == 404
    assert (await bruno.get("drafts"))["items"] == []
    assert (await bruno.get("statistics", role="asking"))["total"]["requests"] == 0


async def test_who_may_read_in_an_area_and_act_in_another_changes_no_draft_of_the_first(apis: Apis):
    """An allocator reads what others typed; a handler's role in another area doesn't let him change or delete it."""
    draft = (await apis.anna.post("drafts", request_body()))["id"]
    alois = await person(apis, Grant(CHAMBER, "allocator", AREA), Grant(CHAMBER, "handler", "services"))
    emptied = {"request": {"authority": CHAMBER}}
    assert (await alois.call("GET", f"drafts/{draft}")).status == 200
    assert (await alois.call("PUT", f"drafts/{draft}", emptied)).status == 403
    assert (await alois.call("DELETE", f"drafts/{draft}")).status == 403


async def test_a_role_in_the_area_opens_the_case(apis: Apis):
    """The same handler, granted the case's area too, reads it at the next call."""
    case = await apis.ask()
    bruno = await person(apis, Grant(CHAMBER, "handler", "services"), Grant(CHAMBER, "handler", AREA))
    assert (await bruno.get(f"cases/{case}"))["id"] == case


async def test_a_basic_user_sees_that_a_case_exists_and_no_more(apis: Apis):
    """The line of the list names no text and no person; reading and drafts are forbidden."""
    case = await apis.ask()
    berta = await person(apis, Grant(CHAMBER, "basic-user"))
    (line,) = (await berta.post("cases/search", {}))["items"]
    assert (line["id"], line["readable"]) == (case, False)
    assert (await berta.call("GET", f"cases/{case}")).status == 403
    assert (await berta.call("GET", "drafts")).status == 403


async def test_what_one_role_opens_stays_in_its_authority(apis: Apis):
    """Who administers one authority and handles cases of another does each there alone."""
    case = await apis.ask()
    mixed = await person(apis, Grant(OTHER, "handler"), Grant(CHAMBER, "data-administrator"))
    assert (await mixed.call("GET", f"cases/{case}")).status == 404
    assert (await mixed.post("cases/search", {}))["items"] == []
    new = {"login": "x", "name": "X", "language": "de", "roles": ["handler"], "authorities": [OTHER]}
    assert (await mixed.call("POST", "people", new)).status == 403


async def test_where_there_is_an_allocator_handlers_don_t_allocate(apis: Apis):
    """Handlers give cases out among themselves until the authority has an allocator of the area; then it does."""
    case = await apis.ask()
    assert (await apis.anna.call("POST", f"cases/{case}/allocate", {"handler": apis.people["anna"]})).status == 200
    alois = await person(apis, Grant(CHAMBER, "allocator", AREA))
    assert (await apis.anna.call("POST", f"cases/{case}/allocate", {"handler": None})).status == 403
    assert (await alois.call("POST", f"cases/{case}/allocate", {"handler": apis.people["anna"]})).status == 200
    assert (await alois.call("POST", f"cases/{case}/withdraw", {})).status == 403


async def test_an_administrator_grants_and_revokes(apis: Apis):
    """A role granted by the authority's own administrator holds at once, and is gone at once when it is revoked."""
    case = await apis.ask()
    ada = await person(apis, Grant(CHAMBER, "data-administrator"))
    berta = await person(apis, Grant(CHAMBER, "basic-user"))
    berta_id = (await berta.get("me"))["id"]
    wanted = {"role": "handler", "authority": CHAMBER, "area": AREA}
    held = (await ada.post(f"people/{berta_id}/grant", wanted))["items"]
    assert [(one["role"], one["area"], one["granted_by"]) for one in held] == [
        ("basic-user", None, "operator"),
        ("handler", AREA, (await ada.get("me"))["id"]),
    ]
    assert (await berta.call("GET", f"cases/{case}")).status == 200
    await ada.post(f"people/{berta_id}/revoke", wanted)
    assert (await berta.call("GET", f"cases/{case}")).status == 403


@pytest.mark.parametrize(
    ("grant", "status"),
    [
        ({"role": "operator", "authority": CHAMBER}, 422),
        ({"role": "handler", "authority": OTHER}, 403),
        ({"role": "handler", "authority": "HU-okfo"}, 403),
        ({"role": "auditor", "authority": CHAMBER, "area": AREA}, 422),
        ({"role": "handler", "authority": CHAMBER, "area": "no-such-area"}, 422),
        ({"role": "king", "authority": CHAMBER}, 422),
    ],
)
async def test_an_administrator_grants_nothing_beyond_its_reach(apis: Apis, grant, status):
    """No operator, no other authority, no role or area that there isn't; nothing changes."""
    ada = await person(apis, Grant(CHAMBER, "data-administrator"))
    answer = await ada.call("POST", f"people/{apis.people['anna']}/grant", grant)
    assert answer.status == status
    assert (await apis.anna.get("me"))["grants"] == [{"role": "handler", "authority": CHAMBER, "area": None}]


async def test_people_of_other_authorities_don_t_exist_for_an_administrator(apis: Apis):
    """Neither grant nor revoke nor list tells an administrator of anybody who works elsewhere."""
    ada = await person(apis, Grant(CHAMBER, "data-administrator"))
    other = (await (await person(apis, Grant(OTHER, "handler"))).get("me"))["id"]
    wanted = {"role": "handler", "authority": CHAMBER}
    for call in (("GET", "grants", None), ("POST", "grant", wanted), ("POST", "revoke", wanted)):
        assert (await ada.call(call[0], f"people/{other}/{call[1]}", call[2])).status == 404


async def test_the_last_role_goes_with_the_account(apis: Apis):
    """An account without a role would be nobody's to manage, so its last one isn't revoked."""
    ada = await person(apis, Grant(CHAMBER, "data-administrator"))
    answer = await ada.call("POST", f"people/{apis.people['anna']}/revoke", {"role": "handler", "authority": CHAMBER})
    assert (answer.status, answer.json["fields"]) == (422, {"role": "last-role"})
