"""History: what two nodes said to each other, given back to the one that lost it (SPEC.md section 4.6)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from protocol.batch import Batch, Count, Digest, Head, follows, parse_batch
from protocol.encoding import b64u, canonical_json, strict_object
from protocol.event import Event, parse_item
from protocol.limits import KIB, MAX_BATCH_JWS, MAX_HISTORY_PAGE, MAX_ITEMS, MAX_RECEIPT_JWS
from protocol.problems import STORED, ProtocolError
from protocol.receipt import Receipt, check_receipt, parse_receipt

MEDIA_TYPE: Final = "application/entente-history"
ENOUGH: Final = 2 * KIB * KIB
"""Bytes after which a page takes no further batch."""
_MAX_ANSWER: Final = 8 * KIB
_MAX_ENTRY: Final = MAX_BATCH_JWS + MAX_RECEIPT_JWS + 4 * KIB


@dataclass(frozen=True)
class Entry:
    """A batch with its receipt (compact forms) and a line for each item, None where there is none to give."""

    batch: str
    receipt: str
    lines: tuple[bytes | None, ...]

    @property
    def size(self) -> int:
        """Bytes that it takes in a page, roughly."""
        return len(self.batch) + len(self.receipt) + sum(len(line) for line in self.lines if line)


@dataclass(frozen=True)
class Page:
    """Some batches of a stream in their order, and how far the answering node has it with receipts."""

    head: Head
    entries: tuple[Entry, ...]


class _Head(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    epoch: Count
    next: Count
    last: Digest | None = None


def head_json(head: Head) -> dict[str, Any]:
    """Return a head as the JSON of section 4.6 writes it."""
    return {"epoch": head.epoch, "next": head.next, "last": head.last}


def read_head(value: object) -> Head:
    """Read what `head_json` made; raises `malformed`."""
    try:
        found = _Head.model_validate(value)
    except ValidationError:
        raise ProtocolError("malformed", "the head of a stream") from None
    return Head(found.epoch, found.next, found.last)


@dataclass(frozen=True)
class Told:
    """A peer's answer (SPEC S-126): our stream as it has it; its own as sealed and as receipted by us.

    `directory` and `record` are the versions of our own documents that it knows, 0 for none. A node that
    knows nothing of these fields gives the first alone.
    """

    ours: Head
    sealed: Head | None = None
    receipted: Head | None = None
    directory: int = 0
    record: int = 0


def read_told(body: bytes) -> Told:
    """Read a peer's answer; raises `malformed`. Unknown fields are ignored (SPEC S-008)."""
    found = strict_object(body, limit=_MAX_ANSWER)
    sealed, receipted = found.get("sealed"), found.get("receipted")
    return Told(
        ours=read_head(found),
        sealed=read_head(sealed) if sealed is not None else None,
        receipted=read_head(receipted) if receipted is not None else None,
        directory=_version(found.get("directory")),
        record=_version(found.get("record")),
    )


def _version(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    batch: str
    receipt: str
    lines: tuple[bool, ...] = Field(min_length=1, max_length=MAX_ITEMS)


def write_page(page: Page) -> bytes:
    """Serialise: the head, then for each batch a line of JSON and the lines that there are (SPEC S-127)."""
    out = [canonical_json(head_json(page.head))]
    for entry in page.entries:
        there = [line is not None for line in entry.lines]
        out.append(canonical_json({"batch": entry.batch, "receipt": entry.receipt, "lines": there}))
        out += [line for line in entry.lines if line is not None]
    return b"".join(line + b"\n" for line in out)


def parse_page(data: bytes) -> Page:
    """Take a page apart, believing nothing; raises `malformed` or `too-large`."""
    if len(data) > MAX_HISTORY_PAGE:
        raise ProtocolError("too-large", f"{len(data)} bytes of history, {MAX_HISTORY_PAGE} allowed")
    if not data.endswith(b"\n"):
        raise ProtocolError("malformed", "a page of history ends with a line feed")
    lines = iter(data[:-1].split(b"\n"))
    head = read_head(strict_object(next(lines), limit=KIB))
    return Page(head, tuple(_entries(lines)))


def _entries(lines: Iterator[bytes]) -> Iterator[Entry]:
    for line in lines:
        try:
            said = _Entry.model_validate(strict_object(line, limit=_MAX_ENTRY))
        except ValidationError:
            raise ProtocolError("malformed", "an entry of the history") from None
        given = tuple(next(lines, None) if there else None for there in said.lines)
        yield Entry(said.batch, said.receipt, given)


@dataclass(frozen=True)
class Past:
    """A batch of the past that hangs together: it follows, its receipt answers it, its lines are its events.

    `events` holds what was stored, by digest. Signatures and contents are still to be checked.
    """

    batch: Batch
    receipt: Receipt
    events: dict[str, Event]

    @property
    def head(self) -> Head:
        """The stream's head after it."""
        return Head(self.batch.claims.epoch, self.batch.next, self.batch.sha256)


def check_entry(entry: Entry, iss: str, aud: str, head: Head) -> Past:
    """Check an entry against the head before it (SPEC S-128); raises `malformed`, `gap` or `event-malformed`.

    The body's digest can't be checked, since the slots are new; each event's can.
    """
    batch = parse_batch(entry.batch.encode("ascii", "replace") + b"\n\n")
    receipt = parse_receipt(entry.receipt.encode("ascii", "replace"))
    if (batch.claims.iss, batch.claims.aud) != (iss, aud):
        raise ProtocolError("malformed", "a batch of another stream")
    if not follows(batch, head):
        raise ProtocolError("gap", "the history doesn't follow")
    check_receipt(receipt, batch)
    if len(entry.lines) != len(batch.claims.items):
        raise ProtocolError("malformed", "not a line for each item")
    events = {}
    for line, (digest, code) in zip(entry.lines, receipt.claims.outcomes, strict=True):
        if code != STORED:
            continue
        if line is None:
            raise ProtocolError("malformed", "the line of an event that was stored is missing")
        events[digest] = _event(line, digest, iss, aud)
    return Past(batch, receipt, events)


def _event(line: bytes, digest: str, iss: str, aud: str) -> Event:
    event = parse_item(line)
    if b64u(event.digest) != digest or event.claims.iss != iss or aud not in event.claims.aud:
        raise ProtocolError("event-malformed", "not the event that the batch names")
    return event
