"""Real listeners and lines on the loopback: who gets in, who doesn't, and what the operator is told."""

import asyncio
import contextlib
import gzip
import json
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from node.delivery import http_listener
from node.delivery.call import Answer, Call, LineError
from node.delivery.first_list import fetch_list
from node.delivery.incoming import BATCHES, MEMBERS, STREAMS, handle
from node.delivery.tls import ServerContexts, client_context
from node.domain.access import operator
from node.service.membership import set_blocked
from node.service.node import Node
from node.store.key_files import write_secret
from protocol.batch import MEDIA_TYPE
from protocol.encoding import canonical_json
from protocol.limits import MAX_REQUEST_BODY
from protocol.member_bundle import MemberBundle
from tests.exchange.listening import Listening, listening
from tests.exchange.pair import START, LoopClock, members_of, open_for_test
from tests.node.network import suspend

GIB = 1024**3


@pytest.fixture
async def net(tmp_path: Path) -> AsyncIterator[Listening]:
    """Give a real listener and what knocks at it."""
    async with listening(tmp_path) as made:
        yield made


@contextmanager
def refused(net: Listening) -> Iterator[None]:
    """Expect that the listener notes a reason."""
    before = len(net.contexts.refusals)
    yield
    assert len(net.contexts.refusals) > before
    assert net.contexts.refusals[-1]


def issue(folder: Path, issuer_key: ec.EllipticCurvePrivateKey | None, *, ca: bool) -> tuple[Path, Path]:
    """Make a certificate with its key, issued by `issuer_key` or by itself."""
    folder.mkdir()
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, folder.name)])
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "pinned")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key.public_key())
    builder = (
        builder.serial_number(7).not_valid_before(START.replace(year=2000)).not_valid_after(START.replace(year=2999))
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    certificate = builder.sign(issuer_key or key, hashes.SHA256())
    (folder / "tls.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_secret(folder / "tls.pem", key.private_bytes(*form))
    return folder / "tls.crt", folder / "tls.pem"


def key_of(path: Path) -> ec.EllipticCurvePrivateKey:
    """Read a private key."""
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def der_of(path: Path) -> bytes:
    """Read a certificate as the member list carries it."""
    return x509.load_pem_x509_certificate(path.read_bytes()).public_bytes(serialization.Encoding.DER)


async def shake(net: Listening, context: ssl.SSLContext) -> bytes:
    """Connect, ask for something and return what comes back; raises where the handshake fails."""
    reader, writer = await asyncio.open_connection("127.0.0.1", net.port, ssl=context, server_hostname="")
    try:
        writer.write(b"GET /peer/v1/members HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        return await reader.read()
    finally:
        writer.transport.abort()


async def nothing(net: Listening, context: ssl.SSLContext) -> None:
    """Check that no answer comes: in TLS 1.3 a client learns of its refusal only when it reads."""
    with contextlib.suppress(ssl.SSLError, ConnectionError):
        assert await shake(net, context) == b""


async def test_a_member_gets_in_and_is_known_by_its_certificate(net: Listening) -> None:
    """The answer is that for this member: its own stream, and nobody else's."""
    line = net.line("DE")
    assert (await line.send(Call("GET", STREAMS + "DE"))).status == 200
    assert (await line.send(Call("GET", STREAMS + "AT"))).status == 404
    assert not net.contexts.refusals


async def test_calls_go_through_the_proxy_and_show_nobody_the_netrc(
    net: Listening, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment's proxy carries calls by CONNECT and gets its password; passwords and cookies go to no peer."""
    netrc, asked, shown = tmp_path / "netrc", list[bytes](), list[set[str]]()
    netrc.write_text("default login operator password secret\n")

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", net.port)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(_pipe(reader, inner_writer), _pipe(inner_reader, writer))

    async def noted(node: Node, peer: str | None, call: Call) -> Answer:
        shown.append(set(call.headers))
        return replace(await handle(node, peer, call), headers={"set-cookie": "who=DE"})

    async with await asyncio.start_server(connect, "127.0.0.1", 0) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
        monkeypatch.setenv("NETRC", str(netrc))
        monkeypatch.setattr(http_listener, "handle", noted)
        line = net.line("DE")
        assert [(await line.send(Call("GET", STREAMS + "DE"))).status for _ in range(2)] == [200, 200]
        await line.close()
        keys = net.nodes["DE"].keys
        await fetch_list(f"https://127.0.0.1:{net.port}", keys.tls_certificate, keys.tls_key)
    assert {request.split(b"\r\n")[0] for request in asked} == {f"CONNECT 127.0.0.1:{net.port} HTTP/1.1".encode()}
    assert [b"\r\nProxy-Authorization: Basic " in request for request in asked] == [True, True]
    assert len(shown) == 3
    assert {"authorization", "cookie"}.isdisjoint(set().union(*shown))


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
    writer.close()


async def test_an_unknown_certificate_is_refused_at_tls(net: Listening) -> None:
    """Nothing is answered, and both operators are told where to look."""
    with refused(net), pytest.raises(LineError, match="perhaps the peer doesn't know this node's TLS certificate"):
        await net.line("AT").send(Call("GET", MEMBERS))


async def test_no_certificate_is_refused_at_tls(net: Listening) -> None:
    """A browser gets nothing but an alert."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with refused(net):
        await nothing(net, context)


@pytest.mark.parametrize("ca", [False, True])
async def test_a_certificate_issued_by_a_pinned_key_is_refused(net: Listening, tmp_path: Path, *, ca: bool) -> None:
    """Only the certificate itself is in the list, not what it signs, whatever it says of itself."""
    pinned = issue(tmp_path / "pinned", None, ca=ca)
    net.contexts.trust(frozenset({der_of(pinned[0])}))
    assert b" 403 " in await shake(net, net.client(*pinned))
    issued = issue(tmp_path / "issued", key_of(pinned[1]), ca=False)
    with refused(net):
        await nothing(net, net.client(*issued))
    if ca:
        assert "issued by one that is" in net.contexts.refusals[-1]


async def test_tls_1_2_is_refused(net: Listening) -> None:
    """An older protocol ends in the handshake, and the reason is noted."""
    keys = net.nodes["DE"].keys
    context = net.client(keys.tls_certificate, keys.tls_key)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with refused(net):
        await nothing(net, context)


async def test_a_member_that_was_removed_is_refused_on_its_open_connection(net: Listening) -> None:
    """The list counts at the next request, not at the next handshake; it alone may still be fetched (SPEC S-165)."""
    line = net.line("DE")
    assert (await line.send(Call("GET", STREAMS + "DE"))).status == 200
    members = net.nodes["HU"].members
    assert members is not None
    net.nodes["HU"].members = suspended = suspend(members, "DE", list(net.nodes.values()), START)
    net.contexts.trust(suspended.listed_certificates())
    for way in (line, net.line("DE")):
        answer = await way.send(Call("GET", STREAMS + "DE"))
        assert (answer.status, json.loads(answer.body)["code"]) == (403, "not-a-member")
        shown = MemberBundle.from_json((await way.send(Call("GET", MEMBERS))).body)
        assert shown.targets == suspended.bundle().targets
    posted = Call("POST", BATCHES, {}, {"content-type": MEDIA_TYPE}, b"x")
    assert (await line.send(posted)).status == 403
    await set_blocked(net.nodes["HU"], operator(), "DE", blocked=True)
    assert (await line.send(Call("GET", MEMBERS))).status == 403
    assert not net.contexts.refusals


async def test_a_compressed_batch_is_refused(net: Listening) -> None:
    """What is signed travels as it is: a body with a content encoding is malformed (SPEC S-168)."""
    headers = {"content-type": MEDIA_TYPE, "content-encoding": "gzip"}
    answer = await net.line("DE").send(Call("POST", BATCHES, {}, headers, gzip.compress(b"x\ny\n")))
    assert (answer.status, json.loads(answer.body)["detail"]) == (400, "a batch isn't compressed")
    assert canonical_json(json.loads(answer.body)) == answer.body


async def test_a_new_member_gets_in_without_a_restart(net: Listening) -> None:
    """A new list counts for the next connection, and open ones go on."""
    before = net.line("DE")
    assert (await before.send(Call("GET", MEMBERS))).status == 200
    both = frozenset({net.nodes["DE"].keys.tls_der, net.nodes["AT"].keys.tls_der})
    net.contexts.trust(both)
    assert (await net.line("AT").send(Call("GET", STREAMS + "AT"))).status == 200
    assert (await before.send(Call("GET", MEMBERS))).status == 200
    net.contexts.trust(both - {net.nodes["DE"].keys.tls_der})
    with refused(net), pytest.raises(LineError):
        await net.line("DE").send(Call("GET", MEMBERS))


@asynccontextmanager
async def impostor(certificate: Path, key: Path, trusted: bytes) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Listen with another certificate and keep what a client says after the handshake."""
    heard: list[bytes] = []
    contexts = ServerContexts(certificate, key)
    contexts.trust(frozenset({trusted}))

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read())
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=contexts.listener)
    async with server:
        yield server.sockets[0].getsockname()[1], heard


@pytest.mark.parametrize("issued", [False, True], ids=["any other", "issued by the pinned one"])
async def test_a_server_with_another_certificate_hears_nothing(net: Listening, tmp_path: Path, *, issued: bool) -> None:
    """The client ends the connection before it sends a request, and says why."""
    pinned = issue(tmp_path / "pinned", None, ca=True)
    files = issue(tmp_path / "impostor", key_of(pinned[1]) if issued else None, ca=False)
    node = net.nodes["DE"]
    async with impostor(*files, node.keys.tls_der) as (port, heard):
        context = client_context(node.keys.tls_certificate, node.keys.tls_key, frozenset({der_of(pinned[0])}))
        with pytest.raises(ssl.SSLError):
            await shake(replace(net, port=port), context)
        assert not any(heard)


async def test_the_line_says_that_the_peer_showed_another_certificate(net: Listening, tmp_path: Path) -> None:
    """The operator reads what is wrong, and no batch leaves the house."""
    members = net.nodes["DE"].members
    assert members is not None
    files = issue(tmp_path / "impostor", None, ca=False)
    async with impostor(*files, net.nodes["DE"].keys.tls_der) as (port, heard):
        elsewhere = open_for_test(tmp_path / "HU2", "HU", LoopClock(), url=f"https://127.0.0.1:{port}")
        net.nodes["DE"].members = members_of(net.nodes["DE"], elsewhere)
        with pytest.raises(LineError, match="a TLS certificate that isn't in the member list"):
            await net.line("DE").send(Call("POST", BATCHES, {}, {"content-type": MEDIA_TYPE}, b"secret"))
        assert not any(heard)
        await elsewhere.store.close()
        await elsewhere.key_store.close()


async def test_no_session_can_be_resumed(net: Listening) -> None:
    """The server gives no ticket, so every connection shows its certificate."""
    keys = net.nodes["DE"].keys
    context = net.client(keys.tls_certificate, keys.tls_key)
    reader, writer = await asyncio.open_connection("127.0.0.1", net.port, ssl=context, server_hostname="")
    writer.write(b"GET /peer/v1/members HTTP/1.1\r\nhost: x\r\n\r\n")
    assert b" 200 " in await reader.readline()
    tls = writer.get_extra_info("ssl_object")
    assert tls.version() == "TLSv1.3"
    assert not tls.session.has_ticket
    writer.transport.abort()


async def pour(net: Listening, head: bytes, piece: bytes) -> tuple[int, bytes]:
    """Send up to 1 GiB; return how many bytes the server took, and what it answered."""
    keys = net.nodes["DE"].keys
    context = net.client(keys.tls_certificate, keys.tls_key)
    reader, writer = await asyncio.open_connection("127.0.0.1", net.port, ssl=context, server_hostname="")
    answer, sent = asyncio.ensure_future(reader.read(4096)), 0
    try:
        writer.write(head)
        while sent < GIB and not writer.is_closing():
            writer.write(piece)
            sent += len(piece)
            await writer.drain()
            await asyncio.sleep(0)
    except (ConnectionError, ssl.SSLError):
        pass
    try:
        return sent, await answer
    except (ConnectionError, ssl.SSLError):
        return sent, b""
    finally:
        writer.transport.abort()


@pytest.mark.parametrize("announced", [True, False], ids=["by its length", "while counting"])
async def test_a_body_of_a_gigabyte_is_never_read(net: Listening, *, announced: bool) -> None:
    """The listener answers 413 and closes after little more than what a batch may have."""
    post = f"POST {BATCHES} HTTP/1.1\r\nhost: x\r\ncontent-type: {MEDIA_TYPE}\r\n".encode()
    piece = bytes(1024 * 1024)
    if announced:
        sent, answer = await pour(net, post + f"content-length: {GIB}\r\n\r\n".encode(), piece)
    else:
        sent, answer = await pour(net, post + b"transfer-encoding: chunked\r\n\r\n", b"100000\r\n" + piece + b"\r\n")
    assert sent < 16 * MAX_REQUEST_BODY
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert (await net.line("DE").send(Call("GET", STREAMS + "DE"))).status == 200
