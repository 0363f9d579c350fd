"""A member that lies: it has real keys in the list, signs what it says, and keeps to no rule."""

import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from directory_sync.authority import AreaRole
from directory_sync.demo import demo_authorities
from node.clock import new_uuid, seconds
from node.delivery.call import Answer, Call
from node.delivery.incoming import BATCHES, handle
from node.domain.access import operator
from node.domain.case import Case
from node.service import country_log, directory
from node.service.issue import Opening, open_cases
from node.service.node import Node
from node.store import cases
from protocol import jws
from protocol.batch import MEDIA_TYPE, Batch, Head, parse_batch
from protocol.batch import TYP as BATCH_TYP
from protocol.content import (
    MATTER,
    PERSON,
    ActMatter,
    Actor,
    Asked,
    Content,
    PartyName,
    SendMatter,
    SendPerson,
    Variable,
    write_content,
)
from protocol.encoding import b64u, canonical_json, sha256_b64u
from protocol.event import TYP as EVENT_TYP
from protocol.event import item_line
from protocol.part import CEK_BYTES, SALT_BYTES, SealedPart, seal_part
from protocol.receipt import parse_receipt
from protocol.slot import Address, Recipient, Slot, wrap
from tests.exchange.pair import LoopClock, handler, members_of, open_for_test

ATTACKER, VICTIM, OTHER = "DE", "HU", "AT"
AREA, SET = "professional-qualifications", "establishment"
SUSPENDED = "DE-blzk"
"""An authority of the attacker's country that is suspended in the area."""
DUE = dt.date(2026, 12, 14)
KATALIN = handler("HU-okfo", "Szabó Katalin", "hu")


def act(authority: str = "DE-zaek-berlin") -> ActMatter:
    """Return the content of a simple act."""
    return ActMatter(actor=Actor(authority=authority))


def counts(node: Node) -> dict[str, int]:
    """Return how many rows each table of a node has; `running` follows from the cases, `audit_of` from the trail."""

    def count(q: Any) -> dict[str, int]:
        tables = q.all(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('running', 'audit_of') ORDER BY name"
        )
        return {row["name"]: q.one(f"SELECT COUNT(*) AS count FROM {row['name']}")["count"] for row in tables}

    return node.store.read_now(count)


def grown(node: Node, before: Mapping[str, int]) -> dict[str, int]:
    """Return by how much each table has grown."""
    return {name: count - before[name] for name, count in counts(node).items() if count != before[name]}


@dataclass(frozen=True)
class Item:
    """An event on its line; whatever is in it can be replaced."""

    compact: str
    parts: tuple[SealedPart, ...]
    slots: tuple[Slot, ...]

    @property
    def digest(self) -> bytes:
        return jws.parse(self.compact, limit=10**6).digest

    @property
    def line(self) -> bytes:
        return item_line(self.compact, self.parts, self.slots)


@dataclass
class Attacker:
    """The attacker's node beside its victim's; `head` is where its stream stands."""

    node: Node
    victim: Node
    other: Node
    head: Head = field(default_factory=Head)
    numbers: int = 0
    asked: Case | None = None
    asked_by_victim: Case | None = None

    # --- saying something ---

    def event(
        self,
        kind: str,
        contents: Mapping[str, Content | bytes],
        *,
        signer: jws.Signer | None = None,
        reader: Recipient | None = None,
        **claims: Any,
    ) -> Item:
        """Seal an event of our own for the victim; `claims` replace those that would be right."""
        entropy = self.node.entropy
        said = {
            "iss": self.node.country,
            "aud": [self.victim.country],
            "jti": new_uuid(entropy),
            "case": new_uuid(entropy),
            "n": None,
            "prev": None,
            "kind": kind,
            **claims,
        }
        if reader is None:
            assert self.victim.members is not None
            reader = self.victim.members.encryption_key(self.victim.country)
        assert reader is not None
        address = Address(said["iss"], tuple(said["aud"]), said["jti"])
        named, parts, slots = [], [], []
        for name, content in contents.items():
            plain = content if isinstance(content, bytes) else write_content(content)
            cek, salt = entropy.random(CEK_BYTES), entropy.random(SALT_BYTES)
            claim, part = seal_part(name, plain, jti=said["jti"], cek=cek, salt=salt)
            named.append({"id": claim.id, "commit": claim.commit, "size": claim.size})
            parts.append(part)
            slots.append(wrap({name: cek}, reader, address))
        said.setdefault("parts", named)
        compact = jws.sign(signer or self.node.keys.signer, EVENT_TYP, said, seconds(self.node.clock.now()))
        return Item(compact, tuple(parts), tuple(slots))

    def request(self, matter: Mapping[str, Any] | None = None, person: Content | None = None, **claims: Any) -> Item:
        """Seal a request that is right but for what is replaced."""
        self.numbers += 1
        question_set = self.victim.areas[AREA].question_sets[SET]
        good = SendMatter(
            number=f"DE-2026-{self.numbers:06d}",
            asking=PartyName(authority="DE-zaek-berlin", name="Zahnärztekammer Berlin"),
            replying=PartyName(authority="HU-okfo", name="OKFŐ"),
            actor=Actor(authority="DE-zaek-berlin"),
            area=AREA,
            set=SET,
            version=question_set.version,
            set_sha256=question_set.sha256,
            questions=tuple(Asked(item=item) for item in ("evidence-holder", "registration-status", "sanctions")),
            variables={
                "profession": Variable(code="dental-practitioner"),
                "title": Variable(text="fogorvosi oklevél", lang="hu"),
            },
            due=DUE,
        )
        parts = {MATTER: good.model_copy(update=dict(matter or {})), PERSON: person or self.person()}
        return self.event("request.send", parts, **{"n": 1, **claims})

    @staticmethod
    def person() -> SendPerson:
        """Return the part about the person of a request that is right."""
        born = dt.date(1991, 4, 17)
        return SendPerson(
            variables={
                "person": Variable(given_names="Eszter", family_name="Kovács", birth_date=born),
                "document": Variable(name="oklevel.pdf"),
            }
        )

    def follow(self, about: Case | None, kind: str, contents: Mapping[str, Content | bytes], **claims: Any) -> Item:
        """Seal the next event of a case of the victim, right but for what is replaced."""
        assert about is not None
        held = self.victim.store.read_now(lambda q: cases.find(q, about.id))
        assert held is not None
        places = {"request": (held.n + 1, held.head), "date": (held.date_n + 1, held.date_head)}
        n, prev = places.get(kind.partition(".")[0], (None, None))
        return self.event(kind, contents, **{"case": held.id, "n": n, "prev": prev, **claims})

    # --- carrying it ---

    def batch(
        self,
        events: Sequence[Item | bytes],
        /,
        *,
        signer: jws.Signer | None = None,
        iat: int | None = None,
        **claims: Any,
    ) -> bytes:
        """Seal a batch at our head; `claims` replace those that would be right. Lines may be any bytes."""
        lines = [item.line if isinstance(item, Item) else item for item in events]
        digests = [b64u(item.digest) if isinstance(item, Item) else sha256_b64u(item) for item in events]
        body = b"".join(line + b"\n" for line in lines)
        said = {
            "iss": self.node.country,
            "aud": self.victim.country,
            "epoch": self.head.epoch,
            "first": self.head.next,
            "prev": self.head.last,
            "items": digests,
            "body": sha256_b64u(body),
            "members": {},
            "heads": {},
            **claims,
        }
        at = seconds(self.node.clock.now()) if iat is None else iat
        return jws.sign(signer or self.node.keys.signer, BATCH_TYP, said, at).encode() + b"\n" + body

    async def post(self, wire: bytes, *, peer: str | None = ATTACKER, media_type: str = MEDIA_TYPE) -> Answer:
        """Send bytes to the victim over the attacker's own connection."""
        return await handle(self.victim, peer, Call("POST", BATCHES, {}, {"content-type": media_type}, wire))

    async def send(self, *items: Item | bytes) -> list[str]:
        """Send a batch and return the outcome of each item; the stream moves on."""
        batch = parse_batch(self.batch(items))
        answer = await self.post(batch.wire())
        assert answer.status == 200, answer.body
        self.consumed(batch)
        return [code for _, code in parse_receipt(answer.body).claims.outcomes]

    def consumed(self, batch: Batch) -> None:
        """Note that the victim has receipted a batch."""
        self.head = Head(self.head.epoch, batch.next, batch.sha256)

    # --- the victim's own request to the attacker ---

    async def be_asked(self, country: str = ATTACKER) -> Case:
        """Let the victim ask the attacker (or another country) the same questions."""
        case_id = new_uuid(self.victim.entropy)
        question_set = self.victim.areas[AREA].question_sets[SET]
        self.numbers += 1
        matter = SendMatter(
            number=f"HU-2026-{self.numbers:06d}",
            asking=PartyName(authority="HU-okfo", name="OKFŐ"),
            replying=PartyName(authority=f"{country}-authority", name="Asked"),
            actor=Actor(authority="HU-okfo"),
            area=AREA,
            set=SET,
            version=question_set.version,
            set_sha256=question_set.sha256,
            questions=tuple(Asked(item=item) for item in ("evidence-holder", "registration-status", "sanctions")),
            due=DUE,
        )
        keys = await self.victim.case_keys.make([case_id])
        (case,) = await open_cases(self.victim, KATALIN, [Opening(country, case_id, {MATTER: matter})], keys)
        return case


async def _show_directory(attacker: Node, victim: Node) -> None:
    """Publish the attacker's list, in which one authority is suspended, and let the victim have it."""
    suspended = (AreaRole(area=AREA, role="authority", status="suspended"),)
    records = [
        one.model_copy(update={"areas": suspended}) if one.id == SUSPENDED else one
        for one in demo_authorities(ATTACKER)
    ]
    await directory.import_authorities(attacker, operator(), records)
    page = attacker.store.read_now(lambda q: country_log.page_of(q, ATTACKER, 0))
    assert page is not None
    await country_log.accept_page(victim, ATTACKER, page, ATTACKER)


@contextlib.asynccontextmanager
async def attacked(folder: Path) -> AsyncIterator[Attacker]:
    """Give an attacker and its victim, each with one case in which the other side takes part."""
    clock = LoopClock()
    nodes = [open_for_test(folder / country, country, clock) for country in (ATTACKER, VICTIM, OTHER)]
    members = members_of(*nodes)
    for node in nodes:
        node.members = members
    await directory.import_authorities(nodes[1], operator(), demo_authorities(VICTIM))
    await _show_directory(*nodes[:2])
    attacker = Attacker(*nodes)
    request = attacker.request()
    assert await attacker.send(request) == ["stored"]
    held = attacker.victim.store.read_now(lambda q: q.one("SELECT id FROM cases"))
    assert held is not None
    attacker.asked = attacker.victim.store.read_now(lambda q: cases.find(q, held["id"]))
    attacker.asked_by_victim = await attacker.be_asked()
    try:
        yield attacker
    finally:
        for node in nodes:
            await node.store.close()
            await node.key_store.close()


def garbled(item: Item) -> Item:
    """Return an item whose first part has another last byte."""
    first, *rest = item.parts
    sealed = first.sealed[:-1] + bytes([first.sealed[-1] ^ 1])
    return replace(item, parts=(SealedPart(first.id, sealed), *rest))


def raw(value: Any) -> bytes:
    """Return the bytes of a part's content, whatever it is."""
    return canonical_json(value)
