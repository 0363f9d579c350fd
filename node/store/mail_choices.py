"""How people want to be told by mail. The one place where an e-mail address of a person is stored."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import get_args

from node.clock import stamp, unstamp
from node.domain.access import ALL_AREAS, Role
from node.domain.mail import Choice, How, Topic
from node.store.tx import Read, Row, Tx, listed


def _choice(row: Row) -> Choice:
    hows: dict[str, How] = {how: how for how in get_args(How)}
    topics: dict[str, Topic] = {topic: topic for topic in get_args(Topic)}
    return Choice(
        address=row["address"],
        how=hows[row["how"]],
        topics=frozenset(topics[topic] for topic in row["topics"].split()),
        confirmed_at=unstamp(row["confirmed_at"]) if row["confirmed_at"] else None,
        refused_at=unstamp(row["refused_at"]) if row["refused_at"] else None,
        refused=row["refused"],
    )


def of(q: Read, person: str) -> Choice | None:
    """Return what a person has chosen."""
    row = q.one("SELECT * FROM mail_choice WHERE person = :person", {"person": person})
    return _choice(row) if row else None


def save(tx: Tx, person: str, choice: Choice) -> None:
    """Store what a person has chosen."""
    tx.run(
        "INSERT INTO mail_choice (person, address, how, topics, confirmed_at, refused_at, refused, asked_since, asked)"
        " VALUES (:person, :address, :how, :topics, :confirmed_at, :refused_at, :refused, :now, 0)"
        " ON CONFLICT (person) DO UPDATE SET address = :address, how = :how, topics = :topics,"
        " confirmed_at = :confirmed_at, refused_at = :refused_at, refused = :refused",
        {
            "person": person,
            "address": choice.address,
            "how": choice.how,
            "topics": " ".join(sorted(choice.topics)),
            "confirmed_at": stamp(choice.confirmed_at) if choice.confirmed_at else None,
            "refused_at": stamp(choice.refused_at) if choice.refused_at else None,
            "refused": choice.refused,
            "now": tx.at,
        },
    )


def count_asked(tx: Tx, person: str, window: timedelta) -> tuple[int, datetime]:
    """Count a confirmation that is asked for; return how many there were since the window began, and when that was."""
    row = tx.one(
        "UPDATE mail_choice SET asked = CASE WHEN asked_since > :from THEN asked + 1 ELSE 1 END,"
        " asked_since = CASE WHEN asked_since > :from THEN asked_since ELSE :now END"
        " WHERE person = :person RETURNING asked, asked_since",
        {"person": person, "from": stamp(tx.now - window), "now": tx.at},
    )
    assert row is not None
    return int(row["asked"]), unstamp(row["asked_since"])


def forget(tx: Tx, person: str) -> None:
    """Forget the address of a person who has left, and what was chosen."""
    tx.run("DELETE FROM mail_choice WHERE person = :person", {"person": person})


def readers(q: Read, authority: str, area: str, roles: Sequence[Role]) -> Iterable[tuple[str, Choice]]:
    """Return who holds a role in an authority for a legal area and wants to be told by mail."""
    names, values = listed(roles)
    rows = q.all(
        "SELECT DISTINCT c.* FROM role_grant g JOIN mail_choice c ON c.person = g.person"  # noqa: S608 - names are ours
        f" JOIN person p ON p.id = g.person WHERE g.authority = :authority AND g.area IN (:all, :area)"
        f" AND g.role IN ({names}) AND c.confirmed_at IS NOT NULL AND c.refused_at IS NULL AND c.how <> 'never'"
        " AND p.ended_at IS NULL AND p.service = 0 ORDER BY c.person",
        {**values, "authority": authority, "area": area, "all": ALL_AREAS},
    )
    return [(row["person"], _choice(row)) for row in rows]


def refused(q: Read) -> list[Row]:
    """Return whose addresses the mail server refused: login, time and code."""
    return q.all(
        "SELECT p.login, c.refused_at, c.refused FROM mail_choice c JOIN person p ON p.id = c.person"
        " WHERE c.refused_at IS NOT NULL ORDER BY c.refused_at, p.login"
    )
