"""The peers' listener: aiohttp carries calls to `incoming.handle`, TLS says who calls."""

import asyncio
import contextlib
import socket
import ssl
from dataclasses import replace
from typing import Final

from aiohttp import web

from node.clock import stopwatch
from node.delivery.admission import Admission, BusyError, weigh
from node.delivery.call import Answer, Call
from node.delivery.door import Door, PeerSite
from node.delivery.incoming import handle, problem
from node.service.node import Node
from protocol.limits import MAX_REQUEST_BODY
from protocol.problems import ProtocolError

BODY_S: Final = 60
"""Seconds within which a body has to come."""
ANSWER_S: Final = 120
"""Seconds within which an answer has to be taken."""

NODE: Final = web.AppKey("node", Node)
ADMISSION: Final = web.AppKey("admission", Admission)
DOOR: Final = web.AppKey("door", Door)
_STILL_TAKEN: Final = 2 * MAX_REQUEST_BODY
_STILL_TAKEN_S: Final = 2.0
_LONGEST_PAUSE_S: Final = 1.0


def peer_app(node: Node) -> web.Application:
    """Return the application of the peers' listener."""
    app = web.Application(client_max_size=MAX_REQUEST_BODY)
    app[NODE] = node
    app[ADMISSION] = Admission(node.config.peers.work_per_s)
    app.router.add_route("*", "/{path:(?s:.*)}", _carry)
    return app


async def listen(
    node: Node, context: ssl.SSLContext, where: socket.socket | tuple[str, int], *, shutdown_s: float = 2.0
) -> web.AppRunner:
    """Open the peers' listener at a bound socket or (host, port); the caller cleans the runner up."""
    app = peer_app(node)
    app[DOOR] = Door(context)
    runner = web.AppRunner(
        app, access_log=None, handle_signals=False, shutdown_timeout=shutdown_s, auto_decompress=False
    )
    await runner.setup()
    await PeerSite(runner, app[DOOR], where).start()
    return runner


async def _carry(request: web.Request) -> web.StreamResponse:
    door = request.app.get(DOOR)
    with door.call(request.transport) if door else contextlib.nullcontext():
        try:
            return await _admitted(request)
        except BusyError as error:
            await asyncio.sleep(min(error.wait_s, _LONGEST_PAUSE_S))  # who asks again at once waits here, not we
            return await _refusal(request, problem(error, error.wait_s))
        except ProtocolError as error:
            return await _refusal(request, problem(error))


async def _admitted(request: web.Request) -> web.StreamResponse:
    """Size comes first (SPEC S-099), then who asks, then whether that isn't too much; only then the body is read."""
    node, announced = request.app[NODE], request.content_length
    headers = {name.lower(): value for name, value in request.headers.items()}
    call = Call(request.method, request.path, dict(request.query), headers)
    if (announced or 0) > MAX_REQUEST_BODY:
        raise ProtocolError("too-large", "the body")
    peer = peer_of(request, node)
    if peer is None:
        return await _last_answer(request, await handle(node, None, call))
    length = announced if announced is not None or request.can_read_body else 0
    with request.app[ADMISSION].enter(peer, weigh(call, length), stopwatch()):
        answer = await handle(node, peer, replace(call, body=await _body(request)))
        return await _written(request, _response(answer))


async def _body(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(BODY_S):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise ProtocolError("too-large", "the body") from None
    except TimeoutError:
        raise BusyError("the body came too slowly", 1) from None
    except (web.RequestPayloadError, ConnectionError):
        raise ProtocolError("malformed", "the body ended too early") from None


async def _written(request: web.Request, response: web.Response) -> web.Response:
    """Write an answer; who doesn't take it in time loses the connection."""
    transport = request.transport
    try:
        async with asyncio.timeout(ANSWER_S):
            await response.prepare(request)
            await response.write_eof()
    except TimeoutError:
        if transport is not None:
            transport.abort()
    except ConnectionError:
        pass  # the caller has gone; what was asked is done all the same
    return response


async def _refusal(request: web.Request, answer: Answer) -> web.Response:
    if request.can_read_body:
        return await _last_answer(request, answer)
    return await _written(request, _response(answer))


async def _last_answer(request: web.Request, answer: Answer) -> web.Response:
    """Answer, give the caller a moment to read that, and end the connection however much it would still send.

    Closing at once would lose the answer on the way, and aiohttp alone would go on reading for seconds.
    """
    response = _response(answer)
    response.force_close()
    transport, left = request.transport, _STILL_TAKEN
    with contextlib.suppress(Exception):  # the caller may have gone
        await response.prepare(request)
        await response.write_eof()
        async with asyncio.timeout(_STILL_TAKEN_S):
            while left > 0 and (piece := await request.content.readany()):
                left -= len(piece)
    if transport is not None and not request.content.at_eof():
        request.protocol.force_close()
        transport.abort()
    return response


def peer_of(request: web.Request, node: Node) -> str | None:
    """Return the country of whose record the caller showed a certificate, looked up on every request (SPEC S-092)."""
    tls = request.transport.get_extra_info("ssl_object") if request.transport else None
    certificate = tls.getpeercert(binary_form=True) if tls is not None else None
    return node.members.holder_of(certificate) if certificate and node.members else None


def _response(answer: Answer) -> web.Response:
    return web.Response(status=answer.status, headers=dict(answer.headers), body=answer.body)
