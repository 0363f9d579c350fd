"""Forms are bounded before anybody is signed in, and afterwards."""

from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from node.dashboard.app import add_routes
from node.dashboard.form import MAX_FIELDS, read_form
from node.dashboard.page import LANG
from node.errors import NodeError
from protocol.limits import MAX_COLUMNS, MAX_ROWS
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


def _field(name: str, value: str) -> bytes:
    return f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode()


async def _read(*bodies: tuple[bytes, dict[str, str]], **how: Any) -> list[tuple[str, int]]:
    """Return what reading each body ends in, and how many values were read."""
    found: list[tuple[str, int]] = []

    async def handle(request: web.Request) -> web.Response:
        request[LANG] = "en"
        try:
            form = await read_form(request, **how)
        except NodeError as error:
            found.append((error.code, 0))
        else:
            found.append(("", sum(map(len, form.fields.values()))))
        return web.Response()

    app = web.Application()
    app.router.add_post("/", handle)
    async with TestClient(TestServer(app)) as made:
        for data, headers in bodies:
            await made.post("/", data=BytesIO(data), headers=headers)
    return found


async def test_values_of_one_name_count_like_any_others() -> None:
    """No form holds more values than allowed, whatever their names are; one that takes no files holds few."""
    assert await _read(*(_multipart([_field("a", "x")] * n) for n in (MAX_FIELDS, MAX_FIELDS + 1))) == [
        ("", MAX_FIELDS),
        ("too-large", 0),
    ]
    encoded = [
        (urlencode([("a", "x")] * n).encode(), {"Content-Type": "application/x-www-form-urlencoded"})
        for n in (1000, 1001)
    ]
    assert await _read(*encoded, files=False) == [("", 1000), ("too-large", 0)]


async def test_a_form_with_full_tables_is_read_and_an_endless_one_isnt() -> None:
    """Three full tables of a question set are 1,200 cells; all text together is bounded, with the fields' names."""
    cells = [
        _field(f"answer.{t}/{row}/{column}", "x")
        for t in "abc"
        for row in range(MAX_ROWS)
        for column in range(MAX_COLUMNS)
    ]
    texts, names = [_field(f"f{n}", "é" * 30_000) for n in range(35)], [_field("n" * 7_000, "x") for _ in range(150)]
    bodies = (cells, texts[:34], texts, names[:149], names, [_field("n" * 30_000, "x")])
    assert await _read(*map(_multipart, bodies)) == [
        ("", 1200),
        ("", 34),
        ("too-large", 0),
        ("", 149),
        ("too-large", 0),
        ("invalid", 0),
    ]
