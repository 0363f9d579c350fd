"""How wrong our own clock seems to be, judged by the clocks of all peers."""

from collections.abc import Collection
from statistics import median
from typing import Final

LEAST_PEERS: Final = 3
"""With fewer, one peer's wrong clock would be taken for ours."""


def clock_error(offsets: Collection[float]) -> float | None:
    """Return our clock minus the middle of the peers' clocks, in seconds; None where too few are known.

    `offsets` has each peer's clock minus ours, as its last receipt showed it. More than half of the peers would have
    to lie alike to move the result where they want it.
    """
    return 0.0 - median(offsets) if len(offsets) >= LEAST_PEERS else None
