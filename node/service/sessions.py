"""Ways in: one-time links, passwords, sessions of the dashboard, bearer tokens of the API.

Links, sessions and tokens are 32 random bytes; the store knows their SHA-256 only.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from node.clock import unstamp
from node.domain.access import Actor, operator
from node.domain.person import MAX_LABEL_CHARS, plain_login, text_fault
from node.errors import NodeError
from node.service.accounts import managed_person, person_of
from node.service.node import Node
from node.service.passwords import prove, still_valid
from node.store import audit, people
from node.store.people import BY_LINK, OPERATOR
from node.store.tx import Row, Tx
from protocol.encoding import b64u

TOKEN_PREFIX: Final = "entente_"  # noqa: S105 - what all tokens begin with, no secret
"""So that scanners find a token that was committed or pasted by mistake."""
MAX_TOKEN_DAYS: Final = 366
_TOKEN_BYTES: Final = 32
_FRESH: Final = 0.1
"""A session's end moves only once this share of its time has passed, not at every request."""
_SEEN: Final = timedelta(hours=1)


@dataclass(frozen=True)
class BearerToken:
    """A token as its owner sees it later: `id` is its digest; the token itself was shown once."""

    id: str
    label: str
    created_at: datetime
    seen_at: datetime | None
    expires_at: datetime


def _fresh(node: Node) -> str:
    return b64u(node.entropy.random(_TOKEN_BYTES))


# --- one-time links ---


async def make_link(node: Node, actor: Actor, login: str) -> str:
    """Return the secret part of a sign-in link for an account; an earlier link that is open stops working."""
    token = _fresh(node)

    def work(tx: Tx) -> None:
        person = managed_person(tx, actor, login)
        if person.ended_at is not None:
            raise NodeError("not-found", "The account has ended.")
        people.drop_secrets(tx, person.id, "link")
        people.add_secret(tx, token, "link", person.id, "", tx.now + timedelta(hours=node.config.web.link_hours))
        audit.append(tx, actor.id, "link.make", person.id)

    await node.store.write(work)
    return token


def link_works(node: Node, token: str) -> bool:
    """Say whether a link would work; looking changes nothing, since mail scanners open links."""
    return node.store.read_now(lambda q: people.secret(q, token, "link", node.clock.now())) is not None


async def use_link(node: Node, token: str) -> tuple[str, bool]:
    """Use a link up and return (session token, whether a password must be chosen); raises `link-invalid`."""
    session = _fresh(node)

    def work(tx: Tx) -> bool:
        person_id = people.use_up(tx, token, "link")
        person = people.by_id(tx, person_id) if person_id else None
        if person is None or person.ended_at is not None:
            raise NodeError("link-invalid")
        _open(node, tx, session, person.id, BY_LINK)
        return not person.has_password

    return session, await node.store.write(work)


# --- sessions ---


async def sign_in(node: Node, login: str, password: str) -> str:
    """Return the token of a new session; raises `wrong-credentials` or `too-many`, see `passwords.prove`."""
    proof = await prove(node, login, password)
    session = _fresh(node)

    def work(tx: Tx) -> None:
        still_valid(tx, proof, login)
        if proof.rehashed is not None:
            people.set_password(tx, proof.person, proof.rehashed)
        _open(node, tx, session, proof.person, "")

    await node.store.write(work)
    return session


def _open(node: Node, tx: Tx, session: str, person_id: str, label: str) -> None:
    expires = tx.now + timedelta(hours=node.config.web.session_hours)
    people.add_secret(tx, session, "session", person_id, label, expires)
    audit.append(tx, person_id, "session.open", person_id, label)


async def actor_of_session(node: Node, token: str) -> Actor:
    """Return whose a session is, and let it last; raises `not-signed-in`."""
    now = node.clock.now()
    found = node.store.read_now(lambda q: people.of_session(q, token, now))
    if found is None:
        raise NodeError("not-signed-in")
    person, row = found
    lasts = timedelta(hours=node.config.web.session_hours)
    if unstamp(row["expires_at"]) < now + lasts * (1 - _FRESH):
        await node.store.write(lambda tx: people.touch(tx, row["sha256"], tx.now + lasts))
    return person.actor()


async def sign_out(node: Node, token: str) -> None:
    """End a session; one that has ended already stays ended."""

    def work(tx: Tx) -> None:
        person_id = people.drop_secret(tx, people.digest_of(token), "session")
        if person_id:
            audit.append(tx, person_id, "session.close", person_id)

    await node.store.write(work)


async def sign_out_everywhere(node: Node, actor: Actor) -> int:
    """End all sessions of the actor, the present one included; returns how many."""
    actor.require("own-account")

    def work(tx: Tx) -> int:
        count = people.drop_secrets(tx, actor.id, "session")
        audit.append(tx, actor.id, "session.close-all", actor.id)
        return count

    return await node.store.write(work)


def session_count(node: Node, actor: Actor) -> int:
    """Return in how many places the actor is signed in."""
    return len(node.store.read_now(lambda q: people.secrets_of(q, actor.id, "session", node.clock.now())))


def csrf_of(session: str) -> str:
    """Return the token that every form of a session carries; it tells nothing of the session's own."""
    return b64u(hmac.digest(session.encode("utf-8", "backslashreplace"), b"entente-csrf-v1", hashlib.sha256))


def check_csrf(session: str, given: str) -> None:
    """Raise `csrf` unless a form came from a page of this session; takes the same time for every mistake."""
    if not hmac.compare_digest(csrf_of(session).encode(), given.encode("utf-8", "backslashreplace")):
        raise NodeError("csrf")


# --- bearer tokens ---


async def make_token(node: Node, actor: Actor, label: str, days: int, login: str | None = None) -> str:
    """Return a new bearer token for the API, for the actor's own account or for one that it manages.

    It is shown this once. `label` says where it will be used. Raises `invalid` with the fields at fault.
    """
    actor.require("own-account")
    faults = {"label": fault} if (fault := text_fault(label, MAX_LABEL_CHARS)) else {}
    if not 1 <= days <= MAX_TOKEN_DAYS:
        faults["days"] = "out-of-range"
    if faults:
        raise NodeError("invalid", fields=faults)
    token = TOKEN_PREFIX + _fresh(node)
    own = person_of(node, actor).login if login is None else None

    def work(tx: Tx) -> None:
        person = people.by_login(tx, own) if own else managed_person(tx, actor, plain_login(login or ""))
        if person is None or person.ended_at is not None:
            raise NodeError("not-found", "There is no such account.")
        people.add_secret(tx, token, "token", person.id, label.strip(), tx.now + timedelta(days=days))
        audit.append(tx, actor.id, "token.make", person.id, f"{days} days")

    await node.store.write(work)
    return token


def list_tokens(node: Node, actor: Actor) -> tuple[BearerToken, ...]:
    """Return the actor's own tokens that still work, oldest first."""
    rows = node.store.read_now(lambda q: people.secrets_of(q, actor.id, "token", node.clock.now()))
    return tuple(_token(row) for row in rows)


def _token(row: Row) -> BearerToken:
    seen = unstamp(row["seen_at"]) if row["seen_at"] else None
    return BearerToken(row["sha256"], row["label"], unstamp(row["created_at"]), seen, unstamp(row["expires_at"]))


async def end_token(node: Node, actor: Actor, token_id: str) -> None:
    """End one of the actor's own tokens; raises `not-found` for any other."""

    def work(tx: Tx) -> None:
        if people.drop_secret(tx, token_id, "token") != actor.id:
            raise NodeError("not-found", "You have no such token.")
        audit.append(tx, actor.id, "token.end", actor.id)

    await node.store.write(work)


async def actor_of_token(node: Node, token: str) -> Actor:
    """Return on whose behalf a program calls: a person, or the operator's command line; or `not-signed-in`."""
    now = node.clock.now()
    if node.store.read_now(lambda q: people.secret(q, token, "operator", now)) is not None:
        return operator()
    found = node.store.read_now(lambda q: people.of_session(q, token, now, "token"))
    if found is None:
        raise NodeError("not-signed-in")
    person, row = found
    if row["seen_at"] is None or unstamp(row["seen_at"]) < now - _SEEN:
        await node.store.write(lambda tx: people.touch(tx, row["sha256"], None))
    return person.actor()


async def ensure_operator_token(node: Node, token: str) -> None:
    """Make the token of the file `operator.token` the one and only that the command line signs in with."""
    if not token.startswith(TOKEN_PREFIX) or len(token) < len(TOKEN_PREFIX) + _TOKEN_BYTES:
        raise NodeError("key-missing", "The operator's token isn't one.", "Make it again: entente init.")

    def work(tx: Tx) -> None:
        stale = people.drop_secrets(tx, OPERATOR, "operator", keep=people.digest_of(token))
        if stale or people.secret(tx, token, "operator", tx.now) is None:
            people.drop_secrets(tx, OPERATOR, "operator")
            people.add_secret(tx, token, "operator", OPERATOR, "", None)
            audit.append(tx, OPERATOR, "operator-token.set", OPERATOR)

    await node.store.write(work)


def new_operator_token(random: bytes) -> str:
    """Return a token for the file `operator.token`, from 32 random bytes."""
    return TOKEN_PREFIX + b64u(random)
