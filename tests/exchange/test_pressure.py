"""A member that floods, dallies or sends nonsense slows only itself; the others are answered at once (SPEC S-178)."""

import asyncio
import contextlib
import gzip
import json
import os
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from directory_sync.demo import demo_authorities
from node.delivery import door as doors
from node.delivery import http_listener
from node.delivery.admission import (
    BURST_S,
    MAX_CALLS,
    MAX_HEAVY_CALLS,
    MAX_HELD,
    MAX_HELD_BY_ALL,
    Admission,
    BusyError,
    Weight,
    weigh,
)
from node.delivery.call import Answer, Call, LineError
from node.delivery.door import MAX_CONNECTIONS, MAX_HANDSHAKES, Door
from node.delivery.http_line import HttpLine
from node.delivery.incoming import BATCHES, BLOBS, STREAMS
from node.delivery.incoming_directory import DIRECTORY
from node.domain.access import operator
from node.domain.allowance import Buckets
from node.service import directory
from protocol.batch import MEDIA_TYPE, parse_batch
from protocol.limits import MAX_ANSWER, MAX_MEMBER_BUNDLE, MAX_REQUEST_BODY, MIB
from protocol.receipt import parse_receipt
from tests.exchange.attacker import Attacker
from tests.exchange.listening import Listening, listening

HEADERS = {"content-type": MEDIA_TYPE}


@pytest.fixture
async def net(tmp_path: Path) -> AsyncIterator[Listening]:
    """Give Hungary's listener, with Germany and Austria as its peers."""
    async with listening(tmp_path, "DE", "AT") as made:
        await directory.import_authorities(made.nodes["HU"], operator(), demo_authorities("HU"))
        yield made


def door_of(net: Listening) -> Door:
    """Return the listener's door."""
    return net.runner.app[http_listener.DOOR]


def admission_of(net: Listening) -> Admission:
    """Return the listener's accounts."""
    return net.runner.app[http_listener.ADMISSION]


FLOOD_S = float(os.environ.get("FLOOD_S", "4"))
"""How long the flood lasts; `FLOOD_S=60` plays a whole minute of it."""


def context_of(net: Listening, country: str) -> ssl.SSLContext:
    """Return the TLS context of a member."""
    return net.client(net.nodes[country].keys.tls_certificate, net.nodes[country].keys.tls_key)


class Flood:
    """A member's attack from many connections, until it is stopped."""

    def __init__(self, net: Listening) -> None:
        self.net = net
        self.context = context_of(net, "DE")
        self.attacker = Attacker(net.nodes["DE"], net.nodes["HU"], net.nodes["AT"])
        self.answers: dict[bytes, int] = {}
        self.most_held = self.most_inside = self.most_knocking = 0
        self.tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin with everything at once."""
        valid = self.attacker.batch([self.attacker.request() for _ in range(40)])
        huge = valid[:-2] + b"x" * (MAX_REQUEST_BODY - len(valid)) + b"\n"
        bodies = [valid, huge, b"\x00" * MAX_REQUEST_BODY, b"{" * 100_000, b"", b"\n" * MAX_REQUEST_BODY]
        jobs = [self._again(self._post(body)) for body in bodies for _ in range(2)]
        jobs += [
            self._again(self._get(path))
            for path in (DIRECTORY, f"{DIRECTORY}/HU", BLOBS + "A" * 43, "/", "/peer/v1/members")
        ]
        jobs += [self._again(self._loris(start)) for start in self._slow() for _ in range(3)]
        jobs += [self._again(self._stranger) for _ in range(40)]
        self.tasks = [asyncio.create_task(job) for job in jobs]

    async def stop(self) -> None:
        """End it."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def _slow(self) -> list[bytes]:
        head = b"POST /peer/v1/batches HTTP/1.1\r\nhost: x\r\ncontent-type: " + MEDIA_TYPE.encode()
        return [b"GET /peer", head + b"\r\ncontent-length: 1000000\r\n\r\nabc", head + b"\r\nx-a: " + b"a" * 4000]

    async def _again(self, once) -> None:
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError):
                await once()
            admission, door = admission_of(self.net), door_of(self.net)
            self.most_held = max(self.most_held, admission.held)
            self.most_inside = max(self.most_inside, door.inside)
            self.most_knocking = max(self.most_knocking, door.knocking)
            await asyncio.sleep(0)

    async def _call(self, wire: bytes) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.net.port, ssl=self.context, server_hostname="")
        try:
            for _ in range(20):
                writer.write(wire)
                status = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]
                self.answers[status] = self.answers.get(status, 0) + 1
                if status != b"200":
                    break
                await reader.read(MAX_REQUEST_BODY)
        finally:
            writer.transport.abort()

    def _post(self, body: bytes):
        head = (
            f"POST {BATCHES} HTTP/1.1\r\nhost: x\r\ncontent-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        return lambda: self._call(head.encode() + body)

    def _get(self, path: str):
        return lambda: self._call(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())

    def _loris(self, start: bytes):
        async def once() -> None:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", self.net.port, ssl=self.context, server_hostname=""
            )
            try:
                writer.write(start)
                await reader.read(100)
            finally:
                writer.transport.abort()

        return once

    async def _stranger(self) -> None:
        """Open a connection and never say a word of TLS."""
        with contextlib.ExitStack() as stack:
            for _ in range(5):
                raw = stack.enter_context(socket.socket())
                raw.settimeout(0)
                await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", self.net.port))
            await asyncio.sleep(3)


async def _resent(line: HttpLine, wire: bytes) -> Answer:
    """Send a batch until it is answered: who knocks among two hundred strangers may have to knock again."""
    while True:
        with contextlib.suppress(LineError):
            return await line.send(Call("POST", BATCHES, {}, HEADERS, wire))
        await asyncio.sleep(0.05)  # a courier waits longer


async def test_a_flood_slows_only_its_author(net: Listening) -> None:
    """While Germany floods with everything it has, each of Austria's batches is receipted within five seconds."""
    honest, line = Attacker(net.nodes["AT"], net.nodes["HU"], net.nodes["DE"]), net.line("AT")
    flood = Flood(net)
    flood.start()
    loop, slowest = asyncio.get_running_loop(), 0.0
    try:
        end = loop.time() + FLOOD_S
        while loop.time() < end or sum(flood.answers.values()) <= 20:  # however slow the machine is
            batch = parse_batch(honest.batch([honest.event("no.kind", {})]))
            before = loop.time()
            answer = await _resent(line, batch.wire())
            slowest = max(slowest, loop.time() - before)
            assert answer.status == 200, answer.body
            assert parse_receipt(answer.body).claims.outcomes[0][1] == "unknown-kind"
            honest.consumed(batch)
    finally:
        await flood.stop()
    assert slowest < 5, slowest
    assert honest.head.next > 3
    assert sum(flood.answers.values()) > 20
    assert flood.most_held <= MAX_HELD + MAX_REQUEST_BODY
    assert 0 < flood.most_inside <= MAX_CONNECTIONS + 1
    assert MAX_HANDSHAKES // 2 < flood.most_knocking <= MAX_HANDSHAKES  # seen from time to time only


async def head_of(net: Listening, country: str, wire: bytes) -> tuple[int, dict[str, str], asyncio.StreamWriter]:
    """Send bytes as a member and return status and headers of the answer, and the open connection."""
    reader, writer = await knock(net, country, wire)
    async with asyncio.timeout(10):  # sooner than a body is given up that doesn't come
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
    return int(lines[0].split()[1]), headers, writer


async def knock(net: Listening, country: str, wire: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect as a member and send bytes."""
    context = context_of(net, country)
    reader, writer = await asyncio.open_connection("127.0.0.1", net.port, ssl=context, server_hostname="")
    writer.write(wire)
    await writer.drain()
    return reader, writer


def unfinished(path: str) -> bytes:
    """Return a call whose body never ends."""
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {MEDIA_TYPE}\r\ncontent-length: 100\r\n\r\nabc"
    return head.encode()


async def until(said) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(5):
        while not said():  # noqa: ASYNC110 - what is waited for happens in the listener
            await asyncio.sleep(0.005)


@pytest.mark.parametrize(("path", "most"), [("/elsewhere", MAX_CALLS), (BATCHES, MAX_HEAVY_CALLS)])
async def test_who_keeps_many_calls_open_waits_for_them(net: Listening, path: str, most: int) -> None:
    """One call more than allowed at once is 429 `busy` with Retry-After; another member isn't touched, nor is what comes after."""
    admission, writers = admission_of(net), []
    for count in range(most):
        _, writer = await knock(net, "DE", unfinished(path))
        writers.append(writer)
        await until(lambda c=count: admission._inside["DE"].calls == c + 1 if "DE" in admission._inside else False)
    status, headers, writer = await head_of(net, "DE", unfinished(path))
    assert (status, headers["retry-after"], headers["connection"]) == (429, "1", "close")
    writer.transport.abort()
    assert (await net.line("AT").send(Call("GET", STREAMS + "AT"))).status == 200
    for writer in writers:
        writer.transport.abort()
    await until(lambda: admission.held == 0)
    assert (await net.line("DE").send(Call("GET", STREAMS + "DE"))).status == 200


async def test_who_causes_too_much_work_is_told_when_to_come_back(tmp_path: Path) -> None:
    """A member that has used up its work gets 429 with the seconds to wait; the others go on."""
    async with listening(tmp_path, "DE", "AT", work_per_s=0.01) as net:
        line = net.line("DE")
        first = await line.send(Call("GET", f"{DIRECTORY}/AT"))
        second = await line.send(Call("GET", f"{DIRECTORY}/AT"))
        assert first.status == 404  # nothing published
        assert (second.status, json.loads(second.body)["code"]) == (429, "busy")
        assert 1 < int(second.headers["retry-after"]) <= BURST_S
        assert (await net.line("AT").send(Call("GET", STREAMS + "AT"))).status == 200


async def test_a_head_that_never_ends_is_cut_off(net: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection without a whole call in time is ended, however alive it seems."""
    monkeypatch.setattr(doors, "IDLE_S", 0.2)
    reader, writer = await knock(net, "DE", b"GET /peer/v1/members HTTP/1.1\r\nx-a: ")
    with contextlib.suppress(OSError):
        async with asyncio.timeout(5):
            assert await reader.read() == b""
    writer.transport.abort()
    await until(lambda: door_of(net).inside == 0)


async def test_a_handshake_that_never_ends_is_cut_off(net: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who connects and says nothing, or nonsense, is shown out."""
    monkeypatch.setattr(doors, "HANDSHAKE_S", 0.2)
    for said in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01"):
        reader, writer = await asyncio.open_connection("127.0.0.1", net.port)
        writer.write(said)
        with contextlib.suppress(OSError):
            async with asyncio.timeout(5):
                await reader.read()
        writer.transport.abort()
    await until(lambda: door_of(net).knocking == 0)


async def test_a_body_that_trickles_is_cut_off(net: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that isn't there in time is refused for the time being, and what was held for it is free again."""
    monkeypatch.setattr(http_listener, "BODY_S", 0.2)
    status, _, writer = await head_of(net, "DE", unfinished(BATCHES))
    writer.transport.abort()
    assert status == 429
    await until(lambda: admission_of(net).held == 0)


async def test_a_compressed_body_is_taken_as_it_is(net: Listening) -> None:
    """Nothing is unpacked, so no small body becomes a large one."""
    bomb = gzip.compress(b"\n" * 10 * MIB)
    answer = await net.line("DE").send(Call("POST", BATCHES, {}, {**HEADERS, "content-encoding": "gzip"}, bomb))
    assert (answer.status, json.loads(answer.body)["code"]) == (400, "malformed")


def test_a_peer_that_holds_nothing_is_let_in_whatever_the_others_hold() -> None:
    """What all hold together is bounded, and the bound never locks out who isn't the cause."""
    admission, large = Admission(1.0), Weight(0.0, MAX_HELD)
    with contextlib.ExitStack() as stack:
        for peer in range(MAX_HELD_BY_ALL // MAX_HELD):
            stack.enter_context(admission.enter(f"X{peer}", large, 0.0))
        stack.enter_context(admission.enter("AT", large, 0.0))
        for peer in ("X0", "AT"):
            with pytest.raises(BusyError), admission.enter(peer, Weight(0.0, 1), 0.0):
                pass
    assert admission.held == 0
    with admission.enter("X0", Weight(0.0, 1), 0.0):
        pass


def test_honest_work_at_full_speed_is_never_refused() -> None:
    """What two nodes manage to exchange on two cores (design: 3,700 events a second in full batches) stays below the limit."""
    admission = Admission(1.0)
    weight = weigh(Call("POST", BATCHES), 250_000)
    for second in range(60):
        for part in range(37):
            with admission.enter("DE", weight, second + part / 37):
                pass


@pytest.mark.parametrize("asked", ["", "bytes=5-", "bytes=9-2", "bytes=0-999999999999", "bytes=0-10", "x"])
def test_a_blob_is_weighed_before_it_is_read(asked: str) -> None:
    """However the range is written, the weight covers what may be held."""
    weight = weigh(Call("GET", BLOBS + "x", {}, {"range": asked}), None)
    assert MIB <= weight.held <= MAX_HELD


def test_a_bucket_gives_what_it_promised() -> None:
    """Who waits as long as it was told gets through; who doesn't is told again, and loses nothing by asking."""
    buckets = Buckets(2.0, 4.0)
    assert [buckets.wait("DE", 2, 0.0) for _ in range(3)] == [0, 0, 1.0]
    assert buckets.wait("AT", 4, 0.0) == 0
    assert buckets.wait("DE", 2, 0.5) == 0.5
    assert buckets.wait("DE", 2, 1.0) == 0
    assert buckets.wait("HU", 100, 0.0) == 0  # never more than a full bucket, or it would never be granted


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("longest", [MAX_ANSWER, MAX_MEMBER_BUNDLE])
async def test_an_answer_is_read_as_far_as_it_was_asked_for(
    net: Listening, monkeypatch: pytest.MonkeyPatch, longest: int, status: int
) -> None:
    """A byte more than the call allows ends it (SPEC S-098); a problem is small whatever was asked."""
    most = longest if status == 200 else MAX_ANSWER

    async def told(_node: object, _peer: object, call: Call) -> Answer:
        return Answer(status, {}, b"x" * int(call.query["size"]))

    monkeypatch.setattr(http_listener, "handle", told)
    line = net.line("DE")
    good = await line.send(Call("GET", "/", {"size": str(most)}, longest=longest))
    assert (good.status, len(good.body)) == (status, most)
    with pytest.raises(LineError, match="larger than allowed"):
        await line.send(Call("GET", "/", {"size": str(most + 1)}, longest=longest))


async def test_an_answer_without_an_end_is_cut_off(net: Listening) -> None:
    """A peer that goes on and on is left as soon as it has said more than was asked for."""
    said = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal said
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        with contextlib.suppress(OSError):
            while said < 64 * MIB:
                writer.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                await writer.drain()
                said += 65536
        writer.close()

    await net.runner.cleanup()
    server = await asyncio.start_server(talk, "127.0.0.1", net.port, ssl=net.contexts.listener)
    async with server:
        with pytest.raises(LineError, match="larger than allowed"):
            await net.line("DE").send(Call("GET", "/"))
    assert said < 16 * MIB
