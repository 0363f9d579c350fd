"""What two sides tell each other of erasing a case: an order, and that it is done (SPEC.md section 9.5)."""

from typing import Final

from protocol.content import Content, OrderMatter
from protocol.problems import ProtocolError
from protocol.request import FINAL

ORDER: Final = "erasure.order"
DONE: Final = "erasure.done"
KINDS: Final = frozenset({ORDER, DONE})

GROUNDS: Final = ("consent", "unlawful", "court")
"""Why a case is erased before its time: at an authority's request and with the person's consent (Regulation (EU)
No 1024/2012, Article 14(5)); it was never lawful to have it; a court or the supervisory authority has decided so."""


def check(state: str, matter: Content) -> None:
    """Check an order by its ground, and both by the case's state: what still runs isn't erased (SPEC S-274, S-298).

    Raises `content-malformed`, `wrong-state`.
    """
    if isinstance(matter, OrderMatter) and matter.ground not in GROUNDS:
        raise ProtocolError("content-malformed", "not a ground to erase data")
    if state not in FINAL:
        raise ProtocolError("wrong-state", f"to erase a case that is {state}")
