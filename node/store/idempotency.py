"""Keys under which callers repeat a call: reserved before it is done, and kept with the sealed answer."""

from datetime import datetime

from node.clock import stamp
from node.store.tx import Row, Tx


def reserve(tx: Tx, person: str, key: str, request: str, kept_since: datetime) -> Row | None:
    """Reserve a key for a request (its SHA-256), or return the row of an earlier use since `kept_since`.

    `status` 0 in the row means that the earlier use has no answer.
    """
    where = {"person": person, "key": key, "kept": stamp(kept_since)}
    tx.run("DELETE FROM idempotency WHERE person = :person AND key = :key AND at <= :kept", where)
    known = tx.one("SELECT * FROM idempotency WHERE person = :person AND key = :key", where)
    if known is None:
        tx.run(
            "INSERT INTO idempotency (person, key, request, status, answer, at)"
            " VALUES (:person, :key, :request, 0, :answer, :at)",
            {"person": person, "key": key, "request": request, "answer": b"", "at": tx.at},
        )
    return known


def finish(tx: Tx, person: str, key: str, status: int, answer: bytes) -> None:
    """Keep the answer: its HTTP status and its sealed body."""
    tx.run(
        "UPDATE idempotency SET status = :status, answer = :answer WHERE person = :person AND key = :key",
        {"person": person, "key": key, "status": status, "answer": answer},
    )


def release(tx: Tx, person: str, key: str) -> None:
    """Forget a key whose call was refused, so that nothing happened."""
    tx.run("DELETE FROM idempotency WHERE person = :person AND key = :key", {"person": person, "key": key})


def sweep(tx: Tx, kept_since: datetime) -> int:
    """Forget what is older and return how many keys that were."""
    return tx.run("DELETE FROM idempotency WHERE at <= :kept", {"kept": stamp(kept_since)})
