"""The case page and what is done on it."""

from collections.abc import Awaitable, Callable
from urllib.parse import quote

from aiohttp import web

from node.dashboard.form import Form
from node.dashboard.page import ACTOR, LANG, NODE, Mistake, Option, render, see_other, texts_of
from node.dashboard.sign_in import checked_form
from node.domain.case_view import FreeText
from node.domain.draft import ReplyDraft
from node.errors import NodeError
from node.service import cases, reading

Done = tuple[str, dict[str, str]]


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/cases/{case}", page)
    app.router.add_get("/cases/{case}/files/{sha256}", attachment)
    for action, do in _ACTIONS.items():
        app.router.add_post(f"/cases/{{case}}/{action}", _acting(action, do))


async def page(request: web.Request) -> web.Response:
    """Show a case."""
    node, case_id = request.app[NODE], request.match_info["case"]
    await reading.read_case(node, request[ACTOR], case_id, request[LANG])
    return await _show(request, {}, {}, "")


async def _show(request: web.Request, values: dict[str, str], errors: dict[str, Mistake], opened: str) -> web.Response:
    node, texts = request.app[NODE], texts_of(request)
    view = reading.view_case(node, request[ACTOR], request.match_info["case"], request[LANG])
    area = node.areas.get(view.area_id)
    codes = area.lists["decline-reasons"].codes if area and "decline-reasons" in area.lists else ()
    reasons = tuple(Option(c.code, area.catalogue.text(c.text, request[LANG])) for c in codes) if area else ()
    return render(
        request,
        "case",
        422 if errors else 200,
        section="work",
        case=view,
        writing=texts.writing(),
        own_lang=request[LANG],
        reasons=reasons,
        values=values,
        errors=errors,
        open=opened,
    )


async def attachment(request: web.Request) -> web.Response:
    """Give a file of the case; never shown inside the page, always saved."""
    info = request.match_info
    file = await reading.read_attachment(request.app[NODE], request[ACTOR], info["case"], info["sha256"])
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name)}"}
    return web.Response(body=file.data, content_type=file.media_type, headers=headers)


Act = Callable[[web.Request, Form], Awaitable[web.Response | Done]]

_FIELDS = {
    "accept": "accept_date",
    "decline": "reason",
    "propose-date": "date",
    "clarify": "question",
    "clarification": "clarification",
}


def _acting(action: str, do: Act) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handler(request: web.Request) -> web.Response:
        form, texts = await checked_form(request), texts_of(request)
        try:
            done = await do(request, form)
        except NodeError as error:
            field = _FIELDS.get(action, "")
            if error.code == "invalid" and field:
                shown = Mistake(texts.t(_mistake(error, field)))
                return await _show(request, form.values(), {field: shown}, "reply" if "ation" in action else action)
            raise
        if isinstance(done, web.Response):
            return done
        return see_other(f"/cases/{request.match_info['case']}", done[0], **done[1])

    return handler


def _mistake(error: NodeError, field: str) -> str:
    known = {"too-long": "error.changed", "in-the-past": "error.date", "not-in-list": "error.choose"}
    return known.get(next(iter(error.fields.values()), ""), "error.date" if "date" in field else "error.required")


def _missing(field: str) -> NodeError:
    return NodeError("invalid", fields={field: "missing"})


def _confirm(request: web.Request, kind: str, fields: dict[str, str], quote_text: FreeText | None) -> web.Response:
    case_id = request.match_info["case"]
    view = reading.view_case(request.app[NODE], request[ACTOR], case_id, request[LANG])
    return render(
        request,
        "confirm",
        section="work",
        kind=kind,
        subject=view.number,
        quote=quote_text,
        action=request.path,
        fields=fields,
        back_href=f"/cases/{case_id}",
    )


async def _accept(request: web.Request, form: Form) -> Done:
    node, actor, case_id = request.app[NODE], request[ACTOR], request.match_info["case"]
    proposed = form.date("accept_date")
    if form["accept"] == "propose":
        if proposed is None:
            raise _missing("accept_date")
        await cases.propose_date(node, actor, case_id, proposed)
    elif "agree-date" in reading.actions_of(cases.own_case(node, actor, case_id)):
        await cases.agree_date(node, actor, case_id)
    await cases.accept(node, actor, case_id)
    return "flash.accepted", {}


async def _decline(request: web.Request, form: Form) -> web.Response | Done:
    node, actor, case_id = request.app[NODE], request[ACTOR], request.match_info["case"]
    word = form.said("comment", form["comment_language"] or request[LANG])
    if not form["reason"]:
        raise _missing("reason")
    if form["confirmed"] != "yes":
        fields = {name: form[name] for name in ("reason", "comment", "comment_language")}
        return _confirm(request, "decline", fields, FreeText(text=word.text, lang=word.lang) if word else None)
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
    await cases.clarify(request.app[NODE], request[ACTOR], request.match_info["case"], word)
    return "flash.clarify-asked", {}


async def _clarification(request: web.Request, form: Form) -> Done:
    word = form.said("clarification", form["clarification_language"] or request[LANG])
    if word is None:
        raise _missing("clarification")
    draft = ReplyDraft(comment=word)
    await cases.reply(request.app[NODE], request[ACTOR], request.match_info["case"], draft)
    return "flash.clarified", {}


async def _close(request: web.Request, form: Form) -> web.Response | Done:
    if form["confirmed"] != "yes":
        return _confirm(request, "close", {}, None)
    await cases.close(request.app[NODE], request[ACTOR], request.match_info["case"])
    return "flash.closed", {}


async def _withdraw(request: web.Request, form: Form) -> web.Response | Done:
    node, actor, case_id = request.app[NODE], request[ACTOR], request.match_info["case"]
    asking = cases.own_case(node, actor, case_id).role == "asking"
    if asking and form["confirmed"] != "yes":
        return _confirm(request, "withdraw", {}, None)
    await cases.withdraw(node, actor, case_id)
    return ("flash.withdraw-asked" if asking else "flash.withdrawal-granted"), {}


_ACTIONS: dict[str, Act] = {
    "accept": _accept,
    "decline": _decline,
    "propose-date": _propose,
    "agree-date": _agree,
    "clarify": _clarify,
    "clarification": _clarification,
    "close": _close,
    "withdraw": _withdraw,
}
