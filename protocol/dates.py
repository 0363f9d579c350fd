"""The date until which an answer is due: a small table with an owner of its own (SPEC.md section 9).

It starts with the date that the request asks for, and runs beside the request's own states.
"""

from typing import Final, Literal

from protocol.problems import ProtocolError
from protocol.request import FINAL, Side
from protocol.request import State as RequestState

State = Literal["asked", "proposed", "agreed"]

OWNER: Final[dict[State, Side]] = {"asked": "replying", "proposed": "asking", "agreed": "replying"}

MOVES: Final[dict[tuple[State, str], State]] = {
    ("asked", "date.agree"): "agreed",
    ("asked", "date.propose"): "proposed",
    ("proposed", "date.agree"): "agreed",
    ("proposed", "date.propose"): "asked",
    ("agreed", "date.propose"): "proposed",
}


def move(state: State, kind: str, side: Side, request: RequestState) -> State:
    """Return the state after `kind` by `side`; raises `not-owner` or `wrong-state` (SPEC S-072)."""
    if (state, kind) not in MOVES or request in FINAL:
        raise ProtocolError("wrong-state", f"{kind} while the date is {state} and the request {request}")
    if OWNER[state] != side:
        raise ProtocolError("not-owner", f"{kind} by the {side} side while the date is {state}")
    return MOVES[state, kind]


def kinds(state: State, side: Side, request: RequestState) -> tuple[str, ...]:
    """Return what `side` may do about the date."""
    if request in FINAL or OWNER[state] != side:
        return ()
    return tuple(kind for (at, kind) in MOVES if at == state)
