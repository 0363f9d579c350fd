"""Mails that wait, and the news that they are made of; neither holds an address, a name or contents of a case.

`told` is a piece of news for one person; those without a mail wait for the daily summary. Both go once they are sent.
"""

from datetime import date, datetime
from typing import Literal

from node.clock import stamp
from node.store.tx import Read, Row, Tx

Form = Literal["news", "summary", "confirm"]
State = Literal["day", "server"]
"""The day of the last summary and look at dates; why the mail server can't be used."""


def tell(tx: Tx, news_id: str, person: str, said: dict[str, str], mail: str | None) -> bool:
    """Add a piece of news (`case_id news country due`) unless it is there; says whether it was new."""
    return bool(
        tx.run(
            "INSERT INTO told (id, person, case_id, news, country, due, at, mail)"
            " VALUES (:id, :person, :case_id, :news, :country, :due, :at, :mail) ON CONFLICT DO NOTHING",
            {**said, "id": news_id, "person": person, "at": tx.at, "mail": mail},
        )
    )


def queue(tx: Tx, mail_id: str, person: str, form: Form) -> None:
    """Add a mail, to be sent at once."""
    tx.run(
        "INSERT INTO mail (id, person, form, created_at, attempts, next_try_at, failure)"
        " VALUES (:id, :person, :form, :now, 0, :now, '') ON CONFLICT DO NOTHING",
        {"id": mail_id, "person": person, "form": form, "now": tx.at},
    )


def count_of(q: Read, person: str) -> int:
    """Return how many mails wait for a person."""
    row = q.one("SELECT COUNT(*) AS count FROM mail WHERE person = :person", {"person": person})
    return int(row["count"]) if row else 0


def gather(tx: Tx, person: str, mail_id: str) -> None:
    """Put all news of a person that wait for the daily summary into a mail."""
    tx.run("UPDATE told SET mail = :mail WHERE person = :person AND mail IS NULL", {"mail": mail_id, "person": person})


def awaiting_summary(q: Read) -> list[str]:
    """Return for whom there are news without a mail."""
    return [str(row["person"]) for row in q.all("SELECT DISTINCT person FROM told WHERE mail IS NULL ORDER BY person")]


def due(q: Read, now: datetime, limit: int) -> list[str]:
    """Return the mails that can be sent now, the oldest first."""
    rows = q.all(
        "SELECT id FROM mail WHERE next_try_at <= :now ORDER BY next_try_at, id LIMIT :limit",
        {"now": stamp(now), "limit": limit},
    )
    return [str(row["id"]) for row in rows]


def find(q: Read, mail_id: str) -> Row | None:
    """Return a mail."""
    return q.one("SELECT * FROM mail WHERE id = :id", {"id": mail_id})


def news_in(q: Read, mail_id: str) -> list[Row]:
    """Return the news of a mail with the authority and area of the case, those of vanished cases left out.

    News of a person's claim have the authority of its file and no area; a request that wasn't sent yet has no case:
    `role` is null then. `coordinator` is this side's while a referral is open, `referred_to` also after it.
    """
    return q.all(
        "SELECT t.*, COALESCE(c.own_authority, f.authority, a.authority) AS own_authority,"
        " COALESCE(c.area, a.area, '') AS area, c.role, c.coordinator,"
        " CASE c.role WHEN 'asking' THEN c.asking_coordinator ELSE c.replying_coordinator END AS referred_to"
        " FROM told t"
        " LEFT JOIN cases c ON c.id = t.case_id LEFT JOIN subject_file f ON f.id = t.case_id"
        " LEFT JOIN approval a ON a.draft = t.case_id"
        " WHERE t.mail = :id AND COALESCE(c.id, f.id, a.draft) IS NOT NULL ORDER BY t.at, t.id",
        {"id": mail_id},
    )


def awaiting_ids(q: Read, person: str) -> list[str]:
    """Return the news of a person that wait for the daily summary."""
    rows = q.all("SELECT id FROM told WHERE person = :person AND mail IS NULL ORDER BY id", {"person": person})
    return [str(row["id"]) for row in rows]


def done(tx: Tx, mail_id: str) -> None:
    """Forget a mail that was sent, or isn't needed any more, with its news."""
    tx.run("DELETE FROM told WHERE mail = :id", {"id": mail_id})
    tx.run("DELETE FROM mail WHERE id = :id", {"id": mail_id})


def forget(tx: Tx, person: str) -> None:
    """Forget all mails and news of a person."""
    tx.run("DELETE FROM told WHERE person = :person", {"person": person})
    tx.run("DELETE FROM mail WHERE person = :person", {"person": person})


def postpone(tx: Tx, mail_id: str, next_try: datetime | None, failure: str) -> None:
    """Note why a mail wasn't taken, and when it is tried again; None: not any more."""
    tx.run(
        "UPDATE mail SET attempts = attempts + 1, next_try_at = :next, failure = :failure WHERE id = :id",
        {"id": mail_id, "next": stamp(next_try) if next_try else None, "failure": failure},
    )


def retry(tx: Tx, mail_id: str | None) -> int:
    """Let one mail, or all, be tried now, those given up too; returns how many."""
    return tx.run(
        "UPDATE mail SET next_try_at = :now WHERE id = COALESCE(CAST(:id AS TEXT), id)", {"now": tx.at, "id": mail_id}
    )


def drop_given_up(tx: Tx, before: datetime) -> int:
    """Forget mails given up that are older; returns how many."""
    values = {"before": stamp(before)}
    old = "SELECT id FROM mail WHERE next_try_at IS NULL AND created_at < :before"
    tx.run(f"DELETE FROM told WHERE mail IN ({old})", values)  # noqa: S608 - ours
    return tx.run(f"DELETE FROM mail WHERE id IN ({old})", values)  # noqa: S608 - ours


def listing(q: Read, limit: int) -> list[Row]:
    """Return what waits or was given up, the oldest first, with the login of whom it is for."""
    return q.all(
        "SELECT m.*, p.login FROM mail m JOIN person p ON p.id = m.person ORDER BY m.created_at, m.id LIMIT :limit",
        {"limit": limit},
    )


def backlog(q: Read) -> Row:
    """Return how many mails wait, and since when the oldest does; those given up don't count."""
    row = q.one("SELECT COUNT(*) AS count, MIN(created_at) AS since FROM mail WHERE next_try_at IS NOT NULL")
    assert row is not None
    return row


def state(q: Read, name: State) -> str | None:
    """Return what was noted under a name."""
    row = q.one("SELECT value FROM mail_state WHERE name = :name", {"name": name})
    return row["value"] if row else None


def note(tx: Tx, name: State, value: str) -> None:
    """Note something under a name; empty: nothing any more."""
    tx.run(
        "INSERT INTO mail_state (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = :value",
        {"name": name, "value": value},
    )


def falling_due(q: Read, after: date, until: date) -> list[Row]:
    """Return the open cases that are due after one day and until another; by index, whatever else there is."""
    return q.all(
        "SELECT * FROM cases WHERE closed_at IS NULL AND due > :after AND due <= :until ORDER BY due, id",
        {"after": after.isoformat(), "until": until.isoformat()},
    )


def unaccepted(q: Read, after: date, until: date) -> list[Row]:
    """Return the requests that came from one day until before another and aren't accepted; by index."""
    return q.all(
        "SELECT * FROM cases WHERE state = 'sent' AND role = 'replying' AND created_at >= :after"
        " AND created_at < :until ORDER BY created_at, id",
        {"after": after.isoformat(), "until": until.isoformat()},
    )


def idle(q: Read, after: date, until: date) -> list[Row]:
    """Return the open cases that changed last from one day until before another; by index."""
    return q.all(
        "SELECT * FROM cases WHERE closed_at IS NULL AND updated_at >= :after AND updated_at < :until"
        " ORDER BY updated_at, id",
        {"after": after.isoformat(), "until": until.isoformat()},
    )
