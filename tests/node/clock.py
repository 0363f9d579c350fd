"""A clock that stands until a test moves it."""

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class TestClock:
    """Shows `NOON` until told otherwise."""

    __test__ = False

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now

    def now(self) -> datetime:
        """Return the time that the test has set."""
        return self._now

    def forward(self, **period: float) -> None:
        """Move on by a period, for example `hours=2`."""
        self._now += timedelta(**period)
