"""Blocked and deleted cases: what is shown of them, seeing with a reason, deleting before the time."""

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import Field

from node.api.route import Call, Part, PartQuery, Route, Shape
from node.service import blocking, erasure, erasure_orders
from node.service.blocking import MAX_REASON, BlockedCase, Ground
from node.service.erasure_orders import OrderedBy
from protocol.content import Number


class Sight(Shape):
    """On which ground and why blocked data are seen; both are recorded."""

    ground: Ground
    reason: Annotated[str, Field(min_length=1, max_length=MAX_REASON)]


class SeenUntil(Shape):
    """Until when the caller sees the case."""

    until: datetime


class Deletion(Shape):
    """Why a case is deleted before its time."""

    ground: Literal["consent", "unlawful", "court"]


class NumberedDeletion(Deletion):
    """Which case is deleted before its time, and why."""

    number: Number


class OrderTold(Shape):
    """An order to delete a case: by which side, on which ground, and when each side carried it out."""

    number: str
    area: str
    ground: Literal["consent", "unlawful", "court"] | None
    by: OrderedBy
    at: datetime
    here: datetime | None
    there: datetime | None


class SightTold(Shape):
    """Who saw which blocked case when and why; `reason` is null once the case is deleted."""

    number: str
    person: str
    ground: Ground
    reason: str | None
    at: datetime


async def read_blocked(call: Call) -> BlockedCase:
    """Read what is shown of a blocked case."""
    return blocking.blocked_case(call.node, call.actor, call.path["case"], call.lang)


async def see(call: Call) -> SeenUntil:
    """See blocked data."""
    body: Sight = call.body
    until = await blocking.see(call.node, call.actor, call.path["case"], body.ground, body.reason)
    return SeenUntil(until=until)


async def erase(call: Call) -> None:
    """Order a deletion."""
    body: Deletion = call.body
    await erasure.order(call.node, call.actor, call.path["case"], body.ground)


async def order(call: Call) -> None:
    """Order the deletion of a case by its number."""
    body: NumberedDeletion = call.body
    await erasure_orders.give(call.node, call.actor, body.number, body.ground)


async def orders(call: Call) -> Part[OrderTold]:
    """List orders to delete."""
    query: PartQuery = call.query
    found, following = erasure_orders.listing(call.node, call.actor, query.limit, query.after)
    return Part[OrderTold](items=tuple(OrderTold(**vars(one)) for one in found), next=following)


async def sights(call: Call) -> Part[SightTold]:
    """List who saw blocked data."""
    query: PartQuery = call.query
    found, following = blocking.seen_by(call.node, call.actor, query.limit, query.after)
    return Part[SightTold](items=tuple(SightTold(**vars(one)) for one in found), next=following)


ROUTES: Final = (
    Route("GET", "/cases/{case}/blocked", "readBlockedCase", "Read all that is shown of a blocked or deleted case",
          read_blocked, BlockedCase),
    Route("POST", "/cases/{case}/see", "seeBlockedCase", "See the data of a blocked case for 30 minutes, with a reason",
          see, SeenUntil, body=Sight),
    Route("POST", "/cases/{case}/erase", "eraseCase", "Have a case deleted on both sides before its time", erase, None,
          body=Deletion, status=204),
    Route("GET", "/protection/orders", "listErasureOrders", "List orders to delete cases, and how far they are",
          orders, Part[OrderTold], query=PartQuery),
    Route("POST", "/protection/orders", "orderErasure", "Have the case of a number deleted on both sides", order, None,
          body=NumberedDeletion, status=204),
    Route("GET", "/protection/sights", "listSights", "List who saw blocked data of one's authorities, and why", sights,
          Part[SightTold], query=PartQuery),
)  # fmt: skip
