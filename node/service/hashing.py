"""Hashing passwords: argon2id on a thread of its own, so that a flood of sign-ins takes no thread from deliveries."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Final, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from node.domain.person import plain_password
from node.errors import NodeError

T = TypeVar("T")

MAX_HASHING: Final = 32  # passwords that may wait to be hashed; about 40 ms each
BUSY_S: Final = 5
"""Seconds after which a caller who found the queue full may try again."""

# OWASP Password Storage Cheat Sheet: 19 MiB, 2 passes, 1 lane; about 40 ms.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)


@dataclass(frozen=True)
class Verdict:
    """Whether a password is right, and a better hash of it if the stored one has old parameters."""

    right: bool
    rehashed: str | None = None


class Hashing:
    """Hashes passwords one after the other."""

    def __init__(self) -> None:
        """Start nothing: the thread comes with the first password."""
        self._executor = ThreadPoolExecutor(1, "passwords")
        self._queued = 0

    def admit(self) -> None:
        """Raise `too-many` while the queue is full, before anything is written or looked up."""
        if self._queued >= MAX_HASHING:
            raise NodeError("too-many", "Too many people sign in at this moment.", retry_after_s=BUSY_S)

    async def hash(self, password: str) -> str:
        """Return the hash of a password; raises `too-many`."""
        return await self._run(_hash, password)

    async def check(self, stored: str | None, password: str) -> Verdict:
        """Check a password; where nothing is stored it takes the same time and is wrong. Raises `too-many`."""
        return await self._run(_check, stored, password)

    async def _run(self, work: Callable[..., T], *given: object) -> T:
        self.admit()
        running = asyncio.get_running_loop().run_in_executor(self._executor, work, *given)
        self._queued += 1
        running.add_done_callback(self._done)
        return await running

    def _done(self, _: object) -> None:
        self._queued -= 1

    def close(self) -> None:
        """End the thread after the password that it is hashing."""
        self._executor.shutdown(wait=True, cancel_futures=True)


def _hash(password: str) -> str:
    return _HASHER.hash(plain_password(password))


def _check(stored: str | None, password: str) -> Verdict:
    try:
        _HASHER.verify(stored or _nobodys(), plain_password(password))
    except (VerificationError, InvalidHashError):
        return Verdict(right=False)
    if stored is None:
        return Verdict(right=False)
    return Verdict(right=True, rehashed=_hash(password) if _HASHER.check_needs_rehash(stored) else None)


@cache
def _nobodys() -> str:
    return _HASHER.hash("the password of somebody who isn't there")
