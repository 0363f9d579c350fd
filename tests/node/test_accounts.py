"""People and their ways in: what an administrator, a handler, a thief and a guesser experience."""

import asyncio
import threading
from datetime import date

import pytest

from directory_sync.authority import Authority
from node.clock import SystemEntropy
from node.domain.access import Actor, Grant, granted, operator
from node.domain.person import NewPerson, Person
from node.errors import NodeError
from node.service import accounts, callers, directory, hashing, passwords, sessions, tokens
from node.service.node import Node
from node.store import audit, people
from tests.node.clock import TestClock
from tests.sign_in import session_of, token_of

PASSWORD = "correct horse battery staple"
OTHER = "violin umbrella gravel seven"
CHAMBER, MINISTRY = "DE-zaek-berlin", "DE-ministry"


def authority(authority_id: str, **changes: object) -> Authority:
    """Return an authority of ours."""
    values = {
        "id": authority_id,
        "country": authority_id[:2],
        "name": f"Authority {authority_id}",
        "name_lang": "de",
        "level": "national",
        "place": "Berlin",
        "valid_from": date(2026, 1, 1),
        "v": 1,
    }
    return Authority.model_validate({**values, **changes})


def someone(login: str = "anna", **changes: object) -> NewPerson:
    """Return a handler of the chamber."""
    values = {
        "login": login,
        "name": "Anna Müller",
        "language": "de",
        "roles": frozenset({"handler"}),
        "authorities": frozenset({CHAMBER}),
    }
    return NewPerson(**{**values, **changes})


@pytest.fixture
async def node(make_node) -> Node:
    """Berlin's node with two authorities."""
    made = make_node("DE")
    await directory.import_authorities(made, operator(), [authority(CHAMBER), authority(MINISTRY)])
    return made


async def with_password(node: Node, new: NewPerson, password: str = PASSWORD) -> str:
    """Add a person that comes by link and chooses a password; return the session."""
    person = await accounts.add_person(node, operator(), new)
    session, must = await sessions.use_link(node, await sessions.make_link(node, operator(), person.id))
    assert must
    await passwords.set_password(node, session, password)
    return session


def id_of(node: Node, login: str = "anna") -> str:
    """Return the id of an account."""
    return accounts.person_named(node, operator(), login).id


async def token_for(node: Node, login: str = "anna", days: int = 30) -> str:
    """Return a token that a person made for itself."""
    return await token_of(node, id_of(node, login), "script", days)


async def administrator(node: Node) -> Actor:
    """Return the chamber's data administrator."""
    new = someone("admin", name="Ada Administrator", roles=frozenset({"data-administrator"}))
    return (await accounts.add_person(node, operator(), new)).actor()


def system(login: str = "register", **changes: object) -> NewPerson:
    """Return a service account of the chamber."""
    return someone(login, **{"name": "Register software", "service": True, **changes})


async def refused(code: str, awaitable, **fields: str) -> NodeError:
    """Await something that must be refused with this code."""
    with pytest.raises(NodeError) as caught:
        await awaitable
    assert caught.value.code == code
    assert fields.items() <= caught.value.fields.items()
    return caught.value


def entries(node: Node) -> list[tuple[str, str, str, str]]:
    """Return the audit trail without times."""
    rows = node.store.read_now(lambda q: q.all("SELECT * FROM audit ORDER BY seq"))
    return [(row["actor"], row["action"], row["subject"], row["detail"]) for row in rows]


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


# --- links ---


async def test_a_link_works_once(node: Node):
    """Looking at a link changes nothing; using it twice is refused, also at the same moment."""
    await accounts.add_person(node, operator(), someone())
    token = await sessions.make_link(node, operator(), id_of(node))
    assert all(sessions.link_works(node, token) for _ in range(3))
    results = await asyncio.gather(*(sessions.use_link(node, token) for _ in range(3)), return_exceptions=True)
    assert [result.code for result in results if isinstance(result, NodeError)] == ["link-invalid"] * 2
    assert not sessions.link_works(node, token)


async def test_a_link_expires(node: Node, clock: TestClock):
    """A link is good for the hours configured and not a second longer."""
    await accounts.add_person(node, operator(), someone())
    token = await sessions.make_link(node, operator(), id_of(node))
    clock.forward(hours=24)
    assert not sessions.link_works(node, token)
    await refused("link-invalid", sessions.use_link(node, token))


async def test_a_new_link_replaces_the_old_one(node: Node):
    """Whoever asks for a second link makes the first one worthless."""
    await accounts.add_person(node, operator(), someone())
    first = await sessions.make_link(node, operator(), id_of(node))
    second = await sessions.make_link(node, operator(), id_of(node))
    await refused("link-invalid", sessions.use_link(node, first))
    assert await sessions.use_link(node, second)


async def test_a_link_ends_nothing_and_is_shown_to_its_person(node: Node, clock: TestClock):
    """A link made behind one's back leaves session and token alone, and its person reads by whom and when."""
    session = await with_password(node, someone())
    anna, token = await sessions.actor_of_session(node, session), await token_for(node)
    assert (await sessions.sign_in(node, "anna", PASSWORD))[1]  # the links of this set-up
    assert not (await sessions.sign_in(node, "anna", PASSWORD))[1]
    clock.forward(hours=1)
    made_at = clock.now()
    link = await sessions.make_link(node, await administrator(node), anna.id)
    assert await sessions.actor_of_session(node, session)
    assert await tokens.actor_of_token(node, token)
    clock.forward(hours=1)
    await sessions.use_link(node, link)
    notes = [(note.at, note.by) for note in sessions.link_notes(node, anna)]
    assert notes[:2] == [(clock.now(), None), (made_at, "Ada Administrator")]
    assert notes[-1][1] == ""  # the operator's command line
    assert (await sessions.sign_in(node, "anna", PASSWORD))[1]


@pytest.mark.parametrize("guess", ["", "A" * 43, "' OR 1=1 --", "\udcff", "x" * 100_000])
async def test_a_guessed_link_opens_nothing(node: Node, guess: str):
    """Guesses, injections and broken text are no links, sessions or tokens."""
    await with_password(node, someone())
    await sessions.make_link(node, operator(), id_of(node))
    assert not sessions.link_works(node, guess)
    await refused("link-invalid", sessions.use_link(node, guess))
    await refused("not-signed-in", sessions.actor_of_session(node, guess))
    await refused("not-signed-in", tokens.actor_of_token(node, guess))
    await sessions.sign_out(node, guess)


async def test_one_secret_is_no_other(node: Node):
    """A session is no bearer token, a token no session, and a link neither."""
    session = await with_password(node, someone())
    token = await token_for(node)
    link = await sessions.make_link(node, operator(), id_of(node))
    for wrong in (token, link):
        await refused("not-signed-in", sessions.actor_of_session(node, wrong))
    for wrong in (session, link):
        await refused("not-signed-in", tokens.actor_of_token(node, wrong))
    for wrong in (session, token):
        await refused("link-invalid", sessions.use_link(node, wrong))


async def test_a_stolen_database_opens_nothing(node: Node):
    """The files hold digests of links, sessions and tokens, and argon2id of passwords; none of them itself."""
    session = await with_password(node, someone())
    token = await token_for(node)
    link = await sessions.make_link(node, operator(), id_of(node))
    stored = b"".join(path.read_bytes() for path in sorted(node.config.data.iterdir()))
    assert not [one for one in (session, token, link, PASSWORD) if one.encode() in stored]
    assert b"$argon2id$" in stored


# --- passwords ---


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "too-short"),
        ("e\u0301" * 11, "too-short"),
        ("x" * 201, "too-long"),
        ("Anna  Müller Schmidt", "is-name"),
        ("anna.schmidt@kammer", "is-name"),
    ],
)
async def test_a_weak_password_is_refused(node: Node, password: str, code: str):
    """Length decides, and one's own name or login is no password."""
    new = someone("anna.schmidt@kammer", name="Anna Müller-Schmidt")
    await accounts.add_person(node, operator(), new)
    session, _ = await sessions.use_link(node, await sessions.make_link(node, operator(), id_of(node, new.login)))
    await refused("invalid", passwords.set_password(node, session, password), password=code)


async def test_a_password_is_the_same_from_every_keyboard(node: Node):
    """A letter typed with its accent apart is the letter with its accent."""
    await with_password(node, someone(), "kávéfőzőgép nélkül")
    assert await sessions.sign_in(node, "Anna", "ka\u0301ve\u0301fo\u030bzo\u030bge\u0301p ne\u0301lku\u0308l")


async def test_changing_a_password_needs_the_old_one_and_ends_other_sessions(node: Node):
    """A borrowed session can't change the password, and after a change every other session is out."""
    await with_password(node, someone())
    here, elsewhere = [(await sessions.sign_in(node, "anna", PASSWORD))[0] for _ in range(2)]
    await refused("wrong-credentials", passwords.set_password(node, here, OTHER))
    await refused("wrong-credentials", passwords.set_password(node, here, OTHER, current="a wrong password"))
    await passwords.set_password(node, here, OTHER, current=PASSWORD)
    assert await sessions.actor_of_session(node, here)
    await refused("not-signed-in", sessions.actor_of_session(node, elsewhere))
    await refused("wrong-credentials", sessions.sign_in(node, "anna", PASSWORD))
    assert await sessions.sign_in(node, "anna", OTHER)


async def test_a_new_password_ends_tokens_and_links(node: Node):
    """After a change, and after a choice by link, only the present session is left."""
    await with_password(node, someone())
    for by_link in (False, True):
        token, elsewhere = await token_for(node), await session_of(node, id_of(node))
        here = await session_of(node, id_of(node)) if by_link else (await sessions.sign_in(node, "anna", PASSWORD))[0]
        link = await sessions.make_link(node, operator(), id_of(node))
        await passwords.set_password(node, here, PASSWORD, current=None if by_link else PASSWORD)
        await refused("not-signed-in", tokens.actor_of_token(node, token))
        await refused("not-signed-in", sessions.actor_of_session(node, elsewhere))
        await refused("link-invalid", sessions.use_link(node, link))
        assert await sessions.actor_of_session(node, here)


async def test_a_changed_role_counts_at_the_next_call(node: Node):
    """Sessions and tokens carry no role of their own: each call reads the account."""
    session = await with_password(node, someone())
    token = await token_for(node)
    await accounts.grant(node, operator(), id_of(node), Grant(CHAMBER, "data-administrator"))
    await accounts.revoke(node, operator(), id_of(node), Grant(CHAMBER, "handler"))
    for actor in (await sessions.actor_of_session(node, session), await tokens.actor_of_token(node, token)):
        assert not actor.may("cases.read")
        assert actor.may("people.manage")


async def test_who_forgot_the_password_chooses_another_by_link_once(node: Node):
    """The session of a link may set a password without the old one, a single time."""
    await with_password(node, someone())
    session, must = await sessions.use_link(node, await sessions.make_link(node, operator(), id_of(node)))
    assert not must
    await passwords.set_password(node, session, OTHER)
    await refused("wrong-credentials", passwords.set_password(node, session, PASSWORD))
    await refused("not-signed-in", passwords.set_password(node, "nobody's", OTHER))


async def test_an_unknown_login_is_answered_like_a_wrong_password(node: Node, monkeypatch: pytest.MonkeyPatch):
    """Nobody learns from code, message or work done whether a login exists."""
    await with_password(node, someone())
    await accounts.add_person(node, operator(), someone("new"))
    verified = []
    verify = hashing._HASHER.verify

    def counted(stored: str, password: str) -> bool:
        verified.append(stored.split("$")[1:4])
        return verify(stored, password)

    monkeypatch.setattr(type(hashing._HASHER), "verify", lambda _self, *given: counted(*given))
    answers = [
        str(await refused("wrong-credentials", sessions.sign_in(node, login, "some wrong password")))
        for login in ("anna", "new", "nobody", "", "' OR 1=1 --", "\udcff")
    ]
    assert len(set(answers)) == 1
    assert verified == [verified[0]] * 6
    assert verified[0][0] == "argon2id"


async def test_brute_force_is_stopped_before_the_password_is_looked_at(node: Node, clock: TestClock):
    """After five attempts in a minute even the right password waits, also when all came at once."""
    await with_password(node, someone())
    guesses = (sessions.sign_in(node, "anna", f"guess number {i}") for i in range(8))
    results = await asyncio.gather(*guesses, return_exceptions=True)
    codes = sorted(result.code for result in results if isinstance(result, NodeError))
    assert codes == ["too-many"] * 3 + ["wrong-credentials"] * 5
    await refused("too-many", sessions.sign_in(node, " ANNA", PASSWORD))
    clock.forward(seconds=60)
    assert await sessions.sign_in(node, "anna", PASSWORD)


async def test_guessing_one_login_doesn_t_lock_another(node: Node, clock: TestClock):
    """Attempts are counted for each login, success begins anew, and old counts are forgotten."""
    await with_password(node, someone())
    for attempt in range(6):
        code = "too-many" if attempt == 5 else "wrong-credentials"
        await refused(code, sessions.sign_in(node, "eve", "some password or other"))
    for _ in range(2):
        await refused("wrong-credentials", sessions.sign_in(node, "anna", "not the right one"))
        assert await sessions.sign_in(node, "anna", PASSWORD)
    clock.forward(minutes=2)
    await refused("wrong-credentials", sessions.sign_in(node, "carl", "some password or other"))
    rows = node.store.read_now(lambda q: q.all("SELECT * FROM sign_in_attempt"))
    assert [row["login_sha256"] for row in rows] == [people.digest_of("carl")]


async def test_an_old_hash_is_renewed_at_the_next_sign_in(node: Node):
    """A password hashed with weaker parameters works and is stored with the present ones."""
    await with_password(node, someone())
    weak = hashing.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    person = accounts.list_people(node, operator())[0]
    await node.store.write(lambda tx: people.set_password(tx, person.id, weak))
    assert await sessions.sign_in(node, "anna", PASSWORD)
    stored = node.store.read_now(lambda q: people.password_of(q, person.id))
    assert "m=19456,t=2,p=1" in (stored or "")
    assert await sessions.sign_in(node, "anna", PASSWORD)


async def test_a_password_changed_meanwhile_opens_no_session(node: Node):
    """A sign-in that was checked against the old password ends when a new one was set before it."""
    await with_password(node, someone())
    proof = await passwords.prove(node, "anna", PASSWORD)
    await node.store.write(lambda tx: people.set_password(tx, proof.person, "changed"))
    with pytest.raises(NodeError, match="wrong-credentials"):
        await node.store.write(lambda tx: passwords.still_valid(tx, proof, "anna"))


# --- sessions ---


async def test_a_session_lasts_while_it_is_used(node: Node, clock: TestClock):
    """Each use moves the end; a session that nobody used for the hours configured is gone."""
    session = await with_password(node, someone())
    for _ in range(5):
        clock.forward(hours=9)
        assert await sessions.actor_of_session(node, session)
    clock.forward(hours=10)
    await refused("not-signed-in", sessions.actor_of_session(node, session))
    await refused("not-signed-in", passwords.set_password(node, session, OTHER))


async def test_using_a_session_seldom_writes(node: Node, clock: TestClock, monkeypatch: pytest.MonkeyPatch):
    """A page view costs no write, since the end moves only once a tenth of the time has passed."""
    session = await with_password(node, someone())
    touched = []
    monkeypatch.setattr(people, "touch", lambda *_: touched.append(1))
    for _ in range(10):
        await sessions.actor_of_session(node, session)
    assert touched == []
    clock.forward(hours=2)
    await sessions.actor_of_session(node, session)
    assert touched == [1]


async def test_after_signing_out_a_session_is_nothing(node: Node):
    """A cookie that somebody kept opens nothing after signing out, here or everywhere."""
    await with_password(node, someone())
    first, second, third = [(await sessions.sign_in(node, "anna", PASSWORD))[0] for _ in range(3)]
    actor = await sessions.actor_of_session(node, first)
    await sessions.sign_out(node, first)
    await refused("not-signed-in", sessions.actor_of_session(node, first))
    assert await sessions.sign_out_everywhere(node, actor) == 3
    for session in (second, third):
        await refused("not-signed-in", sessions.actor_of_session(node, session))


async def test_a_form_of_another_session_is_refused(node: Node):
    """The CSRF token belongs to one session, can't be turned into it, and nothing else passes."""
    session = await with_password(node, someone())
    token = sessions.csrf_of(session, "anna")
    sessions.check_csrf(session, "anna", token)
    assert session not in token
    others = (sessions.csrf_of(session + "x", "anna"), sessions.csrf_of(session, "ada"))
    for wrong in ("", token[:-1], *others, session, token.partition(".")[0], "\udcff", "é"):
        with pytest.raises(NodeError, match="csrf"):
            sessions.check_csrf(session, "anna", wrong)


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


# --- flood ---


async def test_a_flood_of_sign_ins_takes_no_thread_from_deliveries(node: Node):
    """While passwords wait to be hashed the common threads are free, and too many are told when to come again."""
    common = asyncio.get_running_loop().run_in_executor
    many = hashing.MAX_HASHING + 20
    flood = asyncio.gather(
        *(sessions.sign_in(node, f"nobody{i}", "some password or other") for i in range(many)), return_exceptions=True
    )
    for _ in range(10):  # the writes before it
        await asyncio.sleep(0)
    threads = await asyncio.gather(*(common(None, lambda: threading.current_thread().name) for _ in range(8)))
    assert node.hashing._queued > hashing.MAX_HASHING // 2
    assert not [name for name in threads if name.startswith("passwords")]
    errors = await flood
    assert {error.code for error in errors} == {"wrong-credentials", "too-many"}
    assert {error.retry_after_s for error in errors if error.code == "too-many"} == {hashing.BUSY_S}
    assert node.hashing._queued == 0


async def test_a_full_queue_writes_nothing(node: Node, monkeypatch: pytest.MonkeyPatch):
    """Who is sent away at the door costs no write and no hash."""
    monkeypatch.setattr(node.hashing, "_queued", hashing.MAX_HASHING)
    await refused("too-many", sessions.sign_in(node, "anna", PASSWORD))
    assert node.store.read_now(lambda q: q.all("SELECT * FROM sign_in_attempt")) == []


async def test_one_address_that_tries_many_logins_is_stopped(node: Node, clock: TestClock):
    """Who tries one password on many logins waits, others don't, and success doesn't count."""
    await with_password(node, someone())
    for _ in range(callers.ADDRESS_ATTEMPTS - 3):
        node.callers.count("192.0.2.7", clock.now())
    for i in range(3):
        assert (await sessions.sign_in(node, "anna", PASSWORD, "192.0.2.7"))[0]
        await refused("wrong-credentials", sessions.sign_in(node, f"nobody{i}", PASSWORD, "192.0.2.7"))
    error = await refused("too-many", sessions.sign_in(node, "anna", PASSWORD, "192.0.2.7"))
    assert error.retry_after_s == callers.ADDRESS_WINDOW.total_seconds()
    assert await sessions.sign_in(node, "anna", PASSWORD, "192.0.2.8")
    clock.forward(seconds=error.retry_after_s)
    assert await sessions.sign_in(node, "anna", PASSWORD, "192.0.2.7")
    assert list(node.callers._seen) == ["192.0.2.7"]


@pytest.mark.parametrize(
    ("peer", "forwarded", "counted"),
    [
        ("192.0.2.7", None, "192.0.2.7"),
        ("::ffff:192.0.2.7", None, "192.0.2.7"),
        ("2001:db8:1:2:3::4", None, "2001:db8:1:2::/64"),
        ("127.0.0.1", None, ""),
        ("::1", None, ""),
        (None, None, ""),
        ("127.0.0.1", "192.0.2.1, 192.0.2.7", "192.0.2.7"),
        ("127.0.0.1", "192.0.2.1, garbage", ""),
        ("127.0.0.1", "", ""),
    ],
)
def test_where_a_caller_is_counted(peer: str | None, forwarded: str | None, counted: str):
    """The proxy's own word counts, not the caller's before it; a whole IPv6 network is one address."""
    assert callers.address_of(peer, forwarded) == counted


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
