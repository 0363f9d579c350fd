"""Calls that may be repeated: the same key and the same request are done once and answered alike.

The key is reserved before the call is done. A refusal frees it, since then nothing happened. A call that
was interrupted (the process ended, the disk failed) leaves the reservation without an answer: nobody knows
whether it took effect, so it is never done again under this key. Answers are sealed under the caller's own
secret, of which the store knows a digest only; so what they hold can't be read from the disk.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.errors import NodeError
from node.service.node import Node
from node.store import idempotency
from node.store.tx import Row, Tx
from protocol.problems import ProtocolError

KEPT: Final = timedelta(hours=24)
"""How long a key is remembered."""
_SWEEP_EVERY: Final = timedelta(hours=1)
_NONCE: Final = 12

Answer = tuple[int, bytes]
"""HTTP status and body."""


@dataclass(frozen=True)
class Repeatable:
    """A call under a key: who calls, the key, the SHA-256 of the request, the secret that seals the answer."""

    person: str
    key: str
    request: str
    secret: str

    def cipher(self) -> tuple[AESGCM, bytes]:
        """Return what opens the answer, and the context that it is bound to."""
        key = hmac.digest(self.secret.encode("utf-8", "backslashreplace"), b"entente-idempotency-v1", hashlib.sha256)
        return AESGCM(key), f"{self.person}\0{self.key}\0{self.request}".encode()


class Idempotency:
    """Does each repeatable call once; a second one that comes while the first runs waits for it."""

    def __init__(self, node: Node) -> None:
        """Take the node whose calls these are."""
        self._node = node
        self._running: dict[tuple[str, str], asyncio.Future[None]] = {}
        self._swept: datetime | None = None

    async def once(self, call: Repeatable, work: Callable[[], Awaitable[Answer]]) -> Answer:
        """Return the answer of `work`, run now or earlier.

        Raises `idempotency-mismatch` where the key was used for another request, `stale` where an earlier
        call was interrupted, and what `work` raises.
        """
        place = (call.person, call.key)
        while (running := self._running.get(place)) is not None:
            await asyncio.shield(running)
        ended = self._running[place] = asyncio.get_running_loop().create_future()
        try:
            known = await self._node.store.write(lambda tx: self._reserve(tx, call))
            return self._known(call, known) if known is not None else await self._do(call, work)
        finally:
            del self._running[place]
            ended.set_result(None)

    def _reserve(self, tx: Tx, call: Repeatable) -> Row | None:
        kept_since = tx.now - KEPT
        if self._swept is None or self._swept + _SWEEP_EVERY <= tx.now:
            idempotency.sweep(tx, kept_since)
            self._swept = tx.now
        return idempotency.reserve(tx, call.person, call.key, call.request, kept_since)

    def _known(self, call: Repeatable, row: Row) -> Answer:
        if row["request"] != call.request:
            raise NodeError("idempotency-mismatch")
        cipher, context = call.cipher()
        sealed = bytes(row["answer"])
        if row["status"]:
            try:
                return int(row["status"]), cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], context)
            except InvalidTag:
                raise NodeError(
                    "stale", "It was done, and answered to another token.", "Read it, then use a new key."
                ) from None
        raise NodeError(
            "stale",
            "An earlier call with this key was interrupted; it may or may not have taken effect.",
            "Read the case, or search for it; repeat with a new key only if nothing happened.",
        )

    async def _do(self, call: Repeatable, work: Callable[[], Awaitable[Answer]]) -> Answer:
        store = self._node.store
        try:
            status, body = await work()
        except (NodeError, ProtocolError):
            await store.write(lambda tx: idempotency.release(tx, call.person, call.key))
            raise
        cipher, context = call.cipher()
        nonce = self._node.entropy.random(_NONCE)
        sealed = nonce + cipher.encrypt(nonce, body, context)
        await store.write(lambda tx: idempotency.finish(tx, call.person, call.key, status, sealed))
        return status, body


async def sweep(node: Node) -> int:
    """Forget keys that are older than a day; calls with keys do the same once an hour."""
    return await node.store.write(lambda tx: idempotency.sweep(tx, tx.now - KEPT))
