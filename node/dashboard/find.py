"""Finding an authority to ask."""

from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from node.dashboard.page import ACTOR, LANG, NODE, Option, render, texts_of
from node.domain.directory_view import Query
from node.service import directory, find
from translations.catalogue import Text

_PAGE = 20
_OLD: Final = timedelta(days=2)
"""A directory that wasn't known to be the newest for so long may be out of date."""


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/find", page)


async def page(request: web.Request) -> web.Response:
    """Show the search form and what was found."""
    node, texts = request.app[NODE], texts_of(request)
    values = {name: request.query.get(name, "").strip() for name in ("q", "country", "area")}
    draft = request.query.get("draft", "")
    new = "1" if request.query.get("new") == "1" else ""
    start = request.query.get("from", "0")
    offset = int(start) if start.isdigit() and len(start) < 6 else 0  # noqa: PLR2004
    found = None
    if any(values.values()) or "q" in request.query:
        query = Query(values["q"][:200], values["country"] or None, values["area"] or None, None, _PAGE, offset)
        found = await find.search(node, request[ACTOR], query, request[LANG])
    others = node.members.active_countries() if node.members else frozenset()

    def href(at: int) -> str:
        return "/find?" + urlencode({**values, "draft": draft, "new": new, "from": at})

    return render(
        request,
        "find",
        section="ask" if draft or new else "find",
        new=new,
        values=values,
        countries=texts.countries(others),
        areas=tuple(Option(a.id, a.catalogue.text(a.rules.title, request[LANG])) for a in node.areas.values()),
        draft=draft,
        results=found.items if found else None,
        total=found.total if found else 0,
        stale=_stale(request, {item.country for item in found.items} if found else set()),
        newer_href=href(max(0, offset - _PAGE)) if offset else None,
        more_href=href(found.more) if found and found.more is not None else None,
    )


def _stale(request: web.Request, countries: set[str]) -> tuple[Text, ...]:
    """Say whether the member list is out of date, and of which of some countries the directory may be, since when."""
    node, texts = request.app[NODE], texts_of(request)
    known, now = directory.confirmed(node), node.clock.now()
    expired = node.members is not None and node.members.expired(now)
    told = (texts.t("fault.list-expired.text"),) if expired else ()
    return told + tuple(
        texts.t("find.stale", country=texts.country_name(country), when=texts.moment(known[country]))
        for country in sorted(countries - {node.country})
        if country in known and now - known[country] > _OLD
    )
