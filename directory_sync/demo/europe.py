"""An invented Europe: more than 15,000 authorities in the 30 countries, made of real places when they are asked for.

Beside this file lie the places (`towns.csv`, from GeoNames under CC BY 4.0: `LICENSE.md`, `make_europe.py`),
the regions, the kinds of authorities and what each is called in the countries' languages. From these the same
records come out every time, byte for byte. Names need no grammar: `Comune di X`, `Gmina X`, `Δήμος – Ζάκυνθος`.
The hand-made authorities of the story stay among them, with their ids.
"""

import csv
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple
from zlib import crc32

from directory_sync.authority import Authority

AREAS: Final = ("professional-qualifications", "services", "posting", "patients-rights", "e-commerce")
"""Legal areas in which these authorities work; a node may know fewer: `known_to`."""

_NIMIC: Final = {"AT": "AT-bmwet", "DE": "DE-bva", "HU": "HU-oktatasi-hivatal"}
"""Hand-made national coordinators; the other countries get an invented one."""
_LANGUAGE: Final = {"BE1": "fr", "BE3": "fr"}
"""Regions whose first language isn't the country's."""
_ALSO: Final = {"ES11": "gl", "ES21": "eu", "ES51": "ca", "ES52": "ca", "ES53": "ca", "FI195": "sv", "IT-32": "de"}
"""Regions with one more official language."""
_LETTERS: Final = str.maketrans(
    {"ł": "l", "ø": "o", "ß": "ss", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ı": "i"}
)
_CODES: Final = 3
"""Most codes that an authority takes from its kind's choice."""
_REGIONS_WITH_A_DELEGATE: Final = 5
"""A country with so many regions, none of them with a coordinator for everything, has a DIMIC in each."""

Row = dict[str, str]


class Place(NamedTuple):
    """Where an authority is: `region` and `code` are empty for a national one, `size` but for a local one."""

    name: str
    latin: str
    lang: str
    region: str = ""
    code: str = ""
    size: str = ""
    seat: str = ""


def europe_authorities(country: str, handmade: Iterable[Authority] = ()) -> tuple[Authority, ...]:
    """Return all authorities of one of the 30 countries, sorted by id; `handmade` ones stay as they are.

    The national coordinator among these becomes the country's NIMIC. Raises KeyError for another country.
    """
    story = tuple(handmade)
    nation = _Nation(country, story)
    nimic = (_promoted(one) if one.id == nation.nimic else one for one in story)
    made = (Authority.model_validate(record) for record in nation.records())
    return tuple(sorted((*nimic, *made), key=lambda one: one.id))


def known_to(records: Iterable[Authority], areas: Collection[str]) -> tuple[Authority, ...]:
    """Leave out the legal areas that a node doesn't know, and coordinators that have no other.

    Areas come to a node as folders; until it has one, nothing can be asked there.
    """
    kept = []
    for one in records:
        roles = [role for role in one.areas if role.area in areas]
        if one.coordinator in ("LIMIC", "DIMIC") and not roles:
            continue
        record = one.model_dump(mode="json")
        record["areas"] = [role.model_dump(mode="json") for role in roles]
        if links := record.get("links"):
            for name in ("access", "request"):
                links[name] = {area: who for area, who in links[name].items() if area in areas}
        kept.append(Authority.model_validate(record))
    return tuple(kept)


def countries() -> tuple[str, ...]:
    """Return the codes of the 30 countries."""
    return tuple(sorted(_by_country("countries.csv")))


def languages_of(country: str) -> tuple[str, ...]:
    """Return a country's official languages, the most used one first."""
    return tuple(_by_country("countries.csv")[country][0]["languages"].split())


def places(country: str) -> int:
    """Return how many places of a country have authorities: about as many as it has authorities."""
    return len(_by_country("towns.csv")[country])


def official(country: str) -> tuple[str, str, str]:
    """Return an invented official of a country: name, language, and an authority to work for."""
    about = _by_country("countries.csv")[country][0]
    return about["person"], languages_of(country)[0], f"{country}-diploma-recognition"


def time_zone(country: str) -> str:
    """Return the time zone of a country's capital."""
    return _by_country("countries.csv")[country][0]["zone"]


@cache
def _table(name: str) -> tuple[Row, ...]:
    text = files(__package__).joinpath(name).read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines(), delimiter=";"))


@cache
def _by_country(name: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in _table(name):
        found.setdefault(row["country"], []).append(row)
    return found


@cache
def _words() -> dict[str, Row]:
    return {row["lang"]: row for row in _table("words.csv")}


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    return re.sub(r"[^a-z0-9]+", "-", plain.encode("ascii", "ignore").decode())[:32].strip("-")


def _promoted(one: Authority) -> Authority:
    roles = [{"area": area, "role": "coordinator", "status": "active"} for area in AREAS]
    return Authority.model_validate({**one.model_dump(mode="json"), "areas": roles, "coordinator": "NIMIC"})


class _Nation:
    """Makes the records of one country."""

    def __init__(self, country: str, story: tuple[Authority, ...]) -> None:
        self.country = country
        self.about = _by_country("countries.csv")[country][0]
        self.official = languages_of(country)
        self.nimic = _NIMIC[country] if story else f"{country}-coordinator"
        self.federal = bool(self.about["federal"])
        self._taken = {one.id for one in story}
        self._covered = {(code, one.region.code if one.region else "") for one in story for code in one.competences}
        self._towns = [self._town(row) for row in _by_country("towns.csv")[country]]
        regions = _by_country("regions.csv")[country]
        self._regions = [self._region(row) for row in regions] if len(regions) > 2 else []  # noqa: PLR2004
        self._named = {_slug(region.latin) for region in self._regions}
        self._delegates = not self.federal and len(self._regions) >= _REGIONS_WITH_A_DELEGATE

    def _town(self, row: Row) -> Place:
        lang = _LANGUAGE.get(row["region"], self.official[0])
        region = next(one["name"] for one in _by_country("regions.csv")[self.country] if one["code"] == row["region"])
        return Place(row["name"], row["latin"] or row["name"], lang, region, row["region"], row["size"])

    def _region(self, row: Row) -> Place:
        lang = _LANGUAGE.get(row["code"], self.official[0])
        seat = next((town.name for town in self._towns if row["seat"] in (town.name, town.latin)), row["name"])
        return Place(row["name"], row["latin"] or row["name"], lang, row["name"], row["code"], seat=seat)

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield every record that isn't hand-made."""
        nation = Place(self.about["capital"], "", self.official[0])
        for area in AREAS:
            yield self._coordinator(area, nation, "LIMIC")
        for region in self._regions if self._delegates else ():
            yield self._coordinator("services", region, "DIMIC")
        for kind in _table("kinds.csv"):
            for place in self._places(kind, nation):
                if not self._exists(kind, place):
                    yield self._record(kind, place)

    def _places(self, kind: Row, nation: Place) -> list[Place]:
        level = kind["level"]
        if level == "chamber":
            level = "regional" if self.about["chambers"] else "national"
        if level == "federal":
            return self._regions if self.federal else []
        if level == "local":
            return [town for town in self._towns if town.size in kind["sizes"]]
        return self._regions if level == "regional" else [nation]

    def _exists(self, kind: Row, place: Place) -> bool:
        """Say whether a hand-made authority is that one already."""
        if kind["coordinator"] == "NIMIC":
            return self.nimic in self._taken
        if place.size and kind["kind"] != "municipality" and _slug(place.latin) in self._named:
            return True  # the office of the region is in that city, and is called the same
        code = "ministry" if kind["kind"].startswith("ministry") else kind["competences"].partition(" ")[0]
        return code.startswith(("ministry", "profession:")) and (code, place.code) in self._covered

    def _coordinator(self, area: str, place: Place, kind: str) -> dict[str, Any]:
        titles = {
            lang: f"{words['area-coordinator']}: {words[area]}" for lang, words in self._languages(place.lang).items()
        }
        name = titles[place.lang] + (f" – {place.region}" if place.region else "")
        record = self._common(f"coordinator-{area}", name, titles, place)
        links = {"validating": self.nimic, "access": {}, "request": {}, "observers": []}
        roles = [{"area": area, "role": "coordinator", "status": "active"}]
        return record | {"areas": roles, "competences": [], "coordinator": kind, "links": links}

    def _record(self, kind: Row, place: Place) -> dict[str, Any]:
        titles = {lang: words[kind["kind"]] for lang, words in self._languages(place.lang).items()}
        name = self._name(kind["kind"], titles[place.lang], place)
        record = self._common(kind["kind"], name, titles, place)
        role = "coordinator" if kind["coordinator"] else "authority"
        areas = kind["areas"].split()
        record["areas"] = [{"area": area, "role": role, "status": "active"} for area in areas]
        record["competences"] = _competences(kind, crc32(record["id"].encode()))
        if kind["coordinator"]:
            record["coordinator"] = kind["coordinator"]
        if kind["coordinator"] != "NIMIC":
            record["links"] = self._links(areas, place, coordinator=bool(kind["coordinator"]))
        return record

    def _languages(self, lang: str) -> dict[str, Row]:
        return {one: _words()[one] for one in dict.fromkeys((lang, *self.official, "en")) if one in _words()}

    def _name(self, kind: str, words: str, place: Place) -> str:
        if kind == "municipality" and self.about["town"]:
            return self.about["town" if place.size in "ab" else "municipality"].format(place.name)
        return f"{words} – {place.name}" if place.region else words

    def _common(self, kind: str, name: str, titles: dict[str, str], place: Place) -> dict[str, Any]:
        """Return what every record has; `titles` are without the place."""
        slug = f"{_slug(place.latin)}-{kind}" if place.region else kind
        host = f"{slug}.{self.country.lower()}.example"
        chance = crc32(slug.encode())
        places = {lang: place.name if lang == place.lang else place.latin for lang in titles}
        region = {"code": place.code, "name": place.region, **_english(place)} if place.region else None
        return {
            "id": f"{self.country}-{slug}",
            "country": self.country,
            "name": name,
            "name_lang": place.lang,
            "titles": {lang: f"{text}, {places[lang]}" if place.region else text for lang, text in titles.items()},
            "level": "local" if place.size else "regional" if place.region else "national",
            "region": region,
            "place": place.seat or place.name,
            "contacts": {"email": f"post@{host}", "web": f"https://www.{host}/"},
            "languages": self._understood(place, chance),
            "demo": True,
            "valid_from": "2026-01-01",
            "v": 1,
        }

    def _understood(self, place: Place, chance: int) -> list[str]:
        neighbours = self.about["neighbours"].split()
        found = [place.lang, *([_ALSO[place.code]] if place.code in _ALSO else ())]
        found += [] if place.region and len(self.official) > 1 and chance % 2 else self.official
        found += ["en"] if place.size not in ("c", "d") or chance % 3 else []
        found += [neighbours[chance % len(neighbours)]] if neighbours and chance % 4 == 0 else []
        return list(dict.fromkeys(found))

    def _links(self, areas: list[str], place: Place, *, coordinator: bool) -> dict[str, Any]:
        regional = self.federal and bool(place.region) and not coordinator
        region = _slug(next((one.latin for one in self._regions if one.code == place.code), ""))
        validating = f"{self.country}-{region}-regional-coordinator" if regional else self.nimic
        limics = {area: f"{self.country}-coordinator-{area}" for area in areas}
        requests = {area: [validating, limic] if regional else [limic] for area, limic in limics.items()}
        if self._delegates and place.region and "services" in requests:
            requests["services"].insert(0, f"{self.country}-{region}-coordinator-services")
        ministry = f"{self.country}-ministry-health"
        observers = [ministry] if place.region and "patients-rights" in areas and not self._taken else []
        return {"validating": validating, "access": limics, "request": requests, "observers": observers}


def _english(place: Place) -> dict[str, Any]:
    """Return a region's Latin name for those who can't read its own; a town's region has it from the region."""
    return {"names": {"en": place.latin}} if not place.size and place.latin != place.name else {}


def _competences(kind: Row, chance: int) -> list[str]:
    choice = kind["choice"].split()
    more = {choice[(chance >> (4 * step)) % len(choice)] for step in range(_CODES)} if choice else set()
    return [*kind["competences"].split(), *(code for code in choice if code in more)]
