"""Fold words for comparison: no case, no marks, and the letters that Unicode doesn't take apart."""

import unicodedata
from typing import Final

_LETTERS: Final = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "æ": "ae", "œ": "oe"})


def fold(text: str) -> str:
    """Return a text's folded form, for searching only."""
    decomposed = unicodedata.normalize("NFKD", text)
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    return plain.casefold().translate(_LETTERS)
