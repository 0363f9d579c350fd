"""The vector of a question set: its full definition, the form that is hashed, and the hash that a request names."""

from typing import Any

from protocol.encoding import canonical_json, sha256

_ITEM: dict[str, Any] = {"hint": None, "list": None, "required": False, "personal": False}
_ITEM |= {"variables": [], "enable_when": None, "items": []}


def _item(**fields: Any) -> dict[str, Any]:
    return _ITEM | fields


def _set() -> dict[str, Any]:
    follow_up = _item(
        id="since",
        type="date",
        text="item.since",
        personal=True,
        enable_when={"item": "registered", "any": ["yes", "partly"]},
    )
    first = _item(
        id="registered",
        type="choice",
        text="item.registered",
        hint="hint.registered",
        list="yes-no-partly",
        required=True,
        variables=["person", "profession"],
        items=[follow_up],
    )
    group = _item(id="register", type="group", text="group.register", items=[first])
    last = _item(id="country-of-training", type="country", text="item.country")
    return {"id": "small", "version": 2, "title": "set.small", "items": [group, last]}


def _lists() -> dict[str, Any]:
    def codes(*names: str) -> list[dict[str, str]]:
        return [{"code": name, "text": f"code.{name}"} for name in names]

    return {
        "yes-no-partly": {"id": "yes-no-partly", "codes": codes("yes", "no", "partly")},
        "professions": {"id": "professions", "codes": codes("dentist", "midwife")},
        "unused": {"id": "unused", "codes": codes("nothing")},
    }


def _variables() -> dict[str, Any]:
    rest: dict[str, Any] = {"hint": None, "list": None, "personal": False}
    return {
        "person": rest | {"id": "person", "type": "person", "text": "variable.person", "personal": True},
        "profession": rest | {"id": "profession", "type": "code", "text": "variable.profession", "list": "professions"},
        "unused": rest | {"id": "unused", "type": "text", "text": "variable.unused"},
    }


def _bare(value: Any) -> Any:
    """Leave out what is null, false or empty: in this format these are just the defaults."""
    if isinstance(value, dict):
        return {key: _bare(each) for key, each in value.items() if each not in (None, False, [])}
    return [_bare(each) for each in value] if isinstance(value, list) else value


def set_file() -> dict[str, Any]:
    """Return the set with all its fields, what of it is hashed, and the hash."""
    lists, variables = _lists(), _variables()
    used = {
        "lists": {name: lists[name] for name in ("professions", "yes-no-partly")},
        "set": _set(),
        "variables": {name: variables[name] for name in ("person", "profession")},
    }
    hashed = canonical_json(_bare(used))
    return {
        "spec": "6.4",
        "set": _set(),
        "lists": lists,
        "variables": variables,
        "hashed": hashed.decode(),
        "set_sha256": sha256(hashed).hex(),
    }
