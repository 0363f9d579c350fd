"""The audit trail: each entry holds the hash of the one before it, so that none can be taken out unnoticed.

Entries never hold contents or names: the actor is a person's id, the subject an id, the detail a code.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from node.store.tx import Read, Row, Tx, listed
from protocol.encoding import canonical_json, sha256_b64u

_FIRST: Final = "0"
WROTE: Final = "reply.written"
"""Action of who had a hand in a reply that somebody else sent."""


class Entry(NamedTuple):
    """What is told: who (a person's id, a country), what, of which subject, and a code."""

    actor: str
    action: str
    subject: str
    detail: str = ""


def append(tx: Tx, actor: str, action: str, subject: str, detail: str = "") -> None:
    """Add an entry in the same transaction as what it tells of."""
    extend(tx, [Entry(actor, action, subject, detail)])


def extend(tx: Tx, entries: Iterable[Entry]) -> None:
    """Add entries in their order: the end of the chain is looked up once for all of them."""
    last = tx.one("SELECT digest FROM audit ORDER BY seq DESC LIMIT 1")
    prev, rows = last["digest"] if last else _FIRST, []
    for entry in entries:
        row = {"at": tx.at, **entry._asdict(), "prev": prev}
        row["digest"] = prev = _digest(row)
        rows.append(row)
    tx.many(
        "INSERT INTO audit (at, actor, action, subject, detail, prev, digest)"
        " VALUES (:at, :actor, :action, :subject, :detail, :prev, :digest)",
        rows,
    )


def _digest(entry: dict[str, str]) -> str:
    return sha256_b64u(canonical_json(entry))


def broken_links(q: Read) -> list[int]:
    """Return the numbers of entries that were altered or whose predecessor is gone."""
    found, prev = [], _FIRST
    for row in q.all("SELECT * FROM audit ORDER BY seq"):
        entry = {key: row[key] for key in ("at", "actor", "action", "subject", "detail", "prev")}
        if row["prev"] != prev or row["digest"] != _digest(entry):
            found.append(int(row["seq"]))
        prev = row["digest"]
    return found


def links_of(q: Read, person_id: str, limit: int) -> list[Row]:
    """Return when sign-in links were made for a person and used, the newest first."""
    return q.all(
        "SELECT * FROM audit WHERE subject = :subject AND action IN ('link.make', 'session.open')"
        " AND (action = 'link.make' OR detail = 'link') ORDER BY seq DESC LIMIT :limit",
        {"subject": person_id, "limit": limit},
    )


def link_since_password(q: Read, person_id: str) -> bool:
    """Say whether a link was made for a person after the last sign-in by password."""
    row = q.one(
        "SELECT action FROM audit WHERE subject = :subject AND action IN ('link.make', 'session.open')"
        " AND (action = 'link.make' OR detail = '') ORDER BY seq DESC LIMIT 1",
        {"subject": person_id},
    )
    return row is not None and row["action"] == "link.make"


@dataclass(frozen=True)
class Which:
    """Which entries of some authorities: of a kind, from one moment on (included) until another (not included).

    `kind`: about cases (claims of persons too), people or the authority's record; None for all.
    """

    authorities: tuple[str, ...]
    kind: Literal["case", "person", "authority"] | None = None
    since: str | None = None
    until: str | None = None


_ROLES: Final = "('role.grant', 'role.revoke')"


def _within(authorities: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Return the condition under which a grant's entry names one of some authorities, and its values; by index."""
    any_of = [f"(detail >= :r{place} || ' ' AND detail < :r{place} || '!')" for place in range(len(authorities))]
    return " OR ".join(any_of) or "0 = 1", {f"r{place}": one for place, one in enumerate(authorities)}


_NEWEST: Final = 2**62


def trail(q: Read, which: Which, before: int | None, limit: int) -> list[Row]:
    """Return the entries about some authorities, their cases and their people, the newest first.

    Of a case that was passed on each authority's are those of the time when it had the case; a draft that wasn't sent
    is its authority's. Whoever once held a role there counts, also after it was revoked; of roles only those there are
    told. `before` is the number of the entry before which to go on.

    It is a few runs of indexes, merged: of each as much is read as the answer may need.
    """
    bounds = {"before": _NEWEST if before is None else before, "since": which.since, "until": which.until}
    found: dict[int, Row] = {}
    for seq, source, values in _runs(which):
        rows = q.all(
            f"SELECT {seq} AS seq, at, actor, action, subject, detail FROM {source} AND {seq} < :before"  # noqa: S608 - ours
            " AND at >= COALESCE(CAST(:since AS TEXT), at) AND (CAST(:until AS TEXT) IS NULL OR at < :until)"
            f" ORDER BY {seq} DESC LIMIT :limit",
            {**values, **bounds, "limit": limit},
        )
        found.update((int(row["seq"]), row) for row in rows)
    return [found[seq] for seq in sorted(found, reverse=True)[:limit]]


_OF: Final = "audit_of AS of CROSS JOIN audit ON audit.seq = of.seq"


def _runs(which: Which) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Return what is read: the column that orders it, tables with condition, values."""
    names, values = listed(which.authorities)
    if which.kind in (None, "case"):
        for authority in which.authorities:
            yield "of.seq", f"{_OF} WHERE of.authority = :of", {"of": authority}
    if which.kind in (None, "person"):
        there, more = _within(which.authorities)
        roles = f"action IN {_ROLES} AND ({there})"
        yield "seq", f"audit WHERE {roles}", more
        people = f"SELECT person FROM role_grant WHERE authority IN ({names})"  # noqa: S608 - ours
        once = f"SELECT subject FROM audit WHERE {roles}"  # noqa: S608 - ours
        yield "seq", f"audit WHERE subject IN ({people} UNION {once}) AND action NOT IN {_ROLES}", values | more
    if which.kind in (None, "authority"):
        yield "seq", f"audit WHERE subject IN (SELECT id FROM authority WHERE id IN ({names}))", values  # noqa: S608 - ours


def role_changes(q: Read, authorities: Sequence[str]) -> list[Row]:
    """Return each grant and revocation of a role in some authorities, the oldest first."""
    there, values = _within(authorities)
    return q.all(
        f"SELECT at, actor, action, subject, detail FROM audit WHERE action IN {_ROLES} AND ({there}) ORDER BY seq",  # noqa: S608 - ours
        values,
    )


def entries_by(q: Read, person: str, limit: int) -> list[Row]:
    """Return what a person did, the latest first; found by an index of persons' entries alone."""
    return q.all(
        "SELECT at, action, subject, detail FROM audit WHERE actor = :actor AND LENGTH(actor) > 2"
        " ORDER BY seq DESC LIMIT :limit",
        {"actor": person, "limit": limit},
    )


def doers_of(q: Read, subject: str, action: str) -> frozenset[str]:
    """Return who did something to a subject."""
    rows = q.all(
        "SELECT DISTINCT actor FROM audit WHERE subject = :subject AND action = :action",
        {"subject": subject, "action": action},
    )
    return frozenset(str(row["actor"]) for row in rows)


def entries_of(q: Read, subject: str) -> list[Row]:
    """Return the entries about one subject, oldest first."""
    return q.all("SELECT * FROM audit WHERE subject = :subject ORDER BY seq", {"subject": subject})
