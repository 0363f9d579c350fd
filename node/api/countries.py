"""The 30 countries: which of them can be asked now."""

from typing import Final

from node.api.route import Call, Page, Route
from node.service import countries
from node.service.countries import CountryState


async def listing(call: Call) -> Page[CountryState]:
    """List the countries."""
    return Page[CountryState](items=await countries.overview(call.node, call.actor, call.lang), next=None)


ROUTES: Final = (
    Route("GET", "/countries", "listCountries", "List the 30 countries, and which can be asked now",
          listing, Page[CountryState]),
)  # fmt: skip
