"""The vectors of the directory: DE's snapshot of two authorities, and documents that must be refused."""

from typing import Any

from protocol import jws
from protocol.encoding import b64u, canonical_json, sha256_b64u
from protocol.vectors import cast

TYP = "entente-directory+jws"
VERSION = 7
_AT = "2026-09-21T12:00:00Z"


def _record(**changes: Any) -> dict[str, Any]:
    return {
        "id": "DE-zaek-berlin",
        "country": "DE",
        "name": "Zahnärztekammer Berlin",
        "name_lang": "de",
        "titles": {"de": "Zahnärztekammer, Berlin", "hu": "Fogorvosi kamara, Berlin"},
        "descriptions": {"en": "Registers dentists.\nAnswers in German and English."},
        "level": "regional",
        "region": {"code": "DE3", "name": "Berlin"},
        "place": "Berlin",
        "contacts": {
            "address": "Beispielstraße 1, Berlin",
            "email": "post@zaek-berlin.example",
            "web": "https://www.zaek-berlin.example/",
            "phone": "+49 30 000000",
        },
        "languages": ["de", "en"],
        "areas": [{"area": "professional-qualifications", "role": "authority", "status": "active"}],
        "competences": ["profession:dental-practitioner"],
        "demo": True,
        "valid_from": "2026-01-01",
        "valid_until": None,
        "v": 1,
    } | changes


def _bare() -> dict[str, Any]:
    """Return a record with a value only where one has to be, and a field of a newer version."""
    nothing = {"region": None, "contacts": dict.fromkeys(("address", "email", "web", "phone"))}
    empty: dict[str, Any] = {"titles": {}, "descriptions": {}, "languages": [], "areas": [], "competences": []}
    own = {"id": "DE-amt-1", "name": "Ein Amt", "level": "national", "demo": False, "later": {"a": [1]}}
    return _record(**own, **nothing, **empty, valid_until="2026-12-31", v=3)


def _body(*records: dict[str, Any]) -> bytes:
    return b"".join(canonical_json(record) + b"\n" for record in records)


def _document(body: bytes, signer: str = "DE", **claims: Any) -> str:
    said = {"iss": "DE", "version": VERSION, "at": _AT, "count": body.count(b"\n")}
    said |= {"size": len(body), "sha256": sha256_b64u(body)} | claims
    return jws.sign(cast.signer(signer), TYP, said, cast.IAT) + "\n" + body.decode()


BODY = _body(_bare(), _record())
HEAD = (VERSION, sha256_b64u(BODY))
"""The version and hash that a batch names in `heads`."""


def _refused() -> list[dict[str, Any]]:
    good, bare = _record(), _bare()
    lacking = {name: value for name, value in good.items() if name != "place"}
    loose = canonical_json(good).replace(b'","', b'", "', 1) + b"\n"
    cases = {
        "signed by another member": ("S-118", _document(BODY, "HU")),
        "issued by another member": ("S-118", _document(BODY, iss="HU")),
        "version 0": ("S-118", _document(BODY, version=0)),
        "a time with fractions": ("S-118", _document(BODY, at="2026-09-21T12:00:00.0Z")),
        "another size": ("S-119", _document(BODY, size=len(BODY) + 1)),
        "another digest": ("S-119", _document(BODY, sha256=sha256_b64u(b""))),
        "a record more than counted": ("S-119", _document(BODY, count=1)),
        "no line feed at the end": ("S-119", _document(BODY[:-1], count=2)),
        "records in another order": ("S-120", _document(_body(good, bare))),
        "a record twice": ("S-120", _document(_body(good, good))),
        "a record that isn't canonical": ("S-120", _document(loose)),
        "a record without a place": ("S-120", _document(_body(lacking))),
        "a record of 16 KiB and more": ("S-120", _document(_body(good | {"later": "x" * 16384}))),
        "a record of another country": ("S-122", _document(_body(good | {"country": "HU", "id": "HU-amt"}))),
        "an id of another country": ("S-122", _document(_body(good | {"id": "HU-amt"}))),
        "a version as a text": ("S-124", _document(_body(good | {"v": "1"}))),
        "a day that isn't": ("S-124", _document(_body(good | {"valid_from": "2026-02-30"}))),
        "an end before the beginning": ("S-177", _document(_body(good | {"valid_until": "2025-12-31"}))),
        "an area twice": ("S-177", _document(_body(good | {"areas": good["areas"] * 2}))),
        "a direction mark in a name": ("S-177", _document(_body(good | {"name": "Kammer\u202e"}))),
        "an invisible character in a name": ("S-177", _document(_body(good | {"name": "Kam\u200bmer"}))),
        "a space before a name": ("S-177", _document(_body(good | {"name": " Kammer"}))),
        "a demo authority that can be reached": (
            "S-125",
            _document(_body(good | {"contacts": good["contacts"] | {"email": "post@kammer.de"}})),
        ),
    }
    return [{"name": name, "rule": rule, "document": document} for name, (rule, document) in cases.items()]


def directory_file() -> dict[str, Any]:
    """Return a snapshot, what a reader that knows it makes of others, and documents that must be refused."""
    document, changed = _document(BODY), _body(_bare())
    offers = [
        {"name": "the same", "document": document, "becomes": "the same"},
        {
            "name": "signed again",
            "document": jws.sign(
                cast.signer("DE"),
                TYP,
                {"iss": "DE", "version": VERSION, "at": _AT, "count": 2, "size": len(BODY), "sha256": HEAD[1]},
                cast.IAT + 1,
            )
            + "\n"
            + BODY.decode(),
            "becomes": "the same",
        },
        {"name": "a newer one", "document": _document(changed, version=8), "becomes": "newer"},
        {"name": "an older one", "document": _document(changed, version=6), "becomes": "rollback"},
        {"name": "another one of this version", "document": _document(changed), "becomes": "fork"},
    ]
    return {
        "spec": "13",
        "iss": "DE",
        "certificate": b64u(cast.certificate(cast.message_key("DE"), "DE")),
        "version": VERSION,
        "sha256": HEAD[1],
        "etag": f'"{VERSION}-{HEAD[1]}"',
        "document": document,
        "records": [_bare(), _record()],
        "offers": offers,
        "refusals": _refused(),
    }
