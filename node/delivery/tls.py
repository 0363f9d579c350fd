"""Mutual TLS 1.3 between nodes: no CA, certificates pinned by the member list (SPEC.md section 11).

The list decides validity, so certificates are compared byte for byte: a certificate *issued by* a pinned
key passes OpenSSL's verification, but not this.
"""

import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from typing_extensions import override

log: Final = structlog.get_logger("entente.tls")

SSLProtocol.max_size = 64 * 1024
"""Bytes that asyncio sets aside, and fills with zeros, for each TLS connection: of its own accord it takes 256 KiB.

A node has two with each peer, and a record of TLS has 16 KiB.
"""


class PeerContext(ssl.SSLContext):
    """A context that knows which certificates the other end may show (DER)."""

    pinned: frozenset[bytes] = frozenset()
    on_refusal: Callable[[str], None] = staticmethod(lambda _reason: None)


class _PinnedObject(ssl.SSLObject):
    """Completes a handshake only with a pinned certificate, and tells why not otherwise."""

    @override
    def do_handshake(self) -> None:
        context = self.context
        assert isinstance(context, PeerContext)
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            context.on_refusal(error.reason or "handshake failed")
            raise
        certificate = self.getpeercert(binary_form=True)
        current = self.context
        assert isinstance(current, PeerContext)
        if certificate not in current.pinned:  # SPEC S-091
            current.on_refusal("a certificate that isn't in the member list, issued by one that is")
            raise ssl.SSLCertVerificationError("the certificate isn't in the member list")


def _context(protocol: int, certificate: Path, key: Path, pinned: frozenset[bytes]) -> PeerContext:
    context = PeerContext(protocol)
    context.sslobject_class = _PinnedObject
    context.minimum_version = ssl.TLSVersion.TLSv1_3  # SPEC S-090
    context.check_hostname = False  # the certificate itself is pinned, not its name
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_cert_chain(certificate, key)
    if pinned:
        context.load_verify_locations(cadata="".join(_pem(der) for der in sorted(pinned)))
    context.pinned = pinned
    return context


def _pem(der: bytes) -> str:
    return x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM).decode("ascii")


def client_context(certificate: Path, key: Path, pinned: frozenset[bytes]) -> PeerContext:
    """Return the context for one peer: it trusts that peer's certificates and no others."""
    return _context(ssl.PROTOCOL_TLS_CLIENT, certificate, key, pinned)


class ServerContexts:
    """The peers' listener's context, swapped for each new connection when the member list changes.

    `load_verify_locations` on a live context only adds, so a new context is made and put in place in the
    SNI callback.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        """Take the node's TLS certificate and key; nobody is trusted before the first `trust`."""
        self._files = (certificate, key)
        self.refusals: list[str] = []
        self._current = self._make(frozenset())
        self.listener = self._make(frozenset())
        self.listener.sni_callback = self._swap

    def trust(self, pinned: frozenset[bytes]) -> None:
        """Accept exactly these certificates from now on."""
        self._current = self._make(pinned)

    def _make(self, pinned: frozenset[bytes]) -> PeerContext:
        context = _context(ssl.PROTOCOL_TLS_SERVER, *self._files, pinned)
        context.num_tickets = 0  # SPEC S-097
        context.on_refusal = self._refused
        return context

    def _swap(self, connection: Any, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._current

    def _refused(self, reason: str) -> None:
        self.refusals = [*self.refusals[-19:], reason]
        log.warning("tls-refused", reason=reason, hint="compare the peer's certificate with the member list")
