"""The dashboard's routes, and what holds for all of them: session, language, headers, errors."""

from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from node.clock import stopwatch
from node.dashboard import (
    answer,
    approvals,
    ask,
    ask_details,
    audit,
    authorities,
    authority,
    authority_edit,
    authority_table,
    blocked,
    calendar_feed,
    case,
    corrections,
    countries,
    diagnosis,
    drafts,
    find,
    forward,
    invitation,
    mail,
    observed,
    once,
    own_data,
    peers,
    people,
    profile,
    protection,
    queue,
    roles,
    sign_in,
    statistics,
    subjects,
    urgent,
    work,
)
from node.dashboard.fault import words_of
from node.dashboard.page import (
    ACTOR,
    FOLDER,
    LANG,
    LANG_COOKIE,
    NODE,
    SESSION,
    address,
    home_of,
    render,
    texts_of,
    told_to_wait,
)
from node.domain.allowance import Allowances
from node.errors import NodeError
from node.service import accounts, sessions
from node.service.node import Node
from translations.languages import LANGUAGES, best_language

log: Final = structlog.get_logger("entente.dashboard")

ALLOWANCES: Final = web.AppKey("dashboard_allowances", Allowances)
COOKIE: Final = "entente_session"
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self' data:; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}

_PAGES: Final = (
    sign_in, work, observed, find, countries, ask, ask_details, case, blocked, answer, forward, drafts, approvals,
    people, roles, protection, peers, queue, diagnosis, profile, mail, calendar_feed, authority, authority_edit,
    authority_table, authorities, invitation, statistics, audit, urgent, subjects, corrections, own_data,
    once,
)  # fmt: skip

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_OPEN: Final = ("/sign-in", "/link", "/invitation", "/calendar/", "/static/")
_YEAR_S: Final = 365 * 24 * 3600


def add_routes(app: web.Application, node: Node) -> None:
    """Add the dashboard to the web listener's application."""
    app[NODE] = node
    app[ALLOWANCES] = Allowances(node.config.web.calls_per_s, node.config.web.strangers_per_s)
    app.middlewares.append(_middleware)
    app.router.add_static("/static", FOLDER / "static", append_version=False)
    app.router.add_get("/", _home)
    for module in _PAGES:
        module.add_routes(app)


async def _home(request: web.Request) -> web.Response:
    raise web.HTTPSeeOther(home_of(request[ACTOR]))


@web.middleware
async def _middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.path.startswith("/api/"):
        return await handler(request)
    try:
        response = await _guarded(request, handler)
    except web.HTTPException as error:
        found = error.status < 400  # noqa: PLR2004
        response = _moved(error) if found else _error_page(request, NodeError("not-found"))
    except sign_in.OldFormError as error:
        response = sign_in.show_old_form(request, error)
    except NodeError as error:
        response = _error_page(request, error)
    except Exception:
        log.exception(
            "page-failed", path=request.match_info.route.resource and request.match_info.route.resource.canonical
        )
        response = _error_page(request, NodeError("internal"))
    if isinstance(response, web.Response | web.FileResponse) and not response.prepared:
        response.headers.update(HEADERS)
        if request.path.startswith("/static/"):
            response.headers["Cache-Control"] = "public, max-age=3600"
        elif request.path.startswith("/calendar/"):
            response.headers["Cache-Control"] = "private, no-cache"
        _remember_language(request, response)
    return response


def _moved(error: web.HTTPException) -> web.Response:
    return web.Response(status=error.status, headers=error.headers)


async def _guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    node = request.app[NODE]
    request[LANG] = best_language(request.headers.get("Accept-Language"), node.config.node.language)
    token = request.cookies.get(COOKIE)
    if token and not request.path.startswith("/static/"):
        try:
            request[ACTOR] = await sessions.actor_of_session(node, token)
            request[SESSION] = token
            request[LANG] = request[ACTOR].language
        except NodeError:
            request.pop(SESSION, None)
    chosen = request.query.get("lang") or request.cookies.get(LANG_COOKIE)
    if chosen in LANGUAGES:
        request[LANG] = chosen
    _count(request)
    if request.method == "POST":
        _check_origin(request)
    elif request.method not in ("GET", "HEAD"):
        raise NodeError("not-found")
    if ACTOR not in request and not request.path.startswith(_OPEN):
        return await sign_in.ask_again(request)
    if ACTOR in request and not request.path.startswith((*_OPEN, "/password", "/sign-out")):
        _require_password(request)
    return await handler(request)


def _count(request: web.Request) -> None:
    """Count a page for whoever asks for it; what is the same for everybody isn't counted."""
    if request.path.startswith("/static/"):
        return
    if ACTOR in request:
        request.app[ALLOWANCES].person(request[ACTOR].id, stopwatch())
    else:
        request.app[ALLOWANCES].stranger(address(request), stopwatch())


def _require_password(request: web.Request) -> None:
    """Lead somebody who came by a link and has no password yet to choose one first."""
    if accounts.must_set_password(request.app[NODE], request[ACTOR]):
        raise web.HTTPSeeOther("/password")


def _check_origin(request: web.Request) -> None:
    """Refuse forms that another site sends; signed-in forms also carry a token (see `checked_form`)."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None and site not in ("same-origin", "none"):
        raise NodeError("csrf")
    if origin is not None and urlsplit(origin).netloc != request.host and origin != "null":
        raise NodeError("csrf")


def _remember_language(request: web.Request, response: web.StreamResponse) -> None:
    chosen = request.query.get("lang")
    if chosen in LANGUAGES:
        response.set_cookie(LANG_COOKIE, chosen, max_age=_YEAR_S, httponly=True, samesite="Lax")


def _error_page(request: web.Request, error: NodeError) -> web.Response:
    texts, said, status = texts_of(request), words_of(error.entry), error.entry.status
    title = texts.t("fault.not-found.title" if error.code == "not-found" else "fault.title")
    what, following = texts.t(said.what), texts.t(said.next)
    page = render(request, "error", status, title=title, what=what, next_step=following, code=error.code)
    return told_to_wait(page, error)
