"""Requests that wait for a coordinator's approval, and where approval is switched on."""

from typing import Any

from node.store.tx import Read, Row, Tx


def ask(tx: Tx, values: dict[str, Any]) -> None:
    """Note that a version of a draft waits; takes the place of what was said of an earlier one."""
    tx.run(
        "INSERT INTO approval (draft, authority, area, version, state, asked_by, asked_at)"
        " VALUES (:draft, :authority, :area, :version, 'waiting', :by, :at) ON CONFLICT (draft) DO UPDATE SET"
        " authority = :authority, area = :area, version = :version, state = 'waiting', asked_by = :by, asked_at = :at,"
        " reason = NULL",
        {**values, "at": tx.at},
    )


def of_draft(q: Read, draft_id: str) -> Row | None:
    """Return what was asked and decided of a draft last."""
    return q.one("SELECT * FROM approval WHERE draft = :draft", {"draft": draft_id})


def waiting(q: Read, limit: int) -> list[Row]:
    """Return what waits in the whole country, the oldest first; changed drafts aren't asked for any more."""
    return q.all(
        "SELECT approval.* FROM approval JOIN draft ON draft.id = approval.draft AND draft.version = approval.version"
        " WHERE state = 'waiting' ORDER BY asked_at, draft LIMIT :limit",
        {"limit": limit},
    )


def decide(tx: Tx, draft_id: str, version: int, state: str, reason: bytes | None) -> bool:
    """Note the decision on a version that waits; False where it doesn't wait any more."""
    changed = tx.run(
        "UPDATE approval SET state = :state, reason = :reason"
        " WHERE draft = :draft AND version = :version AND state = 'waiting'"
        " AND EXISTS (SELECT 1 FROM draft WHERE draft.id = :draft AND draft.version = :version)",
        {"draft": draft_id, "version": version, "state": state, "reason": reason},
    )
    return changed == 1


def forget(tx: Tx, draft_id: str) -> None:
    """Forget what was said of a draft that is gone."""
    tx.run("DELETE FROM approval WHERE draft = :draft", {"draft": draft_id})


def switched_on(q: Read, authority: str) -> list[str]:
    """Return the areas in which an authority has its requests approved."""
    rows = q.all(
        "SELECT area FROM approval_switch WHERE authority = :authority ORDER BY area", {"authority": authority}
    )
    return [str(row["area"]) for row in rows]


def switch(tx: Tx, authority: str, area: str, *, on: bool) -> None:
    """Switch approval on or off."""
    values = {"authority": authority, "area": area}
    tx.run("DELETE FROM approval_switch WHERE authority = :authority AND area = :area", values)
    if on:
        tx.run("INSERT INTO approval_switch (authority, area) VALUES (:authority, :area)", values)
