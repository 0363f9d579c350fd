"""Read and write PO files: msgctxt is the stable id, msgid the English text, msgstr the translation."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import polib  # type: ignore[import-untyped]

from translations.limits import PO_FILE_BYTES
from translations.placeholders import placeholders

BRACE_FORMAT = "python-brace-format"


class PoEntry(NamedTuple):
    """One entry of a PO file, with the line it starts on."""

    id: str
    english: str
    translation: str
    line: int
    fuzzy: bool = False
    obsolete: bool = False
    brace_format: bool = False
    comment: str = ""


class PoError(ValueError):
    """A PO file that can't be read; the message names the file."""


def read_po(path: Path) -> list[PoEntry]:
    """Return the entries in the file's order.

    Raises FileNotFoundError, and PoError for one that is too large or isn't a PO file.
    """
    if path.stat().st_size > PO_FILE_BYTES:
        raise PoError(f"{path}: larger than {PO_FILE_BYTES} bytes")
    try:
        entries = polib.pofile(str(path), encoding="utf-8", check_for_duplicates=False)
    except (OSError, ValueError, IndexError) as error:
        raise PoError(f"{path}: not a PO file: {error}") from error
    return [
        PoEntry(
            id=entry.msgctxt or "",
            english=entry.msgid,
            translation=entry.msgstr,
            line=entry.linenum or 0,
            fuzzy="fuzzy" in entry.flags,
            obsolete=bool(entry.obsolete),
            brace_format=BRACE_FORMAT in entry.flags,
            comment=entry.comment,
        )
        for entry in entries
    ]


def write_po(
    path: Path,
    lang: str,
    entries: Iterable[tuple[str, str, str]],
    fuzzy: Iterable[str] = (),
    comments: Mapping[str, str] | None = None,
) -> None:
    """Write (id, English, translation) entries in the order given, the same bytes for the same entries.

    The ids in `fuzzy` are marked as translations of an older English text, which no page shows; `comments`
    are notes to translators by id.
    """
    doubtful = frozenset(fuzzy)
    po = polib.POFile(wrapwidth=0)
    po.metadata = {
        "Project-Id-Version": "entente",
        "Language": lang,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
    }
    for text_id, english, translation in entries:
        flags = ["fuzzy"] if text_id in doubtful else []
        flags += [BRACE_FORMAT] if placeholders(english) | placeholders(translation) else []
        note = (comments or {}).get(text_id, "")
        po.append(polib.POEntry(msgctxt=text_id, msgid=english, msgstr=translation, flags=flags, comment=note))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{str(po).rstrip()}\n", encoding="utf-8", newline="\n")
