"""Invitations to register an authority, and what the invited wrote; of a link only its SHA-256 is stored."""

from datetime import datetime
from typing import Final

from node.clock import stamp
from node.store.people import digest_of
from node.store.tx import Read, Row, Tx

OPEN: Final = ("invited", "returned")
"""States in which the invited person's link works."""


def add(tx: Tx, fields: dict[str, str], token: str, expires: datetime) -> None:
    """Add an invitation: id, coordinator, invited_by and note."""
    tx.run(
        "INSERT INTO registration (id, coordinator, invited_by, note, state, link, expires_at, reason, created_at,"
        " updated_at) VALUES (:id, :coordinator, :invited_by, :note, 'invited', :link, :expires, '', :at, :at)",
        {**fields, "link": digest_of(token), "expires": stamp(expires), "at": tx.at},
    )


def by_token(q: Read, token: str, now: datetime) -> Row | None:
    """Return the registration that a link opens at `now`."""
    return q.one(
        "SELECT * FROM registration WHERE link = :link AND expires_at > :now AND state IN ('invited', 'returned')",
        {"link": digest_of(token), "now": stamp(now)},
    )


def by_id(q: Read, registration: str) -> Row | None:
    """Return one registration."""
    return q.one("SELECT * FROM registration WHERE id = :id", {"id": registration})


def listing(q: Read, coordinators: tuple[str, ...] | None) -> list[Row]:
    """Return the registrations of some coordinators, or all, the newest change first."""
    rows = q.all("SELECT * FROM registration ORDER BY updated_at DESC, id")
    return [row for row in rows if coordinators is None or row["coordinator"] in coordinators]


def submit(tx: Tx, token: str, record: bytes, person: bytes) -> str | None:
    """Use a link up and keep what was written; returns the registration's id, None where the link doesn't work."""
    row = tx.one(
        "UPDATE registration SET state = 'submitted', link = NULL, record = :record, person = :person,"
        " updated_at = :at WHERE link = :link AND expires_at > :at AND state IN ('invited', 'returned') RETURNING id",
        {"link": digest_of(token), "record": record, "person": person, "at": tx.at},
    )
    return row["id"] if row else None


def reopen(tx: Tx, registration: str, change: tuple[str, str], token: str, expires: datetime) -> None:
    """Give a registration a new link; `change` is (state, reason)."""
    tx.run(
        "UPDATE registration SET state = :state, reason = :reason, link = :link, expires_at = :expires,"
        " updated_at = :at WHERE id = :id",
        {
            "id": registration,
            "state": change[0],
            "reason": change[1],
            "link": digest_of(token),
            "expires": stamp(expires),
            "at": tx.at,
        },
    )


def decide(tx: Tx, registration: str, state: str, authority: str | None) -> None:
    """End a registration; what was said of the person is forgotten, since the account has it or nobody needs it."""
    tx.run(
        "UPDATE registration SET state = :state, authority = :authority, link = NULL, person = NULL, updated_at = :at"
        " WHERE id = :id",
        {"id": registration, "state": state, "authority": authority, "at": tx.at},
    )


def erase(tx: Tx, authority: str) -> None:
    """Forget what was written in the registration of an authority, by whom it was invited and why."""
    tx.run(
        "UPDATE registration SET record = NULL, person = NULL, note = '', reason = '' WHERE authority = :authority",
        {"authority": authority},
    )
