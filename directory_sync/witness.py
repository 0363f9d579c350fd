"""What a witness does with a checkpoint: cosign it, or say why not (C2SP tlog-witness, add-checkpoint); pure.

A witness remembers of each log the size and root that it cosigned last. It cosigns what provably grew from that and
nothing else. Reading the state, deciding and keeping the new state are one transaction of the caller's: else two
requests at a time could roll leaves back.
"""

import re
from dataclasses import dataclass
from typing import Final

from directory_sync import limits
from directory_sync.checkpoint import Checkpoint, LogKeys, read_checkpoint
from directory_sync.note import from_base64, to_base64
from directory_sync.problem import DirectoryError
from directory_sync.tree import EMPTY, is_consistent

SIZE_TYPE: Final = "text/x.tlog.size"
_OLD: Final = re.compile(r"old (0|[1-9][0-9]{0,15})")


@dataclass(frozen=True)
class Seen:
    """What a witness cosigned last of a log."""

    size: int = 0
    root: bytes = EMPTY


@dataclass(frozen=True)
class Request:
    """A checkpoint that shall be cosigned, with the proof that it grew from `old` leaves."""

    old: int
    proof: tuple[bytes, ...]
    checkpoint: Checkpoint

    def to_bytes(self) -> bytes:
        """Return the request as it travels."""
        lines = [f"old {self.old}", *map(to_base64, self.proof), "", str(self.checkpoint.note)]
        return "\n".join(lines).encode()


@dataclass(frozen=True)
class Refusal:
    """Why a witness doesn't cosign: an HTTP status, and for a 409 the size that it cosigned last."""

    status: int
    reason: str
    size: int | None = None


def read_request(body: bytes) -> Request | Refusal:
    """Read a request; 400 where it isn't one."""
    head, gap, note = body.partition(b"\n\n")
    lines = head.decode("latin-1").split("\n")
    old = _OLD.fullmatch(lines[0])
    if not gap or old is None or len(lines) - 1 > limits.MAX_PROOF_HASHES:
        return Refusal(400, "not an old size, up to 63 hashes, an empty line and a checkpoint")
    try:
        return Request(int(old[1]), tuple(map(from_base64, lines[1:])), read_checkpoint(note))
    except DirectoryError as error:
        return Refusal(400, error.detail)


def refusal(request: Request, keys: LogKeys | None, seen: Seen) -> Refusal | None:
    """Say why a checkpoint isn't cosigned, None where it is (SPEC S-212, S-213).

    `keys` are those of the log that the checkpoint names, None where no member has such a log.
    """
    checkpoint = request.checkpoint
    if keys is None or keys.origin != checkpoint.origin:
        return Refusal(404, "an unknown log")
    try:
        checkpoint.signed_by(keys)
    except DirectoryError as error:
        return Refusal(403, error.detail)
    if request.old > checkpoint.size:
        return Refusal(400, "the old size is larger than the checkpoint's")
    if request.old != seen.size:
        return Refusal(409, "another size was cosigned last", seen.size)
    return _contradiction(request, seen)


def _contradiction(request: Request, seen: Seen) -> Refusal | None:
    checkpoint = request.checkpoint
    if checkpoint.size == seen.size and checkpoint.root != seen.root:
        return Refusal(409, "another root of this size was cosigned", seen.size)
    if seen.size == 0 and request.proof:
        return Refusal(422, "a proof from nothing is empty")
    if not is_consistent((seen.size, seen.root), (checkpoint.size, checkpoint.root), request.proof):
        return Refusal(422, "the proof doesn't lead from one to the other")
    return None
