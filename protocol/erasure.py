"""What two sides tell each other of erasing a case: an order, and that it is done (SPEC.md section 9.5)."""

from typing import Final

from protocol.problems import ProtocolError
from protocol.request import FINAL

ORDER: Final = "erasure.order"
DONE: Final = "erasure.done"
KINDS: Final = frozenset({ORDER, DONE})

GROUNDS: Final = ("consent", "unlawful", "court")
"""Why a case is erased before its time: at an authority's request and with the person's consent (Regulation (EU)
No 1024/2012, Article 14(5)); it was never lawful to have it; a court or the supervisory authority has decided so."""


def check_order(state: str, ground: str) -> None:
    """Check an order by its ground and the state of its case: what still runs isn't erased (SPEC S-274).

    Raises `content-malformed`, `wrong-state`.
    """
    if ground not in GROUNDS:
        raise ProtocolError("content-malformed", "not a ground to erase data")
    if state not in FINAL:
        raise ProtocolError("wrong-state", f"an order to erase a case that is {state}")
