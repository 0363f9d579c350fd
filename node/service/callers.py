"""Where sign-ins come from: how many from one address may go wrong. In memory only, for no longer than the window."""

import ipaddress
import math
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from node.errors import NodeError

ADDRESS_ATTEMPTS: Final = 60
"""So many attempts from one address may fail within `ADDRESS_WINDOW`; a whole ministry may share it."""
ADDRESS_WINDOW: Final = timedelta(minutes=10)
_MAX_ADDRESSES: Final = 10_000
_IPV6_PREFIX: Final = 64


@lru_cache(maxsize=1024)
def address_of(peer: str | None, forwarded: str | None) -> str:
    """Return under what a caller is counted: IPv4 address or IPv6 network; nothing for this machine itself.

    `peer` is the other end of the connection, `forwarded` the X-Forwarded-For of a trusted proxy: its last
    entry is the proxy's own, the ones before it are the caller's word.
    """
    try:
        address = ipaddress.ip_address((forwarded or peer or "").rpartition(",")[2].strip().strip("[]"))
    except ValueError:
        return ""
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_loopback:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((address, _IPV6_PREFIX), strict=False))
    return str(address)


class Callers:
    """Counts the attempts of each address that haven't succeeded."""

    def __init__(self) -> None:
        """Know nobody."""
        self._seen: dict[str, tuple[datetime, int]] = {}

    def count(self, address: str, now: datetime) -> None:
        """Count an attempt before it is checked; raises `too-many`."""
        self._forget(now)
        since, count = self._seen.get(address, (now, 0))
        if count >= ADDRESS_ATTEMPTS:
            left = math.ceil((since + ADDRESS_WINDOW - now).total_seconds())
            raise NodeError("too-many", retry_after_s=left)
        if address:
            self._seen[address] = (since, count + 1)

    def forgive(self, address: str) -> None:
        """Take one attempt back: it succeeded."""
        since, count = self._seen.get(address, (None, 0))
        if since is not None:
            self._seen[address] = (since, max(count - 1, 0))

    def _forget(self, now: datetime) -> None:
        """Forget what is older than the window, and the oldest where there are too many; they stand in order."""
        for address, (since, _) in list(self._seen.items()):
            if since + ADDRESS_WINDOW > now and len(self._seen) < _MAX_ADDRESSES:
                return
            del self._seen[address]
