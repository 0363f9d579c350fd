"""Where approval is switched on: for requests or replies of an authority in an area, or for the replies to a case."""

from dataclasses import dataclass

from node.domain.access import Actor
from node.domain.case import Case
from node.errors import NodeError
from node.service.allocation import may_allocate
from node.service.approval_rule import Place, coordinators_of, is_needed, place_of, rule_of
from node.service.cases import case_for
from node.service.node import Node
from node.store import approvals, audit, authorities
from node.store.tx import Tx
from protocol.request import Side


@dataclass(frozen=True)
class Switch:
    """Approval in one area of an authority, on the asking or replying side; `fixed` where the rule leaves no choice."""

    area: str
    side: Side
    on: bool
    fixed: bool


def switches(node: Node, actor: Actor, authority: str) -> tuple[Switch, ...]:
    """Return approval in each area that the authority's record names and in which it has a coordinator.

    What was switched on stays here when the record loses the area, so that it can be switched off.
    """
    _administers(actor, authority)
    line = node.store.read_now(lambda q: authorities.record_of(q, authority))
    named = {one.area for one in authorities.read(line).areas} if line else set()
    sides: tuple[Side, ...] = ("asking", "replying")
    found = (
        Switch(area, side, is_needed(node, Place(authority, area, side)), rule_of(node, area, side) != "optional")
        for area in node.areas
        if coordinators_of(node, authority, area)
        for side in sides
    )
    return tuple(one for one in found if one.area in named or (one.on and not one.fixed))


async def switch(node: Node, actor: Actor, authority: str, area: str, side: Side, *, on: bool) -> None:
    """Switch approval of an authority's requests or replies in an area; `invalid` where there is no choice."""
    _administers(actor, authority)
    if area not in node.areas:
        raise NodeError("invalid", fields={"area": "unknown-area"})
    _require_choice(node, Place(authority, area, side), on=on)

    def work(tx: Tx) -> None:
        approvals.switch(tx, authority, area, side, on=on)
        audit.append(tx, actor.id, "approval.on" if on else "approval.off", authority, f"{area} {side}")

    await node.store.write(work)


def _require_choice(node: Node, place: Place, *, on: bool) -> None:
    if rule_of(node, place.area, place.side) != "optional":
        raise NodeError("invalid", "The area's rule leaves no choice.", fields={"area": "not-optional"})
    if on and not coordinators_of(node, place.authority, place.area):
        raise NodeError(
            "invalid", "The authority has no coordinator who could approve.", fields={"area": "no-coordinator"}
        )


def _administers(actor: Actor, authority: str) -> None:
    actor.require("directory.change")
    actor.require("directory.change", authority)


# --- for one case ---


def of_case(node: Node, actor: Actor, case: Case) -> bool | None:
    """Say whether approval of the replies to a case is switched on; None where the actor can't switch it."""
    if case.role != "replying" or case.ended or not may_allocate(node, actor, case):
        return None
    own, area = place_of(case), Place(case.own_authority, case.area, "replying")
    if rule_of(node, case.area, "replying") != "optional" or is_needed(node, area):
        return None  # it is decided for the area as a whole
    if not coordinators_of(node, case.own_authority, case.area):
        return None
    return is_needed(node, own)


async def switch_case(node: Node, actor: Actor, case_id: str, *, on: bool) -> bool:
    """Switch approval of the replies to a case, by who says who looks after it; returns whether it is needed now."""
    case = case_for(node, actor, case_id, "cases.allocate")
    if not may_allocate(node, actor, case):
        raise NodeError("forbidden", "The authority's allocators switch it.")
    if case.role != "replying" or case.ended:
        raise NodeError("wrong-state", "The case isn't waiting for a reply of this authority.")
    _require_choice(node, place_of(case), on=on)

    def work(tx: Tx) -> None:
        if not approvals.switch_case(tx, case_id, case.own_authority, on=on):
            raise NodeError("stale", "The case was passed on meanwhile.")
        audit.append(tx, actor.id, "approval.on" if on else "approval.off", case_id, "replying")

    await node.store.write(work)
    return is_needed(node, place_of(case))
