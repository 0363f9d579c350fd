"""The words of the directory: what begins so, what is one typing error away, what it means, where a place lies.

Words are added with the authorities that have them and never taken away: one that no authority has any more
finds nothing. Writing the index anew sweeps them.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from directory_sync.search import Searchable
from directory_sync.spelling import HEAD, heads
from node.store.tx import Read, Row, Tx

_LAST: Final = "\U0010ffff"
_MIN_HEAD: Final = 3
_AT_ONCE: Final = 500


def learn(tx: Tx, texts: Iterable[Searchable]) -> None:
    """Add the words of authorities, and the places that they name."""
    uses: Counter[str] = Counter()
    seats: dict[tuple[str, str, str], Searchable] = {}
    for text in texts:
        uses.update(" ".join(text.texts()).split())
        if text.region:
            seats[text.place, text.country, text.region] = text
    places = {(word, one.country, one.region) for one in seats.values() for word in one.places()}
    add_words(tx, uses)
    tx.many(
        "INSERT INTO search_place (word, country, region) VALUES (:word, :country, :region) ON CONFLICT DO NOTHING",
        ({"word": word, "country": country, "region": region} for word, country, region in sorted(places)),
    )


def add_words(tx: Tx, uses: Counter[str]) -> None:
    """Add words with how often they are used; only those that are new here cost more than that."""
    known = _known(tx, uses)
    tx.many(
        "UPDATE search_term SET uses = uses + :uses WHERE term = :term",
        ({"term": term, "uses": uses[term]} for term in sorted(known) if uses[term]),
    )
    new = sorted(uses.keys() - known)
    tx.many(
        "INSERT INTO search_term (term, head, uses) VALUES (:term, :head, :uses)",
        ({"term": term, "head": term[:HEAD], "uses": uses[term]} for term in new),
    )
    beginnings = {term[:HEAD] for term in new if len(term) >= _MIN_HEAD and not term.isdigit()}
    tx.many(
        "INSERT INTO search_head (form, head) VALUES (:form, :head) ON CONFLICT DO NOTHING",
        ({"form": form, "head": head} for form, head in sorted((f, h) for h in beginnings for f in heads(h))),
    )


def _known(q: Read, terms: Iterable[str]) -> set[str]:
    """Return which of some words are there."""
    found: set[str] = set()
    left = sorted(terms)
    for place in range(0, len(left), _AT_ONCE):
        named, values = _named(left[place : place + _AT_ONCE])
        found.update(row["term"] for row in q.all(f"SELECT term FROM search_term WHERE term IN ({named})", values))  # noqa: S608 - names are ours
    return found


def forget(tx: Tx) -> None:
    """Forget all words and places, before they are learned anew."""
    tx.run("DELETE FROM search_term")
    tx.run("DELETE FROM search_head")
    tx.run("DELETE FROM search_place")


def mean(tx: Tx, meanings: Iterable[tuple[str, str, int]]) -> None:
    """Set what words mean: (word, mark, number of words of the shortest name that has it)."""
    rows = sorted(meanings)
    tx.run("DELETE FROM search_meaning")
    tx.many(
        "INSERT INTO search_meaning (word, mark, words) VALUES (:word, :mark, :words)",
        ({"word": word, "mark": mark, "words": words} for word, mark, words in rows),
    )
    add_words(tx, Counter(dict.fromkeys((word for word, _, _ in rows), 0)))


def state(q: Read, name: str) -> str | None:
    """Return which version of the index's texts or meanings is stored."""
    row = q.one("SELECT value FROM search_state WHERE name = :name", {"name": name})
    return None if row is None else str(row["value"])


def set_state(tx: Tx, name: str, value: str) -> None:
    """Note which version is stored now."""
    tx.run(
        "INSERT INTO search_state (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = :value",
        {"name": name, "value": value},
    )


def begun(q: Read, form: str, most: int) -> list[str]:
    """Return up to `most` longer words that begin so, the most used first."""
    rows = q.all(
        "SELECT term FROM search_term WHERE term > :form AND term < :last ORDER BY uses DESC, term LIMIT :most",
        {"form": form, "last": form + _LAST, "most": most},
    )
    return [row["term"] for row in rows]


def near(q: Read, forms: Iterable[str]) -> list[str]:
    """Return the words that share one of the forms of `spelling.heads`, the most used first."""
    named, values = _named(forms)
    rows = q.all(
        "SELECT DISTINCT t.term, t.uses FROM search_head h JOIN search_term t ON t.head = h.head"  # noqa: S608 - names are ours
        f" WHERE h.form IN ({named}) ORDER BY t.uses DESC, t.term",
        values,
    )
    return [row["term"] for row in rows]


def meanings(q: Read, words: Sequence[str], most: int) -> list[Row]:
    """Return what any of the words means, as (word, mark), the shortest names first."""
    named, values = _named(words)
    return q.all(
        f"SELECT word, mark FROM search_meaning WHERE word IN ({named}) ORDER BY words, mark LIMIT :most",  # noqa: S608 - ours
        {**values, "most": most},
    )


def meanings_begun(q: Read, form: str, most: int) -> list[str]:
    """Return the marks of names that have a word which begins so."""
    rows = q.all(
        "SELECT DISTINCT mark, words FROM search_meaning WHERE word > :form AND word < :last"
        " ORDER BY words, mark LIMIT :most",
        {"form": form, "last": form + _LAST, "most": most},
    )
    return [row["mark"] for row in rows]


def places(q: Read, words: Sequence[str], most: int) -> list[tuple[str, str]]:
    """Return the (country, region) in which a place is that is called so."""
    named, values = _named(words)
    rows = q.all(
        f"SELECT DISTINCT country, region FROM search_place WHERE word IN ({named}) LIMIT :most",  # noqa: S608 - ours
        {**values, "most": most},
    )
    return [(row["country"], row["region"]) for row in rows]


def _named(words: Iterable[str]) -> tuple[str, dict[str, object]]:
    values: dict[str, object] = {f"w{place}": word for place, word in enumerate(words)}
    return ", ".join(f":{name}" for name in values), values
