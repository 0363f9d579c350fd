"""An authority of ours: its record as others see it, its history, taking a change back, its end, and its erasure."""

from dataclasses import dataclass
from urllib.parse import quote

from aiohttp import web

from directory_sync.authority import Authority, in_language
from node.dashboard.authority_fields import Fields, Row
from node.dashboard.authority_form import mistakes_of
from node.dashboard.form import offset_of
from node.dashboard.page import ACTOR, NODE, Mistake, render, see_other, texts_of
from node.dashboard.sign_in import checked_form
from node.domain.authority_change import changes_between
from node.errors import NodeError
from node.service import authority_edit, authority_erasure, authority_history, find
from node.service.authority_erasure import may_erase
from node.service.authority_history import Change
from translations.catalogue import Text

_PAGE = 20


@dataclass(frozen=True)
class _Told:
    change: Change
    kind: Text
    rows: tuple[Row, ...]


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/authority", own)
    app.router.add_get("/authority/{authority}", page)
    app.router.add_get("/authority/{authority}/history", history_page)
    app.router.add_post("/authority/{authority}/undo", undo)
    app.router.add_get("/authority/{authority}/end", end_page)
    app.router.add_post("/authority/{authority}/end", end)
    app.router.add_get("/authority/{authority}/erase", erase_page)
    app.router.add_post("/authority/{authority}/erase", erase)


def href(authority_id: str) -> str:
    """Return the address of an authority's pages."""
    return f"/authority/{quote(authority_id, safe='')}"


def section_of(request: web.Request, authority_id: str) -> str:
    """Return the menu entry under which an authority stands."""
    return "authority" if authority_id in request[ACTOR].authorities else "authorities"


def record(request: web.Request) -> Authority:
    """Return the authority of the address, if it is one of ours; raises `not-found`."""
    request[ACTOR].require("directory.search")
    found = authority_edit.current(request.app[NODE], request.match_info["authority"])
    if found is None:
        raise NodeError("not-found")
    return found


async def own(request: web.Request) -> web.Response:
    """Lead to the reader's authority, or list them where there are several."""
    names = find.names(request.app[NODE], request[ACTOR].authorities)
    if len(names) == 1:
        return see_other(href(next(iter(names))))
    return render(request, "authority_own", section="authority", names=names)


async def page(request: web.Request) -> web.Response:
    """Show the record as others see it."""
    one, node, texts = record(request), request.app[NODE], texts_of(request)
    fields, editor = Fields(texts), authority_edit.editor_of(node, request[ACTOR])
    title, described = in_language(one.titles, texts.lang), in_language(one.descriptions, texts.lang)
    shown = [change for change in changes_between(None, one) if not change.field.startswith(_TOLD_ABOVE)]
    return render(
        request,
        "authority",
        section=section_of(request, one.id),
        record=one,
        base=href(one.id),
        title=Text(*title) if title else None,
        description=Text(*described) if described else None,
        rows=fields.rows(shown),
        edits=editor.sees_all_of(one),
        ends=editor.operator or editor.validating(one) is not None,
    )


_TOLD_ABOVE = ("id", "name", "titles.", "descriptions.", "country", "demo")


async def history_page(request: web.Request) -> web.Response:
    """Show who changed what, when and why."""
    return _history(request, {})


def _history(request: web.Request, errors: dict[str, Mistake]) -> web.Response:
    one, node, texts = record(request), request.app[NODE], texts_of(request)
    offset = offset_of(request)
    found = authority_history.history(node, request[ACTOR], one.id, _PAGE + 1, offset)
    fields, base = Fields(texts), href(one.id)
    told = tuple(_Told(c, texts.t(f"authority.kind.{c.kind}"), fields.rows(c.fields)) for c in found[:_PAGE])
    return render(
        request,
        "authority_history",
        422 if errors else 200,
        section=section_of(request, one.id),
        record=one,
        base=base,
        changes=told,
        errors=errors,
        newer_href=f"{base}/history?from={max(0, offset - _PAGE)}" if offset else None,
        more_href=f"{base}/history?from={offset + _PAGE}" if len(found) > _PAGE else None,
    )


async def undo(request: web.Request) -> web.Response:
    """Publish the record as it was before a change."""
    form, one = await checked_form(request), record(request)
    seq, v = form.number("change"), form.number("v")
    if seq is None or v is None:
        raise NodeError("not-found")
    try:
        await authority_history.undo(request.app[NODE], request[ACTOR], one.id, seq, v, form[f"reason.{seq}"])
    except NodeError as error:
        if error.code not in ("invalid", "forbidden"):
            raise
        found = mistakes_of(error.fields, texts_of(request))
        return _history(request, {f"reason.{seq}" if name == "reason" else name: m for name, m in found.items()})
    return see_other(f"{href(one.id)}/history", "flash.saved")


async def end_page(request: web.Request) -> web.Response:
    """Ask for the last day and the successor."""
    return _end(request, {}, {})


def _end(request: web.Request, values: dict[str, str], errors: dict[str, Mistake]) -> web.Response:
    one, node = record(request), request.app[NODE]
    editor = authority_edit.editor_of(node, request[ACTOR])
    if not (editor.operator or editor.validating(one)):
        raise NodeError("forbidden")
    there = {"valid_until": one.valid_until.isoformat() if one.valid_until else "", "successor": one.successor or ""}
    return _asked(request, "authority_end", one, {"v": str(one.v), **there, **values}, errors)


def _asked(
    request: web.Request, name: str, one: Authority, values: dict[str, str], errors: dict[str, Mistake]
) -> web.Response:
    """Show the page that asks for what ends or erases a record, with what was typed and what is wrong with it."""
    return render(
        request,
        name,
        422 if errors else 200,
        section=section_of(request, one.id),
        record=one,
        base=href(one.id),
        values=values,
        errors=errors,
    )


async def end(request: web.Request) -> web.Response:
    """End an authority after a day."""
    form, one, texts = await checked_form(request), record(request), texts_of(request)
    until, v = form.date("valid_until"), form.number("v")
    if until is None or v is None:
        return _end(request, form.values(), {"valid_until": Mistake(texts.t("error.date"))})
    why = (form["reason"], form["successor"] or None)
    try:
        await authority_history.end(request.app[NODE], request[ACTOR], one.id, v, until, why)
    except NodeError as error:
        if error.code not in ("invalid", "forbidden") or not error.fields:
            raise
        return _end(request, form.values(), mistakes_of(error.fields, texts))
    return see_other(href(one.id), "flash.saved")


async def erase_page(request: web.Request) -> web.Response:
    """Say what an erasure is, and ask for its reason."""
    return _erase(request, {}, {})


def _erase(request: web.Request, values: dict[str, str], errors: dict[str, Mistake]) -> web.Response:
    one, node = record(request), request.app[NODE]
    if not may_erase(authority_edit.editor_of(node, request[ACTOR]), one):
        raise NodeError("forbidden")
    return _asked(request, "authority_erase", one, values, errors)


async def erase(request: web.Request) -> web.Response:
    """Erase the record for good."""
    form, one = await checked_form(request), record(request)
    try:
        await authority_erasure.erase(request.app[NODE], request[ACTOR], one.id, form["reason"])
    except NodeError as error:
        if error.code != "invalid" or not error.fields:
            raise
        linked = {name: code for name, code in error.fields.items() if name != "reason"}
        found = mistakes_of({"reason": "linked"} if linked else error.fields, texts_of(request))
        return _erase(request, form.values(), found)
    return see_other(href(one.id), "flash.saved")
