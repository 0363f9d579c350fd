"""Passwords: argon2id, off the loop, since it is slow by design; and how often one may be tried."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from node.domain.person import password_fault, plain_password
from node.errors import NodeError
from node.service.node import Node
from node.store import audit, people
from node.store.tx import Tx

ATTEMPTS: Final = 5
ATTEMPTS_WINDOW: Final = timedelta(minutes=1)
"""So many attempts are free for each login in this time, counted from the first."""

# OWASP Password Storage Cheat Sheet: 19 MiB, 2 passes, 1 lane; about 40 ms.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)


@dataclass(frozen=True)
class Proof:
    """A right password: whose it is, the hash it was checked with, and a better hash if there is one."""

    person: str
    stored: str
    rehashed: str | None


@dataclass(frozen=True)
class _Verdict:
    right: bool
    rehashed: str | None = None


async def prove(node: Node, login: str, password: str) -> Proof:
    """Check the password of a login.

    An attempt is counted before it is checked, so that attempts side by side count too. Raises `too-many`
    without looking at the password, or `wrong-credentials`: the same, in the same time, whatever was wrong.
    """
    if await node.store.write(lambda tx: people.count_attempt(tx, login, tx.now - ATTEMPTS_WINDOW)) > ATTEMPTS:
        raise NodeError("too-many")
    person = node.store.read_now(lambda q: people.by_login(q, login))
    stored = node.store.read_now(lambda q: people.password_of(q, person.id)) if person else None
    verdict = await asyncio.get_running_loop().run_in_executor(None, _check, stored, password)
    if person is None or stored is None or not verdict.right:
        raise NodeError("wrong-credentials")
    return Proof(person.id, stored, verdict.rehashed)


def still_valid(tx: Tx, proof: Proof, login: str) -> None:
    """Take a proof at its word in the transaction that acts on it, unless the password has changed since."""
    if people.password_of(tx, proof.person) != proof.stored:
        raise NodeError("wrong-credentials")
    people.forget_attempts(tx, login)


async def set_password(node: Node, session: str, password: str, current: str | None = None) -> None:
    """Choose a password in a session; all other sessions and open links of the person end.

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
    hashed = await asyncio.get_running_loop().run_in_executor(None, _hash, password)

    def work(tx: Tx) -> None:
        if people.of_session(tx, session, tx.now) is None:
            raise NodeError("not-signed-in")
        if proof is not None:
            still_valid(tx, proof, person.login)
        people.set_password(tx, person.id, hashed)
        people.relabel(tx, session, "")
        people.drop_secrets(tx, person.id, "session", keep=people.digest_of(session))
        people.drop_secrets(tx, person.id, "link")
        audit.append(tx, person.id, "password.set", person.id)

    await node.store.write(work)


def _hash(password: str) -> str:
    return _HASHER.hash(plain_password(password))


def _check(stored: str | None, password: str) -> _Verdict:
    """Check a password; where nothing is stored it takes the same time and is wrong."""
    try:
        _HASHER.verify(stored or _nobodys(), plain_password(password))
    except (VerificationError, InvalidHashError):
        return _Verdict(right=False)
    if stored is None:
        return _Verdict(right=False)
    return _Verdict(right=True, rehashed=_hash(password) if _HASHER.check_needs_rehash(stored) else None)


@cache
def _nobodys() -> str:
    return _HASHER.hash("the password of somebody who isn't there")
