"""Folding of names for search, over the alphabets of the 30 countries.

SQLite's own `remove_diacritics` knows neither the Greek tonos nor ł ø ß đ ð þ ħ, and no one types
`Ζάκυνθος` on a Hungarian keyboard. So both the text and the query are folded here: compatibility forms
and marks go, case goes, and words in Greek or Cyrillic letters get a Latin companion (ELOT 743, which is
ISO 843's transcription; the Bulgarian Transliteration Act of 2009). German `ä` is found as `a` and `ae`.
"""

import re
import unicodedata
from functools import lru_cache

from directory_sync import limits

# Letters that no decomposition takes apart; й is a letter of its own, not и with a mark.
_LETTERS = {
    "ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "æ": "ae", "œ": "oe", "ı": "i",
    "ŋ": "n", "ŧ": "t", "ĸ": "k", "й": "й", "ß": "ss",
}  # fmt: skip
# The other habit of writing the same letter without its mark.
_DIGRAPHS = {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"}
_CYRILLIC = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ж": "zh", "з": "z", "и": "i", "й": "y",
    "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u",
    "ф": "f", "х": "h", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sht", "ъ": "a", "ь": "y", "ю": "yu",
    "я": "ya", "ы": "y", "э": "e",
}  # fmt: skip
_GREEK = {
    "α": "a", "β": "v", "γ": "g", "δ": "d", "ε": "e", "ζ": "z", "η": "i", "θ": "th", "ι": "i", "κ": "k",
    "λ": "l", "μ": "m", "ν": "n", "ξ": "x", "ο": "o", "π": "p", "ρ": "r", "σ": "s", "τ": "t", "υ": "y",
    "φ": "f", "χ": "ch", "ψ": "ps", "ω": "o",
}  # fmt: skip
_GREEK |= {"ου": "ou", "γγ": "ng", "γξ": "nx", "γχ": "nch", "μπ": "b"}
_GREEK_UPSILON = {"αυ": "a", "ευ": "e", "ηυ": "i"}  # and v or f, by what follows
_GREEK_VOICED = frozenset("αβγδεζηιλμνορυω")
_GREEK_SOUND = re.compile("[αεηο]υ|γ[γξχ]|^μπ|μπ$|.")

_remembered = lru_cache(maxsize=4096)  # the alphabets of 30 countries have few hundred letters


def fold(text: str) -> str:
    """Return the searchable form: folded words, then their other spellings, separated by single spaces.

    Example: `Δήμος Αθηναίων` gives `δημοσ αθηναιων dimos athinaion` (a final sigma is a sigma). Never
    raises, whatever the text; the result holds letters, digits and spaces only.
    """
    spellings = [forms for word in _words(text) if (forms := _spellings(word))]
    folded = [forms[0] for forms in spellings]
    there = set(folded)
    others = dict.fromkeys(form for forms in spellings for form in forms[1:])
    return " ".join([*folded, *(form for form in others if form not in there)])


class Folding:
    """Does what `fold` does and remembers each word: a directory repeats the same few over and over.

    Meant for one import, since what it remembers grows with the words that it sees.
    """

    def __init__(self) -> None:
        self._plain = _Plain()

    def __call__(self, text: str) -> str:
        """Return the searchable form of a text."""
        plain, pieces = self._plain, text.split()
        folded = " ".join(filter(None, map(plain.__getitem__, pieces)))
        if text.isascii() or plain.others.keys().isdisjoint(pieces):
            return folded
        there = set(folded.split())
        others = dict.fromkeys([form for piece in pieces if piece in plain.others for form in plain.others[piece]])
        return " ".join([folded, *[form for form in others if form not in there]])


class _Plain(dict[str, str]):
    """What stands between two spaces, and it folded; `others` has its other spellings, where there are any."""

    def __init__(self) -> None:
        super().__init__()
        self.others: dict[str, tuple[str, ...]] = {}

    def __missing__(self, piece: str) -> str:
        spellings = [forms for word in _words(piece) if (forms := _spellings(word))]
        if others := tuple(form for forms in spellings for form in forms[1:]):
            self.others[piece] = others
        self[piece] = " ".join(forms[0] for forms in spellings)
        return self[piece]


def query_tokens(query: str) -> tuple[tuple[str, ...], ...]:
    """Return the words of a query, each with its spellings; a match needs one spelling of every word.

    Reads the first 200 characters and 10 words; the order of words means nothing. `Zahnärztekammer` gives
    `(("zahnarztekammer", "zahnaerztekammer"),)`. An empty tuple means that nothing can be searched.
    """
    words = dict.fromkeys(_spellings(word) for word in _words(query[: limits.MAX_QUERY_CHARS]))
    words.pop((), None)
    cut = [tuple(dict.fromkeys(form[: limits.MAX_TOKEN_CHARS] for form in forms)) for forms in words]
    return tuple(cut[: limits.MAX_QUERY_TOKENS])


def _words(text: str) -> list[str]:
    """Split into runs of letters, digits and marks, casefolded and composed (NFC)."""
    composed = unicodedata.normalize("NFC", unicodedata.normalize("NFKD", text).casefold())
    return "".join(map(_kept, composed)).split()


@_remembered
def _kept(char: str) -> str:
    return char if unicodedata.category(char)[0] in "LMN" else " "


def _spellings(word: str) -> tuple[str, ...]:
    """Return the plain form of a word first, then each other spelling once; empty if it is only marks."""
    if word.isascii():
        return (word,)
    forms = [_plain(word)]
    if any(char in _DIGRAPHS for char in word):
        forms.append(_plain("".join(_DIGRAPHS.get(char, char) for char in word)))
    if any(char in _CYRILLIC for char in word):
        forms.append(_from_cyrillic(forms[0]))
    if any("\u0370" <= char <= "\u03ff" or "\u1f00" <= char <= "\u1fff" for char in word):
        forms.append(_from_greek(word))
    return tuple(dict.fromkeys(form for form in forms if form))


def _plain(word: str) -> str:
    return "".join(map(_letter, word))


@_remembered
def _letter(char: str) -> str:
    if char in _LETTERS:
        return _LETTERS[char]
    decomposed = unicodedata.normalize("NFKD", char)
    return "".join(part for part in decomposed if unicodedata.category(part)[0] != "M")


def _from_cyrillic(plain: str) -> str:
    """Transliterate letter by letter, but a final `ия` is `ia`, and the country's name has its own spelling."""
    if plain == "българия":
        return "bulgaria"
    stem, ending = (plain[:-2], "ia") if plain.endswith("ия") else (plain, "")
    return "".join(_CYRILLIC.get(char, char) for char in stem) + ending


def _from_greek(word: str) -> str:
    """Transcribe after ELOT 743: two vowels are one sound unless tonos or dialytika keep them apart."""
    marked = unicodedata.normalize("NFD", word)
    apart = re.sub("([αεο]\u0301)(?=υ)", "\\1|", re.sub("(?=υ\u0301?\u0308|υ\u0308)", "|", marked))
    return _GREEK_SOUND.sub(_sound, _plain(apart)).replace("|", "")


def _sound(match: re.Match[str]) -> str:
    sound = match.group()
    if sound in _GREEK_UPSILON:
        voiced = match.string[match.end() : match.end() + 1] in _GREEK_VOICED
        return _GREEK_UPSILON[sound] + ("v" if voiced else "f")
    return _GREEK.get(sound, sound)
