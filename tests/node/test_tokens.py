"""Bearer tokens, and the systems and commands that come with one."""

import pytest

from node.clock import SystemEntropy
from node.domain.access import operator
from node.errors import NodeError
from node.service import accounts, hashing, sessions, tokens
from node.service.node import Node
from node.store import people
from tests.node.clock import TestClock
from tests.node.people import (
    CHAMBER,
    MINISTRY,
    PASSWORD,
    administrator,
    entries,
    id_of,
    refused,
    someone,
    system,
    token_for,
    with_password,
)

# --- bearer tokens ---


async def test_a_program_calls_with_a_bearer_token(node: Node, clock: TestClock):
    """A token acts for its person, is listed without itself, and ends when it is ended or expires."""
    session = await with_password(node, someone())
    anna = await sessions.actor_of_session(node, session)
    token = await tokens.make_token(node, session, "nightly export", 30)
    short = await tokens.make_token(node, session, "one day", 1)
    assert token.startswith("entente_")
    assert await tokens.actor_of_token(node, token) == anna
    listed = tokens.list_tokens(node, anna)
    assert {one.label for one in listed} == {"nightly export", "one day"}
    assert token not in repr(listed)
    assert [one.label for one in tokens.list_tokens(node, anna) if one.used_on] == ["nightly export"]
    clock.forward(days=1)
    await refused("not-signed-in", tokens.actor_of_token(node, short))
    (left,) = tokens.list_tokens(node, anna)
    await tokens.end_token(node, anna, left.id)
    await refused("not-signed-in", tokens.actor_of_token(node, token))


async def test_nobody_ends_another_person_s_token(node: Node):
    """A token's id is worth nothing to others."""
    await accounts.add_person(node, operator(), someone("anna"))
    eve = (await accounts.add_person(node, operator(), someone("eve"))).actor()
    token = await token_for(node)
    await refused("not-found", tokens.end_token(node, eve, people.digest_of(token)))
    assert await tokens.actor_of_token(node, token)


@pytest.mark.parametrize(
    ("label", "days", "fields"),
    [("", 1, {"label": "missing"}), ("x", 0, {"days": "out-of-range"}), ("x", 367, {"days": "out-of-range"})],
)
async def test_a_token_has_a_purpose_and_an_end(node: Node, label: str, days: int, fields: dict[str, str]):
    """No token without a label or for longer than a year."""
    session = await with_password(node, someone())
    await refused("invalid", tokens.make_token(node, session, label, days), **fields)
    service = await accounts.add_person(node, operator(), system())
    await refused("invalid", tokens.make_service_token(node, operator(), service.id, label, days), **fields)


async def test_a_token_comes_from_its_own_person_only(node: Node):
    """No token, link or guess makes a token: it takes the session of somebody who signed in."""
    await with_password(node, someone())
    token, link = await token_for(node), await sessions.make_link(node, operator(), id_of(node))
    for wrong in (token, link, "", "A" * 43):
        await refused("not-signed-in", tokens.make_token(node, wrong, "more", 1))
    admin = await administrator(node)
    for nobody in (admin, operator()):
        await refused("forbidden", tokens.make_service_token(node, nobody, id_of(node), "for Anna", 1))
    assert len(tokens.tokens_of(node, admin, id_of(node))[1]) == 1


async def test_an_account_has_a_few_tokens_only(node: Node):
    """The twenty-first token is refused, until another one is revoked."""
    session = await with_password(node, someone())
    anna = await sessions.actor_of_session(node, session)
    for _ in range(tokens.MAX_TOKENS):
        await tokens.make_token(node, session, "script")
    await refused("invalid", tokens.make_token(node, session, "script"), label="too-many")
    await tokens.end_token(node, anna, tokens.list_tokens(node, anna)[0].id)
    assert await tokens.make_token(node, session, "script")


async def test_an_administrator_lists_and_revokes_tokens_of_its_own_people_only(node: Node):
    """A data administrator sees when a token was used and ends it; another authority's tokens aren't there."""
    admin = await administrator(node)
    await accounts.add_person(node, operator(), someone())
    await accounts.add_person(node, operator(), someone("foreign", authorities=frozenset({MINISTRY})))
    token, foreign = await token_for(node), await token_for(node, "foreign")
    await tokens.actor_of_token(node, token)
    person, (shown,) = tokens.tokens_of(node, admin, id_of(node))
    assert (person.login, shown.label, shown.used_on) == ("anna", "script", node.clock.now().date())
    with pytest.raises(NodeError, match="not-found"):
        tokens.tokens_of(node, admin, id_of(node, "foreign"))
    digest = people.digest_of(foreign)
    for person_id in (id_of(node, "foreign"), id_of(node), id_of(node, "admin"), "nobody"):
        await refused("not-found", tokens.end_token(node, admin, digest, person_id))
    await refused("not-found", tokens.end_token(node, admin, digest))
    assert await tokens.actor_of_token(node, foreign)
    await tokens.end_token(node, admin, shown.id, id_of(node))
    await refused("not-signed-in", tokens.actor_of_token(node, token))


async def test_a_token_is_noted_as_used_once_a_day(node: Node, clock: TestClock, monkeypatch: pytest.MonkeyPatch):
    """A program that calls all day costs one write a day."""
    await accounts.add_person(node, operator(), someone())
    token = await token_for(node)
    written, touch = [], people.touch
    monkeypatch.setattr(people, "touch", lambda *given: (written.append(1), touch(*given)))
    for _ in range(3):
        await tokens.actor_of_token(node, token)
    assert len(written) == 1
    clock.forward(hours=24)
    await tokens.actor_of_token(node, token)
    assert len(written) == 2


# --- service accounts ---


async def test_a_system_acts_under_its_own_name(node: Node):
    """A service account has the token that the operator made, and is the actor of what its system does."""
    service = await accounts.add_person(node, operator(), system())
    token = await tokens.make_service_token(node, operator(), service.id, "night run")
    actor = await tokens.actor_of_token(node, token)
    assert (actor.id, actor.name, actor.service) == (service.id, "Register software", True)
    assert actor.may("cases.act")
    assert entries(node)[-3:] == [
        ("operator", "service.add", service.id, ""),
        ("operator", "role.grant", service.id, f"{CHAMBER} handler"),
        ("operator", "token.make", service.id, "90 days"),
    ]


async def test_a_system_never_signs_in(node: Node):
    """No link, password or session opens a service account, and none is ever stored for it."""
    service = await accounts.add_person(node, operator(), system())
    await refused("forbidden", sessions.make_link(node, operator(), service.id))
    await refused("wrong-credentials", sessions.sign_in(node, "register", PASSWORD))
    hashed = hashing._HASHER.hash(PASSWORD)
    await node.store.write(lambda tx: people.set_password(tx, service.id, hashed))
    await refused("wrong-credentials", sessions.sign_in(node, "register", PASSWORD))
    until = node.clock.now().replace(year=2027)
    await node.store.write(lambda tx: people.add_secret(tx, "stray", "link", service.id, "", until))
    await refused("link-invalid", sessions.use_link(node, "stray"))
    assert not accounts.person_by_id(node, operator(), service.id).has_password


@pytest.mark.parametrize("role", ["handler", "data-administrator"])
async def test_a_system_opens_no_way_in(node: Node, role: str):
    """Whatever its role, a service account adds nobody, makes no link or token, and changes no account."""
    service = await accounts.add_person(node, operator(), system(roles=frozenset({role})))
    actor = await tokens.actor_of_token(node, await tokens.make_service_token(node, operator(), service.id, "x"))
    anna = await accounts.add_person(node, operator(), someone())
    for attempt in (
        accounts.add_person(node, actor, someone("eve")),
        accounts.add_person(node, actor, system("more")),
        accounts.end_person(node, actor, anna.id),
        accounts.set_language(node, actor, "hu"),
        sessions.make_link(node, actor, anna.id),
        tokens.make_service_token(node, actor, service.id, "another"),
        tokens.end_token(node, actor, "x"),
    ):
        await refused("forbidden", attempt)


async def test_only_the_operator_adds_systems_and_none_is_an_operator(node: Node):
    """A data administrator makes no service account, and a system never manages the node."""
    admin = await administrator(node)
    await refused("forbidden", accounts.add_person(node, admin, system()))
    new = system(roles=frozenset({"operator"}), authorities=frozenset())
    await refused("invalid", accounts.add_person(node, operator(), new), roles="not-for-a-service")
    service = await accounts.add_person(node, operator(), system())
    await refused("forbidden", tokens.make_service_token(node, admin, service.id, "mine"))
    await accounts.end_person(node, admin, service.id)


# --- the command line ---
async def test_the_command_line_is_the_operator(node: Node):
    """The operator's token makes an operator without authorities; a new file replaces the old token."""
    first, second = [tokens.new_operator_token(SystemEntropy().random(32)) for _ in range(2)]
    await tokens.ensure_operator_token(node, first)
    await tokens.ensure_operator_token(node, first)
    assert await tokens.actor_of_token(node, first) == operator()
    await tokens.ensure_operator_token(node, second)
    await refused("not-signed-in", tokens.actor_of_token(node, first))
    assert (await tokens.actor_of_token(node, second)).authorities == frozenset()
    assert [what for _, what, _, _ in entries(node)].count("operator-token.set") == 2
    await refused("key-missing", tokens.ensure_operator_token(node, "entente_short"))
