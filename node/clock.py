"""Time and chance, the two ports through which a node meets them."""

import os
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The time of day; tests and simulations bring their own."""

    def now(self) -> datetime:
        """Return the time as an aware UTC datetime."""


class Entropy(Protocol):
    """Random bytes."""

    def random(self, count: int) -> bytes:
        """Return `count` random bytes."""


class SystemClock:
    """The clock of the operating system."""

    def now(self) -> datetime:
        """Return the time as an aware UTC datetime."""
        return datetime.now(UTC)  # noqa: TID251 - the one place


class SystemEntropy:
    """The random source of the operating system."""

    def random(self, count: int) -> bytes:
        """Return `count` random bytes."""
        return os.urandom(count)


def new_uuid(entropy: Entropy) -> str:
    """Return a random UUID, version 4 (RFC 9562)."""
    drawn = bytearray(entropy.random(16))
    drawn[6], drawn[8] = drawn[6] & 0x0F | 0x40, drawn[8] & 0x3F | 0x80
    text = drawn.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def stamp(now: datetime) -> str:
    """Write a time as it is stored: ISO 8601 in UTC with microseconds and `Z`."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def unstamp(text: str) -> datetime:
    """Read what `stamp` wrote."""
    return datetime.fromisoformat(text)


def seconds(now: datetime) -> int:
    """Return whole seconds since 1970, as `iat` has them (RFC 7519 section 2)."""
    return int(now.timestamp())


def stopwatch() -> float:
    """Return seconds of a clock that only goes forward, for measuring and back-off."""
    return time.monotonic()
