"""Dates, times and sizes as each language writes them (CLDR). A language's data loads when first used."""

from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_LOCALES: Final = {"pt": "pt_PT", "en": "en_IE"}
_UNITS: Final = ("byte", "kilobyte", "megabyte", "gigabyte")
_STEP: Final = 1000


def format_date(day: date, lang: str) -> str:
    """Return a day in the long form, such as 23 November 2026."""
    from babel import dates

    return dates.format_date(day, "long", locale=_locale(lang))


def format_datetime(moment: datetime, lang: str, zone: str) -> str:
    """Return a UTC moment as day, hour, minute and distance to UTC in an IANA time zone.

    Raises ValueError for a naive datetime, and ZoneInfoNotFoundError (a KeyError) for an unknown zone.
    """
    from babel import dates

    if moment.tzinfo is None:
        raise ValueError("a moment needs its time zone")
    local, locale = moment.astimezone(ZoneInfo(zone)), _locale(lang)
    pattern = dates.get_datetime_format("medium", locale=locale)
    day = dates.format_date(local, "long", locale=locale)
    time = f"{dates.format_time(local, 'short', locale=locale)} {_offset(local)}"
    return str(pattern).replace("'", "").replace("{1}", day).replace("{0}", time)


def format_size(size: int, lang: str) -> str:
    """Return a number of bytes in its largest fitting decimal unit with at most one digit after the point."""
    from babel.units import format_unit

    amount, power = float(size), 0
    while round(amount, 1) >= _STEP and power < len(_UNITS) - 1:
        amount, power = amount / _STEP, power + 1
    return format_unit(round(amount, 1), _UNITS[power], "short", locale=_locale(lang))


def _offset(local: datetime) -> str:
    """Return `UTC`, `UTC+1` or `UTC+5:30`: CLDR has short zone names for some languages only."""
    minutes = int((local.utcoffset() or timedelta()).total_seconds()) // 60
    hours, rest = divmod(abs(minutes), 60)
    sign = "+" if minutes > 0 else "-"
    return "UTC" + (f"{sign}{hours}" if minutes else "") + (f":{rest:02}" if rest else "")


def _locale(lang: str) -> str:
    return _LOCALES.get(lang, lang)
