"""What two nodes must hold alike of each case and stream between them, once nothing is on its way."""

from typing import Final

from node.cli.simulation.life import Life
from node.errors import NodeError
from node.service import beside
from node.store import events, fates, streams
from node.store.tx import Row
from protocol import correction
from protocol.batch import Head

_ALIKE: Final = ("number", "state", "n", "head")
"""Of an erased case no more: what crossed the order and was refused can't be taken back without its contents."""
_WHILE_THERE: Final = (
    *("date_state", "date_n", "due", "agreed", "date_head", "wished"),
    *("replying", "former", "parts", "part_of", "confidential", "timeliness", "efforts"),
    *("asking_coordinator", "replying_coordinator"),
)


Shared = dict[str, dict[str, tuple[object, ...]]]


def shared(life: Life) -> Shared:
    """Return what a node holds of each case, by the country that it has it with."""
    found: Shared = {}
    for row in life.node.store.read_now(fates.cases):
        found.setdefault(row["counterpart"], {})[row["id"]] = _held(life, row)
    return found


def _held(life: Life, row: Row) -> tuple[object, ...]:
    alike = [row[name] for name in _ALIKE]
    if row["erased"]:
        return (*alike, "erased")
    return (*alike, *(row[name] for name in _WHILE_THERE), _contests(life, row["id"]))


def _contests(life: Life, case_id: str) -> dict[str, str]:
    """Return what has become of each contest in a case, as this side shows it; a code where it can't be read."""
    rows = life.node.store.read_now(lambda q: events.of_case(q, case_id))
    counting = [row for row in rows if row["kind"] in correction.KINDS and row["status"] != "refused"]
    try:
        known = beside.noted(life.node, counting)
    except NodeError as error:
        return {"": error.code}
    return {one.jti: correction.state_of(one.jti, known) for one in known if one.kind == correction.CONTEST}


def stream(life: Life, sender: Life, receiver: Life) -> tuple[Head, dict[tuple[int, int], tuple[str, ...]]]:
    """Return how far a stream is on a node's disk, and its receipts."""
    iss, aud, store = sender.country, receiver.country, life.node.store
    head = store.read_now(lambda q: streams.head(q, iss, aud))
    return head, store.read_now(lambda q: fates.receipts_between(q, iss, aud))
