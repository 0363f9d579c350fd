"""The peers' listener: aiohttp carries calls to `incoming.handle`, TLS says who calls."""

from typing import Final

from aiohttp import web

from node.delivery.call import Call
from node.delivery.incoming import handle, problem
from node.service.node import Node
from protocol.limits import MAX_REQUEST_BODY
from protocol.problems import ProtocolError

NODE: Final = web.AppKey("node", Node)


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
    if (request.content_length or 0) > MAX_REQUEST_BODY:  # SPEC S-099
        return _response(*_parts(ProtocolError("too-large", "the body")), close=True)
    try:
        body = await request.read() if peer is not None else b""
    except web.HTTPRequestEntityTooLarge:
        return _response(*_parts(ProtocolError("too-large", "the body")), close=True)
    answer = await handle(node, peer, Call(request.method, request.path, dict(request.query), headers, body))
    return _response(answer.status, dict(answer.headers), answer.body, close=peer is None)


def peer_of(request: web.Request, node: Node) -> str | None:
    """Return the active member whose certificate the caller showed, checked on every request (SPEC S-092)."""
    tls = request.transport.get_extra_info("ssl_object") if request.transport else None
    certificate = tls.getpeercert(binary_form=True) if tls is not None else None
    return node.members.country_of(certificate) if certificate and node.members else None


def _parts(error: ProtocolError) -> tuple[int, dict[str, str], bytes]:
    answer = problem(error)
    return answer.status, dict(answer.headers), answer.body


def _response(status: int, headers: dict[str, str], body: bytes, *, close: bool) -> web.Response:
    response = web.Response(status=status, headers=headers, body=body)
    if close:
        response.force_close()
    return response
