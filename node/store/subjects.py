"""Files of persons who claim their rights: who, what and why are sealed under a key of the file's own."""

import datetime as dt
from typing import Any

from node.clock import unstamp
from node.domain.subject import SubjectFile
from node.store.list_place import Place
from node.store.tx import Read, Row, Tx, listed


def add(tx: Tx, values: dict[str, Any]) -> str:
    """Add a file (id, authority, wants, received, due, content, by); returns its number, given once."""
    row = tx.one(
        "INSERT INTO subject_number (authority, year, last) VALUES (:authority, :year, 1)"
        " ON CONFLICT (authority, year) DO UPDATE SET last = last + 1 RETURNING last",
        {"authority": values["authority"], "year": tx.now.year},
    )
    assert row is not None
    number = f"{tx.now.year}-{row['last']:04d}"
    tx.run(
        "INSERT INTO subject_file (id, number, authority, wants, received, due, state, content, opened_by, opened_at,"
        " reminded) VALUES (:id, :number, :authority, :wants, :received, :due, 'open', :content, :by, :at, '')",
        {**values, "number": number, "at": tx.at},
    )
    return number


def from_row(row: Row) -> SubjectFile:
    """Return a file."""
    return SubjectFile(
        id=row["id"],
        number=row["number"],
        authority=row["authority"],
        wants=tuple(str(row["wants"]).split()),  # type: ignore[arg-type]
        received=dt.date.fromisoformat(row["received"]),
        due=dt.date.fromisoformat(row["due"]),
        state=row["state"],
        told_on=dt.date.fromisoformat(row["told_on"]) if row["told_on"] else None,
        ended_on=dt.date.fromisoformat(row["ended_on"]) if row["ended_on"] else None,
        opened_by=row["opened_by"],
        opened_at=unstamp(row["opened_at"]),
    )


def find(q: Read, file_id: str) -> Row | None:
    """Return the row of a file."""
    return q.one("SELECT * FROM subject_file WHERE id = :id", {"id": file_id})


def listing(q: Read, authorities: list[str], after: Place, *, ended: bool, limit: int) -> list[Row]:
    """Return files of some authorities behind a place, with how many cases they name.

    Open ones by date, ended ones latest first.
    """
    names, values = listed(authorities)
    which, behind, order = (
        ("NOT NULL", "(ended_on, id) < (:at, :id)", "ended_on DESC, id DESC")
        if ended
        else ("NULL", "(due, id) > (:at, :id)", "due, id")
    )
    return q.all(
        "SELECT *, (SELECT COUNT(*) FROM subject_case WHERE file = subject_file.id) AS cases FROM subject_file"  # noqa: S608 - ours
        f" WHERE authority IN ({names}) AND ended_on IS {which} AND {behind} ORDER BY {order} LIMIT :limit",
        {**values, **after._asdict(), "limit": limit},
    )


def count_due(q: Read, authorities: list[str], until: dt.date) -> int:
    """Return how many open files of some authorities are due until a day."""
    names, values = listed(authorities)
    row = q.one(
        f"SELECT COUNT(*) AS count FROM subject_file WHERE authority IN ({names})"  # noqa: S608 - names are ours
        " AND ended_on IS NULL AND due <= :until",
        {**values, "until": until.isoformat()},
    )
    return int(row["count"]) if row else 0


def change(tx: Tx, file_id: str, content: bytes, changed: dict[str, str]) -> None:
    """Replace what is sealed, and some of: due, state, told_on, ended_on."""
    sets = "".join(f", {name} = :{name}" for name in sorted(changed))
    tx.run(
        f"UPDATE subject_file SET content = :content{sets} WHERE id = :id",  # noqa: S608 - names are ours
        {**changed, "id": file_id, "content": content},
    )


def link(tx: Tx, file_id: str, case_id: str, by: str) -> bool:
    """Note that a case holds data of the person; False where it was noted."""
    return bool(
        tx.run(
            "INSERT INTO subject_case (file, case_id, linked_by, at) VALUES (:file, :case, :by, :at)"
            " ON CONFLICT DO NOTHING",
            {"file": file_id, "case": case_id, "by": by, "at": tx.at},
        )
    )


def unlink(tx: Tx, file_id: str, case_id: str) -> bool:
    """Take a case out of a file; False where it isn't in it."""
    sql = "DELETE FROM subject_case WHERE file = :file AND case_id = :case"
    return bool(tx.run(sql, {"file": file_id, "case": case_id}))


def linked(q: Read, file_id: str) -> list[Row]:
    """Return the cases that a file names, in the order in which they were found; what of an erased one is left, too."""
    return q.all(
        "SELECT c.*, s.at AS linked_at FROM subject_case s JOIN cases c ON c.id = s.case_id WHERE s.file = :file"
        " ORDER BY s.at, c.number",
        {"file": file_id},
    )


def naming(q: Read, case_id: str) -> list[Row]:
    """Return the open files that name a case: id, authority, and the case's number."""
    return q.all(
        "SELECT f.id, f.authority, c.number AS case_number FROM subject_case s JOIN subject_file f ON f.id = s.file"
        " JOIN cases c ON c.id = s.case_id WHERE s.case_id = :case AND f.ended_on IS NULL ORDER BY f.id",
        {"case": case_id},
    )


def searched(q: Read, authority: str, wanted: dict[str, str | None], limit: int) -> list[Row]:
    """Return cases of an authority, blocked ones too, by what may be searched, the latest first; by index.

    `wanted`: number (part of it), country, area, since and before (days on which they came to be here).
    """
    span = {"from": wanted["since"] or "", "until": wanted["before"] or "~"}
    return q.all(
        "SELECT * FROM cases WHERE own_authority = :authority AND erased_at IS NULL"
        " AND (CAST(:number AS TEXT) IS NULL OR number LIKE '%' || :number || '%')"
        " AND counterpart = COALESCE(CAST(:country AS TEXT), counterpart)"
        " AND area = COALESCE(CAST(:area AS TEXT), area)"
        " AND created_at >= :from AND created_at < :until ORDER BY created_at DESC, id DESC LIMIT :limit",
        {**wanted, **span, "authority": authority, "limit": limit},
    )


def falling_due(q: Read, after: dt.date, until: dt.date) -> list[Row]:
    """Return the open files that are due after one day and until another."""
    return q.all(
        "SELECT * FROM subject_file WHERE ended_on IS NULL AND due > :after AND due <= :until ORDER BY due, id",
        {"after": after.isoformat(), "until": until.isoformat()},
    )


def remind(tx: Tx, file_id: str, what: str) -> bool:
    """Note the latest reminder; False where it is the latest already."""
    sql = "UPDATE subject_file SET reminded = :what WHERE id = :id AND reminded <> :what"
    return bool(tx.run(sql, {"id": file_id, "what": what}))


def ended_before(q: Read, day: str) -> list[str]:
    """Return the files that ended before a day."""
    rows = q.all("SELECT id FROM subject_file WHERE ended_on IS NOT NULL AND ended_on < :day ORDER BY id", {"day": day})
    return [str(row["id"]) for row in rows]


def every(q: Read) -> list[Row]:
    """Return all files."""
    return q.all("SELECT id, content FROM subject_file ORDER BY id")


def ids(q: Read) -> frozenset[str]:
    """Return the ids of all files."""
    return frozenset(str(row["id"]) for row in q.all("SELECT id FROM subject_file"))


def delete(tx: Tx, file_ids: list[str]) -> None:
    """Delete files whose keys are gone, with the news of them that wait."""
    for file_id in file_ids:
        values = {"id": file_id}
        tx.run("DELETE FROM told WHERE case_id = :id", values)
        tx.run("DELETE FROM subject_case WHERE file = :id", values)
        tx.run("DELETE FROM subject_file WHERE id = :id", values)
