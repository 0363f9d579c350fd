"""The work list: first what is ours to move, then what waits for the others, then what is finished."""

from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from aiohttp import web

from node.dashboard.page import ACTOR, LANG, NODE, Option, render, texts_of
from node.domain.case_view import CaseSummary
from node.service import reading
from node.service.case_list import MAX_WORDS
from node.service.list_place import MAX_PLACE
from node.service.reading import CaseFilter
from protocol.request import OWNER

_PAGE: Final = 50
_SECTIONS: Final[dict[str, dict[str, Any]]] = {
    "todo": {"todo": True},
    "waiting": {"todo": False},
    "finished": {"open": False},
    "passed-on": {"passed_on": True},
}


class Section(NamedTuple):
    """Part of a section of the work list, where the section begins unless this is its first part, and the next part."""

    cases: tuple[CaseSummary, ...]
    first_href: str | None = None
    more_href: str | None = None


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/work", page)


async def page(request: web.Request) -> web.Response:
    """Show the work list, filtered; each section goes on from a place of its own."""
    texts = texts_of(request)
    values = {name: request.query.get(name, "")[:MAX_WORDS] for name in ("role", "state", "whose", "text")}
    chosen = _chosen(values)
    sections = {
        name: await _section(request, name, CaseFilter(**chosen, **its), values)
        for name, its in _SECTIONS.items()
        if name != "passed-on" or not ({"state", "mine"} & chosen.keys())
    }
    return render(
        request,
        "work",
        section="work",
        sections={name: sections.get(name, Section(())) for name in _SECTIONS},
        values=values,
        roles=tuple(Option(role, texts.t(f"role.{role}")) for role in ("asking", "replying")),
        states=tuple(Option(name, texts.t(f"state.{name}")) for name in OWNER),
        whose=(Option("mine", texts.t("work.filter.mine")),),
        filtered=any(values.values()),
    )


def _chosen(values: dict[str, str]) -> dict[str, Any]:
    return {
        **({"role": values["role"]} if values["role"] in ("asking", "replying") else {}),
        **({"state": values["state"]} if values["state"] in OWNER else {}),
        **({"mine": True} if values["whose"] == "mine" else {}),
        "text": values["text"],
    }


async def _section(request: web.Request, name: str, wanted: CaseFilter, values: dict[str, str]) -> Section:
    after = request.query.get(name, "")[:MAX_PLACE]
    node, actor, lang = request.app[NODE], request[ACTOR], request[LANG]
    found = await reading.list_cases(node, actor, wanted, lang, limit=_PAGE, after=after)

    def href(place: str | None) -> str:
        query = urlencode({key: value for key, value in {**values, name: place}.items() if value})
        return f"/work?{query}#{name}" if query else "/work"

    return Section(found.items, href(None) if after else None, href(found.next) if found.next else None)
