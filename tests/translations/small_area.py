"""A small area on disk, sound as it is, for tests to bend."""

from pathlib import Path

from translations.area import Area, load_area
from translations.po_file import write_po

AREA = """\
id: small
version: 1
title: area.title
legal_basis: [32005L0036]
kinds: [request]
pilot: false
deadline_days: 28
block_months: 6
delete_years: 3
"""
VARIABLES = """\
variables:
  - {id: person, type: person, personal: true, text: variable.person}
  - {id: profession, type: code, list: professions, text: variable.profession}
  - {id: title, type: text, text: variable.title}
  - {id: country, type: country, text: variable.country}
  - {id: document, type: document, text: variable.document}
"""
YES_NO = """\
id: yes-no
codes:
  - {code: "yes", text: list.yes-no.yes}
  - {code: "no", text: list.yes-no.no}
"""
PROFESSIONS = """\
id: professions
codes:
  - {code: doctor, text: list.professions.doctor}
"""
CHECKS = """\
id: checks
version: 1
title: set.checks
items:
  - id: status
    type: group
    text: group.status
    items:
      - id: regulated
        type: choice
        text: item.regulated
        list: yes-no
        required: true
        variables: [profession]
        items:
          - id: since
            type: date
            text: item.since
            required: true
            enable_when: {item: regulated, any: ["yes"]}
          - id: why-not
            type: text
            text: item.why-not
            enable_when: {item: regulated, any: ["no"]}
      - id: known
        type: choice
        text: item.known
        list: yes-no
        required: true
        personal: true
        variables: [person, title, document]
  - id: obtained-in
    type: country
    text: item.obtained-in
    variables: [country]
"""
ENGLISH = {
    "area.title": "Small area",
    "variable.person": "Person",
    "variable.profession": "Profession",
    "variable.title": "Title",
    "variable.country": "Country",
    "variable.document": "Document",
    "list.yes-no.yes": "Yes",
    "list.yes-no.no": "No",
    "list.professions.doctor": "Doctor of medicine",
    "set.checks": "Checks",
    "group.status": "Status",
    "item.regulated": "Is this profession regulated? Profession: {profession}",
    "item.since": "Since when?",
    "item.why-not": "Why not?",
    "item.known": "Do you know this person? {person}, {title}, {document}",
    "item.obtained-in": "Where was it obtained? Country named: {country}",
}
GERMAN = {
    **ENGLISH,
    "list.professions.doctor": "Ärztin/Arzt",
    "item.regulated": "Ist dieser Beruf reglementiert? Beruf: {profession}",
    "item.obtained-in": "Wo wurde er erworben? Genannter Staat: {country}",
}
FILES = {
    "area.yaml": AREA,
    "variables.yaml": VARIABLES,
    "lists/yes-no.yaml": YES_NO,
    "lists/professions.yaml": PROFESSIONS,
    "questions/checks.yaml": CHECKS,
}
VALUES = {
    "person": {"given_names": "Anna", "family_name": "Kovács", "birth_date": "1980-02-29"},
    "profession": {"code": "doctor"},
    "title": {"text": "okleveles orvosdoktor", "lang": "hu"},
    "country": {"country": "GR"},
    "document": {"name": "diploma.pdf"},
}


def write_area(root: Path, **changed: str) -> Path:
    """Write the area below `root/areas`; `changed` replaces files, named like `questions__checks`."""
    folder = root / "areas" / "small"
    files = FILES | {f"{name.replace('__', '/')}.yaml": text for name, text in changed.items()}
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    for lang, texts in (("en", ENGLISH), ("de", GERMAN)):
        write_po(folder / "po" / f"{lang}.po", lang, [(key, ENGLISH[key], text) for key, text in texts.items()])
    return folder


def small_area(root: Path, **changed: str) -> Area:
    """Return the area, written and loaded."""
    return load_area(write_area(root, **changed))
