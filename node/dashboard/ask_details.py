"""The third step of asking: values, comments, date, files."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from aiohttp import web
from pydantic import ValidationError

from node.dashboard.asking import Asking
from node.dashboard.form import File, Form
from node.dashboard.page import ACTOR, LANG, Mistake, Option, Texts, see_other
from node.dashboard.sign_in import checked_form
from node.dashboard.tables import cell_labels, field_of, read_rows, shown_rows, typed
from node.domain.case_view import Attachment, Columns, Side
from node.domain.case_view import Text as CaseText
from node.domain.draft import RequestDraft
from node.errors import NodeError
from node.service import deadlines, drafts, preview, requests
from node.service.case_tables import columns_of
from node.service.node import Node
from protocol.content import AttachmentRef, Variable
from protocol.limits import MAX_ATTACHMENTS, MAX_BLOB, MAX_NAME, MAX_TEXT
from translations.answer import needed_variables
from translations.area import Area
from translations.catalogue import Text
from translations.question_set import is_about_person


@dataclass(frozen=True)
class _Field:
    id: str
    label: Text
    type: str
    personal: bool
    options: tuple[Option, ...]
    hint: Text | None
    takes: Columns | None
    rows: int


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/ask/{draft}/details", details_page)
    app.router.add_post("/ask/{draft}/details", details)


async def details_page(request: web.Request) -> web.Response:
    """Show step 3."""
    asking = Asking.of(request)
    return _details(asking, _typed(asking.content), {})


def _typed(content: RequestDraft) -> dict[str, str]:
    """Return the draft as the form's fields."""
    values = {f"comment.{item}": said.text for item, said in content.comments.items()}
    for name, value in content.variables.items():
        given = value.model_dump(mode="json", exclude_none=True)
        single = next((str(given[key]) for key in ("code", "text", "country", "name") if key in given), "")
        values[f"variable.{name}"] = single
        values |= {f"variable.{name}.{key}": str(v) for key, v in given.items() if key in _PERSON}
        values |= typed(f"variable.{name}", value.rows or ())
    values["comment"] = content.comment.text if content.comment else ""
    values["due"] = content.due.isoformat() if content.due else ""
    return values | ({"confidential": "yes"} if content.confidential else {})


_PERSON = ("given_names", "family_name", "birth_date")


def _details(asking: Asking, values: dict[str, str], errors: dict[str, Mistake]) -> web.Response:
    area, lang, content = asking.area(), asking.request[LANG], asking.content
    question_set = area.question_sets[content.set or ""]
    asked = [q for q in content.questions if q in question_set.questions]
    fields = tuple(_field(asking, area, name, values) for name in needed_variables(question_set, asked))
    shown = tuple(preview.question_with_follow_ups(area, question_set, q, {}, lang)[0] for q in asked)
    usual = deadlines.usual(asking.node, area, content.set, content.country or asking.node.country, lang)
    return asking.show(
        "ask_details",
        errors,
        set_title=area.catalogue.text(question_set.title, lang),
        fields=fields,
        countries=asking.texts.countries(preview.all_countries()),
        questions=shown,
        writing=asking.texts.writing(),
        own_lang=lang,
        usual=usual,
        attached=attached(content.attachments),
        file_count=MAX_ATTACHMENTS,
        file_size=MAX_BLOB,
        values={"due": usual.date.isoformat(), **{k: v for k, v in values.items() if v}},
    )


def _field(asking: Asking, area: Area, name: str, values: Mapping[str, str]) -> _Field:
    variable, lang = area.variables[name], asking.request[LANG]
    options: tuple[Option, ...] = ()
    if variable.type == "code" and variable.list:
        codes = area.lists[variable.list].codes
        options = tuple(Option(c.code, area.catalogue.label(c, lang)) for c in codes)
    elif variable.type == "country":
        options = asking.texts.countries(preview.all_countries())
    hint = area.catalogue.text(variable.hint, lang) if variable.hint else None
    takes = columns_of(area, variable, lang)
    rows = shown_rows(f"variable.{name}", takes, values) if takes else 0
    label, personal = area.catalogue.text(variable.text, lang), is_about_person(variable)
    return _Field(name, label, variable.type, personal, options, hint, takes, rows)


def attached(refs: tuple[AttachmentRef, ...], side: Side = "asking") -> tuple[Attachment, ...]:
    """Show the files of a draft."""
    return tuple(
        Attachment(sha256=r.sha256, name=r.name, media_type=r.media_type, size=r.size, side=side, here=True)
        for r in refs
    )


async def details(request: web.Request) -> web.Response:
    """Keep step 3; then save, upload, remove or check."""
    form, asking = await checked_form(request), Asking.of(request)
    content, found = _read_details(asking, form)
    asking = await asking.save(content, form)
    if asking.changed:
        return _details(asking, form.values(), _told(asking, found))
    found |= await add_files(asking.node, request, asking.draft.id, form)
    if form["remove"]:
        await drafts.detach(asking.node, request[ACTOR], asking.draft.id, form["remove"])
    asking = Asking.of(request)
    if form["do"] == "check" and not form["remove"]:
        found |= incomplete(asking)
    if (step := step_of(found)) != _HERE:
        return see_other(asking.base + step)
    if found or form["more"]:
        return _details(asking, form.values(), _told(asking, found, form.refused_file))
    if form["do"] == "check" and not form["remove"]:
        return see_other(f"{asking.base}/check")
    return see_other(f"{asking.base}/details", "flash.draft-saved")


def _told(asking: Asking, found: dict[str, str], file: str = "") -> dict[str, Mistake]:
    """Say what is wrong, cells of tables by their row and column."""
    area, lang = asking.area(), asking.request[LANG]
    labels: dict[str, CaseText] = {}
    for name, variable in area.variables.items():
        if takes := columns_of(area, variable, lang):
            labels |= cell_labels(asking.texts, f"variable.{name}", takes, found)
    return told(asking.texts, found, file, labels)


def told(
    texts: Texts, found: dict[str, str], file: str = "", labels: Mapping[str, CaseText] = MappingProxyType({})
) -> dict[str, Mistake]:
    """Turn `field → text id` into what the form shows, with the limits and the name of a refused file filled in."""
    values: dict[str, dict[str, object]] = {
        "error.too-long": {"n": MAX_NAME},
        "error.text-long": {"n": MAX_TEXT},
        "error.date-early": {"date": texts.day(texts.node.today())},
        "error.file-size": {"name": file, "size": texts.size(MAX_BLOB)},
        "error.file-type": {"name": file},
        "error.file-empty": {"name": file},
        "error.file-count": {"n": MAX_ATTACHMENTS},
    }
    same = {"error.text-long": "error.too-long"}
    return {name: Mistake(texts.t(same.get(i, i), **values.get(i, {})), labels.get(name)) for name, i in found.items()}


def _read_details(asking: Asking, form: Form) -> tuple[RequestDraft, dict[str, str]]:
    lang = form["language"] or asking.request[LANG]
    found: dict[str, str] = {}
    variables: dict[str, Variable] = {}
    area = asking.area()
    for name, variable in area.variables.items():
        given: dict[str, Any] = {}
        if takes := columns_of(area, variable, asking.request[LANG]):
            rows = read_rows(form, f"variable.{name}", takes, lang, found)
            given = {"rows": rows} if rows else {}
        else:
            given |= _given(form, name, variable.type, lang)
        if not given:
            continue
        try:
            variables[name] = Variable.model_validate(given)
        except ValidationError as error:
            field = f"variable.{name}" + (f".{error.errors()[0]['loc'][0]}" if variable.type == "person" else "")
            found[field] = "error.date" if "birth" in field else "error.too-long"
    typed = {k: form.said_or_fault(f"comment.{k}", lang, found) for k in form.starting("comment.")}
    comments = {k: said for k, said in typed.items() if said is not None}
    comment, due = form.said_or_fault("comment", lang, found), form.date("due")
    if form["due"] and due is None:
        found["due"] = "error.date"
    changes = {"variables": variables, "comments": comments, "comment": comment, "due": due}
    changes |= {"confidential": form.ticked("confidential")}
    return asking.content.model_copy(update=changes), found


def _given(form: Form, name: str, kind: str, lang: str) -> dict[str, str]:
    if kind == "person":
        return {key: value for key, value in form.starting(f"variable.{name}.").items() if key in _PERSON}
    value = form[f"variable.{name}"]
    if not value:
        return {}
    keys = {"code": "code", "country": "country", "document": "name"}
    return {keys[kind]: value} if kind in keys else {"text": value, "lang": lang}


async def add_files(node: Node, request: web.Request, draft_id: str, form: Form) -> dict[str, str]:
    """Attach the uploaded files to a draft; returns what is wrong with them, and notes with which in the form."""
    for file in form.files:
        form.refused_file = file.name
        if wrong := refusal_of(media_type_of(file), file.data):
            return {"files": wrong}
        try:
            await drafts.attach(node, request[ACTOR], draft_id, file.name, media_type_of(file), file.data)
        except NodeError as error:
            if error.code not in _FILE_FAULTS:
                raise
            return {"files": _FILE_FAULTS[error.code]}
    return {}


_FILE_FAULTS: Final = {"too-large": "error.file-size", "unsupported-media": "error.file-type"}


def media_type_of(file: File) -> str:
    """Return what a file says it is; a PDF is one whatever the browser calls it."""
    return "application/pdf" if file.data.startswith(b"%PDF-") else file.media_type.partition(";")[0]


def refusal_of(media_type: str, data: bytes) -> str:
    """Return the text that says why a file can't be taken, or nothing."""
    if not data:
        return "error.file-empty"
    try:
        drafts.check_file(media_type, data)
    except NodeError as error:
        return _FILE_FAULTS[error.code]
    return ""


_NEEDS = {
    "missing": "error.required",
    "missing-variable": "error.required",
    "in-the-past": "error.date-early",
    "wrong-variable-type": "error.required",
    "unknown-answer": "error.not-in-list",
    "too-long": "error.too-long",
    "missing-cell": "error.required",
    "wrong-cell": "error.required",
}


_HERE = "/details"
_STEPS = {
    "authority": "", "country": "", "to": "", "area": "", "set": "",
    "questions": "/questions",
}  # fmt: skip


def step_of(found: Mapping[str, str]) -> str:
    """Return the address, after the draft's, of the first step at which one of some fields is mended."""
    return min((_STEPS.get(field.partition(".")[0], _HERE) for field in found), key=_ORDER.index, default=_HERE)


_ORDER = ("", "/questions", _HERE)


def incomplete(asking: Asking) -> dict[str, str]:
    """Return what is still missing, by the form's field."""
    try:
        requests.check(asking.node, asking.request[ACTOR], requests.only_needed(asking.node, asking.content))
    except NodeError as error:
        if error.code != "invalid":
            raise
        found = {}
        for path, code in error.fields.items():
            field = field_of(path.replace("variables.", "variable.", 1))
            kind = asking.area().variables.get(field.removeprefix("variable."))
            name = f"{field}.given_names" if kind is not None and kind.type == "person" else field
            found[name] = _NEEDS.get(code, "error.required")
        return found
    return {}
