"""What this node has seen of its peers: reachability, clock, local blocks."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from node.clock import stamp
from node.store.tx import Read, Row, Tx

_LAST_SECOND: Final = 253_402_300_799
"""The end of the year 9999: a receipt may name any number."""


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


def reached(tx: Tx, country: str, clock_offset_s: float | None, clock: int | None = None) -> None:
    """Note a success of our own, the only thing that clears a failure; `clock` is the time that a receipt names."""
    _ensure(tx, country)
    tx.run(
        "UPDATE peer SET reached_at = :at, failed_since = NULL, failure = NULL, next_try_at = NULL, attempts = 0,"
        " clock_offset_s = COALESCE(CAST(:offset AS REAL), clock_offset_s),"
        " clock_at = COALESCE(CAST(:clock AS TEXT), clock_at) WHERE country = :country",
        {
            "country": country,
            "at": tx.at,
            "offset": clock_offset_s,
            "clock": None if clock is None else stamp(datetime.fromtimestamp(min(clock, _LAST_SECOND), UTC)),
        },
    )


def failed(tx: Tx, country: str, failure: str, next_try_at: str) -> None:
    """Note why a peer couldn't be reached, since when, and when it is tried again."""
    _ensure(tx, country)
    tx.run(
        "UPDATE peer SET failed_since = COALESCE(failed_since, :at), failure = :failure, attempts = attempts + 1,"
        " next_try_at = :next WHERE country = :country",
        {"country": country, "at": tx.at, "failure": failure[:300], "next": next_try_at},
    )


def called(tx: Tx, calls: Mapping[str, str]) -> None:
    """Note when peers last called this node."""
    for country, at in calls.items():
        _ensure(tx, country)
        tx.run("UPDATE peer SET called_at = :at WHERE country = :country", {"country": country, "at": at})


def hold(tx: Tx, country: str) -> bool:
    """Hold the queue for a peer; returns whether it wasn't held before."""
    _ensure(tx, country)
    sql = "UPDATE peer SET held_at = :at WHERE country = :country AND held_at IS NULL"
    return tx.run(sql, {"country": country, "at": tx.at}) > 0


def ask_retry(tx: Tx, country: str) -> None:
    """Ask for an attempt now, and end the hold where there is one."""
    _ensure(tx, country)
    sql = "UPDATE peer SET held_at = NULL, retry_at = :at WHERE country = :country"
    tx.run(sql, {"country": country, "at": tx.at})


def is_stopped(q: Read, country: str) -> bool:
    """Say whether nothing may be sent to a peer now: its queue is held, or it is blocked."""
    row = find(q, country)
    return bool(row and (row["blocked"] or row["held_at"]))


def marks(q: Read) -> dict[str, tuple[object, ...]]:
    """Return what operators said of each peer; it changes where the running node has to do something."""
    rows = q.all(
        "SELECT country, blocked, held_at, retry_at FROM peer"
        " WHERE blocked = 1 OR held_at IS NOT NULL OR retry_at IS NOT NULL"
    )
    return {row["country"]: (row["blocked"], row["held_at"], row["retry_at"]) for row in rows}


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
