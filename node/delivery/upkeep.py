"""What a running node looks after by itself: new keys, the list on disk, and that its own documents are published."""

import asyncio
import contextlib
from datetime import timedelta
from typing import Final

import structlog

from node.clock import stamp
from node.delivery.exchange import Exchange
from node.errors import NodeError
from node.service import area_packs, directory, erasure, key_change, membership, splitting, upkeep
from node.service.node import Node
from node.store import peers
from protocol.member_problems import MemberListError

log: Final = structlog.get_logger("entente.upkeep")
_PARTS_EVERY_S: Final = 300.0
"""Seconds between attempts to open a part whose file is away, say."""
_CALLS_EVERY: Final = timedelta(minutes=1)


class Upkeep:
    """Takes over what commands have changed on disk, and publishes what follows from it."""

    def __init__(self, node: Node, exchange: Exchange) -> None:
        """Take a node and its delivery."""
        self._node = node
        self._exchange = exchange
        self._announced = directory.head(node, node.country)
        self._unpublished = ""
        self._noted = node.clock.now() - _CALLS_EVERY
        self._round_due = self._parts_due = 0.0
        self._hurry = asyncio.Event()
        node.published = self.hurry

    async def run(self, every_s: float) -> None:
        """Look at everything now and then until cancelled; a look is some small queries. No error ends it."""
        while True:
            self._hurry.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(every_s if not self._unpublished else min(every_s, 1.0)):
                    await self._hurry.wait()
            try:
                await self.look()
            except Exception:
                log.exception("upkeep-failed")  # a full disk, say; the next look does it

    def hurry(self) -> None:
        """Look now."""
        self._hurry.set()

    async def look(self) -> None:
        """Take over what commands have changed, publish, announce a directory that is new, and do the daily round."""
        try:
            membership.reload(self._node)
        except (NodeError, MemberListError) as error:
            log.warning("list-not-taken-over", reason=str(error)[:300])
        await area_packs.follow(self._node)
        self._exchange.follow_operators()
        await self._note_calls()
        await self.publish()
        present = directory.head(self._node, self._node.country)
        if present != self._announced:
            self._announced = present
            self._exchange.announce()
        now = asyncio.get_running_loop().time()
        if now >= self._parts_due:
            self._parts_due = now + _PARTS_EVERY_S
            await splitting.open_waiting(self._node)
        if now >= self._round_due:
            self._round_due = now + upkeep.EVERY_S
            await upkeep.round_of(self._node)
        await erasure.look(self._node)

    async def _note_calls(self) -> None:
        """Note once a minute who called meanwhile, for the operator's eyes."""
        now = self._node.clock.now()
        if now - self._noted < _CALLS_EVERY or not self._node.called:
            return
        calls, self._noted = {country: stamp(at) for country, at in self._node.called.items()}, now
        self._node.called.clear()
        await self._node.store.write(lambda tx: peers.called(tx, calls))

    async def publish(self) -> None:
        """Take up new keys, then publish record and directory where they changed: as soon as a peer was asked.

        A node that was restored would else sign a version a second time, with other words (SPEC S-133).
        """
        try:
            key_change.take_up(self._node)
            await key_change.wrap_anew(self._node)
            await membership.publish_own_role(self._node)
            await directory.ensure_published(self._node)
            self._unpublished = ""
            self._exchange.ask_for_record(key_change.waits_for(self._node) or [])
        except (NodeError, MemberListError) as error:
            if error.code not in (self._unpublished, "peers-not-asked", "stale"):
                log.warning("not-published", code=error.code, reason=str(error)[:300])
            self._unpublished = error.code
