"""The directories of all countries on disk: the signed lists byte for byte, and the rows that are searched."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from directory_sync.authority import Authority
from directory_sync.search import Searchable
from directory_sync.snapshot import Snapshot
from node.clock import unstamp
from node.store import authority_index
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
    before = _known_before(tx, listing.country, [entry.authority.id for entry in entries])
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
            if role.status == "active"  # a suspended one isn't found by its area, SPEC S-199
        ],
    )
    _index(tx, listing.country, {entry.authority.id: entry.searchable for entry in entries}, [*gone, *before])


def _known_before(q: Read, country: str, ids: list[str]) -> list[str]:
    """Return which of these authorities have a row already; the first list of a country has none."""
    rows = q.all("SELECT id FROM authority WHERE country = :country", {"country": country})
    there = {row["id"] for row in rows}
    return [one for one in ids if one in there] if there else []


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


def _index(tx: Tx, country: str, texts: Mapping[str, Searchable], before: Iterable[str] = ()) -> None:
    """Index texts by their authorities; `before` names those that may have been in the index, or leave it."""
    rows = tx.all("SELECT seq, id FROM authority WHERE country = :country", {"country": country})
    places = {row["id"]: row["seq"] for row in rows}
    new = {places[one]: text for one, text in texts.items()}
    authority_index.put(tx, new, replaced=[places[one] for one in before if one in places])


def index(tx: Tx, country: str, texts: Mapping[str, Searchable]) -> None:
    """Replace the searched text of authorities that are there."""
    _index(tx, country, texts, texts)


def proof_is_kept(q: Read, iss: str, second: bytes) -> bool:
    """Say whether a contradicting document is among the proofs already: it is offered again at every fetch."""
    row = q.one("SELECT seq FROM proof WHERE iss = :iss AND second = :second", {"iss": iss, "second": second})
    return row is not None


# --- single authorities ---


def record_of(q: Read, authority: str) -> bytes | None:
    """Return an authority's record in canonical JSON, an ended one's too."""
    row = q.one("SELECT record FROM authority WHERE id = :id", {"id": authority})
    return bytes(row["record"]) if row else None


def listed(q: Read, country: str, authorities: Iterable[str]) -> dict[str, bytes]:
    """Return the records of some authorities, as far as they stand in the country's list."""
    rows = (
        q.one(
            "SELECT id, record FROM authority WHERE id = :id AND country = :country AND ended = 0",
            {"id": one, "country": country},
        )
        for one in authorities
    )
    return {row["id"]: bytes(row["record"]) for row in rows if row is not None}


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


def counts(q: Read, day: date) -> dict[str, int]:
    """Return how many authorities of each country are active on a day."""
    rows = q.all(
        "SELECT country, COUNT(*) AS count FROM authority WHERE ended = 0 AND valid_from <= :day"
        " AND (valid_until IS NULL OR valid_until >= :day) GROUP BY country",
        {"day": day.isoformat()},
    )
    return {row["country"]: row["count"] for row in rows}
