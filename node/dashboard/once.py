"""A button does its work once for each page that it stood on, however often it is pressed."""

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from node.dashboard.form import Form
from node.dashboard.page import ACTOR, NODE, SESSION
from node.service.idempotency import Answer, Idempotency, Repeatable
from protocol.encoding import b64u, sha256_b64u

ONCE: Final = web.AppKey("dashboard_once", Idempotency)
_BYTES: Final = 16
_KEY: Final = 100


def add_routes(app: web.Application) -> None:
    """Add what remembers the pages."""
    app[ONCE] = Idempotency(app[NODE])


def fresh(request: web.Request) -> str:
    """Return what tells a page from all others; it stands in its forms as `once`."""
    return b64u(request.app[NODE].entropy.random(_BYTES))


async def once(request: web.Request, form: Form, what: str, work: Callable[[], Awaitable[Answer]]) -> Answer:
    """Do something once for each page that its button stood on; `what` says what it does."""
    if not form["once"]:
        return await work()
    key = f"page:{form['once'][:_KEY]}"
    pressed = Repeatable(request[ACTOR].id, key, sha256_b64u(what.encode()), request[SESSION])
    return await request.app[ONCE].once(pressed, work)
