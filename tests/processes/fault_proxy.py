"""A line between nodes that fails on demand: what goes through it is TLS, which it can only delay, cut or swallow."""

import asyncio
import random
import socket
import struct
from dataclasses import dataclass, field
from typing import Final, Literal

Mode = Literal["pass", "refuse", "reset", "half-open", "one-way", "slow"]
_CHUNK: Final = 65536
_MOST_BEFORE_RESET: Final = 4000
_TRICKLE: Final = (64, 0.01)  # bytes, and seconds between them


@dataclass(eq=False)
class _Pair:
    """A caller's connection and the one to the node: where bytes were swallowed, neither may go on."""

    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    swallowed: bool = False

    def reset(self) -> None:
        """Cut both ends with RST, so that nobody takes what came for the whole."""
        for writer in self.writers:
            raw = writer.get_extra_info("socket")
            if raw is not None and raw.fileno() >= 0:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


class FaultProxy:
    """The address of one node as all others see it. `struck` counts how often a fault has hit."""

    def __init__(self, port: int, chance: random.Random) -> None:
        """Lead to a port of the loopback interface."""
        self._target, self._chance = port, chance
        self._mode: Mode = "pass"
        self._pairs: dict[_Pair, None] = {}
        self._tasks: dict[asyncio.Task[None], None] = {}
        self._server: asyncio.Server | None = None
        self.struck: dict[Mode, int] = {}

    async def start(self, port: int) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)

    def be(self, mode: Mode) -> None:
        """Treat all connections, also those that are open, in this way from now on."""
        self._mode = mode
        for pair in list(self._pairs):
            if pair.swallowed or mode == "refuse":
                pair.reset()

    async def close(self) -> None:
        """End everything."""
        if self._server is not None:
            self._server.close()
        for pair in list(self._pairs):
            pair.reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _count(self, mode: Mode) -> None:
        self.struck[mode] = self.struck.get(mode, 0) + 1

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pair = _Pair([writer])
        self._pairs[pair] = None
        task = asyncio.current_task()
        assert task is not None
        self._tasks[task] = None
        try:
            if self._mode == "refuse":
                self._count("refuse")
                return
            theirs, to_node = await asyncio.open_connection("127.0.0.1", self._target)
            pair.writers.append(to_node)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, to_node, pair, back=False))
                both.create_task(self._pump(theirs, writer, pair, back=True))
        except* OSError:
            pass
        finally:
            pair.reset()
            self._pairs.pop(pair, None)
            self._tasks.pop(task, None)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pair: _Pair, *, back: bool
    ) -> None:
        left = self._chance.randrange(_MOST_BEFORE_RESET)
        while data := await reader.read(_CHUNK):
            mode = self._mode
            if mode == "half-open" or (mode == "one-way" and back):
                pair.swallowed = True
                self._count(mode)
            if pair.swallowed:
                continue
            if mode == "reset" and (left := left - len(data)) < 0:
                self._count(mode)
                raise ConnectionResetError
            await self._write(writer, data)
        raise ConnectionResetError  # one end is closed: the other follows

    async def _write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        size, pause_s = _TRICKLE
        while data and self._mode == "slow":
            self._count("slow")
            writer.write(data[:size])
            data = data[size:]
            await writer.drain()
            await asyncio.sleep(pause_s)
        writer.write(data)
        await writer.drain()
