"""What two nodes must hold alike of each case between them, once nothing is on its way."""

from typing import Final

from node.cli.simulation.life import Life
from node.service.beside import noted
from node.store import events, fates
from node.store.tx import Row
from protocol.correction import CONTEST, KINDS, state_of

_ALIKE: Final = ("number", "state", "n", "head")
"""Of an erased case no more: what crossed the order and was refused can't be taken back without its contents."""
_WHILE_THERE: Final = (
    *("date_state", "date_n", "due", "agreed", "date_head", "wished"),
    *("replying", "former", "parts", "part_of", "confidential", "timeliness", "efforts"),
    *("asking_coordinator", "replying_coordinator"),
)


def shared(life: Life, other: Life) -> dict[str, tuple[object, ...]]:
    """Return what a node holds of each case with another one."""
    rows = life.node.store.read_now(fates.cases)
    return {row["id"]: _held(life, row) for row in rows if row["counterpart"] == other.country}


def _held(life: Life, row: Row) -> tuple[object, ...]:
    alike = [row[name] for name in _ALIKE]
    if row["erased"]:
        return (*alike, "erased")
    return (*alike, *(row[name] for name in _WHILE_THERE), _contests(life, row["id"]))


def _contests(life: Life, case_id: str) -> dict[str, str]:
    """Return what has become of each contest in a case, as this side shows it."""
    rows = life.node.store.read_now(lambda q: events.of_case(q, case_id))
    known = noted(life.node, [row for row in rows if row["kind"] in KINDS and row["status"] != "refused"])
    return {one.jti: state_of(one.jti, known) for one in known if one.kind == CONTEST}
