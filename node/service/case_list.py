"""Lists of cases narrowed by words: number, authority of the other side, country."""

import re
from dataclasses import replace
from typing import Final

from node.service.case_texts import CaseTexts
from node.store import case_lists
from node.store.case_lists import Part, Wanted
from node.store.list_place import FIRST, Place
from node.store.tx import Read, Row

MOST_COUNTED: Final = case_lists.COUNTED
"""Waiting cases that are counted at most."""
MAX_AT_ONCE: Final = 200
"""Cases of one part of a list."""
MAX_WORDS: Final = 200
"""Characters of the words that a list is narrowed by."""
_NUMBER: Final = re.compile(r"[A-Z]{2}-[0-9]{4}-[0-9]{6,9}(/[1-9][0-9]{0,2})?")
_PARTS: Final = 5
"""Parts of `MAX_AT_ONCE` cases through which words are looked for at once."""


def read(q: Read, wanted: Wanted, texts: CaseTexts, words: str, limit: int, after: Place) -> Part:
    """Return the first cases of a list behind a place in which all `words` stand; a whole number is found at once."""
    asked = words.strip().upper()
    if _NUMBER.fullmatch(asked):
        numbered = replace(wanted, filters={**wanted.filters, "number": asked})
        return case_lists.listing(q, numbered, limit, after)
    if not asked:
        return case_lists.listing(q, wanted, limit, after)
    found: list[Row] = []
    place: Place | None = after
    for _ in range(_PARTS):
        part = case_lists.listing(q, wanted, MAX_AT_ONCE, place or FIRST)
        found += [row for row in part.rows if _fits(texts, row, words)]
        place = part.next
        if len(found) > limit:
            last = found[limit - 1]
            return Part(found[:limit], Place(last["updated_at"], last["id"]))
        if place is None:
            break
    return Part(found, place)


def _fits(texts: CaseTexts, row: Row, words: str) -> bool:
    """Say whether every word stands in the case's number, authority or country; never in anything personal."""
    text = f"{row['number']} {row['their_name']} {texts.country(row['counterpart'])}".casefold()
    return all(word in text for word in words.casefold().split())
