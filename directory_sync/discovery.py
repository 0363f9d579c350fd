"""Nodes of a demonstration find each other on the loopback or local network by multicast DNS (RFC 6762).

What is found here is a hint and nothing more: anyone on the network can announce anything. The member
list alone decides whom a node trusts, and a hint that does not lead to the certificate that the list
names leads nowhere. A network without multicast (most containers) costs one line of log, never an error.
"""

import asyncio
import logging
import re
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from zeroconf import Error as ZeroconfError
from zeroconf import IPVersion, ServiceStateChange
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

SERVICE = "_entente._tcp.local."
LOOPBACK = ("127.0.0.1",)
_COUNTRY = re.compile(rb"[A-Z]{2}\Z")
_RESOLVE_MS = 3000
_GROUP = "224.0.0.251"  # RFC 6762, 3
_DISCARD_PORT = 9  # RFC 863
_MAX_HINTS_WAITING = 100

_log = logging.getLogger(__name__)


class Hint(NamedTuple):
    """Somebody says that this country's node is at this address; not to be believed without the list."""

    country: str
    url: str


@asynccontextmanager
async def announce(country: str, port: int, interfaces: Sequence[str] = LOOPBACK) -> AsyncIterator[None]:
    """Announce our node while the block runs, and take it back at its end.

    `interfaces` are IPv4 addresses of this machine. Without multicast the block runs all the same.
    """
    zeroconf = await _open(interfaces)
    if zeroconf is None:
        yield
        return
    try:
        await _register(zeroconf, country, port, interfaces)
        yield
    finally:
        await zeroconf.async_close()


async def browse(interfaces: Sequence[str] = LOOPBACK) -> AsyncIterator[Hint]:
    """Yield hints for as long as the caller listens; ends at once where there is no multicast.

    Close it with `aclose()` (or `contextlib.aclosing`), so that the socket goes too.
    """
    zeroconf = await _open(interfaces)
    if zeroconf is None:
        return
    names: asyncio.Queue[str] = asyncio.Queue(_MAX_HINTS_WAITING)

    def changed(*, name: str, state_change: ServiceStateChange, **_: object) -> None:
        if state_change is not ServiceStateChange.Removed and not names.full():
            names.put_nowait(name)

    browser = AsyncServiceBrowser(zeroconf.zeroconf, SERVICE, handlers=[changed])
    try:
        while True:
            for hint in await _resolve(zeroconf, await names.get()):
                yield hint
    finally:
        await browser.async_cancel()
        await zeroconf.async_close()


async def _open(interfaces: Sequence[str]) -> AsyncZeroconf | None:
    try:
        for address in interfaces:
            _probe(address)
        zeroconf = AsyncZeroconf(interfaces=list(interfaces), ip_version=IPVersion.V4Only)
        try:
            # Shielded: a cancelled start leaves zeroconf's sockets open.
            await asyncio.shield(zeroconf.zeroconf.async_wait_for_start())
        except BaseException:
            await zeroconf.async_close()
            raise
    except (OSError, ZeroconfError, RuntimeError) as error:
        _log.warning("no multicast here, nodes find each other by the member list only: %s", error)
        return None
    return zeroconf


def _probe(address: str) -> None:
    """Raise OSError where the interface is missing or carries no multicast, before more sockets are open."""
    group, interface = socket.inet_aton(_GROUP), socket.inet_aton(address)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, interface)
        probe.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group + interface)
        probe.sendto(b"", (_GROUP, _DISCARD_PORT))


async def _register(zeroconf: AsyncZeroconf, country: str, port: int, interfaces: Sequence[str]) -> None:
    info = AsyncServiceInfo(
        SERVICE,
        f"{country.lower()}-{port}.{SERVICE}",
        addresses=[socket.inet_aton(address) for address in interfaces],
        port=port,
        properties={"country": country},
        server=f"entente-{country.lower()}-{port}.local.",
    )
    try:
        await (await zeroconf.async_register_service(info))
    except (OSError, ZeroconfError, TimeoutError) as error:
        _log.warning("could not announce the node, others find it by the member list only: %s", error)


async def _resolve(zeroconf: AsyncZeroconf, name: str) -> list[Hint]:
    info = AsyncServiceInfo(SERVICE, name)
    if not await info.async_request(zeroconf.zeroconf, _RESOLVE_MS) or not info.port:
        return []
    country = info.properties.get(b"country") or b""
    if not _COUNTRY.match(country):
        return []
    addresses = info.parsed_addresses(IPVersion.V4Only)
    return [Hint(country.decode("ascii"), f"https://{address}:{info.port}") for address in addresses]
