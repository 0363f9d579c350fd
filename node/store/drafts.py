"""Drafts on disk, their content encrypted under the key of the case they belong to."""

from typing import Any, Final

from node.store import approvals
from node.store.list_place import Place
from node.store.tx import Read, Row, Tx, listed

_WHOSE: Final = "COALESCE(cases.own_authority, draft.authority)"
_SELECT: Final = (
    f"SELECT draft.id, kind, case_id, {_WHOSE} AS authority, person, content, version, draft.updated_at, area"  # noqa: S608 - ours
    " FROM draft LEFT JOIN cases ON cases.id = draft.case_id"
)
"""The draft of a reply is its case's: who takes the case over goes on with it."""


def save(tx: Tx, values: dict[str, Any], version: int | None) -> bool:
    """Insert a draft, or replace version `version` of it; False where another version is there."""
    row = {**values, "at": tx.at, "version": version or 0}
    if version is None:
        tx.run(
            "INSERT INTO draft (id, kind, case_id, authority, person, writers, content, version, updated_at)"
            " VALUES (:id, :kind, :case_id, :authority, :person, :person, :content, 1, :at)",
            row,
        )
        return True
    changed = tx.run(
        "UPDATE draft SET authority = :authority, content = :content, version = version + 1, updated_at = :at,"
        " writers = CASE WHEN INSTR(' ' || writers || ' ', ' ' || :person || ' ') THEN writers"
        " ELSE writers || ' ' || :person END WHERE id = :id AND version = :version",
        row,
    )
    return changed == 1


def find(q: Read, draft_id: str) -> Row | None:
    """Return a draft."""
    return q.one(f"{_SELECT} WHERE draft.id = :id", {"id": draft_id})


def reply_to(q: Read, case_id: str) -> Row | None:
    """Return the draft of a reply to a case: one, shared by the handlers of the authority."""
    return q.one(f"{_SELECT} WHERE case_id = :id AND kind = 'reply'", {"id": case_id})


def listing(q: Read, authorities: list[str], after: Place, limit: int) -> list[Row]:
    """Return drafts of some authorities, newest first, behind a place; none in cases whose data are blocked."""
    names, values = listed(authorities)
    return q.all(
        f"{_SELECT} WHERE {_WHOSE} IN ({names}) AND blocked_at IS NULL"
        " AND (draft.updated_at, draft.id) < (:at, :id) ORDER BY draft.updated_at DESC, draft.id DESC LIMIT :limit",
        {**values, **after._asdict(), "limit": limit},
    )


def count_of(q: Read, person: str) -> int:
    """Return how many drafts a person has begun."""
    row = q.one("SELECT COUNT(*) AS count FROM draft WHERE person = :person", {"person": person})
    return int(row["count"]) if row else 0


def writers(q: Read, draft_id: str) -> frozenset[str]:
    """Return who wrote in a draft."""
    row = q.one("SELECT writers FROM draft WHERE id = :id", {"id": draft_id})
    return frozenset(str(row["writers"]).split()) if row else frozenset()


def delete(tx: Tx, draft_id: str, version: int) -> bool:
    """Delete version `version` of a draft; False where there is none, or another one."""
    gone = tx.run("DELETE FROM draft WHERE id = :id AND version = :version", {"id": draft_id, "version": version}) == 1
    if gone:
        approvals.forget(tx, draft_id)
    return gone


def erase(tx: Tx, case_ids: list[str]) -> list[str]:
    """Delete the drafts of requests that were never sent, and what was attached; returns the files' hashes."""
    lost: list[str] = []
    for case_id in case_ids:
        values = {"id": case_id}
        if tx.one("SELECT 1 FROM event WHERE case_id = :id", values) is None:
            lost += [str(row["sha256"]) for row in tx.all("SELECT sha256 FROM blob WHERE case_id = :id", values)]
            tx.run("DELETE FROM blob WHERE case_id = :id", values)
        for row in tx.all("SELECT id FROM draft WHERE case_id = :id", values):
            approvals.forget(tx, row["id"])
        tx.run("DELETE FROM draft WHERE case_id = :id", values)
    return lost


def case_ids(q: Read) -> frozenset[str]:
    """Return the cases that drafts belong to, those included that aren't there yet."""
    return frozenset(str(row["case_id"]) for row in q.all("SELECT case_id FROM draft"))
