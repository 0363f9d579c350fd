"""How long a node leaves a peer alone that it couldn't reach: only its own success may make it come sooner."""

from dataclasses import dataclass, field
from typing import Final

from node.cli.simulation.network import path_of
from node.cli.simulation.template import RETRY_FIRST_S, RETRY_LONGEST_S
from node.delivery.call import Answer, Call, retry_after

_LEAST: Final = 0.5
"""Jitter shortens a wait to this part of it at most."""
_OK: Final = 200


@dataclass
class _Way:
    begun: bool = False
    failures: int = 0
    closed_until: float = 0.0


@dataclass
class Patience:
    """Follows what one life of a node tries to deliver, by peer: batches, and the comparison before them.

    What comes before the first batch is free: a peer's own batch waits for the comparison that leads to it.
    """

    _ways: dict[str, _Way] = field(default_factory=dict)

    def early_by(self, peer: str, call: Call, now: float) -> float | None:
        """Return by how many seconds a call comes too early, negative in time; None where it doesn't count."""
        path, way = path_of(call), self._ways.setdefault(peer, _Way())
        way.begun |= path == "batches"
        return way.closed_until - now if way.begun and path in ("batches", "streams") else None

    def ended(self, peer: str, call: Call, now: float, answer: Answer | None) -> None:
        """Note how a call ended: with an answer, or without one."""
        path, way = path_of(call), self._ways.setdefault(peer, _Way())
        if path not in ("batches", "streams"):
            return
        if answer is not None and answer.status == _OK:
            way.failures, way.closed_until = 0, now
            return
        way.failures += 1
        least = _LEAST * min(RETRY_LONGEST_S, RETRY_FIRST_S * 2 ** min(way.failures - 1, 20))
        asked = retry_after(answer) if answer is not None else None
        way.closed_until = now + max(least, asked or 0.0)
