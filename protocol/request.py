"""The request: one authority asks, one answers. The table that both ends run (SPEC.md section 9).

Each state has one owner, the only side whose event moves it. So two wishes that cross on the way can't
both move the case: the one that isn't the owner's is refused, and changes nothing.
"""

from typing import Final, Literal

from protocol.problems import ProtocolError

Side = Literal["asking", "replying"]
State = Literal[
    "sent", "accepted", "replied", "clarifying", "referred", "escalated", "upheld", "closed", "declined", "withdrawn"
]

SEND: Final = "request.send"
FORWARD: Final = "request.forward"
SPLIT: Final = "request.split"
REPLY: Final = "request.reply"
REPLY_PART: Final = "request.reply-part"
REFER: Final = "request.refer"
ESCALATE: Final = "request.escalate"
UPHOLD: Final = "request.uphold"
RETURN: Final = "request.return"
CLOSE: Final = "request.close"
DECISIONS: Final = frozenset({ESCALATE, UPHOLD, RETURN})
"""What a coordinator says of a reply that was referred (SPEC S-265); the asking side's may also close the case."""

OWNER: Final[dict[State, Side | None]] = {
    "sent": "replying",
    "accepted": "replying",
    "replied": "asking",
    "clarifying": "replying",
    "referred": "asking",
    "escalated": "replying",
    "upheld": "asking",
    "closed": None,
    "declined": None,
    "withdrawn": None,
}

MOVES: Final[dict[tuple[State | None, str], State]] = {
    (None, SEND): "sent",
    ("sent", "request.accept"): "accepted",
    ("sent", "request.decline"): "declined",
    ("sent", "request.withdraw"): "withdrawn",
    ("sent", FORWARD): "sent",
    ("accepted", FORWARD): "sent",
    ("sent", SPLIT): "sent",
    ("accepted", SPLIT): "accepted",
    ("accepted", REPLY_PART): "accepted",
    ("accepted", REPLY): "replied",
    ("accepted", "request.withdraw"): "withdrawn",
    ("replied", "request.clarify"): "clarifying",
    ("replied", CLOSE): "closed",
    ("replied", REFER): "referred",
    ("referred", CLOSE): "closed",
    ("referred", ESCALATE): "escalated",
    ("escalated", RETURN): "clarifying",
    ("escalated", UPHOLD): "upheld",
    ("upheld", CLOSE): "closed",
    ("clarifying", REPLY): "replied",
}
"""`request.withdraw` is the replying side's event: it grants the withdrawal that the asking side wished.

`request.forward` passes the case to another authority of that country, which has to accept it anew (SPEC S-227).
`request.split` passes some of its questions on and leaves the state as it is (SPEC S-229). So does
`request.reply-part`, which answers some of them ahead of the whole reply (SPEC S-262).
"""

FINAL: Final = tuple(state for state, owner in OWNER.items() if owner is None)


def move(state: State | None, kind: str, side: Side) -> State:
    """Return the state after `kind` by `side`; raises `not-owner` or `wrong-state` (SPEC S-070, S-071)."""
    owner: Side | None = "asking" if state is None else OWNER[state]
    if (state, kind) not in MOVES:
        raise ProtocolError("wrong-state", f"{kind} in state {state or 'new'}")  # SPEC S-070
    if owner != side:
        raise ProtocolError("not-owner", f"{kind} by the {side} side in state {state or 'new'}")
    return MOVES[state, kind]


def kinds(state: State | None, side: Side) -> tuple[str, ...]:
    """Return what `side` may do in `state`."""
    owner = "asking" if state is None else OWNER[state]
    return tuple(kind for (at, kind) in MOVES if at == state and owner == side)
