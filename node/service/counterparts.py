"""With whom something can be exchanged today: suspensions, those who left, and a member list that has expired."""

from collections.abc import Iterable
from typing import Literal

from node.domain.case import Case
from node.service.node import Node
from node.store import cases


def stopped(node: Node, case: Case) -> tuple[Literal["suspended", "left"], str] | None:
    """Return why nothing passes in an open case, and which country it is: the counterpart, or our own."""
    return None if case.ended else _inactive(node, case)


def _inactive(node: Node, case: Case) -> tuple[Literal["suspended", "left"], str] | None:
    if node.members is None:
        return None
    for country in (case.counterpart, node.country):
        standing = node.members.standing(country)
        if standing is not None and standing.status != "active":
            return standing.status, country
    return None


def can_act(node: Node, case: Case) -> bool:
    """Say whether an event of ours can be made: not for a counterpart that isn't active, nor once we have left.

    While we are suspended ourselves, what we say waits.
    """
    why = _inactive(node, case)
    return why is None or why == ("suspended", node.country)


def unmet(node: Node, countries: Iterable[str]) -> tuple[str, ...]:
    """Return which countries would be new counterparts while the member list has expired (SPEC S-112)."""
    if node.members is None or not node.members.expired(node.clock.now()):
        return ()
    wanted = sorted(set(countries) - {node.country})
    return tuple(node.store.read_now(lambda q: [country for country in wanted if not cases.met(q, country)]))
