"""Accounts on disk, and the secrets that open them; of every secret only its SHA-256 is stored."""

from collections.abc import Container, Iterable, Sequence
from datetime import datetime
from typing import Final, Literal

from node.clock import stamp, unstamp
from node.domain.access import ALL_AREAS, ROLES, Grant, GrantNote, Role
from node.domain.person import NewPerson, Person, plain_login
from node.store.tx import Read, Row, Tx, listed
from protocol.encoding import sha256_b64u

Kind = Literal["link", "session", "token", "operator", "mail", "calendar"]

OPERATOR: Final = "operator"
"""Stands for a person in the secret that belongs to the command line."""
NEVER: Final = "9999-12-31T00:00:00.000000Z"
BY_LINK: Final = "link"
"""Label of a session that a link opened: it may choose a password without naming the old one."""


def digest_of(token: str) -> str:
    """Return the name under which a secret is stored; any text has one."""
    return sha256_b64u(token.encode("utf-8", "backslashreplace"))


# --- persons ---


def insert(tx: Tx, person_id: str, new: NewPerson, by: str) -> None:
    """Add an account without a password, with what `by` grants it; the login must be free."""
    tx.run(
        "INSERT INTO person (id, name, login, language, service, created_at)"
        " VALUES (:id, :name, :login, :language, :service, :at)",
        {
            "id": person_id,
            "name": new.name,
            "login": plain_login(new.login),
            "language": new.language,
            "service": int(new.service),
            "at": tx.at,
        },
    )
    grant(tx, person_id, sorted(new.grants()), by)


def _person(row: Row, grants: Iterable[Row]) -> Person:
    return Person(
        id=row["id"],
        login=row["login"],
        name=row["name"],
        language=row["language"],
        grants=frozenset(map(_grant, grants)),
        has_password=row["password"] is not None,
        created_at=unstamp(row["created_at"]),
        ended_at=unstamp(row["ended_at"]) if row["ended_at"] else None,
        service=bool(row["service"]),
    )


def _one(q: Read, row: Row | None) -> Person | None:
    if row is None:
        return None
    return _person(row, q.all("SELECT * FROM role_grant WHERE person = :id", {"id": row["id"]}))


def by_login(q: Read, login: str) -> Person | None:
    """Return the account with a login, an ended one too."""
    return _one(q, q.one("SELECT * FROM person WHERE login = :login", {"login": plain_login(login)}))


def by_id(q: Read, person_id: str) -> Person | None:
    """Return an account, an ended one too."""
    return _one(q, q.one("SELECT * FROM person WHERE id = :id", {"id": person_id}))


def listing(q: Read) -> list[Person]:
    """Return all accounts in the order of their logins."""
    grants: dict[str, list[Row]] = {}
    for row in q.all("SELECT * FROM role_grant"):
        grants.setdefault(row["person"], []).append(row)
    return [_person(row, grants.get(row["id"], ())) for row in q.all("SELECT * FROM person ORDER BY login")]


def holders_of(q: Read, authority: str, area: str, roles: Sequence[Role]) -> list[Row]:
    """Return id and name of the people, no programs, who hold a role in an authority for a legal area, by name."""
    names, values = listed(roles)
    return q.all(
        "SELECT DISTINCT id, name FROM role_grant JOIN person ON person = id WHERE authority = :authority"  # noqa: S608 - names are ours
        f" AND area IN (:all, :area) AND role IN ({names}) AND ended_at IS NULL AND service = 0 ORDER BY name, id",
        {**values, "authority": authority, "area": area, "all": ALL_AREAS},
    )


# --- what they are granted ---


def _grant(row: Row) -> Grant:
    roles: dict[str, Role] = {role: role for role in ROLES}
    return Grant(row["authority"], roles[row["role"]], row["area"])


def grants_of(q: Read, person_id: str) -> list[GrantNote]:
    """Return what a person is granted, by authority, role and area."""
    rows = q.all("SELECT * FROM role_grant WHERE person = :id ORDER BY authority, role, area", {"id": person_id})
    return [GrantNote(_grant(row), row["granted_by"], unstamp(row["at"])) for row in rows]


def grant(tx: Tx, person_id: str, grants: Iterable[Grant], by: str) -> None:
    """Note what a person is granted; what it holds already stays as it was noted."""
    tx.many(
        "INSERT INTO role_grant (person, authority, role, area, granted_by, at)"
        " VALUES (:person, :authority, :role, :area, :by, :at) ON CONFLICT DO NOTHING",
        [{"person": person_id, **one._asdict(), "by": by, "at": tx.at} for one in grants],
    )


def revoke(tx: Tx, person_id: str, one: Grant) -> bool:
    """Forget a grant; says whether there was one."""
    return bool(
        tx.run(
            "DELETE FROM role_grant WHERE person = :person AND authority = :authority AND role = :role"
            " AND area = :area",
            {"person": person_id, **one._asdict()},
        )
    )


def password_of(q: Read, person_id: str) -> str | None:
    """Return the hash of a person's password, None where there is none or the account has ended."""
    row = q.one("SELECT password FROM person WHERE id = :id AND service = 0 AND ended_at IS NULL", {"id": person_id})
    return row["password"] if row else None


def set_password(tx: Tx, person_id: str, hashed: str) -> None:
    """Store the hash of a person's password; a service account never has one."""
    tx.run("UPDATE person SET password = :hashed WHERE id = :id AND service = 0", {"id": person_id, "hashed": hashed})


def set_language(tx: Tx, person_id: str, language: str) -> int:
    """Store in which language a person reads; returns how many persons that are."""
    return tx.run("UPDATE person SET language = :language WHERE id = :id", {"id": person_id, "language": language})


def end(tx: Tx, person_id: str, at: str | None = None) -> bool:
    """End an account and everything that opens it, at a time or now; says whether it was open."""
    was_open = tx.run(
        "UPDATE person SET password = NULL, ended_at = :at WHERE id = :id AND ended_at IS NULL",
        {"id": person_id, "at": at or tx.at},
    )
    tx.run("DELETE FROM secret WHERE person = :id", {"id": person_id})
    return bool(was_open)


def ended(q: Read) -> dict[str, str]:
    """Return when which account has ended, by id."""
    return {row["id"]: row["ended_at"] for row in q.all("SELECT id, ended_at FROM person WHERE ended_at IS NOT NULL")}


def ended_before(q: Read, before: str) -> list[str]:
    """Return the ids of the accounts that ended before a day."""
    return [
        row["id"] for row in q.all("SELECT id FROM person WHERE ended_at < :before ORDER BY id", {"before": before})
    ]


def ids(q: Read) -> set[str]:
    """Return the ids of all accounts."""
    return {row["id"] for row in q.all("SELECT id FROM person")}


def grants_in(q: Read, authorities: Sequence[str]) -> list[Row]:
    """Return the roles held in some authorities, with who made each and when, and since when its account has ended."""
    names, values = listed(authorities)
    return q.all(
        "SELECT g.*, p.ended_at FROM role_grant g JOIN person p ON p.id = g.person"  # noqa: S608 - names are ours
        f" WHERE g.authority IN ({names}) ORDER BY g.at, g.person, g.role, g.area",
        values,
    )


def delete(tx: Tx, person_ids: Sequence[str]) -> None:
    """Delete accounts with all that names their persons."""
    for table, column in (("mail", "person"), ("told", "person"), ("mail_choice", "person"), ("secret", "person"),
                          ("role_grant", "person"), ("person", "id")):  # fmt: skip
        tx.many(f"DELETE FROM {table} WHERE {column} = :id", [{"id": one} for one in person_ids])  # noqa: S608 - ours


# --- secrets ---


def add_secret(tx: Tx, token: str, kind: Kind, person_id: str, label: str, expires: datetime | None) -> None:
    """Store the digest of a new secret, and forget what has expired; without `expires` it works for ever."""
    tx.run("DELETE FROM secret WHERE expires_at <= :now", {"now": tx.at})
    tx.run(
        "INSERT INTO secret (sha256, kind, person, label, created_at, expires_at)"
        " VALUES (:sha256, :kind, :person, :label, :at, :expires)",
        {
            "sha256": digest_of(token),
            "kind": kind,
            "person": person_id,
            "label": label,
            "at": tx.at,
            "expires": stamp(expires) if expires else NEVER,
        },
    )


def secret(q: Read, token: str, kind: Kind, now: datetime) -> Row | None:
    """Return a secret that works at `now`: neither expired nor used."""
    return q.one(
        "SELECT * FROM secret WHERE sha256 = :sha256 AND kind = :kind AND used_at IS NULL AND expires_at > :now",
        {"sha256": digest_of(token), "kind": kind, "now": stamp(now)},
    )


def secrets_of(q: Read, person_id: str, kind: Kind, now: datetime) -> list[Row]:
    """Return a person's secrets of a kind that work at `now`, oldest first."""
    return q.all(
        "SELECT * FROM secret WHERE person = :person AND kind = :kind AND used_at IS NULL AND expires_at > :now"
        " ORDER BY created_at, sha256",
        {"person": person_id, "kind": kind, "now": stamp(now)},
    )


def ways_in(q: Read, person_id: str) -> list[Row]:
    """Return all secrets of a person, the newest first, without what would open anything."""
    return q.all(
        "SELECT kind, label, created_at, seen_at, expires_at FROM secret WHERE person = :person"
        " ORDER BY created_at DESC, sha256",
        {"person": person_id},
    )


def of_session(q: Read, token: str, now: datetime, kind: Kind = "session") -> tuple[Person, Row] | None:
    """Return whose a working session (or bearer token) is, with its row."""
    row = secret(q, token, kind, now)
    person = by_id(q, row["person"]) if row else None
    return (person, row) if person and row and person.ended_at is None else None


def use_up(tx: Tx, token: str, kind: Kind) -> str | None:
    """Use a secret once and return whose it is; None where it doesn't work or did its work before."""
    row = tx.one(
        "UPDATE secret SET used_at = :now WHERE sha256 = :sha256 AND kind = :kind AND used_at IS NULL"
        " AND expires_at > :now RETURNING person",
        {"sha256": digest_of(token), "kind": kind, "now": tx.at},
    )
    return row["person"] if row else None


def touch(tx: Tx, sha256: str, expires: datetime | None) -> None:
    """Note that a secret was seen, and move its end where one is given; a removed one stays removed."""
    tx.run(
        "UPDATE secret SET seen_at = :now, expires_at = COALESCE(CAST(:expires AS TEXT), expires_at)"
        " WHERE sha256 = :sha256",
        {"sha256": sha256, "now": tx.at, "expires": stamp(expires) if expires else None},
    )


def relabel(tx: Tx, token: str, label: str) -> None:
    """Change the label of a secret."""
    tx.run("UPDATE secret SET label = :label WHERE sha256 = :sha256", {"label": label, "sha256": digest_of(token)})


def drop_secret(tx: Tx, sha256: str, kind: Kind) -> str | None:
    """Remove a secret and return whose it was."""
    row = tx.one(
        "DELETE FROM secret WHERE sha256 = :sha256 AND kind = :kind RETURNING person", {"sha256": sha256, "kind": kind}
    )
    return row["person"] if row else None


def drop_secret_of(tx: Tx, person_id: str, sha256: str, kind: Kind) -> bool:
    """Remove a secret if it is this person's; says whether it was."""
    return bool(
        tx.run(
            "DELETE FROM secret WHERE sha256 = :sha256 AND kind = :kind AND person = :person",
            {"sha256": sha256, "kind": kind, "person": person_id},
        )
    )


def drop_secrets(tx: Tx, person_id: str, kind: Kind, keep: str = "") -> int:
    """Remove a person's secrets of a kind but the one whose digest is `keep`; returns how many went."""
    return tx.run(
        "DELETE FROM secret WHERE person = :person AND kind = :kind AND sha256 <> :keep",
        {"person": person_id, "kind": kind, "keep": keep},
    )


def standing(q: Read) -> set[str]:
    """Return the digests of all secrets that were neither used nor removed."""
    return {row["sha256"] for row in q.all("SELECT sha256 FROM secret WHERE used_at IS NULL")}


def close_ways_in(tx: Tx, known: Container[str] | None) -> int:
    """Remove all links and sessions, and of what works for longer what isn't among those `known`; returns how many."""
    rows = tx.all("SELECT sha256, kind FROM secret WHERE kind <> 'operator'")
    lasting = ("token", "calendar")
    gone = [
        {"sha256": row["sha256"]}
        for row in rows
        if row["kind"] not in lasting or (known is not None and row["sha256"] not in known)
    ]
    tx.many("DELETE FROM secret WHERE sha256 = :sha256", gone)
    return len(gone)


# --- attempts to sign in ---


def count_attempt(tx: Tx, login: str, window_from: datetime) -> tuple[int, datetime]:
    """Count an attempt; return how many there were since the window began, and when that was.

    Older windows are forgotten. Only a digest of the login is stored: people type passwords into the wrong field.
    """
    tx.run("DELETE FROM sign_in_attempt WHERE since <= :from", {"from": stamp(window_from)})
    row = tx.one(
        "INSERT INTO sign_in_attempt (login_sha256, since, count) VALUES (:key, :now, 1)"
        " ON CONFLICT (login_sha256) DO UPDATE SET count = count + 1 RETURNING count, since",
        {"key": digest_of(plain_login(login)), "now": tx.at},
    )
    assert row is not None
    return int(row["count"]), unstamp(row["since"])


def forget_attempts(tx: Tx, login: str) -> None:
    """Begin to count anew, after a success."""
    tx.run("DELETE FROM sign_in_attempt WHERE login_sha256 = :key", {"key": digest_of(plain_login(login))})
