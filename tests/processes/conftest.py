"""One German and one Hungarian node for all tests of this folder that don't need their own."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.processes.network import Network, network


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def two(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Network]:
    """Run Germany and Hungary with the demo's authorities and users; their data are verified at the end."""
    async with network(tmp_path_factory.mktemp("network"), "DE", "HU") as made:
        yield made
        await made.verify()
