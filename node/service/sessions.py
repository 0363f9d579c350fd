"""Ways in for people: one-time links, passwords, and the sessions that they open.

Links and sessions are 32 random bytes; the store knows their SHA-256 only.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from node.clock import unstamp
from node.domain.access import Actor
from node.errors import NodeError
from node.service.accounts import managed_person
from node.service.node import Node
from node.service.passwords import prove, still_valid
from node.store import audit, people
from node.store.people import BY_LINK
from node.store.tx import Read, Tx
from protocol.encoding import b64u

_TOKEN_BYTES: Final = 32
_FRESH: Final = 0.1
"""A session's end moves only once this share of its time has passed, not at every request."""
LINKS_SHOWN: Final = 10  # of what happened with a person's sign-in links, the newest


@dataclass(frozen=True)
class LinkNote:
    """What happened with a person's sign-in link: `by` made it, or it was used (`by` is None then).

    `by` is a person's name; empty for the operator's command line.
    """

    at: datetime
    by: str | None


def _fresh(node: Node) -> str:
    return b64u(node.entropy.random(_TOKEN_BYTES))


# --- one-time links ---


async def make_link(node: Node, actor: Actor, person_id: str) -> str:
    """Return the secret part of a sign-in link for a person; an earlier link that is open stops working.

    Sessions and tokens go on: who lost nothing loses nothing. The person is shown who made the link and when
    (`link_notes`). Raises `not-found`, and `forbidden` for a service account.
    """
    token = _fresh(node)

    def work(tx: Tx) -> None:
        person = managed_person(tx, actor, person_id)
        if person.ended_at is not None:
            raise NodeError("not-found", "The account has ended.")
        if person.service:
            raise NodeError("forbidden", "A service account has no sign-in link.", "Make a token: entente user token.")
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
        if person is None or person.ended_at is not None or person.service:
            raise NodeError("link-invalid")
        _open(node, tx, session, person.id, BY_LINK)
        return not person.has_password

    return session, await node.store.write(work)


def link_notes(node: Node, actor: Actor) -> tuple[LinkNote, ...]:
    """Return when links were made for the actor and used, the newest first, `LINKS_SHOWN` at most."""

    def read(q: Read) -> tuple[LinkNote, ...]:
        return tuple(
            LinkNote(unstamp(row["at"]), _name(q, row["actor"]) if row["action"] == "link.make" else None)
            for row in audit.links_of(q, actor.id, LINKS_SHOWN)
        )

    return node.store.read_now(read)


def _name(q: Read, person_id: str) -> str:
    person = people.by_id(q, person_id)
    return person.name if person else ""


# --- sessions ---


async def sign_in(node: Node, login: str, password: str, address: str = "") -> tuple[str, bool]:
    """Return (session token, whether a link was made for the person since the last sign-in by password).

    Raises `wrong-credentials` or `too-many`, see `passwords.prove`.
    """
    proof = await prove(node, login, password, address)
    session = _fresh(node)

    def work(tx: Tx) -> bool:
        still_valid(tx, proof, login)
        if proof.rehashed is not None:
            people.set_password(tx, proof.person, proof.rehashed)
        link_made = audit.link_since_password(tx, proof.person)
        _open(node, tx, session, proof.person, "")
        return link_made

    return session, await node.store.write(work)


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


def csrf_of(session: str, person_id: str) -> str:
    """Return the token that every form of a person's session carries; it tells nothing of the session's own."""
    whose = _whose(person_id)
    mac = hmac.digest(session.encode("utf-8", "backslashreplace"), b"entente-csrf-v2" + whose.encode(), hashlib.sha256)
    return f"{b64u(mac)}.{whose}"


def check_csrf(session: str, person_id: str, given: str) -> None:
    """Raise `csrf` unless a form came from a page of this session; takes the same time for every mistake."""
    if not hmac.compare_digest(csrf_of(session, person_id).encode(), given.encode("utf-8", "backslashreplace")):
        raise NodeError("csrf")


def is_own_form(person_id: str, given: str) -> bool:
    """Say whether a form's token names this person, of whichever session: an old page of its own, most likely."""
    return given.rpartition(".")[2] == _whose(person_id)


def _whose(person_id: str) -> str:
    return b64u(hashlib.sha256(b"entente-form-of-v1" + person_id.encode()).digest()[:16])
