"""The form of an authority's record: what stands in it, what was typed, and what record that makes.

It is the same for changing, registering and an invitation. `values` are single fields, `picked` the boxes of a list.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from directory_sync import limits
from directory_sync.authority import Authority
from node.dashboard.authority_fields import Fields
from node.dashboard.form import Form
from node.dashboard.page import Mistake, Option, Texts
from node.service.authority_edit import MAX_REASON_CHARS
from node.service.node import Node
from translations import competence
from translations.languages import LANGUAGES

_SINGLE: Final = ("name", "name_lang", "level", "place", "coordinator")
_CONTACTS: Final = ("address", "email", "web", "phone")
_BOXES: Final = ("languages", "competences")
_PER_LANGUAGE: Final = {"title": "titles", "description": "descriptions"}
_NAMES: Final = {
    "contacts.address": "address", "contacts.email": "email", "contacts.web": "web", "contacts.phone": "phone",
    "contacts": "email", "region": "region_code", "region.code": "region_code", "region.name": "region_name",
    "links": "validating", "links.validating": "validating", "links.observers": "observers",
}  # fmt: skip
_TEXTS: Final = {
    "missing": "error.required",
    "malformed": "error.malformed",
    "not-yours": "error.not-yours",
    "out-of-reach": "error.out-of-reach",
    "unknown-authority": "error.unknown-authority",
    "not-a-coordinator": "error.not-a-coordinator",
    "ended": "error.authority-ended",
    "cycle": "error.circle",
    "second-nimic": "error.second-nimic",
    "linked": "error.still-linked",
    "unknown-competence": "error.not-in-list",
    "unknown-area": "error.not-in-list",
    "unknown-language": "error.not-in-list",
}
_LONGEST: Final = {
    "name": limits.MAX_NAME_CHARS, "place": limits.MAX_PLACE_CHARS, "address": limits.MAX_ADDRESS_CHARS,
    "email": limits.MAX_EMAIL_CHARS, "web": limits.MAX_WEB_CHARS, "phone": limits.MAX_PHONE_CHARS,
    "title": limits.MAX_TITLE_CHARS, "description": limits.MAX_DESCRIPTION_CHARS, "reason": MAX_REASON_CHARS,
    "region_name": limits.MAX_PLACE_CHARS, "region_names": limits.MAX_PLACE_CHARS, "region": limits.MAX_PLACE_CHARS,
    "id": limits.MAX_ID_CHARS,
}  # fmt: skip


@dataclass(frozen=True)
class Filled:
    """The form as it stands."""

    values: Mapping[str, str] = field(default_factory=dict)
    picked: Mapping[str, frozenset[str]] = field(default_factory=dict)


def filled(record: Authority, node: Node) -> Filled:
    """Return the form as a record fills it in."""
    links, region = record.links, record.region
    values = {name: str(getattr(record, name) or "") for name in _SINGLE}
    values |= {name: getattr(record.contacts, name) or "" for name in _CONTACTS}
    values |= {"region_code": region.code if region else "", "region_name": region.name if region else ""}
    values |= {f"region_names.{lang}": text for lang, text in (region.names if region else {}).items()}
    values |= {f"title.{lang}": text for lang, text in record.titles.items()}
    values |= {f"description.{lang}": text for lang, text in record.descriptions.items()}
    values |= {f"area.{one.area}": one.role + ("" if one.status == "active" else ":suspended") for one in record.areas}
    listed = frozenset(record.competences) & frozenset(code for codes in _lists(node).values() for code in codes)
    values["free"] = "\n".join(code for code in record.competences if code not in listed)
    if links is not None:
        values |= {"validating": links.validating or "", "observers": " ".join(links.observers)}
        values |= {f"access.{area}": one for area, one in links.access.items()}
        values |= {f"request.{area}": " ".join(ids) for area, ids in links.request.items()}
    return Filled(values, {"languages": frozenset(record.languages), "competences": listed})


def typed(form: Form) -> Filled:
    """Return the form as it was sent; lists of boxes count only where the form had them."""
    picked = {name: frozenset(form.all(name)) for name in _BOXES if form[f"has_{name}"]}
    values = {name: form[name].replace("\r\n", "\n") for name in form.fields if name not in (*_BOXES, "csrf")}
    return Filled(values, picked)


def merged(base: Filled, theirs: Filled, mine: Filled) -> Filled:
    """Return what the second of two editors goes on with: everything typed, and elsewhere what the first wrote."""
    values = {
        name: text if text != base.values.get(name, "") else theirs.values.get(name, "")
        for name, text in mine.values.items()
    }
    values |= {name: text for name, text in theirs.values.items() if name not in values}
    picked = {
        name: boxes if boxes != base.picked.get(name) else theirs.picked.get(name, boxes)
        for name, boxes in mine.picked.items()
    }
    return Filled(values, picked)


def record_of(there: Mapping[str, Any], form: Filled) -> dict[str, Any]:
    """Return a record's fields as the form changes them; `there` is what they were, in JSON."""
    values = form.values
    new: dict[str, Any] = {**there, **{name: values[name] for name in _SINGLE if name in values}}
    new["coordinator"] = new.get("coordinator") or None
    new["contacts"] = {
        **there.get("contacts", {}),
        **{name: values[name] or None for name in _CONTACTS if name in values},
    }
    for kind, name in _PER_LANGUAGE.items():
        new[name] = _texts(there.get(name, {}), values, kind)
    _add_region(new, values)
    if any(name.startswith("area.") for name in values):
        new["areas"] = [
            {"area": name.removeprefix("area."), **_role(value)}
            for name, value in values.items()
            if name.startswith("area.") and value
        ]
    if "languages" in form.picked:
        unshown = frozenset(there.get("languages", ())) - frozenset(LANGUAGES)
        new["languages"] = _in_order(there.get("languages", ()), form.picked["languages"] | unshown)
    if "competences" in form.picked:
        free = (line.strip() for line in values.get("free", "").split("\n"))
        wanted = form.picked["competences"] | frozenset(filter(None, free))
        new["competences"] = _in_order(there.get("competences", ()), wanted)
    if "validating" in values:
        new["links"] = _links(there.get("links") or {}, values)
    return new


def _texts(there: Mapping[str, str], values: Mapping[str, str], kind: str) -> dict[str, str]:
    given = {lang: values[f"{kind}.{lang}"] for lang in LANGUAGES if f"{kind}.{lang}" in values}
    if values.get("new_lang") in LANGUAGES and values.get(f"new_{kind}"):
        given[values["new_lang"]] = values[f"new_{kind}"]
    return {lang: text for lang, text in {**there, **given}.items() if text}


def _add_region(new: dict[str, Any], values: Mapping[str, str]) -> None:
    """Add the region with its names; an authority's own administrators are shown the other languages' alone."""
    there = new.get("region") or {}
    if "region_code" in values:
        named = bool(values["region_code"] or values.get("region_name"))
        there = {**there, "code": values["region_code"], "name": values.get("region_name", "")} if named else {}
    names = _texts(there.get("names", {}), values, "region_names") if there else {}
    new["region"] = {**there, "names": names} if there else None


def _role(value: str) -> dict[str, str]:
    role, _, status = value.partition(":")
    return {"role": role, "status": status or "active"}


def _in_order(there: Any, wanted: frozenset[str]) -> list[str]:
    return [*(one for one in there if one in wanted), *sorted(wanted - set(there))]


def _links(there: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any] | None:
    def areas(kind: str) -> dict[str, str]:
        named = ((name.removeprefix(f"{kind}."), text) for name, text in values.items() if name.startswith(f"{kind}."))
        return {area: text for area, text in named if text and values.get(f"area.{area}", "x")}

    links = {
        **there,
        "validating": values["validating"] or None,
        "access": areas("access"),
        "request": {area: ids.split() for area, ids in areas("request").items()},
        "observers": values.get("observers", "").split(),
    }
    empty = not any(links[name] for name in ("validating", "access", "request", "observers"))
    return None if empty and not there else links


def mistakes_of(fields: Mapping[str, str], texts: Texts) -> dict[str, Mistake]:
    """Turn what the service says of a record's fields into mistakes at the form's fields."""
    found: dict[str, Mistake] = {}
    for path, code in fields.items():
        name = _form_name(path)
        kind = name.partition(".")[0]
        if code == "too-long" and kind in _LONGEST:
            text = texts.t("error.too-long", n=_LONGEST[kind])
        elif code == "exists":
            text = texts.t("error.login-taken" if name == "login" else "error.id-taken")
        else:
            text = texts.t(_TEXTS.get(code, "error.malformed"))
        found.setdefault(name, Mistake(text, Fields(texts).label(path)[0] if kind != name else None))
    return found


def _form_name(path: str) -> str:
    if path in _NAMES:
        return _NAMES[path]
    head, _, rest = path.partition(".")
    if path.startswith("region.names."):
        return path.replace("region.names.", "region_names.", 1)
    if head in ("titles", "descriptions"):
        return f"{head[:-1]}.{rest}"
    if head == "links":
        return rest
    return head


def choices(node: Node, texts: Texts) -> dict[str, Any]:
    """Return what can be chosen in the form, in the reader's language."""
    names = Fields(texts)
    roles = (
        ("authority", "active"),
        ("coordinator", "active"),
        ("authority", "suspended"),
        ("coordinator", "suspended"),
    )
    return {
        "name_langs": texts.writing(),
        "levels": tuple(Option(one, texts.t(f"authority.level.{one}")) for one in ("national", "regional", "local")),
        "areas": tuple(Option(area, texts.plain(names.area(area))) for area in node.areas),
        "area_roles": tuple(
            Option(role if status == "active" else f"{role}:{status}", texts.plain(names.role(role, status)))
            for role, status in roles
        ),
        "types": tuple(Option(one, texts.t(text_id)) for one, text_id in _TYPES.items()),
        "competence_lists": tuple(
            (texts.t(_HEADINGS[kind]), tuple(Option(c, texts.plain(names.competence(c))) for c in codes))
            for kind, codes in _lists(node).items()
        ),
    }


_TYPES: Final = {
    "NIMIC": "authority.type.nimic",
    "SDIMIC": "authority.type.sdimic",
    "LIMIC": "authority.type.limic",
    "DIMIC": "authority.type.dimic",
}
_HEADINGS: Final = {
    "profession": "authority.list.profession",
    "activity": "authority.list.activity",
    "keyword": "authority.list.keyword",
}


def _lists(node: Node) -> dict[str, tuple[str, ...]]:
    """Return the codes of each kind of competence, as they stand in records."""
    professions = [
        f"profession:{entry.code}"
        for area in node.areas.values()
        if "profession" in area.variables
        for entry in area.lists[area.variables["profession"].list or ""].codes
    ]
    shared = {kind: tuple(f"{kind}:{code}" for code in competence.shipped().codes(kind)) for kind in competence.LISTS}
    return {"profession": tuple(dict.fromkeys(professions)), **shared}
