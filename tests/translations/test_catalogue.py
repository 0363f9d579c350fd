import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translations.catalogue import Catalogue, Text, UnknownTextError
from translations.limits import PO_FILE_BYTES
from translations.placeholders import insert, placeholders, stray_braces
from translations.po_file import PoError, read_po, write_po


def _catalogue(folder: Path, **texts: dict[str, str]) -> Catalogue:
    for lang, entries in texts.items():
        write_po(folder / f"{lang}.po", lang, [(key, text, text) for key, text in entries.items()])
    return Catalogue(folder)


def test_own_language_first(tmp_path: Path) -> None:
    """A text comes in the reader's language, or in English that says it is English."""
    _catalogue(tmp_path, de={"a": "outside"})
    texts = _catalogue(tmp_path / "po", en={"a": "Send", "b": "Reply"}, de={"a": "Senden"})
    assert texts.text("a", "de") == Text("Senden", "de")
    assert texts.text("b", "de") == Text("Reply", "en")
    assert texts.text("a", "hu") == Text("Send", "en")
    assert texts.text("a", "../de") == Text("Send", "en")


def test_unknown_id_is_said(tmp_path: Path) -> None:
    """An id that no catalogue has, or a value that is missing, is an error that names it."""
    texts = _catalogue(tmp_path, en={"a": "To {name}"})
    with pytest.raises(UnknownTextError, match="nowhere"):
        texts.text("nowhere", "de")
    with pytest.raises(UnknownTextError, match="name"):
        texts.text("a", "en")


def test_translation_asks_for_too_much(tmp_path: Path) -> None:
    """A translation with an invented placeholder shows English instead of failing."""
    texts = _catalogue(tmp_path, en={"a": "To {name}"}, de={"a": "An {nome}"})
    assert texts.text("a", "de", name="Budapest") == Text("To Budapest", "en")


def test_plural(tmp_path: Path) -> None:
    """A number takes its language's form, then `other`, then English's own form."""
    texts = _catalogue(
        tmp_path,
        en={"c.one": "{n} case", "c.other": "{n} cases"},
        pl={"c.one": "{n} sprawa", "c.few": "{n} sprawy", "c.many": "{n} spraw"},
        es={"c.one": "{n} caso", "c.other": "{n} casos"},
    )
    assert texts.plural("c", 3, "pl") == Text("3 sprawy", "pl")
    assert texts.plural("c", 1_000_000, "es") == Text("1000000 casos", "es")
    assert texts.plural("c", 1, "lv") == Text("1 case", "en")
    assert texts.plural("c", 1000, "en", n="1,000") == Text("1,000 cases", "en")
    with pytest.raises(UnknownTextError):
        texts.plural("d", 1, "en")


def test_doubtful_translations_are_not_shown(tmp_path: Path) -> None:
    """A translation of an older English text, and an empty one, fall back to English."""
    _catalogue(tmp_path, en={"a": "Send", "b": "Reply"})
    write_po(tmp_path / "de.po", "de", [("a", "Send", "Schicken"), ("b", "Reply", "")], fuzzy=["a"])
    texts = Catalogue(tmp_path)
    assert texts.text("a", "de").lang == texts.text("b", "de").lang == "en"


def test_languages_load_on_demand(tmp_path: Path) -> None:
    """A language that nobody reads is never opened, not even a broken one."""
    texts = _catalogue(tmp_path, en={"a": "Send"}, de={"a": "Senden"})
    (tmp_path / "fr.po").write_text("spoilt here", encoding="utf-8")
    assert texts.text("a", "de").text == "Senden"
    with pytest.raises(PoError, match=r"fr\.po"):
        texts.text("a", "fr")


@pytest.mark.parametrize(
    "attack",
    ["{person.__class__}", "{person[0]}", "{person!r}", "{person:>9999999999}", "{0}", "{}", "{Person}", "{", "}"],
)
def test_format_strings_are_inert(tmp_path: Path, attack: str) -> None:
    """Neither a value nor another node's text can reach into Python through braces."""
    texts = _catalogue(tmp_path, en={"a": f"For {{person}}: {attack}"})
    assert texts.text("a", "en", person=attack).text == f"For {attack}: {attack}"
    assert stray_braces(attack)


def test_placeholders() -> None:
    """Doubled braces are braces, and a value's own braces are never looked at again."""
    assert placeholders("{a} {{b}} {c_1} {D}") == {"a", "c_1"}
    assert insert("{{{a}}} {b}", {"a": "{b}", "b": 2}) == "{{b}} 2"
    assert not stray_braces("{a} {{ }}")


def test_large_files_are_refused(tmp_path: Path) -> None:
    """A file beyond the limit is refused before it is read."""
    with (tmp_path / "de.po").open("wb") as file:
        file.truncate(PO_FILE_BYTES + 1)
    tracemalloc.start()
    with pytest.raises(PoError, match="larger"):
        read_po(tmp_path / "de.po")
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


_WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('\n\t"\\'), min_size=1, max_size=80)


@given(english=_WORDS, translation=_WORDS)
def test_po_round_trip(tmp_path_factory: pytest.TempPathFactory, english: str, translation: str) -> None:
    """What is written to a PO file is read from it, quotes, backslashes and lines included, the same bytes twice."""
    path = tmp_path_factory.mktemp("po") / "de.po"
    write_po(path, "de", [("a.b", english, translation)], comments={"a.b": "a note"})
    first = path.read_bytes()
    (entry,) = read_po(path)
    assert (entry.id, entry.english, entry.translation, entry.comment) == ("a.b", english, translation, "a note")
    write_po(path, "de", [(entry.id, entry.english, entry.translation)], comments={"a.b": "a note"})
    assert path.read_bytes() == first
