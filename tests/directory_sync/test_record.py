"""A record's bytes: canonical JSON, whoever wrote them, and nothing else is one."""

import json
import sys
from typing import Any

import pytest
from pydantic_core import to_json

from directory_sync.authority import Authority
from directory_sync.demo import demo_authorities
from directory_sync.leaf import canonical, read_record
from directory_sync.problem import DirectoryError
from protocol.encoding import canonical_json

ONE = {
    "id": "DE-one",
    "country": "DE",
    "name": 'Amt "Süd" \\ Nord',
    "name_lang": "de",
    "titles": {"de": "Amt", "en": "Office"},
    "descriptions": {"de": "Zeile\nZeile"},
    "level": "local",
    "place": "Köln 🏛",
    "region": {"code": "DEA23", "name": "Köln"},
    "areas": [{"area": "services", "role": "authority"}],
    "demo": True,
    "valid_from": "2026-01-01",
    "v": 1,
}
LINKS = {"validating": "DE-two", "access": {"services": "DE-two"}, "request": {"services": ["DE-two"]}}
FORMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "titles in another order": {"titles": {"en": "Office", "de": "Amt"}},
    "descriptions in another order": {"descriptions": {"hu": "x", "de": "y"}},
    "names of a region": {"region": {"code": "DEA23", "name": "Köln", "names": {"hu": "Köln", "fr": "Cologne"}}},
    "links": {"links": LINKS},
    "links without a value": {"links": {}},
    "a coordinator": {"level": "national", "coordinator": "NIMIC"},
    "a field of a later version": {"zeal": {"b": 1, "a": [None, True]}, "aim": 7},
    "one in its contacts": {"contacts": {"fax": "x", "address": "y"}},
    "one in its region": {"region": {"code": "DEA23", "name": "Köln", "also": "x"}},
    "one in an area": {"areas": [{"area": "services", "role": "authority", "also": "x"}]},
    "ended": {"valid_until": "2026-12-31", "successor": "DE-two"},
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_record_is_written_in_one_way(form: dict[str, Any]) -> None:
    """However its fields came, its bytes are those of canonical JSON, and are read again (SPEC S-120, S-124)."""
    authority = Authority.model_validate({**ONE, **form})
    record = canonical(authority)
    assert record == canonical_json(authority.model_dump(mode="json"))
    assert read_record(record) == authority


def test_what_the_project_ships_is_written_in_one_way() -> None:
    """The demo's records too, whose signed lists others keep."""
    for country in ("DE", "HU", "GR", "BG"):
        for authority in demo_authorities(country):
            assert canonical(authority) == canonical_json(authority.model_dump(mode="json"))


def _swapped(record: bytes, key: str) -> bytes:
    """Return a record in which an object has its keys in another order."""
    values = json.loads(record)
    there = values if not key else values[key][0] if isinstance(values[key], list) else values[key]
    turned = dict(reversed(there.items()))
    there.clear()
    there.update(turned)
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("key", ["", "areas", "contacts", "region", "titles"])
def test_another_order_of_keys_is_no_record(form: dict[str, Any], key: str) -> None:
    """SPEC S-120: at each depth, whether or not there are fields that this version doesn't know."""
    record = canonical(Authority.model_validate({**ONE, **form}))
    with pytest.raises(DirectoryError, match="directory-bad-record"):
        read_record(_swapped(record, key))


OTHER_BYTES = {
    "a space": (b'"v":1', b'"v": 1'),
    "an escape": ("Köln 🏛".encode(), b"K\\u00f6ln \\ud83c\\udfdb"),
    "an escaped slash": (b'"Amt"', b'"A\\/t"'),
    "a key twice": (b'"v":1', b'"v":1,"v":1'),
    "a text twice": (b'"de":"Amt"', b'"de":"Amt","de":"Amt"'),
    "a number with a point": (b'"v":1', b'"v":1.0'),
    "a number with an exponent": (b'"v":1', b'"v":1e0'),
    "a time for a day": (b'"2026-01-01"', b'"2026-01-01T00:00:00"'),
    "an unknown float": (b'"valid_until":null', b'"valid_until":null,"zeal":1.5'),
    "an unknown number out of bounds": (b'"valid_until":null', b'"valid_until":null,"zeal":9007199254740992'),
    "an unknown field out of order": (b'"valid_from"', b'"zeal":1,"valid_from"'),
    "not UTF-8": ("Köln".encode(), b"K\xf6ln"),
}


@pytest.mark.parametrize(("bytes_", "instead"), OTHER_BYTES.values(), ids=OTHER_BYTES)
def test_other_bytes_for_the_same_are_no_record(bytes_: bytes, instead: bytes) -> None:
    """SPEC S-120: a record has one form, so that a digest names one record."""
    record = canonical(Authority.model_validate(ONE))
    assert bytes_ in record
    with pytest.raises(DirectoryError, match="directory-bad-record"):
        read_record(record.replace(bytes_, instead))


def test_every_character_is_written_alike_by_both_writers() -> None:
    """A record is canonical by whichever of the two says so: there is no character that they write differently."""
    for start in range(0, sys.maxunicode + 1, 0x1000):
        text = "".join(chr(code) for code in range(start, start + 0x1000) if not 0xD800 <= code <= 0xDFFF)
        assert to_json(text) == canonical_json(text)
