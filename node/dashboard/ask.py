"""Asking in three steps; after each, what was typed is kept as a draft by the server."""

import datetime as dt
from dataclasses import dataclass

from aiohttp import web
from pydantic import ValidationError

from node.dashboard.form import Form
from node.dashboard.page import ACTOR, LANG, NODE, Mistake, Option, Texts, mistakes, render, see_other, texts_of
from node.dashboard.sign_in import checked_form
from node.domain.case_view import Attachment, Party, Question
from node.domain.draft import Draft, RequestDraft
from node.errors import NodeError
from node.service import drafts, find, preview, requests
from node.service.node import Node
from protocol.content import AttachmentRef, Variable
from protocol.limits import MAX_ATTACHMENTS, MAX_BLOB, MAX_NAME
from translations.answer import needed_variables
from translations.area import Area
from translations.catalogue import Text


@dataclass(frozen=True)
class _AreaSets:
    title: Text
    pilot: bool
    sets: tuple[Option, ...]


@dataclass(frozen=True)
class _Pick:
    question: Question
    follow_ups: tuple[Question, ...]


@dataclass(frozen=True)
class _PickGroup:
    title: Text
    picks: tuple[_Pick, ...]


@dataclass(frozen=True)
class _Field:
    id: str
    label: Text
    type: str
    personal: bool
    options: tuple[Option, ...]


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/ask", begin_page)
    app.router.add_post("/ask", begin)
    app.router.add_get("/ask/{draft}", start_page)
    app.router.add_post("/ask/{draft}", start)
    app.router.add_get("/ask/{draft}/questions", questions_page)
    app.router.add_post("/ask/{draft}/questions", questions)
    app.router.add_get("/ask/{draft}/details", details_page)
    app.router.add_post("/ask/{draft}/details", details)
    app.router.add_get("/ask/{draft}/check", check_page)
    app.router.add_post("/ask/{draft}/send", send)


@dataclass(frozen=True)
class _Asking:
    """A request that is being written: its draft, and what the pages show of it."""

    request: web.Request
    node: Node
    draft: Draft

    @classmethod
    def of(cls, request: web.Request) -> "_Asking":
        """Read the draft that the address names."""
        draft = drafts.read(request.app[NODE], request[ACTOR], request.match_info["draft"])
        if draft.request is None:
            raise NodeError("not-found")
        return cls(request, request.app[NODE], draft)

    @property
    def content(self) -> RequestDraft:
        """What has been filled in."""
        assert self.draft.request is not None
        return self.draft.request

    @property
    def base(self) -> str:
        """The draft's address."""
        return f"/ask/{self.draft.id}"

    @property
    def texts(self) -> Texts:
        """The reader's texts."""
        return texts_of(self.request)

    def area(self) -> Area:
        """Return the area chosen; `invalid` leads back to step 1."""
        area = self.node.areas.get(self.content.area or "")
        if area is None or self.content.set not in area.question_sets:
            raise web.HTTPSeeOther(self.base)
        return area

    def party(self) -> Party | None:
        """Return the authority chosen."""
        return _party(self.node, self.texts, self.content.to) if self.content.to else None

    async def save(self, content: RequestDraft, form: Form) -> "_Asking":
        """Keep what was typed; `stale` where a colleague changed the draft since the page was shown."""
        shown = form["version"]
        version = int(shown) if shown.isdigit() else self.draft.version
        draft = await drafts.save(self.node, self.request[ACTOR], self.draft.id, content, version)
        return _Asking(self.request, self.node, draft)

    def show(self, template: str, errors: dict[str, Mistake] | None = None, **context: object) -> web.Response:
        """Render a step."""
        frame = {
            "section": "ask",
            "base": self.base,
            "draft": self.draft.id,
            "saved_at": self.draft.updated_at,
            "version": self.draft.version,
            "authority": self.party(),
            "errors": errors or {},
        }
        return render(self.request, template, 422 if errors else 200, **{**frame, **context})


def _party(node: Node, texts: Texts, authority_id: str) -> Party:
    record = find.authority(node, authority_id)
    text, lang = preview.title_of(record, texts.lang)
    title = {"text": text, "lang": lang} if text else None
    return Party.model_validate(
        {
            "side": "replying",
            "country": record.country,
            "country_name": texts.country_name(record.country),
            "authority": record.id,
            "name": record.name,
            "title": title,
        }
    )


# --- step 1: whom, and about what ---


async def begin_page(request: web.Request) -> web.Response:
    """Show step 1 before there is a draft."""
    texts = texts_of(request)
    own = _own(request, texts)
    return render(
        request, "ask_start", section="ask", base="/ask", draft="", saved_at=None, version=0, authority=None,
        own=own, areas=(), values={"own_authority": own[0].value if own else ""},
    )  # fmt: skip


def _own(request: web.Request, texts: Texts) -> tuple[Option, ...]:
    node = request.app[NODE]
    return tuple(Option(a, texts.plain(find.authority(node, a).name)) for a in sorted(request[ACTOR].authorities))


async def begin(request: web.Request) -> web.Response:
    """Begin a draft with the authority that was found, or give a draft another authority."""
    node, actor, form = request.app[NODE], request[ACTOR], await checked_form(request)
    if not form["authority"]:
        return see_other("/find")
    record = find.authority(node, form["authority"])
    if form["draft"]:
        draft = drafts.read(node, actor, form["draft"])
        assert draft.request is not None
        changed = draft.request.model_copy(update={"country": record.country, "to": record.id})
        await drafts.save(node, actor, draft.id, changed)
    else:
        chosen = RequestDraft(country=record.country, to=record.id, authority=min(actor.authorities, default=None))
        draft = await drafts.start_request(node, actor, chosen)
    return see_other(f"/ask/{draft.id}")


async def start_page(request: web.Request) -> web.Response:
    """Show step 1."""
    return _start(_Asking.of(request), {})


def _start(asking: _Asking, errors: dict[str, Mistake]) -> web.Response:
    content, lang = asking.content, asking.request[LANG]
    record = find.authority(asking.node, content.to) if content.to else None
    shared = {role.area for role in record.areas} if record else set()
    areas = tuple(
        _AreaSets(
            area.catalogue.text(area.rules.title, lang),
            area.rules.pilot,
            tuple(Option(f"{area.id}/{s.id}", area.catalogue.text(s.title, lang)) for s in area.question_sets.values()),
        )
        for area in asking.node.areas.values()
        if area.id in shared
    )
    chosen = f"{content.area}/{content.set}" if content.set else ""
    values = {"set": chosen, "own_authority": content.authority or ""}
    return asking.show("ask_start", errors, own=_own(asking.request, asking.texts), areas=areas, values=values)


async def start(request: web.Request) -> web.Response:
    """Keep step 1 and go on."""
    form, asking = await checked_form(request), _Asking.of(request)
    area_id, _, set_id = form["set"].partition("/")
    area = asking.node.areas.get(area_id)
    changes: dict[str, object] = {"authority": form["own_authority"] or asking.content.authority}
    if area is not None and set_id in area.question_sets:
        same = (asking.content.area, asking.content.set) == (area_id, set_id)
        changes |= {"area": area_id, "set": set_id} | ({} if same else {"questions": (), "comments": {}})
    asking = await asking.save(asking.content.model_copy(update=changes), form)
    missing = {"set": "error.choose"} if not asking.content.set else {}
    if not asking.content.to:
        missing["authority"] = "error.choose"
    if missing:
        return _start(asking, mistakes(asking.texts, missing))
    return see_other(f"{asking.base}/questions")


# --- step 2: which questions ---


async def questions_page(request: web.Request) -> web.Response:
    """Show step 2."""
    return _questions(_Asking.of(request), {})


def _questions(asking: _Asking, errors: dict[str, Mistake]) -> web.Response:
    area, lang = asking.area(), asking.request[LANG]
    question_set = area.question_sets[asking.content.set or ""]
    groups = tuple(
        _PickGroup(
            area.catalogue.text(group.text, lang),
            tuple(
                _Pick(*preview.question_with_follow_ups(area, question_set, item.id, {}, lang)) for item in group.items
            ),
        )
        for group in question_set.items
    )
    title = area.catalogue.text(question_set.title, lang)
    picked = frozenset(asking.content.questions)
    return asking.show("ask_questions", errors, set_title=title, groups=groups, picked=picked)


async def questions(request: web.Request) -> web.Response:
    """Keep step 2 and go on."""
    form, asking = await checked_form(request), _Asking.of(request)
    known = asking.area().question_sets[asking.content.set or ""].questions
    picked = tuple(item for item in known if item in form.all("item"))
    asking = await asking.save(asking.content.model_copy(update={"questions": picked}), form)
    if form["do"] == "save":
        return see_other(f"{asking.base}/questions", "flash.draft-saved")
    if not picked:
        return _questions(asking, mistakes(asking.texts, {"item": "error.choose-question"}))
    return see_other(f"{asking.base}/details")


# --- step 3: the details ---


async def details_page(request: web.Request) -> web.Response:
    """Show step 3."""
    asking = _Asking.of(request)
    return _details(asking, _typed(asking.content), {})


def _typed(content: RequestDraft) -> dict[str, str]:
    """Return the draft as the form's fields."""
    values = {f"comment.{item}": said.text for item, said in content.comments.items()}
    for name, value in content.variables.items():
        given = value.model_dump(mode="json", exclude_none=True)
        single = next((str(given[key]) for key in ("code", "text", "country", "name") if key in given), "")
        values[f"variable.{name}"] = single
        values |= {f"variable.{name}.{key}": str(v) for key, v in given.items() if key in _PERSON}
    values["comment"] = content.comment.text if content.comment else ""
    values["due"] = content.due.isoformat() if content.due else ""
    return values


_PERSON = ("given_names", "family_name", "birth_date")


def _details(asking: _Asking, values: dict[str, str], errors: dict[str, Mistake]) -> web.Response:
    area, lang, content = asking.area(), asking.request[LANG], asking.content
    question_set = area.question_sets[content.set or ""]
    asked = [q for q in content.questions if q in question_set.questions]
    fields = tuple(_field(asking, area, name) for name in needed_variables(question_set, asked))
    shown = tuple(preview.question_with_follow_ups(area, question_set, q, {}, lang)[0] for q in asked)
    usual = asking.node.clock.now().date() + dt.timedelta(days=area.rules.deadline_days)
    return asking.show(
        "ask_details",
        errors,
        set_title=area.catalogue.text(question_set.title, lang),
        fields=fields,
        questions=shown,
        writing=asking.texts.writing(),
        own_lang=lang,
        usual_due=usual,
        attached=attached(content.attachments),
        file_count=MAX_ATTACHMENTS,
        file_size=MAX_BLOB,
        values={"due": usual.isoformat(), **{k: v for k, v in values.items() if v}},
    )


def _field(asking: _Asking, area: Area, name: str) -> _Field:
    variable, lang = area.variables[name], asking.request[LANG]
    options: tuple[Option, ...] = ()
    if variable.type == "code" and variable.list:
        codes = area.lists[variable.list].codes
        options = tuple(Option(c.code, area.catalogue.text(c.text, lang)) for c in codes)
    elif variable.type == "country":
        options = asking.texts.countries(preview.all_countries())
    return _Field(name, area.catalogue.text(variable.text, lang), variable.type, variable.personal, options)


def attached(refs: tuple[AttachmentRef, ...]) -> tuple[Attachment, ...]:
    """Show the files of a draft."""
    return tuple(
        Attachment(sha256=r.sha256, name=r.name, media_type=r.media_type, size=r.size, side="asking", here=True)
        for r in refs
    )


async def details(request: web.Request) -> web.Response:
    """Keep step 3; then save, upload, remove or check."""
    form, asking = await checked_form(request), _Asking.of(request)
    content, found = _read_details(asking, form)
    asking = await asking.save(content, form)
    found |= await add_files(asking.node, request, asking.draft.id, form)
    if form["remove"]:
        await drafts.detach(asking.node, request[ACTOR], asking.draft.id, form["remove"])
    asking = _Asking.of(request)
    if form["do"] == "check" and not form["remove"]:
        found |= _incomplete(asking)
    if found:
        return _details(asking, form.values(), told(asking.texts, found))
    if form["do"] == "check" and not form["remove"]:
        return see_other(f"{asking.base}/check")
    return see_other(f"{asking.base}/details", "flash.draft-saved")


def told(texts: Texts, found: dict[str, str]) -> dict[str, Mistake]:
    """Turn `field → text id` into what the form shows, with the limits filled in."""
    values: dict[str, dict[str, object]] = {
        "error.too-long": {"n": MAX_NAME},
        "error.file-size": {"name": "", "size": texts.size(MAX_BLOB)},
        "error.file-type": {"name": ""},
        "error.file-count": {"n": MAX_ATTACHMENTS},
    }
    return {name: Mistake(texts.t(text_id, **values.get(text_id, {}))) for name, text_id in found.items()}


def _read_details(asking: _Asking, form: Form) -> tuple[RequestDraft, dict[str, str]]:
    lang = form["language"] or asking.request[LANG]
    found: dict[str, str] = {}
    variables: dict[str, Variable] = {}
    area = asking.area()
    for name, variable in area.variables.items():
        given = _given(form, name, variable.type, lang)
        if not given:
            continue
        try:
            variables[name] = Variable.model_validate(given)
        except ValidationError as error:
            field = f"variable.{name}" + (f".{error.errors()[0]['loc'][0]}" if variable.type == "person" else "")
            found[field] = "error.date" if "birth" in field else "error.too-long"
    comments = {k: said for k in form.starting("comment.") if (said := form.said(f"comment.{k}", lang)) is not None}
    due = form.date("due")
    if form["due"] and due is None:
        found["due"] = "error.date"
    changes = {"variables": variables, "comments": comments, "comment": form.said("comment", lang), "due": due}
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
    """Attach the uploaded files to a draft; returns what is wrong with them."""
    for file in form.files:
        media_type = "application/pdf" if file.data.startswith(b"%PDF-") else file.media_type.partition(";")[0]
        try:
            await drafts.attach(node, request[ACTOR], draft_id, file.name, media_type, file.data)
        except NodeError as error:
            known = {"too-large": "error.file-size", "unsupported-media": "error.file-type"}
            if error.code not in known:
                raise
            return {"files": known[error.code]}
    return {}


_NEEDS = {
    "missing": "error.required",
    "missing-variable": "error.required",
    "in-the-past": "error.date",
    "wrong-variable-type": "error.required",
    "unknown-answer": "error.not-in-list",
    "too-long": "error.too-long",
}


def _incomplete(asking: _Asking) -> dict[str, str]:
    """Return what is still missing, by the form's field."""
    try:
        requests.check(asking.node, asking.request[ACTOR], requests.only_needed(asking.node, asking.content))
    except NodeError as error:
        if error.code != "invalid":
            raise
        found = {}
        for path, code in error.fields.items():
            field = path.replace("variables.", "variable.")
            kind = asking.area().variables.get(field.removeprefix("variable."))
            name = f"{field}.given_names" if kind is not None and kind.type == "person" else field
            found[name] = _NEEDS.get(code, "error.required")
        return found
    return {}


# --- the last look ---


async def check_page(request: web.Request) -> web.Response:
    """Show the request as it will be sent."""
    asking = _Asking.of(request)
    if _incomplete(asking):
        raise web.HTTPSeeOther(f"{asking.base}/details")
    content = requests.only_needed(asking.node, asking.content)
    shown = preview.preview(asking.node, content, request[LANG])
    return asking.show("ask_check", **shown, replying=asking.party(), attachments=attached(content.attachments))


async def send(request: web.Request) -> web.Response:
    """Send the request; a repeated post finds the case that the draft became."""
    form = await checked_form(request)
    node, actor, draft_id = request.app[NODE], request[ACTOR], request.match_info["draft"]
    try:
        asking = _Asking.of(request)
    except NodeError:
        requests.sent_from(node, actor, draft_id)  # the draft became this case already; `not-found` if it didn't
        return see_other(f"/cases/{draft_id}")
    if form["version"] != str(asking.draft.version):
        raise NodeError("stale")
    case = await requests.send_draft(node, actor, draft_id)
    return see_other(f"/cases/{case.id}", "flash.sent", number=case.number)
