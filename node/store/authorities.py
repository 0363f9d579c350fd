"""The directories of all countries on disk: the signed lists byte for byte, and the rows that are searched."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from directory_sync.authority import Authority
from directory_sync.search import Searchable
from directory_sync.snapshot import Snapshot
from node.clock import unstamp
from node.store import engine
from node.store.tx import Read, Row, Tx


@dataclass(frozen=True)
class Listing:
    """A country's list as it was signed: `header` is the JWS, `sha256` the body's digest in base64url."""

    country: str
    version: int
    sha256: str
    header: str
    body: bytes
    at: str

    @property
    def snapshot(self) -> Snapshot:
        """The two documents that travel."""
        return Snapshot(self.header, self.body)


@dataclass(frozen=True)
class Entry:
    """An authority to be saved: `line` is its record in canonical JSON, `sort` its name as it is ordered."""

    authority: Authority
    line: bytes
    sort: str
    searchable: Searchable


@dataclass(frozen=True)
class Wanted:
    """Which authorities are looked for: active on a day, in these countries, perhaps in an area or with a role."""

    day: date
    countries: tuple[str, ...]
    area: str | None = None
    role: str | None = None


# --- whole lists ---


def listing_of(q: Read, country: str) -> Listing | None:
    """Return a country's list, with its body."""
    row = q.one("SELECT * FROM directory WHERE country = :country", {"country": country})
    if row is None:
        return None
    return Listing(country, row["version"], row["sha256"], row["header"], bytes(row["body"]), row["at"])


def head_of(q: Read, country: str) -> Row | None:
    """Return what is known of a country's list without its body: version, sha256 and header."""
    return q.one("SELECT version, sha256, header FROM directory WHERE country = :country", {"country": country})


def heads(q: Read) -> dict[str, tuple[int, str]]:
    """Return the version and body digest of every list, by country."""
    rows = q.all("SELECT country, version, sha256 FROM directory ORDER BY country")
    return {row["country"]: (row["version"], row["sha256"]) for row in rows}


def confirmed(q: Read) -> dict[str, datetime]:
    """Return when each country's list was last known to be its newest."""
    rows = q.all("SELECT country, fetched_at FROM directory ORDER BY country")
    return {row["country"]: unstamp(row["fetched_at"]) for row in rows}


def confirm(tx: Tx, country: str) -> None:
    """Note that a country's list is its newest."""
    tx.run("UPDATE directory SET fetched_at = :now WHERE country = :country", {"country": country, "now": tx.at})


def lines_of(q: Read, country: str, *, ended: bool = False) -> dict[str, bytes]:
    """Return the records of a country's list (or those that stood in it once) as canonical JSON, by id."""
    rows = q.all(
        "SELECT id, record FROM authority WHERE country = :country AND ended = :ended ORDER BY id",
        {"country": country, "ended": int(ended)},
    )
    return {row["id"]: bytes(row["record"]) for row in rows}


def save(tx: Tx, listing: Listing, entries: list[Entry], gone: list[str]) -> None:
    """Store a list and index what changed in it; who is `gone` keeps its row, so that cases can name it."""
    tx.run(
        "INSERT INTO directory (country, version, sha256, header, body, at, fetched_at)"
        " VALUES (:country, :version, :sha256, :header, :body, :at, :now) ON CONFLICT (country) DO UPDATE SET"
        " version = :version, sha256 = :sha256, header = :header, body = :body, at = :at, fetched_at = :now",
        {**asdict(listing), "now": tx.at},
    )
    tx.many("UPDATE authority SET ended = 1 WHERE id = :id", [{"id": one} for one in gone])
    tx.many(
        "INSERT INTO authority (id, country, name, sort, valid_from, valid_until, record, ended)"
        " VALUES (:id, :country, :name, :sort, :valid_from, :valid_until, :record, 0)"
        " ON CONFLICT (id) DO UPDATE SET name = :name, sort = :sort, valid_from = :valid_from,"
        " valid_until = :valid_until, record = :record, ended = 0",
        (_row(entry) for entry in entries),
    )
    changed = [entry.authority.id for entry in entries]
    tx.many("DELETE FROM authority_area WHERE authority = :id", [{"id": one} for one in (*gone, *changed)])
    tx.many(
        "INSERT INTO authority_area (authority, area, role) VALUES (:authority, :area, :role)",
        [
            {"authority": entry.authority.id, "area": role.area, "role": role.role}
            for entry in entries
            for role in entry.authority.areas
        ],
    )
    _index(tx, listing.country, {entry.authority.id: entry.searchable for entry in entries}, gone)


def _row(entry: Entry) -> dict[str, Any]:
    authority = entry.authority
    return {
        "id": authority.id,
        "country": authority.country,
        "name": authority.name,
        "sort": entry.sort,
        "valid_from": authority.valid_from.isoformat(),
        "valid_until": authority.valid_until.isoformat() if authority.valid_until else None,
        "record": entry.line,
    }


def _index(tx: Tx, country: str, texts: Mapping[str, Searchable], gone: Iterable[str] = ()) -> None:
    rows = tx.all("SELECT seq, id FROM authority WHERE country = :country", {"country": country})
    places = {row["id"]: row["seq"] for row in rows}
    tx.many(engine.SEARCH_DROP, [{"seq": places[one]} for one in (*gone, *texts)])
    tx.many(engine.SEARCH_PUT, ({"seq": places[one], **asdict(text)} for one, text in texts.items()))


def index(tx: Tx, country: str, texts: Mapping[str, Searchable]) -> None:
    """Replace the searched text of authorities that are there."""
    _index(tx, country, texts)


def proof_is_kept(q: Read, iss: str, second: bytes) -> bool:
    """Say whether a contradicting document is among the proofs already: it is offered again at every fetch."""
    row = q.one("SELECT seq FROM proof WHERE iss = :iss AND second = :second", {"iss": iss, "second": second})
    return row is not None


# --- single authorities ---


def record_of(q: Read, authority: str) -> bytes | None:
    """Return an authority's record in canonical JSON, an ended one's too."""
    row = q.one("SELECT record FROM authority WHERE id = :id", {"id": authority})
    return bytes(row["record"]) if row else None


def name_of(q: Read, authority: str) -> str | None:
    """Return an authority's official name, an ended one's too."""
    row = q.one("SELECT name FROM authority WHERE id = :id", {"id": authority})
    return row["name"] if row else None


def is_active(q: Read, country: str, authority: str, day: date | None = None) -> bool:
    """Say whether an authority stands in its country's list and may be asked on a day.

    Without `day` it is that of the transaction; a plain read has none, and leaves the dates out.
    """
    when = day or (q.now.date() if isinstance(q, Tx) else None)
    row = q.one(
        "SELECT id FROM authority WHERE id = :id AND country = :country AND ended = 0"
        " AND (CAST(:day AS TEXT) IS NULL OR valid_from <= :day AND (valid_until IS NULL OR valid_until >= :day))",
        {"id": authority, "country": country, "day": when.isoformat() if when else None},
    )
    return row is not None


# --- search ---


def _where(wanted: Wanted) -> tuple[str, dict[str, Any]]:
    countries = {f"c{place}": country for place, country in enumerate(wanted.countries)}
    named = ", ".join(f":{name}" for name in countries)
    values: dict[str, Any] = {**countries, "day": wanted.day.isoformat(), "area": wanted.area, "role": wanted.role}
    clause = (
        f"a.country IN ({named}) AND a.ended = 0"
        " AND a.valid_from <= :day AND (a.valid_until IS NULL OR a.valid_until >= :day)"
    )
    if wanted.area is not None or wanted.role is not None:
        clause += (
            " AND EXISTS (SELECT 1 FROM authority_area r WHERE r.authority = a.id"
            " AND r.area = COALESCE(CAST(:area AS TEXT), r.area) AND r.role = COALESCE(CAST(:role AS TEXT), r.role))"
        )
    return clause, values


def matching(q: Read, match: str, wanted: Wanted, most: int) -> list[Row]:
    """Return the first `most` authorities whose text matches, unranked: id, sort and the searched fields."""
    clause, values = _where(wanted)
    return q.all(
        f"SELECT a.id, a.sort, s.* FROM {engine.SEARCH_FROM} WHERE {engine.SEARCH_MATCHES} AND {clause} LIMIT :most",  # noqa: S608 - ours
        {**values, "match": match, "most": most},
    )


def in_order(q: Read, wanted: Wanted, limit: int, offset: int) -> list[str]:
    """Return the ids of one part of all authorities, by country and name."""
    clause, values = _where(wanted)
    rows = q.all(
        f"SELECT a.id FROM authority a WHERE {clause} ORDER BY a.country, a.sort, a.id LIMIT :limit OFFSET :offset",  # noqa: S608 - ours
        {**values, "limit": limit, "offset": offset},
    )
    return [row["id"] for row in rows]


def count(q: Read, wanted: Wanted) -> int:
    """Return how many authorities there are."""
    clause, values = _where(wanted)
    row = q.one(f"SELECT COUNT(*) AS count FROM authority a WHERE {clause}", values)  # noqa: S608 - ours
    assert row is not None
    return int(row["count"])


def counts(q: Read, day: date) -> dict[str, int]:
    """Return how many authorities of each country are active on a day."""
    rows = q.all(
        "SELECT country, COUNT(*) AS count FROM authority WHERE ended = 0 AND valid_from <= :day"
        " AND (valid_until IS NULL OR valid_until >= :day) GROUP BY country",
        {"day": day.isoformat()},
    )
    return {row["country"]: row["count"] for row in rows}
