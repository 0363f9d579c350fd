"""What a node keeps of its reader, as a file (Regulation (EU) 2016/679, Article 15)."""

import json

from aiohttp import web

from node.dashboard.page import ACTOR, NODE
from node.service import own_data


def add_routes(app: web.Application) -> None:
    """Add the page of this file."""
    app.router.add_get("/profile/data", download)


async def download(request: web.Request) -> web.Response:
    """Give it as JSON, always saved."""
    found = own_data.own_data(request.app[NODE], request[ACTOR])
    text = json.dumps(found.model_dump(mode="json"), ensure_ascii=False, indent=1)
    headers = {"Content-Disposition": 'attachment; filename="entente-own-data.json"'}
    return web.Response(text=text, content_type="application/json", headers=headers)
