"""Cases on disk: the summary by which they are found; contents are in events, encrypted."""

import datetime as dt
from collections.abc import Collection, Iterable
from typing import Any, Final

from node.domain.access import Reach
from node.domain.case import Case
from node.store.tx import Read, Row, Tx, listed, reached

MAX_REMINDED: Final = 12
"""Reminders of a case that are remembered: three for each date, one for each time that nothing happened."""
_COLUMNS: Final = (
    "id",
    "number",
    "role",
    "counterpart",
    "own_authority",
    "their_authority",
    "their_name",
    "area",
    "question_set",
    "set_version",
    "set_sha256",
    "state",
    "n",
    "head",
    "date_state",
    "date_n",
    "date_head",
    "due",
    "agreed",
    "withdrawal_wished",
    "opened",
    "former",
    "parts",
    "part_of",
    "confidential",
    "timeliness",
    "efforts",
    "asking_coordinator",
    "replying_coordinator",
)
_WRITTEN: Final = (*_COLUMNS, "coordinator", "turn")
"""`coordinator` and `turn` are worked out from the case, to find it by."""
_NEW: Final = (*_WRITTEN, "unread", "on_its_way", "created_at", "updated_at")
_INSERT: Final = f"INSERT INTO cases ({', '.join(_NEW)}) VALUES ({', '.join(':' + name for name in _NEW)})"  # noqa: S608 - ours
_SETS: Final = ", ".join(f"{name} = :{name}" for name in _WRITTEN if name != "id")


def _values(case: Case) -> dict[str, Any]:
    return {
        **vars(case),
        "coordinator": case.coordinator,
        "turn": case.turn,
        "due": case.due.isoformat(),
        "agreed": case.agreed.isoformat() if case.agreed else None,
        "opened": int(case.opened),
        "confidential": int(case.confidential),
        "former": " ".join(case.former),
        "parts": " ".join(case.parts),
    }


def from_row(row: Row) -> Case:
    """Read a case from its row."""
    values = {column: row[column] for column in _COLUMNS}
    values["due"] = dt.date.fromisoformat(values["due"])
    values["agreed"] = dt.date.fromisoformat(values["agreed"]) if values["agreed"] else None
    values["opened"], values["confidential"] = bool(values["opened"]), bool(values["confidential"])
    values["former"], values["parts"] = (tuple(values[name].split()) for name in ("former", "parts"))
    return Case(**values)


def insert(tx: Tx, case: Case, *, unread: bool, on_its_way: int) -> None:
    """Add a case."""
    added = {"unread": int(unread), "on_its_way": on_its_way, "created_at": tx.at, "updated_at": tx.at}
    tx.run(_INSERT, {**_values(case), **added})
    _note_former(tx, case)


def update(tx: Tx, case: Case, *, unread: bool | None = None, on_its_way: int = 0) -> None:
    """Save a case; `on_its_way` is added to the count of own events without a receipt.

    A case that has ended keeps the time at which it did; one whose end was refused is open again, and not blocked.
    One that another authority has taken over is nobody's there yet; one that comes back from there is again with who
    looked after it.
    """
    closed = tx.at if case.ended else None
    tx.run(
        f"UPDATE cases SET {_SETS}, unread = COALESCE(CAST(:unread AS INTEGER), unread),"  # noqa: S608 - names are ours
        " on_its_way = on_its_way + :on_its_way, updated_at = :now,"
        " handler = CASE WHEN own_authority = :own_authority THEN handler"
        " WHEN authority_before = :own_authority THEN handler_before END,"
        " handler_before = CASE WHEN own_authority = :own_authority THEN handler_before ELSE handler END,"
        " authority_before = CASE WHEN own_authority = :own_authority THEN authority_before ELSE own_authority END,"
        " blocked_at = CASE WHEN CAST(:closed AS TEXT) IS NULL AND erased_at IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM erasure WHERE case_id = cases.id) THEN NULL ELSE blocked_at END,"
        " closed_at = CASE WHEN CAST(:closed AS TEXT) IS NULL THEN NULL ELSE COALESCE(closed_at, :closed) END"
        " WHERE id = :id",
        {
            **_values(case),
            "unread": None if unread is None else int(unread),
            "on_its_way": on_its_way,
            "now": tx.at,
            "closed": closed,
        },
    )
    _note_former(tx, case)


def _note_former(tx: Tx, case: Case) -> None:
    """Keep the list of what each authority passed on in the order of changes."""
    if not case.former or case.role != "replying":
        return
    tx.run("DELETE FROM passed_on WHERE case_id = :id", {"id": case.id})
    tx.many(
        "INSERT INTO passed_on (authority, updated_at, case_id, area) VALUES (:authority, :at, :id, :area)",
        [{"authority": one, "at": tx.at, "id": case.id, "area": case.area} for one in dict.fromkeys(case.former)],
    )


def row_of(q: Read, case_id: str) -> Row | None:
    """Return the row of a case."""
    return q.one("SELECT * FROM cases WHERE id = :id", {"id": case_id})


def find(q: Read, case_id: str) -> Case | None:
    """Return a case by its id."""
    row = row_of(q, case_id)
    return from_row(row) if row else None


def received_at(q: Read, case: Case) -> str | None:
    """Return since when a case's request is here: of a part, that of the request it came from."""
    row = q.one(f"SELECT {RECEIVED} AS at FROM cases WHERE id = :id", {"id": case.id})  # noqa: S608 - ours
    return str(row["at"]) if row else None


def replying_by_number(q: Read, number: str) -> Row | None:
    """Return the case with a number that somebody asked us.

    The role isn't a parameter: the index is of this role alone, and SQLite would plan anew for each value.
    """
    return q.one("SELECT id FROM cases WHERE number = :number AND role = 'replying'", {"number": number})


def allocate(tx: Tx, case_id: str, authority: str, person: str | None) -> bool:
    """Note who of an authority looks after a case; False where the case isn't that authority's any more."""
    values = {"id": case_id, "authority": authority, "person": person}
    return tx.run("UPDATE cases SET handler = :person WHERE id = :id AND own_authority = :authority", values) == 1


def handler_of(q: Read, case_id: str) -> str | None:
    """Return the id of the person who looks after a case."""
    row = q.one("SELECT handler FROM cases WHERE id = :id", {"id": case_id})
    return row["handler"] if row else None


def remind(tx: Tx, case_id: str, what: str) -> bool:
    """Note that a reminder of a case was given; False where it was before: each is given once."""
    given = _reminded(tx, case_id)
    if what in given:
        return False
    kept = " ".join([*given[1 - MAX_REMINDED :], what])
    return tx.run("UPDATE cases SET reminded = :kept WHERE id = :id", {"id": case_id, "kept": kept}) == 1


def _reminded(q: Read, case_id: str) -> list[str]:
    row = q.one("SELECT reminded FROM cases WHERE id = :id", {"id": case_id})
    return str(row["reminded"]).split() if row else []


def close_as_told(tx: Tx, case_id: str) -> None:
    """Note when a case that was given back was closed, by its events: from then on its data are kept for a time."""
    tx.run(
        "UPDATE cases SET closed_at = (SELECT MAX(at) FROM event WHERE case_id = :id AND kind LIKE 'request.%'"
        " AND status <> 'refused') WHERE id = :id AND blocked_at IS NULL AND erased_at IS NULL",
        {"id": case_id},
    )


def handled_by(q: Read, person: str, limit: int) -> list[str]:
    """Return the numbers of the cases that a person looks after, the newest first."""
    rows = q.all(
        "SELECT number FROM cases WHERE handler = :person ORDER BY created_at DESC, id LIMIT :limit",
        {"person": person, "limit": limit},
    )
    return [str(row["number"]) for row in rows]


def mark_read(tx: Tx, case_id: str) -> None:
    """Note that somebody of the authority has opened the case."""
    tx.run("UPDATE cases SET unread = 0 WHERE id = :id", {"id": case_id})


def applied(tx: Tx, digests: Iterable[str]) -> None:
    """Count own events less that a receipt says are stored; before they are noted as applied."""
    tx.many(
        "UPDATE cases SET on_its_way = on_its_way - 1"
        " WHERE id = (SELECT case_id FROM event WHERE digest = :digest AND status = 'on-its-way')",
        [{"digest": digest} for digest in digests],
    )


def arrived(tx: Tx, case_id: str, count: int = 1) -> None:
    """Note that own events of the case were receipted or refused."""
    tx.run("UPDATE cases SET on_its_way = on_its_way - :count WHERE id = :id", {"id": case_id, "count": count})


VOID: Final = (
    "CASE WHEN state = 'refused' THEN"
    " (SELECT code FROM event WHERE case_id = cases.id AND kind = 'request.send' ORDER BY seq LIMIT 1) END"
)
"""Why a request never happened: the code of its refusal."""
RECEIVED: Final = "COALESCE((SELECT created_at FROM cases AS whole WHERE whole.id = cases.part_of), created_at)"
"""Since when a case's request is here: of a part, that of the request it came from."""


def reserve_numbers(tx: Tx, country: str, count: int) -> list[str]:
    """Return the next numbers for people, such as `DE-2026-000412`; each is given once."""
    row = tx.one(
        "INSERT INTO case_number (year, next) VALUES (:year, 1 + :count)"
        " ON CONFLICT (year) DO UPDATE SET next = next + :count RETURNING next AS next",
        {"year": tx.now.year, "count": count},
    )
    assert row is not None
    first = int(row["next"]) - count
    return [f"{country}-{tx.now.year}-{number:06d}" for number in range(first, first + count)]


def spend_number(tx: Tx, number: str, beyond: int) -> None:
    """Count a number that was given earlier, so that it is never given again, nor any of the `beyond` after it."""
    _, year, place = number.partition("/")[0].split("-")
    tx.run(
        "INSERT INTO case_number (year, next) VALUES (:year, :next)"
        " ON CONFLICT (year) DO UPDATE SET next = CASE WHEN next < :next THEN :next ELSE next END",
        {"year": int(year), "next": int(place) + 1 + beyond},
    )


def last_number(q: Read, country: str) -> str:
    """Return the number before the next one of the newest year."""
    row = q.one("SELECT year, next FROM case_number ORDER BY year DESC LIMIT 1")
    return f"{country}-{row['year']}-{row['next'] - 1:06d}" if row else ""


def skip_numbers(tx: Tx, country: str, count: int) -> str:
    """Leave out the next `count` numbers of this year; returns the first and the last of them."""
    skipped = reserve_numbers(tx, country, count)
    return f"{skipped[0]} to {skipped[-1]}"


def asked_with(q: Read, number: str) -> list[str]:
    """Return the ids of the own requests that have a number: one, but for the worst of nights."""
    rows = q.all("SELECT id, created_at FROM cases WHERE number = :number AND role = 'asking'", {"number": number})
    return [str(row["id"]) for row in sorted(rows, key=lambda row: str(row["created_at"]))]


def recount(tx: Tx, case_id: str) -> None:
    """Count anew how many own events of a case are on their way."""
    tx.run(
        "UPDATE cases SET on_its_way = (SELECT COUNT(*) FROM event WHERE case_id = :id AND status = 'on-its-way')"
        " WHERE id = :id",
        {"id": case_id},
    )


def renamed(tx: Tx, case_id: str, before: str, after: str) -> None:
    """Put another digest where a head of the case's chains names one that was signed again."""
    values = {"id": case_id, "before": before, "after": after}
    for column in ("head", "date_head"):
        tx.run(f"UPDATE cases SET {column} = :after WHERE id = :id AND {column} = :before", values)  # noqa: S608 - names are ours


def outstanding(q: Read, reach: Reach, limit: int) -> list[Row]:
    """Return the cases within a reach whose reply is still to come, by the date until which it is due."""
    within, values = reached(reach, "own_authority", "area")
    return q.all(
        f"SELECT *, {RECEIVED} AS received_at FROM cases WHERE {within} AND closed_at IS NULL"  # noqa: S608 - names are ours
        " AND blocked_at IS NULL"
        " AND state IN ('sent', 'accepted', 'clarifying') ORDER BY due, id LIMIT :limit",
        {**values, "limit": limit},
    )


def urgent(q: Read, area: str, authorities: list[str], after: tuple[str, str], limit: int) -> list[Row]:
    """Return cases of an area whose reply is to come, by their date, after the place (date, id) of another one."""
    names, values = listed(authorities)
    return q.all(
        f"SELECT *, {RECEIVED} AS received_at FROM cases WHERE own_authority IN ({names}) AND closed_at IS NULL"  # noqa: S608 - names are ours
        " AND blocked_at IS NULL"
        " AND state IN ('sent', 'accepted', 'clarifying') AND area = :area"
        " AND (due > :due OR (due = :due AND id > :id)) ORDER BY due, id LIMIT :limit",
        {**values, "area": area, "due": after[0], "id": after[1], "limit": limit},
    )


def count_of(q: Read, authority: str) -> int:
    """Return how many cases an authority of ours has; for measuring, since it visits all of them."""
    row = q.one("SELECT COUNT(*) AS count FROM cases WHERE own_authority = :authority", {"authority": authority})
    return int(row["count"]) if row else 0


def counts(q: Read) -> list[Row]:
    """Return how many cases there are by side and state; the database keeps count of them."""
    return q.all("SELECT role, state, count FROM case_count WHERE count > 0 ORDER BY role, state")


def wished(q: Read, peer: str | None = None) -> list[str]:
    """Return the cases whose asking side (`peer`, or any) wished to withdraw before this side accepted."""
    rows = q.all(
        "SELECT id FROM cases WHERE withdrawal_wished IS NOT NULL AND state = 'sent' AND role = 'replying'"
        " AND counterpart = COALESCE(CAST(:peer AS TEXT), counterpart) ORDER BY id",
        {"peer": peer},
    )
    return [str(row["id"]) for row in rows]


def unopened_parts(q: Read, peer: str, case_ids: Collection[str] | None = None) -> list[tuple[str, str]]:
    """Return (case, part) of each part of own requests, all or some, that `peer` has named and that isn't there yet.

    Of a request that was withdrawn nothing is asked any more, and of an erased one nothing can be; nor is a part that
    was erased, of which an old disk has no more than signed words.
    """
    names, values = listed(sorted(case_ids or ()))
    some = f" AND id IN ({names})" if case_ids is not None else ""
    rows = q.all(
        "SELECT id, parts FROM cases WHERE parts <> '' AND counterpart = :peer AND role <> 'replying'"  # noqa: S608 - ours
        " AND NOT EXISTS (SELECT 1 FROM erasure WHERE case_id = cases.id)"
        f" AND state <> 'withdrawn'{some} ORDER BY id",
        {"peer": peer, **values},
    )
    named = [(str(row["id"]), part) for row in rows for part in str(row["parts"]).split()]
    fresh = set(unknown(q, {part for _, part in named}))
    return [(case_id, part) for case_id, part in named if part in fresh]


def unknown(q: Read, case_ids: set[str]) -> list[str]:
    """Return those of some ids that no case has, nor had before it was erased: no key of it comes to be again."""
    names, values = listed(sorted(case_ids))
    sql = (
        f"SELECT id FROM cases WHERE id IN ({names})"  # noqa: S608 - ours
        f" UNION SELECT case_id FROM erasure WHERE case_id IN ({names})"
    )
    return sorted(case_ids - {str(row["id"]) for row in q.all(sql, values)}) if values else []


def is_taken(q: Read, whole: Case, part: str) -> bool:
    """Say whether a part that a case is to have is another case, or named as a part by one with the same country.

    It may be there as a part of just that case: who sent it has lost its disk, got it back, and is told once more.
    """
    named = q.one(
        "SELECT 1 FROM cases WHERE counterpart = :country AND parts <> '' AND parts LIKE '%' || :part || '%' LIMIT 1",
        {"country": whole.counterpart, "part": part},
    )
    there = find(q, part)
    ours = there is not None and (there.part_of, there.counterpart) == (whole.id, whole.counterpart)
    return named is not None or (there is not None and not ours)


def is_part_with_another(q: Read, country: str, part: str) -> bool:
    """Say whether a request with another country is to have a part of this id."""
    row = q.one(
        "SELECT 1 FROM cases WHERE parts <> '' AND counterpart <> :country AND parts LIKE '%' || :part || '%' LIMIT 1",
        {"country": country, "part": part},
    )
    return row is not None


def met(q: Read, country: str) -> bool:
    """Say whether there ever was a case with this country, on whichever side; a trigger keeps them."""
    return q.one("SELECT 1 FROM met WHERE country = :country", {"country": country}) is not None


def ids(q: Read) -> frozenset[str]:
    """Return the ids of all cases."""
    return frozenset(str(row["id"]) for row in q.all("SELECT id FROM cases"))


def overview(q: Read) -> list[Row]:
    """Return all cases, for verification."""
    return q.all("SELECT * FROM cases ORDER BY id")
