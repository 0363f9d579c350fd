"""Ways in: what a person who forgot the password, a thief and a guesser experience."""

import asyncio
import threading

import pytest

from node.domain.access import Grant, operator
from node.errors import NodeError
from node.service import accounts, callers, hashing, passwords, sessions, tokens
from node.service.node import Node
from node.store import people
from tests.node.clock import TestClock
from tests.node.people import (
    CHAMBER,
    OTHER,
    PASSWORD,
    administrator,
    id_of,
    refused,
    someone,
    token_for,
    with_password,
)
from tests.sign_in import session_of

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
