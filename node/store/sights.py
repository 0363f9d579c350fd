"""Who saw blocked data, on which ground and why; the reason in words is sealed under the case's key."""

from datetime import datetime
from typing import Any

from node.clock import stamp
from node.store.list_place import Place
from node.store.tx import Read, Row, Tx, listed


def add(tx: Tx, values: dict[str, Any]) -> None:
    """Note that a person sees a case until a time: id, case_id, authority, person, ground, reason, until."""
    tx.run(
        "INSERT INTO sight (id, case_id, authority, person, ground, reason, at, until)"
        " VALUES (:id, :case_id, :authority, :person, :ground, :reason, :at, :until)",
        {**values, "at": tx.at},
    )


def until(q: Read, case_id: str, person: str, now: datetime) -> str | None:
    """Return until when a person sees a blocked case now; None where it doesn't."""
    row = q.one(
        "SELECT MAX(until) AS until FROM sight WHERE case_id = :id AND person = :person AND until > :now",
        {"id": case_id, "person": person, "now": stamp(now)},
    )
    return row["until"] if row else None


def listing(q: Read, authorities: list[str], limit: int, after: Place) -> list[Row]:
    """Return who saw blocked data of some authorities' cases, latest first, behind a place, with the cases' numbers."""
    names, values = listed(authorities)
    if not values:
        return []
    return q.all(
        "SELECT s.*, c.number, p.name FROM sight s JOIN cases c ON c.id = s.case_id"  # noqa: S608 - names are ours
        " LEFT JOIN person p ON p.id = s.person AND p.ended_at IS NULL"
        f" WHERE s.authority IN ({names}) AND (s.at, s.id) < (:at, :id) ORDER BY s.at DESC, s.id DESC LIMIT :limit",
        {**values, **after._asdict(), "limit": limit},
    )


def of_case(q: Read, case_id: str) -> list[Row]:
    """Return who saw a case while it was blocked, the first one first; reasons are sealed."""
    return q.all("SELECT * FROM sight WHERE case_id = :id ORDER BY at, id", {"id": case_id})
