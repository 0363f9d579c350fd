"""The values of variables: their shapes, what is refused, and how they show."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

from translations.languages import COUNTRIES, LANGUAGES, country_name
from translations.limits import NAME_CHARACTERS, VARIABLE_TEXT_CHARACTERS

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_BREAKS: Final = re.compile(r"[\n\r\t]")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
"""Control characters but line breaks and tabs, halves of pairs, and the marks that reorder what stands beside them."""

# type → (keys that must be there, keys that may be there)
SHAPES: Final[dict[str, tuple[frozenset[str], frozenset[str]]]] = {
    "person": (frozenset({"given_names", "family_name"}), frozenset({"birth_date"})),
    "code": (frozenset({"code"}), frozenset()),
    "text": (frozenset({"text", "lang"}), frozenset()),
    "country": (frozenset({"country"}), frozenset()),
    "document": (frozenset({"name"}), frozenset()),
    "table": (frozenset({"rows"}), frozenset()),
}
LENGTHS: Final = {
    "given_names": NAME_CHARACTERS,
    "family_name": NAME_CHARACTERS,
    "name": NAME_CHARACTERS,
    "text": VARIABLE_TEXT_CHARACTERS,
}


def is_date(value: object) -> bool:
    """Whether a value is a real day written YYYY-MM-DD."""
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def is_line(value: object) -> bool:
    """Whether a value is a string with something to read and no control, direction or broken characters."""
    return is_words(value) and not _BREAKS.search(str(value))


def is_words(value: object) -> bool:
    """Check the same as `is_line`, with line breaks and tabs allowed."""
    return isinstance(value, str) and bool(value.strip()) and not _UNPRINTABLE.search(value)


def field_problem(key: str, value: object, limit: int) -> str | None:
    """Return the problem code of one string field: `too-long`, `wrong` or None.

    Length is looked at first, so that nothing long is ever walked through.
    """
    if isinstance(value, str) and len(value) > limit:
        return "too-long"
    return None if _CHECKS.get(key, is_line)(value) else "wrong"


_CHECKS: Final[dict[str, Callable[[object], bool]]] = {
    "birth_date": is_date,
    "date": is_date,
    "country": lambda given: isinstance(given, str) and given in COUNTRIES,
    "lang": lambda given: isinstance(given, str) and given in LANGUAGES,
    "text": is_words,
}


def rendered(variable_type: str, value: Mapping[str, object], lang: str) -> str:
    """Return the value of any type but `code` and `table` as one line; empty for one of the wrong shape."""
    if variable_type == "person":
        return " ".join(str(value.get(key, "")) for key in ("given_names", "family_name")).strip()
    if variable_type == "country":
        return country_name(str(value.get("country", "")), lang)
    return str(value.get({"text": "text", "document": "name"}[variable_type], ""))
