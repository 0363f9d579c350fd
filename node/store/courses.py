"""When requests were sent, accepted and first answered, for statistics: no contents and no persons."""

from datetime import date

from node.clock import unstamp
from node.domain.access import Reach
from node.domain.indicators import Course
from node.store.tx import Read, Row, reached
from protocol.request import FINAL, Side


def between(q: Read, role: Side, start: str, end: str, reach: Reach | None) -> list[tuple[Row, Course]]:
    """Return the requests that were sent in a span of time (stamps; `end` is outside), each with its row.

    `reach` is ours, by authority and area; None means all.
    A row has `area`, `country`, `authority` (ours) and `month` (2026-11).
    """
    among = ""
    values: dict[str, object] = {"role": role, "start": start, "end": end}
    if reach is not None:
        within, more = reached(reach, "c.own_authority", "c.area")
        among, values = f" AND {within}", {**values, **more}
    rows = q.all(
        "SELECT c.area, c.counterpart AS country, c.own_authority AS authority, c.state, c.due, c.timeliness,"  # noqa: S608 - ours
        " c.efforts, c.created_at AS sent,"
        " MIN(CASE WHEN e.kind = 'request.accept' THEN e.at END) AS accepted,"
        " MIN(CASE WHEN e.kind = 'request.reply' THEN e.at END) AS answered"
        " FROM cases c LEFT JOIN event e ON e.case_id = c.id AND e.status <> 'refused'"
        " AND e.kind IN ('request.accept', 'request.reply')"
        " WHERE c.role = :role AND c.created_at >= :start AND c.created_at < :end AND c.state <> 'refused'"
        f"{among} GROUP BY c.id",
        values,
    )
    return [(row, _course(row)) for row in rows]


def _course(row: Row) -> Course:
    return Course(
        sent=unstamp(row["sent"]),
        accepted=unstamp(row["accepted"]) if row["accepted"] else None,
        answered=unstamp(row["answered"]) if row["answered"] else None,
        due=date.fromisoformat(row["due"]),
        ended=row["state"] in FINAL,
        timeliness=row["timeliness"],
        efforts=row["efforts"],
    )
