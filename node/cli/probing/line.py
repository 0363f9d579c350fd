"""Checks of TLS and HTTP: who gets in, what is too large, and what is no address."""

import asyncio
import datetime as dt
import gzip
import ssl
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from node.cli.probing.check import Check, SkippedError, UnexpectedError, check, require
from node.cli.probing.probe import OK, Probe, problem, shown
from node.cli.probing.wire import CALL_S, DroppedError
from node.delivery.call import Answer
from node.delivery.incoming import BATCHES, MEMBERS, STREAMS
from node.store.key_files import write_secret
from protocol.batch import MEDIA_TYPE
from protocol.limits import MAX_REQUEST_BODY, MIB

_NOT_FOUND: Final = 404
_CLIENT_ERRORS: Final = range(400, 500)
_PIECE: Final = 64 * 1024
_GIB: Final = 1024 * MIB
_TYPE: Final = {"content-type": MEDIA_TYPE}


def _context(certificate: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
    """Return a client's context that takes any server: who the server is, another check looks at."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context


def _own(probe: Probe) -> ssl.SSLContext:
    keys = probe.voice.node.keys
    return _context(keys.tls_certificate, keys.tls_key)


def _foreign(folder: Path, probe: Probe, issuer: ec.EllipticCurvePrivateKey | None) -> ssl.SSLContext:
    """Return a context with a new certificate, issued by itself or by a key that is listed."""
    key = ec.generate_private_key(ec.SECP256R1())
    listed = x509.load_der_x509_certificate(probe.voice.node.keys.tls_der)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "probe")])
    builder = x509.CertificateBuilder(issuer_name=listed.subject if issuer else name, subject_name=name)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(dt.datetime(2000, 1, 1, tzinfo=dt.UTC))
    builder = builder.not_valid_after(dt.datetime(2999, 1, 1, tzinfo=dt.UTC))
    certificate = builder.sign(issuer or key, hashes.SHA256())
    (folder / "probe.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_secret(folder / "probe.pem", key.private_bytes(*form))
    return _context(folder / "probe.crt", folder / "probe.pem")


async def _dropped(probe: Probe, context: ssl.SSLContext) -> None:
    """Require that no answer comes, whatever is asked; in TLS 1.3 a client learns of its refusal when it reads."""
    try:
        answer = await probe.wire.raw(probe.wire.head("GET", MEMBERS, {}), context=context)
    except DroppedError:
        return
    raise UnexpectedError(f"the handshake succeeded: {shown(answer)}")


@check("S-090", "S-091", expects="the handshake fails")
async def no_certificate(probe: Probe) -> None:
    """Call without a certificate."""
    await _dropped(probe, _context())


@check("S-091", expects="the handshake fails")
async def foreign_certificate(probe: Probe) -> None:
    """Call with a certificate that stands in no record."""
    with tempfile.TemporaryDirectory() as folder:
        await _dropped(probe, _foreign(Path(folder), probe, None))


@check("S-091", expects="the handshake fails")
async def issued_certificate(probe: Probe) -> None:
    """Call with a certificate that our listed key has issued."""
    key = serialization.load_pem_private_key(probe.voice.node.keys.tls_key.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise SkippedError("the probe's TLS key isn't on P-256")
    with tempfile.TemporaryDirectory() as folder:
        await _dropped(probe, _foreign(Path(folder), probe, key))


@check("S-090", expects="the handshake fails")
async def tls_1_2(probe: Probe) -> None:
    """Call with TLS 1.2."""
    context = _own(probe)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    await _dropped(probe, context)


@check("S-091", expects="the server's certificate is in its record, byte for byte")
async def server_certificate(probe: Probe) -> None:
    """Call and look at the certificate."""
    _, writer = await probe.wire.connect(_own(probe))
    tls = writer.get_extra_info("ssl_object")
    shown_der, version = tls.getpeercert(binary_form=True), tls.version()
    writer.transport.abort()
    require(shown_der in probe.record.tls, "a certificate that isn't in its record")
    require(version == "TLSv1.3", f"{version}")


@check("S-097", expects="a full handshake both times")
async def resumption(probe: Probe) -> None:
    """Call, then call again in a way that would resume its session."""
    context = _own(probe)
    await probe.wire.raw(probe.wire.head("GET", STREAMS + probe.own, {}), context=context)
    session = await _handshake(probe, context, None)
    if session is None or not session.has_ticket:
        return
    await _handshake(probe, context, session)


async def _handshake(probe: Probe, context: ssl.SSLContext, session: ssl.SSLSession | None) -> ssl.SSLSession | None:
    """Ask on a connection that offers a session; returns the session that the server gave, if any."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=probe.wire.host, session=session)
    reader, writer = await asyncio.open_connection(probe.wire.host, probe.wire.port)
    try:
        async with asyncio.timeout(CALL_S):
            await _pump(tls.do_handshake, reader, writer, incoming, outgoing)
            require(not tls.session_reused, "a session that was resumed")
            tls.write(probe.wire.head("GET", STREAMS + probe.own, {}))
            await _pump(lambda: tls.read(_PIECE), reader, writer, incoming, outgoing)
        return tls.session
    finally:
        writer.transport.abort()


async def _pump(
    step: Callable[[], object],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    incoming: ssl.MemoryBIO,
    outgoing: ssl.MemoryBIO,
) -> None:
    while True:
        try:
            step()
        except ssl.SSLWantReadError:
            writer.write(outgoing.read())
            if not (data := await reader.read(_PIECE)):
                raise UnexpectedError("the connection was dropped") from None
            incoming.write(data)
        else:
            writer.write(outgoing.read())
            return


# --- HTTP ---


async def _too_large(probe: Probe, data: bytes) -> None:
    try:
        answer: Answer = await probe.wire.raw(data, "POST")
    except DroppedError as error:
        raise UnexpectedError(f"no 413: {error}") from None
    problem(answer, "too-large")
    await probe.told()


@check("S-002", "S-099", expects="413 too-large before it is read")
async def announced_gigabyte(probe: Probe) -> None:
    """Send a batch that announces a gigabyte."""
    await _too_large(probe, probe.wire.head("POST", BATCHES, {**_TYPE, "content-length": str(_GIB)}) + b"x\n")


@check("S-002", "S-099", expects="413 too-large")
async def one_byte_too_many(probe: Probe) -> None:
    """Send a batch of one byte too many."""
    length = {"content-length": str(MAX_REQUEST_BODY + 1)}
    await _too_large(probe, probe.wire.head("POST", BATCHES, {**_TYPE, **length}) + b"x" * (MAX_REQUEST_BODY + 1))


@check("S-002", "S-099", expects="413 too-large")
async def endless_chunks(probe: Probe) -> None:
    """Send a batch in chunks, of unknown length, that doesn't end."""
    head = probe.wire.head("POST", BATCHES, {**_TYPE, "transfer-encoding": "chunked"})
    chunk = b"%x\r\n" % _PIECE + b"x" * _PIECE + b"\r\n"
    await _too_large(probe, head + chunk * (MAX_REQUEST_BODY // _PIECE + 2))


@check("S-178", expects="a refusal or no answer; the node goes on")
async def long_header(probe: Probe) -> None:
    """Call with a header of a megabyte."""
    try:
        answer = await probe.wire.raw(probe.wire.head("GET", STREAMS + probe.own, {"x-long": "x" * MIB}))
    except DroppedError:
        pass
    else:
        require(answer.status in _CLIENT_ERRORS, shown(answer))
    await probe.told()


@check("S-178", expects="the good one is answered")
async def half_a_call(probe: Probe) -> None:
    """Half a batch and nothing more, a good call beside it."""
    _, writer = await probe.wire.connect()
    try:
        writer.write(probe.wire.head("POST", BATCHES, {**_TYPE, "content-length": "1000"}) + b"x" * 10)
        await writer.drain()
        await probe.told()
    finally:
        writer.transport.abort()


async def _malformed(probe: Probe, headers: dict[str, str], pack: Callable[[bytes], bytes] = bytes) -> None:
    await probe.refused(pack(probe.next(probe.voice.event())), "malformed", headers)


@check("S-093", expects="400 malformed; the stream stays")
async def other_media_type(probe: Probe) -> None:
    """Send a good batch as application/json."""
    await _malformed(probe, {"content-type": "application/json"})


@check("S-093", expects="400 malformed; the stream stays")
async def media_type_with_parameter(probe: Probe) -> None:
    """Send a good batch whose media type has a parameter."""
    await _malformed(probe, {"content-type": MEDIA_TYPE + "; charset=utf-8"})


@check("S-168", expects="400 malformed; the stream stays")
async def compressed(probe: Probe) -> None:
    """Send a good batch, compressed."""
    await _malformed(probe, {"content-encoding": "gzip"}, gzip.compress)


@check("S-168", expects="400 malformed; the stream stays")
async def called_compressed(probe: Probe) -> None:
    """Send a good batch that says it is compressed."""
    await _malformed(probe, {"content-encoding": "gzip"})


def _no_address(name: str, rules: str, method: str, path: str) -> Check:
    async def run(probe: Probe) -> None:
        answer = await probe.patient(method, path, None, None)
        if method == "HEAD":
            require(answer.status == _NOT_FOUND, shown(answer))
        else:
            problem(answer, "not-found")

    return Check(name, tuple(rules.split()), f"{method} {path}", "404 not-found", run)


@check("S-082", "S-096", expects="404 not-found")
async def get_batches(probe: Probe) -> None:
    """GET on the address of batches."""
    problem(await probe.get(BATCHES), "not-found")


@check("S-095", "S-126", expects="200 with epoch, next, last and what S-126 adds")
async def own_stream(probe: Probe) -> None:
    """GET on our own stream."""
    answer = await probe.get(STREAMS + probe.own)
    require(answer.status == OK, shown(answer))
    require(answer.headers.get("content-type") == "application/json", "not application/json")
    there = await probe.told()
    require(there.ours == probe.head, f"the stream stands at {there.ours.epoch}/{there.ours.next}")
    require(there.sealed is not None and there.receipted is not None, "no sealed or receipted")


CHECKS: Final = (
    server_certificate, no_certificate, foreign_certificate, issued_certificate, tls_1_2, resumption,
    announced_gigabyte, one_byte_too_many, endless_chunks, long_header, half_a_call,
    other_media_type, media_type_with_parameter, compressed, called_compressed, get_batches, own_stream,
    _no_address("unknown-address", "S-096", "GET", "/peer/v1/nothing"),
    _no_address("head-method", "S-096", "HEAD", MEMBERS),
    _no_address("put-method", "S-096", "PUT", BATCHES),
    _no_address("delete-method", "S-096", "DELETE", MEMBERS),
)  # fmt: skip
