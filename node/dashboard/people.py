"""The users of the authorities that the reader administers."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from aiohttp import web

from node.dashboard.confirm import Confirmation, confirm
from node.dashboard.page import ACTOR, NODE, Mistake, Option, render, see_other, texts_of
from node.dashboard.profile import language_choices
from node.dashboard.sign_in import checked_form
from node.domain.access import ROLES
from node.domain.person import NewPerson, Person
from node.errors import NodeError
from node.service import accounts, find, sessions, tokens
from translations.catalogue import Text

_ROLES: Final = tuple(role for role in ROLES if role != "operator")


@dataclass(frozen=True)
class _Account:
    id: str
    login: str
    name: str
    authorities: tuple[str, ...]
    roles: tuple[Text, ...]
    service: bool


@dataclass(frozen=True)
class _Link:
    address: str
    name: str
    until: datetime


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/people", page)
    app.router.add_post("/people", add)
    app.router.add_get("/people/{person}/tokens", tokens_page)
    app.router.add_post("/people/{person}/tokens/end", end_token)
    app.router.add_post("/people/{person}/link", make_link)
    app.router.add_post("/people/{person}/end", end)


async def page(request: web.Request) -> web.Response:
    """List the users."""
    return _show(request)


def _show(
    request: web.Request,
    values: dict[str, str] | None = None,
    errors: dict[str, Mistake] | None = None,
    link: _Link | None = None,
) -> web.Response:
    node, actor, texts = request.app[NODE], request[ACTOR], texts_of(request)
    found = [person for person in accounts.list_people(node, actor) if person.ended_at is None]
    shown = tuple(
        _Account(
            person.id,
            person.login,
            person.name,
            tuple(find.names(node, person.authorities).values()),
            tuple(texts.t(f"people.role.{role}") for role in sorted(person.roles) if role in _ROLES),
            person.service,
        )
        for person in found
    )
    return render(
        request,
        "people",
        422 if errors else 200,
        section="people",
        people=shown,
        link=link,
        authorities=tuple(Option(a, texts.plain(name)) for a, name in find.names(node, actor.authorities).items()),
        roles=tuple(Option(role, texts.t(f"people.role.{role}")) for role in _ROLES),
        choices=language_choices(),
        values=values or {"person_language": actor.language},
        errors=errors or {},
    )


async def add(request: web.Request) -> web.Response:
    """Add a user, and show the first sign-in link at once."""
    form = await checked_form(request)
    new = NewPerson(
        form["login"],
        form["name"],
        form["person_language"],
        frozenset({form["role"]}),
        frozenset({form["authority"]}) if form["authority"] else frozenset(),
    )
    try:
        person = await accounts.add_person(request.app[NODE], request[ACTOR], new)
    except NodeError as error:
        if error.code not in ("invalid", "exists"):
            raise
        texts = texts_of(request)
        fields = error.fields or {"login": error.code}
        named = {"language": "person_language", "roles": "role", "authorities": "authority"}
        known = {"exists": "error.login-taken"}
        errors = {named.get(f, f): Mistake(texts.t(known.get(code, "error.required"))) for f, code in fields.items()}
        return _show(request, form.values(), errors)
    return await _linked(request, person)


async def make_link(request: web.Request) -> web.Response:
    """Make a new one-time link and show it once."""
    await checked_form(request)
    return await _linked(request, accounts.person_by_id(request.app[NODE], request[ACTOR], _person_id(request)))


def _person_id(request: web.Request) -> str:
    return request.match_info["person"]


async def _linked(request: web.Request, person: Person) -> web.Response:
    node = request.app[NODE]
    token = await sessions.make_link(node, request[ACTOR], person.id)
    config = node.config.web
    until = node.clock.now() + timedelta(hours=config.link_hours)
    return _show(request, link=_Link(f"{config.url.rstrip('/')}/link/{token}", person.name, until))


async def tokens_page(request: web.Request) -> web.Response:
    """List a user's access tokens."""
    person, found = tokens.tokens_of(request.app[NODE], request[ACTOR], _person_id(request))
    return render(request, "people_tokens", section="people", person=person, tokens=found)


async def end_token(request: web.Request) -> web.Response:
    """Revoke a user's access token."""
    form, person = await checked_form(request), _person_id(request)
    await tokens.end_token(request.app[NODE], request[ACTOR], form["token"], person)
    return see_other(f"/people/{quote(person, safe='')}/tokens", "flash.saved")


async def end(request: web.Request) -> web.Response:
    """Ask once more, then end a user's access at once."""
    node, actor, form = request.app[NODE], request[ACTOR], await checked_form(request)
    person_id = _person_id(request)
    person = next((one for one in accounts.list_people(node, actor) if one.id == person_id), None)
    if person is None:
        raise NodeError("not-found")
    if form["confirmed"] != "yes":
        return confirm(request, Confirmation("end-access", person.name, "/people", {}), section="people")
    await accounts.end_person(node, actor, person.id)
    return see_other("/people", "flash.access-ended")
