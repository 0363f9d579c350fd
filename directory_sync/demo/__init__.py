"""The authorities of the demonstration: real names, invented contacts under `.example`."""

import json
from importlib.resources import files

from directory_sync.authority import Authority

COUNTRIES = ("AT", "DE", "HU")


def demo_authorities(country: str) -> tuple[Authority, ...]:
    """Return the authorities that a demonstration node of `country` starts with, sorted by id."""
    records = json.loads(files(__name__).joinpath(f"{country}.json").read_text(encoding="utf-8"))
    return tuple(sorted((Authority.model_validate(record) for record in records), key=lambda one: one.id))
