"""Sending to one peer: one batch at a time, resent byte for byte until its receipt is there."""

import asyncio
import contextlib
from datetime import timedelta
from typing import Final

import structlog

from node.clock import seconds, stamp
from node.delivery.call import Call, Line, LineError
from node.delivery.comparer import OpenBatchError, compare_with
from node.delivery.incoming import BATCHES
from node.delivery.refused import OK, RefusedError, refused
from node.service import deliver, follow_up, renewal
from node.service.node import Node
from node.store import peers
from protocol.batch import MEDIA_TYPE, Batch
from protocol.problems import ProtocolError

log: Final = structlog.get_logger("entente.courier")

_PATIENCE_S: Final = 2.0
"""Seconds that a peer's call waits for the comparison with it."""
_COMPARE_AGAIN: Final = frozenset({"gap", "fork", "epoch-ended", "wrong-signature", "stream-diverged"})
"""Codes after which the streams are compared before anything else is sent."""


class Courier:
    """Delivers what waits for one peer, for ever; only its own success clears its back-off (SPEC S-084)."""

    def __init__(self, node: Node, peer: str, line: Line) -> None:
        """Take the way to the peer."""
        self._node = node
        self._peer = peer
        self._line = line
        self._woken = asyncio.Event()
        self._woken.set()
        self._failures = 0
        self._closed_until = 0.0
        self._asked_to_wait = False
        self._compared = False
        self.idle = False
        """Whether all that waited has been sent, and nothing has to be compared before more is sealed."""
        self._first = asyncio.Event()
        self._hurry = asyncio.Event()
        self._open_batch = ""

    def wake(self) -> None:
        """Say that something new waits."""
        self._woken.set()

    def look_again(self) -> None:
        """Do now what an operator's command asks for; a peer that asked us to wait is left alone (SPEC S-084)."""
        self._woken.set()
        if not self._asked_to_wait:
            self._hurry.set()

    def compare_again(self) -> None:
        """Compare before the next batch: a key of ours may have been revoked."""
        self._compared = self.idle = False
        self._woken.set()

    @property
    def was_compared(self) -> bool:
        """Whether the streams were compared since the start."""
        return self._first.is_set()

    async def compared(self, batch: str) -> bool:
        """Say whether the streams were compared since the start; does it now, without waiting for its turn.

        Also where this very batch is what the comparison waits for.
        """
        if batch == self._open_batch:
            return True
        if not self._first.is_set():
            self.look_again()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE_S):
                    await self._first.wait()
        return self._first.is_set() or batch == self._open_batch

    async def run(self) -> None:
        """Deliver until cancelled; a peer that left and came back is called no sooner than it would have been."""
        await self._rest()
        while True:
            await self._woken.wait()
            self._woken.clear()
            self.idle = False
            try:
                await self.round()
                self.idle = self._compared and not self._woken.is_set()
            except (LineError, RefusedError, ProtocolError) as error:
                await self._pause(error)
            except Exception as error:
                log.exception("courier-failed", peer=self._peer)  # a full disk, say; what waits goes on waiting
                await self._pause(error)

    async def round(self) -> None:
        """Send everything that waits now; raises where the peer can't be reached or refuses."""
        if self._node.store.read_now(lambda q: peers.is_blocked(q, self._peer)):
            return  # SPEC S-181
        if not self._compared:
            await self._compare()
        while (batch := await deliver.next_batch(self._node, self._peer)) is not None:
            await self._send(batch)

    async def _compare(self) -> None:
        """Before anything is sealed: does one of us know more of the other than it does itself? (SPEC S-039)."""
        try:
            told = await compare_with(self._node, self._peer, self._line, first=not self._first.is_set())
        except OpenBatchError as error:
            self._open_batch = error.digest
            raise
        await renewal.renew(self._node, self._peer, told)
        self._compared = True
        if not self._first.is_set():
            self._first.set()
            await follow_up.catch_up(self._node, self._peer)
        self._node.told(self._peer, told)

    async def _send(self, batch: Batch) -> None:
        before = seconds(self._node.clock.now())
        answer = await self._line.send(Call("POST", BATCHES, {}, {"content-type": MEDIA_TYPE}, batch.wire()))
        if answer.status != OK:
            raise refused(answer)
        passed = (before, seconds(self._node.clock.now()))
        receipt = await deliver.accept_receipt(self._node, self._peer, batch, answer.body, passed)
        self._failures = 0
        self._node.heard(self._peer, receipt.claims.members or None, {})  # SPEC: a receipt may name none

    async def _pause(self, error: Exception) -> None:
        self._failures += 1
        again = not isinstance(error, RefusedError) or error.code in _COMPARE_AGAIN
        self._compared = self._compared and not again
        config = self._node.config.peers
        longest = min(config.retry_longest_s, config.retry_first_s * 2 ** min(self._failures - 1, 20))
        jitter = 0.5 + self._node.entropy.random(1)[0] / 512
        asked = getattr(error, "wait", None) or 0.0
        self._asked_to_wait = asked > 0
        wait = max(longest * jitter, asked)
        next_try = stamp(self._node.clock.now() + timedelta(seconds=wait))
        known = isinstance(error, LineError | RefusedError | ProtocolError)
        reason = str(error) if known else "an error inside this node"
        log.info("peer-not-reached", peer=self._peer, reason=reason, next_try_s=round(wait, 1))
        try:
            await self._node.store.write(lambda tx: peers.failed(tx, self._peer, reason, next_try))
        except Exception:
            log.exception("failure-not-noted", peer=self._peer)
        # SPEC S-086
        if getattr(error, "code", "") == "unknown-key":
            self._node.heard(self._peer, {}, {})
        self._hurry.clear()
        self._closed_until = asyncio.get_running_loop().time() + wait
        await self._rest()
        self._asked_to_wait = False
        self._woken.set()

    async def _rest(self) -> None:
        """Leave the peer alone for as long as its last failure asks, unless an operator wants it otherwise."""
        wait = self._closed_until - asyncio.get_running_loop().time()
        if wait > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._hurry.wait()
