"""Bearer tokens of the API: a person makes them for itself, the operator's command line for systems only.

A token is 32 random bytes; the store knows its SHA-256 only.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from node.clock import unstamp
from node.domain.access import Actor, operator
from node.domain.person import MAX_LABEL_CHARS, Person, text_fault
from node.errors import NodeError
from node.service.accounts import managed_person
from node.service.node import Node
from node.store import audit, people
from node.store.people import OPERATOR
from node.store.tx import Read, Row, Tx
from protocol.encoding import b64u

TOKEN_PREFIX: Final = "entente_"  # noqa: S105 - what all tokens begin with, no secret
"""So that scanners find a token that was committed or pasted by mistake."""
TOKEN_DAYS: Final = 90  # for which a token works unless other days are given
MAX_TOKEN_DAYS: Final = 366
MAX_TOKENS: Final = 20  # that one account has at the same time
_TOKEN_BYTES: Final = 32


@dataclass(frozen=True)
class BearerToken:
    """A token as it is listed: `id` is its digest; the token itself was shown once."""

    id: str
    label: str
    created_at: datetime
    used_on: date | None
    expires_at: datetime


async def make_token(node: Node, session: str, label: str, days: int = TOKEN_DAYS) -> str:
    """Return a new bearer token of the person whose session this is; it is shown this once.

    It takes a session and no actor, so that nobody makes one for another, and no token makes the next.
    `label` says where it will be used. Raises `not-signed-in`, and `invalid` with the fields at fault.
    """
    _check(label, days)
    token = _fresh(node)

    def work(tx: Tx) -> None:
        found = people.of_session(tx, session, tx.now)
        if found is None:
            raise NodeError("not-signed-in")
        _add(tx, token, found[0].actor(), found[0], (label, days))

    await node.store.write(work)
    return token


async def make_service_token(node: Node, actor: Actor, person_id: str, label: str, days: int = TOKEN_DAYS) -> str:
    """Return a new bearer token of a service account; it is shown this once.

    Raises `not-found`, `forbidden` for a person's account, and `invalid` with the fields at fault.
    """
    actor.require("services.manage")
    _check(label, days)
    token = _fresh(node)

    def work(tx: Tx) -> None:
        person = managed_person(tx, actor, person_id)
        if person.ended_at is not None:
            raise NodeError("not-found", "The account has ended.")
        if not person.service:
            raise NodeError("forbidden", "People make their tokens themselves.", "They find it in their profile.")
        _add(tx, token, actor, person, (label, days))

    await node.store.write(work)
    return token


def _check(label: str, days: int) -> None:
    faults = {"label": fault} if (fault := text_fault(label, MAX_LABEL_CHARS)) else {}
    if not 1 <= days <= MAX_TOKEN_DAYS:
        faults["days"] = "out-of-range"
    if faults:
        raise NodeError("invalid", fields=faults)


def _fresh(node: Node) -> str:
    return new_operator_token(node.entropy.random(_TOKEN_BYTES))


def _add(tx: Tx, token: str, actor: Actor, person: Person, said: tuple[str, int]) -> None:
    label, days = said
    if len(people.secrets_of(tx, person.id, "token", tx.now)) >= MAX_TOKENS:
        raise NodeError("invalid", f"An account has at most {MAX_TOKENS} tokens.", fields={"label": "too-many"})
    people.add_secret(tx, token, "token", person.id, label.strip(), tx.now + timedelta(days=days))
    audit.append(tx, actor.id, "token.make", person.id, f"{days} days")


def list_tokens(node: Node, actor: Actor) -> tuple[BearerToken, ...]:
    """Return the actor's own tokens that still work, oldest first."""
    actor.require("own-account")
    return node.store.read_now(lambda q: _tokens(node, q, actor.id))


def tokens_of(node: Node, actor: Actor, person_id: str) -> tuple[Person, tuple[BearerToken, ...]]:
    """Return an account that the actor manages, as lists show it, with its tokens; or `not-found`, `forbidden`."""

    def read(q: Read) -> tuple[Person, tuple[BearerToken, ...]]:
        person = managed_person(q, actor, person_id)
        return person.shown(), _tokens(node, q, person.id)

    return node.store.read_now(read)


def _tokens(node: Node, q: Read, person_id: str) -> tuple[BearerToken, ...]:
    return tuple(_token(row) for row in people.secrets_of(q, person_id, "token", node.clock.now()))


def _token(row: Row) -> BearerToken:
    used = unstamp(row["seen_at"]).date() if row["seen_at"] else None
    return BearerToken(row["sha256"], row["label"], unstamp(row["created_at"]), used, unstamp(row["expires_at"]))


async def end_token(node: Node, actor: Actor, token_id: str, person_id: str | None = None) -> None:
    """End a token of the actor's own, or of an account that it manages; raises `not-found` for any other."""
    if person_id is None:
        actor.require("own-account")

    def work(tx: Tx) -> None:
        owner = actor.id if person_id is None else managed_person(tx, actor, person_id).id
        if not people.drop_secret_of(tx, owner, token_id, "token"):
            raise NodeError("not-found", "There is no such token.")
        audit.append(tx, actor.id, "token.end", owner)

    await node.store.write(work)


async def actor_of_token(node: Node, token: str) -> Actor:
    """Return on whose behalf a program calls: an account, or the operator's command line; or `not-signed-in`."""
    now = node.clock.now()

    found = node.store.read_now(lambda q: people.of_session(q, token, now, "token"))
    if found is None:
        if node.store.read_now(lambda q: people.secret(q, token, "operator", now)) is not None:
            return operator()
        raise NodeError("not-signed-in")
    person, row = found
    if row["seen_at"] is None or unstamp(row["seen_at"]).date() < now.date():
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
