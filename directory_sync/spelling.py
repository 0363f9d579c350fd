"""One typing error: a letter too many, too few or another one, or two neighbours that changed places.

A directory's words are found by it without comparing them all: a word and what was typed for it share one
of the forms that are left when at most one letter is taken out of their first letters (`heads`). Where they
share none there can't be one typing error. What shares one is compared (`is_slip`).
"""

from typing import Final

MIN_CHARS: Final = 4
"""Letters from which on a typing error is thought of; in shorter words it makes any word of any other."""
MIN_BEGUN_CHARS: Final = 6
"""Letters from which on it is also thought of in the beginning of a longer word."""
HEAD: Final = 6
"""Letters of a word that are looked up."""


def heads(word: str) -> frozenset[str]:
    """Return the forms by which a word of at least three letters is looked up."""
    head = word[:HEAD]
    return frozenset((head, *(head[:place] + head[place + 1 :] for place in range(len(head)))))


def is_slip(typed: str, word: str) -> bool:
    """Say whether a word, or its beginning, becomes what was typed by one error; never for numbers.

    Up to the first letter that differs both are equal, so the error is there: what follows it must be equal again.
    """
    size = len(typed)
    if size < MIN_CHARS or typed.isdigit() or len(word) < size - 1:
        return False
    at = _first_difference(typed, word)
    rest = typed[at + 1 :]
    if size >= MIN_BEGUN_CHARS:
        return (
            word.startswith(rest, at + 1)  # another letter
            or word.startswith(rest, at)  # one too many
            or word.startswith(typed[at:], at + 1)  # one too few
            or (word[at : at + 2] == typed[at : at + 2][::-1] and word.startswith(rest[1:], at + 2))
        )
    return typed != word and (
        rest in (word[at + 1 :], word[at:])
        or typed[at:] == word[at + 1 :]
        or (word[at : at + 2] == typed[at : at + 2][::-1] and rest[1:] == word[at + 2 :])
    )


def _first_difference(one: str, other: str) -> int:
    start = HEAD if one[:HEAD] == other[:HEAD] else 0  # most that are compared begin alike
    for at, left in enumerate(one[start:], start):
        if other[at : at + 1] != left:
            return at
    return len(one)
