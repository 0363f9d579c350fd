"""The data administrator's pages of persons who claim their rights: the work list, and what is done in a file."""

import io
import json
import zipfile
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web

from node.dashboard.ask_details import told
from node.dashboard.confirm import Confirmation, confirm
from node.dashboard.form import Form
from node.dashboard.once import fresh, once
from node.dashboard.page import (
    ACTOR,
    FOLDER,
    LANG,
    NODE,
    Option,
    around,
    environment,
    place_in,
    render,
    see_other,
    texts_of,
)
from node.dashboard.sign_in import checked_form
from node.domain.subject import OUTCOMES, WANTS
from node.errors import NodeError
from node.service import corrections, find, subject_cases, subject_export, subject_retention, subjects
from node.service.case_texts import CaseTexts
from node.service.idempotency import Answer
from node.service.subject_export import Attached, SubjectCopy
from node.service.subjects import NewFile
from protocol.countries import COUNTRIES

_PAGE: Final = 50
_FAULTS: Final = {"not-in-list": "error.choose", "too-long": "error.text-long", "out-of-range": "error.date"}
_DATES: Final = ("received", "extend_until", "extend_told", "end_on")

DID: Final = {
    "opened": "subjects.did.opened",
    "note": "subjects.note",
    "extend": "subjects.state.extended",
    "answered": "state.replied",
    "refused": "state.declined",
    "withdrawn": "state.withdrawn",
    "export": "subjects.copy",
    "erase": "event.erasure.order",
    "contest": "event.correction.contest",
    "correct": "event.correction.correct",
    "settle": "event.correction.settle",
    "withdraw": "event.correction.withdraw",
}
"""What is done in a file → its text."""


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/subjects", page)
    app.router.add_get("/subjects/new", new_page)
    app.router.add_post("/subjects", open_file)
    app.router.add_get("/subjects/{file}", file_page)
    app.router.add_post("/subjects/{file}/cases", name_case)
    app.router.add_post("/subjects/{file}/copy", copy)
    app.router.add_post("/subjects/{file}/delete", delete)
    for step, do in _STEPS.items():
        app.router.add_post(f"/subjects/{{file}}/{step}", _doing(step, do))


async def page(request: web.Request) -> web.Response:
    """Show what is due, what is contested, and what has ended."""
    node, actor = request.app[NODE], request[ACTOR]
    open_ones = subjects.listing(node, actor, limit=_PAGE, after=place_in(request, "open"))
    ended = subjects.listing(node, actor, ended=True, limit=_PAGE, after=place_in(request, "ended"))
    return render(
        request,
        "subjects",
        section="subjects",
        files=open_ones.items,
        around_open=around(request, "/subjects", open_ones.next, "open"),
        ended=ended.items,
        contests=corrections.open_contests(node, actor, request[LANG]),
        names=find.names(node, actor.places("subjects.manage")),
        around_ended=around(request, "/subjects", ended.next, "ended"),
    )


async def new_page(request: web.Request) -> web.Response:
    """Show the form of a new claim."""
    request[ACTOR].require("subjects.manage")
    return _new(request, Form(), {})


def _new(request: web.Request, form: Form, faults: dict[str, str]) -> web.Response:
    node, texts = request.app[NODE], texts_of(request)
    names = find.names(node, request[ACTOR].places("subjects.manage"))
    return render(
        request,
        "subject_new",
        HTTPStatus.UNPROCESSABLE_ENTITY if faults else HTTPStatus.OK,
        section="subjects",
        authorities=tuple(Option(authority, texts.plain(name)) for authority, name in names.items()),
        wants=tuple(Option(want, texts.t(f"subjects.want.{want}")) for want in WANTS),
        chosen=tuple(form.all("wants")),
        once=fresh(request),
        values=form.values(),
        errors=told(texts, {name: _mistake(name, code) for name, code in faults.items()}),
    )


def _mistake(field: str, code: str) -> str:
    return (
        "error.date" if field in _DATES else "error.choose" if field == "wants" else _FAULTS.get(code, "error.required")
    )


async def open_file(request: web.Request) -> web.Response:
    """Record a claim."""
    form = await checked_form(request)
    wants = tuple(form.all("wants"))
    claim = NewFile(form["authority"], wants, form.date("received"), form["person"], form["reach"], form["asked"])

    async def work() -> Answer:
        file = await subjects.open_file(request.app[NODE], request[ACTOR], claim)
        return HTTPStatus.SEE_OTHER, file.id.encode()

    try:
        _, file_id = await once(request, form, "claim", work)
    except NodeError as error:
        if error.code != "invalid":
            raise
        return _new(request, form, error.fields)
    return see_other(f"/subjects/{file_id.decode()}", "flash.saved")


async def file_page(request: web.Request) -> web.Response:
    """Show a file, with what was searched for it."""
    return _file(request, dict(request.query), {})


def _file(request: web.Request, values: dict[str, str], faults: dict[str, str], opened: str = "") -> web.Response:
    node, actor, lang, file_id = request.app[NODE], request[ACTOR], request[LANG], request.match_info["file"]
    texts, file = texts_of(request), subjects.read(node, actor, file_id)
    wanted = {name: values.get(name, "")[:100].strip() for name in ("number", "country", "area")}
    searched = values.get("search") == "yes" and file.ended_on is None
    return render(
        request,
        "subject",
        HTTPStatus.UNPROCESSABLE_ENTITY if faults else HTTPStatus.OK,
        section="subjects",
        file=file,
        cases=subject_cases.linked(node, actor, file_id, lang),
        found=subject_cases.search(node, actor, file_id, wanted, lang) if searched else None,
        did=DID,
        countries=texts.countries(sorted(set(COUNTRIES) - {node.country})),
        areas=tuple(Option(area, CaseTexts(node, lang).area_title(area)) for area, _ in node.areas.items()),
        outcomes=tuple(
            Option(one, texts.t({"answered": "state.replied", "refused": "state.declined"}.get(one, f"state.{one}")))
            for one in OUTCOMES
        ),
        values=values,
        errors=told(texts, {name: _mistake(name, code) for name, code in faults.items()}),
        open=opened,
    )


Do = Callable[[web.Request, Form, str], Awaitable[object]]


async def _note(request: web.Request, form: Form, file_id: str) -> None:
    await subjects.note(request.app[NODE], request[ACTOR], file_id, form["note"])


async def _extend(request: web.Request, form: Form, file_id: str) -> None:
    until, told_on = form.date("extend_until"), form.date("extend_told")
    await subjects.extend(request.app[NODE], request[ACTOR], file_id, until, told_on, form["extend_words"])


async def _end(request: web.Request, form: Form, file_id: str) -> None:
    outcome, on, words = form["end_outcome"], form.date("end_on"), form["end_words"]
    await subjects.end(request.app[NODE], request[ACTOR], file_id, outcome, on, words)


_STEPS: Final[dict[str, Do]] = {"note": _note, "extend": _extend, "end": _end}
_FIELDS: Final = {
    "note": {"words": "note"},
    "extend": {"until": "extend_until", "told_on": "extend_told", "words": "extend_words"},
    "end": {"outcome": "end_outcome", "on": "end_on", "words": "end_words"},
    "copy": {"reason": "copy_reason"},
}
"""Step → what the service calls a field → what the form does."""


def _doing(step: str, do: Do) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handler(request: web.Request) -> web.Response:
        form, file_id = await checked_form(request), request.match_info["file"]
        try:
            await do(request, form, file_id)
        except NodeError as error:
            if error.code != "invalid":
                raise
            return _back(request, form, step, error)
        return see_other(f"/subjects/{file_id}", "flash.saved")

    return handler


def _back(request: web.Request, form: Form, step: str, error: NodeError) -> web.Response:
    faults = {_FIELDS[step].get(name, name): code for name, code in error.fields.items()}
    return _file(request, form.values(), faults, step)


async def name_case(request: web.Request) -> web.Response:
    """Take a case into the file, or out of it."""
    form, file_id = await checked_form(request), request.match_info["file"]
    do = subject_cases.unlink if form["do"] == "unlink" else subject_cases.link
    await do(request.app[NODE], request[ACTOR], file_id, form["case"])
    return see_other(f"/subjects/{file_id}", "flash.saved")


async def delete(request: web.Request) -> web.Response:
    """Delete a file that has ended, once that was asked again."""
    form, file_id = await checked_form(request), request.match_info["file"]
    file = subjects.read(request.app[NODE], request[ACTOR], file_id)
    if form["confirmed"] != "yes":
        label = texts_of(request).t("confirm.delete-draft.button")
        question = Confirmation("delete-file", file.number, f"/subjects/{file_id}", label=label)
        return confirm(request, question, section="subjects")
    await subject_retention.delete(request.app[NODE], request[ACTOR], file_id)
    return see_other("/subjects", "flash.saved")


async def copy(request: web.Request) -> web.Response:
    """Give the copy: a document to read, the same as data, and the attachments, in one archive."""
    form, file_id, node = await checked_form(request), request.match_info["file"], request.app[NODE]
    try:
        made = await subject_export.copy(node, request[ACTOR], file_id, form["copy_reason"], request[LANG])
    except NodeError as error:
        if error.code != "invalid":
            raise
        return _back(request, form, "copy", error)
    packed = _packed(request, made, await subject_export.attached(node, made))
    headers = {"Content-Disposition": f'attachment; filename="entente-{made.file}.zip"'}
    return web.Response(body=packed, content_type="application/zip", headers=headers)


def _packed(request: web.Request, made: SubjectCopy, attached: Attached) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("copy.html", _document(request, made, attached))
        archive.write(FOLDER / "static" / "copy.css", "copy.css")
        archive.writestr("copy.json", json.dumps(made.model_dump(mode="json"), ensure_ascii=False, indent=1))
        for name, data in attached.files.items():
            archive.writestr(name, data)
    return packed.getvalue()


def _document(request: web.Request, made: SubjectCopy, attached: Attached) -> str:
    texts = texts_of(request)
    names = {name: getattr(texts, name) for name in ("t", "tn", "day", "moment", "size", "language_name")}
    name = find.names(request.app[NODE], {made.authority})[made.authority]
    frame = {"lang": texts.lang, "values": {}, "errors": {}, "csrf": "", **names}
    return (
        environment()
        .get_template("subject_copy.html")
        .render(**frame, copy=made, name=name, folders=attached.folders, missing=tuple(attached.missing))
    )
