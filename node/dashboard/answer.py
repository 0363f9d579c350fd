"""The reply form, made from the question set; what was typed is kept as a draft by the server."""

from http import HTTPStatus
from typing import Any, Final

from aiohttp import web
from pydantic import ValidationError

from node.dashboard.ask_details import add_files, attached, told
from node.dashboard.asking import changed_note, version_of
from node.dashboard.form import Form
from node.dashboard.page import ACTOR, LANG, NODE, Option, render, see_other, texts_of
from node.dashboard.sign_in import checked_form
from node.dashboard.tables import cell_labels, field_of, read_rows, shown_rows, typed
from node.domain.case_view import CaseView, Question
from node.domain.draft import Draft, ReplyDraft
from node.errors import NodeError
from node.service import approvals, drafts, preview, reading
from node.service.approval_rule import Step
from node.service.case_texts import ABSENT
from protocol.content import Reply
from protocol.limits import MAX_ATTACHMENTS, MAX_BLOB
from protocol.request import REPLY, REPLY_PART

_KEYS = {"choice": "code", "text": "text", "date": "date", "country": "country"}


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/cases/{case}/reply", page)
    app.router.add_post("/cases/{case}/reply", reply)
    app.router.add_post("/cases/{case}/send-approved", send_approved)


async def page(request: web.Request) -> web.Response:
    """Show the reply form with the draft."""
    draft = await _draft(request)
    return _show(request, draft, Form({name: [text] for name, text in _typed(_content(draft)).items()}), {})


async def _draft(request: web.Request) -> Draft:
    return await drafts.start_reply(request.app[NODE], request[ACTOR], request.match_info["case"])


def _content(draft: Draft) -> ReplyDraft:
    assert draft.reply is not None
    return draft.reply


def _typed(content: ReplyDraft) -> dict[str, str]:
    values: dict[str, str] = {}
    for item, answer in content.answers.items():
        given = answer.model_dump(mode="json", exclude={"lang", "comment", "absent", "rows"}, exclude_none=True)
        values[f"absent.{item}"] = answer.absent or ""
        values[f"answer.{item}"] = str(next(iter(given.values()), ""))
        values |= typed(f"answer.{item}", answer.rows or ())
        if answer.comment is not None:
            values[f"comment.{item}"] = answer.comment.text
    return values | ({"confidential": "yes"} if content.confidential else {})


def _form_view(request: web.Request) -> CaseView:
    """Return the case with every follow-up, as an empty form shows it."""
    return reading.view_case(request.app[NODE], request[ACTOR], request.match_info["case"], request[LANG], as_form=True)


def _show(
    request: web.Request, draft: Draft, form: Form, found: dict[str, str], *, changed: bool = False
) -> web.Response:
    texts, view, values = texts_of(request), _form_view(request), form.values()
    tables = {f"answer.{one.id}": one.takes for one in view.questions if one.takes}
    labels = {
        cell: label for name, takes in tables.items() for cell, label in cell_labels(texts, name, takes, found).items()
    }
    frame: dict[str, Any] = {"flash": (changed_note(texts),)} if changed else {}
    return render(
        request,
        "answer",
        HTTPStatus.CONFLICT if changed else HTTPStatus.UNPROCESSABLE_ENTITY if found else HTTPStatus.OK,
        **frame,
        section="work",
        case=view,
        rows={name: shown_rows(name, takes, values) for name, takes in tables.items()},
        saved_at=draft.updated_at,
        approval=approvals.standing(request.app[NODE], request[ACTOR], draft.id),
        version=draft.version,
        countries=texts.countries(preview.all_countries()),
        writing=texts.writing(),
        own_lang=request[LANG],
        absences=tuple(Option(one, texts.t(text_id)) for one, text_id in ABSENT.items()),
        attached=attached(_content(draft).attachments),
        file_count=MAX_ATTACHMENTS,
        file_size=MAX_BLOB,
        values=values,
        errors=told(texts, found, form.refused_file, labels),
    )


async def reply(request: web.Request) -> web.Response:
    """Keep the answers; then save, upload, remove or send."""
    form, node, actor = await checked_form(request), request.app[NODE], request[ACTOR]
    draft, case_id = await _draft(request), request.match_info["case"]
    view = _form_view(request)
    content, found = _read(view, form, form["language"] or request[LANG])
    try:
        draft = await drafts.save(node, actor, draft.id, content, version_of(form, draft))
    except NodeError as error:
        if error.code != "stale":
            raise
        return _show(request, await _draft(request), form, found, changed=True)
    found |= await add_files(node, request, draft.id, form)
    if form["remove"]:
        await drafts.detach(node, actor, draft.id, form["remove"])
    draft = drafts.read(node, actor, draft.id)
    if form["do"] in _SENDING and not found and not form["remove"]:
        step, flash = _SENDING[form["do"]]
        try:
            standing = approvals.standing(node, actor, draft.id)
            if standing.state is not None and (standing.state, standing.step) != ("approved", step):
                await approvals.ask(node, actor, draft.id, step)
                flash = ""
            else:
                await approvals.send(node, actor, draft.id, step)
        except NodeError as error:
            if error.code != "invalid":
                raise
            faults = error.fields.items()
            found = {field_of(path.replace("answers.", "answer.", 1)): _told_code(code) for path, code in faults}
        else:
            return see_other(f"/cases/{case_id}", flash or None)  # a notice there says that it waits
    if found or form["more"]:
        return _show(request, draft, form, found)
    return see_other(f"/cases/{case_id}/reply", "flash.draft-saved")


_SENDING: Final[dict[str, tuple[Step, str]]] = {
    "send": (REPLY, "flash.replied"),
    "send-part": (REPLY_PART, "flash.partly-replied"),
}
"""Button → what is sent, and what is said then."""


async def send_approved(request: web.Request) -> web.Response:
    """Send a reply that was approved and not sent at once, as it was approved."""
    await checked_form(request)
    draft = await _draft(request)
    step = approvals.standing(request.app[NODE], request[ACTOR], draft.id).step
    await approvals.send_approved(request.app[NODE], request[ACTOR], draft.id)
    return see_other(f"/cases/{draft.case}", "flash.partly-replied" if step == REPLY_PART else "flash.replied")


def _told_code(code: str) -> str:
    return {"too-long": "error.too-long", "unknown-answer": "error.not-in-list"}.get(code, "error.required")


def _read(view: CaseView, form: Form, lang: str) -> tuple[ReplyDraft, dict[str, str]]:
    answers: dict[str, Reply] = {}
    found: dict[str, str] = {}
    for question in view.questions:
        comment = form.said_or_fault(f"comment.{question.id}", lang, found)
        given = _given(question, form, lang, found)
        if absent := form[f"absent.{question.id}"]:
            if given:
                found[f"absent.{question.id}"] = "error.absent"
            given = given or {"absent": absent}
        if comment is not None:
            given["comment"] = comment
        if given:
            try:
                answers[question.id] = Reply.model_validate(given)
            except ValidationError:
                found[f"answer.{question.id}"] = "error.date" if question.type == "date" else "error.too-long"
    comment = form.said_or_fault("comment", lang, found)
    return ReplyDraft(answers=answers, comment=comment, confidential=form.ticked("confidential")), found


def _given(question: Question, form: Form, lang: str, found: dict[str, str]) -> dict[str, object]:
    """Return the fields of an answer as far as they were filled in."""
    name = f"answer.{question.id}"
    if question.takes:
        rows = read_rows(form, name, question.takes, lang, found)
        return {"rows": rows} if rows else {}
    if not form[name]:
        return {}
    given: dict[str, object] = {_KEYS[question.type]: form[name]}
    return given | ({"lang": lang} if question.type == "text" else {})
