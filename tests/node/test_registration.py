"""How an authority comes into the directory: by its coordinator, or invited and approved; and what doesn't work."""

import asyncio
from typing import Any

import pytest

from node.domain.access import Actor, granted, operator
from node.errors import NodeError
from node.service import accounts, authority_history, find, passwords, registration, sessions
from node.service.authority_edit import current
from node.service.node import Node
from node.service.registration import INVITATION_DAYS, Account
from tests.node.clock import TestClock
from tests.node.coordinated import BERLIN, PQ, administrator, settle

STATE = administrator("DE-state")
AREA = administrator("DE-area")
LOCAL = administrator("DE-zaek-berlin")
FIELDS: dict[str, Any] = {
    "name": "Ärztekammer Berlin",
    "name_lang": "de",
    "titles": {"de": "Kammer", "en": "Chamber"},
    "level": "regional",
    "region": BERLIN,
    "place": "Berlin",
    "contacts": {"email": "post@aerzte.example"},
    "languages": ["de"],
    "areas": [{"area": PQ, "role": "authority"}],
    "competences": ["profession:doctor"],
}
ACCOUNT = Account("carla", "Carla Krüger", "de")


@pytest.fixture
async def berlin(make_node) -> Node:
    """Germany's node with its coordinated list."""
    node: Node = make_node("DE")
    await settle(node)
    return node


async def refused(code: str, awaitable) -> dict[str, str]:
    """Await something that must be refused with this code; return the fields at fault."""
    with pytest.raises(NodeError) as caught:
        await awaitable
    assert caught.value.code == code, caught.value
    return caught.value.fields


async def submitted(node: Node, by: Actor = STATE, **fields: Any) -> str:
    """Let somebody be invited and fill in the form; return the registration."""
    made, token = await registration.invite(node, by, next(iter(by.authorities)), "Ärztekammer")
    await registration.submit(node, token, {**FIELDS, **fields}, ACCOUNT)
    return made


async def test_a_coordinator_registers_an_authority_with_its_first_administrator(berlin: Node) -> None:
    """The record names its coordinators, the link opens the account, and the history says who and why."""
    made = await registration.register(berlin, STATE, "DE-state", FIELDS, ("Neu gegründet", ACCOUNT))
    assert made.authority.id == "DE-aerztekammer-berlin"
    links = made.authority.links
    assert links is not None
    assert (links.validating, links.access, links.request) == ("DE-state", {PQ: "DE-state"}, {PQ: ("DE-state",)})
    assert made.link is not None
    session, first = await sessions.use_link(berlin, made.link)
    assert first
    await passwords.set_password(berlin, session, "Fahrrad Suppe Lampe Wolke")
    carla = await sessions.actor_of_session(berlin, session)
    assert carla.authorities == {made.authority.id}
    (change,) = authority_history.history(berlin, carla, made.authority.id)
    assert (change.kind, change.reason) == ("register", "Neu gegründet")
    assert find.own_active(berlin, made.authority.id)
    again = await registration.register(berlin, STATE, "DE-state", FIELDS, ("Noch eine", None))
    assert (again.authority.id, again.link) == ("DE-aerztekammer-berlin-2", None)


async def test_who_is_no_coordinator_registers_nobody(berlin: Node) -> None:
    """An authority's administrator, a handler of a coordinator, and one coordinator in another's name are refused."""
    handler = administrator("DE-state", role="handler")
    program = Actor("p", "Program", "de", granted(["data-administrator"], ["DE-state"]), service=True)
    for actor, by in ((LOCAL, "DE-zaek-berlin"), (handler, "DE-state"), (STATE, "DE-nation"), (AREA, "DE-state")):
        await refused("forbidden", registration.register(berlin, actor, by, FIELDS, ("Neu", None)))
        await refused("forbidden", registration.invite(berlin, actor, by, "Kammer"))
    await refused("forbidden", registration.invite(berlin, program, "DE-state", "Kammer"))
    await refused("forbidden", registration.register(berlin, program, "DE-state", FIELDS, ("Neu", ACCOUNT)))


async def test_a_coordinator_registers_nothing_outside_its_area_or_region(berlin: Node) -> None:
    """Bavaria isn't Berlin's, and services aren't the business of the coordinator for qualifications."""
    bavaria = {**FIELDS, "region": {"code": "DE2", "name": "Bayern"}}
    faults = await refused("forbidden", registration.register(berlin, STATE, "DE-state", bavaria, ("Neu", None)))
    assert faults == {"region": "out-of-reach"}
    services = {**FIELDS, "areas": [{"area": "services", "role": "authority"}]}
    faults = await refused("forbidden", registration.register(berlin, AREA, "DE-area", services, ("Neu", None)))
    assert faults == {"areas": "out-of-reach"}
    kingmaker = {**FIELDS, "coordinator": "SDIMIC"}
    await refused("forbidden", registration.register(berlin, STATE, "DE-state", kingmaker, ("Neu", None)))


async def test_an_invited_authority_is_published_only_when_approved(berlin: Node) -> None:
    """Invited, written, returned with a reason, corrected, approved: only then it stands in the list."""
    made, token = await registration.invite(berlin, STATE, "DE-state", "Ärztekammer")
    assert registration.invited(berlin, token).note == "Ärztekammer"
    await registration.submit(berlin, token, {**FIELDS, "name": "Aerzte"}, ACCOUNT)
    assert current(berlin, "DE-aerzte") is None
    with pytest.raises(NodeError, match="not-found"):
        accounts.person_named(berlin, operator(), "carla")
    assert registration.one(berlin, STATE, made).state == "submitted"
    second = await registration.give_back(berlin, STATE, made, "Bitte den amtlichen Namen")
    returned = registration.invited(berlin, second)
    assert (returned.reason, returned.record["name"]) == ("Bitte den amtlichen Namen", "Aerzte")
    await registration.submit(berlin, second, FIELDS, ACCOUNT)
    done = await registration.approve(berlin, STATE, made, "", "Satzung geprüft")
    assert done.authority.name == "Ärztekammer Berlin"
    assert done.link is not None
    assert (await sessions.use_link(berlin, done.link))[1]
    found = registration.one(berlin, STATE, made)
    assert (found.state, found.authority, found.account) == ("approved", "DE-aerztekammer-berlin", None)
    await refused("stale", registration.approve(berlin, STATE, made, "", "Noch einmal"))
    await refused("stale", registration.give_back(berlin, STATE, made, "Doch nicht"))


async def test_an_invitation_works_once(berlin: Node) -> None:
    """Used, renewed, withdrawn, expired or made up: the link opens nothing any more."""
    made, token = await registration.invite(berlin, STATE, "DE-state", "Kammer")
    both = [registration.submit(berlin, token, FIELDS, Account(login, "Carla", "de")) for login in ("carla", "clara")]
    done = await asyncio.gather(*both, return_exceptions=True)
    assert [type(one).__name__ for one in done] == ["NoneType", "NodeError"]
    account = registration.one(berlin, STATE, made).account
    assert account is not None
    assert account.login == "carla"
    for wrong in (token, "", "x" * 43, "\udcff"):
        await refused("link-invalid", registration.submit(berlin, wrong, FIELDS, ACCOUNT))
    first, old = await registration.invite(berlin, STATE, "DE-state", "Kammer")
    new = await registration.give_back(berlin, STATE, first, "")
    await refused("link-invalid", registration.submit(berlin, old, FIELDS, ACCOUNT))
    assert registration.invited(berlin, new).state == "invited"
    await registration.withdraw(berlin, STATE, first)
    await refused("link-invalid", registration.submit(berlin, new, FIELDS, ACCOUNT))


async def test_an_invitation_expires(berlin: Node, clock: TestClock) -> None:
    """After its days the link is dead, and the coordinator makes a new one."""
    made, token = await registration.invite(berlin, STATE, "DE-state", "Kammer")
    clock.forward(days=INVITATION_DAYS, seconds=1)
    await refused("link-invalid", registration.submit(berlin, token, FIELDS, ACCOUNT))
    await registration.submit(berlin, await registration.give_back(berlin, STATE, made, ""), FIELDS, ACCOUNT)


@pytest.mark.parametrize(
    ("fields", "faults"),
    [
        ({"region": {"code": "DE2", "name": "Bayern"}}, {"region": "out-of-reach"}),
        ({"competences": ["activity:alchemy"]}, {"competences": "unknown-competence"}),
        ({"name": "x" * 501}, {"name": "too-long"}),
        (
            {"contacts": {"email": "post@aerzte.berlin"}},
            {"contacts": "malformed"},
        ),
    ],
)
async def test_what_is_wrong_is_told_to_the_invited_at_once(
    berlin: Node, fields: dict[str, Any], faults: dict[str, str]
) -> None:
    """Each wrong field is named, the account's among them, and the link still works."""
    _, token = await registration.invite(berlin, STATE, "DE-state", "Kammer")
    wrong = Account("", "Carla", "xx")
    told = await refused("invalid", registration.submit(berlin, token, {**FIELDS, **fields}, wrong))
    assert told == {**faults, "login": "missing", "person_language": "unknown-language"}
    await registration.submit(berlin, token, FIELDS, ACCOUNT)


async def test_the_invited_can_t_slip_in_what_is_the_coordinator_s(berlin: Node) -> None:
    """Id, links, type, demo mark, dates and another country in the form count for nothing."""
    slipped = {"id": "DE-nation", "country": "HU", "links": {"validating": "DE-nation"}, "coordinator": "NIMIC",
               "demo": False, "valid_from": "2000-01-01", "v": 99}  # fmt: skip
    made = await submitted(berlin, **slipped)
    one = (await registration.approve(berlin, STATE, made, "DE-aek", "Geprüft")).authority
    assert (one.id, one.country, one.coordinator, one.demo, one.v) == ("DE-aek", "DE", None, True, 1)
    assert one.valid_from == berlin.clock.now().date()
    assert one.links is not None
    assert one.links.validating == "DE-state"


async def test_an_approval_is_whole_or_nothing(berlin: Node) -> None:
    """An id that is taken or a login that was taken meanwhile publishes nothing and decides nothing."""
    made = await submitted(berlin)
    await refused("exists", registration.approve(berlin, STATE, made, "DE-other", "Geprüft"))
    await registration.register(berlin, STATE, "DE-state", {**FIELDS, "name": "Andere"}, ("Neu", ACCOUNT))
    assert await refused("invalid", registration.approve(berlin, STATE, made, "", "Geprüft")) == {"login": "exists"}
    assert current(berlin, "DE-aerztekammer-berlin") is None
    assert registration.one(berlin, STATE, made).state == "submitted"


async def test_two_coordinators_approve_at_once(berlin: Node) -> None:
    """Of two approvals at the same moment one counts; there is one authority and one account."""
    made = await submitted(berlin)
    twice = [registration.approve(berlin, STATE, made, one, "Geprüft") for one in ("DE-one", "DE-two")]
    done = await asyncio.gather(*twice, return_exceptions=True)
    assert sum(isinstance(one, NodeError) for one in done) == 1
    assert sum(current(berlin, one) is not None for one in ("DE-one", "DE-two")) == 1


async def test_others_registrations_don_t_exist(berlin: Node) -> None:
    """A coordinator sees, approves, returns and withdraws its own registrations only; the operator all."""
    made = await submitted(berlin)
    for work in (
        registration.approve(berlin, AREA, made, "", "Geprüft"),
        registration.give_back(berlin, AREA, made, "Nein"),
        registration.withdraw(berlin, AREA, made),
    ):
        await refused("not-found", work)
    assert registration.listing(berlin, AREA) == ()
    assert [one.id for one in registration.listing(berlin, STATE)] == [made]
    assert [one.id for one in registration.listing(berlin, operator())] == [made]
    await refused("forbidden", registration.approve(berlin, administrator("DE-state", role="handler"), made, "", "x"))


@pytest.mark.parametrize(
    "name", ["Δήμος – Ζάκυνθος", "Община София", '<script>alert(1)</script> "x"', "===", "x" * 500]
)
async def test_any_name_gets_an_id(berlin: Node, name: str) -> None:
    """Names in every script, with markup, of signs alone or of 500 characters are registered."""
    made = await registration.register(berlin, STATE, "DE-state", {**FIELDS, "name": name}, ("Neu", None))
    assert made.authority.name == name
    assert made.authority.id.startswith("DE-")
