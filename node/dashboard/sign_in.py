"""Signing in: by a one-time link and a password of one's own, later by name and password."""

import re
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from node.dashboard.form import Form, read_form, read_typed
from node.dashboard.page import (
    ACTOR,
    LANG,
    LANG_COOKIE,
    NODE,
    SESSION,
    Flash,
    Mistake,
    address,
    render,
    see_other,
    texts_of,
    told_to_wait,
)
from node.errors import NodeError
from node.service import kept_form, passwords, sessions
from node.service.kept_form import KeptForm
from translations.catalogue import Text
from translations.languages import LANGUAGES

COOKIE = "entente_session"
GOAL_COOKIE: Final = "entente_goal"
_GOAL: Final = re.compile(r"/(cases/[0-9a-f-]{36}|profile(/mail/[A-Za-z0-9_-]{1,100})?)")
"""Where a mail's link leads, after signing in too."""
_GOAL_S: Final = 900
MINIMUM = 12
"""Fewest characters of a password."""


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/sign-in", page)
    app.router.add_post("/sign-in", sign_in)
    app.router.add_post("/sign-out", sign_out)
    app.router.add_get("/link/{token}", link_page)
    app.router.add_post("/link", use_link)
    app.router.add_get("/password", password_page)
    app.router.add_post("/password", set_password)


class OldFormError(NodeError):
    """A form of a page that the same person opened in an earlier session: it is shown again, not done."""

    def __init__(self, form: Form) -> None:
        """Take what was typed."""
        super().__init__("csrf")
        self.form = form


async def checked_form(request: web.Request) -> Form:
    """Read a form of a signed-in person and check its token against forgery.

    Raises `OldFormError` where the browser says that the form is our own and its token names this person.
    """
    form = await read_form(request)
    try:
        sessions.check_csrf(request[SESSION], request[ACTOR].id, form["csrf"])
    except NodeError:
        if _is_from_here(request) and sessions.is_own_form(request[ACTOR].id, form["csrf"]) and _is_kept(request):
            raise OldFormError(form) from None
        raise
    return form


def _is_from_here(request: web.Request) -> bool:
    """Say whether the browser vouches that a form stood on a page of ours; an older one may say nothing."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    return site == "same-origin" or (site is None and urlsplit(origin or "").netloc == request.host)


def _is_kept(request: web.Request) -> bool:
    """Say whether what is typed into a form is kept: not passwords, and nothing where a second press does no harm."""
    return not request.path.startswith(("/sign-", "/link", "/password", "/profile"))


async def ask_again(request: web.Request) -> web.Response:
    """Show the sign-in form to somebody whose session has ended, and keep what was typed meanwhile."""
    ended = request.cookies.get(COOKIE, "")
    if request.method != "POST" or not ended or not _is_kept(request):
        response = see_other("/sign-in")
        if request.method == "GET" and _GOAL.fullmatch(request.path):
            response.set_cookie(GOAL_COOKIE, request.path, max_age=_GOAL_S, httponly=True, samesite="Lax")
        return response
    form, files = await read_typed(request)
    kept = kept_form.keep(request.app[NODE], ended, KeptForm(request.path, form.fields, files))
    return render(request, "signin", 403, values={"name": ""}, kept=kept)


def resume(request: web.Request, form: KeptForm, status: int, flash: Flash | None = None) -> web.Response:
    """Show a page with one button that sends what was typed once more, under the present session."""
    fields = {name: values for name, values in form.fields.items() if name != "csrf"}
    notes = (flash,) if flash else ()
    return render(request, "resume", status, action=form.action, fields=fields, files=form.files, flash=notes)


def show_old_form(request: web.Request, error: OldFormError) -> web.Response:
    """Show a form of an earlier session once more, to be sent again."""
    form = KeptForm(request.path, error.form.fields, bool(error.form.files))
    return resume(request, form, 409, Flash("warning", texts_of(request).t("error.old-form")))


def keep_session(request: web.Request, response: web.Response, token: str) -> web.Response:
    """Set the session's cookie."""
    config = request.app[NODE].config.web
    secure = urlsplit(config.url).scheme == "https"
    response.set_cookie(COOKIE, token, httponly=True, samesite="Lax", secure=secure, path="/")
    return response


async def page(request: web.Request) -> web.Response:
    """Show the sign-in form."""
    return render(request, "signin", values={"name": ""}, kept="")


async def sign_in(request: web.Request) -> web.Response:
    """Sign in with name and password."""
    form, texts = await read_form(request, files=False, longer="kept"), texts_of(request)
    node, password = request.app[NODE], form.fields.get("password", [""])[0]
    try:
        token, link_made = await sessions.sign_in(node, form["name"], password, address(request))
    except NodeError as error:
        shown = wait_text(request, error) if error.code == "too-many" else texts.t("error.sign-in")
        values = {"name": form["name"]}
        wrong = {"name": Mistake(shown)}
        again = render(request, "signin", error.entry.status, values=values, errors=wrong, kept=form["kept"])
        return told_to_wait(again, error)
    return keep_session(request, await _continued(request, token, form["kept"], link_made=link_made), token)


async def _continued(request: web.Request, token: str, kept: str, *, link_made: bool) -> web.Response:
    """Go on where the last session ended: with what was typed then, else from the start."""
    flash = ("flash.link-made", "info") if link_made else (None, "info")
    actor = await sessions.actor_of_session(request.app[NODE], token)
    form = kept_form.give_back(request.cookies.get(COOKIE, ""), kept, actor) if kept else None
    if form is None:
        goal = request.cookies.get(GOAL_COOKIE, "")
        response = see_other(goal if _GOAL.fullmatch(goal) else "/", *flash)
        if goal:
            response.del_cookie(GOAL_COOKIE)
        return response
    request[SESSION], request[ACTOR] = token, actor
    if request.cookies.get(LANG_COOKIE) not in LANGUAGES:
        request[LANG] = actor.language
    return resume(request, form, 200, Flash("info", texts_of(request).t("flash.link-made")) if link_made else None)


def wait_text(request: web.Request, error: NodeError) -> Text:
    """Say when somebody who tried too often may try again: the next whole minute, since pages show minutes."""
    again = request.app[NODE].clock.now() + timedelta(seconds=(error.retry_after_s or 0) + 59)
    texts = texts_of(request)
    return texts.t("error.sign-in-wait", when=texts.moment(again))


async def sign_out(request: web.Request) -> web.Response:
    """End the session."""
    await checked_form(request)
    await sessions.sign_out(request.app[NODE], request[SESSION])
    response = see_other("/sign-in", "flash.signed-out")
    response.del_cookie(COOKIE, path="/")
    return response


async def link_page(request: web.Request) -> web.Response:
    """Show the landing of a one-time link; looking uses nothing up."""
    link = request.match_info["token"]
    return render(request, "signin_link", link=link if sessions.link_works(request.app[NODE], link) else None)


async def use_link(request: web.Request) -> web.Response:
    """Use a one-time link up and sign in; from here on no address holds its secret."""
    form = await read_form(request, files=False)
    try:
        token, _ = await sessions.use_link(request.app[NODE], form["link"])
    except NodeError as error:
        return render(request, "signin_link", error.entry.status, link=None)
    return keep_session(request, see_other("/password"), token)


async def password_page(request: web.Request) -> web.Response:
    """Show the form for a password, to who came by a link."""
    return render(request, "password", name=request[ACTOR].name, minimum=MINIMUM)


async def set_password(request: web.Request) -> web.Response:
    """Set the password of who came by a link."""
    form, texts = await checked_form(request), texts_of(request)
    found = password_faults(form)
    if not found:
        try:
            await passwords.set_password(request.app[NODE], request[SESSION], form.fields["password"][0])
        except NodeError as error:
            if error.code not in ("invalid", "wrong-credentials"):
                raise
            found = {"password": "error.password-common"}
    if found:
        errors = {name: Mistake(texts.t(i, n=MINIMUM) if "short" in i else texts.t(i)) for name, i in found.items()}
        name = request[ACTOR].name
        return render(request, "password", 422, name=name, minimum=MINIMUM, errors=errors)
    return see_other("/", "flash.password-changed")


def password_faults(form: Form) -> dict[str, str]:
    """Return what is wrong with a new password and its repetition."""
    new, again = form.fields.get("password", [""])[0], form.fields.get("repeat", [""])[0]
    if len(new) < MINIMUM:
        return {"password": "error.password-short"}
    return {"repeat": "error.password-differ"} if new != again else {}
