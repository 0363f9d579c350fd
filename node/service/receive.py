"""Receiving a batch, in the order of SPEC.md section 4.5 (SPEC S-038): decide purely, then store once, then receipt."""

import asyncio
from dataclasses import dataclass, field

from node.clock import seconds
from node.domain.case import Case, advanced, opened
from node.domain.day import directory_day
from node.errors import NodeError
from node.service import beside, competence, forks, receipts, telling
from node.service.contents import asked, open_row, pack_ceks
from node.service.judge import area_of, judge_content
from node.service.node import Node
from node.store import (
    audit,
    authorities,
    blobs,
    cases,
    damage,
    erasures,
    events,
    peers,
    people,
    refusals,
    streams,
    subjects,
)
from node.store.tx import Tx
from protocol import erasure as erasing
from protocol import jws
from protocol.batch import Batch, Head, check_body, consumed, expected, place
from protocol.content import (
    MATTER,
    SEND_KIND,
    AttachmentRef,
    Content,
    ForwardMatter,
    OrderMatter,
    ReferMatter,
    SendMatter,
    SplitMatter,
)
from protocol.event import Claims, Event, open_ceks, open_contents, parse_item
from protocol.member import MessageKey
from protocol.problems import STORED, ProtocolError
from protocol.receipt import issue as issue_receipt
from protocol.receipt import parse_receipt
from protocol.request import REFER, SPLIT
from protocol.values import check_values

_INLINE_ITEMS = 4


@dataclass(frozen=True)
class Opened:
    """An event that passed every check that needs no look at the case."""

    event: Event
    contents: dict[str, Content]
    ceks: dict[str, bytes]


@dataclass(frozen=True)
class Refused:
    """An event that isn't taken: its final code, and its claims where it is the one named and can be read."""

    code: str
    claims: Claims | None = None


Item = Opened | Refused


class GapError(ProtocolError):
    """A gap, with where the receiver stands."""

    def __init__(self, error: ProtocolError, head: Head) -> None:
        """Add the head to the refusal."""
        super().__init__(error.code, error.detail)
        self.expected = expected(head)


async def receive(node: Node, peer: str, batch: Batch) -> bytes:
    """Take in a batch from `peer` (the member whose certificate TLS showed); returns the receipt.

    Raises `ProtocolError` with a temporary code, or `GapError`; then nothing was consumed or stored (SPEC S-088).
    """
    check_sender(node, peer, batch)
    head = node.store.read_now(lambda q: streams.head(q, peer, node.country))
    if consumed(batch, head) and (given := await receipts.of_repeat(node, batch)) is not None:
        return given  # whatever has become of the batch's key since (SPEC S-131)
    check_signature(node, peer, batch)
    check_body(batch)
    if not await node.comparison(peer, batch.sha256):
        raise ProtocolError("comparing", "the streams between us")  # SPEC S-039
    head = node.store.read_now(lambda q: streams.head(q, peer, node.country))
    try:
        if consumed(batch, head):
            await _keep_fork(node, batch)
        place(batch, head)
    except ProtocolError as error:
        raise GapError(error, head) from None
    if len(batch.claims.items) <= _INLINE_ITEMS:
        items = open_items(node, batch)
    else:
        items = await asyncio.get_running_loop().run_in_executor(None, open_items, node, batch)
    keys = await _keys_for(node, items)
    receipt = await node.store.write(lambda tx: _Taking(tx, node, keys).take(batch, items))
    node.post()
    return receipt.encode("ascii")


def check_sender(node: Node, peer: str, batch: Batch) -> None:
    """Check membership, issuer and audience of a batch (SPEC S-038)."""
    members = node.members
    if members is None or not members.active(peer):
        raise ProtocolError("not-a-member", peer)
    if node.store.read_now(lambda q: peers.is_blocked(q, peer)):
        raise ProtocolError("blocked", peer)
    if batch.claims.iss != peer:
        raise ProtocolError("not-the-issuer", f"issued by {batch.claims.iss}, sent by {peer}")
    if batch.claims.aud != node.country:
        raise ProtocolError("wrong-audience", f"addressed to {batch.claims.aud}")


def check_signature(node: Node, peer: str, batch: Batch) -> None:
    """Check that a batch is signed with a key of its sender that is accepted now (SPEC S-031, S-038)."""
    key = _batch_key(node, peer, batch)
    if not jws.verify_with_certificate(batch.jws, key.certificate):
        raise ProtocolError("wrong-signature", "of the batch")


def _batch_key(node: Node, peer: str, batch: Batch) -> MessageKey:
    try:
        return accepted_key(node, peer, batch.kid)
    except ProtocolError as error:
        if error.problem.final:
            raise ProtocolError("wrong-signature", error.detail) from None
        raise


def accepted_key(node: Node, country: str, kid: str) -> MessageKey:
    """Return a message key that is accepted now; raises `unknown-key` or `event-key-revoked`."""
    key = node.members.message_key(country, kid) if node.members else None
    if key is None:
        raise ProtocolError("unknown-key", "not in the member list that this node has")
    if not key.accepts(node.clock.now()):
        raise ProtocolError("event-key-revoked", f"the key is {key.state}")
    return key


def open_items(node: Node, batch: Batch) -> list[Item]:
    """Open every item of a batch; an `unknown-key` refuses the whole batch for the time being."""
    return [
        _open_item(node, batch, line, digest) for line, digest in zip(batch.lines(), batch.claims.items, strict=True)
    ]


def _open_item(node: Node, batch: Batch, line: bytes, digest: str) -> Item:
    claims = None
    try:
        event = parse_item(line)
        if event.name != digest:
            raise ProtocolError("event-malformed", "not the event that the batch names")  # noqa: TRY301
        claims = event.claims
        _check_event(node, batch, event)
        ceks = open_ceks(event, node.keys)
        contents = open_contents(event, ceks)
        check_values(contents)
        return Opened(event, contents, ceks)
    except ProtocolError as error:
        if error.code == "unknown-key":
            raise
        return Refused(error.code, claims)


def _check_event(node: Node, batch: Batch, event: Event) -> None:
    claims = event.claims
    if claims.iss != batch.claims.iss:
        raise ProtocolError("event-issuer", claims.iss)
    if node.country not in claims.aud:
        raise ProtocolError("event-audience", "not addressed to this node")
    key = accepted_key(node, claims.iss, event.kid)
    if not jws.verify_with_certificate(event.jws, key.certificate):
        raise ProtocolError("event-signature", "of the event")


async def _keys_for(node: Node, items: list[Item]) -> dict[str, bytes]:
    """Return the keys of the cases that the items speak of, new ones made durable first."""
    claims = [item.event.claims for item in items if isinstance(item, Opened)]
    fresh = node.store.read_now(lambda q: cases.unknown(q, {c.case for c in claims if c.kind == SEND_KIND}))
    keys = await node.case_keys.make(fresh) if fresh else {}
    matters = (item.contents[MATTER] for item in items if isinstance(item, Opened))
    wholes = {matter.part_of for matter in matters if isinstance(matter, SendMatter) and matter.part_of}
    for case_id in sorted(({c.case for c in claims} | wholes) - keys.keys()):
        try:
            keys[case_id] = node.case_keys.find(case_id)
        except NodeError as error:
            if error.code != "not-found":  # a wrong master key, say: no reason to refuse anything for good
                raise
    return keys


async def _keep_fork(node: Node, batch: Batch) -> None:
    """Keep the proof where another batch has the position (SPEC S-087); raises `fork` then."""
    claims = batch.claims
    row = node.store.read_now(lambda q: streams.batch_over(q, claims.iss, claims.aud, claims.epoch, claims.first))
    if row is not None:
        kept = str(row["jws"]).encode("ascii")
        await node.store.write(
            lambda tx: streams.keep_first_proof(tx, claims.iss, "fork", kept, batch.jws.compact.encode("ascii"))
        )
        raise ProtocolError("fork", f"another batch has position {claims.first}")


@dataclass(frozen=True)
class _Taking:
    """One transaction that takes in a batch."""

    tx: Tx
    node: Node
    keys: dict[str, bytes]
    told: list[audit.Entry] = field(default_factory=list)

    def take(self, batch: Batch, items: list[Item]) -> str:
        """Apply every item, store the batch with its receipt, and return the receipt."""
        tx = self.tx
        if place(batch, streams.head(tx, batch.claims.iss, self.node.country)) != "new":
            raise ProtocolError("busy", "the same batch is being stored")
        _batch_key(self.node, batch.claims.iss, batch)  # revoked meanwhile? Then its sender has sealed anew (S-130)
        outcomes, iss, said = [], batch.claims.iss, self._said(batch)
        for item, digest in zip(items, batch.claims.items, strict=True):
            code = said.get(digest) or (item.code if isinstance(item, Refused) else self._apply(item))
            if code != STORED:
                self.told.append(audit.Entry(iss, "refused", digest, code))
                refusals.keep(tx, iss, digest, code, item.event.claims if isinstance(item, Opened) else item.claims)
            outcomes.append((digest, code))
            said[digest] = code
        audit.extend(tx, self.told)
        receipt = issue_receipt(
            self.node.keys.signer, batch, outcomes, now=seconds(tx.now), members=self.node.versions()
        )
        name = parse_receipt(receipt.encode("ascii")).sha256
        refusals.receipted(tx, iss, name, [digest for digest, code in outcomes if code != STORED])
        streams.save(tx, batch, receipt, name)
        return receipt

    def _said(self, batch: Batch) -> dict[str, str]:
        """Return what this node has said of events before: it never says two things of one (SPEC S-160)."""
        iss, digests = batch.claims.iss, batch.claims.items
        return refusals.codes_of(self.tx, iss, digests) | dict.fromkeys(events.known(self.tx, iss, digests), STORED)

    def _apply(self, item: Opened) -> str:
        tx, event, claims = self.tx, item.event, item.event.claims
        known = events.by_jti(tx, claims.jti)
        if known is not None:
            return STORED if known["digest"] == event.name else "event-reused-id"
        try:
            case = cases.find(tx, claims.case)
            after = self._first(item, case) if claims.kind == SEND_KIND else self._next(item, case)
        except ProtocolError as error:
            if error.code == "case-fork":
                forks.keep_case_proof(tx, event)
            return error.code
        self._store(item, self.keys.get(claims.case))
        telling.tell(tx, self.node, (case, after), claims.kind, claims.jti)
        self.told.append(audit.Entry(claims.iss, claims.kind, after.id, f"{claims.iss} to {self.node.country}"))
        return STORED

    def _store(self, item: Opened, key: bytes | None) -> None:
        """Store an event; of a case that was erased here nobody could read more than its signed words (SPEC S-275)."""
        tx, event, claims = self.tx, item.event, item.event.claims
        if key is None:
            events.insert(tx, event, event.bare_line(), b"", status="applied")
            return
        packed = pack_ceks(self.node, key, event, item.ceks)
        events.insert(tx, event, event.line_without_slots(), packed, status="applied")
        for ref in attachments_of(item.contents):
            # the file may come later: SPEC S-068
            blobs.want(tx, ref.sha256, claims.case, claims.iss, ref.size)

    def _first(self, item: Opened, case: Case | None) -> Case:
        claims, matter = item.event.claims, item.contents[MATTER]
        assert isinstance(matter, SendMatter)
        taken = case is not None or cases.replying_by_number(self.tx, matter.number) is not None
        named = any(find(self.tx, claims.case) for find in (people.by_id, subjects.find, erasures.find))  # one id space
        if taken or named or cases.is_part_with_another(self.tx, claims.iss, claims.case):  # SPEC S-299
            raise ProtocolError("case-exists", "the case or its number")
        if len(claims.aud) != 1:
            raise ProtocolError("content-malformed", "a request has one recipient")  # SPEC S-047
        if not matter.number.startswith(f"{claims.iss}-") or not matter.asking.authority.startswith(f"{claims.iss}-"):
            raise ProtocolError("content-malformed", "number and asking authority belong to the issuer's country")
        self._check_part(claims, matter)
        active = authorities.is_active(self.tx, self.node.country, matter.replying.authority)
        if not active and matter.part_of is None:  # of a part it was checked when the part was named (SPEC S-228)
            raise ProtocolError("unknown-authority", "the replying authority")
        judge_content(self.node.areas, claims.kind, item.contents, None)
        if area_of(self.node.areas, matter) is None:
            self.node.lacking.add(claims.iss)
        competence.check_request(self.tx, self.node.areas, matter)
        if claims.prev is not None and not refusals.allows(self.tx, claims):
            raise ProtocolError("no-predecessor", "a request has none but the receipt that refused it before")
        opened_case = opened(claims, item.event.name, matter, self.node.country)
        cases.insert(self.tx, opened_case, unread=True, on_its_way=0)
        return opened_case

    def _check_part(self, claims: Claims, matter: SendMatter) -> None:
        """Check that a part is one that this node has named, under the number of its case (SPEC S-230)."""
        stem, _, suffix = matter.number.partition("/")
        if not suffix and matter.part_of is None:
            return
        whole = cases.find(self.tx, matter.part_of or "")
        named = whole is not None and (whole.counterpart, whole.number) == (claims.iss, stem)
        place = whole.parts.index(claims.case) + 1 if whole and claims.case in whole.parts else 0
        if whole is None or not named or suffix != str(place) or not self._as_named(claims, matter, whole):
            raise ProtocolError("content-malformed", "a part that this node hasn't named so")

    def _as_named(self, claims: Claims, matter: SendMatter, whole: Case) -> bool:
        """Say whether a part asks what it was named for, of whom it was; where our disk lost that, nobody judges."""
        kept = (whole.area, whole.question_set, whole.set_version, whole.set_sha256)
        if (matter.area, matter.set, matter.version, matter.set_sha256) != kept:
            return False
        try:
            rows = [
                row for row in events.of_case(self.tx, whole.id) if row["kind"] == SPLIT and row["status"] != "refused"
            ]
            splits = [open_row(self.node, self.keys[whole.id], row).matter for row in rows]
        except (NodeError, KeyError):
            return True
        return any(
            isinstance(one, SplitMatter)
            and (one.part, one.to.authority) == (claims.case, matter.replying.authority)
            and {question.item for question in matter.questions} == set(one.items)
            for one in splits
        )

    def _next(self, item: Opened, case: Case | None) -> Case:
        claims = item.event.claims
        gone = case is not None and erasures.find(self.tx, case.id) is not None
        known = case is not None and (gone or case.id in self.keys)
        if case is None or not known or case.state == "refused":  # who refused a request has no case
            raise ProtocolError("unknown-case", "no such case here")
        if claims.iss != case.counterpart or claims.aud != (self.node.country,):
            raise ProtocolError("not-a-party", claims.iss)
        if claims.kind in erasing.KINDS:
            return self._erasing(item, case)
        if gone:
            raise ProtocolError("case-erased", "its data were deleted")  # SPEC S-275
        self._judge(item, case)
        self._check_beside(item, case)
        self._check_forward(item, case)
        refused = refusals.allows(self.tx, claims)
        after = advanced(case, claims, item.event.name, item.contents[MATTER], after_refusal=refused)
        told = None if claims.kind.startswith("notice.") else True
        cases.update(self.tx, after, unread=told)
        return after

    def _erasing(self, item: Opened, case: Case) -> Case:
        """Take in the other side's order to erase a case, or that it has erased its copy (SPEC S-274, S-275)."""
        matter = item.contents[MATTER]
        erasing.check(case.state, matter)
        if isinstance(matter, OrderMatter):
            new = erasures.decide(self.tx, [case.id], "their-order", matter.ground)
            self.told.extend(audit.Entry(case.counterpart, "case.erase", one, "their-order") for one in new)
        else:
            erasures.theirs(self.tx, case.id)
        return case

    def _judge(self, item: Opened, case: Case) -> None:
        """Judge content by the question set; where our own disk lost the request, nobody judges (SPEC S-179)."""
        try:
            judge_content(self.node.areas, item.event.claims.kind, item.contents, lambda: self._asked(case))
        except NodeError as error:
            damage.note(self.tx, case.id, error.message)

    def _check_beside(self, item: Opened, case: Case) -> None:
        """Check what is said beside the procedure; where our own disk lost the case, as `_judge`."""
        try:
            beside.check(self.tx, self.node, case, item.event.claims, item.contents)
        except NodeError as error:
            damage.note(self.tx, case.id, error.message)

    def _check_forward(self, item: Opened, case: Case) -> None:
        matter = item.contents[MATTER]
        if isinstance(matter, ForwardMatter | SplitMatter):
            competence.check_passing_on(self.tx, self.node.areas, case, matter.to.authority)
        if isinstance(matter, ReferMatter):
            of = case.asking if item.event.claims.kind == REFER else case.replying
            competence.check_coordinator(self.tx, of, matter.to.authority, case.area, directory_day(self.tx.now))
        if isinstance(matter, SplitMatter) and cases.is_taken(self.tx, case, matter.part):
            raise ProtocolError("content-malformed", "a part is a case of its own")  # SPEC S-229

    def _asked(self, case: Case) -> SendMatter:
        rows = [row for row in events.of_case(self.tx, case.id) if row["kind"] in (SEND_KIND, SPLIT)]
        return asked([open_row(self.node, self.keys[case.id], row) for row in rows])


def attachments_of(contents: dict[str, Content]) -> tuple[AttachmentRef, ...]:
    """Return the attachments that an event's contents name."""
    return tuple(ref for content in contents.values() for ref in vars(content).get("attachments", ()))
