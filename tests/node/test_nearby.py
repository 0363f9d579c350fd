"""Multicast DNS that lies: what is announced nearby is a reason to call a member, at the address that the list names."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from directory_sync.discovery import announce
from node.server import Server
from tests.directory_sync.test_discovery import multicast_on_loopback


class Listener:
    """Somebody who listens on a port and hangs up on whoever calls."""

    def __init__(self) -> None:
        self.called = asyncio.Event()
        self.port = 0

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Listen while the block lasts."""
        server = await asyncio.start_server(self._hang_up, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()

    def _hang_up(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.called.set()
        writer.close()


@pytest.mark.skipif(not multicast_on_loopback(), reason="no multicast on this machine's loopback")
async def test_who_announces_another_country_isnt_called(make_node, join):
    """A liar says that it is Hungary, and other things that are no country: Hungary itself is called, nobody else."""
    berlin, budapest = make_node("DE"), make_node("HU")
    listed, liar = Listener(), Listener()
    async with listed.open(), liar.open():
        peers = budapest.config.peers.model_copy(update={"url": f"https://127.0.0.1:{listed.port}"})
        budapest.config = budapest.config.model_copy(update={"peers": peers})
        join(berlin, budapest)
        server = Server(berlin)
        await server._exchange.start()
        heard, listen = asyncio.Event(), berlin.heard

        def hear(*said: Any) -> None:
            listen(*said)
            heard.set()

        berlin.heard = hear
        looking = asyncio.create_task(server._find_nearby())
        try:
            async with asyncio.timeout(30):
                async with announce("HU", liar.port), announce("xx", liar.port), announce("DE", liar.port):
                    await heard.wait()
                    listed.called.clear()
                    await listed.called.wait()
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            await server._exchange.stop()
        assert not liar.called.is_set()
