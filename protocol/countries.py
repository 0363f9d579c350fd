"""The countries of the network: the 27 of the Union with Iceland, Liechtenstein and Norway.

Codes are ISO 3166-1 alpha-2 (SPEC S-004), so Greece is GR and never EL; Switzerland isn't among them. `EU` is reserved
for the Commission's node and is no country.
"""

from typing import Annotated, Final

from pydantic import AfterValidator

# fmt: off
EU_COUNTRIES: Final = (
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU",
    "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
)
# fmt: on
EEA_EFTA_COUNTRIES: Final = ("IS", "LI", "NO")
COUNTRIES: Final = tuple(sorted(EU_COUNTRIES + EEA_EFTA_COUNTRIES))


def _country(code: str) -> str:
    if code not in COUNTRIES:
        raise ValueError("not the ISO code of one of the 30 countries")
    return code


Country = Annotated[str, AfterValidator(_country)]
"""A field of a model that holds one of `COUNTRIES`."""
