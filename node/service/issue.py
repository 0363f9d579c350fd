"""Issuing an event: signed, encrypted, stored, queued and audited in one transaction."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from node.clock import new_uuid, seconds
from node.domain.access import Actor
from node.domain.case import Case, advanced, opened
from node.errors import NodeError, from_protocol
from node.service import beside
from node.service.contents import pack_ceks
from node.service.deliver import seal
from node.service.node import Node
from node.service.receive import attachments_of
from node.store import audit, blobs, cases, drafts, erasures, events, streams
from node.store.tx import Read, Tx
from protocol.content import MATTER, Content, SendMatter, chain_of
from protocol.event import Event, Place, seal_event
from protocol.problems import ProtocolError
from protocol.request import FORWARD
from protocol.slot import Recipient

_INLINE: Final = 4  # openings that are sealed on the loop itself


def reader_of(node: Node, country: str) -> Recipient:
    """Return the encryption key of an active member; raises `unknown-country` or `no-encryption-key`."""
    if node.members is None or not node.members.active(country):
        raise NodeError("unknown-country", f"{country} is no active member.")
    own = node.members.standing(node.country)
    if own is not None and own.status == "left":
        raise NodeError("unknown-country", f"{node.country} has left: nobody takes anything from it any more.")
    key = node.members.encryption_key(country)
    if key is None:
        raise NodeError("no-encryption-key", f"{country} has no encryption key of a suite that this node knows.")
    return key


def seal_for(node: Node, country: str, place: Place, contents: dict[str, Content]) -> tuple[Event, dict[str, bytes]]:
    """Sign and encrypt an event for a country; raises `unknown-country`, `no-encryption-key`, `event-too-large`."""
    try:
        return seal_event(
            node.keys.signer,
            iss=node.country,
            readers={country: reader_of(node, country)},
            jti=new_uuid(node.entropy),
            place=place,
            contents=contents,
            iat=seconds(node.clock.now()),
            secrets=node.secrets,
        )
    except ProtocolError as error:
        raise from_protocol(error) from None


@dataclass(frozen=True)
class Opening:
    """A request about to be sent: to which country, as which case, and the draft (id, version) it comes from."""

    country: str
    case_id: str
    contents: dict[str, Content]
    draft: tuple[str, int] | None = None


async def open_cases(node: Node, actor: Actor, openings: Sequence[Opening], keys: Mapping[str, bytes]) -> list[Case]:
    """Issue `request.send` for each, all of them or none; `keys` are the cases' keys, durable already.

    Signing and encrypting many runs off the loop. The drafts they come from are gone with the same commit.
    """
    sealing = partial(_seal_openings, node, openings, keys)
    many = len(openings) > _INLINE
    sealed = await asyncio.get_running_loop().run_in_executor(None, sealing) if many else sealing()

    def work(tx: Tx) -> None:
        for opening, (event, packed, case) in zip(openings, sealed, strict=True):
            if opening.draft is not None:
                _use_up(tx, opening.draft, case.id)
            if case.part_of and cases.find(tx, case.id) is not None:
                raise NodeError("stale", "The part was opened already.")
            cases.insert(tx, case, unread=False, on_its_way=1)
            _store(tx, event, packed, actor, case)
            blobs.named(tx, node.country, [ref.sha256 for ref in attachments_of(opening.contents)])
        audit.extend(tx, [_entry(node, actor, event, case) for event, _, case in sealed])

    await _send(node, {opening.country for opening in openings}, work)
    return [case for _, _, case in sealed]


def _use_up(tx: Tx, draft: tuple[str, int], case_id: str) -> None:
    if cases.find(tx, case_id) is not None:  # only a draft's case can be there: every other one has a fresh id
        raise NodeError("stale", "The request was sent already.")
    if not drafts.delete(tx, *draft):
        raise NodeError("stale", "The draft was changed, sent or deleted meanwhile.")


def _seal_openings(
    node: Node, openings: Sequence[Opening], keys: Mapping[str, bytes]
) -> list[tuple[Event, bytes, Case]]:
    sealed = []
    for opening in openings:
        place = Place(opening.case_id, "request.send", 1, None)
        event, ceks = seal_for(node, opening.country, place, opening.contents)
        matter = opening.contents[MATTER]
        assert isinstance(matter, SendMatter)
        case = opened(event.claims, event.name, matter, node.country)
        sealed.append((event, pack_ceks(node, keys[opening.case_id], event, ceks), case))
    return sealed


async def issue(
    node: Node,
    actor: Actor,
    case: Case,
    kind: str,
    contents: dict[str, Content],
    draft: tuple[str, int] | None = None,
) -> Case:
    """Issue the next event of a case and return the case after it.

    Raises `stale` where somebody else was quicker, `wrong-state` or `not-owner` where the table says no.
    """
    return await issue_steps(node, actor, case, [(kind, contents)], draft)


async def issue_steps(
    node: Node,
    actor: Actor,
    case: Case,
    steps: Sequence[tuple[str, dict[str, Content]]],
    draft: tuple[str, int] | None = None,
    also: Callable[[Tx], None] = lambda _tx: None,
) -> Case:
    """Issue several events of a case (kind, contents) in this order, all of them or none; raises like `issue`.

    `also` goes with the same commit.
    """
    sealed, after = [], case
    for kind, contents in steps:
        place = node.store.read_now(partial(next_place, case=after, kind=kind))
        event, ceks = seal_for(node, case.counterpart, place, contents)
        try:
            after = advanced(after, event.claims, event.name, contents[MATTER], after_refusal=True)
        except ProtocolError as error:
            raise from_protocol(error) from None
        sealed.append((event, pack_ceks(node, node.case_keys.find(case.id), event, ceks)))

    files = [ref.sha256 for _, contents in steps for ref in attachments_of(contents)]

    def work(tx: Tx) -> None:
        if cases.find(tx, case.id) != case:
            raise NodeError("stale")
        if erasures.find(tx, case.id) is not None:
            raise NodeError("case-erased")
        writers = drafts.writers(tx, draft[0]) - {actor.id} if draft is not None else ()
        if draft is not None and not drafts.delete(tx, *draft):
            raise NodeError("stale", "The draft was changed, sent or deleted meanwhile.")
        taken_over = True if after.own_authority != case.own_authority else None
        cases.update(tx, after, unread=taken_over, on_its_way=len(sealed))
        for (event, packed), (_, contents) in zip(sealed, steps, strict=True):
            _check_beside(tx, node, case, event, contents)
            _store(tx, event, packed, actor, case)
        blobs.named(tx, node.country, files)
        audit.extend(tx, [audit.Entry(one, audit.WROTE, case.id) for one in sorted(writers)])
        audit.extend(tx, [_entry(node, actor, event, case) for event, _ in sealed])
        also(tx)

    await _send(node, {case.counterpart}, work)
    return after


def _check_beside(tx: Tx, node: Node, case: Case, event: Event, contents: dict[str, Content]) -> None:
    """Raise where the other side wouldn't take what has no place in a chain, such as one message more."""
    try:
        beside.check(tx, node, case, event.claims, contents)
    except ProtocolError as error:
        raise from_protocol(error) from None


async def _send(node: Node, countries: set[str], work: Callable[[Tx], None]) -> None:
    """Store, and send on: where nothing else is on its way to a peer, the batch is sealed with the same commit."""
    idle = sorted(country for country in countries if node.idle(country))

    def all_of_it(tx: Tx) -> None:
        work(tx)
        for country in idle:
            tx.once_at_end(f"seal {country}", partial(seal, node=node, peer=country))

    await node.store.write(all_of_it)
    for country in sorted(countries):
        node.wake(country)


def next_place(q: Read, case: Case, kind: str) -> Place:
    """Return the number and predecessor of the next event of this kind (SPEC S-033, S-035)."""
    chain = chain_of(kind)
    if chain is None:
        return Place(case.id, kind, None, None)
    n, head = (case.n, case.head) if chain == "request" else (case.date_n, case.date_head)
    refused = events.refusal_at(q, case.id, chain, n + 1)
    return Place(case.id, kind, n + 1, refused or head)


def _store(tx: Tx, event: Event, packed: bytes, actor: Actor, case: Case) -> None:
    events.insert(tx, event, event.line(), packed, status="on-its-way", actor=actor.id)
    streams.enqueue(tx, case.counterpart, event.name)


def _entry(node: Node, actor: Actor, event: Event, case: Case) -> audit.Entry:
    whose = f" {case.own_authority}" if event.claims.kind == FORWARD else ""  # by it auditors are told apart
    return audit.Entry(actor.id, event.claims.kind, case.id, f"{node.country} to {case.counterpart}{whose}")
