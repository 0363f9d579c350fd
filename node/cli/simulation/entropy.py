"""Chance from a seed."""

import hashlib
from typing import Final

_BLOCK: Final = hashlib.sha256().digest_size


class SeededEntropy:
    """Random bytes that are the same for the same seed: SHA-256 of seed and counter."""

    def __init__(self, seed: str) -> None:
        """Take any text as the seed."""
        self._seed = seed.encode()
        self._drawn = 0

    def random(self, count: int) -> bytes:
        """Return `count` bytes."""
        blocks = [self._next() for _ in range(-(-count // _BLOCK))]
        return b"".join(blocks)[:count]

    def _next(self) -> bytes:
        self._drawn += 1
        return hashlib.sha256(self._seed + self._drawn.to_bytes(8, "big")).digest()
