"""A coordinator's list of urgent cases."""

from aiohttp import web

from node.dashboard.page import ACTOR, LANG, NODE, render
from node.service import urgency


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/urgent", page)


async def page(request: web.Request) -> web.Response:
    """Show the list from a place on."""
    found = await urgency.urgent(
        request.app[NODE], request[ACTOR], request[LANG], after=request.query.get("after", "")[:60]
    )
    return render(
        request,
        "urgent",
        section="urgent",
        cases=found.items,
        first_href="/urgent" if request.query.get("after") else None,
        more_href=f"/urgent?after={found.next}" if found.next else None,
    )
