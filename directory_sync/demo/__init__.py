"""The authorities of the demonstration: invented contacts under `.example`; the hand-made ones have real names."""

import json
from importlib.resources import files

from directory_sync.authority import Authority
from directory_sync.demo.europe import europe_authorities

COUNTRIES = ("AT", "DE", "HU")
"""Countries with hand-made authorities, those of the story."""


def demo_authorities(country: str) -> tuple[Authority, ...]:
    """Return the hand-made authorities of `country`, sorted by id; none where the story has none."""
    if country not in COUNTRIES:
        return ()
    records = json.loads(files(__name__).joinpath(f"{country}.json").read_text(encoding="utf-8"))
    return tuple(sorted((Authority.model_validate(record) for record in records), key=lambda one: one.id))


def all_authorities(country: str) -> tuple[Authority, ...]:
    """Return all authorities of one of the 30 countries, sorted by id: hand-made ones and invented ones."""
    return europe_authorities(country, demo_authorities(country))
