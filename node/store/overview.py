"""Whole tables at a glance, for verification and diagnosis: what else is only asked by key."""

from collections.abc import Iterator

from node.store.tx import Read, Row


def event_counts(q: Read) -> dict[tuple[str, str], int]:
    """Return how many events of each kind each case has."""
    rows = q.all("SELECT case_id, kind, COUNT(*) AS count FROM event GROUP BY case_id, kind")
    return {(row["case_id"], row["kind"]): row["count"] for row in rows}


def audit_counts(q: Read) -> dict[tuple[str, str], int]:
    """Return how many audit entries of each action each subject has."""
    rows = q.all("SELECT subject, action, COUNT(*) AS count FROM audit GROUP BY subject, action")
    return {(row["subject"], row["action"]): row["count"] for row in rows}


def events(q: Read) -> Iterator[Row]:
    """Return all events, case by case, each in this node's order, a thousand at a time."""
    case_id, seq = "", 0
    while rows := q.all(
        "SELECT * FROM event WHERE case_id > :case OR (case_id = :case AND seq > :seq)"
        " ORDER BY case_id, seq LIMIT 1000",
        {"case": case_id, "seq": seq},
    ):
        yield from rows
        case_id, seq = rows[-1]["case_id"], rows[-1]["seq"]


def outbox(q: Read) -> list[Row]:
    """Return what waits for peers, in order."""
    return q.all("SELECT * FROM outbox ORDER BY seq")


def unsettled(q: Read) -> dict[str, str]:
    """Return the digests of own events without a receipt, each with its case."""
    rows = q.all("SELECT digest, case_id FROM event WHERE status = 'on-its-way'")
    return {row["digest"]: row["case_id"] for row in rows}


def stream_heads(q: Read) -> dict[tuple[str, str], Row]:
    """Return the head of each stream by issuer and audience."""
    return {(row["iss"], row["aud"]): row for row in q.all("SELECT * FROM stream")}


def blobs(q: Read) -> list[Row]:
    """Return the rows of all attachments."""
    return q.all("SELECT * FROM blob ORDER BY sha256")


def drafts(q: Read) -> list[Row]:
    """Return all drafts."""
    return q.all("SELECT * FROM draft ORDER BY id")


def damages(q: Read) -> list[str]:
    """Return the first thing that SQLite's own quick check finds; nothing where the file is whole."""
    return [str(row[0]) for row in q.all("PRAGMA quick_check(1)") if row[0] != "ok"]


def broken(q: Read) -> str | None:
    """Return the first thing that SQLite's thorough check finds, which also compares indexes with their tables."""
    found = str(q.all("PRAGMA integrity_check(1)")[0][0])
    return None if found == "ok" else found


def proofs(q: Read) -> list[Row]:
    """Return the proofs of misbehaviour that were kept: number, time, issuer and code."""
    return q.all("SELECT seq, at, iss, code FROM proof ORDER BY seq")


def counts(q: Read) -> dict[str, int]:
    """Return how many rows the tables have that tell how much a node has done."""
    tables = ("cases", "event", "draft", "blob", "batch", "person", "audit")
    return {name: int(q.all(f"SELECT COUNT(*) FROM {name}")[0][0]) for name in tables}  # noqa: S608 - names from above


def members_stored(q: Read) -> bool:
    """Say whether a member list is on disk."""
    return q.one("SELECT 1 AS there FROM member_document LIMIT 1") is not None
