"""The auditor's page: who did what when, and who held which role from when until when; without contents and names."""

from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from node.dashboard.form import day_of, whole_number
from node.dashboard.page import ACTOR, NODE, Option, render, texts_of
from node.service import audit_trail, find
from node.service.audit_trail import KINDS, Wanted
from node.service.case_texts import CaseTexts

_PAGE: Final = 100
_NAMES: Final = ("kind", "authority", "first", "last")
_KINDS: Final = {"case": "work.column.case", "person": "nav.people", "authority": "ask.step.authority"}


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/audit", page)
    app.router.add_get("/audit.csv", table)


def _wanted(request: web.Request) -> Wanted:
    """Return what the address asks for; what can't be read in it is left out."""
    query = request.query
    kind = next((one for one in KINDS if one == query.get("kind")), None)
    own = request[ACTOR].places("audit.read")
    authority = query.get("authority") if query.get("authority") in own else None
    return Wanted(kind, day_of(query.get("first", "")), day_of(query.get("last", "")), authority)


async def page(request: web.Request) -> web.Response:
    """Show the newest entries, or those before one, and the rights."""
    node, actor, texts = request.app[NODE], request[ACTOR], texts_of(request)
    wanted, before = _wanted(request), whole_number(request.query.get("before", ""))
    entries = await audit_trail.trail(node, actor, before, _PAGE + 1, wanted)
    shown = entries[:_PAGE]
    held = await audit_trail.rights(node, actor, wanted.authority)
    area_titles = CaseTexts(node, texts.lang)
    names = find.names(node, actor.places("audit.read"))
    values = {name: request.query[name] for name in _NAMES if request.query.get(name)}
    more = urlencode({**values, "before": shown[-1].number}) if len(entries) > _PAGE else ""
    return render(
        request,
        "audit",
        section="audit",
        entries=shown,
        rights=held if before is None else (),
        names=names,
        roles={one.role: texts.t(f"people.role.{one.role}") for one in held},
        areas={one.area: area_titles.area_title(one.area) for one in held},
        values=values,
        kinds=tuple(Option(kind, texts.t(_KINDS[kind])) for kind in KINDS),
        authorities=tuple(Option(one, texts.plain(name)) for one, name in names.items()),
        newer_href=f"/audit?{urlencode(values)}" if before is not None else None,
        more_href=f"/audit?{more}" if more else None,
        table_href=f"/audit.csv?{urlencode(values)}",
    )


async def table(request: web.Request) -> web.Response:
    """Send the same entries as CSV, all of them."""
    found = await audit_trail.table(request.app[NODE], request[ACTOR], _wanted(request))
    headers = {"Content-Type": "text/csv; charset=utf-8", "Content-Disposition": 'attachment; filename="audit.csv"'}
    return web.Response(body=found.encode(), headers=headers)
