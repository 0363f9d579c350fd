"""The coordinator's pages of what waits for approval, and the page where approval is switched on."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web

from node.dashboard.ask_details import attached
from node.dashboard.asking import party_of
from node.dashboard.page import ACTOR, LANG, NODE, Mistake, around, place_in, render, see_other, texts_of
from node.dashboard.sign_in import checked_form
from node.domain.case_view import Side, Text
from node.domain.draft import ReplyDraft
from node.errors import NodeError
from node.service import approval_switches, approvals, find, preview, reading
from node.service.approvals import Waiting
from node.service.case_texts import CaseTexts, said
from protocol.request import SEND

_PAGE: Final = 50


@dataclass(frozen=True)
class _Line:
    href: str
    kind: str
    number: str | None
    authority: str
    area: Text
    asked: datetime
    due: date | None


@dataclass(frozen=True)
class _Switch:
    authority: str
    authority_name: str
    area: str
    area_text: Text
    side: Side
    kind: str
    on: bool
    fixed: bool


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/approvals", page)
    app.router.add_get("/approvals/{draft}", look)
    app.router.add_get("/approvals/{draft}/files/{sha256}", file)
    app.router.add_post("/approvals/{draft}/approve", approve)
    app.router.add_post("/approvals/{draft}/return", give_back)
    app.router.add_get("/people/approval", switches)
    app.router.add_post("/people/approval", switch)


def _kind(step: str) -> str:
    return "request" if step == SEND else "reply"


async def page(request: web.Request) -> web.Response:
    """List what waits."""
    node, texts = request.app[NODE], CaseTexts(request.app[NODE], request[LANG])
    found, following = approvals.list_waiting(node, request[ACTOR], _PAGE, place_in(request))
    called = find.names(node, {one.authority for one in found})
    lines = tuple(
        _Line(
            href=f"/approvals/{one.draft}",
            kind=_kind(one.step),
            number=one.number,
            authority=called[one.authority],
            area=texts.area_title(one.area),
            asked=one.asked_at,
            due=one.due,
        )
        for one in found
    )
    return render(
        request,
        "approvals",
        section="approvals",
        waiting=lines,
        around=around(request, "/approvals", following),
    )


async def look(request: web.Request) -> web.Response:
    """Show what waits, as it will be sent."""
    return _show(request, {}, {})


def _show(request: web.Request, values: dict[str, str], errors: dict[str, Mistake]) -> web.Response:
    node, actor = request.app[NODE], request[ACTOR]
    waiting, content = approvals.read(node, actor, request.match_info["draft"])
    frame: dict[str, Any] = {
        "section": "approvals",
        "base": f"/approvals/{waiting.draft}",
        "version": waiting.version,
        "asked": waiting.asked_at,
        "own": waiting.own,
        "attachments": attached(content.attachments, "asking" if waiting.step == SEND else "replying"),
        "confidential": content.confidential,
        "values": values,
        "errors": errors,
    }
    status = 422 if errors else 200
    if isinstance(content, ReplyDraft):
        shown = _reply(request, waiting, content)
        return render(request, "approval_reply", status, **frame, **shown)
    record = find.authority(node, content.to or "")
    shown = preview.preview(node, content, request[LANG])
    return render(request, "approval", status, **frame, **shown, replying=party_of(texts_of(request), record))


def _reply(request: web.Request, waiting: Waiting, content: ReplyDraft) -> dict[str, Any]:
    node, actor = request.app[NODE], request[ACTOR]
    view = reading.view_with(node, actor, waiting.case, request[LANG], content.answers)
    return {"case": view, "part": waiting.step == "request.reply-part", "comment": said(content.comment)}


async def file(request: web.Request) -> web.Response:
    """Give a file of what waits; never shown inside the page, always saved."""
    info = request.match_info
    found = await approvals.read_file(request.app[NODE], request[ACTOR], info["draft"], info["sha256"])
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(found.name)}"}
    return web.Response(body=found.data, content_type=found.media_type, headers=headers)


async def approve(request: web.Request) -> web.Response:
    """Approve what was looked at, and send it."""
    node, actor, form = request.app[NODE], request[ACTOR], await checked_form(request)
    draft = request.match_info["draft"]
    waiting, _ = approvals.read(node, actor, draft)
    case = await approvals.approve(node, actor, draft, form.number("version") or 0)
    if waiting.step == SEND:
        return see_other("/approvals", "flash.sent", number=case.number)
    return see_other("/approvals", "flash.replied")


async def give_back(request: web.Request) -> web.Response:
    """Return what was looked at, with a reason."""
    node, actor, form = request.app[NODE], request[ACTOR], await checked_form(request)
    draft, version = request.match_info["draft"], form.number("version") or 0
    waiting, _ = approvals.read(node, actor, draft)
    try:
        await approvals.give_back(node, actor, draft, version, form["reason"])
    except NodeError as error:
        if error.code != "invalid":
            raise
        code = {"too-long": "error.too-long"}.get(error.fields.get("reason", ""), "error.required")
        return _show(request, form.values(), {"reason": Mistake(texts_of(request).t(code))})
    return see_other("/approvals", "flash.returned" if waiting.step == SEND else "flash.reply-returned")


async def switches(request: web.Request) -> web.Response:
    """Show in which areas a coordinator approves the requests and replies of the reader's authorities."""
    node, actor = request.app[NODE], request[ACTOR]
    actor.require("directory.change")
    texts = CaseTexts(node, request[LANG])
    shown = tuple(
        _Switch(
            authority=authority,
            authority_name=name,
            area=one.area,
            area_text=texts.area_title(one.area),
            side=one.side,
            kind="request" if one.side == "asking" else "reply",
            on=one.on,
            fixed=one.fixed,
        )
        for authority, name in find.names(node, actor.places("directory.change")).items()
        for one in approval_switches.switches(node, actor, authority)
    )
    return render(request, "approval_switches", section="people", switches=shown)


async def switch(request: web.Request) -> web.Response:
    """Switch approval on or off."""
    form = await checked_form(request)
    node, actor, side = request.app[NODE], request[ACTOR], form["side"]
    if side not in ("asking", "replying"):
        raise NodeError("invalid", fields={"side": "missing"})
    on = form["on"] == "yes"
    await approval_switches.switch(node, actor, form["authority"], form["area"], side, on=on)  # type: ignore[arg-type]
    return see_other("/people/approval", "flash.saved")
