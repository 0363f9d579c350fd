"""What became of everything on disk, for whoever watches a node from outside: nothing here is used to work."""

import sqlite3
from typing import NamedTuple

from node.store.tx import Read, Row


class EventFate(NamedTuple):
    """An event without its content, as `events` selects it; `actor` is who issued it, where it is our own."""

    jti: str
    digest: str
    iss: str
    case_id: str
    kind: str
    n: int | None
    status: str
    actor: str | None


def mark(q: Read) -> tuple[object, ...]:
    """Return a few numbers that change whenever an event, a case, a batch, a list or a proof does; cheap."""
    row = q.one(
        "SELECT (SELECT MAX(seq) FROM event) AS event, (SELECT COUNT(*) FROM event) AS events,"
        " (SELECT COUNT(*) FROM event WHERE status = 'applied') AS applied,"
        " (SELECT SUM(n + date_n + LENGTH(state)) FROM cases) AS cases, (SELECT COUNT(*) FROM outbox) AS outbox,"
        " (SELECT COUNT(*) FROM outbox WHERE first IS NULL) AS waiting, (SELECT COUNT(*) FROM proof) AS proof,"
        " (SELECT SUM(next) FROM stream) AS stream, (SELECT SUM(size + signed) FROM log) AS directory,"
        " (SELECT SUM(version) FROM member_document) AS document"
    )
    assert row is not None
    return tuple(row)


def events(q: Read) -> list[EventFate]:
    """Return every event, in the order in which they were stored."""
    rows = q.all("SELECT jti, digest, iss, case_id, kind, n, status, actor FROM event ORDER BY seq")
    return [EventFate(*row) for row in rows]


def heads(q: Read) -> dict[tuple[str, str], tuple[int, int]]:
    """Return (epoch, next position) of every stream by (issuer, audience)."""
    rows = q.all("SELECT iss, aud, epoch, next FROM stream ORDER BY iss, aud")
    return {(row["iss"], row["aud"]): (row["epoch"], row["next"]) for row in rows}


def directories(q: Read) -> dict[str, int]:
    """Return the size of every log's newest checkpoint here."""
    return {row["country"]: row["signed"] for row in q.all("SELECT country, signed FROM log ORDER BY country")}


def proofs(q: Read) -> list[tuple[str, str]]:
    """Return (whom it convicts, of what) of every proof."""
    return [(row["iss"], row["code"]) for row in q.all("SELECT iss, code FROM proof ORDER BY seq")]


def cases(q: Read) -> list[Row]:
    """Return what both sides must agree on of every case, whether it is erased, and whether it has `bare` events."""
    return q.all(
        "SELECT id, number, role, counterpart, state, n, date_state, date_n, due, agreed, head, date_head, on_its_way,"
        " withdrawal_wished IS NOT NULL AS wished,"
        " CASE WHEN role = 'replying' THEN own_authority ELSE their_authority END AS replying, former, parts, part_of,"
        " confidential, timeliness, efforts, asking_coordinator, replying_coordinator,"
        " EXISTS (SELECT 1 FROM erasure WHERE case_id = cases.id) AS erased,"
        " EXISTS (SELECT 1 FROM event WHERE case_id = cases.id AND status = 'applied' AND LENGTH(ceks) = 0) AS bare"
        " FROM cases ORDER BY id"
    )


def queued(q: Read) -> dict[str, int]:
    """Return how many events wait for each peer."""
    rows = q.all("SELECT peer, COUNT(*) AS count FROM outbox GROUP BY peer ORDER BY peer")
    return {row["peer"]: row["count"] for row in rows}


def missing_files(q: Read) -> list[tuple[str, str | None]]:
    """Return (origin, failure) of every attachment that isn't here and may still come."""
    rows = q.all(
        "SELECT origin, failure FROM blob WHERE here = 0 AND (failure IS NULL OR failure <> 'blob-lost')"
        " ORDER BY at, sha256"
    )
    return [(row["origin"], row["failure"]) for row in rows]


def lost_files(q: Read) -> list[tuple[str, str]]:
    """Return (origin, SHA-256) of every attachment that is held to be on neither side."""
    rows = q.all("SELECT origin, sha256 FROM blob WHERE here = 0 AND failure = 'blob-lost' ORDER BY sha256")
    return [(row["origin"], row["sha256"]) for row in rows]


def has_file(q: Read, sha256: str) -> bool:
    """Say whether an attachment is here."""
    return q.one("SELECT 1 FROM blob WHERE sha256 = :s AND here = 1", {"s": sha256}) is not None


def receipts(q: Read, aud: str) -> dict[tuple[str, int, int], tuple[tuple[str, str | None], ...]]:
    """Return (batch, receipt) by (issuer, epoch, first position), of every batch to `aud` that has a receipt.

    There are two where it was signed again.
    """
    rows = q.all("SELECT * FROM batch WHERE receipt IS NOT NULL AND aud = :aud", {"aud": aud})
    return {
        (row["iss"], row["epoch"], row["first"]): ((row["digest"], row["receipt"]), (row["digest"], row["again"]))
        for row in rows
    }


def receipts_between(q: Read, iss: str, aud: str) -> dict[tuple[int, int], tuple[str, ...]]:
    """Return the receipt of each batch of a stream by (epoch, first position), and the one that was signed again."""
    asked = {"iss": iss, "aud": aud}
    rows = q.all("SELECT * FROM batch WHERE receipt IS NOT NULL AND iss = :iss AND aud = :aud", asked)
    return {(row["epoch"], row["first"]): tuple(filter(None, (row["receipt"], row["again"]))) for row in rows}


def wrapped_key(q: Read, case_id: str) -> bytes | None:
    """Return the bytes of a case's key as they lie in the key database."""
    row = q.one("SELECT wrapped FROM case_key WHERE case_id = :id", {"id": case_id})
    return bytes(row["wrapped"]) if row else None


def wrapped_keys(q: Read) -> dict[str, bytes]:
    """Return the bytes of every key as they lie in the key database, by case."""
    return {row["case_id"]: bytes(row["wrapped"]) for row in q.all("SELECT case_id, wrapped FROM case_key")}


def erased(q: Read) -> list[str]:
    """Return the cases whose key was destroyed."""
    return [row["case_id"] for row in q.all("SELECT case_id FROM erasure WHERE key_gone_at IS NOT NULL")]


def erased_still_readable(q: Read) -> list[str]:
    """Return the erased cases of which keys of parts, or a row of an attachment or draft, are still here."""
    rows = q.all(
        "SELECT case_id FROM erasure AS gone WHERE key_gone_at IS NOT NULL AND ("
        " EXISTS (SELECT 1 FROM event WHERE case_id = gone.case_id AND LENGTH(ceks) > 0)"
        " OR EXISTS (SELECT 1 FROM blob WHERE case_id = gone.case_id)"
        " OR EXISTS (SELECT 1 FROM draft WHERE case_id = gone.case_id)) ORDER BY case_id"
    )
    return [row["case_id"] for row in rows]


def parts_left(q: Read) -> list[str]:
    """Return the parts that have ended of cases of which the deletion was ordered, and that weren't deleted."""
    rows = q.all(
        "SELECT part.id FROM cases AS part JOIN erasure AS whole ON whole.case_id = part.part_of"
        " WHERE whole.why IN ('order', 'their-order') AND part.state IN ('closed', 'declined', 'withdrawn')"
        " AND NOT EXISTS (SELECT 1 FROM erasure WHERE case_id = part.id) ORDER BY part.id"
    )
    return [row["id"] for row in rows]


def run_full(connection: sqlite3.Connection) -> None:
    """Let SQLite find no more room in the open transaction: a true SQLITE_FULL, always at the same point."""
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    try:
        connection.execute("CREATE TABLE no_room (filler BLOB)")
        connection.execute("INSERT INTO no_room VALUES (zeroblob(:size))", {"size": (pages + 16) * 4096})
    finally:
        connection.execute("PRAGMA max_page_count = 1073741823")
