"""Write an area as a folder, as `load_area` reads it; and begin a new one from one that is there."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from protocol.encoding import canonical_json
from translations.area import Area
from translations.area_texts import text_uses
from translations.catalogue import ENGLISH
from translations.languages import LANGUAGES
from translations.pack import read_pack, write_pack
from translations.po_file import write_po


def write_folder(area: Area, folder: Path) -> list[Path]:
    """Write all files of an area that differ from what the folder has; returns those that were written."""
    files: dict[str, Mapping[str, Any]] = {"area.yaml": _plain(area.rules)}
    files["variables.yaml"] = {"variables": [_plain(each) for each in area.variables.values()]}
    files |= {f"lists/{each.id}.yaml": _plain(each) for each in area.lists.values()}
    files |= {f"questions/{each.id}.yaml": _plain(each, {"sha256"}) for each in area.question_sets.values()}
    written = [folder / name for name, value in files.items() if _write_yaml(folder / name, value)]
    texts = list(dict.fromkeys(use.text for use in text_uses(area)))
    return written + [path for lang in LANGUAGES if (path := _write_texts(area, folder, lang, texts))]


def begin(like: Area, area_id: str, title: str) -> Area:
    """Return a new pilot, version 1, with the sets of another area and an English title; ready to be changed.

    Raises AreaError where the id or the title isn't one.
    """
    made: dict[str, Any] = json.loads(write_pack(like))
    made["area"] |= {"id": area_id, "version": 1, "pilot": True}
    made["question_sets"] = [{**one, "version": 1} for one in made["question_sets"]]
    for texts in made["texts"].values():
        texts.pop(like.rules.title, None)
    made["texts"][ENGLISH][like.rules.title] = title
    return read_pack(canonical_json(made))


def _plain(model: BaseModel, exclude: set[str] | None = None) -> Mapping[str, Any]:
    found: Mapping[str, Any] = model.model_dump(mode="json", exclude_defaults=True, exclude=exclude)
    return found


def _write_yaml(path: Path, value: Mapping[str, Any]) -> bool:
    if path.exists() and yaml.safe_load(path.read_text(encoding="utf-8")) == value:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=1000)
    path.write_text(text, encoding="utf-8", newline="\n")
    return True


def _write_texts(area: Area, folder: Path, lang: str, ids: Iterable[str]) -> Path | None:
    """Write one language: every text, empty where the language has none yet, so that translators see it."""
    entries = []
    for text_id in ids:
        english, own = area.catalogue.template(text_id, ENGLISH), area.catalogue.template(text_id, lang)
        found = own.text if own and own.lang == lang else ""
        entries.append((text_id, english.text if english else "", found))
    path = folder / "po" / f"{lang}.po"
    before = path.read_bytes() if path.exists() else b""
    write_po(path, lang, entries)
    return path if path.read_bytes() != before else None
