"""Events on disk: the line as it travelled, the keys of its parts under the case's key, and its fate."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from node.clock import stamp
from node.store.tx import Read, Row, Tx, listed
from protocol.event import Event

GIVEN_UP: Final = "given-up"
"""Code of an own event that its operator gave up before it was in any batch (SPEC S-180)."""


def insert(
    tx: Tx,
    event: Event,
    line: bytes,
    ceks: bytes,
    *,
    status: str,
    actor: str | None = None,
    at: datetime | None = None,
) -> None:
    """Add an event; `status` is `on-its-way` for our own and `applied` for a received one.

    `at` is given where it was said or received earlier, and comes back from a peer.
    """
    claims = event.claims
    tx.run(
        "INSERT INTO event (digest, jti, iss, case_id, kind, n, line, ceks, at, actor, status)"
        " VALUES (:digest, :jti, :iss, :case_id, :kind, :n, :line, :ceks, :at, :actor, :status)",
        {
            "digest": event.name,
            "jti": claims.jti,
            "iss": claims.iss,
            "case_id": claims.case,
            "kind": claims.kind,
            "n": claims.n,
            "line": line,
            "ceks": ceks,
            "at": tx.at if at is None else stamp(at),
            "actor": actor,
            "status": status,
        },
    )


def of_case(q: Read, case_id: str) -> list[Row]:
    """Return the events of a case in the order in which this node stored them."""
    return q.all("SELECT * FROM event WHERE case_id = :id ORDER BY seq", {"id": case_id})


def count_of(q: Read, case_id: str, iss: str, kind: str) -> int:
    """Return how many events of a kind a side has said in a case, those not counted that were refused."""
    row = q.one(
        "SELECT COUNT(*) AS count FROM event"
        " WHERE case_id = :id AND iss = :iss AND kind = :kind AND status <> 'refused'",
        {"id": case_id, "iss": iss, "kind": kind},
    )
    return int(row["count"]) if row else 0


def actors_of(q: Read, case_id: str, iss: str, kinds: Sequence[str]) -> frozenset[str]:
    """Return which persons issued own events of some kinds in a case, those not counted that were refused."""
    names, values = listed(kinds)
    rows = q.all(
        f"SELECT DISTINCT actor FROM event WHERE case_id = :id AND iss = :iss AND kind IN ({names})"  # noqa: S608 - names are ours
        " AND status <> 'refused' AND actor IS NOT NULL",
        {"id": case_id, "iss": iss, **values},
    )
    return frozenset(str(row["actor"]) for row in rows)


def by_jti(q: Read, jti: str) -> Row | None:
    """Return an event by its identifier."""
    return q.one("SELECT * FROM event WHERE jti = :jti", {"jti": jti})


def by_digest(q: Read, digest: str) -> Row | None:
    """Return an event by its hash."""
    return q.one("SELECT * FROM event WHERE digest = :digest", {"digest": digest})


def cases_named(q: Read, iss: str, kind: str, digests: Sequence[str]) -> list[str]:
    """Return the cases in which some events of an issuer are of this kind."""
    names, values = listed(digests)
    rows = q.all(
        f"SELECT DISTINCT case_id FROM event WHERE iss = :iss AND kind = :kind AND digest IN ({names})",  # noqa: S608 - names are ours
        {"iss": iss, "kind": kind, **values},
    )
    return [str(row["case_id"]) for row in rows]


def on_their_way(q: Read, kinds: Sequence[str]) -> list[Row]:
    """Return our own events of some kinds that have no receipt yet, and of what kind the step before each was."""
    names, values = listed(kinds)
    return q.all(
        "SELECT digest, jti, case_id, kind, actor, (SELECT b.kind FROM event b WHERE b.case_id = event.case_id"  # noqa: S608 - names are ours
        " AND b.n = event.n - 1 AND b.kind LIKE 'request.%' AND b.status <> 'refused') AS before"
        f" FROM event WHERE kind IN ({names}) AND status = 'on-its-way' ORDER BY seq",
        values,
    )


def known(q: Read, iss: str, digests: Sequence[str]) -> list[str]:
    """Return which of some digests are those of events of this issuer that are stored."""
    names, values = listed(digests)
    rows = q.all(f"SELECT digest FROM event WHERE iss = :iss AND digest IN ({names})", {"iss": iss, **values})  # noqa: S608 - names are ours
    return [str(row["digest"]) for row in rows]


def applied(tx: Tx, digests: Iterable[str], receipt: str) -> None:
    """Note that own events on their way were stored at the other side."""
    tx.many(
        "UPDATE event SET status = 'applied', receipt = :receipt WHERE digest = :digest AND status = 'on-its-way'",
        [{"digest": digest, "receipt": receipt} for digest in digests],
    )


def settle(tx: Tx, digest: str, code: str | None, receipt: str | None) -> None:
    """Note the fate of an own event: applied where `code` is None, else finally refused.

    Without a receipt it never left this node: what came back from a peer had its place already.
    """
    tx.run(
        "UPDATE event SET status = :status, code = :code, receipt = :receipt WHERE digest = :digest",
        {"digest": digest, "status": "refused" if code else "applied", "code": code, "receipt": receipt},
    )


def refused_lately(q: Read, since: datetime) -> int:
    """Return how many of the newest 1,000 events are own ones since then that a peer finally refused."""
    row = q.one(
        "SELECT COUNT(*) AS count FROM (SELECT status, at FROM event ORDER BY seq DESC LIMIT 1000) AS newest"
        " WHERE status = 'refused' AND at >= :since",
        {"since": stamp(since)},
    )
    return int(row["count"]) if row else 0


def refusal_at(q: Read, case_id: str, family: str, n: int) -> str | None:
    """Return the receipt that refused the last own event with number `n` of a chain, if one did."""
    row = q.one(
        "SELECT receipt FROM event WHERE case_id = :id AND n = :n AND kind LIKE :family AND status = 'refused'"
        " AND receipt IS NOT NULL ORDER BY seq DESC LIMIT 1",
        {"id": case_id, "n": n, "family": f"{family}.%"},
    )
    return str(row["receipt"]) if row else None


def at_place(q: Read, case_id: str, family: str, n: int) -> Row | None:
    """Return the event that holds number `n` in a chain of a case."""
    return q.one(
        "SELECT * FROM event WHERE case_id = :id AND n = :n AND kind LIKE :family AND status <> 'refused'",
        {"id": case_id, "n": n, "family": f"{family}.%"},
    )


def unsettled_with(q: Read, peer: str) -> list[Row]:
    """Return the own events that wait for a peer, in the order in which they were issued."""
    return q.all(
        "SELECT e.*, o.first FROM outbox o JOIN event e ON e.digest = o.digest WHERE o.peer = :peer ORDER BY o.seq",
        {"peer": peer},
    )


def sign_again(tx: Tx, seq: int, digest: str, line: bytes) -> None:
    """Replace the signed bytes of an own event that nobody else has; its place in the queue stays."""
    tx.run(
        "UPDATE outbox SET digest = :digest WHERE digest = (SELECT digest FROM event WHERE seq = :seq)",
        {"digest": digest, "seq": seq},
    )
    tx.run(
        "UPDATE event SET digest = :digest, line = :line WHERE seq = :seq", {"digest": digest, "line": line, "seq": seq}
    )
