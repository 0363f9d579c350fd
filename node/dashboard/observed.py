"""The summary of the cases of the authorities that the reader's observes."""

from typing import Final

from aiohttp import web

from node.dashboard.page import ACTOR, LANG, NODE, render
from node.service import observed
from node.service.list_place import MAX_PLACE

_PAGE: Final = 50


def add_routes(app: web.Application) -> None:
    """Add the page of this file."""
    app.router.add_get("/observed", page)


async def page(request: web.Request) -> web.Response:
    """List the cases, the latest change first."""
    after = request.query.get("after", "")[:MAX_PLACE]
    found = await observed.list_observed(request.app[NODE], request[ACTOR], request[LANG], limit=_PAGE, after=after)
    return render(
        request,
        "observed",
        section="observed",
        cases=found.items,
        first_href="/observed" if after else None,
        more_href=f"/observed?after={found.next}" if found.next else None,
    )
