"""A call between two nodes as a value; HTTP only carries it, and a simulation carries it without HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Call:
    """What one node asks another; header names are lower-case."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """What it gets; header names are lower-case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Line(Protocol):
    """The way to one peer."""

    async def send(self, call: Call) -> Answer:
        """Carry a call; raises `LineError` where no answer came."""

    async def close(self) -> None:
        """Close what is open."""


class LineError(Exception):
    """No answer came; the message says why, for the operator."""
