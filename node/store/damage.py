"""Cases of which something stored can't be read any more, until they are whole again."""

from node.clock import stamp
from node.store.tx import Read, Row, Tx


def note(tx: Tx, case_id: str, what: str) -> None:
    """Note that a case is damaged, and the first thing of it that couldn't be read; never content."""
    tx.run(
        "INSERT INTO damage (case_id, at, what) VALUES (:id, :at, :what) ON CONFLICT (case_id) DO NOTHING",
        {"id": case_id, "at": stamp(tx.now), "what": what[:300]},
    )


def listing(q: Read) -> list[Row]:
    """Return the damaged cases: case_id, at, what."""
    return q.all("SELECT case_id, at, what FROM damage ORDER BY case_id")


def forget(tx: Tx, case_id: str) -> None:
    """Note that a case is whole again."""
    tx.run("DELETE FROM damage WHERE case_id = :id", {"id": case_id})
