"""The local API under /api/v1: who calls, what is asked, done once, answered in one form."""

import hashlib
import re
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Final
from urllib.parse import quote

from aiohttp import web
from pydantic import BaseModel

from node.api import (
    approvals,
    areas,
    authorities,
    cases,
    corrections,
    countries,
    directory,
    drafts,
    observed,
    own_account,
    own_mail,
    peers,
    people,
    protection,
    requests,
    statistics,
    status,
    subjects,
)
from node.api.body import read_body, read_query
from node.api.openapi import DOCUMENT_PATH, document
from node.api.problem import NO_STORE, answer
from node.api.route import PREFIX, Access, Call, File, Query, Route
from node.clock import stopwatch
from node.domain.access import Actor
from node.domain.allowance import Allowances
from node.errors import NodeError
from node.service import sessions, tokens
from node.service.callers import address_of
from node.service.idempotency import Answer, Idempotency, Repeatable
from node.service.node import Node
from translations.languages import LANGUAGES

NODE: Final = web.AppKey("api_node", Node)
ONCE: Final = web.AppKey("api_once", Idempotency)
ALLOWANCES: Final = web.AppKey("api_allowances", Allowances)
ACTOR: Final = web.RequestKey("api_actor", Actor)
TOKEN: Final = web.RequestKey("api_token", str)

ROUTES: Final[tuple[Route, ...]] = tuple(
    route
    for module in (
        status,
        peers,
        directory,
        authorities,
        countries,
        areas,
        requests,
        drafts,
        approvals,
        cases,
        observed,
        protection,
        corrections,
        subjects,
        statistics,
        people,
        own_account,
        own_mail,
    )
    for route in module.ROUTES
)
"""The whole API, in the order of its document."""

_ACCESS: Final = {f"api-{route.operation}": route.access for route in ROUTES}
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_KEY: Final = re.compile(r"[!-~]{1,255}\Z")
_JSON: Final = {**NO_STORE, "Content-Type": "application/json"}


def add_routes(app: web.Application, node: Node) -> None:
    """Add the API to the web listener's application."""
    app[NODE] = node
    app[ONCE] = Idempotency(node)
    app[ALLOWANCES] = Allowances(node.config.web.calls_per_s, node.config.web.strangers_per_s)
    app.middlewares.append(_middleware)
    app.router.add_route("GET", PREFIX + DOCUMENT_PATH, _describe)
    for route in ROUTES:
        app.router.add_route(route.method, PREFIX + route.path, _handler(route), name=f"api-{route.operation}")


async def _describe(_request: web.Request) -> web.Response:
    return web.Response(body=_description(), content_type="application/json", headers=NO_STORE)


@cache
def _description() -> bytes:
    return document(ROUTES)


@web.middleware
async def _middleware(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Let only those in who are signed in, and give every error its form."""
    if not request.path.startswith("/api/"):
        return await handler(request)
    node = request.app[NODE]
    try:
        if request.path != PREFIX + DOCUMENT_PATH:
            await _sign_in(request, node)
        return await handler(request)
    except Exception as error:  # noqa: BLE001 - the one border
        name = request.match_info.route.name or "unknown"
        return answer(node, name.removeprefix("api-"), error)


async def _sign_in(request: web.Request, node: Node) -> None:
    """Find out on whose behalf the call is made, and whether that isn't too often.

    A session opens only what is the person's own, and a token never that: a stolen token makes no other one.
    """
    access = _ACCESS.get(request.match_info.route.name or "", "token")
    if access == "open":
        request[TOKEN] = ""
        request[ACTOR] = Actor("", "", node.config.node.language, frozenset())
        request.app[ALLOWANCES].stranger(_address(request), stopwatch())
        return
    try:
        request[ACTOR] = await _actor(request, node, access)
    except NodeError:
        request.app[ALLOWANCES].stranger(_address(request), stopwatch())
        raise
    request.app[ALLOWANCES].person(request[ACTOR].id, stopwatch())


async def _actor(request: web.Request, node: Node, access: Access) -> Actor:
    """Return whose token it is (RFC 6750 section 2.1)."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NodeError("not-signed-in")
    request[TOKEN] = token.strip()
    find = sessions.actor_of_session if access == "session" else tokens.actor_of_token
    return await find(node, request[TOKEN])


def _handler(route: Route) -> _Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        query = read_query(request, route.query)
        lang = _language(query, request[ACTOR])
        key = request.headers.get("Idempotency-Key") if route.repeatable else None
        if key is not None and not _KEY.match(key):
            raise NodeError("invalid", "1 to 255 visible ASCII characters.", fields={"Idempotency-Key": "malformed"})
        body, digest = await read_body(request, route)
        call = Call(
            request.app[NODE], request[ACTOR], lang, request.match_info, query, body, request[TOKEN], _address(request)
        )
        if key is None:
            return _respond(await route.handler(call), route.status)
        return await _once(request, route, call, (key, digest))

    return handle


def _address(request: web.Request) -> str:
    trusted = request.app[NODE].config.web.forwarded_for
    return address_of(request.remote, request.headers.getall("X-Forwarded-For", [""])[-1] if trusted else None)


def _language(query: Query, actor: Actor) -> str:
    if query.lang is not None and query.lang not in LANGUAGES:
        raise NodeError("unknown-language", fields={"lang": "unknown-language"})
    return query.lang or actor.language


async def _once(request: web.Request, route: Route, call: Call, known_by: tuple[str, str]) -> web.Response:
    """Do a call under its key (name and digest of the body), or repeat the answer that it had."""
    key, digest = known_by
    sent = f"{request.method} {request.path_qs} {digest}".encode("utf-8", "backslashreplace")

    async def work() -> Answer:
        result = await route.handler(call)
        assert isinstance(result, BaseModel | None)
        return route.status, _json(result)

    repeatable = Repeatable(call.actor.id, key, hashlib.sha256(sent).hexdigest(), request[TOKEN])
    status, body = await request.app[ONCE].once(repeatable, work)
    return web.Response(status=status, body=body, headers=_JSON if body else NO_STORE)


def _respond(result: BaseModel | File | None, status: int) -> web.Response:
    if isinstance(result, File):
        headers = {
            **NO_STORE,
            "Content-Type": result.media_type,
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(result.name, safe='')}",
            "Content-Security-Policy": "sandbox; default-src 'none'",
        }
        return web.Response(status=status, body=result.data, headers=headers)
    body = _json(result)
    return web.Response(status=status, body=body, headers=_JSON if body else NO_STORE)


def _json(result: BaseModel | None) -> bytes:
    return result.model_dump_json().encode() if result is not None else b""
