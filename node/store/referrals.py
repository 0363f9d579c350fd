"""Open referrals: cases that are with a coordinator of this side."""

from collections.abc import Sequence
from typing import Final

from node.domain.access import Reach
from node.store.tx import Read, Row, listed, reached

Referrals = tuple[Reach, Sequence[str]]
"""Open referrals: those to some coordinators, each in an area or all, and single ones by their ids."""

NO_REFERRALS: Final[Referrals] = ((), ())


def referred(deciding: Reach, inherited: Sequence[str] = ()) -> tuple[str, dict[str, str]]:
    """Return the condition under which a referral is open to somebody who decides there, and its values."""
    within, values = reached(deciding, "coordinator", "area", "r")
    names, more = listed(inherited, "h")
    return f"(coordinator <> '' AND ({within} OR id IN ({names})))", values | more


def coordinators(q: Read) -> list[str]:
    """Return the coordinators of this side with which a case is; by index."""
    rows = q.all("SELECT DISTINCT coordinator FROM cases WHERE coordinator <> '' ORDER BY coordinator")
    return [str(row["coordinator"]) for row in rows]


def open_referrals(q: Read, coordinators: Sequence[str]) -> list[Row]:
    """Return the cases that are with some coordinators of this side; by index."""
    names, values = listed(coordinators)
    return q.all(f"SELECT * FROM cases WHERE coordinator IN ({names}) AND coordinator <> ''", values)  # noqa: S608 - ours
