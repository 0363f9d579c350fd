"""The authorities of all countries on disk: their records byte for byte, and what stands in their lists."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Final

from directory_sync.authority import Authority
from directory_sync.search import Searchable
from node.domain.day import directory_day
from node.store import authority_index
from node.store.tx import Read, Row, Tx
from node.store.tx import listed as listed_values

_AT_ONCE: Final = 500


@dataclass(frozen=True)
class Entry:
    """An authority to be saved: `line` is its record in canonical JSON, `sort` its name as it is ordered.

    `leaf` is the number of the leaf that publishes it, with the `salt` that stands beside the record.
    """

    authority: Authority
    line: bytes
    sort: str
    searchable: Searchable
    leaf: int
    salt: str


# --- whole lists ---


def lines_of(q: Read, country: str, *, ended: bool = False) -> dict[str, bytes]:
    """Return the records of a country's list (or what is left of those that stood in it once), by id."""
    rows = q.all(
        "SELECT id, record FROM authority WHERE country = :country AND ended = :ended ORDER BY id",
        {"country": country, "ended": int(ended)},
    )
    return {row["id"]: bytes(row["record"]) for row in rows}


def count_of(q: Read, country: str) -> int:
    """Return how many authorities stand in a country's list."""
    row = q.one("SELECT COUNT(*) AS count FROM authority WHERE country = :country AND ended = 0", {"country": country})
    assert row is not None
    return int(row["count"])


def ids_of(q: Read, country: str) -> set[str]:
    """Return the ids of a country's list."""
    rows = q.all("SELECT id FROM authority WHERE country = :country AND ended = 0", {"country": country})
    return {row["id"] for row in rows}


def present(q: Read, ids: Iterable[str]) -> dict[str, tuple[bytes, bool, int | None]]:
    """Return (record, whether it has ended, number of its leaf) of those of some authorities that are here."""
    return {
        row["id"]: (bytes(row["record"]), bool(row["ended"]), row["leaf"])
        for row in _by_id(q, "SELECT id, record, ended, leaf FROM authority WHERE id IN ", ids)
    }


def naming(q: Read, country: str, ids: list[str]) -> list[bytes]:
    """Return the records of a country's list in which one of these ids stands, somewhere."""
    if not ids:
        return []
    values = {f"i{n}": f'%"{one}"%' for n, one in enumerate(ids)}
    named = " OR ".join(f"CAST(record AS TEXT) LIKE :{name}" for name in values)
    sql = f"SELECT record FROM authority WHERE country = :country AND ended = 0 AND ({named}) ORDER BY id"  # noqa: S608 - ours
    return [bytes(row["record"]) for row in q.all(sql, {"country": country, **values})]


def without_leaf(q: Read, country: str) -> dict[str, bytes]:
    """Return the records of a country's list that no leaf of its log publishes."""
    rows = q.all(
        "SELECT id, record FROM authority WHERE country = :country AND ended = 0 AND leaf IS NULL ORDER BY id",
        {"country": country},
    )
    return {row["id"]: bytes(row["record"]) for row in rows}


def _by_id(q: Read, select: str, ids: Iterable[str]) -> Iterator[Row]:
    left = list(ids)
    for place in range(0, len(left), _AT_ONCE):
        values = {f"i{n}": one for n, one in enumerate(left[place : place + _AT_ONCE])}
        yield from q.all(f"{select} ({', '.join(f':{name}' for name in values)})", values)


def save(tx: Tx, entries: list[Entry], gone: Mapping[str, bytes]) -> None:
    """Store and index what changed in a country's list.

    Who is `gone` keeps a row with what is left of its record, so that cases can name it.
    """
    known = _places(tx, [*gone, *(entry.authority.id for entry in entries)])
    tx.many(
        "UPDATE authority SET ended = 1, record = :left, salt = NULL, leaf = NULL WHERE id = :id",
        [{"id": one, "left": left} for one, left in gone.items()],
    )
    places = known | _new_places(tx, [entry.authority.id for entry in entries if entry.authority.id not in known])
    tx.many(
        "UPDATE authority SET name = :name, sort = :sort, valid_from = :valid_from, valid_until = :valid_until,"
        " record = :record, ended = 0, leaf = :leaf, salt = :salt WHERE seq = :seq",
        (_row(entry, places) for entry in entries if entry.authority.id in known),
    )
    tx.many(
        "INSERT INTO authority (seq, id, country, name, sort, valid_from, valid_until, record, ended, leaf, salt)"
        " VALUES (:seq, :id, :country, :name, :sort, :valid_from, :valid_until, :record, 0, :leaf, :salt)",
        (_row(entry, places) for entry in entries if entry.authority.id not in known),
    )
    tx.many("DELETE FROM authority_area WHERE authority = :id", [{"id": one} for one in known])
    tx.many(
        "INSERT INTO authority_area (authority, area, role) VALUES (:authority, :area, :role)",
        [
            {"authority": entry.authority.id, "area": role.area, "role": role.role}
            for entry in entries
            for role in entry.authority.areas
            if role.status == "active"  # a suspended one isn't found by its area, SPEC S-199
        ],
    )
    tx.many("DELETE FROM authority_observer WHERE authority = :id", [{"id": one} for one in known])
    tx.many(
        "INSERT INTO authority_observer (observer, authority) VALUES (:observer, :authority)",
        [
            {"observer": observer, "authority": entry.authority.id}
            for entry in entries
            for observer in (entry.authority.links.observers if entry.authority.links else ())
        ],
    )
    texts = {places[entry.authority.id]: entry.searchable for entry in entries}
    authority_index.put(tx, texts, replaced=known.values())


def _row(entry: Entry, places: Mapping[str, int]) -> dict[str, Any]:
    authority = entry.authority
    return {
        "seq": places[authority.id],
        "id": authority.id,
        "country": authority.country,
        "name": authority.name,
        "sort": entry.sort,
        "valid_from": authority.valid_from.isoformat(),
        "valid_until": authority.valid_until.isoformat() if authority.valid_until else None,
        "record": entry.line,
        "leaf": entry.leaf,
        "salt": entry.salt,
    }


def _places(q: Read, ids: Iterable[str]) -> dict[str, int]:
    return {row["id"]: row["seq"] for row in _by_id(q, "SELECT seq, id FROM authority WHERE id IN ", ids)}


def _new_places(q: Read, ids: list[str]) -> dict[str, int]:
    """Choose the row numbers of authorities that are new here."""
    row = q.one("SELECT COALESCE(MAX(seq), 0) AS last FROM authority")
    assert row is not None
    return {one: row["last"] + n for n, one in enumerate(ids, 1)}


def index(tx: Tx, texts: Mapping[str, Searchable]) -> None:
    """Replace the searched text of authorities that are there."""
    places = _places(tx, texts)
    authority_index.put(tx, {places[one]: text for one, text in texts.items()}, replaced=places.values())


def proof_is_kept(q: Read, iss: str, second: bytes) -> bool:
    """Say whether a contradicting document is among the proofs already: it is offered again at every fetch."""
    row = q.one("SELECT seq FROM proof WHERE iss = :iss AND second = :second", {"iss": iss, "second": second})
    return row is not None


# --- single authorities ---


@lru_cache(maxsize=256)
def read(record: bytes) -> Authority:
    """Read a record as it is stored; the few that take part in most requests are read once."""
    return Authority.model_validate_json(record)


def record_of(q: Read, authority: str) -> bytes | None:
    """Return an authority's record in canonical JSON, an ended one's too."""
    row = q.one("SELECT record FROM authority WHERE id = :id", {"id": authority})
    return bytes(row["record"]) if row else None


def listed(q: Read, country: str, authorities: Iterable[str]) -> dict[str, bytes]:
    """Return the records of some authorities, as far as they stand in the country's list."""
    rows = _by_id(q, "SELECT id, record, country, ended FROM authority WHERE id IN ", authorities)
    return {row["id"]: bytes(row["record"]) for row in rows if row["country"] == country and not row["ended"]}


def name_of(q: Read, authority: str) -> str | None:
    """Return an authority's official name, an ended one's too."""
    row = q.one("SELECT name FROM authority WHERE id = :id", {"id": authority})
    return row["name"] if row else None


def is_active(q: Read, country: str, authority: str, day: date | None = None) -> bool:
    """Say whether an authority stands in its country's list and may be asked on a day.

    Without `day` it is that of the transaction; a plain read has none, and leaves the dates out.
    """
    when = day or (directory_day(q.now) if isinstance(q, Tx) else None)
    row = q.one(
        "SELECT id FROM authority WHERE id = :id AND country = :country AND ended = 0"
        " AND (CAST(:day AS TEXT) IS NULL OR valid_from <= :day AND (valid_until IS NULL OR valid_until >= :day))",
        {"id": authority, "country": country, "day": when.isoformat() if when else None},
    )
    return row is not None


def is_competent(q: Read, authority: str, area: str) -> bool:
    """Say whether an authority is active in a legal area, as its record says."""
    asked = {"id": authority, "area": area}
    return q.one("SELECT 1 FROM authority_area WHERE authority = :id AND area = :area", asked) is not None


def observed(q: Read, observers: Iterable[str]) -> list[tuple[str, str]]:
    """Return (observer, observed) of the authorities that some authorities observe, by the records of today."""
    names, values = listed_values(sorted(observers))
    rows = q.all(
        f"SELECT observer, authority FROM authority_observer WHERE observer IN ({names}) ORDER BY authority, observer",  # noqa: S608 - names are ours
        values,
    )
    return [(row["observer"], row["authority"]) for row in rows]


def counts(q: Read, day: date) -> dict[str, int]:
    """Return how many authorities of each country are active on a day."""
    rows = q.all(
        "SELECT country, COUNT(*) AS count FROM authority WHERE ended = 0 AND valid_from <= :day"
        " AND (valid_until IS NULL OR valid_until >= :day) GROUP BY country",
        {"day": day.isoformat()},
    )
    return {row["country"]: row["count"] for row in rows}
