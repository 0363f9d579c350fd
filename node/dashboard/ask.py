"""Asking in three steps; after each, what was typed is kept as a draft by the server."""

from dataclasses import dataclass

from aiohttp import web

from node.dashboard.ask_details import attached, incomplete, step_of
from node.dashboard.asking import Asking
from node.dashboard.page import ACTOR, LANG, NODE, Mistake, Option, Texts, mistakes, see_other
from node.dashboard.sign_in import checked_form
from node.domain.case_view import Question
from node.domain.draft import RequestDraft
from node.errors import NodeError
from node.service import approvals, drafts, find, preview, requests
from translations.catalogue import Text
from translations.languages import country_name


@dataclass(frozen=True)
class _AreaSets:
    title: Text
    pilot: bool
    pilot_of: str
    sets: tuple[Option, ...]


@dataclass(frozen=True)
class _Pick:
    question: Question
    follow_ups: tuple[Question, ...]


@dataclass(frozen=True)
class _PickGroup:
    title: Text
    picks: tuple[_Pick, ...]


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/ask", begin_page)
    app.router.add_post("/ask", begin)
    app.router.add_get("/ask/{draft}", start_page)
    app.router.add_post("/ask/{draft}", start)
    app.router.add_get("/ask/{draft}/questions", questions_page)
    app.router.add_post("/ask/{draft}/questions", questions)
    app.router.add_get("/ask/{draft}/check", check_page)
    app.router.add_post("/ask/{draft}/send", send)


# --- step 1: whom, and about what ---


async def begin_page(_request: web.Request) -> web.Response:
    """Begin step 1, before there is a draft, with finding the authority."""
    raise web.HTTPSeeOther("/find?new=1")


def _own(request: web.Request, texts: Texts) -> tuple[Option, ...]:
    node = request.app[NODE]
    return tuple(Option(a, texts.plain(name)) for a, name in find.names(node, request[ACTOR].authorities).items())


async def begin(request: web.Request) -> web.Response:
    """Begin a draft with the authority that was found, or give a draft another authority."""
    node, actor, form = request.app[NODE], request[ACTOR], await checked_form(request)
    if not form["authority"]:
        return see_other("/find?new=1")
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
    return _start(Asking.of(request), {})


def _start(asking: Asking, errors: dict[str, Mistake]) -> web.Response:
    content, lang = asking.content, asking.request[LANG]
    record = find.known(asking.node, content.to)
    if content.to and not asking.askable():
        errors = {**mistakes(asking.texts, {"authority": "error.authority-ended"}), **errors}
    if requests.role_faults(asking.node, content):
        errors = {**mistakes(asking.texts, {"set": "error.wrong-role"}), **errors}
    shared = record.active_areas() if record else frozenset()
    areas = tuple(
        _AreaSets(
            area.catalogue.text(area.rules.title, lang),
            area.rules.pilot,
            ", ".join(country_name(country, lang) for country in area.pilot_of),
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
    form, asking = await checked_form(request), Asking.of(request)
    area_id, _, set_id = form["set"].partition("/")
    area = asking.node.areas.get(area_id)
    changes: dict[str, object] = {"authority": form["own_authority"] or asking.content.authority}
    if area is not None and set_id in area.question_sets:
        same = (asking.content.area, asking.content.set) == (area_id, set_id)
        changes |= {"area": area_id, "set": set_id} | ({} if same else {"questions": (), "comments": {}})
    asking = await asking.save(asking.content.model_copy(update=changes), form)
    if asking.changed:
        return _start(asking, {})
    missing = {"set": "error.choose"} if not asking.content.set else {}
    if not asking.askable():
        missing["authority"] = "error.authority-ended" if asking.content.to else "error.choose-authority"
    if missing or requests.role_faults(asking.node, asking.content):
        return _start(asking, mistakes(asking.texts, missing))
    return see_other(f"{asking.base}/questions")


# --- step 2: which questions ---


async def questions_page(request: web.Request) -> web.Response:
    """Show step 2."""
    return _questions(Asking.of(request), {})


def _questions(asking: Asking, errors: dict[str, Mistake]) -> web.Response:
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
    form, asking = await checked_form(request), Asking.of(request)
    known = asking.area().question_sets[asking.content.set or ""].questions
    picked = tuple(item for item in known if item in form.all("item"))
    asking = await asking.save(asking.content.model_copy(update={"questions": picked}), form)
    if asking.changed:
        return _questions(asking, {})
    if form["do"] == "save":
        return see_other(f"{asking.base}/questions", "flash.draft-saved")
    if not picked:
        return _questions(asking, mistakes(asking.texts, {"item": "error.choose-question"}))
    return see_other(f"{asking.base}/details")


# --- the last look ---


async def check_page(request: web.Request) -> web.Response:
    """Show the request as it will be sent."""
    asking = Asking.of(request)
    if found := incomplete(asking):
        raise web.HTTPSeeOther(asking.base + step_of(found))
    content = requests.only_needed(asking.node, asking.content)
    shown = preview.preview(asking.node, content, request[LANG])
    shown |= {"attachments": attached(content.attachments), "confidential": content.confidential}
    standing = approvals.standing(asking.node, request[ACTOR], asking.draft.id)
    return asking.show("ask_check", **shown, replying=asking.party(), approval=standing)


async def send(request: web.Request) -> web.Response:
    """Send the request; a repeated post finds the case that the draft became."""
    form = await checked_form(request)
    node, actor, draft_id = request.app[NODE], request[ACTOR], request.match_info["draft"]
    try:
        asking = Asking.of(request)
    except NodeError:
        requests.sent_from(node, actor, draft_id)  # the draft became this case already; `not-found` if it didn't
        return see_other(f"/cases/{draft_id}")
    if form["version"] != str(asking.draft.version):
        raise NodeError("stale")
    if approvals.standing(node, actor, draft_id).state in ("needed", "returned", "waiting"):
        await approvals.ask(node, actor, draft_id)
        return see_other("/drafts", "flash.approval-asked")
    case = await requests.send_draft(node, actor, draft_id)
    return see_other(f"/cases/{case.id}", "flash.sent", number=case.number)
