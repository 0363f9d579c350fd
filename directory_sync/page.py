"""Pages of a log as they travel: leaves from a size on, beside each the salted record while nothing follows it.

A page is complete in itself: with the tree that its reader has, its leaves and its proof it leads to the signed
checkpoint, so a sync that was cut goes on where it was. Lines, each ended by a line feed: a head in canonical JSON,
then for each leaf its bytes and, where it is the newest of its authority, a space and the salted record.
"""

import gzip
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from directory_sync import limits
from directory_sync.authority import Authority
from directory_sync.checkpoint import HASH_BYTES, Checkpoint, LogKeys, read_checkpoint
from directory_sync.leaf import Leaf, Salted, first_problem, instant, read_leaf, read_salted
from directory_sync.note import from_base64, to_base64
from directory_sync.problem import DirectoryError
from directory_sync.tree import Tree, is_consistent, leaf_hash
from protocol.encoding import canonical_json, sha256_b64u
from protocol.limits import CLOCK_TOLERANCE_S, MAX_INTEGER

MEDIA_TYPE: Final = "application/vnd.entente.directory"
_SMALL: Final = 256 * 1024
_COUNT: Final = Field(strict=True, ge=0, le=MAX_INTEGER)


class Head(BaseModel):
    """What a page says of itself: its leaves are [start, end) of the log of `checkpoint`, and `proof` leads there."""

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)

    checkpoint: Annotated[str, Field(max_length=limits.MAX_NOTE_BYTES)]
    start: Annotated[int, _COUNT]
    end: Annotated[int, _COUNT]
    proof: Annotated[tuple[Annotated[str, Field(max_length=44)], ...], Field(max_length=limits.MAX_PROOF_HASHES)]


@dataclass(frozen=True)
class Page:
    """An opened page, unverified; `lines` have no line feeds."""

    checkpoint: Checkpoint
    start: int
    end: int
    proof: tuple[bytes, ...]
    lines: Sequence[bytes]


@dataclass(frozen=True)
class Grown:
    """What a page that was verified adds: leaves from `start` on, those with a record, and the tree afterwards.

    `full` are the tiles that were filled, by (level, number).
    """

    checkpoint: Checkpoint
    start: int
    leaves: tuple[Leaf, ...]
    records: Mapping[int, tuple[Salted, Authority]]
    tree: Tree
    full: Mapping[tuple[int, int], bytes]

    @property
    def whole(self) -> bool:
        """Whether this is all of the log that the checkpoint vouches for."""
        return self.tree.size == self.checkpoint.size


def line_of(leaf: bytes, salted: bytes | None) -> bytes:
    """Return the line of a leaf, with the record where there is one."""
    return leaf + b"\n" if salted is None else b"".join((leaf, b" ", salted, b"\n"))


def make_page(checkpoint: str, start: int, lines: Sequence[bytes], proof: Sequence[bytes]) -> bytes:
    """Return a page of lines that end in line feeds."""
    end = start + len(lines)
    head = {"checkpoint": checkpoint, "end": end, "proof": [to_base64(one) for one in proof], "start": start}
    return b"".join((canonical_json(head), b"\n", *lines))


def compressed(document: bytes) -> bytes:
    """Gzip a page, small ones tightly, large ones fast."""
    return gzip.compress(document, compresslevel=6 if len(document) < _SMALL else 1, mtime=0)


def decoded(encoding: str, data: bytes) -> bytes:
    """Undo the content encoding, never holding more than the limit: a small bomb stays small (SPEC S-123)."""
    if len(data) > limits.MAX_PAGE_BYTES:
        raise DirectoryError("directory-too-large", f"more than {limits.MAX_PAGE_BYTES} bytes came")
    if encoding == "identity":
        return data
    if encoding != "gzip":
        raise DirectoryError("directory-transfer", f"content encoding {encoding[:20]!r}")
    opener = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        document = opener.decompress(data, limits.MAX_PAGE_BYTES + 1)
    except zlib.error as error:
        raise DirectoryError("directory-transfer", f"gzip: {error}") from error
    if len(document) > limits.MAX_PAGE_BYTES:
        raise DirectoryError("directory-too-large", f"opens to more than {limits.MAX_PAGE_BYTES} bytes")
    if not opener.eof or opener.unused_data:
        raise DirectoryError("directory-transfer", "gzip: cut off, or more after its end")
    return document


def follows(document: bytes) -> int | None:
    """Return where the next page begins by what this one says of itself, None where it says that it is the last.

    It is as unverified as the page: good enough to ask for the next one early. Raises DirectoryError.
    """
    head = _head(document.partition(b"\n")[0])
    return head.end if head.start < head.end < read_checkpoint(head.checkpoint.encode()).size else None


def _head(line: bytes) -> Head:
    try:
        return Head.model_validate_json(line, strict=True)
    except ValidationError as error:
        raise DirectoryError("directory-header", first_problem(error)) from error


def read_page(document: bytes) -> Page:
    """Read a page, unverified; raises DirectoryError."""
    first, gap, body = document.partition(b"\n")
    head = _head(first)
    proof = tuple(map(from_base64, head.proof))
    if not gap or any(len(one) != HASH_BYTES for one in proof):
        raise DirectoryError("directory-header", "no end, or a hash that isn't one")
    if body and not body.endswith(b"\n"):
        raise DirectoryError("directory-transfer", "the last line has no end")
    lines = body.split(b"\n")[:-1]
    if len(lines) != head.end - head.start or len(lines) > limits.MAX_PAGE_LEAVES:
        raise DirectoryError("directory-count", f"{len(lines)} leaves, the head says {head.end - head.start}")
    return Page(read_checkpoint(head.checkpoint.encode()), head.start, head.end, proof, lines)


def grow(page: Page, country: str, keys: LogKeys, known: tuple[Tree, str], now: datetime) -> Grown:
    """Verify what a page adds to a log, or refuse all of it with DirectoryError (SPEC S-119, S-217).

    `known` is the tree that we have and the time of its last leaf ("" without leaves). Nothing of a record is parsed
    before the signed root vouches for its bytes. `directory-rollback` is an older state than ours: it proves nothing
    (SPEC S-121).
    """
    tree, last_at = known
    page.checkpoint.signed_by(keys)
    if page.checkpoint.size < tree.size:
        raise DirectoryError("directory-rollback", f"{page.checkpoint.size} leaves after {tree.size}")
    if page.start != tree.size or page.end > page.checkpoint.size:
        raise DirectoryError("directory-header", f"leaves [{page.start}, {page.end}) of {page.checkpoint.size}")
    parted = [line.partition(b" ") for line in page.lines]
    grown = tree.copy()
    full = grown.append([leaf_hash(leaf) for leaf, _, _ in parted])
    _require_root(page, grown)
    leaves = tuple(read_leaf(leaf) for leaf, _, _ in parted)
    _check_leaves(country, leaves, last_at, now)
    records = {
        page.start + place: record_of(leaf, line)
        for place, (leaf, (_, gap, line)) in enumerate(zip(leaves, parted, strict=True))
        if gap
    }
    return Grown(page.checkpoint, page.start, leaves, records, grown, full)


def _require_root(page: Page, grown: Tree) -> None:
    here, signed = (grown.size, grown.root()), (page.checkpoint.size, page.checkpoint.root)
    if here != signed and not is_consistent(here, signed, page.proof):
        raise DirectoryError("directory-fork", f"{here[0]} leaves don't lead to the signed root of {signed[0]}")


def _check_leaves(country: str, leaves: Sequence[Leaf], last_at: str, now: datetime) -> None:
    """Refuse foreign leaves, and times that go back or lie in the future (SPEC S-122, S-210)."""
    prefix = f"{country}-"
    for leaf in leaves:
        if not leaf.authority.startswith(prefix):
            raise DirectoryError("directory-foreign-record", f"{leaf.authority} in {country}'s log")
        if leaf.at < last_at:
            raise DirectoryError("directory-order", f"{leaf.authority}: published before the leaf before it")
        last_at = leaf.at
    latest = now.astimezone(UTC).replace(tzinfo=None) + timedelta(seconds=CLOCK_TOLERANCE_S)
    if leaves and instant(leaves[-1].at) > latest:
        raise DirectoryError("directory-future", f"published at {leaves[-1].at}")


def record_of(leaf: Leaf, line: bytes) -> tuple[Salted, Authority]:
    """Read the salted record that a leaf names, and no other one; raises DirectoryError (SPEC S-120)."""
    if sha256_b64u(line) != leaf.sha256:
        raise DirectoryError("directory-digest", f"{leaf.authority}: another record than the leaf names")
    salted, authority = read_salted(line)
    if (authority.id, authority.v) != (leaf.authority, leaf.v):
        raise DirectoryError("directory-bad-record", f"{leaf.authority}: a record of another authority or version")
    return salted, authority


class Growth(BaseModel):
    """A consistency proof with its ends: `other` is the root that the log of `checkpoint` had at the size `start`."""

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)

    checkpoint: Annotated[str, Field(max_length=limits.MAX_NOTE_BYTES)]
    start: Annotated[int, _COUNT]
    other: Annotated[str, Field(max_length=44)]
    proof: Annotated[tuple[Annotated[str, Field(max_length=44)], ...], Field(max_length=limits.MAX_PROOF_HASHES)]

    def to_json(self) -> bytes:
        """Return the bytes that travel."""
        return canonical_json(self.model_dump(mode="json"))


def make_growth(checkpoint: str, start: int, other: bytes, proof: Sequence[bytes]) -> bytes:
    """Return an answer to the question how a log grew from a size."""
    values: dict[str, Any] = {"checkpoint": checkpoint, "start": start, "other": to_base64(other)}
    return Growth(**values, proof=tuple(map(to_base64, proof))).to_json()


def read_growth(data: bytes) -> tuple[Checkpoint, bytes, tuple[bytes, ...]]:
    """Read such an answer, unverified: (checkpoint, the root at the smaller size, the proof)."""
    try:
        found = Growth.model_validate_json(data, strict=True)
    except ValidationError as error:
        raise DirectoryError("directory-proof", first_problem(error)) from error
    proof = tuple(map(from_base64, found.proof))
    other = from_base64(found.other)
    if len(other) != HASH_BYTES or any(len(one) != HASH_BYTES for one in proof):
        raise DirectoryError("directory-proof", "a hash that isn't one")
    return read_checkpoint(found.checkpoint.encode()), other, proof
