"""Three nodes with a real peers' listener of one of them, on the loopback."""

import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from node.delivery.http_line import HttpLine
from node.delivery.http_listener import listen
from node.delivery.tls import ServerContexts, client_context
from node.service.node import Node
from tests.exchange.pair import LoopClock, members_of, open_for_test


@dataclass
class Listening:
    """Three nodes of which the Hungarian one listens and lets the German one in."""

    nodes: dict[str, Node]
    contexts: ServerContexts
    port: int
    runner: web.AppRunner
    lines: list[HttpLine] = field(default_factory=list)

    def line(self, me: str) -> HttpLine:
        """Return the way from a node to the one that listens."""
        self.lines.append(HttpLine(self.nodes[me], "HU"))
        return self.lines[-1]

    def client(self, certificate: Path, key: Path) -> ssl.SSLContext:
        """Return a client's context with any certificate."""
        return client_context(certificate, key, frozenset({self.nodes["HU"].keys.tls_der}))


@contextlib.asynccontextmanager
async def listening(folder: Path, *guests: str, **peers: object) -> AsyncIterator[Listening]:
    """Let the Hungarian node listen to `guests`, the German one unless others are named."""
    server, clock = socket.create_server(("127.0.0.1", 0)), LoopClock()
    port = server.getsockname()[1]
    url = f"https://127.0.0.1:{port}"
    nodes = {
        country: open_for_test(folder / country, country, clock, url=url, **peers) for country in ("DE", "HU", "AT")
    }
    members = members_of(*nodes.values())
    for node in nodes.values():
        node.members = members
    contexts = ServerContexts(nodes["HU"].keys.tls_certificate, nodes["HU"].keys.tls_key)
    contexts.trust(frozenset(nodes[country].keys.tls_der for country in guests or ("DE",)))
    runner = await listen(nodes["HU"], contexts.listener, server, shutdown_s=1.0)
    made = Listening(nodes, contexts, port, runner)
    yield made
    for line in made.lines:
        await line.close()
    await runner.cleanup()
    for node in nodes.values():
        await node.store.close()
        await node.key_store.close()
