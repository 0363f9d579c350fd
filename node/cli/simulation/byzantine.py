"""A member that lies: its node is real and in the list, and beside it somebody uses its keys against the others.

The node itself goes on working, so that its lies meet honest messages of its own. What it says to one peer is
forged, altered, replayed or withheld; what it answers may be false. The honest nodes must stay whole.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Final, Protocol

from node.cli.simulation.directory_lies import DirectoryLies
from node.cli.simulation.life import Life
from node.cli.simulation.network import path_of
from node.clock import new_uuid, seconds
from node.delivery.call import Answer, Call, LineError
from node.delivery.incoming import BATCHES
from node.store import fates, streams
from protocol import jws
from protocol.batch import MEDIA_TYPE, TYP, Batch, parse_batch
from protocol.content import MATTER, ActMatter, Actor, Content, DateMatter
from protocol.encoding import b64u, sha256_b64u
from protocol.event import Event, Place, seal_event
from protocol.receipt import TYP as RECEIPT
from protocol.receipt import parse_receipt

_EVERY_S: Final = 25.0
_KEPT: Final = 40
_FINAL: Final = "wrong-state"


class Victims(Protocol):
    """What a liar reaches: the running nodes, and the way to them."""

    lives: dict[str, Life]

    @property
    def stormy(self) -> bool:
        """Whether it still may lie."""

    def chance(self, name: str) -> Random:
        """Return chance for one concern."""

    def count(self, kind: str, *words: object) -> None:
        """Note a fault."""

    async def deliver(self, me: str, peer: str, call: Call) -> Answer:
        """Let a node answer a call over the liar's own connection."""


@dataclass(frozen=True)
class Overheard:
    """A call that its node has made or was asked, to be used again."""

    sender: str
    receiver: str
    body: bytes


class Byzantine:
    """The lies of one country."""

    def __init__(self, country: str, victims: Victims) -> None:
        """Take who lies to whom."""
        self.country = country
        self._victims = victims
        self._chance = victims.chance("liar")
        self._overheard: list[Overheard] = []
        self._old: dict[str, Answer] = {}
        self._directory = DirectoryLies(country, self._chance)
        self._speaks: tuple[Callable[[Life, str], list[Call]], ...] = (
            self._replay,
            self._alter,
            self._fork_stream,
            self._fork_case,
            self._forge,
        )

    # --- answering ---

    def hears(self, sender: str, receiver: str, call: Call) -> None:
        """Keep a batch that comes or goes."""
        if call.path == BATCHES:
            self._overheard = [*self._overheard[1 - _KEPT :], Overheard(sender, receiver, call.body)]

    def answer(self, life: Life, call: Call, true: Answer) -> Answer:
        """Return what the liar answers: often the truth."""
        path = path_of(call)
        self._directory.see(life)
        if path == "members" and path not in self._old:
            self._old[path] = true
        if not self._victims.stormy or self._chance.random() < 0.7:  # noqa: PLR2004
            return true
        if path == "batches" and true.status == 200:  # noqa: PLR2004
            return self._receipt(life, true)
        if path == "streams":
            return self._said("liar-stream-head", Answer(200, true.headers, self._head()))
        if path == "members":
            return self._said("liar-old-members", self._old[path])
        lie = self._directory.answer(life, call, true) if path in ("directory", "add-checkpoint") else None
        return self._said(f"liar-directory-{lie[0]}", lie[1]) if lie else true

    def _said(self, kind: str, answer: Answer) -> Answer:
        self._victims.count(kind, self.country)
        return answer

    def _head(self) -> bytes:
        epoch, position = self._chance.choice(((1, 1), (1, 10**6), (2, 1), (0, 0), (1, -1)))
        return json.dumps({"epoch": epoch, "next": position, "last": None}).encode()

    def _receipt(self, life: Life, true: Answer) -> Answer:
        """Withhold a receipt, or give another one."""
        claims = parse_receipt(true.body).claims.model_dump(mode="json")
        lie = self._chance.choice(("withheld", "empty", "other", "refused", "temporary"))
        if lie == "withheld":
            return self._said("liar-receipt-withheld", Answer(503, {"retry-after": "60"}, b"{}"))
        outcomes: list[list[str]] = claims["outcomes"]
        if lie == "other":
            claims["batch_sha256"] = b64u(bytes(32))
        claims["outcomes"] = {
            "empty": [],
            "refused": [[digest, _FINAL] for digest, _ in outcomes],
            "temporary": [[digest, "busy"] for digest, _ in outcomes],
        }.get(lie, outcomes)
        signed = jws.sign(life.node.keys.signer, RECEIPT, claims, claims["clock"])
        return self._said(f"liar-receipt-{lie}", Answer(200, true.headers, signed.encode()))

    # --- speaking ---

    async def lie(self, duration_s: float) -> None:
        """Say something false now and then."""
        for _ in range(int(duration_s / _EVERY_S)):
            await asyncio.sleep(self._chance.expovariate(1 / _EVERY_S))
            life = self._victims.lives.get(self.country)
            others = [country for country in sorted(self._victims.lives) if country != self.country]
            if not self._victims.stormy:
                return
            if life is not None and others:
                await self._speak(life, self._chance.choice(others))

    async def _speak(self, life: Life, victim: str) -> None:
        speak = self._chance.choice(self._speaks)
        if life.node.members is None or not life.node.members.active(victim):
            return
        for call in speak(life, victim):
            self._victims.count(f"liar{speak.__name__.replace('_', '-')}", self.country, victim)
            try:
                await self._victims.deliver(self.country, victim, call)
            except LineError:
                return

    def _batches(self, sender: str, receiver: str) -> list[bytes]:
        return [one.body for one in self._overheard if (one.sender, one.receiver) == (sender, receiver)]

    def _replay(self, _life: Life, victim: str) -> list[Call]:
        """Send old batches again: its own, and those of others that it received."""
        others = [one.body for one in self._overheard if one.sender != victim]
        return [_post(self._chance.choice(others))] if others else []

    def _alter(self, life: Life, victim: str) -> list[Call]:
        """Sign an old batch again with another claim."""
        own = self._batches(self.country, victim)
        if not own:
            return []
        others = [country for country in sorted(self._victims.lives) if country not in (victim, self.country)]
        if others and self._chance.random() < 0.5:  # noqa: PLR2004 - as if another country had sent it
            old = parse_batch(self._chance.choice(own))
            return [self._signed(life, old, old.body, {"iss": self._chance.choice(others)})]
        claims = {"first": 10**6, "prev": b64u(bytes(32)), "aud": self.country, "epoch": 7, "items": [b64u(bytes(32))]}
        name = self._chance.choice(sorted(claims))
        old = parse_batch(self._chance.choice(own))
        return [self._signed(life, old, old.body, {name: claims[name]})]

    def _fork_stream(self, life: Life, victim: str) -> list[Call]:
        """Give a position that is taken to another batch."""
        own = self._batches(self.country, victim)
        if not own:
            return []
        last = parse_batch(own[-1])
        return [self._signed(life, last, last.body, {"members": {}, "heads": {}})]

    def _fork_case(self, life: Life, victim: str) -> list[Call]:
        """Say something else with a number that an own event of a case has already."""
        mine = [
            event
            for event in life.node.store.read_now(fates.events)
            if event.iss == self.country and event.status == "applied" and event.n is not None and event.n > 1
        ]
        cases = {row["id"]: row for row in life.node.store.read_now(fates.cases)}
        mine = [event for event in mine if cases[event.case_id]["counterpart"] == victim]
        if not mine:
            return []
        event = self._chance.choice(mine)
        dated = event.kind.startswith("date.")
        matter = DateMatter(actor=_WHO, date=life.clock.now().date()) if dated else ActMatter(actor=_WHO)
        kind = event.kind if dated else "request.close"
        place = Place(event.case_id, kind, event.n, cases[event.case_id]["head"])
        return self._new_batch(life, victim, [self._event(life, victim, place, matter)])

    def _forge(self, life: Life, victim: str) -> list[Call]:
        """Act in a case of others, and speak in another country's name."""
        others = [each for name, each in sorted(self._victims.lives.items()) if name not in (victim, self.country)]
        found = [(each.country, row) for each in others for row in each.node.store.read_now(fates.cases)]
        found = [(country, row) for country, row in found if row["counterpart"] == victim]
        if not found:
            return []
        country, row = self._chance.choice(found)
        kind = {("replying", "sent"): "request.accept", ("asking", "replied"): "request.close"}.get(
            (row["role"], row["state"]), "wish.withdraw" if row["role"] == "asking" else "notice.opened"
        )
        moves = kind.startswith("request.")
        place = Place(row["id"], kind, row["n"] + 1 if moves else None, row["head"] if moves else None)
        name = self._chance.choice((self.country, country))
        return self._new_batch(life, victim, [self._event(life, victim, place, ActMatter(actor=_WHO), name)])

    def _event(self, life: Life, victim: str, place: Place, matter: Content, iss: str = "") -> Event:
        assert life.node.members is not None
        reader = life.node.members.encryption_key(victim)
        assert reader is not None
        event, _ = seal_event(
            life.node.keys.signer,
            iss=iss or self.country,
            readers={victim: reader},
            jti=new_uuid(life.node.entropy),
            place=place,
            contents={MATTER: matter},
            iat=seconds(life.clock.now()),
            secrets=life.node.secrets,
        )
        return event

    def _new_batch(self, life: Life, victim: str, events: list[Event]) -> list[Call]:
        """Seal a batch at the head of its stream; its own node, which knows nothing of it, will fork there."""
        head = life.node.store.read_now(lambda q: streams.head(q, self.country, victim))
        own = self._batches(self.country, victim)
        if not own:
            return []
        body = b"".join(event.line() + b"\n" for event in events)
        items = [b64u(event.digest) for event in events]
        claims: dict[str, Any] = {"epoch": head.epoch, "first": head.next, "prev": head.last, "items": items}
        return [self._signed(life, parse_batch(own[-1]), body, claims)]

    def _signed(self, life: Life, batch: Batch, body: bytes, claims: Mapping[str, Any]) -> Call:
        said = {**batch.claims.model_dump(mode="json"), **claims, "body": sha256_b64u(body)}
        compact = jws.sign(life.node.keys.signer, TYP, said, seconds(life.clock.now()))
        return _post(compact.encode() + b"\n" + body)


_WHO: Final = Actor(authority="XX-nobody", name="Nobody")


def _post(body: bytes) -> Call:
    return Call("POST", BATCHES, {}, {"content-type": MEDIA_TYPE}, body)
