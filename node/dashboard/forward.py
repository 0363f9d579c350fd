"""The pages on which a case, or some of its questions, are passed on to another authority of the own country."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web

from node.dashboard.ask_details import told
from node.dashboard.form import Form
from node.dashboard.page import ACTOR, LANG, NODE, Option, render, see_other, texts_of
from node.dashboard.sign_in import checked_form
from node.domain.directory_view import Query
from node.errors import NodeError
from node.service import cases, find, forwarding, reading, splitting
from protocol.content import Said
from translations.catalogue import Text

_SHOWN: Final = 20
_LONGEST: Final = 200


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    for act in ("forward", "split"):
        app.router.add_get(f"/cases/{{case}}/{act}", _page(act))
        app.router.add_post(f"/cases/{{case}}/{act}", _passing_on(act))


def _page(act: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def page(request: web.Request) -> web.Response:
        """Show who may get it: those of the area that fit the words, or the first of all."""
        return await _show(request, act, Form({"q": [request.query.get("q", "")[:_LONGEST]]}), {})

    return page


async def _show(request: web.Request, act: str, form: Form, found: dict[str, str]) -> web.Response:
    node, texts, actor, lang = request.app[NODE], texts_of(request), request[ACTOR], request[LANG]
    case = cases.case_to_act(node, actor, request.match_info["case"], f"request.{act}")
    wanted = Query(form["q"], country=node.country, area=case.area, limit=_SHOWN)
    hits = await find.search(node, actor, wanted, lang)
    view = reading.view_case(node, actor, case.id, lang)
    asked = (one for one in view.questions if one.depth == 0)
    return render(
        request,
        "forward",
        HTTPStatus.UNPROCESSABLE_ENTITY if found else HTTPStatus.OK,
        section="work",
        case=view,
        act=act,
        items=tuple(Option(one.id, Text(one.text.text, one.text.lang)) for one in asked) if act == "split" else (),
        picked=tuple(form.all("item")),
        found=tuple(
            Option(hit.authority, Text(f"{hit.name} · {hit.place}" if hit.place else hit.name, hit.name_lang))
            for hit in hits.items
            if hit.authority != case.own_authority
        ),
        writing=texts.writing(),
        own_lang=lang,
        values=form.values(),
        errors=told(texts, found),
    )


def _passing_on(act: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def passing_on(request: web.Request) -> web.Response:
        """Pass it on."""
        form, found = await checked_form(request), dict[str, str]()
        reason = form.said_or_fault("reason", form["reason_language"] or request[LANG], found)
        if reason is None:
            found.setdefault("reason", "error.required")
        if not form["to"]:
            found["to"] = "error.choose"
        if not found and reason is not None:
            found = await _pass_on(request, act, form, reason)
        if found:
            return await _show(request, act, form, found)
        return see_other("/work", "flash.forwarded") if act == "forward" else see_other(_case(request), "flash.split")

    return passing_on


def _case(request: web.Request) -> str:
    return f"/cases/{request.match_info['case']}"


async def _pass_on(request: web.Request, act: str, form: Form, reason: Said) -> dict[str, str]:
    """Do it; returns what is wrong, by field."""
    node, actor, case_id = request.app[NODE], request[ACTOR], request.match_info["case"]
    try:
        if act == "forward":
            await forwarding.forward(node, actor, case_id, form["to"], reason)
        else:
            await splitting.split(node, actor, case_id, form["to"], form.all("item"), reason)
    except NodeError as error:
        if error.code in ("unknown-authority", "not-competent") or "to" in error.fields:
            return {"to": "error.choose"}
        if "questions" in error.fields:
            return {"item": "error.split"}
        raise
    return {}
