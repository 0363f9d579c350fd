"""What the probe's tests share: the log instead of printing it."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict


@pytest.fixture(autouse=True)
def log() -> Iterator[list[EventDict]]:
    """Give what was logged."""
    with capture_logs() as entries:
        yield entries
