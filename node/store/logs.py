"""The directories' logs on disk: leaves and tiles of every country, its newest checkpoint, and what was cosigned."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from directory_sync.checkpoint import HASH_BYTES
from directory_sync.leaf import Leaf, Salted
from directory_sync.tree import TILE, Tiles, Tree
from node.clock import unstamp
from node.store.tx import Read, Row, Tx
from protocol.encoding import b64u

_AT_ONCE: Final = 500


@dataclass(frozen=True)
class Log:
    """A country's log here. `size` counts the leaves that are here, `signed` those under the newest whole checkpoint.

    `note` is that checkpoint with all signatures, "" before the first one; `signed_at` when it was signed (our own) or
    taken over, `confirmed_at` when it was last known to be the newest; `frozen` says why nothing more is taken over.
    """

    country: str
    origin: str
    size: int
    signed: int
    root: bytes
    note: str
    signed_at: datetime
    confirmed_at: datetime
    frozen: str | None


def find(q: Read, country: str) -> Log | None:
    """Return a country's log, None where nothing of it is here."""
    row = q.one("SELECT * FROM log WHERE country = :country", {"country": country})
    return _log(row) if row else None


def every(q: Read) -> list[Log]:
    """Return all logs, by country."""
    return [_log(row) for row in q.all("SELECT * FROM log ORDER BY country")]


def _log(row: Row) -> Log:
    return Log(
        row["country"],
        row["origin"],
        row["size"],
        row["signed"],
        bytes(row["root"]),
        row["note"],
        unstamp(row["signed_at"]),
        unstamp(row["confirmed_at"]),
        row["frozen"],
    )


def heads(q: Read) -> dict[str, tuple[int, str]]:
    """Return size and root (base64url) of every log's newest checkpoint, by country."""
    rows = q.all("SELECT country, signed, root FROM log WHERE note <> '' ORDER BY country")
    return {row["country"]: (row["signed"], b64u(bytes(row["root"]))) for row in rows}


def head(q: Read, country: str) -> tuple[int, str] | None:
    """Return size and root (base64url) of a log's newest checkpoint, None where there is none."""
    row = q.one("SELECT signed, root FROM log WHERE country = :country AND note <> ''", {"country": country})
    return (row["signed"], b64u(bytes(row["root"]))) if row else None


def in_force(q: Read) -> dict[str, tuple[str, tuple[int, str]]]:
    """Return name, size and root (base64url) of every log's newest checkpoint, by country; of none that is frozen."""
    rows = q.all("SELECT country, origin, signed, root FROM log WHERE note <> '' AND frozen IS NULL")
    return {row["country"]: (row["origin"], (row["signed"], b64u(bytes(row["root"])))) for row in rows}


def confirmed(q: Read) -> dict[str, datetime]:
    """Return when each country's log was last known to be its newest."""
    rows = q.all("SELECT country, confirmed_at FROM log WHERE note <> '' ORDER BY country")
    return {row["country"]: unstamp(row["confirmed_at"]) for row in rows}


# --- growing ---


def begin(tx: Tx, country: str, origin: str) -> None:
    """Begin a log, anew where another one was here: its leaves go, the authorities stay until they are replaced."""
    values = {"country": country, "origin": origin, "now": tx.at, "none": b""}
    for table in ("log_leaf", "log_tile", "log_pending"):
        tx.run(f"DELETE FROM {table} WHERE country = :country", {"country": country})  # noqa: S608 - ours
    tx.run("UPDATE authority SET leaf = NULL WHERE country = :country AND leaf IS NOT NULL", {"country": country})
    tx.run(
        "INSERT INTO log (country, origin, size, signed, root, note, signed_at, confirmed_at)"
        " VALUES (:country, :origin, 0, 0, :none, '', :now, :now) ON CONFLICT (country) DO UPDATE SET"
        " origin = :origin, size = 0, signed = 0, root = :none, note = '', signed_at = :now, frozen = NULL",
        values,
    )


def append(tx: Tx, country: str, leaves: Iterable[Leaf], tree: Tree, full: Mapping[tuple[int, int], bytes]) -> None:
    """Append leaves; `tree` is what the log is afterwards, `full` the tiles that were filled."""
    added = list(leaves)
    start = tree.size - len(added)
    tx.many(
        "INSERT INTO log_leaf (country, n, authority, v, sha256, at)"
        " VALUES (:country, :n, :authority, :v, :sha256, :at)",
        (
            {"country": country, "n": n, "authority": one.authority, "v": one.v, "sha256": one.sha256, "at": one.at}
            for n, one in enumerate(added, start)
        ),
    )
    edges = {(level, tree.size // TILE ** (level + 1)): edge for level, edge in enumerate(tree.edges)}
    tx.many(
        "INSERT INTO log_tile (country, level, n, hashes) VALUES (:country, :level, :n, :hashes)"
        " ON CONFLICT (country, level, n) DO UPDATE SET hashes = :hashes",
        [
            {"country": country, "level": level, "n": n, "hashes": hashes}
            for (level, n), hashes in {**edges, **full}.items()
        ],
    )
    tx.run("UPDATE log SET size = :size WHERE country = :country", {"country": country, "size": tree.size})


def set_checkpoint(tx: Tx, country: str, size: int, root: bytes, note: str) -> None:
    """Keep the newest checkpoint, which vouches for everything that is here up to its size."""
    tx.run(
        "UPDATE log SET signed = :size, root = :root, note = :note, signed_at = :now, confirmed_at = :now"
        " WHERE country = :country",
        {"country": country, "size": size, "root": root, "note": note, "now": tx.at},
    )


def set_note(tx: Tx, country: str, note: str) -> None:
    """Keep the same checkpoint with more signatures."""
    tx.run("UPDATE log SET note = :note WHERE country = :country", {"country": country, "note": note})


def confirm(tx: Tx, country: str, at: str) -> None:
    """Note that a log's checkpoint was its newest at a time; an earlier time changes nothing."""
    tx.run(
        "UPDATE log SET confirmed_at = :at WHERE country = :country AND confirmed_at < :at",
        {"country": country, "at": at},
    )


def freeze(tx: Tx, country: str, why: str) -> None:
    """Take over nothing more of a log."""
    tx.run("UPDATE log SET frozen = :why WHERE country = :country", {"country": country, "why": why})


# --- leaves and hashes ---


def tree_of(q: Read, log: Log) -> Tree:
    """Return the right edge of a log's tree."""
    edges = []
    level = 0
    while log.size and log.size >= TILE**level:
        edges.append(tile(q, log.country, level, log.size // TILE ** (level + 1)))
        level += 1
    return Tree(log.size, edges)


def tiles_of(q: Read, log: Log) -> Tiles:
    """Return what makes proofs of a log, for as long as the query lasts."""
    return Tiles(log.size, lambda level, n: tile(q, log.country, level, n))


def tile(q: Read, country: str, level: int, n: int) -> bytes:
    """Return the hashes of a tile, empty where it has none."""
    row = q.one(
        "SELECT hashes FROM log_tile WHERE country = :country AND level = :level AND n = :n",
        {"country": country, "level": level, "n": n},
    )
    return bytes(row["hashes"]) if row else b""


def leaf_of(row: Row) -> Leaf:
    """Return the leaf of a row."""
    digest = row["sha256"]
    return Leaf(row["at"], row["authority"], "delete" if digest is None else "upsert", digest, row["v"])


def leaves(q: Read, country: str, start: int, end: int) -> Iterator[tuple[Leaf, Salted | None]]:
    """Yield the leaves [start, end), each with its salted record where it is the newest of its authority."""
    for place in range(start, end, _AT_ONCE):
        rows = q.all(
            "SELECT l.at, l.authority, l.sha256, l.v, a.record, a.salt FROM log_leaf l"
            " LEFT JOIN authority a ON a.id = l.authority AND a.leaf = l.n AND a.ended = 0"
            " WHERE l.country = :country AND l.n >= :start AND l.n < :end ORDER BY l.n",
            {"country": country, "start": place, "end": min(end, place + _AT_ONCE)},
        )
        for at, authority, digest, v, record, salt in rows:
            leaf = Leaf(at, authority, "delete" if digest is None else "upsert", digest, v)
            yield leaf, None if record is None else Salted(record, salt)


def last_at(q: Read, log: Log) -> str:
    """Return when the last leaf was published, "" without one."""
    row = q.one(
        "SELECT at FROM log_leaf WHERE country = :country AND n = :n", {"country": log.country, "n": log.size - 1}
    )
    return str(row["at"]) if row else ""


def leaf_at(q: Read, authority: str, latest: str, signed: int) -> Row | None:
    """Return the newest leaf of an authority, of those below `signed`, that was published by a time."""
    rows = q.all(
        "SELECT l.n, l.authority, l.v, l.sha256, l.at, a.record, a.salt FROM log_leaf l"
        " LEFT JOIN authority a ON a.id = l.authority AND a.leaf = l.n AND a.ended = 0"
        " WHERE l.authority = :authority AND l.at <= :latest AND l.n < :signed ORDER BY l.n DESC LIMIT 1",
        {"authority": authority, "latest": latest, "signed": signed},
    )
    return rows[0] if rows else None


# --- records that are yet to come ---


def await_records(tx: Tx, country: str, withheld: Mapping[str, int], arrived: Iterable[str]) -> None:
    """Note authorities whose newest leaf (by its number) came without its record, and which ones have arrived."""
    if tx.one("SELECT 1 FROM log_pending LIMIT 1") is not None:  # hardly ever
        tx.many("DELETE FROM log_pending WHERE authority = :one", ({"one": one} for one in arrived))
    tx.many(
        "INSERT INTO log_pending (country, authority, leaf, since) VALUES (:country, :authority, :leaf, :now)"
        " ON CONFLICT (authority) DO UPDATE SET leaf = :leaf",
        ({"country": country, "authority": one, "leaf": leaf, "now": tx.at} for one, leaf in withheld.items()),
    )


def pending(q: Read, country: str) -> tuple[int, datetime | None]:
    """Return how many records a log has shown leaves of and not given, and since when the oldest is awaited."""
    row = q.one(
        "SELECT COUNT(*) AS count, MIN(since) AS since FROM log_pending WHERE country = :country", {"country": country}
    )
    assert row is not None
    return row["count"], unstamp(row["since"]) if row["since"] else None


def pending_ids(q: Read, country: str) -> frozenset[str]:
    """Return the authorities whose records a log hasn't given."""
    rows = q.all("SELECT authority FROM log_pending WHERE country = :country", {"country": country})
    return frozenset(row["authority"] for row in rows)


def awaited(q: Read) -> frozenset[str]:
    """Return the countries whose logs haven't given a record."""
    return frozenset(row["country"] for row in q.all("SELECT DISTINCT country FROM log_pending"))


def pending_leaves(q: Read, country: str) -> dict[int, Leaf]:
    """Return the leaves of a log whose records it hasn't given, by number."""
    rows = q.all(
        "SELECT l.n, l.authority, l.v, l.sha256, l.at FROM log_pending p"
        " JOIN log_leaf l ON l.country = p.country AND l.n = p.leaf WHERE p.country = :country",
        {"country": country},
    )
    return {row["n"]: leaf_of(row) for row in rows}


# --- cosignatures ---


def witnessed(q: Read, country: str, origin: str) -> tuple[int, bytes] | None:
    """Return size and root of what this node cosigned last of a log."""
    row = q.one(
        "SELECT size, root FROM witnessed WHERE country = :country AND origin = :origin",
        {"country": country, "origin": origin},
    )
    return (row["size"], bytes(row["root"])) if row else None


def all_witnessed(q: Read) -> dict[tuple[str, str], int]:
    """Return the size that this node cosigned last of each log, by (country, name of the log)."""
    rows = q.all("SELECT country, origin, size FROM witnessed")
    return {(row["country"], row["origin"]): row["size"] for row in rows}


def witnessed_note(q: Read, country: str) -> str:
    """Return the checkpoint that this node cosigned last of a country's log, "" where it never did."""
    row = q.one("SELECT note FROM witnessed WHERE country = :country", {"country": country})
    return str(row["note"]) if row else ""


def keep_witnessed(tx: Tx, country: str, origin: str, head: tuple[int, bytes], note: str) -> None:
    """Keep what this node cosigns, before anybody sees the cosignature."""
    assert len(head[1]) == HASH_BYTES
    tx.run(
        "INSERT INTO witnessed (country, origin, size, root, note, at)"
        " VALUES (:country, :origin, :size, :root, :note, :now)"
        " ON CONFLICT (country) DO UPDATE SET origin = :origin, size = :size, root = :root, note = :note, at = :now",
        {"country": country, "origin": origin, "size": head[0], "root": head[1], "note": note, "now": tx.at},
    )


def cosigner_size(q: Read, country: str, origin: str) -> int:
    """Return the size that a witness cosigned last of our own log, as far as we know."""
    row = q.one(
        "SELECT size FROM cosigner WHERE country = :country AND origin = :origin",
        {"country": country, "origin": origin},
    )
    return int(row["size"]) if row else 0


def set_cosigner_size(tx: Tx, country: str, origin: str, size: int) -> None:
    """Keep the size that a witness says it cosigned last."""
    tx.run(
        "INSERT INTO cosigner (country, origin, size) VALUES (:country, :origin, :size)"
        " ON CONFLICT (country) DO UPDATE SET origin = :origin, size = :size",
        {"country": country, "origin": origin, "size": size},
    )
