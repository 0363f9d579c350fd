"""Taking back what a peer gave back: all of a page or nothing, in an order that the table allows (SPEC S-128)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Final

from node.domain.case import Case
from node.errors import NodeError
from node.service import erasure, telling
from node.service.ahead import NUMBERS_SKIPPED
from node.service.contents import DAMAGED, Stored, pack_ceks
from node.service.damage import mark
from node.service.folding import fold, fold_rows, next_case, open_counting
from node.service.node import Node
from node.service.past import PastBatch, PastEvent
from node.service.receive import attachments_of
from node.store import audit, blobs, cases, damage, erasures, events, recoveries, refusals, streams
from node.store.erasures import Why
from node.store.tx import Row, Tx
from protocol import request
from protocol.batch import Head
from protocol.content import MATTER, SEND_KIND, OrderMatter, SendMatter, chain_of
from protocol.encoding import b64u
from protocol.erasure import DONE, ORDER
from protocol.history import Past
from protocol.problems import STORED, ProtocolError

_LAST: Final = 2**62
"""Sequence number of what isn't stored yet: behind everything that is."""


class NoOrderError(ProtocolError):
    """Nothing of what came back has a place here."""


@dataclass(frozen=True)
class Gap:
    """What is missing here of the two streams with a peer: from where we have it, until where the peer has it."""

    own: tuple[Head, Head]
    theirs: tuple[Head, Head]


async def case_keys(node: Node, batches: list[PastBatch]) -> dict[str, bytes]:
    """Return the keys of all cases in some batches; those that are lost or new are made, durably.

    Those of erased cases never are, here or where the peer has erased them.
    """
    events_ = [one.event for batch in batches for one in batch.events.values()]
    gone = node.case_keys.erased().keys() | {event.claims.case for event in events_ if event.is_bare}
    wanted = sorted({event.claims.case for event in events_} - gone)
    return await node.case_keys.make(wanted) if wanted else {}


async def begin(node: Node, peer: str, gap: Gap) -> int:
    """Note a loss and leave out the next case numbers; returns the number of the note."""

    def work(tx: Tx) -> int:
        open_note = recoveries.unfinished(tx, peer)
        if open_note is not None:
            return int(open_note["seq"])
        skipped = cases.skip_numbers(tx, node.country, NUMBERS_SKIPPED)
        audit.append(tx, node.country, "loss.found", peer, f"numbers {skipped} left out")
        return recoveries.begin(tx, peer, gap.own, gap.theirs, skipped)

    note = await node.store.write(work)
    node.ahead.leave_numbers_out()
    return note


async def skip_numbers(node: Node, peer: str) -> None:
    """Leave out the next case numbers, since a peer has lost something: perhaps the same night was ours too."""

    def work(tx: Tx) -> None:
        skipped = cases.skip_numbers(tx, node.country, NUMBERS_SKIPPED)
        audit.append(tx, node.country, "numbers.left-out", peer, skipped)

    await node.store.write(work)
    node.ahead.leave_numbers_out()


async def take(node: Node, peer: str, note: int, own: list[PastBatch], theirs: list[PastBatch]) -> int:
    """Store what fits of two pages, in one transaction; returns how many batches that were.

    None at all means that the two streams contradict each other: then `ProtocolError` says how. Raises
    `case-damaged` where one of the cases can't be read: the case is marked, nothing is taken back until it is mended.
    """
    keys = await case_keys(node, [*own, *theirs])
    try:
        return await node.store.write(lambda tx: _Taking(tx, node, peer, keys).take(note, own, theirs))
    except NodeError as error:
        if error.code == DAMAGED:
            await mark(node, keys)
        raise


async def finish(node: Node, peer: str, note: int) -> Row:
    """Take back own events that have no place any more, and close the note, which is returned."""
    waiting = node.store.read_now(lambda q: events.unsettled_with(q, peer))
    gone = node.case_keys.erased()
    wanted = sorted({str(row["case_id"]) for row in waiting} - gone.keys())
    keys = {case_id: node.case_keys.find(case_id) for case_id in wanted}
    return await node.store.write(lambda tx: _finish(tx, node, peer, note, keys))


@dataclass
class _Taking:
    """One transaction that takes back what fits."""

    tx: Tx
    node: Node
    peer: str
    keys: Mapping[str, bytes]
    known: dict[str, list[Stored]] = field(default_factory=dict)
    came: dict[str, tuple[str, str]] = field(default_factory=dict)
    bare: set[str] = field(default_factory=set)
    """Cases of which something came back without its contents."""

    def take(self, note: int, own: list[PastBatch], theirs: list[PastBatch]) -> int:
        """Apply whichever batch of the two is legal next, until none is; then write down what the cases are now."""
        self._check_base(own, streams.receipted_head(self.tx, self.node.country, self.peer))
        self._check_base(theirs, streams.head(self.tx, self.peer, self.node.country))
        queues, taken = [list(own), list(theirs)], 0
        touched: set[str] = set()
        while any(queues):
            ready = next((queue for queue in queues if queue and self._fits(queue[0])), None)
            if ready is None:
                break
            touched |= self._store(ready.pop(0), note)
            taken += 1
        if not taken and (own or theirs):
            raise NoOrderError("gap", "no order of the events is one that the table allows")
        before = {case_id: cases.find(self.tx, case_id) for case_id in self.came}
        for case_id in sorted(touched):
            self._save(case_id)
        self._tell(before)
        return taken

    def _tell(self, before: Mapping[str, Case | None]) -> None:
        """Queue for people what the peer had said last in each case; who was told before the loss knows the mail."""
        for case_id, (kind, jti) in self.came.items():
            case = cases.find(self.tx, case_id)
            if case is not None:
                telling.tell(self.tx, self.node, (before[case_id], case), kind, jti)

    def _check_base(self, batches: list[PastBatch], head: Head) -> None:
        if not batches:
            return
        claims = batches[0].past.batch.claims
        expected = (head.next if claims.epoch == head.epoch else 1, head.last)
        if claims.epoch < head.epoch or (claims.first, claims.prev) != expected:
            raise NodeError("stale", "The stream has moved on meanwhile.")

    def _stored(self, case_id: str) -> list[Stored]:
        if case_id not in self.known:
            self.known[case_id] = open_counting(self.node, self.keys[case_id], events.of_case(self.tx, case_id))
        return self.known[case_id]

    def _fits(self, batch: PastBatch) -> bool:
        """Say whether every event of a batch has a place now, and remember the cases with it where that is so."""
        tried: dict[str, list[Stored]] = {}
        for number, one in enumerate(batch.events.values()):
            case_id = one.event.claims.case
            if case_id not in self.keys:
                continue  # erased: what is left of it is signed and receipted, and is judged by nobody (SPEC S-276)
            before = tried.get(case_id, self._stored(case_id))
            came_back = Stored(one.event, one.contents, "applied", None, "", _LAST + number)
            tried[case_id] = [*(s for s in before if s.event.digest != one.event.digest), came_back]
        if not all(self._whole(case_id, found) for case_id, found in tried.items()):
            return False
        self.known |= tried
        return True

    def _whole(self, case_id: str, found: list[Stored]) -> bool:
        receipted = [stored for stored in found if stored.status != "on-its-way"]
        folded = fold(self.node.country, receipted, lambda digest: streams.by_receipt(self.tx, digest) is not None)
        if folded.case is None or not folded.whole or folded.case.counterpart != self.peer:
            return False
        other = cases.replying_by_number(self.tx, folded.case.number) if folded.case.role == "replying" else None
        return other is None or other["id"] == case_id

    # --- writing it down ---

    def _store(self, batch: PastBatch, note: int) -> set[str]:
        tx, past = self.tx, batch.past
        streams.give_back(tx, past.batch, past.receipt.jws.compact, past.receipt.sha256)
        touched = set()
        for digest, code in past.receipt.claims.outcomes:
            row = events.by_digest(tx, digest)
            if row is not None:
                touched.add(str(row["case_id"]))
                if row["status"] == "on-its-way" or (row["status"] == "refused" and row["receipt"] is None):
                    # given up on an old disk, after it had been sent from the newer one: SPEC S-180
                    events.settle(tx, digest, None if code == STORED else code, past.receipt.sha256)
                    streams.leave_queue(tx, self.peer, digest)
            elif code == STORED:
                self._insert(batch.events[digest], past.receipt.claims.clock)
                touched.add(batch.events[digest].event.claims.case)
            if code != STORED:
                audit.append(tx, self.peer, "refused", digest, code)
        self._keep_refusals(past)
        recoveries.count(tx, note, past.receipt.claims.clock, len(batch.events))
        return touched

    def _keep_refusals(self, past: Past) -> None:
        """Remember what this node had refused of the peer's, to say the same again (SPEC S-160)."""
        iss = past.batch.claims.iss
        refused = {digest: code for digest, code in past.receipt.claims.outcomes if code != STORED}
        if iss == self.peer:
            for digest, code in refused.items():
                refusals.keep(self.tx, iss, digest, code, None)
            refusals.receipted(self.tx, iss, past.receipt.sha256, refused)

    def _insert(self, one: PastEvent, receipted_at: int) -> None:
        tx, claims = self.tx, one.event.claims
        if events.by_jti(tx, claims.jti) is not None:
            raise ProtocolError("event-reused-id", "another event has this identifier here")
        at = one.event.iat if claims.iss == self.node.country else receipted_at
        self._erasing(one)
        if claims.case not in self.keys:
            self.bare.add(claims.case)
            when = datetime.fromtimestamp(at, UTC)
            events.insert(tx, one.event, one.event.bare_line(), b"", status="applied", at=when)
            audit.append(tx, claims.iss, claims.kind, claims.case, f"given back by {self.peer}")
            return
        ceks = pack_ceks(self.node, self.keys[claims.case], one.event, one.ceks)
        line = one.event.line_without_slots()
        events.insert(tx, one.event, line, ceks, status="applied", at=datetime.fromtimestamp(at, UTC))
        if claims.iss == self.peer and not claims.kind.startswith("notice."):
            self.came[claims.case] = (claims.kind, claims.jti)
        for ref in attachments_of(one.contents):
            blobs.want_back(tx, ref.sha256, claims.case, self.peer, ref.size)
        if claims.kind == SEND_KIND and claims.iss == self.node.country:
            matter = one.contents["matter"]
            assert isinstance(matter, SendMatter)
            cases.spend_number(tx, matter.number, NUMBERS_SKIPPED)
        audit.append(tx, claims.iss, claims.kind, claims.case, f"given back by {self.peer}")

    def _erasing(self, one: PastEvent) -> None:
        """Take up again what was said of erasing a case: it moves no state, so folding doesn't find it.

        The ground comes back where the peer has the order whole still.
        """
        claims, matter = one.event.claims, one.contents.get(MATTER)
        theirs = claims.iss == self.peer
        if claims.kind == ORDER:
            ground = matter.ground if isinstance(matter, OrderMatter) else None
            why: Why = "their-order" if theirs else "order"
            erasure.decide(self.tx, self.node, [claims.case], why, claims.iss, ground)
        elif claims.kind == DONE and theirs:
            erasures.theirs(self.tx, claims.case)

    @cached_property
    def _gone(self) -> Collection[str]:
        return self.node.case_keys.erased().keys()

    def _save(self, case_id: str) -> None:
        gone = case_id in self._gone or erasures.find(self.tx, case_id) is not None
        if gone or case_id in self.bare:
            case = cases.find(self.tx, case_id)
            if case is None:
                erasures.decide_unheld(self.tx, case_id)
                return
            self._move(case)
            if not gone:
                damage.note(self.tx, case_id, "the other side has erased its copy, and part of ours was lost")
            return
        key = self.keys[case_id] if case_id in self.keys else self.node.case_keys.find(case_id)
        write_case(self.tx, self.node, case_id, key)

    def _move(self, case: Case) -> None:
        """Let the signed words alone say how far a case is, so that a part that has ended is erased (SPEC S-276)."""
        state: request.State | None = None
        n, head = 0, ""
        rows = [row for row in events.of_case(self.tx, case.id) if row["status"] == "applied" and row["n"]]
        for row in sorted(rows, key=lambda row: int(row["n"])):
            if chain_of(row["kind"]) == "request" and row["n"] == n + 1:
                state = request.move(state, row["kind"], case.side_of(row["iss"]))
                n, head = n + 1, str(row["digest"])
        if state is not None and n >= case.n:
            cases.update(self.tx, replace(case, state=state, n=n, head=head))


def write_case(tx: Tx, node: Node, case_id: str, key: bytes) -> None:
    """Make the row of a case what its events say now."""
    case = fold_rows(node, key, events.of_case(tx, case_id))
    held = cases.find(tx, case_id)
    if case is not None and held is None:
        cases.insert(tx, case, unread=True, on_its_way=0)
    elif case is not None:
        cases.update(tx, case, unread=True)
    elif held is not None:
        cases.update(tx, replace(held, state="refused"), unread=True)
    if case is not None and case.ended:
        cases.close_as_told(tx, case_id)
    cases.recount(tx, case_id)


def _finish(tx: Tx, node: Node, peer: str, note: int, keys: Mapping[str, bytes]) -> Row:
    voided = sum(_void(tx, node, case_id, key) for case_id, key in keys.items())
    row = recoveries.finish(tx, note, voided, cases.last_number(tx, node.country))
    detail = f"{row['batches']} batches, {row['events']} events, {voided} own events taken back"
    audit.append(tx, node.country, "loss.mended", peer, detail)
    return row


def _void(tx: Tx, node: Node, case_id: str, key: bytes) -> int:
    """Take back the own events of a case that were issued on what the case was before; none of them was ever sent.

    What came back has their place: sending them would be a second event with one number. In a case that is
    damaged nothing has come back, so what waits has its place still (ADR 0016).
    """
    try:
        stored = open_counting(node, key, events.of_case(tx, case_id))
    except NodeError as error:
        damage.note(tx, case_id, error.message)
        return 0
    case = fold(node.country, [one for one in stored if one.status != "on-its-way"]).case
    voided = 0
    for one in (one for one in stored if one.status == "on-its-way"):
        digest = b64u(one.event.digest)
        try:
            _check_number(tx, one, case_id)
            case = next_case(node.country, case, one, lambda digest: streams.by_receipt(tx, digest) is not None)
        except ProtocolError as error:
            if streams.leave_queue_unsealed(tx, digest):
                events.settle(tx, digest, error.code, None)
                audit.append(tx, node.country, "taken-back", case_id, f"{one.kind} {error.code}")
                voided += 1
    if voided:
        write_case(tx, node, case_id, key)
    return voided


def _check_number(tx: Tx, one: Stored, case_id: str) -> None:
    if isinstance(one.matter, SendMatter) and set(cases.asked_with(tx, one.matter.number)) - {case_id}:
        raise ProtocolError("case-exists", "the number was given before the loss")
