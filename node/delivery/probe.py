"""`entente doctor`, the part that looks at the line: our own ports, and each peer as it answers now."""

import asyncio
import errno
import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import aiohttp

from node.config import Config
from node.delivery.call import Answer, Call, LineError
from node.delivery.http_line import HttpLine
from node.delivery.incoming import STREAMS
from node.service.diagnosis import Check
from node.service.node import Node
from node.store import peers, streams
from protocol.encoding import sha256_b64u

_CLOCK_WARN_S: Final = 60.0
_PATIENCE_S: Final = 10.0
_OK, _FORBIDDEN = 200, 403


async def check_ports(config: Config) -> list[Check]:
    """Say whether the node runs, or else whether its ports are free."""
    health = await _health(config.health.listen)
    if health is not None and health.get("country") == config.country:
        checks = [Check("ports", "ok", f"the node is running: {config.peers.listen}, {config.web.listen}")]
        return [*checks, *_refused(health)]
    used = [place for place in (config.peers.listen, config.web.listen, config.health.listen) if not _free(place)]
    if used:
        mend = f"find it: ss -ltnp 'sport = :{used[0].rpartition(':')[2]}'; or change the port in node.toml"
        return [Check("ports", "fail", f"in use by something else: {', '.join(used)}", mend)]
    return [Check("ports", "warn", "the node isn't running; its ports are free", "entente serve")]


async def _health(listen: str) -> dict[str, Any] | None:
    timeout = aiohttp.ClientTimeout(total=3)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"http://{listen}/healthz") as answer,
        ):
            found = json.loads(await answer.read())
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _refused(health: dict[str, Any]) -> Iterator[Check]:
    refusals = health.get("tls_refusals") or []
    if refusals:
        message = (
            f"{len(refusals)} callers were refused by TLS since the start, the last one: {str(refusals[-1])[:200]}"
        )
        mend = (
            "a peer whose certificate changed? Compare `entente member keys` there with `entente member show CC` here"
        )
        yield Check("tls", "warn", message, mend)


def _free(listen: str) -> bool:
    host, _, port = listen.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), int(port)))
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True


async def check_peers(node: Node) -> list[Check]:
    """Call every other active member once, side by side, with this node's own certificate."""
    if node.members is None or node.members.member(node.country) is None:
        return []
    others = sorted(node.members.active_countries() - {node.country})
    found = await asyncio.gather(*(_peer(node, country) for country in others))
    return [check for checks in found for check in checks]


async def _peer(node: Node, country: str) -> list[Check]:
    record = node.members.member(country) if node.members else None
    if record is None:
        return [Check("peer", "warn", f"{country} has published no address yet", "its operator: entente serve")]
    line = HttpLine(node, country)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            answer = await line.send(Call("GET", STREAMS + node.country))
    except TimeoutError:
        return [_unreachable(country, record.url, "no answer in time")]
    except LineError as error:
        return [_explained(node, country, record.url, str(error))]
    finally:
        await line.close()
    return list(_answered(node, country, record.url, answer))


def _explained(node: Node, country: str, url: str, reason: str) -> Check:
    """Say what a caller can't see: a TLS server that refuses a client just drops the connection."""
    if "dropped" in reason:
        message = (
            f"{country}: {url} takes the connection and drops it: that is all one sees of a refused certificate."
            f" Ours has the SHA-256 {sha256_b64u(node.keys.tls_der)}"
        )
        mend = (
            f"the operator of {country} compares: entente member show {node.country} (there) must list it;"
            f" else it lacks our newest record: is its list as new as ours? Its log says tls-refused"
        )
        return Check("peer", "fail", message, mend)
    if "isn't in the member list" in reason:
        message = f"{country}: {url} shows a TLS certificate that isn't in our member list"
        mend = (
            f"compare entente member keys (in {country}) with entente member show {country} (here);"
            f" something in between that ends TLS has the same effect"
        )
        return Check("peer", "fail", message, mend)
    return _unreachable(country, url, reason)


def _unreachable(country: str, url: str, reason: str) -> Check:
    mend = f"curl -vk {url}/ (a firewall, a name that doesn't resolve, or the node is down); it is tried again"
    return Check("peer", "fail", f"{country}: {url}: {reason}", mend)


def _answered(node: Node, country: str, url: str, answer: Answer) -> Iterator[Check]:
    if answer.status == _FORBIDDEN:
        message = f"{country}: {url} knows our certificate and doesn't count us as an active member"
        yield Check("peer", "fail", message, f"the operator of {country}: entente member show {node.country}")
        return
    if answer.status != _OK:
        yield Check("peer", "fail", f"{country}: {url} answers {answer.status}", f"the operator of {country}: its log")
        return
    blocked = node.store.read_now(lambda q: peers.is_blocked(q, country))
    yield Check("peer", "ok", f"{country}: {url} answers and accepts our certificate{' (blocked here)' * blocked}")
    yield from _clock(node, country, answer)
    yield from _position(node, country, answer)


def _clock(node: Node, country: str, answer: Answer) -> Iterator[Check]:
    try:
        theirs = parsedate_to_datetime(answer.headers.get("date", ""))
    except (ValueError, TypeError, OverflowError):
        return
    offset = (_aware(theirs) - node.clock.now()).total_seconds()
    if abs(offset) > _CLOCK_WARN_S:
        message = f"{country}'s clock is {abs(offset):.0f} s {'ahead of' if offset > 0 else 'behind'} ours"
        yield Check("clock", "warn", message, "timedatectl (on both machines)")


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _position(node: Node, country: str, answer: Answer) -> Iterator[Check]:
    """Compare how far our stream has come, here and there: there can't be more than here."""
    try:
        told = json.loads(answer.body)
        theirs = (int(told["epoch"]), int(told["next"]))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return
    head = node.store.read_now(lambda q: streams.head(q, node.country, country))
    if theirs > (head.epoch, head.next):
        message = f"{country} has more of our messages ({theirs[1] - 1}) than we know of ({head.next - 1})"
        yield Check("peer", "fail", message, "this node has an old copy of its data: entente serve fetches it back")
