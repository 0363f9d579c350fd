"""The connections of the peers' listener: few at once for each certificate, and none that only sits there.

aiohttp limits neither how long a TLS handshake takes, nor how long the head of a call may trickle in, nor how
many do so at once. Who isn't in the member list never gets beyond the handshake; of those there is an overall
limit, and the one that has dallied longest makes room.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Final

from aiohttp import web
from typing_extensions import override

MAX_HANDSHAKES: Final = 128
"""Connections that haven't shown a member's certificate yet; one more, and the oldest of them is cut."""
MAX_CONNECTIONS: Final = 16
"""Connections with one certificate; one more, and the oldest of them is cut."""
HANDSHAKE_S: Final = 10
"""Seconds that a TLS handshake may take."""
IDLE_S: Final = 90
"""Seconds for which a connection may be open without a call; the head of a call has to come within them."""
_GOODBYE_S: Final = 2.0


class _Visit(asyncio.Protocol):
    """One connection: it keeps what comes early, then hands everything to aiohttp's protocol."""

    def __init__(self, door: "Door") -> None:
        self._door = door
        self._handler: asyncio.Protocol | None = None
        self._early: list[bytes] = []
        self._lost = False
        self.transport: asyncio.Transport | None = None
        self.certificate = b""
        self.idle: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._door.knocked(self)

    def enter(self, transport: asyncio.Transport, handler: asyncio.Protocol) -> None:
        """Begin with what came beside the handshake's end."""
        if self._lost:
            return
        self.transport, self._handler = transport, handler
        handler.connection_made(transport)
        for data in self._early:
            handler.data_received(data)
        self._early = []

    @override
    def data_received(self, data: bytes) -> None:
        if self._handler is None:
            self._early.append(data)
        else:
            self._handler.data_received(data)

    @override
    def eof_received(self) -> bool | None:
        return self._handler.eof_received() if self._handler else None

    @override
    def pause_writing(self) -> None:
        if self._handler:
            self._handler.pause_writing()

    @override
    def resume_writing(self) -> None:
        if self._handler:
            self._handler.resume_writing()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._door.left(self)
        if self._handler:
            self._handler.connection_lost(exc)

    def cut(self) -> None:
        """End the connection at once."""
        if self.transport is not None:
            self.transport.abort()


class Door:
    """Lets connections in to aiohttp's server, counts them, and shows out who only waits."""

    def __init__(self, context: ssl.SSLContext) -> None:
        """Take the listener's TLS context."""
        self._context = context
        self._server: Callable[[], asyncio.Protocol] | None = None
        self._knocking: dict[_Visit, None] = {}
        self._handshakes: dict[_Visit, asyncio.Task[None]] = {}
        self._inside: dict[bytes, dict[_Visit, None]] = {}
        self._visits: dict[asyncio.BaseTransport, _Visit] = {}

    @property
    def knocking(self) -> int:
        """How many connections are in their handshake."""
        return len(self._knocking)

    @property
    def inside(self) -> int:
        """How many connections have shown a member's certificate."""
        return sum(len(visits) for visits in self._inside.values())

    def lead_to(self, server: Callable[[], asyncio.Protocol]) -> None:
        """Set what makes the protocol of a connection that is let in."""
        self._server = server

    def visit(self) -> asyncio.Protocol:
        """Return the protocol of a new connection."""
        return _Visit(self)

    def knocked(self, visit: _Visit) -> None:
        """Begin the handshake with a new connection."""
        self._knocking[visit] = None
        self._handshakes[visit] = asyncio.get_running_loop().create_task(self._shake(visit), name="handshake")
        _make_room(self._knocking, MAX_HANDSHAKES)

    async def _shake(self, visit: _Visit) -> None:
        loop, raw = asyncio.get_running_loop(), visit.transport
        assert raw is not None
        try:
            inner = await loop.start_tls(
                raw,
                visit,
                self._context,
                server_side=True,
                ssl_handshake_timeout=HANDSHAKE_S,
                ssl_shutdown_timeout=_GOODBYE_S,
            )
        except OSError:  # the caller went, dallied or was refused; of refusals the context tells
            return
        finally:
            self._knocking.pop(visit, None)
            del self._handshakes[visit]
        if inner is not None:
            self._let_in(visit, inner)

    def _let_in(self, visit: _Visit, transport: asyncio.Transport) -> None:
        assert self._server is not None
        visit.certificate = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        others = self._inside.setdefault(visit.certificate, {})
        others[visit] = None
        _make_room(others, MAX_CONNECTIONS)
        self._visits[transport] = visit
        visit.enter(transport, self._server())
        if visit.transport is not transport:  # it went meanwhile
            self._visits.pop(transport)
            self.left(visit)
            return
        self._rest(visit)

    def left(self, visit: _Visit) -> None:
        """Forget a connection that has ended."""
        if visit.idle is not None:
            visit.idle.cancel()
        if visit.transport is not None:
            self._visits.pop(visit.transport, None)
        others = self._inside.get(visit.certificate)
        if others is not None:
            others.pop(visit, None)
            if not others:
                del self._inside[visit.certificate]

    def _rest(self, visit: _Visit) -> None:
        visit.idle = asyncio.get_running_loop().call_later(IDLE_S, visit.cut)

    @contextlib.contextmanager
    def call(self, transport: asyncio.BaseTransport | None) -> Iterator[None]:
        """Leave a connection alone while a call on it is answered: that has times of its own."""
        visit = self._visits.get(transport) if transport is not None else None
        if visit is None:
            yield
            return
        if visit.idle is not None:
            visit.idle.cancel()
        try:
            yield
        finally:
            if visit.transport in self._visits:
                self._rest(visit)

    async def close(self) -> None:
        """Cut what is in its handshake; aiohttp ends the others."""
        tasks = list(self._handshakes.values())
        for visit in list(self._handshakes):
            visit.cut()
        await asyncio.gather(*tasks, return_exceptions=True)


def _make_room(visits: dict[_Visit, None], most: int) -> None:
    """Cut the oldest connections that are too many; they count no more, though their end takes a moment."""
    while len(visits) > most:
        oldest = next(iter(visits))
        del visits[oldest]
        oldest.cut()


class PeerSite(web.BaseSite):
    """A TCP address with a `Door`."""

    def __init__(self, runner: web.AppRunner, door: Door, where: socket.socket | tuple[str, int]) -> None:
        """Take the runner, the door to its server, and a bound socket or (host, port)."""
        super().__init__(runner)
        self._door = door
        self._where = where

    @property
    @override
    def name(self) -> str:
        """Return what aiohttp calls it."""
        return "https://peers"

    @override
    async def start(self) -> None:
        """Begin to listen."""
        await super().start()
        assert self._runner.server is not None
        self._door.lead_to(self._runner.server)
        loop = asyncio.get_running_loop()
        if isinstance(self._where, socket.socket):
            self._server = await loop.create_server(self._door.visit, sock=self._where)
        else:
            self._server = await loop.create_server(self._door.visit, *self._where)

    @override
    async def stop(self) -> None:
        """Stop listening."""
        await super().stop()
        await self._door.close()
