"""What the exchange's tests share: a lying member, and the log instead of printing it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from structlog.testing import capture_logs
from structlog.typing import EventDict

from tests.exchange.attacker import Attacker, attacked


@pytest.fixture(autouse=True)
def log() -> Iterator[list[EventDict]]:
    """Give what was logged."""
    with capture_logs() as entries:
        yield entries


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def attacker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Attacker]:
    """Give one attacker for all tests of a file: its victim stands every attack, so the next one finds it well."""
    async with attacked(tmp_path_factory.mktemp("attacked")) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def fresh_attacker(tmp_path: Path) -> AsyncIterator[Attacker]:
    """Give an attacker to a test that bends the victim's own data."""
    async with attacked(tmp_path) as made:
        yield made
