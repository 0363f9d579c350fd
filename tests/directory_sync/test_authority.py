"""What an authority's record may and may not hold."""

from datetime import date

import pytest
from pydantic import ValidationError

from directory_sync import limits
from directory_sync.authority import Authority, in_language
from tests.directory_sync.world import authority, record


def test_a_record_is_frozen_and_whole():
    """A record keeps what its country wrote and can't be changed."""
    one = authority()
    assert one.name == "Zahnärztekammer Berlin"
    assert one.role_in("professional-qualifications") == "authority"
    assert one.role_in("services") is None
    with pytest.raises(ValidationError):
        one.name = "Another"


def test_fields_of_a_newer_minor_version_are_kept():
    """What a newer node adds, at any depth, is still there when the record is written again."""
    newer = authority(opening_hours="9-12", region={"code": "DE3", "name": "Berlin", "map": [1, 2]})
    written = newer.model_dump(mode="json")
    assert written["opening_hours"] == "9-12"
    assert written["region"]["map"] == [1, 2]


@pytest.mark.parametrize("id_", ["DE-zaek-berlin", "DE-1", "DE-a-b-c"])
def test_ids_that_are_taken(id_):
    """An id is the country's code, a dash and a slug."""
    assert authority(id=id_).id == id_


@pytest.mark.parametrize(
    "id_", ["HU-okfo", "DE", "DE-", "DE-Zaek", "de-zaek", "DE-zäk", "DE--a", "DE-a\n", "../DE-a", "DE-" + "a" * 62]
)
def test_ids_that_are_refused(id_):
    """An id of another country, or one that is no slug, is refused."""
    with pytest.raises(ValidationError):
        authority(id=id_)


@pytest.mark.parametrize(
    "name",
    [
        "Bär & Söhne <script>alert(1)</script>",
        'Kamra "tat-tobba"',
        "Δήμος – Ζάκυνθος",
        "O'Neill'); DROP TABLE authority;--",
        "ß" * limits.MAX_NAME_CHARS,
    ],
)
def test_names_with_quotes_markup_and_five_hundred_characters_are_only_names(name):
    """A name is text, whatever it looks like, up to 500 characters."""
    assert authority(name=name).name == name


@pytest.mark.parametrize(
    "name", ["", " ", " Amt", "Amt\n", "A\x00mt", "A\u202emt", "A\u2066mt", "x" * (limits.MAX_NAME_CHARS + 1), "\ud800"]
)
def test_names_that_hide_or_reorder_text_are_refused(name):
    """Control and direction characters, and names over the limit, never reach a page."""
    with pytest.raises(ValidationError):
        authority(name=name)


@pytest.mark.parametrize(
    "changes",
    [
        {"country": "Germany"},
        {"name_lang": "german"},
        {"titles": {"DE": "x"}},
        {"titles": {"de": "x" * (limits.MAX_TITLE_CHARS + 1)}},
        {"titles": {f"x{chr(97 + a)}{chr(97 + b)}": "x" for a in range(7) for b in range(7)}},
        {"descriptions": {"de": "x" * (limits.MAX_DESCRIPTION_CHARS + 1)}},
        {"level": "federal"},
        {"region": {"code": "Berlin", "name": "Berlin"}},
        {"place": ""},
        {"areas": [{"area": "a", "role": "boss"}]},
        {"areas": [{"area": "a", "role": "authority"}, {"area": "a", "role": "coordinator"}]},
        {"areas": [{"area": f"a{n}", "role": "authority"} for n in range(limits.MAX_AREAS + 1)]},
        {"competences": ["x"] * (limits.MAX_COMPETENCES + 1)},
        {"competences": ["a | b"]},
        {"valid_until": date(2025, 1, 1)},
        {"v": 0},
        {"contacts": {"email": "nobody"}},
        {"contacts": {"email": "x@a.example\nBcc: y@b.example"}},
        {"contacts": {"web": "javascript:alert(1)"}},
        {"contacts": {"web": 'https://a.example/"onclick="x'}},
        {"contacts": {"phone": "call me"}},
    ],
    ids=str,
)
def test_records_over_a_limit_are_refused(changes):
    """Each field has its form and its limit."""
    with pytest.raises(ValidationError):
        Authority.model_validate(record(**changes))


@pytest.mark.parametrize(
    "contacts",
    [{"email": "post@zaek-berlin.de"}, {"web": "https://www.example.org/"}, {"web": "https://a.example.org:443/"}],
)
def test_a_demo_authority_is_reached_nowhere_but_under_example(contacts):
    """A demonstration can't send anybody to a real address; a real authority can be reached (SPEC S-125)."""
    with pytest.raises(ValidationError, match="example"):
        authority(contacts=contacts)
    assert authority(contacts=contacts, demo=False).contacts.hosts()


def test_validity_includes_its_last_day():
    """An authority may be asked from its first to its last day."""
    one = authority(valid_until=date(2026, 12, 31))
    days = [date(2025, 12, 31), date(2026, 1, 1), date(2026, 12, 31), date(2027, 1, 1)]
    assert [one.valid_on(day) for day in days] == [False, True, True, False]


def test_a_text_comes_with_its_real_language():
    """A missing language falls back to English, then to the first there is, and says so."""
    assert in_language({"de": "Amt", "en": "Office"}, "de") == ("Amt", "de")
    assert in_language({"de": "Amt", "en": "Office"}, "hu") == ("Office", "en")
    assert in_language({"hu": "Hivatal", "de": "Amt"}, "mt") == ("Amt", "de")
    assert in_language({}, "de") is None
