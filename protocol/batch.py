"""Batches: how events travel. They give each event its place in the stream iss → aud (SPEC.md section 4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, WrapValidator
from pydantic_core.core_schema import ValidatorFunctionWrapHandler

from protocol import jws
from protocol.encoding import b64u, sha256_b64u
from protocol.limits import MAX_BATCH_BODY, MAX_BATCH_JWS, MAX_ITEM, MAX_ITEMS, MAX_REQUEST_BODY
from protocol.problems import ProtocolError

TYP: Final = "entente-batch-v1"
MEDIA_TYPE: Final = "application/entente-batch"

Digest = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$")]
"""SHA-256 in base64url; its last character has no stray bits (SPEC S-017)."""
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Count = Annotated[int, Field(strict=True, ge=0)]
Versions = dict[str, tuple[Count, str]]
"""Document → its version and the hash of its bytes, as the signer knows them."""


def _readable(value: object, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        return read(value)
    except ValidationError:
        return {}


Gossip = Annotated[Versions, Field(max_length=64), WrapValidator(_readable)]
"""What the signer says it knows: a hint, so one that can't be read is none and refuses nothing (SPEC S-117)."""


class Claims(BaseModel):
    """The claims of a batch. The event at index i of `items` has the position `first + i`."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    iss: Country
    aud: Country
    epoch: Annotated[int, Field(strict=True, ge=1)]
    first: Annotated[int, Field(strict=True, ge=1)]
    prev: Digest | None
    items: Annotated[tuple[Digest, ...], Field(min_length=1, max_length=MAX_ITEMS)]
    body: Digest
    members: Gossip = Field(default_factory=dict)
    heads: Gossip = Field(default_factory=dict)


@dataclass(frozen=True)
class Batch:
    """A parsed batch; `body` is what follows its first line, still unparsed."""

    jws: jws.Jws
    claims: Claims
    kid: str
    body: bytes

    @property
    def sha256(self) -> str:
        """The batch's name in receipts and in the next batch, base64url."""
        return b64u(self.jws.digest)

    @property
    def next(self) -> int:
        """The position after this batch."""
        return self.claims.first + len(self.claims.items)

    def wire(self) -> bytes:
        """Return the request body as it travels."""
        return self.jws.compact.encode("ascii") + b"\n" + self.body

    def lines(self) -> list[bytes]:
        """Return the item lines, one for each entry of `items`; unparsed, perhaps too large."""
        return self.body[:-1].split(b"\n")


@dataclass(frozen=True)
class Head:
    """How far a stream has come: the next position, and the hash of the last batch (None before the first)."""

    epoch: int = 1
    next: int = 1
    last: str | None = None


def choose(lines: Sequence[bytes]) -> int:
    """Say how many of the waiting lines fit into one batch (at least one)."""
    size, count = 0, 0
    for line in lines[:MAX_ITEMS]:
        size += len(line) + 1
        if count and size > MAX_BATCH_BODY:
            break
        count += 1
    return count


def seal_batch(  # noqa: PLR0913 - a batch has that many independent sides
    signer: jws.Signer,
    *,
    iss: str,
    aud: str,
    head: Head,
    items: Sequence[tuple[bytes, bytes]],
    members: Versions,
    heads: Versions,
    iat: int,
) -> Batch:
    """Sign a batch of `(event digest, line)`; the caller stores its bytes before it sends them (SPEC S-030)."""
    body = b"".join(line + b"\n" for _, line in items)
    if len(items) > MAX_ITEMS or len(body) > MAX_BATCH_BODY or any(len(line) > MAX_ITEM for _, line in items):
        raise ProtocolError("too-large", "a batch has a limit")
    claims = {
        "iss": iss,
        "aud": aud,
        "epoch": head.epoch,
        "first": head.next,
        "prev": head.last,
        "items": [b64u(digest) for digest, _ in items],
        "body": sha256_b64u(body),
        "members": {name: list(version) for name, version in members.items()},
        "heads": {name: list(version) for name, version in heads.items()},
    }
    return parse_batch(jws.sign(signer, TYP, claims, iat).encode("ascii") + b"\n" + body)


def parse_batch(data: bytes) -> Batch:
    """Take a request body apart; believes nothing yet. Raises `malformed` or `too-large` (SPEC S-002)."""
    if len(data) > MAX_REQUEST_BODY:
        raise ProtocolError("too-large", f"{len(data)} bytes, {MAX_REQUEST_BODY} allowed")
    first, separator, body = data.partition(b"\n")
    if not separator or not body.endswith(b"\n") or len(body) > MAX_BATCH_BODY:
        raise ProtocolError("malformed", "a batch is a signed line, then one line for each item")
    try:
        parsed = jws.parse(first.decode("ascii"), limit=MAX_BATCH_JWS)
        kid, _ = jws.require_header(parsed, TYP)
        claims = Claims.model_validate(parsed.claims())
    except (UnicodeDecodeError, ValidationError):
        raise ProtocolError("malformed", "the claims of the batch") from None
    return Batch(parsed, claims, kid, body)


def check_body(batch: Batch) -> None:
    """Check that the body is the one that was signed, else `altered` (SPEC S-031).

    What isn't covered by a signature is refused for the time being only: a fault on the way must never
    make an event void. What is covered, the sender has to answer for.
    """
    if sha256_b64u(batch.body) != batch.claims.body or batch.body.count(b"\n") != len(batch.claims.items):
        raise ProtocolError("altered", "the digest of the body")


def place(batch: Batch, head: Head) -> Literal["new", "repeat"]:
    """Say where a batch stands relative to the receiver's head; raises `gap` or `epoch-ended` (SPEC S-032, S-129).

    `repeat` only says that the positions were consumed: the caller compares with the batch it stored
    there, and keeps another one as proof of a `fork`. Of an epoch that has ended it does so before.
    """
    if batch.claims.epoch < head.epoch:
        raise ProtocolError("epoch-ended", f"epoch {head.epoch} has begun")
    if consumed(batch, head):
        return "repeat"
    if not follows(batch, head):
        raise ProtocolError("gap", f"position {head.next} of epoch {head.epoch} is expected")
    return "new"


def consumed(batch: Batch, head: Head) -> bool:
    """Say whether a batch is about positions that the receiver has passed."""
    return (batch.claims.epoch, batch.claims.first) < (head.epoch, head.next)


def follows(batch: Batch, head: Head) -> bool:
    """Say whether a batch is the next one: at the next position, or the first of a higher epoch (SPEC S-129)."""
    claims = batch.claims
    begins = claims.epoch > head.epoch and claims.first == 1
    return (begins or (claims.epoch, claims.first) == (head.epoch, head.next)) and claims.prev == head.last


def expected(head: Head) -> dict[str, Any]:
    """Return the members that a `gap` problem adds: where the receiver stands (SPEC S-083)."""
    return {"epoch": head.epoch, "next": head.next, "last": head.last}
