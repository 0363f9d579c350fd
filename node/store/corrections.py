"""Cases beside which a contest is recorded; what it says is in its event, encrypted."""

from node.store.tx import Read, listed


def contested(q: Read, authorities: list[str], limit: int, before: int | None = None) -> list[tuple[str, int]]:
    """Return the cases of some authorities with a contest, the latest first; by an index of contests alone.

    Each with the place of its latest contest; `before` is the place after which to go on.
    """
    names, values = listed(authorities)
    rows = q.all(
        "SELECT e.case_id, MAX(e.seq) AS latest FROM event e JOIN cases c ON c.id = e.case_id"  # noqa: S608 - ours
        f" WHERE e.kind = 'correction.contest' AND c.own_authority IN ({names}) AND c.erased_at IS NULL"
        " GROUP BY e.case_id HAVING MAX(e.seq) < COALESCE(CAST(:before AS INTEGER), MAX(e.seq) + 1)"
        " ORDER BY latest DESC LIMIT :limit",
        {**values, "limit": limit, "before": before},
    )
    return [(str(row["case_id"]), int(row["latest"])) for row in rows]
