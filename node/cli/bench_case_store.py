"""A store with many cases for `entente bench cases`: a year of requests in both directions, event by event.

Every event is signed and encrypted as between nodes, folded by the same functions, and stored by the store's own
writing, in groups and in the order of time. Only the line is left out: the other country's events are made here.
Beyond `WHOLE` cases the rest are copies of these, since to sign and encrypt is nine tenths of the time.
"""

import datetime as dt
import heapq
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from directory_sync.demo import demo_authorities
from node.clock import new_uuid, seconds
from node.domain.case import Case, advanced, opened
from node.service.contents import pack_ceks
from node.service.node import Node
from node.store import audit, cases, copies, events
from node.store.key_files import NodeKeys
from node.store.tx import Tx
from protocol.content import (
    MATTER,
    PERSON,
    ActMatter,
    Actor,
    Asked,
    Content,
    PartyName,
    Reply,
    ReplyMatter,
    ReplyPerson,
    Said,
    SendMatter,
    SendPerson,
    Variable,
)
from protocol.event import Event, Place, seal_event
from protocol.jws import Signer
from protocol.member import EncryptionKey

PEER: Final = "HU"
AREA, SET = "professional-qualifications", "establishment"
WHOLE: Final = 10_000
"""Cases that are made whole; the copies of them are rows of the same size that don't open."""
_YEAR: Final = dt.timedelta(days=365)
_GROUP: Final = 400
"""Events of one transaction."""
_SPAN: Final = dt.timedelta(hours=24)
"""Time of which events share a transaction, and so a time stamp, at most."""
_STEPS: Final = (
    ("request.accept", dt.timedelta(days=3), 0.995),
    ("request.reply", dt.timedelta(days=14), 0.99),
    ("request.close", dt.timedelta(days=3), 0.98),
)
"""What follows in a request's life: the event, after which time in the mean, how many ever get there."""


class SetClock:
    """A clock that stands where it was set."""

    def __init__(self, now: dt.datetime) -> None:
        """Set it."""
        self.time = now

    def now(self) -> dt.datetime:
        """Return the time that was set."""
        return self.time


class _Step(NamedTuple):
    """What is due at a time: the number of a case and of its next event."""

    at: dt.datetime
    case: int
    event: int


class _Made(NamedTuple):
    """An event that is ready to be stored, and the case after it."""

    event: Event
    packed: bytes
    case: Case
    first: bool
    ours: bool


@dataclass
class _Side:
    country: str
    signer: Signer
    reader: EncryptionKey
    authorities: Sequence[PartyName]


def _side(country: str, keys: NodeKeys) -> _Side:
    key = EncryptionKey(kid=keys.encryption_kid, suite="MLKEM768-X25519", public=keys.encryption_public)
    named = tuple(PartyName(authority=one.id, name=one.name) for one in demo_authorities(country))
    return _Side(country, keys.signer, key, named)


class CaseStore:
    """Fills an open node's store, whose clock is `clock`, with cases that it has with one other country."""

    def __init__(self, node: Node, peer_keys: NodeKeys, clock: SetClock, count: int, whole: int = WHOLE) -> None:
        """Take how many cases there will be, and how many of them are whole at the most.

        They begin within the year before the clock's time.
        """
        self._node, self._clock = node, clock
        self._turns = -(-count // whole)
        self._count = count // self._turns
        self._sides = {node.country: _side(node.country, node.keys), PEER: _side(PEER, peer_keys)}
        self._chance = random.Random(1)  # noqa: S311 - nothing secret
        self._end = clock.now()
        self._due: list[_Step] = [_Step(self._end - _YEAR, 0, 0)]
        self._open: dict[int, tuple[Case, bytes]] = {}
        self._whole: list[Case] = []
        self.made = 0
        self.events = 0

    @property
    def busiest(self) -> str:
        """The authority of ours with the most cases."""
        return self._sides[self._node.country].authorities[0].authority

    def whole(self, authority: str, *, still_open: bool) -> list[Case]:
        """Return the cases of an authority of ours that open, as they were stored: the latest that began first."""
        found = [case for case, _ in self._open.values()] if still_open else self._whole
        return [case for case in reversed(found) if case.own_authority == authority]

    async def fill(self, until: int) -> None:
        """Store cases until there are so many, or a few more: copies come all at once of those that are whole."""
        while self.made < min(until, self._count) and self._due:
            await self._store(list(self._group(until)))
        if until >= self._count:
            while self._due:
                await self._store(list(self._group(until)))
        if self.made < until and self.made // self._count < self._turns:
            await self._node.store.write(copies.begin)
            while self.made < until and self.made // self._count < self._turns:
                await self._copy(self.made // self._count)
            await self._node.store.write(copies.end)

    async def _copy(self, turn: int) -> None:
        """Copy all whole cases in one transaction: each touches most pages of the indexes by time."""
        models = [case.id for case in self._whole] + [case.id for case, _ in self._open.values()]
        await self._node.case_keys.make([copies.id_of(one, turn) for one in models])
        first = turn * len(models)
        self.events += await self._node.store.write(lambda tx: copies.add(tx, models, turn, first))
        self.made += len(models)

    def _group(self, until: int) -> Iterator[_Step]:
        """Yield the next steps in the order of time, and put what follows each of them into the queue."""
        began = self._due[0].at
        for _ in range(_GROUP):
            if not self._due or self._due[0].at > began + _SPAN or (self.made >= until < self._count):
                return
            step = heapq.heappop(self._due)
            if step.event == 0:
                self.made += 1
                if self.made < self._count:
                    heapq.heappush(self._due, _Step(step.at + _YEAR / self._count, step.case + 1, 0))
            self._follow(step)
            yield step

    def _follow(self, step: _Step) -> None:
        if step.event == len(_STEPS):
            return
        _, mean, share = _STEPS[step.event]
        at = step.at + mean * self._chance.expovariate(1.0)
        if at < self._end and self._chance.random() < share:
            heapq.heappush(self._due, _Step(at, step.case, step.event + 1))

    async def _store(self, steps: list[_Step]) -> None:
        self._clock.time = steps[-1].at
        ids = {step.case: new_uuid(self._node.entropy) for step in steps if step.event == 0}
        keys = await self._node.case_keys.make(list(ids.values()))
        made = [self._make(step, ids, keys) for step in steps]

        def work(tx: Tx) -> None:
            for one in made:
                if one.first:
                    cases.insert(tx, one.case, unread=False, on_its_way=0)
                else:
                    cases.update(tx, one.case)
                events.insert(tx, one.event, one.event.line(), one.packed, status="applied")
            audit.extend(tx, [_entry(one, self._node.country) for one in made if one.ours])

        await self._node.store.write(work)
        self.events += len(made)

    def _make(self, step: _Step, ids: dict[int, str], keys: dict[str, bytes]) -> _Made:
        first = step.event == 0
        before = None if first else self._open[step.case]
        case_id = before[0].id if before else ids[step.case]
        key = before[1] if before else keys[case_id]
        kind = "request.send" if first else _STEPS[step.event - 1][0]
        asking = step.case % 2 == 0
        us = asking == (kind in ("request.send", "request.close"))
        contents = self._opening(step.case, asking) if before is None else self._act(kind, before[0], us=us)
        place = Place(case_id, kind, before[0].n + 1, before[0].head) if before else Place(case_id, kind, 1, None)
        event, ceks = self._seal(place, contents, step.at, us=us)
        matter = contents[MATTER]
        if before is None:
            assert isinstance(matter, SendMatter)
            case = opened(event.claims, event.name, matter, self._node.country)
        else:
            case = advanced(before[0], event.claims, event.name, matter)
        self._open[step.case] = (case, key)
        if case.ended:
            del self._open[step.case]
            self._whole.append(case)
        return _Made(event, pack_ceks(self._node, key, event, ceks), case, first, us)

    def _seal(
        self, place: Place, contents: dict[str, Content], at: dt.datetime, *, us: bool
    ) -> tuple[Event, dict[str, bytes]]:
        own, other = self._sides[self._node.country], self._sides[PEER]
        sender, reader = (own, other) if us else (other, own)
        return seal_event(
            sender.signer,
            iss=sender.country,
            readers={reader.country: reader.reader},
            jti=new_uuid(self._node.entropy),
            place=place,
            contents=contents,
            iat=seconds(at),
            secrets=self._node.secrets,
        )

    def _party(self, country: str) -> PartyName:
        """Choose an authority; the first ones have many cases, the last ones few."""
        named = self._sides[country].authorities
        return named[int(len(named) * self._chance.random() ** 2)]

    def _opening(self, number: int, asking: bool) -> dict[str, Content]:
        countries = (self._node.country, PEER) if asking else (PEER, self._node.country)
        area = self._node.areas[AREA]
        sent = self._clock.now()
        one, other = (self._party(country) for country in countries)
        matter = SendMatter(
            number=f"{countries[0]}-{sent.year}-{number + 1:06d}",
            asking=one,
            replying=other,
            actor=Actor(authority=one.authority, name="Anna Berger"),
            area=AREA,
            set=SET,
            version=area.question_sets[SET].version,
            set_sha256=area.question_sets[SET].sha256,
            questions=(Asked(item="registration-status"), Asked(item="sanctions")),
            variables={"profession": Variable(code="dental-practitioner")},
            due=(sent + dt.timedelta(days=28)).date(),
        )
        person = Variable(given_names="Eszter", family_name=f"Példa {number}", birth_date=dt.date(1991, 4, 17))
        words = Said(text="Bitte prüfen Sie die Eintragung. " * 20, lang="de")
        return {MATTER: matter, PERSON: SendPerson(variables={"person": person}, comment=words)}

    def _act(self, kind: str, case: Case, *, us: bool) -> dict[str, Content]:
        actor = Actor(authority=case.own_authority if us else case.their_authority, name="Szabó Katalin")
        if kind != "request.reply":
            return {MATTER: ActMatter(actor=actor)}
        said = Reply(code="registered", comment=Said(text="2015 óta szerepel a nyilvántartásban. " * 5, lang="hu"))
        matter = ReplyMatter(actor=actor, answers={"sanctions": Reply(code="no")})
        return {MATTER: matter, PERSON: ReplyPerson(answers={"registration-status": said})}


def _entry(one: _Made, country: str) -> audit.Entry:
    return audit.Entry("bench", one.event.claims.kind, one.case.id, f"{country} to {PEER}")
