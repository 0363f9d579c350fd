"""Cases beside which a contest is recorded; what it says is in its event, encrypted."""

from node.store.tx import Read, listed


def contested(q: Read, authorities: list[str], limit: int) -> list[str]:
    """Return the cases of some authorities with a contest, the latest first; by an index of contests alone."""
    names, values = listed(authorities)
    rows = q.all(
        "SELECT e.case_id, MAX(e.seq) AS latest FROM event e JOIN cases c ON c.id = e.case_id"  # noqa: S608 - ours
        f" WHERE e.kind = 'correction.contest' AND c.own_authority IN ({names}) AND c.erased_at IS NULL"
        " GROUP BY e.case_id ORDER BY latest DESC LIMIT :limit",
        {**values, "limit": limit},
    )
    return [str(row["case_id"]) for row in rows]
