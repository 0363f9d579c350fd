"""The calendar of dates: its secret address on the profile, and what a calendar program fetches there."""

from aiohttp import web

from node.dashboard import profile
from node.dashboard.page import ACTOR, NODE, see_other
from node.dashboard.sign_in import checked_form
from node.service import calendar_feed


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_post("/profile/calendar", make)
    app.router.add_post("/profile/calendar/end", end)
    app.router.add_get("/calendar/{secret:[A-Za-z0-9_-]{1,100}}.ics", feed)


async def make(request: web.Request) -> web.Response:
    """Make a secret address and show it once."""
    await checked_form(request)
    return profile.show(request, {}, calendar=await calendar_feed.make(request.app[NODE], request[ACTOR]))


async def end(request: web.Request) -> web.Response:
    """Revoke the address."""
    await checked_form(request)
    await calendar_feed.end(request.app[NODE], request[ACTOR])
    return see_other("/profile#calendar", "flash.saved")


async def feed(request: web.Request) -> web.Response:
    """Give the calendar, or say that it hasn't changed."""
    found = await calendar_feed.feed(request.app[NODE], request.match_info["secret"])
    headers = {"ETag": found.etag}
    if found.etag in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    return web.Response(body=found.data, content_type="text/calendar", charset="utf-8", headers=headers)
