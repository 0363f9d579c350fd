"""Fetching the member list before one has it: the list proves itself by its first root's hash."""

import ssl
from pathlib import Path
from typing import Final

import aiohttp
from typing_extensions import override

from node.delivery.http_line import proxy_for, was_dropped
from node.delivery.incoming import MEMBERS
from node.errors import NodeError
from protocol.limits import MAX_MEMBER_BUNDLE
from protocol.member_bundle import MemberBundle

_TIMEOUT: Final = aiohttp.ClientTimeout(total=60, connect=10)
_OK: Final = 200


class _AnyContext(ssl.SSLContext):
    """Takes any certificate and remembers it (DER)."""

    shown: bytes = b""


class _Remembering(ssl.SSLObject):
    @override
    def do_handshake(self) -> None:
        super().do_handshake()
        assert isinstance(self.context, _AnyContext)
        self.context.shown = self.getpeercert(binary_form=True) or b""


async def fetch_list(url: str, certificate: Path, key: Path) -> tuple[MemberBundle, bytes]:
    """Return a member's list and the TLS certificate (DER) that the member showed.

    Neither is believed yet: the caller checks the root's hash and that the certificate is in the list.
    Raises `peer-unreachable`.
    """
    context = _AnyContext(ssl.PROTOCOL_TLS_CLIENT)
    context.sslobject_class = _Remembering
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nobody is known yet; see above
    context.load_cert_chain(certificate, key)
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT, proxy=proxy_for(url)) as session,
            session.get(url.rstrip("/") + MEMBERS, ssl=context, allow_redirects=False) as answer,
        ):
            data = await answer.content.read(MAX_MEMBER_BUNDLE + 1)
            while len(data) <= MAX_MEMBER_BUNDLE and (more := await answer.content.read(MAX_MEMBER_BUNDLE)):
                data += more
            status = answer.status
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        if not was_dropped(error):
            raise NodeError("peer-unreachable", f"{url}: {str(error) or type(error).__name__}") from None
        raise NodeError(
            "peer-unreachable",
            f"{url} drops the connection: it doesn't know this node's certificate yet.",
            "Has the list that names this country been published there? Else ask for it as a file: --bundle.",
        ) from None
    if status != _OK:
        raise NodeError("peer-unreachable", f"{url} answers {status}.", "Ask for the list as a file: --bundle.")
    return MemberBundle.from_json(data), context.shown
