"""What was changed of our own authorities, by whom, when and why: the record before and after, unless it was erased."""

from node.store.tx import Read, Row, Tx


def add(tx: Tx, change: dict[str, object]) -> None:
    """Keep a change: authority, actor, kind, reason, before and after (canonical JSON, None where not listed)."""
    tx.run(
        "INSERT INTO authority_change (authority, at, actor, kind, reason, before, after)"
        " VALUES (:authority, :at, :actor, :kind, :reason, :before, :after)",
        {**change, "at": tx.at},
    )


def erase(tx: Tx, authority: str) -> None:
    """Forget what the changes of an authority were and why; who made them when stays."""
    tx.run(
        "UPDATE authority_change SET before = NULL, after = NULL, reason = '' WHERE authority = :authority",
        {"authority": authority},
    )


def of(q: Read, authority: str, limit: int, offset: int = 0) -> list[Row]:
    """Return the changes of an authority, the newest first."""
    return q.all(
        "SELECT * FROM authority_change WHERE authority = :authority ORDER BY seq DESC LIMIT :limit OFFSET :offset",
        {"authority": authority, "limit": limit, "offset": offset},
    )


def one(q: Read, authority: str, seq: int) -> Row | None:
    """Return one change of an authority."""
    return q.one(
        "SELECT * FROM authority_change WHERE authority = :authority AND seq = :seq",
        {"authority": authority, "seq": seq},
    )


def line_of_version(q: Read, authority: str, v: int) -> bytes | None:
    """Return the record of an authority as it was in a version, if a change tells."""
    for row in q.all(
        "SELECT before, after FROM authority_change WHERE authority = :authority ORDER BY seq DESC",
        {"authority": authority},
    ):
        for line in (row["after"], row["before"]):
            if line is not None and f'"v":{v},'.encode() in line:
                return bytes(line)
    return None
