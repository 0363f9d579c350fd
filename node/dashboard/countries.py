"""The countries: which can be asked now, as a map and as a table."""

from aiohttp import web

from node.dashboard.page import ACTOR, LANG, NODE, render
from node.service import countries


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/countries", page)


async def page(request: web.Request) -> web.Response:
    """Show the 30 countries and their states."""
    found = await countries.overview(request.app[NODE], request[ACTOR], request[LANG])
    states = {one.country: one.state for one in found}
    return render(request, "countries", section="find", found=found, states=states)
