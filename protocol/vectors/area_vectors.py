"""The vectors of an area's version: a small pack, what DE and HU sign of it, and packs that must be refused."""

from collections.abc import Sequence
from typing import Any

from protocol.encoding import canonical_json, sha256
from protocol.members import MemberList
from protocol.vectors import cast
from protocol.vectors.list_vectors import state_key

_ENGLISH = {
    "area.title": "Lighthouses",
    "item.lit": "Is this lighthouse lit? Keeper: {keeper}",
    "list.lit.yes": "Yes",
    "set.lights": "Lights",
    "variable.keeper": "Keeper",
}
_GERMAN = {"area.title": "Leuchttürme", "item.lit": "Leuchtet dieser Turm? Wärter: {keeper}"}


def _pack(**changes: Any) -> dict[str, Any]:
    area = {"id": "lighthouses", "version": 3, "title": "area.title", "legal_basis": ["32012R1024"]}
    area |= {"kinds": ["request"], "pilot": False, "deadline_days": 14, "block_months": 6, "delete_years": 3}
    item = {"id": "lit", "type": "choice", "text": "item.lit", "list": "lit", "variables": ["keeper"]}
    return {
        "area": area,
        "lists": [{"id": "lit", "codes": [{"code": "yes", "text": "list.lit.yes"}, {"code": "sl", "name": "S.L."}]}],
        "question_sets": [{"id": "lights", "version": 2, "title": "set.lights", "items": [item]}],
        "variables": [{"id": "keeper", "type": "person", "personal": True, "text": "variable.keeper"}],
        "texts": {"de": _GERMAN, "en": _ENGLISH},
    } | changes


def _statement(pack: bytes, version: int = 3) -> dict[str, Any]:
    address = sha256(pack).hex()
    return {"area": "lighthouses", "pilot": False, "sha256": address, "size": len(pack), "version": version}


def _refused() -> dict[str, dict[str, Any]]:
    lost = {"en": _ENGLISH, "de": {"item.lit": "Leuchtet dieser Turm?"}}
    two = {"id": "lit", "codes": [{"code": "yes", "text": "list.lit.yes", "name": "Yes"}]}
    waits = {"id": "dark", "type": "text", "text": "item.lit", "variables": ["keeper"]}
    circle = [waits | {"enable_when": {"item": "dark", "any": ["yes"]}}]
    return {
        "lost placeholder": _pack(texts=lost),
        "two labels": _pack(lists=[two]),
        "circle": _pack(question_sets=[{"id": "lights", "version": 2, "title": "set.lights", "items": circle}]),
        "no English": _pack(texts={"de": _GERMAN}),
        "idle text": _pack(texts={"en": _ENGLISH | {"idle": "Idle"}}),
        "unknown language": _pack(texts={"en": _ENGLISH, "xx": {}}),
        "unknown field": _pack(surprise=1),
    }


def area_file(members: MemberList) -> dict[str, Any]:
    """Return the pack, the statement with its signatures, and how many more states must sign after some did."""
    pack = canonical_json(_pack())
    statement = _statement(pack)
    signed = canonical_json({"_type": "area", **statement})

    def signatures(countries: Sequence[str], of: bytes = signed) -> list[dict[str, str]]:
        made = [state_key(country).sign(of) for country in countries]
        return sorted(({"keyid": one.keyid, "sig": one.signature} for one in made), key=lambda one: one["keyid"])

    other = canonical_json({"_type": "area", **_statement(pack, 4)})
    threshold = members.root.signed.roles["root"].threshold
    return {
        "spec": "6.5",
        "keys": {country: cast.secret(f"state {country}").hex() for country in ("AT", "DE", "HU")},
        "states": dict(members.root.states),
        "threshold": threshold,
        "pack": pack.decode(),
        "statement": statement,
        "signed_bytes": signed.decode(),
        "signatures": {country: signatures([country])[0] for country in ("DE", "HU")},
        "missing": [
            {"name": "both", "signatures": signatures(["DE", "HU"]), "missing": 0},
            {"name": "one", "signatures": signatures(["DE"]), "missing": threshold - 1},
            {"name": "one twice", "signatures": signatures(["DE", "DE"]), "missing": threshold - 1},
            {"name": "no state", "signatures": signatures(["AT", "HU"]), "missing": threshold - 1},
            {"name": "of another version", "signatures": signatures(["DE", "HU"], other), "missing": threshold},
        ],
        "refused": {name: canonical_json(one).decode() for name, one in _refused().items()},
    }
