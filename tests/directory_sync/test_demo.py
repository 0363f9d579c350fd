"""The authorities of the demonstration hold what the story and the law about real addresses need."""

import json
from pathlib import Path

import pytest
import yaml

from directory_sync.demo import COUNTRIES, demo_authorities
from directory_sync.leaf import canonical
from translations.languages import LANGUAGES

STORY = {
    "DE": ("DE-zaek-berlin", "DE-lageso-berlin", "DE-bva"),
    "HU": ("HU-okfo", "HU-oktatasi-hivatal"),
    "AT": ("AT-oezaek",),
}
PROFESSIONS = Path(__file__).parents[2] / "translations/areas/shared/lists/professions.yaml"


@pytest.mark.parametrize("country", COUNTRIES)
def test_every_country_has_its_authorities(country):
    """Each has fourteen authorities in the main story's area, all marked as a demonstration, with titles to read."""
    records = demo_authorities(country)
    assert sum(one.role_in("professional-qualifications") is not None for one in records) == 14
    for one in records:
        assert one.country == country
        assert one.demo
        assert one.areas
        assert {"de", "en", "hu"} <= set(one.titles)
        assert one.contacts.hosts()
        assert all(host.endswith(".example") for host in one.contacts.hosts())
    assert any(one.role_in("professional-qualifications") == "coordinator" for one in records)
    assert any(one.level == "regional" and one.region for one in records)


@pytest.mark.parametrize("country", COUNTRIES)
def test_the_storys_authorities_are_readable_in_all_languages(country):
    """Whoever reads the story finds its authorities in their own language."""
    records = {one.id: one for one in demo_authorities(country)}
    for id_ in STORY[country]:
        assert set(records[id_].titles) == set(LANGUAGES)


def test_official_names_are_never_translated():
    """The names are those of the authorities themselves."""
    names = {one.id: one.name for country in COUNTRIES for one in demo_authorities(country)}
    assert names["DE-zaek-berlin"] == "Zahnärztekammer Berlin"
    assert names["DE-lageso-berlin"] == "Landesamt für Gesundheit und Soziales Berlin"
    assert names["HU-okfo"] == "Országos Kórházi Főigazgatóság"
    assert names["AT-oezaek"] == "Österreichische Zahnärztekammer"


def test_professions_are_those_of_the_area():
    """A profession that an authority names is one that the area's questions know."""
    known = {entry["code"] for entry in yaml.safe_load(PROFESSIONS.read_text(encoding="utf-8"))["codes"]}
    named = {
        code.partition(":")[2]
        for country in COUNTRIES
        for one in demo_authorities(country)
        for code in one.competences
        if code.startswith("profession:")
    }
    assert named <= known


@pytest.mark.parametrize("country", COUNTRIES)
def test_the_files_are_records_as_they_are_published(country):
    """The file says everything that the log will say, so nothing comes from a default unseen."""
    folder = Path(__file__).parents[2] / "directory_sync/demo"
    records = {record["id"]: record for record in json.loads((folder / f"{country}.json").read_text(encoding="utf-8"))}
    for one in demo_authorities(country):
        written = json.loads(canonical(one))
        written["contacts"] = {name: value for name, value in written["contacts"].items() if value}
        assert written == records[one.id]
