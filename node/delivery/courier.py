"""Sending to one peer: one batch at a time, resent byte for byte until its receipt is there."""

import asyncio
import json
import re
from typing import Final

import structlog

from node.clock import seconds
from node.delivery.call import Answer, Call, Line, LineError
from node.delivery.incoming import BATCHES, STREAMS
from node.service import deliver
from node.service.node import Node
from node.store import peers
from protocol.batch import MEDIA_TYPE, Batch
from protocol.problems import ProtocolError
from protocol.receipt import parse_receipt

log: Final = structlog.get_logger("entente.courier")

_OK: Final = 200
_SECONDS: Final = re.compile(r"[0-9]{1,6}\Z")  # at most 11 days


class RefusedError(Exception):
    """The peer answered with a problem; the batch stays queued (SPEC S-089). `wait`: its Retry-After in s."""

    def __init__(self, code: str, wait: float | None) -> None:
        """Take the peer's code and its Retry-After."""
        super().__init__(f"refused: {code}")
        self.code = code
        self.wait = wait


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
        self._compared = False

    def wake(self) -> None:
        """Say that something new waits."""
        self._woken.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            try:
                await self.round()
            except (LineError, RefusedError, ProtocolError) as error:
                await self._pause(error)
            except Exception as error:
                log.exception("courier-failed", peer=self._peer)  # a full disk, say; what waits goes on waiting
                await self._pause(error)

    async def round(self) -> None:
        """Send everything that waits now; raises where the peer can't be reached or refuses."""
        if not self._compared:
            await self._compare()
            self._compared = True
        while (batch := await deliver.next_batch(self._node, self._peer)) is not None:
            await self._send(batch)

    async def _compare(self) -> None:
        """Before anything is signed: does the peer know more of our stream than we do? (SPEC S-039)."""
        answer = await self._line.send(Call("GET", STREAMS + self._node.country))
        if answer.status != _OK:
            raise _refused(answer)
        ours = deliver.stream_head(self._node, self._peer)
        if _reached(answer) > (ours.epoch, ours.next):
            raise RefusedError("restored-from-old-disk", 60.0)
        await self._node.store.write(lambda tx: peers.reached(tx, self._peer, None))

    async def _send(self, batch: Batch) -> None:
        before = seconds(self._node.clock.now())
        answer = await self._line.send(Call("POST", BATCHES, {}, {"content-type": MEDIA_TYPE}, batch.wire()))
        if answer.status != _OK:
            raise _refused(answer)
        after = seconds(self._node.clock.now())
        measured = _clock_difference(answer, before, after)
        receipt = await deliver.accept_receipt(self._node, self._peer, batch, answer.body, measured)
        self._failures = 0
        self._node.heard(self._peer, receipt.claims.members or None, {})  # SPEC: a receipt may name none

    async def _pause(self, error: Exception) -> None:
        self._failures += 1
        self._compared = self._compared and isinstance(error, RefusedError)
        config = self._node.config.peers
        longest = min(config.retry_longest_s, config.retry_first_s * 2 ** min(self._failures - 1, 20))
        jitter = 0.5 + self._node.entropy.random(1)[0] / 512
        wait = max(longest * jitter, getattr(error, "wait", None) or 0.0)
        known = isinstance(error, LineError | RefusedError | ProtocolError)
        reason = str(error) if known else "an error inside this node"
        log.info("peer-not-reached", peer=self._peer, reason=reason, next_try_s=round(wait, 1))
        try:
            await self._node.store.write(lambda tx: peers.failed(tx, self._peer, reason))
        except Exception:
            log.exception("failure-not-noted", peer=self._peer)
        # SPEC S-086
        if getattr(error, "code", "") in ("unknown-key", "older-member-list"):
            self._node.heard(self._peer, {}, {})
        await asyncio.sleep(wait)
        self._woken.set()


def _reached(answer: Answer) -> tuple[int, int]:
    """Return epoch and next position of our stream at the peer."""
    try:
        theirs = json.loads(answer.body)
        return int(theirs["epoch"]), int(theirs["next"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise RefusedError("malformed", None) from None


def _refused(answer: Answer) -> RefusedError:
    try:
        code = str(json.loads(answer.body)["code"])[:64]
    except (ValueError, KeyError, TypeError, RecursionError):
        code = f"http-{answer.status}"
    wait = answer.headers.get("retry-after", "")
    return RefusedError(code, float(wait) if _SECONDS.match(wait) else None)


def _clock_difference(answer: Answer, before: int, after: int) -> float | None:
    try:
        clock = parse_receipt(answer.body).claims.clock
    except ProtocolError:
        return None
    if before <= clock <= after:
        return 0.0
    return float(clock - after if clock > after else clock - before)
