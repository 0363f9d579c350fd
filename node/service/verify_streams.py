"""Streams, batches, receipts and the outbox, checked against the signed bytes and against each other."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from node.service.finding import Finding
from node.service.node import Node
from node.store import events, overview, streams
from node.store.tx import Row
from protocol import jws
from protocol.batch import Batch, parse_batch
from protocol.encoding import sha256_b64u
from protocol.problems import STORED, ProtocolError
from protocol.receipt import Receipt, check_receipt, parse_receipt


def signed_by(view: Node, country: str, kid: str, signed: jws.Jws) -> str | None:
    """Return what is wrong with a signature, if anything; without a member list nobody can say."""
    if view.members is None:
        return None
    key = view.members.message_key(country, kid)
    if key is None:
        return f"{country} has no key {kid} in the member list"
    return None if jws.verify_with_certificate(signed, key.certificate) else "the signature is wrong"


def check(view: Node) -> Iterator[Finding]:
    """Return what is wrong with the streams of both directions."""
    rows = view.store.read_now(streams.everything)
    for (iss, aud), group in groupby(rows, key=lambda row: (row["iss"], row["aud"])):
        yield from _Stream(view, iss, aud).check(list(group))
    heads, known = view.store.read_now(overview.stream_heads), {(row["iss"], row["aud"]) for row in rows}
    for iss, aud in sorted(heads.keys() - known):
        yield Finding("stream-broken", f"stream {iss} to {aud}", "has a head and no batches")
    yield from _outbox(view, rows)


@dataclass(frozen=True)
class _Stream:
    view: Node
    iss: str
    aud: str

    @property
    def own(self) -> bool:
        return self.iss == self.view.country

    def check(self, rows: list[Row]) -> Iterator[Finding]:
        begun = self.view.store.read_now(streams.epochs)
        epoch, expected, last = 0, 1, None
        for row in rows:
            subject = f"batch {self.iss} to {self.aud} {row['epoch']}/{row['first']}"
            if row["epoch"] != epoch:
                epoch, expected = row["epoch"], 1
                last = begun.get((self.iss, self.aud, epoch), last)  # what the operators agreed on
            if row["first"] != expected:
                yield Finding("stream-broken", subject, f"position {expected} is missing")
            expected = row["next"]
            try:
                batch = parse_batch(str(row["jws"]).encode("ascii", "replace") + b"\n\n")
            except ProtocolError as error:
                yield Finding("batch-damaged", subject, str(error))
                last = row["digest"]
                continue
            if batch.claims.prev != last:
                yield Finding("stream-broken", subject, "doesn't name the batch before it")
            last = row["digest"]
            yield from self._batch(subject, row, batch)
        yield from self._head(epoch, expected, last)

    def _head(self, epoch: int, following: int, last: str | None) -> Iterator[Finding]:
        head = self.view.store.read_now(lambda q: streams.head(q, self.iss, self.aud))
        begun = self.view.store.read_now(streams.epochs)
        if (self.iss, self.aud, head.epoch) in begun and head.epoch > epoch:  # nothing was sealed in it yet
            epoch, following, last = head.epoch, 1, begun[self.iss, self.aud, head.epoch]
        if (head.epoch, head.next, head.last) != (epoch, following, last):
            yield Finding("stream-broken", f"stream {self.iss} to {self.aud}", "its head isn't its last batch")

    def _batch(self, subject: str, row: Row, batch: Batch) -> Iterator[Finding]:
        claims = batch.claims
        said = (claims.iss, claims.aud, claims.epoch, claims.first, batch.next, batch.sha256)
        if said != (self.iss, self.aud, row["epoch"], row["first"], row["next"], row["digest"]):
            yield Finding("batch-damaged", subject, "isn't the batch that was stored here")
        if wrong := signed_by(self.view, claims.iss, batch.kid, batch.jws):
            yield Finding("batch-signature", subject, wrong)
        receipt = None
        if row["receipt"] is not None:
            try:
                receipt = parse_receipt(str(row["receipt"]).encode("ascii", "replace"))
                check_receipt(receipt, batch)
            except ProtocolError as error:
                yield Finding("receipt-damaged", subject, str(error))
                return
            yield from self._receipt(subject, row, receipt)
        elif not self.own:
            yield Finding("receipt-missing", subject, "a received batch without its receipt")
        yield from self._items(subject, batch, receipt, came_back=row["fetched_at"] is not None)

    def _receipt(self, subject: str, row: Row, receipt: Receipt) -> Iterator[Finding]:
        if receipt.sha256 != row["receipt_digest"]:
            yield Finding("receipt-damaged", subject, "isn't the receipt that was stored here")
        if wrong := signed_by(self.view, receipt.claims.iss, receipt.kid, receipt.jws):
            yield Finding("receipt-signature", subject, wrong)
        if row["again"] is not None:
            yield from self._signed_again(subject, row, receipt)

    def _signed_again(self, subject: str, row: Row, receipt: Receipt) -> Iterator[Finding]:
        try:
            again = parse_receipt(str(row["again"]).encode("ascii", "replace"))
        except ProtocolError as error:
            yield Finding("receipt-damaged", subject, str(error))
            return
        if again.sha256 != row["again_digest"] or again.claims.outcomes != receipt.claims.outcomes:
            yield Finding("receipt-damaged", subject, "signed again with other outcomes")
        if wrong := signed_by(self.view, again.claims.iss, again.kid, again.jws):
            yield Finding("receipt-signature", subject, wrong)

    def _items(self, subject: str, batch: Batch, receipt: Receipt | None, *, came_back: bool) -> Iterator[Finding]:
        outcomes = dict(receipt.claims.outcomes) if receipt else {}
        lines, bare = [], False
        for digest in batch.claims.items:
            row = self.view.store.read_now(lambda q, d=digest: events.by_digest(q, d))  # type: ignore[misc]
            outcome = outcomes.get(digest)
            if row is None:
                if outcome == STORED or (self.own and not came_back):  # of a refused one only its digest comes back
                    yield Finding("event-missing", subject, f"event {digest} isn't here")
                continue
            lines.append(bytes(row["line"]) + b"\n")
            bare |= not row["ceks"]  # of an erased case, what the batch's body held is gone
            if self.own:
                wanted = "on-its-way" if outcome is None else "applied" if outcome == STORED else "refused"
                refused = outcome if wanted == "refused" else None
                if (row["status"], row["code"]) != (wanted, refused):
                    yield Finding("outbox-broken", f"event {digest}", f"is {row['status']}, its receipt says {wanted}")
        if (
            self.own
            and not (came_back or bare)
            and len(lines) == len(batch.claims.items)
            and sha256_b64u(b"".join(lines)) != batch.claims.body
        ):
            yield Finding("batch-damaged", subject, "the lines stored are not those that were signed")


def _outbox(view: Node, rows: list[Row]) -> Iterator[Finding]:
    waiting = view.store.read_now(overview.unsettled)
    open_batches = {(row["aud"], row["first"]) for row in rows if row["iss"] == view.country and row["receipt"] is None}
    for peer in sorted({aud for aud, _ in open_batches}):
        if sum(aud == peer for aud, _ in open_batches) > 1:
            yield Finding("stream-broken", f"stream {view.country} to {peer}", "two batches wait for their receipts")
    queued = set()
    for row in view.store.read_now(overview.outbox):
        queued.add(row["digest"])
        if row["digest"] not in waiting:
            yield Finding("outbox-broken", f"event {row['digest']}", "is queued and has its receipt, or is gone")
        if row["first"] is not None and (row["peer"], row["first"]) not in open_batches:
            yield Finding("outbox-broken", f"event {row['digest']}", "travels in a batch that isn't open")
    for digest in sorted(waiting.keys() - queued):
        yield Finding("outbox-broken", f"event {digest}", "is on its way and not queued")
