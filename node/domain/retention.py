"""How long the data of a closed case are seen and kept (Regulation (EU) No 1024/2012, Article 14; SPEC S-273)."""

import datetime as dt
from calendar import monthrange
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal

from node.domain.clock_error import clock_error

Stage = Literal["open", "blocked", "due"]
"""Shown as any case, blocked, or due to be deleted."""

MAX_CLOCK_ERROR: Final = dt.timedelta(days=1)
"""How far this node's clock may be from its peers' while it blocks and deletes."""
PROOF_DAYS: Final = 7
"""How many days the day that counts may be after the latest time that a peer has signed."""


@dataclass(frozen=True)
class Rule:
    """An area's periods from formal closure: months until data are blocked, years until they are deleted."""

    block_months: int
    delete_years: int


DEFAULT: Final = Rule(block_months=6, delete_years=3)
"""The periods of Article 14(1) and (4), where no act of an area says others."""


@dataclass(frozen=True)
class Decision:
    """Where a case stands on a day: its stage since that day, and the days from which it is blocked and deleted."""

    stage: Stage
    since: dt.date
    block_on: dt.date
    delete_on: dt.date


def months_after(day: dt.date, months: int) -> dt.date:
    """Return the same day some months later, the month's last day where it is shorter."""
    years, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return dt.date(years, month + 1, min(day.day, monthrange(years, month + 1)[1]))


def months_before(day: dt.date, months: int) -> dt.date:
    """Return the last day from which `months_after` leads to this day or an earlier one."""
    years, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    last = monthrange(years, month + 1)[1]
    at_end = day.day == monthrange(day.year, day.month)[1]  # the end of a short month stands for longer ones' ends
    return dt.date(years, month + 1, last if at_end and last > day.day else min(day.day, last))


def decide(closed: dt.date, rule: Rule, today: dt.date) -> Decision:
    """Say where a case stands that was closed on a day."""
    block_on = months_after(closed, rule.block_months)
    delete_on = months_after(closed, 12 * rule.delete_years)
    if today >= delete_on:
        return Decision("due", delete_on, block_on, delete_on)
    if today >= block_on:
        return Decision("blocked", block_on, block_on, delete_on)
    return Decision("open", closed, block_on, delete_on)


def last_closed(rule: Rule, today: dt.date) -> tuple[dt.date, dt.date]:
    """Return the last days of closure from which a case is to be blocked, and to be deleted, today."""
    return months_before(today, rule.block_months), months_before(today, 12 * rule.delete_years)


def closed_on(noted: dt.datetime, proven: Collection[dt.datetime], now: dt.datetime) -> dt.datetime:
    """Return when a case was closed: the latest of what was noted and what proves that it was later.

    The clock may have been behind when it was noted. What lies in the future proves nothing.
    """
    return max([noted, *(at for at in proven if noted < at <= now)])


def day_that_counts(now: dt.datetime, attested: dt.datetime | None, offsets: Collection[float]) -> dt.date | None:
    """Return the day by which data are blocked and deleted; None where this node's clock can't be believed.

    `attested` is the latest time that a peer has signed: a clock that was set forward gets no further than
    `PROOF_DAYS` beyond it. `offsets` are the peers' clocks minus ours, in seconds, as their last receipts showed them;
    of fewer than three peers each one counts, of more their middle.
    """
    error = clock_error(offsets)
    if error is None:
        error = max(map(abs, offsets), default=0.0)
    if attested is None or abs(error) > MAX_CLOCK_ERROR.total_seconds():
        return None
    longest = dt.timedelta(days=PROOF_DAYS)
    return (now if now - attested <= longest else attested + longest).date()
