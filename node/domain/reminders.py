"""What stands too long: a request that isn't accepted within 7 days, a case in which nothing happens for two months."""

from datetime import date, datetime, timedelta
from typing import Final, Literal

from node.domain.case import Case

Mark = Literal["unaccepted", "idle"]
Advice = Literal["accept", "close", "reply", "wait"]

ACCEPTANCE: Final = timedelta(days=7)
"""Within which a request should be accepted: an indicator of the Single Market Scoreboard."""
IDLE_MONTHS: Final = 2
"""Months without activity after which it is said so (Regulation (EU) No 1024/2012, Article 14(7))."""


def months_before(day: date, count: int) -> date:
    """Return the same day some months earlier, or that month's last one where it has no such day."""
    whole = day.year * 12 + day.month - 1 - count
    year, month = whole // 12, whole % 12 + 1
    following = date(year + month // 12, month % 12 + 1, 1)
    return min(date(year, month, 1) + timedelta(days=day.day - 1), following - timedelta(days=1))


def marks_of(case: Case, created: datetime, changed: datetime, now: datetime) -> tuple[Mark, ...]:
    """Return what stands too long in a case that is here since `created` and was `changed` last then."""
    if case.ended:
        return ()
    unaccepted = case.state == "sent" and now - created > ACCEPTANCE
    idle = changed.date() < months_before(now.date(), IDLE_MONTHS)
    return (*(("unaccepted",) if unaccepted else ()), *(("idle",) if idle else ()))


def advice_on(case: Case, marks: tuple[Mark, ...]) -> Advice | None:
    """Return what this side should do about a case that stands too long, if it does."""
    if "unaccepted" in marks and case.role == "replying":
        return "accept"
    if "idle" not in marks:
        return None
    if case.role == "asking":
        return "close" if case.state == "replied" else "wait"
    return "reply" if case.state in ("sent", "accepted", "clarifying") else "wait"
