"""Health and metrics for this machine; numbers only, nothing about persons or cases."""

from datetime import datetime
from typing import Final

from aiohttp import web

from node.delivery.tls import ServerContexts
from node.service.node import Node
from node.store import overview

_NODE: Final = web.AppKey("node", Node)
_TLS: Final = web.AppKey("tls", ServerContexts)
_STARTED: Final = web.AppKey("started", datetime)


def health_app(node: Node, tls: ServerContexts) -> web.Application:
    """Return the application of the health listener of a node that starts now."""
    app = web.Application()
    app[_NODE], app[_TLS], app[_STARTED] = node, tls, node.clock.now()
    app.router.add_get("/healthz", _health)
    app.router.add_get("/metrics", _metrics)
    return app


async def _health(request: web.Request) -> web.Response:
    node = request.app[_NODE]
    node.store.read_now(overview.members_stored)  # an error here is an answer too: not healthy
    return web.json_response(
        {
            "status": "ok",
            "country": node.country,
            "members": sorted(node.members.active_countries()) if node.members else [],
            "tls_refusals": request.app[_TLS].refusals,
        }
    )


async def _metrics(request: web.Request) -> web.Response:
    from node.delivery.metrics import scraped  # with prometheus_client, which only a scrape needs

    app = request.app
    body = scraped(app[_NODE], app[_TLS], app[_STARTED])
    return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})
