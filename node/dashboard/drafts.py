"""Drafts: requests and replies that were not sent yet."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiohttp import web

from node.dashboard.confirm import Confirmation, confirm
from node.dashboard.page import ACTOR, LANG, NODE, around, place_in, render, see_other, texts_of
from node.dashboard.sign_in import checked_form
from node.domain.draft import Draft
from node.service import approvals, drafts, find, reading
from translations.catalogue import Text

_PAGE: Final = 50


@dataclass(frozen=True)
class _Line:
    kind: str
    name: str
    country_name: str | None
    authority: str | None
    set_title: Text | None
    saved_at: datetime
    href: str
    delete_href: str
    standing: Text | None = None


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/drafts", page)
    app.router.add_get("/drafts/{draft}/delete", delete_page)
    app.router.add_post("/drafts/{draft}/delete", delete)


async def page(request: web.Request) -> web.Response:
    """List the drafts of the reader's authorities."""
    found, following = drafts.part(request.app[NODE], request[ACTOR], _PAGE, place_in(request))
    return render(
        request,
        "drafts",
        section="drafts",
        drafts=tuple(_line(request, draft) for draft in found),
        around=around(request, "/drafts", following),
    )


def _line(request: web.Request, draft: Draft) -> _Line:
    node, texts = request.app[NODE], texts_of(request)
    delete_href = f"/drafts/{draft.id}/delete"
    if draft.request is None:
        view = reading.view_case(node, request[ACTOR], draft.case, request[LANG])
        href = f"/cases/{draft.case}/reply"
        set_title = Text(view.question_set.text, view.question_set.lang)
        shown = _standing(request, draft)
        return _Line(
            "reply",
            view.number,
            view.asking.country_name,
            view.asking.name,
            set_title,
            draft.updated_at,
            href,
            delete_href,
            shown,
        )
    content = draft.request
    name = find.names(node, [content.to])[content.to] if content.to else ""
    area = node.areas.get(content.area or "")
    known = area.question_sets.get(content.set or "") if area else None
    title = area.catalogue.text(known.title, request[LANG]) if area and known else None
    country = texts.country_name(content.country) if content.country else None
    href = f"/ask/{draft.id}"
    shown = _standing(request, draft)
    return _Line("request", name, country, name or None, title, draft.updated_at, href, delete_href, shown)


def _standing(request: web.Request, draft: Draft) -> Text | None:
    state = approvals.standing(request.app[NODE], request[ACTOR], draft.id).state
    return texts_of(request).t(f"approvals.{state}") if state in ("waiting", "approved", "returned") else None


async def delete_page(request: web.Request) -> web.Response:
    """Ask once more before a draft is deleted."""
    draft = drafts.read(request.app[NODE], request[ACTOR], request.match_info["draft"])
    line = _line(request, draft)
    return confirm(request, Confirmation("delete-draft", line.name, "/drafts", told=line.set_title), section="drafts")


async def delete(request: web.Request) -> web.Response:
    """Delete a draft with its files."""
    await checked_form(request)
    await drafts.delete(request.app[NODE], request[ACTOR], request.match_info["draft"])
    return see_other("/drafts", "flash.draft-deleted")
