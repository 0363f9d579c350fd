"""Which day it is. Periods of the law run by a country's own day, from midnight to midnight of its legal time.

A country with several zones has that of its capital. The directory's days (`valid_from`, `valid_until`) are days in
UTC instead, so that all nodes agree at every moment who may be asked (SPEC S-308).
"""

from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

_ZONES: Final = {
    "AT": "Europe/Vienna", "BE": "Europe/Brussels", "BG": "Europe/Sofia", "CY": "Asia/Nicosia", "CZ": "Europe/Prague",
    "DE": "Europe/Berlin", "DK": "Europe/Copenhagen", "EE": "Europe/Tallinn", "ES": "Europe/Madrid",
    "EU": "Europe/Brussels", "FI": "Europe/Helsinki", "FR": "Europe/Paris", "GR": "Europe/Athens",
    "HR": "Europe/Zagreb", "HU": "Europe/Budapest", "IE": "Europe/Dublin", "IS": "Atlantic/Reykjavik",
    "IT": "Europe/Rome", "LI": "Europe/Vaduz", "LT": "Europe/Vilnius", "LU": "Europe/Luxembourg", "LV": "Europe/Riga",
    "MT": "Europe/Malta", "NL": "Europe/Amsterdam", "NO": "Europe/Oslo", "PL": "Europe/Warsaw", "PT": "Europe/Lisbon",
    "RO": "Europe/Bucharest", "SE": "Europe/Stockholm", "SI": "Europe/Ljubljana", "SK": "Europe/Bratislava",
}  # fmt: skip


def zone_of(country: str) -> str:
    """Return the name of a country's zone, or the Commission's (`EU`); UTC where there is no such country."""
    return _ZONES.get(country, "UTC")


def day_in(country: str, at: datetime) -> date:
    """Return which day a time is in a country, or at the Commission (`EU`); in UTC where there is no such country."""
    return at.astimezone(ZoneInfo(zone_of(country))).date()


def directory_day(at: datetime) -> date:
    """Return by which day the records of the directory are valid at a time."""
    return at.astimezone(UTC).date()
