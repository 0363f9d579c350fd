"""Closed cases by area and day of closure: what is to be blocked or erased is found by index, and nothing else read."""

from collections.abc import Mapping
from typing import Final, Literal

from node.store.tx import Read, Row, Tx

Step = Literal["block", "erase"]

_UNDONE: Final = {"block": "blocked_at IS NULL", "erase": "erased_at IS NULL"}
_BEFORE: Final = 1000
"""How many events before the closing one are asked whether the clock had been later."""


def areas(q: Read) -> list[str]:
    """Return the areas of closed cases that aren't erased: one look at the index for each."""
    one = "SELECT MIN(area) FROM cases WHERE closed_at IS NOT NULL AND erased_at IS NULL"
    rows = q.all(
        f"WITH RECURSIVE found (area) AS ({one} UNION ALL"  # noqa: S608 - ours
        f" SELECT ({one} AND area > found.area) FROM found WHERE found.area IS NOT NULL)"
        " SELECT area FROM found WHERE area IS NOT NULL"
    )
    return [str(row["area"]) for row in rows]


def periods(q: Read) -> dict[str, tuple[int, int]]:
    """Return the periods of every area that was ever here: months until data are blocked, years until deletion."""
    return {row["area"]: (row["block_months"], row["delete_years"]) for row in q.all("SELECT * FROM area_period")}


def remember(tx: Tx, changed: Mapping[str, tuple[int, int]]) -> None:
    """Keep the periods of areas for the time when an area isn't here any more."""
    tx.many(
        "INSERT INTO area_period (area, block_months, delete_years) VALUES (:area, :months, :years)"
        " ON CONFLICT (area) DO UPDATE SET block_months = :months, delete_years = :years",
        [{"area": area, "months": months, "years": years} for area, (months, years) in changed.items()],
    )


def erased_there(q: Read, area: str, limit: int, after: tuple[str, str] = ("", "")) -> list[Row]:
    """Return closed cases of an area of which the other side has erased its copy, and we haven't: as `due`."""
    return q.all(
        "SELECT id, number, area, closed_at FROM cases WHERE area = :area AND erased_there_at IS NOT NULL"
        " AND erased_at IS NULL AND closed_at IS NOT NULL AND (closed_at, id) > (:closed, :id)"
        " AND NOT EXISTS (SELECT 1 FROM erasure WHERE case_id = cases.id) ORDER BY closed_at, id LIMIT :limit",
        {"area": area, "closed": after[0], "id": after[1], "limit": limit},
    )


def due(q: Read, step: Step, area: str, closed_before: str, limit: int, after: tuple[str, str] = ("", "")) -> list[Row]:
    """Return cases of an area, closed before a stamp, that are to be blocked or erased, by closure.

    `after` is (closed_at, id) of the last one that was seen; a case whose erasure has begun isn't among them.
    """
    return q.all(
        f"SELECT id, number, area, closed_at FROM cases WHERE area = :area AND {_UNDONE[step]}"  # noqa: S608 - ours
        " AND closed_at IS NOT NULL AND closed_at < :before AND (closed_at, id) > (:closed, :id)"
        " AND NOT EXISTS (SELECT 1 FROM erasure WHERE case_id = cases.id)"
        " ORDER BY closed_at, id LIMIT :limit",
        {"area": area, "before": closed_before, "closed": after[0], "id": after[1], "limit": limit},
    )


def block(tx: Tx, case_ids: list[str]) -> list[str]:
    """Block closed cases that aren't yet; returns which."""
    sql = "UPDATE cases SET blocked_at = :at WHERE id = :id AND closed_at IS NOT NULL AND blocked_at IS NULL"
    return [case_id for case_id in case_ids if tx.run(sql, {"id": case_id, "at": tx.at})]


def closed_later(tx: Tx, closed_at: dict[str, str]) -> None:
    """Correct when cases were closed, by id: the clock was behind when it was noted."""
    tx.many(
        "UPDATE cases SET closed_at = :at WHERE id = :id AND closed_at < :at",
        [{"id": case_id, "at": at} for case_id, at in closed_at.items()],
    )


def closing(q: Read, case_id: str) -> Row | None:
    """Return the last event of a case's request that counts: seq, at, line, and the receipt of an own one."""
    return q.one(
        "SELECT e.seq, e.at, e.line, (SELECT b.receipt FROM batch b WHERE b.receipt_digest = e.receipt) AS receipt"
        " FROM event e WHERE e.case_id = :id AND e.kind LIKE 'request.%' AND e.status <> 'refused'"
        " ORDER BY e.seq DESC LIMIT 1",
        {"id": case_id},
    )


def latest_before(q: Read, seq: int) -> str | None:
    """Return the latest time at which something was stored that stands before an event."""
    row = q.one(
        "SELECT MAX(at) AS at FROM (SELECT at FROM event WHERE seq < :seq ORDER BY seq DESC LIMIT :limit) AS before",
        {"seq": seq, "limit": _BEFORE},
    )
    return row["at"] if row else None


def latest_clock(q: Read, longest_s: float) -> str | None:
    """Return the latest time that a peer's receipt has named, of those that were at most so far from our clock."""
    row = q.one("SELECT MAX(clock_at) AS at FROM peer WHERE ABS(clock_offset_s) <= :longest", {"longest": longest_s})
    return row["at"] if row else None


def blocked_since(q: Read, case_id: str) -> str | None:
    """Return since when a case is blocked."""
    row = q.one("SELECT blocked_at FROM cases WHERE id = :id", {"id": case_id})
    return row["blocked_at"] if row else None
