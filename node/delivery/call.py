"""A call between two nodes as a value; HTTP only carries it, and a simulation carries it without HTTP."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from protocol.limits import MAX_ANSWER

_SECONDS: Final = re.compile(r"[0-9]{1,6}\Z")  # at most 11 days


@dataclass(frozen=True)
class Call:
    """What one node asks another; header names are lower-case, `longest` is how long a good answer may be."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    longest: int = MAX_ANSWER


@dataclass(frozen=True)
class Answer:
    """What it gets; header names are lower-case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def retry_after(answer: Answer) -> float | None:
    """Return the seconds of Retry-After (SPEC S-082), None where there are none that can be read."""
    wait = answer.headers.get("retry-after", "")
    return float(wait) if _SECONDS.match(wait) else None


class Line(Protocol):
    """The way to one peer."""

    async def send(self, call: Call) -> Answer:
        """Carry a call; raises `LineError` where no answer came."""

    async def close(self) -> None:
        """Close what is open."""


class LineError(Exception):
    """No answer came; the message says why, for the operator."""
