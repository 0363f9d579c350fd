"""Who decides on an open referral: the coordinator that it went to, or who has taken its place (SPEC S-287).

It follows from the own country's directory of today, so a referral is never left with an authority that has ended.
"""

from typing import Final

from directory_sync.authority import Authority
from node.domain.access import Actor, Reach
from node.domain.case import Case
from node.service.approval_rule import approving
from node.service.node import Node
from node.store import audit, authorities, cases, events, referrals
from node.store.tx import Read, Row
from protocol.request import REPLY, REPLY_PART

_SUCCESSIONS: Final = 16


def deciders_of(node: Node, case: Case) -> tuple[str, ...]:
    """Return who decides on this side's open referral; none where there is no such referral, or nobody is left.

    The coordinator, once it has ended its successor, else who approves for the authority: another coordinator of the
    area, or the validating one.
    """
    return node.store.read_now(lambda q: heirs_of(q, node, case.coordinator, case.own_authority, case.area))


def heirs_of(q: Read, node: Node, coordinator: str, authority: str, area: str) -> tuple[str, ...]:
    """Return who decides today on what of an authority was referred to a coordinator: itself, as long as it is active.

    None of an empty coordinator.
    """
    if not coordinator:
        return ()
    day = node.directory_day()
    for _ in range(_SUCCESSIONS):
        if coordinator != authority and authorities.is_active(q, node.country, coordinator, day):
            return (coordinator,)
        line = authorities.record_of(q, coordinator)
        following = Authority.model_validate_json(line).successor if line else None
        if following is None:
            break
        coordinator = following
    return approving(q, node.country, authority, area, day)


def deciding_for(node: Node, actor: Actor, case: Case) -> str:
    """Return the coordinator for which the actor decides on an open referral of a case, else an empty text."""
    if not case.coordinator or not actor.may("cases.decide"):
        return ""
    return next((one for one in deciders_of(node, case) if actor.may("cases.decide", one, case.area)), "")


def is_orphaned(node: Node, case: Case) -> bool:
    """Say whether nobody is left who could decide on an open referral of this side."""
    return bool(case.coordinator) and not deciders_of(node, case)


def referrals_of(node: Node, actor: Actor) -> tuple[Reach, tuple[str, ...]]:
    """Return where the actor decides on referrals, and those that it decides on in the place of one that has ended."""

    def read(q: Read) -> tuple[Reach, list[Row]]:
        gone = gone_with_referrals(q, node)
        reach = tuple((of, area) for of, area in actor.reach("cases.decide") if of not in gone)
        return reach, referrals.open_referrals(q, gone) if gone else []

    reach, orphans = node.store.read_now(read)
    return reach, tuple(str(row["id"]) for row in orphans if _is_theirs(node, actor, cases.from_row(row)))


def gone_with_referrals(q: Read, node: Node) -> list[str]:
    """Return the coordinators of this side that aren't active any more and have open referrals."""
    day = node.directory_day()
    return [one for one in referrals.coordinators(q) if not authorities.is_active(q, node.country, one, day)]


def _is_theirs(node: Node, actor: Actor, case: Case) -> bool:
    acts = actor.may("cases.act", case.own_authority, case.area)
    return bool(deciding_for(node, actor, case)) or (acts and is_orphaned(node, case))


def wrote(node: Node, actor: Actor, case: Case) -> bool:
    """Say whether the actor wrote a reply of this side, or approved it."""

    def read(q: Read) -> bool:
        sent = events.actors_of(q, case.id, node.country, (REPLY, REPLY_PART))
        return actor.id in sent.union(*(audit.doers_of(q, case.id, did) for did in (audit.WROTE, "approval.approved")))

    return node.store.read_now(read)
