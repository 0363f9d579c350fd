"""What one peer may ask of this node at once and over time, so that a flood slows only its author (SPEC S-178).

Only accounting: the listener asks before it reads a body, and keeps the ticket until the answer is written.
"""

import contextlib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from node.delivery.call import Call
from node.delivery.incoming import BATCHES, BLOBS, MEMBERS, STREAMS
from node.delivery.incoming_directory import DIRECTORY
from node.domain.allowance import Buckets
from protocol.blob import SEALED_CHUNK, sealed_size
from protocol.limits import (
    KIB,
    MAX_BLOB,
    MAX_DIRECTORY_PAGE,
    MAX_HISTORY_PAGE,
    MAX_MEMBER_BUNDLE,
    MAX_REQUEST_BODY,
    MIB,
)
from protocol.problems import ProtocolError

MAX_CALLS: Final = 8
"""Calls of one peer at once."""
MAX_HEAVY_CALLS: Final = 2
"""Of these, batches, directories and pages of history: what costs more than reading a row or a file."""
MAX_HELD: Final = 96 * MIB
"""Bytes of bodies and answers of one peer that may be held at once; a call alone is let in whatever it holds."""
MAX_HELD_BY_ALL: Final = 384 * MIB
"""The same of all peers; a peer of which nothing is held is let in nevertheless."""
BURST_S: Final = 10
"""Seconds' worth of `peers.work_per_s` that a peer may use at a stroke."""

_RANGE: Final = re.compile(r"bytes=(\d{1,12})-(\d{1,12})\Z")
_LIGHT_S: Final = 0.001


class BusyError(ProtocolError):
    """Too much at once of one peer; `wait_s` is for Retry-After (SPEC S-082)."""

    def __init__(self, detail: str, wait_s: float) -> None:
        """Take what there is too much of, and the time after which it may be tried again."""
        super().__init__("busy", detail)
        self.wait_s = max(1, math.ceil(wait_s))


@dataclass(frozen=True)
class Weight:
    """What a call may cost: seconds of a processor, roughly, and bytes that it may hold, at most."""

    work_s: float
    held: int
    heavy: bool = False


def weigh(call: Call, length: int | None) -> Weight:
    """Say what a call may cost, from its head alone; `length` is its Content-Length, None where it has none.

    A received event of 2 KiB costs about 0.25 ms, a call 1 ms, a page of a directory 100 ms if it is full, one of
    history 250 ms: each event in it is opened, and its slots are made anew.
    """
    if call.method == "POST":
        size = MAX_REQUEST_BODY if length is None else length
        return Weight(_LIGHT_S + size / KIB * 0.0001, size, heavy=call.path == BATCHES)
    sent = length or 0
    if call.path.startswith(f"{DIRECTORY}/"):
        return Weight(0.1, 2 * MAX_DIRECTORY_PAGE + sent, heavy=True)
    if "/" in call.path.removeprefix(STREAMS) and call.path.startswith(STREAMS):
        return Weight(0.25, MAX_HISTORY_PAGE + sent, heavy=True)
    if call.path == MEMBERS:
        return Weight(0.02, MAX_MEMBER_BUNDLE + sent)
    if call.path.startswith(BLOBS):
        size = _span(call.headers.get("range", ""))
        return Weight(_LIGHT_S + size / MIB * 0.01, size + sent)
    return Weight(_LIGHT_S, 64 * KIB + sent)


def _span(asked: str) -> int:
    whole = sealed_size(MAX_BLOB)
    match = _RANGE.match(asked)
    return min(whole, max(SEALED_CHUNK, int(match[2]) - int(match[1]) + 1)) if match else whole


@dataclass
class _Inside:
    calls: int = 0
    heavy: int = 0
    held: int = 0


@dataclass
class Admission:
    """Counts what goes on for each peer; `work_per_s` is how much of one processor a peer may use in the long run."""

    work_per_s: float
    _inside: dict[str, _Inside] = field(default_factory=dict)
    _held: int = 0

    def __post_init__(self) -> None:
        """Start with full buckets."""
        self._work = Buckets(self.work_per_s, self.work_per_s * BURST_S)

    @property
    def held(self) -> int:
        """Bytes that are, or may come to be, held for all calls that go on."""
        return self._held

    @contextlib.contextmanager
    def enter(self, peer: str, weight: Weight, now: float) -> Iterator[None]:
        """Let a call in for as long as the block lasts; raises `BusyError`."""
        inside = self._inside.setdefault(peer, _Inside())
        self._require_room(inside, weight)
        if wait := self._work.wait(peer, weight.work_s, now):
            raise BusyError("more work than a member may cause here", wait)
        self._count(inside, weight, 1)
        try:
            yield
        finally:
            self._count(inside, weight, -1)

    def _require_room(self, inside: _Inside, weight: Weight) -> None:
        if inside.calls >= MAX_CALLS:
            raise BusyError(f"more than {MAX_CALLS} calls at once", 1)
        if weight.heavy and inside.heavy >= MAX_HEAVY_CALLS:
            raise BusyError(f"more than {MAX_HEAVY_CALLS} batches, directories or pages of history at once", 1)
        if not inside.held:
            return  # whatever the others do: it slows them, not this one
        if inside.held + weight.held > MAX_HELD or self._held + weight.held > MAX_HELD_BY_ALL:
            raise BusyError("more bytes at once than can be held", 1)

    def _count(self, inside: _Inside, weight: Weight, one: int) -> None:
        inside.calls += one
        inside.heavy += one * weight.heavy
        inside.held += one * weight.held
        self._held += one * weight.held
