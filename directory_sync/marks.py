"""What an authority is filtered by, as words that no text has: its country, level, areas, region and so on.

A mark begins with an underscore, which folding leaves in no word, so that one full-text index holds both
texts and marks, and a filter costs as much as a word.
"""

from functools import lru_cache

from directory_sync.authority import Authority

_MAX_CHARS = 200

_remembered = lru_cache(maxsize=4096)  # a directory has few codes, and each of its records a dozen of them


def mark(kind: str, *values: str) -> str:
    """Return the mark of a kind with its values; two that differ never give the same one."""
    return f"_{kind}" + "".join(f"_{_plain(value)}" for value in values)


def _plain(value: str) -> str:
    """Write everything but letters and digits as its number between two z; upper case makes no difference."""
    low = value[:_MAX_CHARS].lower()
    if low.isascii() and low.isalnum() and "z" not in low:
        return low
    return "".join(char if char.isascii() and char.isalnum() and char != "z" else f"z{ord(char):x}z" for char in low)


def of_country(code: str) -> str:
    """Return the mark of a country's authorities."""
    return mark("c", code)


def of_level(level: str) -> str:
    """Return the mark of a level."""
    return mark("l", level)


def of_area(area: str, role: str | None = None) -> str:
    """Return the mark of those who have a role, or any, in a legal area."""
    return mark("a", area) if role is None else mark("b", area, role)


def of_role(role: str) -> str:
    """Return the mark of those who have a role in some area."""
    return mark("r", role)


@_remembered
def of_competence(code: str) -> str:
    """Return the mark of a competence."""
    return mark("k", code)


@_remembered
def of_language(lang: str) -> str:
    """Return the mark of those who understand a language."""
    return mark("u", lang)


def of_whole(region: str) -> str:
    """Return the mark of those who are competent for a whole region (or country), and all of it."""
    return mark("g", region)


def of_inside(region: str) -> str:
    """Return the mark of those whose region is this one or lies in it."""
    return mark("i", region)


def around(region: str) -> tuple[str, ...]:
    """Return a region's code and those of the regions around it, smallest first, without the country.

    A NUTS code contains those around it (`DE212`, `DE21`, `DE2`); one of ISO 3166-2 (`DE-BY`) stands alone.
    """
    if "-" in region:
        return (region,)
    return tuple(region[:size] for size in range(len(region), 2, -1))


def marks_of(authority: Authority) -> list[str]:
    """Return all marks of an authority; some may stand twice."""
    region = authority.region
    found = [*_of_territory(authority.country, authority.level, region.code if region else None)]
    for role in authority.areas:
        found += _of_area(role.area, role.role)
    found += map(of_competence, authority.competences)
    found += map(of_language, authority.languages)
    return found


@_remembered
def _of_territory(country: str, level: str, region: str | None) -> tuple[str, ...]:
    always = (of_country(country), of_level(level))
    if region is not None:
        return (*always, of_whole(region), *map(of_inside, around(region)))
    return (*always, of_whole(country)) if level == "national" else always


@_remembered
def _of_area(area: str, role: str) -> tuple[str, ...]:
    return (of_area(area), of_area(area, role), of_role(role))
