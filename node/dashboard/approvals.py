"""The coordinator's pages of requests that wait for approval, and the page where approval is switched on."""

from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from node.dashboard.ask_details import attached
from node.dashboard.asking import party_of
from node.dashboard.page import ACTOR, LANG, NODE, Mistake, render, see_other, texts_of
from node.dashboard.sign_in import checked_form
from node.domain.case_view import Text
from node.errors import NodeError
from node.service import approvals, find, preview
from node.service.case_texts import CaseTexts


@dataclass(frozen=True)
class _Line:
    href: str
    authority: str
    area: Text
    asked: datetime


@dataclass(frozen=True)
class _Switch:
    authority: str
    authority_name: str
    area: str
    area_text: Text
    on: bool
    fixed: bool


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/approvals", page)
    app.router.add_get("/approvals/{draft}", look)
    app.router.add_post("/approvals/{draft}/approve", approve)
    app.router.add_post("/approvals/{draft}/return", give_back)
    app.router.add_get("/people/approval", switches)
    app.router.add_post("/people/approval", switch)


async def page(request: web.Request) -> web.Response:
    """List what waits."""
    node, texts = request.app[NODE], CaseTexts(request.app[NODE], request[LANG])
    found = approvals.list_waiting(node, request[ACTOR])
    called = find.names(node, {one.authority for one in found})
    lines = tuple(
        _Line(f"/approvals/{one.draft}", called[one.authority], texts.area_title(one.area), one.asked_at)
        for one in found
    )
    return render(request, "approvals", section="approvals", waiting=lines)


async def look(request: web.Request) -> web.Response:
    """Show a request that waits, as it will be sent."""
    return _show(request, {}, {})


def _show(request: web.Request, values: dict[str, str], errors: dict[str, Mistake]) -> web.Response:
    node, actor = request.app[NODE], request[ACTOR]
    waiting, content = approvals.read(node, actor, request.match_info["draft"])
    record = find.authority(node, content.to or "")
    return render(
        request,
        "approval",
        422 if errors else 200,
        section="approvals",
        base=f"/approvals/{waiting.draft}",
        version=waiting.version,
        asked=waiting.asked_at,
        replying=party_of(texts_of(request), record),
        attachments=attached(content.attachments),
        confidential=content.confidential,
        **preview.preview(node, content, request[LANG]),
        values=values,
        errors=errors,
    )


async def approve(request: web.Request) -> web.Response:
    """Approve what was looked at, and send it."""
    form = await checked_form(request)
    case = await approvals.approve(
        request.app[NODE], request[ACTOR], request.match_info["draft"], form.number("version") or 0
    )
    return see_other("/approvals", "flash.sent", number=case.number)


async def give_back(request: web.Request) -> web.Response:
    """Return what was looked at, with a reason."""
    form = await checked_form(request)
    draft, version = request.match_info["draft"], form.number("version") or 0
    try:
        await approvals.give_back(request.app[NODE], request[ACTOR], draft, version, form["reason"])
    except NodeError as error:
        if error.code != "invalid":
            raise
        code = {"too-long": "error.too-long"}.get(error.fields.get("reason", ""), "error.required")
        return _show(request, form.values(), {"reason": Mistake(texts_of(request).t(code))})
    return see_other("/approvals", "flash.returned")


async def switches(request: web.Request) -> web.Response:
    """Show in which areas a coordinator approves the requests of the reader's authorities."""
    node, actor = request.app[NODE], request[ACTOR]
    actor.require("directory.change")
    texts = CaseTexts(node, request[LANG])
    shown = tuple(
        _Switch(authority, name, one.area, texts.area_title(one.area), one.on, one.fixed)
        for authority, name in find.names(node, actor.places("directory.change")).items()
        for one in approvals.switches(node, actor, authority)
    )
    return render(request, "approval_switches", section="people", switches=shown)


async def switch(request: web.Request) -> web.Response:
    """Switch approval on or off."""
    form = await checked_form(request)
    on = form["on"] == "yes"
    await approvals.switch(request.app[NODE], request[ACTOR], form["authority"], form["area"], on=on)
    return see_other("/people/approval", "flash.saved")
