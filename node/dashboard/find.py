"""Finding an authority to ask: by words and filters, or step by step for those who don't know whom."""

from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from node.dashboard.form import offset_of
from node.dashboard.page import ACTOR, LANG, NODE, Option, render, texts_of
from node.domain.directory_view import Matter, Query
from node.service import find, freshness, whom
from protocol.countries import COUNTRIES
from translations.catalogue import Text
from translations.languages import LANGUAGES

_PAGE = 20
_SHORT: Final = 200
"""Characters of a field that are read."""
_FILTERS: Final = ("level", "region", "competence", "understands")
_STEPS: Final = ("country", "area")


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/find", page)
    app.router.add_get("/find/whom", whom_page)


async def page(request: web.Request) -> web.Response:
    """Show the search form and what was found."""
    node, texts = request.app[NODE], texts_of(request)
    values = _values(request, ("q", "country", "area", *_FILTERS))
    going_on = _going_on(request)
    offset = offset_of(request)
    found = None
    if any(values.values()) or "q" in request.query:
        named: dict[str, Any] = {name: values[name] or None for name in ("country", "area", *_FILTERS)}
        query = Query(values["q"], limit=_PAGE, offset=offset, **named)
        found = await find.search(node, request[ACTOR], query, request[LANG])

    def href(at: int) -> str:
        return "/find?" + urlencode({**values, **going_on, "from": at})

    return render(
        request,
        "find",
        **_choices(request),
        **going_on,
        section="ask" if any(going_on.values()) else "find",
        values=values,
        filtered=any(values[name] for name in _FILTERS),
        levels=tuple(Option(level, texts.t(f"level.{level}")) for level in ("national", "regional", "local")),
        competences=_competences(request),
        understood=tuple(Option(code, texts.plain(texts.language_name(code))) for code in LANGUAGES),
        whom_href="/find/whom?" + urlencode({**going_on, "country": values["country"], "area": values["area"]}),
        results=found.items if found else None,
        total=found.total if found else 0,
        capped=found.capped if found else False,
        stale=_stale(request, {item.country for item in found.items} if found else set()),
        newer_href=href(max(0, offset - _PAGE)) if offset else None,
        more_href=href(found.more) if found and found.more is not None else None,
    )


async def whom_page(request: web.Request) -> web.Response:
    """Ask for country, area, profession and place, one page each, and propose whom to ask."""
    values = _values(request, (*_STEPS, "competence", "place"))
    going_on = _going_on(request)
    step = next((name for name in _STEPS if not values[name]), "place" if "place" not in request.query else "")
    proposal = None
    if not step:
        matter = Matter(values["country"], values["area"], values["competence"] or None, values["place"])
        proposal = await whom.propose(request.app[NODE], request[ACTOR], matter, request[LANG])
    return render(
        request,
        "whom",
        **_choices(request),
        **going_on,
        section="ask" if any(going_on.values()) else "find",
        values=values,
        step=step,
        competences=_competences(request) if step == "place" else (),
        again_href="/find/whom?" + urlencode(going_on),
        proposal=proposal,
    )


def _values(request: web.Request, names: tuple[str, ...]) -> dict[str, str]:
    values = {name: request.query.get(name, "").strip()[:_SHORT] for name in names}
    if values["country"] and values["country"] not in COUNTRIES:
        values["country"] = ""
    return values


def _going_on(request: web.Request) -> dict[str, Any]:
    """Return which request the found authority is for: a draft, or a new one."""
    new = "1" if request.query.get("new") == "1" else ""
    return {"draft": request.query.get("draft", "")[:_SHORT], "new": new}


def _choices(request: web.Request) -> dict[str, Any]:
    node, texts = request.app[NODE], texts_of(request)
    others = node.members.active_countries() if node.members else frozenset[str]()
    areas = (Option(a.id, a.catalogue.text(a.rules.title, request[LANG])) for a in node.areas.values())
    return {"countries": texts.countries(others), "areas": tuple(areas)}


def _competences(request: web.Request) -> tuple[Option, ...]:
    named = whom.competences(request.app[NODE], request[LANG])
    return tuple(Option(code, text) for code, text in named)


def _stale(request: web.Request, countries: set[str]) -> tuple[Text, ...]:
    """Say whether the member list is out of date, and what readers have to know of the directories that are shown."""
    node, texts = request.app[NODE], texts_of(request)
    expired = node.members is not None and node.members.expired(node.clock.now())
    told = (texts.t("fault.list-expired.text"),) if expired else ()
    notes = freshness.notes(node, frozenset(countries))
    return told + tuple(
        texts.t(name, country=texts.country_name(country), when=texts.moment(at)) for name, country, at in notes
    )
