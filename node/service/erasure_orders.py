"""Orders to delete cases before their time, as data administrators give and follow them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from node.clock import unstamp
from node.domain.access import Actor
from node.domain.case import Case
from node.errors import NodeError
from node.service import erasure
from node.service.list_place import next_of, place_from
from node.service.node import Node
from node.store import cases, erasures
from node.store.tx import Row

OrderedBy = Literal["us", "them"]


@dataclass(frozen=True)
class Order:
    """An order: of which case, on which ground (None where that came back from a peer without it), by which side, when.

    `here` is when the case's key was destroyed, `there` when the other side said that it has done the same.
    """

    number: str
    area: str
    ground: str | None
    by: OrderedBy
    at: datetime
    here: datetime | None
    there: datetime | None


def listing(node: Node, actor: Actor, limit: int = 50, after: str = "") -> tuple[list[Order], str | None]:
    """Return orders about cases of the actor's authorities, by whichever side, the latest first, and where to go on."""
    actor.require("protection.read")
    places, place = sorted(actor.places("protection.read")), place_from(after)
    rows = node.store.read_now(lambda q: erasures.orders(q, places, limit + 1, place))
    return [_order(row) for row in rows[:limit]], next_of(rows, limit, "decided_at", "case_id")


def _order(row: Row) -> Order:
    def time(name: str) -> datetime | None:
        return unstamp(row[name]) if row[name] else None

    return Order(
        number=row["number"],
        area=row["area"],
        ground=row["ground"],
        by="us" if row["why"] == "order" else "them",
        at=unstamp(row["decided_at"]),
        here=time("key_gone_at"),
        there=time("erased_there_at"),
    )


@dataclass(frozen=True)
class Meant:
    """A case that a number may mean: with which country, and since when it is here."""

    case: Case
    since: datetime


def meant(node: Node, actor: Actor, number: str) -> tuple[Meant, ...]:
    """Return the cases with a number among those that the actor may have deleted: one, but for the worst of nights.

    After a loss two requests may have it: one that never happened doesn't count beside one that did.
    """
    actor.require("cases.erase")
    found = node.store.read_now(lambda q: erasures.numbered(q, number.strip(), actor.places("cases.erase")))
    known = [Meant(cases.from_row(row), unstamp(row["created_at"])) for row in found]
    return tuple(one for one in known if one.case.state != "refused") or tuple(known)


def numbered(node: Node, actor: Actor, number: str, chosen: str = "") -> str:
    """Return the case that a number names among those that the actor may have deleted, once it may be.

    `chosen` is the id of one of several with the number.

    Raises `not-found`, `invalid` where it names several, `case-erased`, `wrong-state`.
    """
    all_meant = [one.case for one in meant(node, actor, number)]
    found = [case for case in all_meant if case.id == chosen] or all_meant
    if not found:
        raise NodeError("not-found", "No case of your authorities has this number.")
    if len(found) > 1:
        raise NodeError(
            "invalid", "Several cases have this number.", "POST /cases/{case}/erase.", fields={"number": "ambiguous"}
        )
    (case,) = found
    if node.store.read_now(lambda q: erasures.find(q, case.id)) is not None:
        raise NodeError("case-erased")
    node.store.read_now(lambda q: erasure.require_ended(q, node, case))
    return case.id


async def give(node: Node, actor: Actor, number: str, ground: str, chosen: str = "") -> None:
    """Order that the case of a number is erased on both sides; raises what `numbered` and `erasure.order` raise."""
    await erasure.order(node, actor, numbered(node, actor, number, chosen), ground)
