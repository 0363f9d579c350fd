"""Forms are bounded before anybody is signed in."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from node.dashboard.app import add_routes
from tests.exchange.pair import LoopClock, open_for_test


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    """Open the dashboard of a node to somebody who isn't signed in."""
    node = open_for_test(tmp_path, "DE", LoopClock(), inline=True)
    app = web.Application()
    add_routes(app, node)
    async with TestClient(TestServer(app)) as made:
        yield made
    await node.store.close()
    await node.key_store.close()


async def test_a_stranger_cannot_fill_the_memory_with_one_field(client: TestClient[web.Request, web.Application]) -> None:
    """Values of one name count like any others."""
    form = aiohttp.MultipartWriter("form-data")
    for _ in range(1100):
        form.append("x" * 60_000).set_content_disposition("form-data", name="name")
    answer = await client.post("/sign-in", data=form)
    assert answer.status == 413


async def test_a_stranger_sends_no_files(client: TestClient[web.Request, web.Application]) -> None:
    """Files are read from people who are signed in, and from nobody else."""
    form = aiohttp.FormData()
    form.add_field("name", "anna")
    form.add_field("file", b"x" * 2_000_000, filename="x.pdf", content_type="application/pdf")
    answer = await client.post("/sign-in", data=form)
    assert answer.status in (413, 422)
