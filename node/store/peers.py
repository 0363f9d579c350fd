"""What this node has seen of its peers: reachability, clock, local blocks."""

from node.store.tx import Read, Row, Tx


def all_peers(q: Read) -> list[Row]:
    """Return what is known of every peer."""
    return q.all("SELECT * FROM peer ORDER BY country")


def find(q: Read, country: str) -> Row | None:
    """Return what is known of one peer."""
    return q.one("SELECT * FROM peer WHERE country = :country", {"country": country})


def _ensure(tx: Tx, country: str) -> None:
    tx.run(
        "INSERT INTO peer (country, blocked) VALUES (:country, 0) ON CONFLICT (country) DO NOTHING",
        {"country": country},
    )


def reached(tx: Tx, country: str, clock_offset_s: float | None) -> None:
    """Note a success of our own, the only thing that clears a failure."""
    _ensure(tx, country)
    tx.run(
        "UPDATE peer SET reached_at = :at, failed_since = NULL, failure = NULL,"
        " clock_offset_s = COALESCE(CAST(:offset AS REAL), clock_offset_s) WHERE country = :country",
        {"country": country, "at": tx.at, "offset": clock_offset_s},
    )


def failed(tx: Tx, country: str, failure: str) -> None:
    """Note why a peer couldn't be reached, and since when."""
    _ensure(tx, country)
    tx.run(
        "UPDATE peer SET failed_since = COALESCE(failed_since, :at), failure = :failure WHERE country = :country",
        {"country": country, "at": tx.at, "failure": failure[:300]},
    )


def block(tx: Tx, country: str, *, blocked: bool) -> None:
    """Block or unblock a peer locally, at once."""
    _ensure(tx, country)
    tx.run("UPDATE peer SET blocked = :blocked WHERE country = :country", {"country": country, "blocked": int(blocked)})


def is_blocked(q: Read, country: str) -> bool:
    """Say whether the operator has blocked a peer."""
    row = find(q, country)
    return bool(row and row["blocked"])


def told(tx: Tx, country: str, directory: int, record: int) -> None:
    """Note which versions of our own directory and record a peer said it knows, and when it was asked."""
    _ensure(tx, country)
    tx.run(
        "UPDATE peer SET told_directory = :directory, told_record = :record, compared_at = :at"
        " WHERE country = :country",
        {"country": country, "directory": directory, "record": record, "at": tx.at},
    )


def highest_told(q: Read) -> tuple[int, int, str | None]:
    """Return the highest version of our directory and of our record that a peer has told of, and who told."""
    row = q.one("SELECT MAX(told_directory) AS directory, MAX(told_record) AS record FROM peer")
    if row is None or row["directory"] is None:
        return 0, 0, None
    by = q.one("SELECT country FROM peer ORDER BY told_directory DESC, told_record DESC LIMIT 1")
    return int(row["directory"]), int(row["record"]), str(by["country"]) if by else None
