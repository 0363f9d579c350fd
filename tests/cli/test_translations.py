from pathlib import Path

import pytest

from directory_sync.sheet import sheets_of, write_spreadsheet
from tests.cli.conftest import Entente
from tests.translations.small_area import write_area
from translations.check import check
from translations.po_file import read_po, write_po

CATALOGUE = "areas/small"


def texts(folder: Path, lang: str) -> dict[str, str]:
    """Return the translations of one language."""
    return {entry.id: entry.translation for entry in read_po(folder / "areas/small/po" / f"{lang}.po")}


@pytest.mark.parametrize("name", ["t.xlf", "t.tmx", "t.xlsx"])
def test_texts_go_to_translators_and_come_back(entente: Entente, tmp_path: Path, name: str) -> None:
    """What a translator changes in a file of each kind is in the PO file, and everything else is as it was."""
    write_area(tmp_path)
    before = texts(tmp_path, "de")
    entente("translations", "export", CATALOGUE, "-l", "de", "-o", name, "--folder", tmp_path)
    file = tmp_path / name
    if name.endswith("xlsx"):
        heading, *rows = sheets_of(file.read_bytes())["texts"]
        changed = [[cell.replace("Ärztin/Arzt", "Arzt & <Ärztin>") for cell in row] for row in rows]
        file.write_bytes(write_spreadsheet(heading, changed))
    else:
        text = file.read_text(encoding="utf-8")
        assert "Ärztin/Arzt" in text
        file.write_text(text.replace("Ärztin/Arzt", "Arzt &amp; &lt;Ärztin&gt;"), encoding="utf-8")
    entente("translations", "import", name, CATALOGUE, "--folder", tmp_path)
    assert texts(tmp_path, "de") == before | {"list.professions.doctor": "Arzt & <Ärztin>"}
    assert check(tmp_path, ["de"]) == []


def test_plural_forms_are_those_of_the_language(entente: Entente, tmp_path: Path) -> None:
    """Polish translators get `few` and `many`, with the English text that they translate."""
    po = tmp_path / "interface" / "po"
    english = {"c.one": "{n} case", "c.other": "{n} cases"}
    write_po(po / "en.po", "en", [(key, text, text) for key, text in english.items()])
    entente("translations", "export", "interface", "-l", "pl", "-o", "pl.xlsx", "--folder", tmp_path)
    heading, *rows = sheets_of((tmp_path / "pl.xlsx").read_bytes())["texts"]
    assert [row[:2] for row in rows] == [
        [f"c.{form}", english["c.one" if form == "one" else "c.other"]] for form in ("one", "few", "many")
    ]
    back = write_spreadsheet(heading, [[*row[:3], "{n} x"] for row in rows])
    (tmp_path / "pl.xlsx").write_bytes(back)
    entente("translations", "import", "pl.xlsx", "interface", "--folder", tmp_path)
    assert check(tmp_path, ["pl"]) == []


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("Beruf: {profession}", "Beruf", "lost-placeholder"),
        ("Beruf: {profession}", "Beruf: {profession} {x.y}", "invented-placeholder"),
        ("<source>Doctor of medicine", "<source>Doctor", "stale-english"),
        ('id="item.since"', 'id="item.until"', "extra-entry"),
        ('target-language="de"', 'target-language="xx"', "unknown-language"),
        ("<body>", "<body", "invalid"),
        ("<xliff", '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><xliff', "document type"),
        ("<xliff", "<xlif", "invalid"),
    ],
)
def test_a_file_with_a_fault_changes_nothing(
    entente: Entente, tmp_path: Path, before: str, after: str, told: str
) -> None:
    """One wrong text keeps the whole file out, and no entity of a file is ever expanded."""
    write_area(tmp_path)
    entente("translations", "export", CATALOGUE, "-l", "de", "-o", "t.xlf", "--folder", tmp_path)
    text = (tmp_path / "t.xlf").read_text(encoding="utf-8").replace("Ärztin/Arzt", "Arzt")
    assert before in text
    (tmp_path / "t.xlf").write_text(text.replace(before, after), encoding="utf-8")
    kept = texts(tmp_path, "de")
    said = entente("translations", "import", "t.xlf", CATALOGUE, "--folder", tmp_path, code=1)
    assert told in said.out + said.err
    assert texts(tmp_path, "de") == kept


def test_what_cant_be_exported_is_said(entente: Entente, tmp_path: Path) -> None:
    """A catalogue that isn't there, another kind of file and two languages in one XLIFF file are refused."""
    write_area(tmp_path)
    for catalogue, name in (
        (CATALOGUE, "t.doc"),
        (CATALOGUE, "t.xlf"),
        ("areas/none", "t.tmx"),
        ("../areas/small", "t.tmx"),
    ):
        entente("translations", "export", catalogue, "-o", name, "--folder", tmp_path, code=1)
