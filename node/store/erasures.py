"""Cases whose data are deleted: what was decided and how far it has come, and what becomes of their rows.

What stays of an erased case is what proves that it was: its summary without persons, its signed events without
contents, and who did what when, by ids.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Final, Literal

from node.clock import stamp
from node.store.list_place import EARLIEST, Place
from node.store.tx import Read, Row, Tx, listed

Why = Literal["time", "order", "their-order", "restored"]
"""The period has passed; our data administrator's order; the other side's; a restored disk had it still."""

ON_ITS_WAY: Final = "on-its-way"

_ORDERS: Final = ("order", "their-order")
_END_ON_ITS_WAY: Final = (
    "SELECT 1 FROM event WHERE event.case_id = {case} AND event.kind LIKE 'request.%' AND event.status = 'on-its-way'"
)
"""An own step that may still be refused or given up: then the case hasn't ended (SPEC S-298)."""
_PARTS: Final = (
    "SELECT part.id, whole.case_id AS whole, whole.why, whole.ground"  # noqa: S608 - ours
    " FROM erasure AS whole CROSS JOIN cases AS part"  # orders are few
    " WHERE part.part_of = whole.case_id AND whole.why IN ('order', 'their-order') AND part.part_of <> ''"
    " AND part.closed_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM erasure WHERE case_id = part.id)"
    f" AND NOT EXISTS ({_END_ON_ITS_WAY.format(case='part.id')})"
)
"""The parts of divided cases that have ended and that the order for the whole case is to reach (SPEC S-277)."""


def decide(tx: Tx, case_ids: Iterable[str], why: Why, ground: str | None = None) -> list[str]:
    """Note that cases are to be erased; returns those for which it is new. From now on nobody sees them.

    An order, which has a ground, reaches their parts that have ended too.
    """
    wholes = list(case_ids)
    new = [case_id for case_id in wholes if _noted(tx, case_id, why, ground)]
    return new + ([part for part, _ in reach_parts(tx, wholes)] if why in _ORDERS else [])


def end_on_its_way(q: Read, case_id: str) -> bool:
    """Say whether a step of ours in a case waits for the other side's receipt."""
    return q.one(_END_ON_ITS_WAY.format(case=":id"), {"id": case_id}) is not None


def has_parts_to_reach(q: Read) -> bool:
    """Say whether parts have ended that an order for their whole case is to reach."""
    return q.one(f"{_PARTS} LIMIT 1") is not None


def reach_parts(tx: Tx, wholes: Collection[str] | None = None) -> list[tuple[str, Why]]:
    """Let orders, all or those for some cases, reach the parts that have ended; returns which, and by whose order."""
    rows = [row for row in tx.all(_PARTS) if wholes is None or row["whole"] in wholes]
    return [(row["id"], row["why"]) for row in rows if _noted(tx, row["id"], row["why"], row["ground"])]


def _noted(tx: Tx, case_id: str, why: str, ground: str | None) -> bool:
    values = {"id": case_id, "why": why, "ground": ground, "at": tx.at}
    if why in _ORDERS:  # its time had come already, or a restored disk didn't know yet that it was ordered
        tx.run(
            "UPDATE erasure SET why = :why, ground = :ground, decided_at = :at"
            " WHERE case_id = :id AND why IN ('time', 'restored')",
            values,
        )
    if not tx.run(
        "INSERT INTO erasure (case_id, why, ground, decided_at, told) VALUES (:id, :why, :ground, :at, 0)"
        " ON CONFLICT DO NOTHING",
        values,
    ):
        return False
    sql = "UPDATE cases SET blocked_at = COALESCE(blocked_at, :at) WHERE id = :id"
    tx.run(sql, values)
    return True


def numbered(q: Read, number: str, authorities: Collection[str]) -> list[Row]:
    """Return the rows of some authorities' cases that have a number: one, but for the worst of nights."""
    names, values = listed(sorted(authorities))
    sql = f"SELECT * FROM cases WHERE number = :number AND own_authority IN ({names}) ORDER BY id"  # noqa: S608 - ours
    return q.all(sql, {**values, "number": number}) if values else []


def find(q: Read, case_id: str) -> Row | None:
    """Return how far the erasure of a case has come; None where none was decided."""
    return q.one("SELECT * FROM erasure WHERE case_id = :id", {"id": case_id})


def to_do(q: Read, limit: int, after: Place = EARLIEST) -> list[Place]:
    """Return cases whose key is still to be destroyed, the oldest decision first, behind a place."""
    rows = q.all(
        "SELECT decided_at, case_id FROM erasure WHERE key_gone_at IS NULL AND (decided_at, case_id) > (:at, :id)"
        " ORDER BY decided_at, case_id LIMIT :limit",
        {**after._asdict(), "limit": limit},
    )
    return [Place(row["decided_at"], row["case_id"]) for row in rows]


def unfinished(q: Read, limit: int) -> list[str]:
    """Return cases whose key is gone and of which something still waits for a receipt, or the other side isn't told."""
    rows = q.all(
        "SELECT case_id FROM erasure WHERE finished_at IS NULL AND key_gone_at IS NOT NULL"
        " ORDER BY decided_at, case_id LIMIT :limit",
        {"limit": limit},
    )
    return [str(row["case_id"]) for row in rows]


def untold(q: Read, limit: int) -> list[Row]:
    """Return cases whose key is gone without the other side having been told: id, counterpart, state, key_gone_at."""
    return q.all(
        "SELECT c.id, c.counterpart, c.state, e.key_gone_at FROM erasure e JOIN cases c ON c.id = e.case_id"
        " WHERE e.finished_at IS NULL AND e.told = 0 AND e.key_gone_at IS NOT NULL ORDER BY e.decided_at LIMIT :limit",
        {"limit": limit},
    )


def told(tx: Tx, case_ids: Iterable[str]) -> None:
    """Note that the other side is told, or never will be."""
    tx.many("UPDATE erasure SET told = 1 WHERE case_id = :id", [{"id": case_id} for case_id in case_ids])


def one_more_on_its_way(tx: Tx, case_id: str) -> None:
    """Count a notice that is on its way."""
    tx.run("UPDATE cases SET on_its_way = on_its_way + 1 WHERE id = :id", {"id": case_id})


def again(tx: Tx, case_ids: Iterable[str]) -> None:
    """Have the erasure of cases done again: something of them came back."""
    sql = (
        "INSERT INTO erasure (case_id, why, decided_at, told) VALUES (:id, 'restored', :at, 0)"
        " ON CONFLICT (case_id) DO UPDATE SET key_gone_at = NULL, finished_at = NULL"
    )
    tx.many(sql, [{"id": case_id, "at": tx.at} for case_id in case_ids])


def decide_unheld(tx: Tx, case_id: str) -> None:
    """Decide that a case is erased of which this disk has signed words alone; there is nothing to tell of it."""
    sql = (
        "INSERT INTO erasure (case_id, why, decided_at, told) VALUES (:id, 'restored', :at, 1)"
        " ON CONFLICT (case_id) DO UPDATE SET told = 1"
    )
    tx.run(sql, {"id": case_id, "at": tx.at})


def unheld(q: Read) -> list[str]:
    """Return the erased cases of which this disk has signed words alone: it is older than they were."""
    rows = q.all("SELECT case_id FROM erasure WHERE NOT EXISTS (SELECT 1 FROM cases WHERE id = case_id)")
    return [str(row["case_id"]) for row in rows]


def here(q: Read, case_ids: Iterable[str]) -> list[str]:
    """Return those of some cases that have a row with data still."""
    return [
        case_id
        for case_id in case_ids
        if q.one("SELECT 1 FROM cases WHERE id = :id AND erased_at IS NULL", {"id": case_id}) is not None
    ]


def strip(tx: Tx, case_ids: Iterable[str], bare: Callable[[bytes], bytes]) -> None:
    """Take out of the rows of cases all that isn't needed to verify the past.

    `bare` makes of an event's line one with the signed words alone. Lines on their way stay until they are
    receipted: only the other side can read them, and what was sealed is sent as it is (SPEC S-030).
    """
    for case_id in case_ids:
        values = {"id": case_id, "at": tx.at}
        for row in tx.all("SELECT seq, line, status FROM event WHERE case_id = :id", values):
            line = bytes(row["line"])
            kept = line if row["status"] == ON_ITS_WAY else bare(line)
            tx.run(
                "UPDATE event SET line = :line, ceks = :none, actor = NULL WHERE seq = :seq",
                {"seq": row["seq"], "line": kept, "none": b""},
            )
        for table in ("draft", "blob", "told", "damage"):
            tx.run(f"DELETE FROM {table} WHERE case_id = :id", values)  # noqa: S608 - names from above
        tx.run("UPDATE sight SET reason = :none WHERE case_id = :id", {**values, "none": b""})
        tx.run(
            "UPDATE cases SET erased_at = COALESCE(erased_at, :at), blocked_at = COALESCE(blocked_at, :at),"
            " handler = NULL, handler_before = NULL, unread = 0 WHERE id = :id",
            values,
        )
        tx.run("UPDATE erasure SET key_gone_at = COALESCE(key_gone_at, :at) WHERE case_id = :id", values)


def finish(tx: Tx, case_ids: Iterable[str]) -> list[str]:
    """Note the end of those erasures of which nothing waits any more; returns which."""
    return [
        case_id
        for case_id in case_ids
        if tx.run(
            "UPDATE erasure SET finished_at = :at WHERE case_id = :id AND finished_at IS NULL AND told = 1"
            " AND NOT EXISTS (SELECT 1 FROM event WHERE event.case_id = :id AND status = 'on-its-way')",
            {"id": case_id, "at": tx.at},
        )
    ]


def theirs(tx: Tx, case_id: str) -> None:
    """Note that the other side has erased its copy."""
    tx.run(
        "UPDATE cases SET erased_there_at = COALESCE(erased_there_at, :at) WHERE id = :id",
        {"id": case_id, "at": tx.at},
    )


def incomplete(q: Read) -> list[Row]:
    """Return the erasures of which a backup may still hold the key, by time: case_id, key_gone_at."""
    return q.all("SELECT case_id, key_gone_at FROM erasure WHERE complete_at IS NULL AND key_gone_at IS NOT NULL"
                 " ORDER BY key_gone_at, case_id")  # fmt: skip


def complete(tx: Tx, gone_before: datetime) -> int:
    """Note that no backup holds the keys any more that were destroyed before a time; returns how many erasures."""
    sql = "UPDATE erasure SET complete_at = :at WHERE complete_at IS NULL AND key_gone_at < :gone"
    return tx.run(sql, {"at": tx.at, "gone": stamp(gone_before)})


def listing(q: Read, limit: int) -> list[Row]:
    """Return erasures, the latest decision first, with number, area and what the other side has said."""
    return q.all(
        "SELECT e.*, c.number, c.area, c.counterpart, c.erased_there_at FROM erasure e JOIN cases c ON c.id = e.case_id"
        " ORDER BY e.decided_at DESC, e.case_id LIMIT :limit",
        {"limit": limit},
    )


def orders(q: Read, authorities: list[str], limit: int, after: Place) -> list[Row]:
    """Return the ordered erasures of some authorities' cases as `listing` does, latest first, behind a place."""
    names, values = listed(authorities)
    if not values:
        return []
    return q.all(
        "SELECT e.*, c.number, c.area, c.counterpart, c.erased_there_at FROM erasure e"  # noqa: S608 - names are ours
        " CROSS JOIN cases c WHERE c.id = e.case_id"  # orders are few, an authority's cases aren't
        f" AND e.why IN ('order', 'their-order') AND c.own_authority IN ({names})"
        " AND (e.decided_at, e.case_id) < (:at, :id) ORDER BY e.decided_at DESC, e.case_id DESC LIMIT :limit",
        {**values, **after._asdict(), "limit": limit},
    )


def counts(q: Read) -> Row:
    """Return how many cases are blocked and not erased, and how many erasures there are, by how far they have come."""
    row = q.one(
        "SELECT COUNT(*) AS decided, COUNT(key_gone_at) AS key_gone, COUNT(finished_at) AS finished,"
        " COUNT(complete_at) AS complete FROM erasure"
    )
    assert row is not None
    return row
