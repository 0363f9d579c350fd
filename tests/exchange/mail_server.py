"""A real mail server inside the test's own loop: it takes mails, and refuses what a test tells it to."""

import asyncio
import contextlib
import datetime as dt
import email
import email.policy
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from node.config import MailSection

USER, PASSWORD = "entente", "Postkutsche-Regen-7"


async def nothing(_mail: EmailMessage) -> None:
    """Take the mail."""


@dataclass
class MailServer:
    """What it was given, in order; `answers` is what it says to RCPT and DATA before it takes anything again.

    At an empty answer it hangs up.
    """

    port: int
    ca: Path
    taken: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    secure: list[bool] = field(default_factory=list)
    answers: dict[str, list[str]] = field(default_factory=lambda: {"rcpt": [], "data": []})
    after_taking: Callable[[EmailMessage], Awaitable[None]] = nothing
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        """Refuse an address, or note it."""
        if self.answers["rcpt"]:
            self.news.set()
            if not (answer := self.answers["rcpt"].pop(0)):
                server.transport.abort()
            return answer.format(address=address)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """Refuse a mail, or take it."""
        if self.answers["data"]:
            self.news.set()
            return self.answers["data"].pop(0)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.taken.append(mail)
        self.raw.append(envelope.content)
        self.secure.append(session.ssl is not None and session.authenticated)
        self.news.set()
        await self.after_taking(mail)
        return "250 OK"

    async def count(self, count: int) -> list[EmailMessage]:
        """Wait until it has taken so many mails in all."""
        async with asyncio.timeout(20):
            while len(self.taken) < count:
                self.news.clear()
                await self.news.wait()
        return self.taken

    def section(self, folder: Path, **changes: object) -> MailSection:
        """Return the configuration that leads here, with the password in a file beside node.toml."""
        file = folder / "smtp.password"
        if not file.exists():
            file.write_text(PASSWORD)
            file.chmod(0o600)
        values = {
            "host": "localhost",
            "port": self.port,
            "ca": str(self.ca),
            "user": USER,
            "password_file": str(file),
            "sender": "entente@node.example",
        }
        return MailSection.model_validate({**values, **changes})


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Make the server's certificate; returns its file, which a client may trust, and the server's context."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(dt.datetime(2000, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(9999, 12, 31, tzinfo=dt.UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    ca, secret = folder / "mail.crt", folder / "mail.pem"
    ca.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca, secret)
    return ca, context


def _right(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    given = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=given, handled=given)


@contextlib.asynccontextmanager
async def mail_server(folder: Path, port: int = 0, made: MailServer | None = None) -> AsyncIterator[MailServer]:
    """Run the server, with STARTTLS and a password demanded; `made` is one that comes up again."""
    ca, context = certificate(folder) if made is None else (made.ca, _context_of(folder))
    server = made or MailServer(0, ca)

    def connection() -> SMTP:
        return SMTP(
            server,
            tls_context=context,
            require_starttls=True,
            auth_required=True,
            authenticator=_right,
            loop=asyncio.get_running_loop(),
            hostname="localhost",
        )

    listening = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", server.port or port)
    server.port = int(listening.sockets[0].getsockname()[1])
    try:
        yield server
    finally:
        listening.close()
        await listening.wait_closed()


def _context_of(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "mail.crt", folder / "mail.pem")
    return context
