"""What happened, line by line, as one hash: the same seed gives the same hash on every machine.

Only what chance from the seed decides goes in: who, what, codes, states and virtual times. Ciphertext, keys
and hashes of signed bytes stay out, since encrypting to a public key takes chance of its own.
"""

import asyncio
import hashlib


class Trace:
    """Collects lines; keeps them only where somebody wants to read them."""

    def __init__(self, *, keep: bool = False) -> None:
        """Begin empty."""
        self._hash = hashlib.sha256()
        self.lines: list[str] | None = [] if keep else None

    def note(self, *words: object) -> None:
        """Add a line: the virtual time in seconds, then words."""
        line = f"{asyncio.get_running_loop().time():.6f} {' '.join(map(str, words))}"
        self._hash.update(line.encode() + b"\n")
        if self.lines is not None:
            self.lines.append(line)

    @property
    def sha256(self) -> str:
        """The hash of all lines so far, in hex."""
        return self._hash.hexdigest()
