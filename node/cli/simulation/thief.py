"""Whoever has a country's earlier message key, and a way into its network: what it signs counts nowhere any more.

It waits until a victim knows that the key is revoked; before that nobody could tell its words from the country's.
"""

import asyncio
from random import Random
from typing import Any, Final, Protocol

from node.cli.simulation.entropy import SeededEntropy
from node.cli.simulation.life import Life
from node.clock import new_uuid, seconds
from node.delivery.call import Answer, Call, LineError
from node.delivery.incoming import BATCHES
from node.store import fates, streams
from protocol.batch import MEDIA_TYPE, seal_batch
from protocol.content import MATTER, ActMatter, Actor
from protocol.event import Event, Place, Secrets, seal_event
from protocol.jws import Signer
from protocol.slot import wrap

_EVERY_S: Final = 20.0
_WHO: Final = Actor(authority="XX-nobody", name="Nobody")
_NEXT: Final = {("asking", "sent"): "request.accept", ("replying", "replied"): "request.close"}
"""What the country may say next in a case, by the victim's role in it and its state; else a wish or a notice."""


class Victims(Protocol):
    """What a thief reaches: the running nodes, and the way to them."""

    lives: dict[str, Life]

    @property
    def stormy(self) -> bool:
        """Whether it still may try."""

    def count(self, kind: str, *words: object) -> None:
        """Note a fault."""

    async def deliver(self, me: str, peer: str, call: Call) -> Answer:
        """Let a node answer a call over a connection of the robbed country."""


class Thief:
    """Holds a stolen key of one country."""

    def __init__(self, country: str, signer: Signer, victims: Victims, chance: Random) -> None:
        """Take whose key it is, and who may be told something with it."""
        self._country, self._signer, self._victims, self._chance = country, signer, victims, chance
        self._entropy = SeededEntropy(f"thief {chance.random()}")

    async def use(self) -> None:
        """Try it with somebody now and then, while the faults last."""
        while self._victims.stormy:
            await asyncio.sleep(self._chance.expovariate(1 / _EVERY_S))
            victims = [life for country, life in sorted(self._victims.lives.items()) if country != self._country]
            if victims and self._victims.stormy:
                await self._speak(self._chance.choice(victims))

    async def _speak(self, victim: Life) -> None:
        members = victim.node.members
        key = members.message_key(self._country, self._signer.kid) if members else None
        event = self._event(victim) if key is not None and key.state == "revoked" else None
        if event is None:
            return
        self._victims.count("liar-stolen-key", self._country, victim.country)
        head = victim.node.store.read_now(lambda q: streams.head(q, self._country, victim.country))
        batch = seal_batch(
            self._signer,
            iss=self._country,
            aud=victim.country,
            head=head,
            items=[(event.digest, event.line())],
            members={},
            heads={},
            iat=seconds(victim.clock.now()),
        )
        try:
            call = Call("POST", BATCHES, {}, {"content-type": MEDIA_TYPE}, batch.wire())
            await self._victims.deliver(self._country, victim.country, call)
        except LineError:
            return

    def _event(self, victim: Life) -> Event | None:
        """Return something that the country could say to the victim, where they share a case."""
        reader = victim.node.members.encryption_key(victim.country) if victim.node.members else None
        rows = [r for r in victim.node.store.read_now(fates.cases) if r["counterpart"] == self._country]
        if reader is None or not rows:
            return None
        row: Any = self._chance.choice(rows)
        kind = _NEXT.get((row["role"], row["state"]), "notice.opened" if row["role"] == "asking" else "wish.withdraw")
        moves = kind.startswith("request.")
        event, _ = seal_event(
            self._signer,
            iss=self._country,
            readers={victim.country: reader},
            jti=new_uuid(self._entropy),
            place=Place(row["id"], kind, row["n"] + 1 if moves else None, row["head"] if moves else None),
            contents={MATTER: ActMatter(actor=_WHO)},
            iat=seconds(victim.clock.now()),
            secrets=Secrets(self._entropy.random, wrap),
        )
        return event
