"""Signing in: by a one-time link and a password of one's own, later by name and password."""

from urllib.parse import urlsplit

from aiohttp import web

from node.dashboard.form import Form, read_form
from node.dashboard.page import ACTOR, NODE, SESSION, Mistake, render, see_other, texts_of
from node.errors import NodeError
from node.service import passwords, sessions

COOKIE = "entente_session"
MINIMUM = 12
"""Fewest characters of a password."""


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/sign-in", page)
    app.router.add_post("/sign-in", sign_in)
    app.router.add_post("/sign-out", sign_out)
    app.router.add_get("/link/{token}", link_page)
    app.router.add_post("/link/{token}", use_link)
    app.router.add_get("/password", password_page)
    app.router.add_post("/password", set_password)


async def checked_form(request: web.Request) -> Form:
    """Read a form of a signed-in person and check its token against forgery."""
    form = await read_form(request)
    sessions.check_csrf(request[SESSION], form["csrf"])
    return form


def keep_session(request: web.Request, response: web.Response, token: str) -> web.Response:
    """Set the session's cookie."""
    config = request.app[NODE].config.web
    secure = urlsplit(config.url).scheme == "https"
    response.set_cookie(COOKIE, token, httponly=True, samesite="Lax", secure=secure, path="/")
    return response


async def page(request: web.Request) -> web.Response:
    """Show the sign-in form."""
    return render(request, "signin", values={"name": ""})


async def sign_in(request: web.Request) -> web.Response:
    """Sign in with name and password."""
    form, texts = await read_form(request, files=False), texts_of(request)
    try:
        token = await sessions.sign_in(request.app[NODE], form["name"], form.fields.get("password", [""])[0])
    except NodeError as error:
        wait = texts.moment(request.app[NODE].clock.now())
        shown = texts.t("error.sign-in-wait", when=wait) if error.code == "too-many" else texts.t("error.sign-in")
        values = {"name": form["name"]}
        return render(request, "signin", error.entry.status, values=values, errors={"name": Mistake(shown)})
    return keep_session(request, see_other("/work"), token)


async def sign_out(request: web.Request) -> web.Response:
    """End the session."""
    await checked_form(request)
    await sessions.sign_out(request.app[NODE], request[SESSION])
    response = see_other("/sign-in", "flash.signed-out")
    response.del_cookie(COOKIE, path="/")
    return response


async def link_page(request: web.Request) -> web.Response:
    """Show the landing of a one-time link; looking uses nothing up."""
    usable = sessions.link_works(request.app[NODE], request.match_info["token"])
    return render(request, "signin_link", action=request.path, usable=usable)


async def use_link(request: web.Request) -> web.Response:
    """Use a one-time link up and sign in."""
    try:
        token, must_choose = await sessions.use_link(request.app[NODE], request.match_info["token"])
    except NodeError as error:
        return render(request, "signin_link", error.entry.status, action=request.path, usable=False)
    return keep_session(request, see_other("/password" if must_choose else "/work"), token)


async def password_page(request: web.Request) -> web.Response:
    """Show the form for the first password."""
    return render(request, "password", name=request[ACTOR].name, minimum=MINIMUM)


async def set_password(request: web.Request) -> web.Response:
    """Set the first password."""
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
    return see_other("/work", "flash.saved")


def password_faults(form: Form) -> dict[str, str]:
    """Return what is wrong with a new password and its repetition."""
    new, again = form.fields.get("password", [""])[0], form.fields.get("repeat", [""])[0]
    if len(new) < MINIMUM:
        return {"password": "error.password-short"}
    return {"repeat": "error.password-differ"} if new != again else {}
