"""The work list: first what is ours to move, then what waits for the others, then what is finished."""

from aiohttp import web

from node.dashboard.form import offset_of
from node.dashboard.page import ACTOR, LANG, NODE, Option, render, texts_of
from node.domain.case_view import CaseSummary, Side
from node.service import reading
from protocol.request import OWNER

_PAGE = 50
_OPEN_SHOWN = 200


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/work", page)


async def page(request: web.Request) -> web.Response:
    """Show the work list, filtered."""
    node, texts = request.app[NODE], texts_of(request)
    values = {name: request.query.get(name, "") for name in ("role", "state", "whose", "text")}
    offset = offset_of(request)
    side: Side | None = values["role"] if values["role"] in ("asking", "replying") else None  # type: ignore[assignment]
    state = values["state"] if values["state"] in OWNER else None
    mine_only = True if values["whose"] == "mine" else None

    async def cases(*, still_open: bool, limit: int, start: int = 0) -> reading.CaseList:
        wanted = reading.CaseFilter(state=state, role=side, open=still_open, mine=mine_only)
        return await reading.list_cases(node, request[ACTOR], wanted, request[LANG], limit=limit, offset=start)

    running = [c for c in (await cases(still_open=True, limit=_OPEN_SHOWN)).items if _fits(c, values["text"])]
    finished = await cases(still_open=False, limit=_PAGE, start=offset)
    once = await reading.list_cases(node, request[ACTOR], reading.CaseFilter(role=side, passed_on=True), request[LANG])
    mine = [c for c in running if c.holder == "us" or (c.due is not None and c.due.holder == "us")]
    query = "".join(f"&{name}={value}" for name, value in values.items() if value and name != "text")
    return render(
        request,
        "work",
        section="work",
        todo_cases=tuple(mine),
        waiting=tuple(c for c in running if c not in mine),
        finished=tuple(c for c in finished.items if _fits(c, values["text"])),
        passed_on=tuple(c for c in once.items if not (state or mine_only) and _fits(c, values["text"])),
        values=values,
        roles=tuple(Option(role, texts.t(f"role.{role}")) for role in ("asking", "replying")),
        states=tuple(Option(name, texts.t(f"state.{name}")) for name in OWNER),
        whose=(Option("mine", texts.t("work.filter.mine")),),
        filtered=any(values.values()),
        newer_href=f"/work?from={max(0, offset - _PAGE)}{query}" if offset else None,
        more_href=f"/work?from={finished.next}{query}" if finished.next is not None else None,
    )


def _fits(case: CaseSummary, words: str) -> bool:
    """Say whether every word stands in the case's number or authority; never in anything personal."""
    text = f"{case.number} {case.counterpart.name} {case.counterpart.country_name}".casefold()
    return all(word in text for word in words.casefold().split())
