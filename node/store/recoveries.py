"""Notes of losses: what was missing after a start, who gave it back, which numbers were left out."""

from datetime import UTC, datetime

from node.clock import stamp
from node.store.tx import Read, Row, Tx
from protocol.batch import Head


def _text(head: Head) -> str:
    return f"{head.epoch}/{head.next}"


def begin(tx: Tx, peer: str, own: tuple[Head, Head], theirs: tuple[Head, Head], numbers: str) -> int:
    """Note a loss; each stream from where this node has it until where the peer has it."""
    row = tx.one(
        "INSERT INTO recovery (peer, found_at, own_from, own_until, theirs_from, theirs_until, batches, events,"
        " voided, numbers) VALUES (:peer, :at, :own_from, :own_until, :theirs_from, :theirs_until, 0, 0, 0, :numbers)"
        " RETURNING seq AS seq",
        {
            "peer": peer,
            "at": stamp(tx.now),
            "numbers": numbers,
            "own_from": _text(own[0]),
            "own_until": _text(own[1]),
            "theirs_from": _text(theirs[0]),
            "theirs_until": _text(theirs[1]),
        },
    )
    assert row is not None
    return int(row["seq"])


def unfinished(q: Read, peer: str) -> Row | None:
    """Return the note of a loss that is still being mended with a peer."""
    return q.one("SELECT * FROM recovery WHERE peer = :peer AND finished_at IS NULL", {"peer": peer})


def count(tx: Tx, seq: int, receipted_at: int, events: int) -> None:
    """Count a batch that was given back; `receipted_at` in seconds since 1970."""
    at = stamp(datetime.fromtimestamp(receipted_at, UTC))
    tx.run(
        "UPDATE recovery SET batches = batches + 1, events = events + :events, refused = NULL,"
        " first_at = CASE WHEN first_at IS NULL OR first_at > :at THEN :at ELSE first_at END,"
        " last_at = CASE WHEN last_at IS NULL OR last_at < :at THEN :at ELSE last_at END WHERE seq = :seq",
        {"seq": seq, "events": events, "at": at},
    )


def refuse(tx: Tx, seq: int, reason: str) -> None:
    """Note why what a peer gave back was refused."""
    tx.run("UPDATE recovery SET refused = :reason WHERE seq = :seq", {"seq": seq, "reason": reason[:300]})


def finish(tx: Tx, seq: int, voided: int, last_number: str) -> Row:
    """Close a note and return it; the numbers left out reach to `last_number`."""
    begun = tx.one("SELECT numbers FROM recovery WHERE seq = :seq", {"seq": seq})
    assert begun is not None
    numbers = f"{str(begun['numbers']).partition(' ')[0]} to {last_number}"
    tx.run(
        "UPDATE recovery SET finished_at = :at, voided = :voided, numbers = :numbers, refused = NULL WHERE seq = :seq",
        {"seq": seq, "voided": voided, "numbers": numbers, "at": stamp(tx.now)},
    )
    row = tx.one("SELECT * FROM recovery WHERE seq = :seq", {"seq": seq})
    assert row is not None
    return row


def everything(q: Read) -> list[Row]:
    """Return all notes, oldest first."""
    return q.all("SELECT * FROM recovery ORDER BY seq")


def with_peer(q: Read, peer: str) -> list[Row]:
    """Return the notes of losses that a peer knew of, oldest first."""
    return q.all("SELECT * FROM recovery WHERE peer = :peer ORDER BY seq", {"peer": peer})


def is_new(q: Read, seq: int) -> bool:
    """Say whether nothing was given back yet."""
    row = q.one("SELECT batches, refused FROM recovery WHERE seq = :seq", {"seq": seq})
    return row is not None and row["batches"] == 0 and row["refused"] is None


def by_peer(q: Read) -> list[Row]:
    """Return for each peer how many notes are open and how many events it gave back."""
    return q.all(
        "SELECT peer, MAX(finished_at IS NULL) AS unfinished, SUM(events) AS events FROM recovery"
        " GROUP BY peer ORDER BY peer"
    )
