"""The authorities of the demonstration: invented contacts under `.example`; the hand-made ones have real names."""

import json
from collections.abc import Iterable, Mapping
from importlib.resources import files

from directory_sync.authority import Authority, Links
from directory_sync.demo.europe import europe_authorities

COUNTRIES = ("AT", "DE", "HU")
"""Countries with hand-made authorities, those of the story."""


def demo_authorities(country: str) -> tuple[Authority, ...]:
    """Return the hand-made authorities of `country`, sorted by id; none where the story has none."""
    if country not in COUNTRIES:
        return ()
    records = json.loads(files(__name__).joinpath(f"{country}.json").read_text(encoding="utf-8"))
    return tuple(sorted((Authority.model_validate(record) for record in records), key=lambda one: one.id))


def coordinated(records: Iterable[Authority]) -> tuple[Authority, ...]:
    """Return a country's authorities, each linked to those that coordinate one of its areas: a referral goes there."""
    given = tuple(records)
    by_area = {role.area: one.id for one in given for role in one.areas if role.role == "coordinator"}
    return tuple(_linked(one, by_area) for one in given)


def _linked(one: Authority, by_area: Mapping[str, str]) -> Authority:
    request = {role.area: (by_area[role.area],) for role in one.areas if by_area.get(role.area, one.id) != one.id}
    if not request:
        return one
    return one.model_copy(update={"links": Links(validating=next(iter(request.values()))[0], request=request)})


def all_authorities(country: str) -> tuple[Authority, ...]:
    """Return all authorities of one of the 30 countries, sorted by id: hand-made ones and invented ones."""
    return europe_authorities(country, demo_authorities(country))
