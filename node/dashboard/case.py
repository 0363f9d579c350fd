"""The case page and what is done on it."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web

from node.dashboard import blocked
from node.dashboard.ask_details import media_type_of, refusal_of, told
from node.dashboard.confirm import Confirmation, confirm
from node.dashboard.form import Form
from node.dashboard.once import fresh, once
from node.dashboard.page import ACTOR, LANG, NODE, Flash, Mistake, Option, render, see_other, texts_of
from node.dashboard.sign_in import checked_form
from node.domain.access import Actor
from node.domain.case import Case
from node.domain.case_view import FreeText
from node.domain.draft import ReplyDraft
from node.errors import NodeError
from node.service import (
    allocation,
    approval_switches,
    approvals,
    attachments,
    cases,
    messages,
    rating,
    reading,
    referral,
)
from node.service.idempotency import Answer
from node.service.node import Node
from node.service.reuse import draft_from
from protocol.limits import MAX_ATTACHMENTS, MAX_BLOB
from translations.catalogue import Text

Done = tuple[str | None, dict[str, str]]


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/cases/{case}", page)
    app.router.add_get("/cases/{case}/files/{sha256}", attachment)
    for action, do in _ACTIONS.items():
        app.router.add_post(f"/cases/{{case}}/{action}", _acting(action, do))


async def page(request: web.Request) -> web.Response:
    """Show a case."""
    node, case_id = request.app[NODE], request.match_info["case"]
    try:
        await reading.read_case(node, request[ACTOR], case_id, request[LANG])
    except NodeError as error:
        if error.code in ("case-blocked", "case-erased"):
            return blocked.show(request)
        raise
    return await _show(request, {}, {}, "")


async def _show(
    request: web.Request, values: dict[str, str], errors: dict[str, Mistake], opened: str, *, changed: bool = False
) -> web.Response:
    node, texts = request.app[NODE], texts_of(request)
    view = reading.view_case(node, request[ACTOR], request.match_info["case"], request[LANG])
    frame: dict[str, Any] = {"flash": (Flash("warning", texts.t("error.changed")),)} if changed else {}
    return render(
        request,
        "case",
        HTTPStatus.CONFLICT if changed else HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK,
        **frame,
        section="work",
        case=view,
        writing=texts.writing(),
        own_lang=request[LANG],
        reasons=_reasons(request, view.area_id),
        handlers=_handlers(node, request[ACTOR], view.id),
        approving=approval_switches.of_case(node, request[ACTOR], cases.own_case(node, request[ACTOR], view.id)),
        values=values,
        errors=errors,
        open=opened,
        once=fresh(request),
        file_count=MAX_ATTACHMENTS,
        file_size=MAX_BLOB,
    )


def _handlers(node: Node, actor: Actor, case_id: str) -> tuple[Option, ...]:
    """Return who may look after the case; nobody where it has ended, or others allocate."""
    case = cases.own_case(node, actor, case_id)
    if case.ended or not allocation.may_allocate(node, actor, case):
        return ()
    return tuple(Option(one.id, Text(one.name, "")) for one in allocation.handlers(node, case))


def _reasons(request: web.Request, area_id: str) -> tuple[Option, ...]:
    """Return the area's reasons for declining; none where it has no list."""
    area = request.app[NODE].areas.get(area_id)
    if area is None or "decline-reasons" not in area.lists:
        return ()
    codes = area.lists["decline-reasons"].codes
    return tuple(Option(c.code, area.catalogue.label(c, request[LANG])) for c in codes)


async def attachment(request: web.Request) -> web.Response:
    """Give a file of the case; never shown inside the page, always saved."""
    info = request.match_info
    file = await attachments.read_attachment(request.app[NODE], request[ACTOR], info["case"], info["sha256"])
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name)}"}
    return web.Response(body=file.data, content_type=file.media_type, headers=headers)


Act = Callable[[web.Request, Form], Awaitable[web.Response | Done]]

_CHANGED = ("stale", "wrong-state", "not-owner", "date-differs")
"""Codes that say that the case isn't any more what the page showed."""
_FIELDS = {
    "accept": "accept_date",
    "decline": "reason",
    "propose-date": "date",
    "clarify": "question",
    "clarification": "clarification",
    "message": "message",
    **{step: step for step in ("refer", "escalate", "uphold", "return")},
}


def _acting(action: str, do: Act) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handler(request: web.Request) -> web.Response:
        form, texts = await checked_form(request), texts_of(request)
        try:
            done = await do(request, form)
        except NodeError as error:
            field, opened = _FIELDS.get(action, ""), "reply" if "ation" in action else action
            if error.code == "invalid" and field:
                return await _show(request, form.values(), told(texts, {field: _mistake(error, field)}), opened)
            if error.code == "no-coordinator":
                wrong = {field: "error.no-coordinator"}
                return await _show(request, form.values(), told(texts, wrong), opened)
            if error.code in _CHANGED and action != "reuse":
                return await _show(request, form.values(), {}, opened, changed=True)
            raise
        if isinstance(done, web.Response):
            return done
        return see_other(f"/cases/{request.match_info['case']}", done[0], **done[1])

    return handler


def _mistake(error: NodeError, field: str) -> str:
    known = {"too-long": "error.text-long", "in-the-past": "error.date-early", "not-in-list": "error.choose"}
    return known.get(next(iter(error.fields.values()), ""), "error.date" if "date" in field else "error.required")


def _missing(field: str) -> NodeError:
    return NodeError("invalid", fields={field: "missing"})


def _confirm(request: web.Request, kind: str, **more: Any) -> web.Response:
    """Ask once more; `more` are fields of `Confirmation`."""
    case = cases.own_case(request.app[NODE], request[ACTOR], request.match_info["case"])
    subject = f"{case.number} · {case.their_name}"
    return confirm(request, Confirmation(kind, subject, f"/cases/{case.id}", **more), section="work")


async def _accept(request: web.Request, form: Form) -> Done:
    node, actor, case_id = request.app[NODE], request[ACTOR], request.match_info["case"]
    proposed = form.date("accept_date")
    if form["accept"] == "propose" and proposed is None:
        raise _missing("accept_date")
    case = cases.own_case(node, actor, case_id)
    if form["accept"] != "propose":
        proposed = case.due if "agree-date" in reading.actions_of(case) else None
    await cases.accept(node, actor, case_id, date=proposed)
    return "flash.accepted", {}


async def _decline(request: web.Request, form: Form) -> web.Response | Done:
    node, actor, case_id = request.app[NODE], request[ACTOR], request.match_info["case"]
    word = form.said("comment", form["comment_language"] or request[LANG])
    if not form["reason"]:
        raise _missing("reason")
    if form["confirmed"] != "yes":
        fields = {name: form[name] for name in ("reason", "comment", "comment_language")}
        quote_text = FreeText(text=word.text, lang=word.lang) if word else None
        reason = dict(_reasons(request, cases.own_case(node, actor, case_id).area)).get(form["reason"])
        return _confirm(request, "decline", fields=fields, told=reason, quote=quote_text)
    await cases.decline(node, actor, case_id, form["reason"], word)
    return "flash.declined", {}


async def _propose(request: web.Request, form: Form) -> Done:
    date = form.date("date")
    if date is None:
        raise _missing("date")
    await cases.propose_date(request.app[NODE], request[ACTOR], request.match_info["case"], date)
    return "flash.date-proposed", {}


async def _agree(request: web.Request, form: Form) -> Done:
    node, actor, case_id = request.app[NODE], request[ACTOR], request.match_info["case"]
    if form.date("date") != cases.own_case(node, actor, case_id).due:
        raise NodeError("stale")
    await cases.agree_date(node, actor, case_id)
    return "flash.date-agreed", {}


async def _clarify(request: web.Request, form: Form) -> Done:
    word = form.said("question", form["question_language"] or request[LANG])
    if word is None:
        raise _missing("question")
    marked = form.ticked("confidential")
    await cases.clarify(request.app[NODE], request[ACTOR], request.match_info["case"], word, confidential=marked)
    return "flash.clarify-asked", {}


async def _clarification(request: web.Request, form: Form) -> Done:
    word = form.said("clarification", form["clarification_language"] or request[LANG])
    if word is None:
        raise _missing("clarification")
    draft = ReplyDraft(comment=word, confidential=form.ticked("confidential"))
    node, actor, case_id = request.app[NODE], request[ACTOR], request.match_info["case"]
    try:
        await cases.reply(node, actor, case_id, draft)
    except NodeError as error:
        if error.code != "approval-needed":
            raise
        await approvals.ask_with(node, actor, case_id, draft)
        return None, {}  # a notice says that it waits
    return "flash.clarified", {}


async def _approval(request: web.Request, form: Form) -> Done:
    """Switch approval of the replies to this case."""
    node, actor, case_id = request.app[NODE], request[ACTOR], request.match_info["case"]
    await approval_switches.switch_case(node, actor, case_id, on=form["on"] == "yes")
    return "flash.saved", {}


async def _allocate(request: web.Request, form: Form) -> Done:
    node, actor, case_id = request.app[NODE], request[ACTOR], request.match_info["case"]
    await allocation.allocate(node, actor, case_id, form["handler"] or None)
    return "flash.allocated", {}


async def _message(request: web.Request, form: Form) -> web.Response | Done:
    """Send what was written and chosen, once for each page that the form stood on."""
    node, actor, case_id = request.app[NODE], request[ACTOR], request.match_info["case"]
    word = form.said("message", form["message_language"] or request[LANG])
    files = [messages.NewFile(file.name, media_type_of(file), file.data) for file in form.files]
    if word is None and not files:
        raise _missing("message")
    for file in files:
        if wrong := refusal_of(file.media_type, file.data):
            form.refused_file = file.name
            errors = told(texts_of(request), {"files": wrong}, file.name)
            return await _show(request, form.values(), errors, "message")

    async def work() -> Answer:
        await messages.send(node, actor, case_id, word, files, confidential=form.ticked("confidential"))
        return HTTPStatus.SEE_OTHER, b""

    await once(request, form, f"message {case_id}", work)
    return "flash.message-sent", {}


async def _close(request: web.Request, form: Form) -> web.Response | Done:
    if form["confirmed"] != "yes":
        return _confirm(request, "close")
    node, actor, case_id = request.app[NODE], request[ACTOR], request.match_info["case"]
    decided = cases.decides(node, actor, cases.own_case(node, actor, case_id))
    await cases.close(node, actor, case_id)
    return see_other("/work", "flash.closed") if decided else ("flash.closed", {})


_RATES: Final = {"-1": -1, "0": 0, "1": 1}


async def _rate(request: web.Request, form: Form) -> web.Response | Done:
    """Send the rating of a closed request."""
    wrong = {name: "error.choose" for name in ("timeliness", "efforts") if form[name] not in _RATES}
    if wrong:
        return await _show(request, form.values(), told(texts_of(request), wrong), "rate")
    node, actor, case_id = request.app[NODE], request[ACTOR], request.match_info["case"]
    await rating.rate(node, actor, case_id, _RATES[form["timeliness"]], _RATES[form["efforts"]])
    return "flash.rated", {}


_REFERRING: Final[dict[str, Callable[[Node, Actor, str, Any], Awaitable[Case]]]] = {
    "refer": referral.refer,
    "escalate": referral.escalate,
    "uphold": referral.uphold,
    "return": referral.send_back,
}
"""Step of a referral → what does it; the field of its words has the same name."""


def _referring(step: str) -> Act:
    async def act(request: web.Request, form: Form) -> web.Response | Done:
        word = form.said(step, form[f"{step}_language"] or request[LANG])
        if word is None and step in ("refer", "return"):
            raise _missing(step)
        await _REFERRING[step](request.app[NODE], request[ACTOR], request.match_info["case"], word)
        if step in ("uphold", "return"):  # the case isn't the coordinator's to read any more
            return see_other("/work", "flash.referral")
        return "flash.referral", {}

    return act


async def _withdraw(request: web.Request, form: Form) -> web.Response | Done:
    node, actor, case_id = request.app[NODE], request[ACTOR], request.match_info["case"]
    case = cases.own_case(node, actor, case_id)
    asking = case.role == "asking"
    if form["confirmed"] != "yes" and (asking or case.withdrawal_wished):
        told = texts_of(request).t("case.withdraw.text") if asking else None
        return _confirm(request, "withdraw" if asking else "grant", told=told)
    await cases.withdraw(node, actor, case_id)
    return ("flash.withdraw-asked" if asking else "flash.withdrawal-granted"), {}


_MENDING = {
    "authority": "/find?draft={draft}&country={country}&area={area}",
    "set": "/ask/{draft}",
    "questions": "/ask/{draft}/questions",
    "details": "/ask/{draft}/details",
    "check": "/ask/{draft}/check",
}
"""Step that needs mending → its page."""


async def _reuse(request: web.Request, form: Form) -> web.Response:
    """Make a draft once for each page that the button stood on, however often it is pressed."""
    node, actor = request.app[NODE], request[ACTOR]
    case = cases.own_case(node, actor, request.match_info["case"])

    async def work() -> Answer:
        made = await draft_from(node, actor, case.id)
        place = _MENDING[made.mend].format(draft=made.draft.id, country=case.counterpart, area=case.area)
        return HTTPStatus.SEE_OTHER, place.encode()

    _, page = await once(request, form, f"reuse {case.id}", work)
    return see_other(page.decode(), "flash.reused", number=case.number)


_ACTIONS: dict[str, Act] = {
    "accept": _accept,
    "decline": _decline,
    "propose-date": _propose,
    "agree-date": _agree,
    "clarify": _clarify,
    "clarification": _clarification,
    "allocate": _allocate,
    "approval": _approval,
    "message": _message,
    "close": _close,
    "rate": _rate,
    **{step: _referring(step) for step in _REFERRING},
    "withdraw": _withdraw,
    "reuse": _reuse,
}
