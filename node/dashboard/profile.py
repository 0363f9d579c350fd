"""The reader's own settings."""

from dataclasses import dataclass

from aiohttp import web

from node.dashboard.page import ACTOR, LANG_COOKIE, NODE, SESSION, Mistake, Option, render, see_other, texts_of
from node.dashboard.sign_in import COOKIE, MINIMUM, checked_form, password_faults
from node.errors import NodeError
from node.service import accounts, find, passwords, sessions
from translations.catalogue import Text
from translations.languages import LANGUAGES, native_name


@dataclass(frozen=True)
class _Membership:
    name: str
    roles: tuple[Text, ...]


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/profile", page)
    app.router.add_post("/profile/language", set_language)
    app.router.add_post("/profile/password", set_password)
    app.router.add_post("/profile/sign-out-everywhere", sign_out_everywhere)


def language_choices() -> tuple[Option, ...]:
    """Return the 26 languages by their own names."""
    return tuple(Option(code, Text(native_name(code), code)) for code in LANGUAGES)


async def page(request: web.Request) -> web.Response:
    """Show the profile."""
    return _show(request, {})


def _show(request: web.Request, errors: dict[str, Mistake]) -> web.Response:
    node, actor, texts = request.app[NODE], request[ACTOR], texts_of(request)
    roles = tuple(texts.t(f"people.role.{role}") for role in sorted(actor.roles) if role != "operator")
    names = find.names(node, actor.authorities).values()
    return render(
        request,
        "profile",
        422 if errors else 200,
        section="profile",
        name=actor.name,
        authorities=tuple(_Membership(name, roles) for name in names),
        choices=language_choices(),
        minimum=MINIMUM,
        sessions=sessions.session_count(node, actor),
        values={"page_language": actor.language},
        errors=errors,
    )


async def set_language(request: web.Request) -> web.Response:
    """Choose the language of the pages for good."""
    form = await checked_form(request)
    await accounts.set_language(request.app[NODE], request[ACTOR], form["page_language"])
    response = see_other("/profile", "flash.saved")
    response.del_cookie(LANG_COOKIE)
    return response


async def set_password(request: web.Request) -> web.Response:
    """Change the password."""
    form, texts = await checked_form(request), texts_of(request)
    found = password_faults(form)
    if not found:
        new, current = form.fields["password"][0], form.fields.get("current", [""])[0]
        try:
            await passwords.set_password(request.app[NODE], request[SESSION], new, current)
        except NodeError as error:
            known = {
                "wrong-credentials": ("current", "error.password-wrong"),
                "invalid": ("password", "error.password-common"),
            }
            if error.code not in known:
                raise
            field, text_id = known[error.code]
            found = {field: text_id}
    if found:
        return _show(
            request, {f: Mistake(texts.t(i, n=MINIMUM) if "short" in i else texts.t(i)) for f, i in found.items()}
        )
    return see_other("/profile", "flash.saved")


async def sign_out_everywhere(request: web.Request) -> web.Response:
    """End all sessions of this person."""
    await checked_form(request)
    await sessions.sign_out_everywhere(request.app[NODE], request[ACTOR])
    response = see_other("/sign-in", "flash.signed-out-everywhere")
    response.del_cookie(COOKIE, path="/")
    return response
