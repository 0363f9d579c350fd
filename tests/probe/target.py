"""A node under test, listening on the loopback, and the member that probes it."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from directory_sync.demo import demo_authorities
from node.cli.free_ports import free_ports
from node.delivery.exchange import Exchange
from node.delivery.http_line import HttpLine
from node.delivery.http_listener import listen
from node.delivery.tls import ServerContexts
from node.domain.access import operator
from node.service import directory
from node.service.node import Node
from tests.exchange.pair import LoopClock, members_of, open_for_test

TESTER, TARGET, OTHER = "DE", "HU", "AT"


@dataclass
class Target:
    """The node under test, and the one whose keys the probe has."""

    node: Node
    tester: Node
    url: str


@contextlib.asynccontextmanager
async def target(folder: Path, *, demo: bool = True) -> AsyncIterator[Target]:
    """Let the Hungarian node listen and deliver; the German one runs nothing: its address is for the probe."""
    clock, ports = LoopClock(), dict(zip((TESTER, TARGET, OTHER), free_ports(3), strict=True))
    nodes = {}
    for country, port in ports.items():
        place = {"listen": f"127.0.0.1:{port}", "url": f"https://127.0.0.1:{port}"}
        nodes[country] = open_for_test(folder / country, country, clock, work_per_s=100.0, **place)
    members = members_of(*nodes.values())
    for node in nodes.values():
        node.members = members
    tested = nodes[TARGET]
    listed = [one.model_copy(update={"demo": demo}) for one in demo_authorities(TARGET)]
    await directory.import_authorities(tested, operator(), listed)
    await directory.ensure_published(tested)
    contexts = ServerContexts(tested.keys.tls_certificate, tested.keys.tls_key)
    contexts.trust(members.listed_certificates() - members.tls_certificates(TARGET))
    runner = await listen(tested, contexts.listener, ("127.0.0.1", ports[TARGET]), shutdown_s=1.0)
    exchange = Exchange(tested, lambda country: HttpLine(tested, country))
    await exchange.start()
    try:
        yield Target(tested, nodes[TESTER], tested.config.peers.url)
    finally:
        await runner.cleanup()
        await exchange.stop()
        for node in nodes.values():
            await node.store.close()
            await node.key_store.close()
