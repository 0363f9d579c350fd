"""The statistics: how fast requests are accepted and answered, as a table and as a file."""

from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from node.dashboard.page import ACTOR, LANG, NODE, Mistake, Option, render, texts_of
from node.errors import NodeError
from node.service import statistics
from node.service.statistics import By, Statistics, Wanted

_NAMES: Final = ("role", "by", "first", "last")
_COLUMNS: Final[dict[By, str]] = {
    "month": "statistics.month",
    "area": "case.area",
    "country": "find.country",
    "authority": "statistics.authority",
}


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/statistics", page)
    app.router.add_get("/statistics.csv", table)


async def page(request: web.Request) -> web.Response:
    """Show the indicators, with the form that chooses which."""
    texts = texts_of(request)
    values = {name: request.query[name] for name in _NAMES if request.query.get(name)}
    found, errors = None, {}
    try:
        found = await _found(request)
        values |= {"first": found.first, "last": found.last}
    except NodeError as error:
        if error.code != "invalid":
            raise
        labels = {"first": texts.t("statistics.first"), "last": texts.t("statistics.last")}
        errors = {name: Mistake(texts.t(f"error.{fault}"), labels[name]) for name, fault in error.fields.items()}
    return render(
        request,
        "statistics",
        status=200 if found else 400,
        section="statistics",
        found=found,
        values=values,
        errors=errors,
        roles=tuple(Option(role, texts.t(f"role.{role}")) for role in ("replying", "asking")),
        bys=tuple(Option(by, texts.t(text_id)) for by, text_id in _COLUMNS.items()),
        column=texts.t(_COLUMNS[found.by if found else "month"]),
        table_href=f"/statistics.csv?{urlencode(values)}",
    )


async def table(request: web.Request) -> web.Response:
    """Send the same as CSV."""
    headers = {
        "Content-Type": "text/csv; charset=utf-8",
        "Content-Disposition": 'attachment; filename="statistics.csv"',
    }
    return web.Response(body=statistics.table(await _found(request)).encode(), headers=headers)


async def _found(request: web.Request) -> Statistics:
    query = request.query
    wanted = Wanted(
        role="asking" if query.get("role") == "asking" else "replying",
        by=next((by for by in _COLUMNS if by == query.get("by")), "month"),
        first=query.get("first", ""),
        last=query.get("last", ""),
    )
    return await statistics.statistics(request.app[NODE], request[ACTOR], wanted, request[LANG])
