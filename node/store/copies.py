"""Copies of cases, for measurements: a store as large as one likes, of cases that were really exchanged.

A copy has the rows, the sizes and the times of its model under another id and number. It can't be opened: what is
encrypted is bound to the event's own id.
"""

from collections.abc import Sequence
from typing import Final

from node.store.engine import CACHE, CHECKPOINT
from node.store.tx import Read, Tx

NUMBERED_FROM: Final = 10_000_000
"""The number of the first copy; numbers of models are smaller."""


def id_of(model: str, turn: int) -> str:
    """Return the id of a case's copy."""
    return f"{turn:08x}{model[8:]}"


def begin(tx: Tx) -> None:
    """Let the writer gather 1 GiB before it writes: indexes by time are touched everywhere."""
    tx.run("PRAGMA cache_size = -1048576")
    tx.run("PRAGMA wal_autocheckpoint = 131072")


def end(tx: Tx) -> None:
    """Give the writer back what it has in a node."""
    tx.run(CACHE)
    tx.run(CHECKPOINT)


def add(tx: Tx, models: Sequence[str], turn: int, first: int) -> int:
    """Copy cases with their events; each `turn` (from 1 on) gives other ids, `first` is the first one's number.

    Returns how many events there are more.
    """
    values = [
        {"id": model, "turn": f"{turn:08x}", "at": NUMBERED_FROM + first + place} for place, model in enumerate(models)
    ]
    tx.many(_copying(tx, "cases", {"id": _RENAMED.format("id"), "number": _NUMBER}, "id"), values)
    renamed = {name: _RENAMED.format(name) for name in ("digest", "jti", "case_id")}
    return tx.many(_copying(tx, "event", {**renamed, "seq": "NULL"}, "case_id"), values)


_RENAMED: Final = ":turn || SUBSTR({}, 9)"
_NUMBER: Final = "SUBSTR(number, 1, 8) || CAST(:at AS TEXT)"


def _copying(q: Read, table: str, other: dict[str, str], key: str) -> str:
    columns = [str(row["name"]) for row in q.all(f"PRAGMA table_info({table})")]
    said = ", ".join(other.get(name, name) for name in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {said} FROM {table} WHERE {key} = :id"  # noqa: S608 - ours
