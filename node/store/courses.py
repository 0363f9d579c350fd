"""When requests were sent, accepted and first answered, for statistics: no contents and no persons.

Of a request that has ended its course is kept, and read without opening the case again; the others are read from
their events. Triggers move a case from the one to the other (`course_tables.py`).
"""

from datetime import date, datetime, timedelta
from typing import Final, Literal

from node.clock import unstamp
from node.domain.access import Reach
from node.domain.indicators import TENTH, TWO_WEEKS, WEEK, Course, Tally
from node.store.tx import Read, Row, Tx, reached
from protocol.request import FINAL, Side

By = Literal["month", "area", "country", "authority"]
_MS: Final = timedelta(milliseconds=1)
_TENTH: Final = TENTH // _MS
_COURSE: Final = (
    "SELECT c.id, c.role, c.area, c.counterpart AS country, c.own_authority AS authority, c.state, c.due, c.timeliness,"
    " c.efforts, c.created_at AS sent, SUBSTR(c.created_at, 1, 7) AS month,"
    " (SELECT MIN(e.at) FROM event e WHERE e.case_id = c.id AND e.kind IN ('request.accept', 'request.reply')"
    "  AND e.kind = 'request.accept' AND e.status <> 'refused') AS accepted,"
    " (SELECT MIN(e.at) FROM event e WHERE e.case_id = c.id AND e.kind IN ('request.accept', 'request.reply')"
    "  AND e.kind = 'request.reply' AND e.status <> 'refused') AS answered"
    " FROM running r CROSS JOIN cases c"
)
"""In this order: those that run are few."""


def running(q: Read, role: Side, start: str, end: str, reach: Reach | None) -> list[tuple[Row, Course]]:
    """Return the requests sent in a span of time (stamps; `end` is outside) whose course isn't kept, with its row.

    `reach` is ours, by authority and area; None means all.
    A row has `area`, `country`, `authority` (ours) and `month` (2026-11).
    """
    among, values = _among(reach, "c.own_authority", "c.area")
    rows = q.all(
        f"{_COURSE} WHERE c.id = r.case_id AND c.role = :role AND c.created_at >= :start AND c.created_at < :end{among}"
        " AND c.state <> 'refused'",
        {"role": role, "start": start, "end": end, **values},
    )
    return [(row, _course(row)) for row in rows]


def kept(q: Read, role: Side, first: str, last: str, by: By, reach: Reach | None) -> dict[str, Tally]:
    """Return what is kept of the requests sent from month `first` to month `last`, added up by `by`; see `running`."""
    among, more = _among(reach, "authority", "area")
    values = {"role": role, "first": first, "last": last, "week": WEEK // _MS, "two_weeks": TWO_WEEKS // _MS, **more}
    where = f"FROM course WHERE role = :role AND month >= :first AND month <= :last{among}"
    rows = q.all(
        f"SELECT {by} AS key, COUNT(*) AS requests, 0 AS open, COUNT(accepted_ms) AS accepting,"
        " COUNT(CASE WHEN accepted_ms <= :week THEN 1 END) AS accepted_in_time, COUNT(answered_ms) AS answering,"
        " COUNT(CASE WHEN answered_ms <= :two_weeks THEN 1 END) AS answered_in_time, SUM(in_time) AS by_date,"
        " SUM(answered_ms) AS answered_ms, COUNT(timeliness) AS timeliness, COUNT(efforts) AS efforts,"
        " COUNT(CASE WHEN timeliness < 0 THEN 1 END) AS negative_timeliness,"
        f" COUNT(CASE WHEN efforts < 0 THEN 1 END) AS negative_efforts {where} GROUP BY {by}",
        values,
    )
    days: dict[str, dict[int, int]] = {}
    for row in q.all(
        f"SELECT {by} AS key, (answered_ms + :half) / :tenth AS tenths, COUNT(*) AS count {where}"
        " AND answered_ms IS NOT NULL GROUP BY key, tenths",
        {**values, "tenth": _TENTH, "half": _TENTH // 2},
    ):
        days.setdefault(row["key"], {})[row["tenths"]] = row["count"]
    return {row["key"]: _tally(row, days.get(row["key"], {})) for row in rows}


def _among(reach: Reach | None, authority: str, area: str) -> tuple[str, dict[str, str]]:
    if reach is None:
        return "", {}
    within, values = reached(reach, authority, area)
    return f" AND {within}", values


def _tally(row: Row, days: dict[int, int]) -> Tally:
    values = {name: row[name] or 0 for name in row.keys() if name not in ("key", "answered_ms")}  # noqa: SIM118 - a row
    return Tally(**values, taken=(row["answered_ms"] or 0) * _MS, tenths=days)


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


def keep(tx: Tx, after: str, limit: int) -> tuple[int, str]:
    """Keep the courses of requests that have ended, of the next `limit` that aren't kept; begins behind an id.

    Returns how many were looked at, and the id of the last one.
    """
    rows = tx.all(
        f"{_COURSE} WHERE c.id = r.case_id AND r.case_id > :after ORDER BY r.case_id LIMIT :limit",
        {"after": after, "limit": limit},
    )
    ended = [row for row in rows if row["state"] in (*FINAL, "refused")]
    tx.many(
        "INSERT INTO course (role, month, case_id, area, country, authority, accepted_ms, answered_ms, in_time,"
        " timeliness, efforts) VALUES (:role, :month, :id, :area, :country, :authority, :accepted_ms, :answered_ms,"
        " :in_time, :timeliness, :efforts) ON CONFLICT DO NOTHING",
        [{**dict(row), **_measured(_course(row))} for row in ended if row["state"] != "refused"],
    )
    tx.many("DELETE FROM running WHERE case_id = :id", [{"id": row["id"]} for row in ended])
    return len(rows), rows[-1]["id"] if rows else after


def count_running(q: Read) -> int:
    """Return how many requests have no course that is kept: those that are open, and ended lately."""
    row = q.one("SELECT COUNT(*) AS count FROM running")
    return int(row["count"]) if row else 0


def _measured(course: Course) -> dict[str, int | None]:
    in_time = None if course.answered is None else int(course.answered.date() <= course.due)
    return {
        "accepted_ms": _since_sending(course, course.accepted),
        "answered_ms": _since_sending(course, course.answered),
        "in_time": in_time,
    }


def _since_sending(course: Course, then: datetime | None) -> int | None:
    """Return after how many milliseconds something was done; one that has begun counts."""
    return None if then is None else -((course.sent - then) // _MS)
