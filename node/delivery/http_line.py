"""The way to one peer over HTTPS, its connection kept open."""

import asyncio
import errno
import io
import ssl
from urllib.parse import urlencode

import aiohttp
from aiohttp.helpers import get_env_proxy_for_url
from yarl import URL

from node.delivery.call import Answer, Call, LineError
from node.delivery.tls import client_context
from node.service.node import Node
from protocol.limits import MAX_ANSWER

_ERROR = 400
_TIMEOUT = aiohttp.ClientTimeout(total=120, connect=10, sock_read=60)


class HttpLine:
    """One client session with one TLS context for one peer; made anew when the member list changes.

    The environment's proxy is looked up once for a session, and nothing else of it: aiohttp, told to trust the
    environment, reads that and `~/.netrc` in two threads before each call, and would show the peer what stands there.
    """

    def __init__(self, node: Node, country: str) -> None:
        """Take the peer's country; address and certificates come from the member list at each connection."""
        self._node = node
        self._country = country
        self._session: aiohttp.ClientSession | None = None
        self._made_for: tuple[str, frozenset[bytes], bytes] = ("", frozenset(), b"")

    async def send(self, call: Call) -> Answer:
        """Carry a call; raises `LineError` where no answer came."""
        members = self._node.members
        record = members.member(self._country) if members else None
        pinned = members.tls_certificates(self._country) if members else frozenset()
        if record is None or not pinned:
            raise LineError("no address in the member list")
        session = await self._session_for(record.url, pinned)
        url = record.url.rstrip("/") + call.path + (f"?{urlencode(dict(call.query))}" if call.query else "")
        try:
            async with session.request(
                call.method,
                url,
                data=io.BytesIO(call.body) if call.body else None,
                headers=dict(call.headers),
                allow_redirects=False,
            ) as response:
                body = await _bounded(response, call.longest if response.status < _ERROR else MAX_ANSWER)
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, headers, body)
        except (aiohttp.ClientError, OSError, TimeoutError, ssl.SSLError) as error:
            raise LineError(_reason(error)) from None

    async def _session_for(self, url: str, pinned: frozenset[bytes]) -> aiohttp.ClientSession:
        made_for = (url, pinned, self._node.keys.tls_der)
        if self._session is None or made_for != self._made_for:
            former = self._session
            keys = self._node.keys
            context = client_context(keys.tls_certificate, keys.tls_key, pinned)
            connector = aiohttp.TCPConnector(ssl=context, limit=4, keepalive_timeout=75)
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=_TIMEOUT,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                proxy=proxy_for(url),
            )
            self._made_for = made_for
            if former is not None:
                await former.close()
        return self._session

    async def close(self) -> None:
        """Close the connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None
            await asyncio.sleep(0)


def proxy_for(url: str) -> URL | None:
    """Return the environment's proxy for an address, with its password where it has one; None for none."""
    try:
        proxy, auth = get_env_proxy_for_url(URL(url))
    except LookupError:
        return None
    return proxy.with_user(auth.login).with_password(auth.password) if auth else proxy


async def _bounded(response: aiohttp.ClientResponse, longest: int) -> bytes:
    """Read an answer; more than was asked for isn't read (SPEC S-098)."""
    if (response.content_length or 0) > longest:
        raise LineError("the answer is larger than allowed")
    chunks, size = [], 0
    async for chunk in response.content.iter_chunked(256 * 1024):
        size += len(chunk)
        if size > longest:
            raise LineError("the answer is larger than allowed")
        chunks.append(chunk)
    return b"".join(chunks)


def was_dropped(error: BaseException) -> bool:
    """Say whether the other end closed the connection without a word, as a TLS server does that refuses a client."""
    if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionResetError | BrokenPipeError):
        return True
    alert = isinstance(error, ssl.SSLError) and "ALERT" in (getattr(error, "reason", None) or "")
    return alert or getattr(error, "errno", None) in (errno.ECONNRESET, errno.EPIPE)


def _reason(error: BaseException) -> str:
    if was_dropped(error):
        return "the connection was dropped; perhaps the peer doesn't know this node's TLS certificate"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLError):
        return "the peer showed a TLS certificate that isn't in the member list"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"can't connect: {error.os_error.strerror or error.os_error}"
    return type(error).__name__
