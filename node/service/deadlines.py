"""Until when a reply is due by the act or as a rule: periods in working days of the replying country.

Public holidays are those of the whole country, as its law has them in the installed version of `holidays`; those of
regions count as working days: docs/adr/0033.
"""

import datetime as dt
from functools import lru_cache
from typing import Final

from node.clock import unstamp
from node.domain.case import Case
from node.domain.case_view import Period, Unit
from node.domain.day import day_in
from node.domain.working_days import Ending, IsHoliday, working_day_from, working_days_after
from node.service.node import Node
from protocol.countries import COUNTRIES
from translations.area import Area
from translations.languages import country_name

_AWAITED: Final = frozenset({"sent", "accepted"})
_YEARS_KEPT: Final = 256
"""Years of countries whose holidays are remembered; each is a dozen dates."""


@lru_cache(_YEARS_KEPT)
def public_holidays(country: str, year: int) -> frozenset[dt.date]:
    """Return the public holidays of a country (ISO 3166-1 alpha-2) in a year; the Commission's node has none."""
    if country not in COUNTRIES:
        return frozenset()
    from holidays import country_holidays  # a fifth of a second, for who has a deadline to count

    return frozenset(country_holidays(country, years=year))


def _holidays_of(country: str) -> IsHoliday:
    return lambda day: day in public_holidays(country, day.year)


def usual(node: Node, area: Area, set_id: str | None, country: str, lang: str) -> Period:
    """Return what is proposed to who asks a country today: the act's period, else the area's usual one."""
    today = day_in(country, node.clock.now())
    count = area.rules.working_days.get(set_id or "")
    if count is not None:
        return _of_the_act(today, count, country, lang)
    days = area.rules.deadline_days
    last = today + dt.timedelta(days=days)
    return _period(working_day_from(last, _holidays_of(country)), today, (days, "days"), country, lang)


def by_law(node: Node, case: Case, received_at: str, lang: str) -> Period | None:
    """Return the period in which the act wants the reply; None where it sets none, or the reply is there.

    `received_at` is the stamp of the request's arrival here, or on the asking side of its sending; the period of a
    part is that of the request it came from.
    """
    area = node.areas.get(case.area)
    count = area.rules.working_days.get(case.question_set) if area else None
    if count is None or case.state not in _AWAITED:
        return None
    country = case.counterpart if case.role == "asking" else node.country
    return _of_the_act(day_in(country, unstamp(received_at)), count, country, lang)


def _of_the_act(since: dt.date, count: int, country: str, lang: str) -> Period:
    ending = working_days_after(since, count, _holidays_of(country))
    return _period(ending, since, (count, "working-days"), country, lang)


def _period(ending: Ending, since: dt.date, length: tuple[int, Unit], country: str, lang: str) -> Period:
    return Period(
        date=ending.date,
        since=since,
        days=length[0],
        unit=length[1],
        country=country,
        country_name=country_name(country, lang),
        holidays=ending.holidays,
    )
