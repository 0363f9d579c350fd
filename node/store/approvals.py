"""Requests and replies that wait for a coordinator's approval, and where approval is switched on."""

from collections.abc import Collection
from typing import Any, Final

from node.store.list_place import Place
from node.store.tx import Read, Row, Tx, listed

_SELECT: Final = (
    "SELECT approval.*, draft.case_id, draft.writers, cases.number, cases.due"
    " FROM approval JOIN draft ON draft.id = approval.draft LEFT JOIN cases ON cases.id = draft.case_id"
)
_WAITS: Final = (
    "approval.state = 'waiting' AND approval.version = draft.version"
    " AND approval.authority = COALESCE(cases.own_authority, draft.authority)"
    " AND (approval.step = 'request.send' OR cases.state IN ('accepted', 'clarifying'))"
)
"""A draft that was changed, and the reply to a case that has ended or was passed on, don't wait any more.

A trigger (`approval_overtaken`) sets the version to 0 once another reply, or a passing on, came first (SPEC S-286).
"""


def ask(tx: Tx, values: dict[str, Any]) -> None:
    """Note that a version of a draft waits; takes the place of what was said of an earlier one."""
    tx.run(
        "INSERT INTO approval (draft, step, authority, area, version, state, asked_by, asked_at)"
        " VALUES (:draft, :step, :authority, :area, :version, 'waiting', :by, :at) ON CONFLICT (draft) DO UPDATE SET"
        " step = :step, authority = :authority, area = :area, version = :version, state = 'waiting', asked_by = :by,"
        " asked_at = :at, reason = NULL",
        {**values, "at": tx.at},
    )


def of_draft(q: Read, draft_id: str) -> Row | None:
    """Return what was asked and decided of a draft last."""
    return q.one("SELECT * FROM approval WHERE draft = :draft", {"draft": draft_id})


def waiting_draft(q: Read, draft_id: str) -> Row | None:
    """Return what waits, of one draft."""
    return q.one(f"{_SELECT} WHERE approval.draft = :draft AND {_WAITS}", {"draft": draft_id})


def waiting_in(q: Read, case_id: str) -> Row | None:
    """Return the reply to a case that waits."""
    return q.one(
        f"{_SELECT} WHERE draft.case_id = :case AND approval.step <> 'request.send' AND {_WAITS}", {"case": case_id}
    )


def reply_state(q: Read, case_id: str) -> str | None:
    """Return how the reply that a case's authority is writing stands: waiting, approved or returned."""
    row = q.one(
        f"{_SELECT} WHERE draft.case_id = :case AND approval.authority = cases.own_authority"
        " AND cases.state IN ('accepted', 'clarifying')"
        " AND (approval.state = 'returned' OR approval.version = draft.version)",
        {"case": case_id},
    )
    return str(row["state"]) if row else None


def waiting_places(q: Read) -> list[tuple[str, str]]:
    """Return the authorities, each with an area, of which something waits."""
    rows = q.all("SELECT DISTINCT authority, area FROM approval WHERE state = 'waiting' ORDER BY authority, area")
    return [(str(row["authority"]), str(row["area"])) for row in rows]


def waiting(q: Read, places: Collection[tuple[str, str]], limit: int, after: Place) -> list[Row]:
    """Return what waits of some authorities, each in an area, the oldest first, behind a place."""
    names, values = listed([f"{authority} {area}" for authority, area in places])
    return q.all(
        f"{_SELECT} WHERE {_WAITS} AND approval.authority || ' ' || approval.area IN ({names})"
        " AND (asked_at, draft) > (:at, :id) ORDER BY asked_at, draft LIMIT :limit",
        {**values, **after._asdict(), "limit": limit},
    )


def authors(waiting: Row) -> frozenset[str]:
    """Return who wrote in what waits, or asked for its approval: somebody else decides on it."""
    return frozenset((str(waiting["asked_by"]), *str(waiting["writers"]).split()))


def decide(tx: Tx, draft_id: str, version: int, state: str, reason: bytes | None) -> bool:
    """Note the decision on a version that waits; False where it doesn't wait any more."""
    row = waiting_draft(tx, draft_id)
    if row is None or row["version"] != version:
        return False
    values = {"draft": draft_id, "state": state, "reason": reason}
    return tx.run("UPDATE approval SET state = :state, reason = :reason WHERE draft = :draft", values) == 1


def forget(tx: Tx, draft_id: str) -> None:
    """Forget what was said of a draft that is gone."""
    tx.run("DELETE FROM approval WHERE draft = :draft", {"draft": draft_id})


def switched_on(q: Read, authority: str, side: str) -> list[str]:
    """Return the areas in which an authority has its requests approved, or its replies."""
    rows = q.all(
        "SELECT area FROM approval_switch WHERE authority = :authority AND side = :side ORDER BY area",
        {"authority": authority, "side": side},
    )
    return [str(row["area"]) for row in rows]


def switch(tx: Tx, authority: str, area: str, side: str, *, on: bool) -> None:
    """Switch approval on or off."""
    values = {"authority": authority, "area": area, "side": side}
    tx.run("DELETE FROM approval_switch WHERE authority = :authority AND area = :area AND side = :side", values)
    if on:
        tx.run("INSERT INTO approval_switch (authority, area, side) VALUES (:authority, :area, :side)", values)


def case_switched_on(q: Read, case_id: str) -> bool:
    """Say whether the authority that has a case has the replies to it approved."""
    return q.one("SELECT 1 FROM cases WHERE id = :id AND reply_approval = own_authority", {"id": case_id}) is not None


def switch_case(tx: Tx, case_id: str, authority: str, *, on: bool) -> bool:
    """Switch approval of the replies to a case on or off; False where it isn't that authority's any more."""
    values = {"id": case_id, "authority": authority, "held": authority if on else ""}
    return tx.run("UPDATE cases SET reply_approval = :held WHERE id = :id AND own_authority = :authority", values) == 1
