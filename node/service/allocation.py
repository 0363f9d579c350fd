"""Who of an authority looks after a case: known at home only, and no bar for colleagues to act.

An authority's allocators say it; where nobody is one for the area, every handler may.
"""

from typing import Final

from node.domain.access import RIGHTS, Actor, Role
from node.domain.case import Case
from node.domain.case_view import Handler
from node.errors import NodeError
from node.service.cases import case_for
from node.service.node import Node
from node.store import audit, cases, people
from node.store.tx import Tx

_ALLOCATED: Final = "case.allocated"


def handlers(node: Node, case: Case) -> tuple[Handler, ...]:
    """Return the people of the case's authority who may look after it, by name."""
    return _holders(node, case, tuple(RIGHTS["cases.act"].roles))


def _holders(node: Node, case: Case, roles: tuple[Role, ...]) -> tuple[Handler, ...]:
    rows = node.store.read_now(lambda q: people.holders_of(q, case.own_authority, case.area, roles))
    return tuple(Handler(id=row["id"], name=row["name"]) for row in rows)


def may_allocate(node: Node, actor: Actor, case: Case) -> bool:
    """Say whether the actor may say who looks after a case."""
    if not actor.may("cases.allocate", case.own_authority, case.area):
        return False
    held = {grant.role for grant in actor.grants if grant.covers(case.own_authority, case.area)}
    return "allocator" in held or not _holders(node, case, ("allocator",))


def handler_of(node: Node, case: Case) -> Handler | None:
    """Return who looks after a case; None where nobody does, or whoever did has left the authority."""
    held = node.store.read_now(lambda q: cases.handler_of(q, case.id))
    return next((one for one in handlers(node, case) if one.id == held), None)


async def allocate(node: Node, actor: Actor, case_id: str, person: str | None) -> Case:
    """Give an open case to somebody of the authority, oneself too, or to nobody.

    Raises `forbidden` for a handler where the authority has allocators, `invalid` for a person who isn't one of
    the authority's handlers, `wrong-state` where the case has ended.
    """
    case = case_for(node, actor, case_id, "cases.allocate")
    if not may_allocate(node, actor, case):
        raise NodeError("forbidden", "The authority's allocators say who looks after a case.")
    if case.ended:
        raise NodeError("wrong-state", "The case has ended.")
    if person is not None and person not in {one.id for one in handlers(node, case)}:
        raise NodeError("invalid", "Not a handler of the authority.", fields={"handler": "unknown-person"})

    def work(tx: Tx) -> None:
        if not cases.allocate(tx, case_id, case.own_authority, person):
            raise NodeError("stale", "The case was passed on meanwhile.")
        audit.append(tx, actor.id, _ALLOCATED, case_id, person or "")

    await node.store.write(work)
    return case
