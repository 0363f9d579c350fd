"""Whether a request or reply of an authority is approved before it is sent, by whom, and whether it was.

It is internal to the country: nothing crosses the line before, and the other country learns nothing of it (SPEC S-286).
"""

from datetime import date
from typing import Final, Literal, NamedTuple

from node.domain.access import Actor
from node.domain.case import Case
from node.errors import NodeError
from node.service.node import Node
from node.store import approvals, authorities
from node.store.tx import Read
from protocol.request import REPLY, REPLY_PART, SEND, Side
from translations.area import Sides

Step = Literal["request.send", "request.reply", "request.reply-part"]

SIDE_OF: Final[dict[str, Side]] = {SEND: "asking", REPLY: "replying", REPLY_PART: "replying"}
"""Step that may need approval → the side that takes it."""


class Place(NamedTuple):
    """Whose requests or replies are meant: an authority's, in an area, and perhaps in one case."""

    authority: str
    area: str
    side: Side
    case: str = ""


def place_of(case: Case) -> Place:
    """Return the replies to a case."""
    return Place(case.own_authority, case.area, "replying", case.id)


def approving(q: Read, country: str, authority: str, area: str, day: date) -> tuple[str, ...]:
    """Return who approves for an authority: its active request coordinators in the area, else who validates it.

    Nobody approves what is its own.
    """
    line = authorities.record_of(q, authority)
    links = authorities.read(line).links if line else None
    if links is None:
        return ()
    for named in (links.request.get(area, ()), (links.validating or authority,)):
        if found := [one for one in named if one != authority and authorities.is_active(q, country, one, day)]:
            return tuple(found)
    return ()


def coordinators_of(node: Node, authority: str, area: str) -> tuple[str, ...]:
    """Return who approves for an authority today; see `approving`."""
    day = node.directory_day()
    return node.store.read_now(lambda q: approving(q, node.country, authority, area, day))


def rule_of(node: Node, area: str, side: Side) -> Literal["never", "optional", "required"]:
    """Return what the area says of approval on a side; what isn't known here leaves the choice."""
    known = node.areas.get(area)
    rules = known.rules.approval if known else Sides(asking="optional", replying="optional")
    return rules.asking if side == "asking" else rules.replying


def is_needed(node: Node, place: Place) -> bool:
    """Say whether approval is needed: by the area's rule, or switched on for the authority or the case.

    Where the area requires it and the authority has no coordinator, as a national one, nobody could approve.
    """
    rule = rule_of(node, place.area, place.side)
    if rule == "never" or not coordinators_of(node, place.authority, place.area):
        return False
    return rule == "required" or node.store.read_now(lambda q: _switched_on(q, place))


def _switched_on(q: Read, place: Place) -> bool:
    return place.area in approvals.switched_on(q, place.authority, place.side) or (
        bool(place.case) and approvals.case_switched_on(q, place.case)
    )


def require_approved(node: Node, place: Place, draft: tuple[str, int] | None, step: Step) -> None:
    """Raise `approval-needed` unless nobody has to approve, or this step with this (id, version) of a draft was."""
    if not is_needed(node, place):
        return
    row = node.store.read_now(lambda q: approvals.of_draft(q, draft[0])) if draft else None
    wanted = ("approved", draft[1] if draft else 0, step, place.authority)
    if row is None or (row["state"], row["version"], row["step"], row["authority"]) != wanted:
        raise NodeError("approval-needed")


def decides_for(node: Node, actor: Actor, authority: str, area: str) -> bool:
    """Say whether one of the actor's coordinators approves for the authority, and its role counts in the area."""
    return any(actor.may("cases.decide", one, area) for one in coordinators_of(node, authority, area))


def approves(node: Node, actor: Actor, case: Case) -> bool:
    """Say whether a reply to a case waits for the actor's approval: the case is open to it as long."""
    if case.role != "replying" or case.ended or not actor.may("cases.decide"):
        return False
    waits = node.store.read_now(lambda q: approvals.waiting_in(q, case.id)) is not None
    return waits and decides_for(node, actor, case.own_authority, case.area)
