"""The full-text index of the authorities: what is put into it, and a bounded part of what fits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from directory_sync.search import COLUMNS, Searchable
from node.clock import unstamp
from node.store import engine, vocabulary
from node.store.tx import Read, Row, Tx, listed

_COLUMNS: Final = ", ".join(f"s.{name}" for name in COLUMNS)


@dataclass(frozen=True)
class Wanted:
    """Which authorities are looked for: active on a day, in these countries, with one mark of each filter."""

    day: date
    countries: tuple[str, ...]
    filters: tuple[tuple[str, ...], ...] = ()


def put(tx: Tx, texts: Mapping[int, Searchable], *, replaced: Iterable[int] = ()) -> None:
    """Index authorities by their `seq`; those that may be in the index already are `replaced`, or leave it."""
    drop(tx, replaced)
    # by row number: FTS5 writes out what it has gathered whenever a number is lower than the one before
    ordered = sorted(texts.items(), key=lambda item: (item[1].standing, item[0]))
    tx.many(engine.SEARCH_PUT, (_values(seq, text) for seq, text in ordered))
    vocabulary.learn(tx, texts.values())


def drop(tx: Tx, seqs: Iterable[int]) -> None:
    """Take authorities out of the index."""
    everywhere = [{"seq": seq, "standing": standing} for seq in seqs for standing in range(engine.STANDINGS)]
    tx.many(engine.SEARCH_DROP, everywhere)


def empty(tx: Tx) -> None:
    """Take everything out of the index and forget its words."""
    tx.run(engine.SEARCH_EMPTY)
    vocabulary.forget(tx)


def _values(seq: int, text: Searchable) -> dict[str, Any]:
    return {
        "seq": seq,
        "standing": text.standing,
        "name": text.name,
        "title": text.title,
        "place": text.place,
        "keyword": text.keyword,
        "marks": text.marks,
    }


def matching(q: Read, match: str, wanted: Wanted, most: int) -> list[Row]:
    """Return the first `most` authorities that an expression finds, national ones first, otherwise unranked.

    Each has `seq`, `id`, `sort`, `standing` and the columns of the index, in this order.
    """
    clause, values = _where(wanted)
    return q.all(
        f"SELECT a.seq, a.id, a.sort, {engine.SEARCH_STANDING} AS standing, {_COLUMNS} FROM {engine.SEARCH_FROM}"  # noqa: S608 - ours
        f" WHERE {engine.SEARCH_MATCHES} AND {clause} ORDER BY s.rowid LIMIT :most",
        {**values, "match": match, "most": most},
    )


def in_order(q: Read, match: str, wanted: Wanted, part: tuple[int, int]) -> list[str]:
    """Return the ids of one part (limit, offset) of all authorities that pass the filters, by country and name."""
    clause, values = _filtered(match, wanted)
    rows = q.all(
        f"SELECT a.id FROM authority a WHERE {clause} ORDER BY a.country, a.sort, a.id LIMIT :limit OFFSET :offset",  # noqa: S608 - ours
        {**values, "limit": part[0], "offset": part[1]},
    )
    return [row["id"] for row in rows]


def count(q: Read, match: str, wanted: Wanted) -> int:
    """Return how many authorities pass the filters."""
    clause, values = _filtered(match, wanted)
    row = q.one(f"SELECT COUNT(*) AS count FROM authority a WHERE {clause}", values)  # noqa: S608 - ours
    assert row is not None
    return int(row["count"])


def _where(wanted: Wanted) -> tuple[str, dict[str, Any]]:
    countries = {f"c{place}": country for place, country in enumerate(wanted.countries)}
    clause = (
        f"a.country IN ({', '.join(f':{name}' for name in countries)}) AND a.ended = 0"
        " AND a.valid_from <= :day AND (a.valid_until IS NULL OR a.valid_until >= :day)"
    )
    return clause, {**countries, "day": wanted.day.isoformat()}


def _filtered(match: str, wanted: Wanted) -> tuple[str, dict[str, Any]]:
    clause, values = _where(wanted)
    if match:
        seqs = f"SELECT {engine.SEARCH_SEQ} FROM authority_search s WHERE {engine.SEARCH_MATCHES}"  # noqa: S608 - ours
        clause += f" AND a.seq IN ({seqs})"
    return clause, {**values, "match": match}


def asked_before(q: Read, authorities: Sequence[str]) -> frozenset[str]:
    """Return those of some authorities to which we have closed requests."""
    names, values = listed(authorities)
    rows = q.all(
        f"SELECT DISTINCT their_authority FROM cases WHERE their_authority IN ({names})"  # noqa: S608 - names are ours
        " AND role = 'asking' AND closed_at IS NOT NULL",
        values,
    )
    return frozenset(row["their_authority"] for row in rows)


def answer_days(q: Read, authority: str, most: int) -> list[float]:
    """Return in how many days an authority first replied to our last `most` requests that were closed."""
    rows = q.all(
        "SELECT c.created_at, MIN(e.at) AS replied_at FROM"
        " (SELECT id, created_at FROM cases WHERE their_authority = :id AND role = 'asking' AND closed_at IS NOT NULL"
        " ORDER BY closed_at DESC LIMIT :most) c"
        " JOIN event e ON e.case_id = c.id AND e.kind = 'request.reply' GROUP BY c.id",
        {"id": authority, "most": most},
    )
    return [(unstamp(row["replied_at"]) - unstamp(row["created_at"])).total_seconds() / 86400 for row in rows]
