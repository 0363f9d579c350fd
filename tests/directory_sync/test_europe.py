"""The invented Europe is complete, of real places in their own scripts, and the same every time it is made."""

import csv
import hashlib
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import yaml

from directory_sync import limits
from directory_sync.authority import Authority
from directory_sync.demo import COUNTRIES, all_authorities, demo_authorities
from directory_sync.demo.europe import AREAS, countries, known_to, languages_of
from directory_sync.leaf import canonical
from protocol.countries import COUNTRIES as STATES
from translations.languages import LANGUAGES, country_name

FOLDER = Path(__file__).parents[2] / "directory_sync/demo"
PROFESSIONS = FOLDER.parents[1] / "translations/areas/shared/lists/professions.yaml"
AREA = "professional-qualifications"
SCRIPTS = {"GR": "[Α-ώ]", "CY": "[Α-ώ]", "BG": "[А-я]"}
DIGEST = """
import hashlib
from directory_sync.demo import all_authorities
from directory_sync.leaf import canonical
print(hashlib.sha256(b"".join(canonical(one) for cc in ("BG", "LI", "MT") for one in all_authorities(cc))).hexdigest())
"""


@cache
def of(country: str) -> tuple[Authority, ...]:
    """Return a country's authorities; they are made once."""
    return all_authorities(country)


def coordinator(one: Authority) -> str | None:
    """Return the type of a coordinator."""
    return one.model_dump().get("coordinator")


def links(one: Authority) -> dict:
    """Return the coordinators that a record names."""
    return one.model_dump().get("links") or {"access": {}, "request": {}, "observers": []}


def test_there_are_more_than_15000_in_all_30_countries():
    """All 30 have authorities, as many as fit their size: thousands in Germany and Spain, dozens in Liechtenstein."""
    counts = {country: len(of(country)) for country in countries()}
    assert set(counts) == set(STATES)
    assert sum(counts.values()) >= 15_000
    assert min(counts["DE"], counts["ES"]) >= 2000
    assert max(counts["LI"], counts["MT"]) < 100
    assert min(counts.values()) >= 24


@pytest.mark.parametrize("country", countries())
def test_every_record_is_one_of_its_country_and_marked(country):
    """Ids are unique and sorted, every record is marked as a demonstration and reached under .example only."""
    records = of(country)
    ids = [one.id for one in records]
    assert ids == sorted(set(ids))
    for one in records:
        assert (one.country, one.demo) == (country, True)
        assert one.contacts.hosts()
        assert all(host.endswith(".example") for host in one.contacts.hosts())
        assert len(canonical(one)) < limits.MAX_RECORD_BYTES
        assert one.name_lang in one.titles
        assert "en" in one.titles
        assert one.languages
        assert {role.area for role in one.areas} <= set(AREAS)
        assert (one.region is None) == (one.level == "national")


@pytest.mark.parametrize("country", countries())
def test_every_level_and_area_is_there(country):
    """A reader finds somebody national and local in every country, and a coordinator for each legal area."""
    levels = Counter(one.level for one in of(country))
    assert levels["local"] > levels["national"] >= 10 or country == "LI"
    assert levels["regional"] or country in ("LI", "LU", "MT")
    for area in AREAS:
        roles = Counter(one.role_in(area) for one in of(country))
        assert roles["coordinator"]
        assert roles["authority"]


@pytest.mark.parametrize("country", countries())
def test_coordinators_are_there_and_every_link_leads_to_one(country):
    """One NIMIC, a LIMIC for each area, an SDIMIC for each region of a federal country; no link leads nowhere."""
    records = {one.id: one for one in of(country)}
    types = Counter(coordinator(one) for one in records.values())
    assert (types["NIMIC"], types["LIMIC"]) == (1, len(AREAS))
    nimic = next(one for one in records.values() if coordinator(one) == "NIMIC")
    regional = [one.region.code for one in records.values() if one.region and coordinator(one) == "SDIMIC"]
    assert len(regional) == len(set(regional)) == {"AT": 9, "BE": 3, "DE": 16, "ES": 19}.get(country, 0)
    for one in records.values():
        named = links(one)
        if coordinator(one) != "NIMIC" and one.id not in {each.id for each in demo_authorities(country)}:
            assert coordinator(records[named["validating"]]) in ("NIMIC", "SDIMIC")
        assert set(named["access"]) <= {role.area for role in one.areas}
        for area, access in named["access"].items():
            assert records[access].role_in(area) == "coordinator"
            assert all(records[each].role_in(area) == "coordinator" for each in named["request"][area])
        assert set(named["observers"]) <= set(records)
    assert {role.role for role in nimic.areas} == {"coordinator"}


@pytest.mark.parametrize(("country", "letters"), SCRIPTS.items())
def test_greek_and_bulgarian_names_are_in_their_script(country, letters):
    """No invented name there is in Latin letters, and its English title is."""
    for one in of(country):
        assert re.search(letters, one.name), one.name
        assert not re.search("[A-Za-z]", one.name), one.name
        assert not re.search(letters, one.titles["en"]), one.titles


def test_names_are_those_that_the_country_uses():
    """Names as they are, without grammar around the place."""
    names = {one.id: one.name for country in ("GR", "IT", "PL", "SE", "BG", "MT") for one in of(country)}
    assert names["GR-zakynthos-municipality"] == "Δήμος – Ζάκυνθος"
    assert names["IT-sora-municipality"] == "Comune di Sora"
    assert names["PL-sejny-municipality"] == "Gmina Sejny"
    assert names["SE-boden-municipality"] == "Boden kommun"
    assert names["BG-vidin-municipality"] == "Община Видин"
    assert names["MT-mosta-municipality"] == "Kunsill Lokali Mosta"


def test_the_hand_made_authorities_stay():
    """The story's authorities are among the others, unchanged but for the one that is now the national coordinator."""
    for country in COUNTRIES:
        records = {one.id: one for one in of(country)}
        changed = [one.id for one in demo_authorities(country) if records[one.id] != one]
        assert len(changed) == 1
        assert coordinator(records[changed[0]]) == "NIMIC"
    assert all(demo_authorities(country) == () for country in countries() if country not in COUNTRIES)


def test_professions_are_those_of_the_area_and_other_codes_say_their_list():
    """A profession is one that the questions know; the other codes are activities and keywords."""
    known = {entry["code"] for entry in yaml.safe_load(PROFESSIONS.read_text(encoding="utf-8"))["codes"]}
    invented = {one.id for country in COUNTRIES for one in demo_authorities(country)}
    codes = {
        code for country in countries() for one in of(country) if one.id not in invented for code in one.competences
    }
    assert {code.partition(":")[2] for code in codes if code.startswith("profession:")} <= known
    assert {code.partition(":")[0] for code in codes} == {"profession", "activity", "keyword"}


def test_an_area_that_a_node_does_not_know_is_left_out_whole():
    """What is left names neither the area nor a coordinator that has no other, and every link still leads somewhere."""
    for country in ("DE", "FR", "LI"):
        kept = known_to(of(country), {AREA})
        ids = {one.id for one in kept}
        gone = {one.id for one in of(country)} - ids
        assert gone
        assert all(coordinator(one) in ("LIMIC", "DIMIC") for one in of(country) if one.id in gone)
        for one in kept:
            assert {role.area for role in one.areas} <= {AREA}
            named = links(one)
            assert {*named["access"], *named["request"]} <= {AREA}
            assert {*named["access"].values(), *(each for ids in named["request"].values() for each in ids)} <= ids
    assert known_to(of("LI"), AREAS) == of("LI")


def test_the_same_records_come_out_in_every_process():
    """Nothing hangs on the order of a set or the seed of a hash."""
    here = hashlib.sha256(b"".join(canonical(one) for cc in ("BG", "LI", "MT") for one in of(cc))).hexdigest()
    there = subprocess.run([sys.executable, "-c", DIGEST], capture_output=True, text=True, check=True)
    assert there.stdout.strip() == here


def test_every_language_has_words_for_every_kind():
    """No title is missing a word, and each language is one of the 26; Irish authorities are called in English."""
    with (FOLDER / "words.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";", strict=True))
    assert {row["lang"] for row in rows} == set(LANGUAGES) - {"ga"}
    assert all(text and text == text.strip() for row in rows for text in row.values())
    assert {lang for country in countries() for lang in languages_of(country)} == set(LANGUAGES)


def test_the_places_name_where_they_come_from():
    """The licence of the places is told beside them, and they take little room."""
    assert "Creative Commons Attribution 4.0" in (FOLDER / "LICENSE.md").read_text(encoding="utf-8")
    assert sum(file.stat().st_size for file in FOLDER.glob("*.csv")) < 1_000_000
    lines = (FOLDER / "towns.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert lines == sorted(set(lines), key=lambda line: line.split(";"))
    assert all(country_name(line[:2], "en") != line[:2] for line in lines)
