"""The nodes of the other countries, for the operator: how they are, and its hand on them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from node.dashboard.confirm import Confirmation, confirm
from node.dashboard.page import ACTOR, NODE, Texts, render, see_other, texts_of
from node.dashboard.sign_in import checked_form
from node.domain.access import Actor
from node.errors import NodeError
from node.service import membership, observe, peer_past, queues
from node.service.node import Node
from node.service.observe import PeerStatus, Suspended
from translations.catalogue import Text

Suspensions = tuple[Suspended, ...]


@dataclass(frozen=True)
class PeerLine:
    """A peer as the pages show it; `clock` is its clock minus ours, empty where that was never measured."""

    status: PeerStatus
    name: str
    clock: str
    suspension: Text | None = None

    @classmethod
    def of(cls, status: PeerStatus, texts: Texts, held: Suspensions = ()) -> "PeerLine":
        """Name a peer in the reader's language."""
        offset = status.clock_offset_s
        clock = "" if offset is None else f"{offset:+.0f} s"
        return cls(status, texts.country_name(status.country), clock, suspension_of(status.country, texts, held))


def suspension_of(country: str, texts: Texts, held: Suspensions) -> Text | None:
    """Say until when a country is suspended, and by whom; None where it isn't."""
    found = next((one for one in held if one.country == country), None)
    if found is None:
        return None
    names = ", ".join(texts.country_name(one) for one in found.by)
    return texts.t("peers.suspended", when=texts.moment(found.until), countries=names)


Act = Callable[[Node, Actor, str], Awaitable[None]]


@dataclass(frozen=True)
class _Action:
    """What a button does; `asks`: a page says first what will happen. `flash` is said afterwards."""

    act: Act
    asks: bool = True
    flash: str = "flash.saved"


async def _block(node: Node, actor: Actor, country: str) -> None:
    await membership.set_blocked(node, actor, country, blocked=True)


async def _unblock(node: Node, actor: Actor, country: str) -> None:
    await membership.set_blocked(node, actor, country, blocked=False)


_ACTIONS: Final[Mapping[str, _Action]] = {
    "block": _Action(_block),
    "unblock": _Action(_unblock),
    "hold": _Action(queues.hold),
    "release": _Action(queues.retry),
    "retry": _Action(queues.retry, asks=False, flash="flash.queue-retried"),
}


def add_routes(app: web.Application) -> None:
    """Add the pages of this file."""
    app.router.add_get("/peers", page)
    app.router.add_get("/peers/{country}", peer_page)
    for name, action in _ACTIONS.items():
        app.router.add_post(f"/peers/{{country}}/{name}", _acting(name, action))


async def page(request: web.Request) -> web.Response:
    """List the nodes of the other countries."""
    node, texts = request.app[NODE], texts_of(request)
    found = observe.status(node, request[ACTOR])
    lines = sorted((PeerLine.of(one, texts, found.suspensions) for one in found.peers), key=lambda line: line.name)
    own = suspension_of(node.country, texts, found.suspensions)
    return render(request, "peers", section="peers", peers=tuple(lines), own=own)


async def peer_page(request: web.Request) -> web.Response:
    """Show all of one node, and what can be done."""
    node, country, texts = request.app[NODE], country_of(request), texts_of(request)
    found = peer_past.read(node, request[ACTOR], country)
    return render(
        request,
        "peer",
        section="peers",
        peer=found,
        line=PeerLine.of(found.status, texts, observe.suspensions(node)),
        actions=actions_of(found.status),
        epochs=tuple((one, texts.country_name(one.issuer)) for one in found.epochs),
    )


def actions_of(status: PeerStatus) -> tuple[str, ...]:
    """Return what can be done with a peer now, by the names in its addresses."""
    if status.standing == "unknown":
        return ()
    found = ["release" if status.held_since else "hold", "unblock" if status.blocked else "block"]
    if status.queue in ("retrying", "sending"):
        found.insert(0, "retry")
    return tuple(found)


def country_of(request: web.Request) -> str:
    """Return the country that the address names; raises `not-found` where there is no such peer."""
    country = request.match_info["country"]
    request[ACTOR].require("node.observe")
    try:
        queues.require_known(request.app[NODE], country)
    except NodeError:
        raise NodeError("not-found") from None
    return country


def _acting(name: str, action: _Action) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handler(request: web.Request) -> web.Response:
        form, country = await checked_form(request), country_of(request)
        back, texts = f"/peers/{country}", texts_of(request)
        if action.asks and form["confirmed"] != "yes":
            label = texts.t(f"peers.{name}")
            asked = Confirmation(name, texts.country_name(country), back, label=label, final=False)
            return confirm(request, asked, section="peers")
        await action.act(request.app[NODE], request[ACTOR], country)
        return see_other(back, action.flash)

    return handler
