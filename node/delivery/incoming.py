"""What this node answers to its peers: decide which use case, turn refusals into problems (RFC 9457)."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

import structlog

from node.delivery import area_sync, incoming_directory
from node.delivery.area_sync import AREAS
from node.delivery.call import Answer, Call
from node.delivery.incoming_directory import ADD_CHECKPOINT, DIRECTORY
from node.service import compare, follow_up, history, serving
from node.service.node import Node
from node.service.receive import GapError, receive
from node.store import peers
from protocol.batch import MEDIA_TYPE, parse_batch
from protocol.encoding import canonical_json, sha256_b64u
from protocol.history import MEDIA_TYPE as HISTORY_TYPE
from protocol.limits import MAX_REQUEST_BODY
from protocol.member_bundle import MAX_ROOTS
from protocol.members import MemberList
from protocol.problems import ProtocolError

log: Final = structlog.get_logger("entente.incoming")

BATCHES: Final = "/peer/v1/batches"
MEMBERS: Final = "/peer/v1/members"
STREAMS: Final = "/peer/v1/streams/"
BLOBS: Final = "/peer/v1/blobs/"
DIRECTORY_HEADER: Final = "entente-directory"
_DIRECTORY: Final = re.compile(r"([0-9]{1,16}) ([A-Za-z0-9_-]{43})\Z")

_NUMBER: Final = re.compile(r"[0-9]{1,15}\Z")

RETRY_AFTER_S: Final = 5
_SOON_S: Final = 1  # a comparison takes as long as a call


async def handle(node: Node, peer: str | None, call: Call) -> Answer:
    """Answer a peer's call; `peer` is the country whose certificate TLS showed, None where none did."""
    try:
        members = node.members
        if peer is None or members is None or not (members.active(peer) or _may_look(members, peer, call)):
            raise ProtocolError("not-a-member", "the TLS certificate")  # noqa: TRY301
        if node.store.read_now(lambda q: peers.is_blocked(q, peer)):
            raise ProtocolError("blocked", peer)  # noqa: TRY301
        node.called[peer] = node.clock.now()
        _listen(node, peer, call.headers.get(DIRECTORY_HEADER, ""))
        return await _route(node, peer, call)
    except ProtocolError as error:
        if peer is not None and error.code in ("unknown-key", "older-member-list"):
            node.heard(peer, {}, {})  # SPEC S-086
        return problem(error)
    except Exception:
        log.exception("incoming-failed", peer=peer, path=call.path.rpartition("/")[0])
        return problem(ProtocolError("unavailable", "an error inside the node"))


def _may_look(members: MemberList, peer: str, call: Call) -> bool:
    """Say whether a call is the one that a country with a record may always make: to see why (SPEC S-165)."""
    return (call.method, call.path) == ("GET", MEMBERS) and members.member(peer) is not None


def _listen(node: Node, peer: str, said: str) -> None:
    """Take the hint of which directory the caller has; unsigned, so only a reason to fetch (SPEC S-122)."""
    match = _DIRECTORY.match(said)
    if match:
        node.heard(peer, None, {peer: (int(match[1]), match[2])})


async def _route(node: Node, peer: str, call: Call) -> Answer:
    if call.method == "POST" and call.path == BATCHES:
        return await _batch(node, peer, call)
    if call.method == "POST" and call.path == ADD_CHECKPOINT:
        return await incoming_directory.add_checkpoint(node, call)
    if call.method != "GET":
        raise ProtocolError("not-found", "no such method here")
    routes: dict[str, Callable[[], Awaitable[Answer] | Answer]] = {
        MEMBERS: lambda: _members(node, call),
        AREAS: lambda: area_sync.index(node),
    }
    if call.path in routes:
        found = routes[call.path]()
        return found if isinstance(found, Answer) else await found
    if call.path == DIRECTORY or call.path.startswith(f"{DIRECTORY}/"):
        return await incoming_directory.answer(node, call)
    for prefix, answer in _BELOW.items():
        if call.path.startswith(prefix):
            return await answer(node, peer, call)
    raise ProtocolError("not-found", "no such address")  # SPEC S-096


async def _batch(node: Node, peer: str, call: Call) -> Answer:
    if len(call.body) > MAX_REQUEST_BODY:
        raise ProtocolError("too-large", "the body")
    # SPEC S-093
    if call.headers.get("content-type") != MEDIA_TYPE:
        raise ProtocolError("malformed", f"Content-Type is {MEDIA_TYPE}")
    if "content-encoding" in call.headers:
        raise ProtocolError("malformed", "a batch isn't compressed")  # SPEC S-168
    batch = parse_batch(call.body)
    try:
        receipt = await receive(node, peer, batch)
    except ProtocolError as error:
        if error.code == "unknown-key":
            node.heard(peer, {}, {})  # its newer record is what is missing (SPEC S-086)
        raise
    try:
        await follow_up.after_batch(node, peer, batch)
    except Exception:  # the batch is stored: whatever fails now, the sender gets its receipt
        log.exception("follow-up-failed", peer=peer)
    return Answer(200, {"content-type": "application/jose"}, receipt)


async def _area(node: Node, _peer: str, call: Call) -> Answer:
    return area_sync.pack(node, call.path.removeprefix(f"{AREAS}/"))


def _members(node: Node, call: Call) -> Answer:
    # SPEC S-094
    assert node.members is not None
    after = call.query.get("after_root", "0")
    known = int(after) if after.isascii() and after.isdigit() and len(after) < 10 else 0  # noqa: PLR2004
    bundle = node.members.bundle(known)
    offered = replace(bundle, roots=bundle.roots[:MAX_ROOTS])  # the oldest first: the caller comes back for more
    body = offered.to_json()
    tag = f'"{sha256_b64u(body)}"'
    if call.headers.get("if-none-match") == tag:  # SPEC S-302
        return Answer(304, {"etag": tag})
    return Answer(200, {"content-type": "application/json", "etag": tag}, body)


async def _stream(node: Node, peer: str, call: Call) -> Answer:
    # SPEC S-095, S-127
    iss, _, epoch = call.path.removeprefix(STREAMS).partition("/")
    if epoch:
        position = call.query.get("from", "1")
        if not (_NUMBER.match(epoch) and _NUMBER.match(position)):
            raise ProtocolError("not-found", "no such place in a stream")
        found = await history.page(node, peer, iss, int(epoch), int(position))
        return Answer(200, {"content-type": HISTORY_TYPE}, found)
    if iss != peer:
        raise ProtocolError("not-found", "a member asks for its own stream only")
    return Answer(200, {"content-type": "application/json"}, canonical_json(compare.answer(node, peer)))


async def _blob(node: Node, peer: str, call: Call) -> Answer:
    data, start, total = await asyncio.get_running_loop().run_in_executor(
        None, lambda: serving.blob(node, peer, call.path.removeprefix(BLOBS), call.headers.get("range"))
    )
    headers = {"content-type": "application/octet-stream", "accept-ranges": "bytes"}
    if len(data) == total:
        return Answer(200, headers, data)
    return Answer(206, {**headers, "content-range": f"bytes {start}-{start + len(data) - 1}/{total}"}, data)


_BELOW: Final = {STREAMS: _stream, BLOBS: _blob, f"{AREAS}/": _area}


def problem(error: ProtocolError, wait_s: int | None = None) -> Answer:
    """Turn a refusal into a problem document (SPEC S-081, S-082, S-166); final codes, which never get here, are 400.

    `wait_s` is in how many seconds a temporary refusal may be tried again, where that is known.
    """
    entry = error.problem
    status = 400 if entry.final else entry.status
    body: dict[str, Any] = {
        "type": f"urn:entente:problem:{entry.code}",
        "title": entry.meaning,
        "status": status,
        "code": entry.code,
        "detail": error.detail,
        "hint": entry.hint,
    }
    if isinstance(error, GapError):
        body |= error.expected
    headers = {"content-type": "application/problem+json"}
    if status in (429, 503):
        usual = _SOON_S if entry.code == "comparing" else RETRY_AFTER_S
        headers["retry-after"] = str(usual if wait_s is None else wait_s)
    return Answer(status, headers, canonical_json(body))
