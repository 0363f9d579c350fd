"""Proofs that anybody can check without a node, given the keys: of what stands in a log, and of a log that lied.

A tlog-proof (C2SP tlog-proof@v1) shows that a leaf is in a log whose checkpoint witnesses have cosigned; our leaf, and
its record as long as it isn't erased, travel as the extra data. A *proof of misbehaviour* holds two checkpoints of one
log, and the proof that the second one's tree had another beginning than the first.
"""

import binascii
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from directory_sync import limits
from directory_sync.checkpoint import HASH_BYTES, Checkpoint, LogKeys, read_checkpoint
from directory_sync.leaf import Leaf, read_leaf, read_salted
from directory_sync.note import VerifierKey, from_base64, to_base64
from directory_sync.problem import DirectoryError
from directory_sync.tree import is_consistent, leaf_hash, root_from_inclusion
from protocol.encoding import canonical_json, sha256_b64u

PROOF: Final = "c2sp.org/tlog-proof@v1"
FORK: Final = "entente/log-fork@v1"
_INDEX: Final = re.compile(r"index (0|[1-9][0-9]{0,15})")
_OTHER: Final = "other "
_EXTRA: Final = "extra "


@dataclass(frozen=True)
class TlogProof:
    """That some entry is at `index` in the log of the checkpoint; `extra` is the application's, unauthenticated."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: Checkpoint
    extra: bytes = b""

    def to_bytes(self) -> bytes:
        """Return the file."""
        extra = [f"{_EXTRA}{to_base64(self.extra)}"] if self.extra else []
        lines = [PROOF, *extra, f"index {self.index}", *map(to_base64, self.path), "", str(self.checkpoint.note)]
        return "\n".join(lines).encode()

    def require(self, entry: bytes, keys: LogKeys) -> None:
        """Raise `directory-signature` or `directory-proof` unless the log's checkpoint holds these bytes there."""
        self.checkpoint.signed_by(keys)
        found = root_from_inclusion(self.index, self.checkpoint.size, leaf_hash(entry), self.path)
        if found != self.checkpoint.root:
            raise DirectoryError("directory-proof", "the entry isn't in the log at this place")


@dataclass(frozen=True)
class Listed:
    """What a proof shows of an authority: its leaf, its record while it isn't erased, and who cosigned when."""

    leaf: Leaf
    record: Mapping[str, Any] | None
    witnessed: Mapping[str, int]


def extra_of(leaf: Leaf, salted: bytes | None) -> bytes:
    """Return the extra data of our proofs: the leaf, and the salted record if it is there (SPEC S-219)."""
    values = {"leaf": leaf.to_json().decode(), "record": salted.decode() if salted is not None else None}
    return canonical_json(values)


def check_listed(proof: TlogProof, keys: LogKeys, witnesses: Iterable[VerifierKey]) -> Listed:
    """Verify a proof of ours; raises DirectoryError. How many witnesses are enough is for the reader to judge."""
    try:
        values = json.loads(proof.extra)
        entry, record = values["leaf"].encode("ascii"), values["record"]
        line = None if record is None else record.encode()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise DirectoryError("directory-proof", "the extra data isn't a leaf and its record") from None
    proof.require(entry, keys)
    leaf = read_leaf(entry)
    if line is not None:
        if sha256_b64u(line) != leaf.sha256:
            raise DirectoryError("directory-proof", "the record isn't the one that the leaf names")
        read_salted(line)
    shown = None if line is None else json.loads(line)["record"]
    return Listed(leaf, shown, proof.checkpoint.witnessed(witnesses))


def read_proof(data: bytes) -> TlogProof:
    """Read a tlog-proof, unverified; raises `directory-proof` or `directory-note`."""
    head, note = _head_of(data, PROOF)
    extra = b""
    if head and head[0].startswith(_EXTRA):
        extra = from_base64(head.pop(0).removeprefix(_EXTRA))
    index = _INDEX.fullmatch(head[0]) if head else None
    if index is None:
        raise DirectoryError("directory-proof", "no index")
    return TlogProof(int(index[1]), _hashes(head[1:]), read_checkpoint(note), extra)


@dataclass(frozen=True)
class Fork:
    """Two checkpoints of one log that can't both be true (SPEC S-214).

    `other` is the root that the log of `second` had at the size of `first`, and `proof` leads from it to `second`.
    """

    first: Checkpoint
    second: Checkpoint
    other: bytes
    proof: tuple[bytes, ...] = ()

    def to_bytes(self) -> bytes:
        """Return the file."""
        lines = [FORK, f"{_OTHER}{to_base64(self.other)}", *map(to_base64, self.proof), ""]
        return "\n".join([*lines, f"{self.first.note}\n{self.second.note}"]).encode()

    def require(self) -> None:
        """Raise `directory-proof` where the two don't contradict each other; whose word they are is `liars`."""
        first, second = self.first, self.second
        if first.origin != second.origin or self.other == first.root:
            raise DirectoryError("directory-proof", "two checkpoints that agree, or of two logs")
        if first.size == 0 or not is_consistent((first.size, self.other), (second.size, second.root), self.proof):
            raise DirectoryError("directory-proof", "the proof doesn't lead to the second checkpoint")

    def liars(self, keys: Iterable[VerifierKey]) -> tuple[str, ...]:
        """Return the names of those keys' owners that signed both; raises `directory-signature` for a wrong one."""
        known = tuple(keys)
        names = [{key.name for key in one.note.verified(known)} for one in (self.first, self.second)]
        return tuple(sorted(names[0] & names[1]))


def read_fork(data: bytes) -> Fork:
    """Read a proof of misbehaviour, unverified; raises `directory-proof` or `directory-note`."""
    head, notes = _head_of(data, FORK)
    parts = notes.split(b"\n\n")
    if not head or not head[0].startswith(_OTHER) or len(parts) != 4:  # noqa: PLR2004 - two texts, two signatures
        raise DirectoryError("directory-proof", "not another root and two checkpoints")
    first = read_checkpoint(b"\n\n".join(parts[:2]) + b"\n")
    other, *proof = _hashes([head[0].removeprefix(_OTHER), *head[1:]])
    return Fork(first, read_checkpoint(b"\n\n".join(parts[2:])), other, tuple(proof))


def kind_of(data: bytes) -> str:
    """Return the first line of a proof, which says what it is."""
    return data[:64].partition(b"\n")[0].decode("latin-1")


def _head_of(data: bytes, kind: str) -> tuple[list[str], bytes]:
    if len(data) > limits.MAX_PROOF_FILE_BYTES:
        raise DirectoryError("directory-proof", f"{len(data)} bytes")
    head, gap, rest = data.partition(b"\n\n")
    lines = head.decode("latin-1").split("\n")
    if not gap or lines[0] != kind:
        raise DirectoryError("directory-proof", f"not {kind}")
    return lines[1:], rest


def _hashes(lines: list[str]) -> tuple[bytes, ...]:
    try:
        found = tuple(map(from_base64, lines))
    except (DirectoryError, binascii.Error):
        raise DirectoryError("directory-proof", "not base64") from None
    if len(found) > limits.MAX_PROOF_HASHES + 1 or any(len(one) != HASH_BYTES for one in found):
        raise DirectoryError("directory-proof", "hashes have 32 bytes, and there are 63 at most")
    return found
