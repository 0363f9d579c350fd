"""The conversation with the operator's mail server, by aiosmtplib, which loads with the first mail."""

import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from node.clock import new_uuid
from node.config import Config
from node.domain.access import operator
from node.domain.mail import address_fault, told_code
from node.errors import NodeError
from node.service import mailing
from node.service.diagnosis import Check
from node.service.letters import Letter, Writer
from node.service.mailing import Fate
from node.service.node import Node
from node.store.key_files import read_secret

if TYPE_CHECKING:
    from aiosmtplib import SMTP

PATIENCE_S: Final = 30.0
"""Longest wait for one answer of the mail server, in seconds."""
_GOODBYE_S: Final = 5.0
_PERMANENT: Final = 500
_MAILBOX: Final = frozenset({550, 551, 553, 556})
"""Answers to RCPT that speak of the address itself (RFC 5321, 4.2.2; RFC 7504); any other is about this mail."""


class MailServerError(Exception):
    """The mail server can't be used; the text says why, without any address of a person."""


@contextlib.asynccontextmanager
async def connected(config: Config) -> "AsyncIterator[SMTP]":
    """Connect, secure and sign in; raises `MailServerError`."""
    import aiosmtplib

    mail = config.mail
    client = aiosmtplib.SMTP(
        hostname=mail.host,
        port=mail.port,
        local_hostname=urlsplit(config.web.url).hostname or "localhost",
        use_tls=mail.security == "tls",
        start_tls=mail.security == "starttls",
        tls_context=None if mail.security == "none" else _context(config),
        timeout=PATIENCE_S,
    )
    try:
        await client.connect()
        if mail.user:
            await client.login(mail.user, _password(config))
    except (aiosmtplib.SMTPException, OSError, ValueError) as error:
        client.close()
        raise MailServerError(_reason(error)) from None
    except BaseException:
        client.close()
        raise
    try:
        yield client
        with contextlib.suppress(aiosmtplib.SMTPException, OSError):
            await client.quit(timeout=_GOODBYE_S)
    finally:
        client.close()


def _context(config: Config) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(config.folder / config.mail.ca) if config.mail.ca else None)
    except OSError as error:
        raise MailServerError(f"mail.ca: {error.strerror or 'no certificates in the file'}") from None


def _password(config: Config) -> str:
    try:
        return read_secret(config.mail_password).decode().rstrip("\r\n")
    except NodeError as error:
        raise MailServerError(error.message) from None
    except UnicodeDecodeError:
        raise MailServerError("the file of the password isn't text") from None


async def send(client: "SMTP", letter: Letter) -> tuple[Fate, str]:
    """Hand over one mail; returns its fate and the server's code. Raises `MailServerError` where the line broke."""
    import aiosmtplib

    try:
        await client.sendmail(letter.sender, [letter.address], letter.data)
    except aiosmtplib.SMTPRecipientsRefused as error:
        first = error.recipients[0]
        fate: Fate = "address-refused" if first.code in _MAILBOX else _fate(first.code)
        return fate, told_code(first.code, first.message)
    except aiosmtplib.SMTPResponseException as error:
        if isinstance(error, aiosmtplib.SMTPDataError):
            return _fate(error.code), told_code(error.code, error.message)
        raise MailServerError(_reason(error)) from None
    except (aiosmtplib.SMTPException, OSError) as error:
        raise MailServerError(_reason(error)) from None
    return "sent", ""


async def send_test(node: Node, address: str) -> str:
    """Send one mail that says nothing; returns its Message-ID. Raises `invalid`, and `mail-server` with the reason."""
    if not node.config.mail.host:
        raise NodeError("mail-server", "No mail server is named.", "Name one in node.toml: [mail].")
    if fault := address_fault(address):
        raise NodeError("invalid", "This isn't an e-mail address.", fields={"address": fault})
    said = ("Test", "This mail shows that the node reaches its mail server. Nothing has to be done.\n")
    letter = Writer(node, "en").letter(new_uuid(node.entropy), address, node.clock.now(), said)
    try:
        async with connected(node.config) as client:
            fate, code = await send(client, letter)
    except MailServerError as error:
        raise NodeError("mail-server", str(error)) from None
    if fate != "sent":
        raise NodeError("mail-server", f"The mail server doesn't take a mail for this address: {code}")
    return letter.id


async def check_mail(node: Node) -> list[Check]:
    """Connect to the mail server and sign in, and look at what waits, for `entente doctor`."""
    mail = node.config.mail
    if not mail.host:
        return [Check("mail", "ok", "no mail server is named, so nobody is told by mail; pages say so")]
    try:
        async with connected(node.config):
            checks = [Check("mail", "ok", f"{mail.host}:{mail.port} answers, {mail.security}")]
    except MailServerError as error:
        checks = [Check("mail", "fail", f"{mail.host}:{mail.port}: {error}", "change [mail] in node.toml")]
    queue = mailing.queue_of(node, operator())
    given_up = sum(one.next_try is None for one in queue.waiting)
    if given_up:
        checks.append(Check("mail", "warn", f"{given_up} mails were given up", "entente mail list, entente mail retry"))
    if queue.refused:
        message = f"{len(queue.refused)} addresses were refused by the mail server"
        checks.append(Check("mail", "warn", message, "entente mail list; their people correct them on the profile"))
    return checks


def _fate(code: int) -> Fate:
    return "refused" if code >= _PERMANENT else "later"


def _reason(error: Exception) -> str:
    import aiosmtplib

    if isinstance(error, aiosmtplib.SMTPResponseException):
        code = told_code(error.code, error.message)
        if isinstance(error, aiosmtplib.SMTPAuthenticationError):
            return f"the mail server refuses user and password: {code}"
        what = "refuses mail.sender:" if isinstance(error, aiosmtplib.SMTPSenderRefused) else "answers"
        return f"the mail server {what} {code}"
    if isinstance(error, TimeoutError | aiosmtplib.SMTPTimeoutError):
        return "the mail server doesn't answer in time"
    if isinstance(error, aiosmtplib.SMTPServerDisconnected):
        return "the mail server has ended the connection"
    return _line_reason(error.__cause__ or error)


def _line_reason(cause: BaseException) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the mail server's certificate: {cause.verify_message}"
    if isinstance(cause, ssl.SSLError):
        return "no TLS with the mail server: see mail.security and mail.port"
    if isinstance(cause, OSError):
        return f"can't connect: {cause.strerror or type(cause).__name__}"
    return f"the mail server lacks what is needed ({type(cause).__name__}): see mail.security and mail.user"
