"""Accounts: what an administrator, a handler and the operator may do with whose."""

import asyncio
from datetime import date

import pytest

from node.domain.access import Actor, granted, operator
from node.domain.person import Person
from node.errors import NodeError
from node.service import accounts, directory, passwords, sessions, tokens
from node.service.node import Node
from node.store import audit
from tests.node.people import (
    CHAMBER,
    MINISTRY,
    PASSWORD,
    administrator,
    authority,
    entries,
    id_of,
    refused,
    someone,
    token_for,
    with_password,
)

# --- adding people ---


async def test_anna_comes_by_link_and_then_by_password(node: Node):
    """A new person needs nothing but the link, chooses a password, and signs in with it from then on."""
    person = await accounts.add_person(node, operator(), someone())
    assert not person.has_password
    token = await sessions.make_link(node, operator(), id_of(node))
    assert sessions.link_works(node, token)
    session, must_set = await sessions.use_link(node, token)
    actor = await sessions.actor_of_session(node, session)
    assert must_set
    assert accounts.must_set_password(node, actor)
    assert actor == Actor(person.id, "Anna Müller", "de", granted(["handler"], [CHAMBER]))
    await passwords.set_password(node, session, PASSWORD)
    assert not accounts.must_set_password(node, actor)
    again, _ = await sessions.sign_in(node, "anna", PASSWORD)
    assert await sessions.actor_of_session(node, again) == actor
    assert sessions.session_count(node, actor) == 2


async def test_every_change_is_in_the_audit_trail_without_a_name(node: Node):
    """The trail names persons by their ids, its links hold, and no name, login or secret stands in it."""
    session = await with_password(node, someone())
    token = await token_for(node)
    await accounts.set_language(node, await sessions.actor_of_session(node, session), "hu")
    await sessions.sign_out(node, session)
    await accounts.end_person(node, operator(), id_of(node))
    trail = entries(node)
    person = accounts.list_people(node, operator())[0].id
    assert [(who, what) for who, what, about, _ in trail if about == person] == [
        ("operator", "person.add"),
        ("operator", "role.grant"),
        ("operator", "link.make"),
        (person, "session.open"),
        (person, "password.set"),
        ("operator", "link.make"),
        (person, "session.open"),
        (person, "token.make"),
        (person, "person.language"),
        (person, "session.close"),
        ("operator", "person.end"),
    ]
    told = repr(trail)
    assert not [secret for secret in ("anna", "Anna", "Müller", session, token, PASSWORD) if secret in told]
    assert node.store.read_now(audit.broken_links) == []


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"login": ""}, {"login": "missing"}),
        ({"login": "anna müller"}, {"login": "malformed"}),
        ({"login": "a" * 101}, {"login": "malformed"}),
        ({"login": "anna\n"}, {}),
        ({"name": " "}, {"name": "missing"}),
        ({"name": "Anna\u202egro"}, {"name": "malformed"}),
        ({"name": "A" * 201}, {"name": "too-long"}),
        ({"language": "xx"}, {"language": "unknown-language"}),
        ({"roles": frozenset()}, {"roles": "missing"}),
        ({"roles": frozenset({"god"})}, {"roles": "malformed"}),
        ({"roles": frozenset({"operator", "handler"})}, {"roles": "operator-alone"}),
        ({"roles": frozenset({"operator"})}, {"roles": "operator-alone"}),
        ({"authorities": frozenset()}, {"authorities": "missing"}),
        ({"authorities": frozenset({"DE-nowhere"})}, {"authorities": "unknown-authority"}),
        ({"authorities": frozenset({"HU-enkk"})}, {"authorities": "unknown-authority"}),
    ],
)
async def test_a_mistyped_person_is_refused_by_field(node: Node, changes: dict[str, object], fields: dict[str, str]):
    """Each wrong field is named with its code, and nobody is added."""
    if not fields:  # surrounding white space is no mistake
        await accounts.add_person(node, operator(), someone(**changes))
        return
    error = await refused("invalid", accounts.add_person(node, operator(), someone(**changes)))
    assert error.fields == fields
    assert accounts.list_people(node, operator()) == ()


async def test_a_login_is_given_once_whatever_its_case(node: Node):
    """A second person can't have a login that is in use, not even one that has ended."""
    await accounts.add_person(node, operator(), someone("anna"))
    await accounts.end_person(node, operator(), id_of(node))
    await refused("exists", accounts.add_person(node, operator(), someone(" ANNA ")), login="exists")


async def test_two_additions_at_once_give_one_account(node: Node):
    """Of two administrators who add the same login at the same moment, one is told that it exists."""
    both = [accounts.add_person(node, operator(), someone()) for _ in range(2)]
    results = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["NodeError", "Person"]


async def test_a_name_with_markup_is_kept_as_written(node: Node):
    """Markup and quotes in a name are text: stored as they are, for pages to escape."""
    name = "<script>alert('x')</script> \"O'Hara\"; DROP TABLE person;--"
    person = await accounts.add_person(node, operator(), someone(name=name))
    assert person.name == name
    assert [one.name for one in accounts.list_people(node, operator())] == [name]


async def test_nobody_is_added_to_an_authority_that_has_ended(node: Node):
    """An authority past its last day takes no new people."""
    ended = authority("DE-old", valid_until=date(2026, 11, 22))
    await directory.import_authorities(node, operator(), [ended])
    new = someone(authorities=frozenset({"DE-old"}))
    await refused("invalid", accounts.add_person(node, operator(), new), authorities="unknown-authority")


# --- whose people ---


async def test_an_administrator_manages_the_people_of_its_authority_only(node: Node):
    """Another authority's people don't exist for a data administrator, nor can it add any there."""
    admin = await administrator(node)
    await accounts.add_person(node, admin, someone("own"))
    await accounts.add_person(node, operator(), someone("foreign", authorities=frozenset({MINISTRY})))
    assert [person.login for person in accounts.list_people(node, admin)] == ["admin", "own"]
    await refused(
        "forbidden", accounts.add_person(node, admin, someone("x", authorities=frozenset({CHAMBER, MINISTRY})))
    )
    await refused("not-found", sessions.make_link(node, admin, id_of(node, "foreign")))
    await refused("not-found", accounts.end_person(node, admin, id_of(node, "foreign")))
    with pytest.raises(NodeError, match="not-found"):
        tokens.tokens_of(node, admin, id_of(node, "foreign"))
    await accounts.end_person(node, admin, id_of(node, "own"))


async def test_an_administrator_gets_no_way_in_for_who_works_elsewhere_too(node: Node):
    """A link for a person of two authorities would open the other one: only the operator makes it."""
    admin = await administrator(node)
    await accounts.add_person(node, operator(), someone("both", authorities=frozenset({CHAMBER, MINISTRY})))
    for attempt in (
        sessions.make_link(node, admin, id_of(node, "both")),
        tokens.end_token(node, admin, "x", id_of(node, "both")),
        accounts.end_person(node, admin, id_of(node, "both")),
    ):
        await refused("forbidden", attempt)
    assert await sessions.make_link(node, operator(), id_of(node, "both"))


async def test_an_administrator_makes_no_operator(node: Node):
    """Only an operator adds an operator, and that one sees no cases."""
    admin = await administrator(node)
    new = someone("root", roles=frozenset({"operator"}), authorities=frozenset())
    await refused("forbidden", accounts.add_person(node, admin, new))
    made = (await accounts.add_person(node, operator(), new)).actor()
    assert not made.may("cases.read")
    await refused("not-found", sessions.make_link(node, admin, id_of(node, "root")))


async def test_a_handler_manages_nobody(node: Node):
    """Adding, listing, ending and links need a role that a handler lacks."""
    anna = (await accounts.add_person(node, operator(), someone())).actor()
    await refused("forbidden", accounts.add_person(node, anna, someone("eve")))
    await refused("forbidden", accounts.end_person(node, anna, id_of(node)))
    await refused("forbidden", sessions.make_link(node, anna, id_of(node)))
    with pytest.raises(NodeError, match="forbidden"):
        accounts.list_people(node, anna)


async def test_an_ended_person_is_out_at_once(node: Node):
    """Session, token, link and password of a person who has left stop working in the same moment."""
    session = await with_password(node, someone())
    token = await token_for(node)
    link = await sessions.make_link(node, operator(), id_of(node))
    await accounts.end_person(node, operator(), id_of(node))
    await refused("not-signed-in", sessions.actor_of_session(node, session))
    await refused("not-signed-in", tokens.actor_of_token(node, token))
    await refused("link-invalid", sessions.use_link(node, link))
    await refused("wrong-credentials", sessions.sign_in(node, "anna", PASSWORD))
    await refused("not-found", sessions.make_link(node, operator(), id_of(node)))
    (person,) = accounts.list_people(node, operator())
    assert isinstance(person, Person)
    assert person.ended_at is not None
    await accounts.end_person(node, operator(), id_of(node))
    assert [what for _, what, _, _ in entries(node)].count("person.end") == 1


async def test_a_language_is_one_of_the_26(node: Node):
    """A person changes the language of pages, to one that the node has."""
    anna = (await accounts.add_person(node, operator(), someone())).actor()
    await accounts.set_language(node, anna, "hu")
    assert accounts.person_of(node, anna).language == "hu"
    await refused("unknown-language", accounts.set_language(node, anna, "tlh"))
    await refused("not-found", accounts.set_language(node, operator(), "hu"))
