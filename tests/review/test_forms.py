"""Forms are bounded before anybody is signed in, and afterwards."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from node.dashboard.app import add_routes
from node.dashboard.form import read_form
from node.dashboard.page import LANG
from node.errors import NodeError
from tests.exchange.pair import LoopClock, open_for_test

Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    """Open the dashboard of a node to somebody who isn't signed in."""
    node = open_for_test(tmp_path, "DE", LoopClock(), inline=True)
    app = web.Application()
    add_routes(app, node)
    async with TestClient(TestServer(app)) as made:
        yield made
    await node.store.close()
    await node.key_store.close()


def _multipart(parts: list[bytes]) -> tuple[bytes, dict[str, str]]:
    body = b"".join(b"--x\r\n" + part + b"\r\n" for part in parts) + b"--x--\r\n"
    return body, {"Content-Type": "multipart/form-data; boundary=x"}


async def test_a_stranger_sends_no_files(client: Client) -> None:
    """Parts and files are read from people who are signed in, and from nobody else."""
    file = b'Content-Disposition: form-data; name="file"; filename="x.pdf"\r\n\r\n' + b"x" * 1000
    data, headers = _multipart([b'Content-Disposition: form-data; name="name"\r\n\r\nanna', file])
    answer = await client.post("/sign-in", data=data, headers=headers)
    assert answer.status == 422


async def test_values_of_one_name_count_like_any_others(tmp_path: Path) -> None:
    """No form holds more values than allowed, whatever their names are."""
    refused = []

    async def handle(request: web.Request) -> web.Response:
        request[LANG] = "en"
        try:
            await read_form(request)
        except NodeError as error:
            refused.append(error.code)
        return web.Response()

    app = web.Application()
    app.router.add_post("/", handle)
    async with TestClient(TestServer(app)) as made:
        data, headers = _multipart([b'Content-Disposition: form-data; name="a"\r\n\r\nx'] * 1100)
        await made.post("/", data=data, headers=headers)
        await made.post(
            "/", data=urlencode([("a", "x")] * 900), headers={"Content-Type": "application/x-www-form-urlencoded"}
        )
    assert refused == ["too-large"]
