"""The roles of one user: granted and revoked by who administers the authority."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import quote

from aiohttp import web

from node.dashboard.page import ACTOR, LANG, NODE, Mistake, Option, render, see_other, texts_of
from node.dashboard.sign_in import checked_form
from node.domain.access import OPERATOR_OF, ROLES, GrantNote
from node.domain.case_view import Text
from node.errors import NodeError
from node.service import accounts, find
from node.service.case_texts import CaseTexts
from translations.catalogue import Text as CatalogueText

_MISTAKES: Final = {"not-per-area": "people.area.whole", "last-role": "error.last-role"}


@dataclass(frozen=True)
class _Held:
    authority: str
    authority_name: str
    role: str
    role_text: CatalogueText | None
    area: str
    area_text: Text | None
    granted: datetime


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/people/{person}/roles", page)
    app.router.add_post("/people/{person}/roles", grant)
    app.router.add_post("/people/{person}/roles/revoke", revoke)


async def page(request: web.Request) -> web.Response:
    """Show which roles a user holds in the authorities that the reader administers."""
    return _show(request, {}, {})


def _show(request: web.Request, values: dict[str, str], errors: dict[str, Mistake]) -> web.Response:
    node, actor, texts = request.app[NODE], request[ACTOR], texts_of(request)
    person_id = request.match_info["person"]
    notes = accounts.grants_of(node, actor, person_id)
    places = actor.places("people.manage") or {note.grant.authority for note in notes} - {OPERATOR_OF}
    names = find.names(node, places)
    return render(
        request,
        "people_roles",
        422 if errors else 200,
        section="people",
        person=accounts.person_seen(node, actor, person_id),
        held=tuple(_held(request, note, names) for note in notes),
        authorities=tuple(Option(one, texts.plain(name)) for one, name in names.items()),
        roles=tuple(Option(role, texts.t(f"people.role.{role}")) for role in ROLES if role != "operator"),
        areas=_areas(request),
        values=values,
        errors=errors,
    )


def _areas(request: web.Request) -> tuple[Option, ...]:
    texts = CaseTexts(request.app[NODE], request[LANG])
    found = (Option(area, texts.area_title(area)) for area in request.app[NODE].areas)
    return tuple(sorted(found, key=lambda option: option.text.text.casefold()))


def _held(request: web.Request, note: GrantNote, names: dict[str, str]) -> _Held:
    texts, one = texts_of(request), note.grant
    return _Held(
        authority=one.authority,
        authority_name=names.get(one.authority, one.authority),
        role=one.role,
        role_text=None if one.role == "operator" else texts.t(f"people.role.{one.role}"),
        area=one.area,
        area_text=CaseTexts(request.app[NODE], request[LANG]).area_title(one.area) if one.area else None,
        granted=note.at,
    )


async def grant(request: web.Request) -> web.Response:
    """Grant a role."""
    return await _change(request, accounts.grant)


async def revoke(request: web.Request) -> web.Response:
    """Revoke a role at once."""
    return await _change(request, accounts.revoke)


async def _change(request: web.Request, change: accounts.Change) -> web.Response:
    form = await checked_form(request)
    person = request.match_info["person"]
    try:
        one = accounts.grant_of(form["authority"], form["role"], form["area"])
        await change(request.app[NODE], request[ACTOR], person, one)
    except NodeError as error:
        if error.code != "invalid":
            raise
        texts = texts_of(request)
        mistakes = {
            field: Mistake(texts.t(_MISTAKES.get(code, "error.required"))) for field, code in error.fields.items()
        }
        return _show(request, form.values(), mistakes)
    return see_other(f"/people/{quote(person, safe='')}/roles", "flash.saved")
