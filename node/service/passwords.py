"""Passwords: who proves to be whom, how often that may be tried, and what ends with a new password."""

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from node.domain.person import password_fault
from node.errors import NodeError
from node.service.node import Node
from node.store import audit, people
from node.store.tx import Tx

ATTEMPTS: Final = 5
ATTEMPTS_WINDOW: Final = timedelta(minutes=1)
"""So many attempts are free for each login in this time, counted from the first."""


@dataclass(frozen=True)
class Proof:
    """A right password: whose it is, the hash it was checked with, and a better hash if there is one."""

    person: str
    stored: str
    rehashed: str | None


async def prove(node: Node, login: str, password: str, address: str = "") -> Proof:
    """Check the password of a login; `address` is where it came from (see `callers.address_of`).

    An attempt is counted before it is checked, so that attempts side by side count too. Raises `too-many`
    without looking at the password, or `wrong-credentials`: the same, in the same time, whatever was wrong.
    """
    node.hashing.admit()
    node.callers.count(address, node.clock.now())
    await node.store.write(lambda tx: _count(tx, login))
    person = node.store.read_now(lambda q: people.by_login(q, login))
    stored = node.store.read_now(lambda q: people.password_of(q, person.id)) if person else None
    verdict = await node.hashing.check(stored, password)
    if person is None or stored is None or not verdict.right:
        raise NodeError("wrong-credentials")
    node.callers.forgive(address)
    return Proof(person.id, stored, verdict.rehashed)


def _count(tx: Tx, login: str) -> None:
    count, since = people.count_attempt(tx, login, tx.now - ATTEMPTS_WINDOW)
    if count > ATTEMPTS:
        left = math.ceil((since + ATTEMPTS_WINDOW - tx.now).total_seconds())
        raise NodeError("too-many", retry_after_s=left)


def still_valid(tx: Tx, proof: Proof, login: str) -> None:
    """Take a proof at its word in the transaction that acts on it, unless the password has changed since."""
    if people.password_of(tx, proof.person) != proof.stored:
        raise NodeError("wrong-credentials")
    people.forget_attempts(tx, login)


async def set_password(node: Node, session: str, password: str, current: str | None = None) -> None:
    """Choose a password in a session; all else that opens the account ends: other sessions, links and tokens.

    `current` is needed where there is one already, unless a one-time link opened the session. Raises
    `not-signed-in`, `wrong-credentials`, `too-many`, and `invalid` with the field at fault.
    """
    found = node.store.read_now(lambda q: people.of_session(q, session, node.clock.now()))
    if found is None:
        raise NodeError("not-signed-in")
    person, row = found
    if fault := password_fault(password, person.login, person.name):
        raise NodeError("invalid", fields={"password": fault})
    proof = None
    if person.has_password and row["label"] != people.BY_LINK:
        proof = await prove(node, person.login, current or "")
    hashed = await node.hashing.hash(password)

    def work(tx: Tx) -> None:
        if people.of_session(tx, session, tx.now) is None:
            raise NodeError("not-signed-in")
        if proof is not None:
            still_valid(tx, proof, person.login)
        people.set_password(tx, person.id, hashed)
        people.relabel(tx, session, "")
        people.drop_secrets(tx, person.id, "session", keep=people.digest_of(session))
        people.drop_secrets(tx, person.id, "link")
        people.drop_secrets(tx, person.id, "token")
        audit.append(tx, person.id, "password.set", person.id)

    await node.store.write(work)
