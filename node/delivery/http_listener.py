"""The peers' listener: aiohttp carries calls to `incoming.handle`, TLS says who calls."""

import asyncio
import contextlib
from typing import Final

from aiohttp import web

from node.delivery.call import Answer, Call
from node.delivery.incoming import handle, problem
from node.service.node import Node
from protocol.limits import MAX_REQUEST_BODY
from protocol.problems import ProtocolError

NODE: Final = web.AppKey("node", Node)
_STILL_TAKEN: Final = 2 * MAX_REQUEST_BODY
_STILL_TAKEN_S: Final = 2.0


def peer_app(node: Node) -> web.Application:
    """Return the application of the peers' listener."""
    app = web.Application(client_max_size=MAX_REQUEST_BODY)
    app[NODE] = node
    app.router.add_route("*", "/{path:.*}", _carry)
    return app


async def _carry(request: web.Request) -> web.Response:
    node = request.app[NODE]
    peer = peer_of(request, node)
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        body = await _body(request, wanted=peer is not None)
    except web.HTTPRequestEntityTooLarge:
        return await _last_answer(request, problem(ProtocolError("too-large", "the body")))
    answer = await handle(node, peer, Call(request.method, request.path, dict(request.query), headers, body))
    if peer is None:
        return await _last_answer(request, answer)
    return _response(answer)


async def _body(request: web.Request, *, wanted: bool) -> bytes:
    """Read the body, unless it is over the limit by its Content-Length or while counting (SPEC S-099).

    Size comes before everything else; a stranger's body isn't read at all.
    """
    announced = request.content_length or 0
    if announced > MAX_REQUEST_BODY:
        raise web.HTTPRequestEntityTooLarge(max_size=MAX_REQUEST_BODY, actual_size=announced)
    return await request.read() if wanted else b""


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
