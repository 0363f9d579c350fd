"""Finding an authority: what is searched of it, which words must match, how matches are ordered, and why.

Pure. The node's store keeps the folded fields in an FTS5 table, takes a bounded number of rows without
ranking (ranking unbounded prefix hits is what makes full text slow), and orders those rows with `match`.
"""

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Literal, NamedTuple

from directory_sync.authority import Authority
from directory_sync.folding import fold

Field = Literal["name", "title", "place", "competence", "area"]
Tokens = Sequence[Sequence[str]]  # of `folding.query_tokens`: words, each with its spellings
Labels = Callable[[str, str], str | None]  # (code, language) to its text, if there is one

_MIN_PREFIX_CHARS = 2  # one letter alone matches only itself: half a directory begins with an s
_WEIGHTS: dict[Field, int] = {"name": 8, "title": 6, "place": 4, "competence": 3, "area": 1}


@dataclass(frozen=True, slots=True)
class Searchable:
    """The folded text of an authority, by field; the fields are the columns of a full-text table."""

    name: str
    title: str
    place: str
    competence: str
    area: str

    def whole(self) -> str:
        """Return all fields as one text, for a table with one column."""
        return " ".join(part for part in astuple(self) if part)


class Match(NamedTuple):
    """How well an authority fits (higher is better), and the fields it was found by, best first."""

    score: int
    why: tuple[Field, ...]


def searchable(
    authority: Authority, languages: Collection[str], labels: Labels = lambda _code, _lang: None
) -> Searchable:
    """Fold an authority for readers of `languages`: titles and labels in these, names always.

    `labels` knows what a competence or an area is called (`profession:dental-practitioner` in German);
    the codes themselves are searched too, so free keywords need no label.
    """
    areas = [role.area for role in authority.areas]
    region = [authority.region.name, authority.region.code] if authority.region else []
    return Searchable(
        name=fold(authority.name),
        title=_folded(text for lang, text in authority.titles.items() if lang in languages),
        place=_folded([authority.place, *region]),
        competence=_folded(_with_labels(authority.competences, languages, labels)),
        area=_folded(_with_labels(areas, languages, labels)),
    )


def match(text: Searchable, tokens: Tokens) -> Match | None:
    """Say whether every word of the query is somewhere in the authority, how well, and in which fields.

    A word counts in the best field that has it, twice if it is there whole and not only as a beginning.
    """
    words: dict[Field, list[str]] = {field: sorted(getattr(text, field).split()) for field in _WEIGHTS}
    score = 0
    why: set[Field] = set()
    for spellings in tokens:
        hits = {field: hit for field, there in words.items() if (hit := _hit(there, spellings))}
        if not hits:
            return None
        why.update(hits)
        score += max(_WEIGHTS[field] * hit for field, hit in hits.items())
    return Match(score, tuple(field for field in _WEIGHTS if field in why)) if tokens else None


def explain(authority: Authority, tokens: Tokens, languages: Collection[str]) -> tuple[Field, ...]:
    """Return the fields by which an authority was found, best first; empty if it does not match."""
    found = match(searchable(authority, languages), tokens)
    return found.why if found else ()


def fts_query(tokens: Tokens) -> str:
    """Return an FTS5 MATCH expression: every word, in any spelling and order, as a beginning of a word.

    Every spelling stands in double quotes with quotes doubled, so that nothing a user types is ever an
    operator (SQLite, "FTS5 Extension", 3.1 FTS5 Strings). No words give the empty string: then don't ask,
    since FTS5 calls an empty expression a syntax error.
    """
    groups = [" OR ".join(_quoted(form) for form in spellings if form) for spellings in tokens]
    return " AND ".join(f"({group})" for group in groups if group)


def _quoted(form: str) -> str:
    phrase = '"' + form.replace("\0", " ").replace('"', '""') + '"'
    return f"{phrase}*" if len(form) >= _MIN_PREFIX_CHARS else phrase


def _hit(words: Sequence[str], spellings: Iterable[str]) -> int:
    """Return 2 if a spelling is one of the sorted words, 1 if it begins one, else 0."""
    best = 0
    for form in spellings:
        index = bisect_left(words, form)
        if index < len(words) and words[index] == form:
            return 2
        if len(form) >= _MIN_PREFIX_CHARS and index < len(words) and words[index].startswith(form):
            best = 1
    return best


def _with_labels(codes: Iterable[str], languages: Collection[str], labels: Labels) -> Iterable[str]:
    for code in codes:
        yield code
        yield from (label for lang in sorted(languages) if (label := labels(code, lang)))


def _folded(texts: Iterable[str]) -> str:
    return " ".join(dict.fromkeys(" ".join(fold(text) for text in texts).split()))


COLUMNS = tuple(field.name for field in fields(Searchable))
