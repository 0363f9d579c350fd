"""Counting working days: all days but Saturdays, Sundays and public holidays (Regulation (EEC, Euratom) No 1182/71).

Pure: the public holidays come in as a question that is asked of each day.
"""

import datetime as dt
from collections.abc import Callable
from datetime import date, timedelta
from typing import Final, NamedTuple

IsHoliday = Callable[[date], bool]
_ONE_DAY: Final = timedelta(days=1)
_SATURDAY: Final = 5


class Ending(NamedTuple):
    """The last day of a period, and the public holidays from Monday to Friday that it goes round."""

    date: dt.date
    holidays: tuple[dt.date, ...]


def working_days_after(start: date, count: int, is_holiday: IsHoliday) -> Ending:
    """Return the end of a period of so many working days; the day of the event isn't counted (Article 3(1))."""
    day, skipped = start, list[date]()
    while count:
        day += _ONE_DAY
        if day.weekday() >= _SATURDAY:
            continue
        if is_holiday(day):
            skipped.append(day)
        else:
            count -= 1
    return Ending(day, tuple(skipped))


def working_day_from(day: date, is_holiday: IsHoliday) -> Ending:
    """Return the end of a period of calendar days: a day that isn't worked on makes it the next one (Article 3(4))."""
    skipped = []
    while day.weekday() >= _SATURDAY or is_holiday(day):
        if day.weekday() < _SATURDAY:
            skipped.append(day)
        day += _ONE_DAY
    return Ending(day, tuple(skipped))
