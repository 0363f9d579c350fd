"""What waits for the other nodes, for the operator: numbers, kinds and times, never contents."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiohttp import web

from node.dashboard.confirm import Confirmation, confirm
from node.dashboard.form import Form, offset_of, whole_number
from node.dashboard.page import ACTOR, NODE, render, see_other, texts_of
from node.dashboard.peers import PeerLine, actions_of, country_of
from node.dashboard.sign_in import checked_form
from node.errors import NodeError
from node.service import observe, queues
from translations.catalogue import Text

_PAGE: Final = 50
_LAST: Final = 2**63 - 1
_STOPPED: Final = ("held", "blocked")
UNREAD: Final = {"name": "…"}
"""Stands for whom a message names: its contents are none of the operator's."""


@dataclass(frozen=True)
class _Message:
    number: str
    kind: Text
    since: datetime
    sealed: bool


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/queue", page)
    app.router.add_get("/queue/{country}", queue_page)
    app.router.add_post("/queue/{country}/give-up", give_up)
    app.router.add_post("/queue/{country}/give-up-all", give_up_all)


async def page(request: web.Request) -> web.Response:
    """List the queues in which something waits, or that are stopped."""
    texts = texts_of(request)
    found = observe.status(request.app[NODE], request[ACTOR]).peers
    shown = [PeerLine.of(one, texts) for one in found if one.waiting or one.queue in _STOPPED]
    return render(request, "queues", section="queue", peers=tuple(sorted(shown, key=lambda line: line.name)))


async def queue_page(request: web.Request) -> web.Response:
    """Show what waits for one country."""
    node, actor, texts, country = request.app[NODE], request[ACTOR], texts_of(request), country_of(request)
    offset = offset_of(request)
    found = await queues.some_waiting(node, actor, country, _PAGE + 1, offset)
    status = next(one for one in observe.status(node, actor).peers if one.country == country)
    here = f"/queue/{country}?from="
    return render(
        request,
        "queue",
        section="queue",
        line=PeerLine.of(status, texts),
        actions=actions_of(status),
        messages=tuple(
            _Message(one.number, texts.t(f"event.{one.kind}", **UNREAD), one.since, one.sealed) for one in found[:_PAGE]
        ),
        unsealed=queues.to_give_up_all(node, actor, country),
        newer_href=f"{here}{max(0, offset - _PAGE)}" if offset else None,
        more_href=f"{here}{offset + _PAGE}" if len(found) > _PAGE else None,
    )


async def give_up(request: web.Request) -> web.Response:
    """Ask once more, then give up what waits of one request."""
    form, country = await checked_form(request), country_of(request)
    node, actor, texts = request.app[NODE], request[ACTOR], texts_of(request)
    found = queues.to_give_up(node, actor, form["number"])
    if found.peer != country:
        raise NodeError("not-found")
    if form["confirmed"] != "yes":
        subject = f"{found.number} · {texts.country_name(country)}"
        told = texts.t("queue.count", n=len(found.kinds))
        fields = {"number": found.number}
        label = texts.t("queue.give-up")
        asked = Confirmation("give-up", subject, f"/queue/{country}", fields, told=told, label=label)
        return confirm(request, asked, section="queue")
    done = await queues.give_up(node, actor, found.number)
    return see_other(f"/queue/{country}", "flash.given-up", n=str(len(done.kinds)))


async def give_up_all(request: web.Request) -> web.Response:
    """Ask once more, then give up all that was never sealed and was there when that was asked."""
    form, country = await checked_form(request), country_of(request)
    node, actor, texts = request.app[NODE], request[ACTOR], texts_of(request)
    if form["confirmed"] != "yes":
        found = queues.to_give_up_all(node, actor, country)
        told = texts.t("queue.count", n=found.count)
        fields = {"until": str(found.until)}
        label = texts.t("queue.give-up-all")
        name = texts.country_name(country)
        asked = Confirmation("give-up-all", name, f"/queue/{country}", fields, told=told, label=label)
        return confirm(request, asked, section="queue")
    count = await queues.give_up_all(node, actor, country, _place(form))
    return see_other(f"/queue/{country}", "flash.given-up", n=str(count))


def _place(form: Form) -> int:
    until = whole_number(form["until"], _LAST)
    if until is None:
        raise NodeError("invalid", fields={"until": "malformed"})
    return until
