"""A node's clock in virtual time: it can run fast or slow, and jump."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Final

START: Final = datetime(2020, 3, 2, 8, 0, tzinfo=UTC)
"""When every simulation begins: before the files of this machine were made, so that none ever looks old."""


class DriftingClock:
    """Follows the running loop's time at a rate of its own, from `START`."""

    def __init__(self) -> None:
        """Begin as a clock that is right."""
        self._since = 0.0
        self._shown = 0.0
        self._rate = 1.0

    def now(self) -> datetime:
        """Return the time that this clock shows."""
        return START + timedelta(seconds=self._shown + (_passed() - self._since) * self._rate)

    def drift(self, rate: float) -> None:
        """Run at another rate from now on; 1.0 is right."""
        self._settle()
        self._rate = rate

    def jump(self, seconds: float) -> None:
        """Show another time from now on."""
        self._settle()
        self._shown += seconds

    def correct(self) -> None:
        """Show the right time, at the right rate."""
        self._shown, self._since, self._rate = _passed(), _passed(), 1.0

    def _settle(self) -> None:
        now = _passed()
        self._shown += (now - self._since) * self._rate
        self._since = now


def _passed() -> float:
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        return 0.0
