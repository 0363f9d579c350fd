import json
from pathlib import Path

import pytest

from translations.fill import fill, main
from translations.po_file import read_po, write_po

ENGLISH = {"a": "Send", "c.one": "{n} case", "c.other": "{n} cases", "b": "To {name}"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder of catalogues with an English one."""
    po = tmp_path / "interface" / "po"
    entries = [(key, text, text) for key, text in ENGLISH.items()]
    write_po(po / "en.po", "en", entries, comments={"a": "A button."})
    return po


def _texts(folder: Path, lang: str) -> dict[str, str]:
    return {entry.id: entry.translation for entry in read_po(folder / f"{lang}.po")}


def test_fill_a_new_language(folder: Path) -> None:
    """A complete JSON gives a file in English's order with the language's own plural forms, notes and flags."""
    given = {"b": "Do {name}", "a": "Wyślij", "c.many": "{n} spraw", "c.few": "{n} sprawy", "c.one": "{n} sprawa"}
    assert fill(folder, "pl", given) == []
    entries = read_po(folder / "pl.po")
    assert [entry.id for entry in entries] == ["a", "c.one", "c.few", "c.many", "b"]
    assert [entry.brace_format for entry in entries] == [False, True, True, True, True]
    assert entries[0].comment == "A button."
    assert entries[2].english == "{n} cases"


def test_fill_keeps_and_reports(folder: Path) -> None:
    """A second run keeps what is there, and reports the unknown, the missing and the spoilt."""
    fill(folder, "de", {"a": "Senden"})
    report = "\n".join(fill(folder, "de", {"b": "An {nome}", "x": "?"}))
    assert _texts(folder, "de") == {"a": "Senden", "c.one": "", "c.other": "", "b": "An {nome}"}
    assert "unknown id: x" in report
    assert "empty: c.one" in report
    assert "lost-placeholder: b" in report


def test_fill_twice_is_the_same(folder: Path) -> None:
    """Filling in the same again changes no byte."""
    fill(folder, "de", {"a": "Senden"})
    before = (folder / "de.po").read_bytes()
    fill(folder, "de", {"a": "Senden"})
    assert (folder / "de.po").read_bytes() == before


def test_changed_english(folder: Path) -> None:
    """A new English text makes the old translation fuzzy until a new one comes."""
    fill(folder, "de", {"a": "Senden"})
    assert fill(folder, "en", {"a": "Send now", "z": "New"}) == []
    assert list(_texts(folder, "en")) == ["a", "c.one", "c.other", "b", "z"]
    assert "fuzzy: a" in "\n".join(fill(folder, "de", {}))
    assert "fuzzy: a" in "\n".join(fill(folder, "de", {}))
    assert "fuzzy" not in "\n".join(fill(folder, "de", {"a": "Jetzt senden"}))


def test_command(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command takes a JSON file and says by its status whether something is left to do."""
    file = tmp_path / "de.json"
    arguments = ["de", str(file), "--root", str(tmp_path)]
    file.write_text(json.dumps({"a": "Senden"}), encoding="utf-8")
    assert main(arguments) == 1
    assert "3 to look at" in capsys.readouterr().out
    file.write_text(json.dumps({"b": "An {name}", "c.one": "ein Fall", "c.other": "{n} Fälle"}), encoding="utf-8")
    assert main(arguments) == 0
    file.write_text("[]", encoding="utf-8")
    with pytest.raises(SystemExit):
        main(arguments)
