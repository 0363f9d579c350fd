"""A thin HTTPS client that can break every rule: it writes the bytes it is given and reads one answer."""

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from node.delivery.call import Answer

CALL_S: Final = 20.0
"""Seconds within which a call has to be answered."""
_LONGEST: Final = 96 * 1024 * 1024  # more than a directory may have
_PIECE: Final = 64 * 1024


class DroppedError(Exception):
    """The other end gave no answer: it refused the handshake, closed the connection, or was silent."""


@dataclass(frozen=True)
class Wire:
    """The address of a node, and the context of a well-behaved member."""

    host: str
    port: int
    prefix: str
    context: ssl.SSLContext

    @classmethod
    def to(cls, url: str, context: ssl.SSLContext) -> "Wire":
        """Take the address apart (`https://host:port/prefix`)."""
        parts = urlsplit(url.rstrip("/"))
        return cls(parts.hostname or "", parts.port or 443, parts.path, context)

    async def call(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        """Ask as HTTP wants it; raises `DroppedError`."""
        named = dict(headers or {})
        if body is not None and "transfer-encoding" not in named:
            named.setdefault("content-length", str(len(body)))
        return await self.raw(self.head(method, path, named) + (body or b""), method)

    def head(self, method: str, path: str, headers: Mapping[str, str]) -> bytes:
        """Return the head of a call, with the empty line at its end."""
        lines = [f"{method} {self.prefix}{path} HTTP/1.1", f"host: {self.host}:{self.port}", "connection: close"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")

    async def raw(self, data: bytes, method: str = "GET", context: ssl.SSLContext | None = None) -> Answer:
        """Write bytes on a new connection and read one answer; raises `DroppedError`."""
        try:
            async with asyncio.timeout(CALL_S):
                reader, writer = await self.connect(context)
                try:
                    writer.write(data)
                    return await _answer(reader, method)
                finally:
                    writer.transport.abort()
        except TimeoutError:
            raise DroppedError(f"no answer within {CALL_S:.0f} s") from None
        except (OSError, EOFError, ValueError) as error:  # an ssl.SSLError is an OSError
            raise DroppedError(f"no answer: {type(error).__name__}: {error}"[:200]) from None

    async def connect(self, context: ssl.SSLContext | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection; raises `OSError`. The caller aborts it."""
        return await asyncio.open_connection(
            self.host, self.port, ssl=context or self.context, server_hostname=self.host, limit=_PIECE
        )


async def _answer(reader: asyncio.StreamReader, method: str) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    status = int(first.split(" ")[1])
    if method == "HEAD" or status in (204, 304):
        return Answer(status, headers)
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return Answer(status, headers, await _chunks(reader))
    if "content-length" in headers:
        return Answer(status, headers, await reader.readexactly(min(int(headers["content-length"]), _LONGEST)))
    return Answer(status, headers, await _rest(reader))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    pieces: list[bytes] = []
    while (size := int((await reader.readline()).split(b";")[0], 16)) and sum(map(len, pieces)) < _LONGEST:
        pieces.append(await reader.readexactly(min(size, _LONGEST)))
        await reader.readline()
    return b"".join(pieces)


async def _rest(reader: asyncio.StreamReader) -> bytes:
    pieces: list[bytes] = []
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while sum(map(len, pieces)) < _LONGEST and (piece := await reader.read(_PIECE)):
            pieces.append(piece)
    return b"".join(pieces)
