"""Events that were finally refused: digest, code, place and receipt; of the event itself nothing is kept."""

from collections.abc import Iterable, Sequence

from node.store.tx import Read, Row, Tx, listed
from protocol.content import chain_of
from protocol.event import Claims


def keep(tx: Tx, iss: str, digest: str, code: str, claims: Claims | None) -> None:
    """Keep a refusal and, where the claims could be read, the place that the event would have had."""
    chain = chain_of(claims.kind) if claims else None
    tx.run(
        "INSERT INTO refusal (iss, digest, code, case_id, chain, n, at)"
        " VALUES (:iss, :digest, :code, :case_id, :chain, :n, :at) ON CONFLICT (iss, digest) DO NOTHING",
        {
            "iss": iss,
            "digest": digest,
            "code": code,
            "case_id": claims.case if claims else None,
            "chain": chain,
            "n": claims.n if claims else None,
            "at": tx.at,
        },
    )


def receipted(tx: Tx, iss: str, receipt: str, digests: Iterable[str]) -> None:
    """Note which receipt told of refusals; the same event may be refused by several."""
    tx.many(
        "INSERT INTO refusal_receipt (receipt, iss, digest) VALUES (:receipt, :iss, :digest)"
        " ON CONFLICT (receipt, iss, digest) DO NOTHING",
        [{"receipt": receipt, "iss": iss, "digest": digest} for digest in digests],
    )


def newest(q: Read, limit: int) -> list[Row]:
    """Return the last events that were refused, newest first: at, iss, code."""
    return q.all("SELECT at, iss, code FROM refusal ORDER BY at DESC, iss, digest LIMIT :limit", {"limit": limit})


def codes_of(q: Read, iss: str, digests: Sequence[str]) -> dict[str, str]:
    """Return the codes by which some of an issuer's events were refused, by digest (SPEC S-160)."""
    names, values = listed(digests)
    sql = f"SELECT digest, code FROM refusal WHERE iss = :iss AND digest IN ({names})"  # noqa: S608 - names are ours
    return {str(row["digest"]): str(row["code"]) for row in q.all(sql, {"iss": iss, **values})}


def has_case(q: Read, iss: str, case_id: str) -> bool:
    """Say whether an event of an issuer's in a case was refused for good."""
    rows = q.all("SELECT DISTINCT iss FROM refusal WHERE case_id = :case_id", {"case_id": case_id})  # few have one
    return iss in {row["iss"] for row in rows}


def allows(q: Read, claims: Claims) -> bool:
    """Say whether `prev` is a receipt that told the issuer of the refusal at this place (SPEC S-035).

    Where the refused event couldn't be read, its place isn't known, and the receipt is enough.
    """
    if claims.prev is None:
        return False
    row = q.one(
        "SELECT 1 FROM refusal_receipt t JOIN refusal r ON r.iss = t.iss AND r.digest = t.digest"
        " WHERE t.receipt = :receipt AND t.iss = :iss"
        " AND (r.case_id IS NULL OR (r.case_id = :case_id AND r.chain = :chain AND r.n = :n))",
        {
            "receipt": claims.prev,
            "iss": claims.iss,
            "case_id": claims.case,
            "chain": chain_of(claims.kind),
            "n": claims.n,
        },
    )
    return row is not None
