"""The page on which a case is passed on to another authority of the own country."""

from http import HTTPStatus
from typing import Final

from aiohttp import web

from node.dashboard.ask_details import told
from node.dashboard.page import ACTOR, LANG, NODE, Option, render, see_other, texts_of
from node.dashboard.sign_in import checked_form
from node.domain.directory_view import Query
from node.errors import NodeError
from node.service import cases, find, forwarding, reading
from protocol.request import FORWARD
from translations.catalogue import Text

_SHOWN: Final = 20
_LONGEST: Final = 200


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/cases/{case}/forward", page)
    app.router.add_post("/cases/{case}/forward", forward)


async def page(request: web.Request) -> web.Response:
    """Show who may get the case: those of the area that fit the words, or the first of all."""
    return await _show(request, {"q": request.query.get("q", "")[:_LONGEST]}, {})


async def _show(request: web.Request, values: dict[str, str], found: dict[str, str]) -> web.Response:
    node, texts, actor, lang = request.app[NODE], texts_of(request), request[ACTOR], request[LANG]
    case = cases.case_to_act(node, actor, request.match_info["case"], FORWARD)
    wanted = Query(values.get("q", ""), country=node.country, area=case.area, limit=_SHOWN)
    hits = await find.search(node, actor, wanted, lang)
    return render(
        request,
        "forward",
        HTTPStatus.UNPROCESSABLE_ENTITY if found else HTTPStatus.OK,
        section="work",
        case=reading.view_case(node, actor, case.id, lang),
        found=tuple(
            Option(hit.authority, Text(f"{hit.name} · {hit.place}" if hit.place else hit.name, hit.name_lang))
            for hit in hits.items
            if hit.authority != case.own_authority
        ),
        writing=texts.writing(),
        own_lang=lang,
        values=values,
        errors=told(texts, found),
    )


async def forward(request: web.Request) -> web.Response:
    """Pass the case on."""
    form, case_id = await checked_form(request), request.match_info["case"]
    found: dict[str, str] = {}
    reason = form.said_or_fault("reason", form["reason_language"] or request[LANG], found)
    if reason is None:
        found.setdefault("reason", "error.required")
    if not form["to"]:
        found["to"] = "error.choose"
    if found or reason is None:
        return await _show(request, form.values(), found)
    try:
        await forwarding.forward(request.app[NODE], request[ACTOR], case_id, form["to"], reason)
    except NodeError as error:
        if error.code not in ("unknown-authority", "not-competent") and "to" not in error.fields:
            raise
        return await _show(request, form.values(), {"to": "error.choose"})
    return see_other("/work", "flash.forwarded")
