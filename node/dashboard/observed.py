"""The summary of the cases of the authorities that the reader's observes."""

from typing import Final

from aiohttp import web

from node.dashboard.form import offset_of
from node.dashboard.page import ACTOR, LANG, NODE, render
from node.service import observed

_PAGE: Final = 50


def add_routes(app: web.Application) -> None:
    """Add the page of this file."""
    app.router.add_get("/observed", page)


async def page(request: web.Request) -> web.Response:
    """List the cases, the latest change first."""
    offset = offset_of(request)
    found = await observed.list_observed(request.app[NODE], request[ACTOR], request[LANG], limit=_PAGE, offset=offset)
    return render(
        request,
        "observed",
        section="observed",
        cases=found.items,
        newer_href=f"/observed?from={max(0, offset - _PAGE)}" if offset else None,
        more_href=f"/observed?from={found.next}" if found.next is not None else None,
    )
