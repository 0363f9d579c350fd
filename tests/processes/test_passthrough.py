"""The proxies of deploy/ before a real node: mutual TLS goes through them untouched, to the node that is named."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from node.cli.free_ports import free_ports
from node.delivery.tls import client_context
from node.store.key_files import certificate_der
from tests.conftest import ROOT, program
from tests.processes.network import Network, until

pytestmark = [pytest.mark.processes, pytest.mark.asyncio(loop_scope="session")]

NODE = "node.entente.at.example"
ELSEWHERE = "10.0.0.5:7443"
Start = Callable[[Path, str], list[str]]


def nginx(folder: Path, text: str) -> list[str]:
    """Return the command that runs nginx with the example."""
    (folder / "peers.conf").write_text(text.replace("/var/log/nginx/", f"{folder}/"), encoding="utf-8")
    (folder / "nginx.conf").write_text(
        f"include /etc/nginx/modules-enabled/*.conf;\npid {folder}/pid;\ndaemon off;\nmaster_process off;\n"
        f"events {{}}\ninclude {folder}/peers.conf;\n",
        encoding="utf-8",
    )
    log = f"error_log {folder}/errors;"
    return [program("nginx", "nginx libnginx-mod-stream"), "-c", f"{folder}/nginx.conf", "-g", log]


def haproxy(folder: Path, text: str) -> list[str]:
    """Return the command that runs haproxy with the example."""
    (folder / "haproxy.cfg").write_text(text, encoding="utf-8")
    return [program("haproxy", "haproxy"), "-db", "-f", f"{folder}/haproxy.cfg"]


@contextlib.asynccontextmanager
async def before(two: Network, folder: Path, example: str, start: Start) -> AsyncIterator[int]:
    """Run a proxy before Hungary's node, by its example with other addresses; gives its port."""
    (port,) = free_ports(1)
    text = (ROOT / "deploy" / example).read_text(encoding="utf-8")
    for old, new in ((ELSEWHERE, f"127.0.0.1:{two.nodes['HU'].peers}"), ("listen 7443", f"listen 127.0.0.1:{port}"),
                     ("bind :7443", f"bind 127.0.0.1:{port}")):  # fmt: skip
        text = text.replace(old, new)
    assert f"127.0.0.1:{port}" in text
    process = await asyncio.create_subprocess_exec(
        *start(folder, text), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )

    async def listens() -> bool:
        assert process.returncode is None, (folder / "errors").read_text() if (folder / "errors").exists() else example
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    try:
        await until("the proxy listens", listens)
        yield port
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


def caller(two: Network) -> ssl.SSLContext:
    """Return the context with which Germany calls Hungary, as its own courier makes it."""
    keys = two.nodes["DE"].folder / "keys"
    theirs = certificate_der(two.nodes["HU"].folder / "keys/tls.crt")
    return client_context(keys / "tls.crt", keys / "tls.pem", frozenset({theirs}))


async def ask(port: int, context: ssl.SSLContext, name: str) -> bytes:
    """Ask for the member list through the proxy, naming a node; nothing where the connection is cut off."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
    except (ssl.SSLError, ConnectionError):
        return b""
    try:
        writer.write(b"GET /peer/v1/members HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        return await reader.read()
    except (ssl.SSLError, ConnectionError):
        return b""
    finally:
        writer.transport.abort()


@pytest.mark.parametrize(
    ("example", "start"),
    [("nginx/entente-peers.conf", nginx), ("haproxy/haproxy.cfg", haproxy)],
    ids=["nginx", "haproxy"],
)
async def test_mutual_tls_goes_through(two: Network, tmp_path: Path, example: str, start: Start):
    """A member is known behind the proxy by its certificate; a stranger isn't, and who names another node gets none."""
    stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    stranger.check_hostname, stranger.verify_mode = False, ssl.CERT_NONE
    async with before(two, tmp_path, example, start) as port:
        answer = await ask(port, caller(two), NODE)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b'"HU"' in answer
        assert await ask(port, stranger, NODE) == b""
        assert await ask(port, caller(two), "node.elsewhere.example") == b""
