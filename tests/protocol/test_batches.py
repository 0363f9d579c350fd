"""Streams: batches over a line that loses, repeats and delays, between two ends that only keep their heads."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import jws, receipt
from protocol.batch import Batch, Head, check_body, choose, expected, parse_batch, place, seal_batch
from protocol.encoding import b64u, sha256
from protocol.limits import MAX_BATCH_BODY, MAX_ITEM, MAX_ITEMS, MAX_REQUEST_BODY
from protocol.problems import PROBLEMS, STORED, ProtocolError
from protocol.receipt import check_receipt, parse_receipt
from protocol.vectors import cast

DE, HU = cast.signer("DE"), cast.signer("HU")


def batch_of(head: Head, *lines: bytes, aud: str = "HU", iat: int = 1) -> Batch:
    """Return a sealed batch; an event's digest is that of its line."""
    items = [(sha256(line), line) for line in lines]
    return seal_batch(DE, iss="DE", aud=aud, head=head, items=items, members={}, heads={}, iat=iat)


def code_of(batch: Batch, head: Head) -> str:
    """Return the code with which a batch is refused."""
    with pytest.raises(ProtocolError) as caught:
        place(batch, head)
    return caught.value.code


@dataclass
class Receiver:
    """Takes batches as the specification says; `order` is what it stored."""

    head: Head = field(default_factory=Head)
    order: list[bytes] = field(default_factory=list)
    answers: dict[int, tuple[str, str]] = field(default_factory=dict)

    def take(self, wire: bytes) -> str:
        """Return the receipt."""
        batch = parse_batch(wire)
        check_body(batch)
        if place(batch, self.head) == "repeat":
            digest, answer = self.answers.get(batch.claims.first, ("", ""))
            if digest != batch.sha256:
                raise ProtocolError("fork")
            return answer
        self.order += batch.lines()
        outcomes = [(digest, STORED) for digest in batch.claims.items]
        answer = receipt.issue(HU, batch, outcomes, now=len(self.order), members={})
        self.head = Head(batch.claims.epoch, batch.next, batch.sha256)
        self.answers[batch.claims.first] = (batch.sha256, answer)
        return answer


@dataclass
class Sender:
    """Seals one batch at a time and keeps it until its receipt is there."""

    waiting: list[bytes] = field(default_factory=list)
    pending: Batch | None = None
    head: Head = field(default_factory=Head)

    def wire(self) -> bytes | None:
        """Return what has to be sent now."""
        if self.pending is None and self.waiting:
            count = choose(self.waiting)
            self.pending = batch_of(self.head, *self.waiting[:count])
            del self.waiting[:count]
            self.head = Head(1, self.pending.next, self.pending.sha256)
        return self.pending.wire() if self.pending else None

    def answered(self, compact: str) -> None:
        """Take in a receipt."""
        assert self.pending is not None
        check_receipt(parse_receipt(compact.encode()), self.pending)
        self.pending = None


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from(["say", "send", "lose the batch", "lose the receipt", "repeat an old one"]), max_size=30)
)
def test_every_event_arrives_once_and_in_order(steps: list[str]) -> None:
    """Whatever the line loses and repeats, nothing is lost, doubled or reordered (SPEC S-030, S-032, S-036)."""
    sender, receiver, said, sent = Sender(), Receiver(), [], []
    for number, step in enumerate([*steps, "send", "send", "send"]):
        if step == "say":
            said.append(b"{%d}" % number)
            sender.waiting.append(said[-1])
        elif step == "repeat an old one" and sent:
            wire = sent[number % len(sent)]
            assert receiver.take(wire) == receiver.take(wire)
        elif step != "lose the batch" and (wire := sender.wire()):
            assert wire == sender.wire()
            sent.append(wire)
            answer = receiver.take(wire)
            if step == "send":
                sender.answered(answer)
    assert receiver.order == said


def test_a_gap_says_where_the_receiver_stands() -> None:
    """A later position, another predecessor and an epoch that follows another one are gaps; the answer names the head (SPEC S-032, S-083)."""
    first = batch_of(Head(), b"{}")
    after = Head(1, 2, first.sha256)
    assert code_of(batch_of(after, b"{1}"), Head()) == "gap"
    assert code_of(batch_of(replace(after, last=b64u(sha256(b""))), b"{1}"), after) == "gap"
    assert code_of(batch_of(Head(2), b"{1}"), after) == "gap"
    assert expected(after) == {"epoch": 1, "next": 2, "last": first.sha256}


def test_a_fork_is_no_repetition() -> None:
    """Another batch at a consumed position never gets the first one's receipt (SPEC S-032, S-087)."""
    receiver = Receiver()
    receiver.take(batch_of(Head(), b"{1}").wire())
    with pytest.raises(ProtocolError, match="fork"):
        receiver.take(batch_of(Head(), b"{2}").wire())
    with pytest.raises(ProtocolError, match="fork"):
        receiver.take(batch_of(Head(), b"{1}", iat=2).wire())


def test_an_altered_body_is_refused_for_the_time_being() -> None:
    """No signature covers a damaged body, so it voids nothing (SPEC S-031, S-088)."""
    wire = batch_of(Head(), b"{1}", b"{2}").wire()
    for altered in (wire[:-3] + b"}}\n", wire + b"{}\n", wire.replace(b"{1}\n{2}", b"{2}\n{1}")):
        with pytest.raises(ProtocolError) as caught:
            check_body(parse_batch(altered))
        assert (caught.value.code, caught.value.problem.final) == ("altered", False)


def test_nothing_too_large_is_sealed() -> None:
    """What couldn't be received can't be sealed (SPEC S-001)."""
    assert choose([b"x" * (MAX_BATCH_BODY // 2)] * 3) == 1
    assert choose([b"x"] * 200) == MAX_ITEMS
    for lines in ([b"x"] * (MAX_ITEMS + 1), [b"x" * (MAX_ITEM + 1)], [b"x" * MAX_ITEM] * 5):
        with pytest.raises(ProtocolError, match="too-large"):
            batch_of(Head(), *lines)


def test_what_is_too_large_is_not_parsed() -> None:
    """A body over the limit is refused by its length, a signed line over its limit too (SPEC S-002)."""
    with pytest.raises(ProtocolError, match="too-large"):
        parse_batch(b" " * (MAX_REQUEST_BODY + 1))
    header = b64u(b'{"alg":"ES256","x":"' + b"x" * 2048 + b'"}').encode()
    for line in (b"a" * (64 * 1024 + 1), header + b".e30.AA"):
        with pytest.raises(ProtocolError, match="malformed"):
            parse_batch(line + b"\n{}\n")
        with pytest.raises(ProtocolError, match="malformed"):
            parse_receipt(line)


def test_a_receipt_may_hold_a_code_of_a_newer_version() -> None:
    """A code that we don't know is a final refusal; a temporary one makes it no receipt (SPEC S-080, S-085)."""
    batch = batch_of(Head(), b"{}")
    for code in ("a-code-of-tomorrow", STORED, *(p.code for p in PROBLEMS.values() if p.final)):
        compact = receipt.issue(HU, batch, [(batch.claims.items[0], code)], now=1, members={})
        check_receipt(parse_receipt(compact.encode()), batch)
    for code in (p.code for p in PROBLEMS.values() if not p.final):
        compact = receipt.issue(HU, batch, [(batch.claims.items[0], code)], now=1, members={})
        with pytest.raises(ProtocolError, match="malformed"):
            check_receipt(parse_receipt(compact.encode()), batch)


def test_a_batch_passes_for_nothing_else() -> None:
    """Documents of one type aren't read as another (SPEC S-027)."""
    batch = batch_of(Head(), b"{}")
    with pytest.raises(ProtocolError, match="malformed"):
        parse_receipt(batch.jws.compact.encode())
    answer = receipt.issue(HU, batch, [(batch.claims.items[0], STORED)], now=1, members={})
    with pytest.raises(ProtocolError, match="malformed"):
        parse_batch(answer.encode() + b"\n{}\n")


def test_unknown_claims_are_ignored() -> None:
    """A newer minor version may add claims (SPEC S-008)."""
    batch = batch_of(Head(), b"{}")
    more = jws.sign(DE, "entente-batch-v1", {**batch.jws.claims(), "novelty": [1]}, 1)
    assert parse_batch(more.encode() + b"\n" + batch.body).claims == batch.claims


@pytest.mark.parametrize("change", [{"first": "1"}, {"first": True}, {"epoch": 0}, {"items": []}, {"iss": "de"}])
def test_claims_are_read_strictly(change: dict[str, object]) -> None:
    """A text or a boolean is no integer, and countries are in capitals (SPEC S-004, S-013)."""
    batch = batch_of(Head(), b"{}")
    wrong = jws.sign(DE, "entente-batch-v1", {**batch.jws.claims(), **change}, 1)
    with pytest.raises(ProtocolError, match="malformed"):
        parse_batch(wrong.encode() + b"\n" + batch.body)


def test_the_digest_ignores_the_signature() -> None:
    """Another valid signature over the same words isn't another document (SPEC S-018, S-025)."""
    batch = batch_of(Head(), b"{}")
    head, body, signature = batch.jws.compact.split(".")
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    raw = jws.parse(batch.jws.compact, limit=9999).signature
    twin = b64u(raw[:32] + (order - int.from_bytes(raw[32:], "big")).to_bytes(32, "big"))
    assert twin != signature
    other = parse_batch(f"{head}.{body}.{twin}\n".encode() + batch.body)
    assert jws.verify_with_certificate(other.jws, cast.certificate(cast.message_key("DE"), "DE"))
    assert other.sha256 == batch.sha256
    assert place(other, Head(1, 2, batch.sha256)) == "repeat"
