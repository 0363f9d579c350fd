"""A case from its events alone: what counts, in an order that the table allows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from node.domain.case import Case, advanced, opened
from node.service import contents
from node.service.contents import Stored
from node.service.node import Node
from node.store import events
from node.store.tx import Row
from protocol.content import SEND_KIND, SendMatter, chain_of
from protocol.encoding import b64u
from protocol.problems import ProtocolError


@dataclass(frozen=True)
class Folded:
    """The case (None without a `request.send` that counts), and the events that don't fit into it."""

    case: Case | None
    left: tuple[Stored, ...]

    @property
    def whole(self) -> bool:
        """Whether everything that was receipted as stored has its place."""
        return all(stored.status != "applied" for stored in self.left)


def fold_case(node: Node, case_id: str) -> Case | None:
    """Compute a case from what this node has stored of it; raises `case-damaged`."""
    key = node.case_keys.find(case_id)
    return fold_rows(node, key, node.store.read_now(lambda q: events.of_case(q, case_id)))


def fold_rows(node: Node, key: bytes, rows: Sequence[Row]) -> Case | None:
    """Compute a case from its stored events; raises `case-damaged`."""
    return fold(node.country, open_counting(node, key, rows)).case


def open_counting(node: Node, key: bytes, rows: Sequence[Row]) -> list[Stored]:
    """Open what counts of a case: what was refused need not even be readable. Raises `case-damaged`."""
    return [contents.open_row(node, key, row) for row in rows if row["status"] != "refused"]


def fold(country: str, stored_events: Sequence[Stored], refusal: Callable[[str], bool] | None = None) -> Folded:
    """Compute a case, as `country` holds it, from its events in this node's order; refused ones don't count.

    An event that doesn't fit yet is tried again after those behind it: of what came back from a peer only the
    order within each stream is known. What was receipted goes before an own event with the same number.
    With `refusal` (which says whether a digest is that of a receipt that refused something) predecessors are
    checked too; without it an event behind a refused one counts, which is about to be refused itself.
    """
    counting = [stored for stored in stored_events if stored.status != "refused"]
    taken = {_place(stored) for stored in counting if stored.status == "applied" and _place(stored)[1]}
    replaced = [s for s in counting if s.status != "applied" and _place(s) in taken]
    case, pending = None, [s for s in counting if s not in replaced]
    while pending:
        rest = []
        for stored in pending:
            after = _step(country, case, stored, refusal)
            if after is None:
                rest.append(stored)
            else:
                case = after
        if len(rest) == len(pending):
            break
        pending = rest
    return Folded(case, (*pending, *replaced))


def _place(stored: Stored) -> tuple[str | None, int | None]:
    claims = stored.event.claims
    return chain_of(claims.kind), claims.n


def _step(country: str, case: Case | None, stored: Stored, refusal: Callable[[str], bool] | None) -> Case | None:
    try:
        return next_case(country, case, stored, refusal)
    except ProtocolError:
        return None


def next_case(country: str, case: Case | None, stored: Stored, refusal: Callable[[str], bool] | None = None) -> Case:
    """Return the case after an event; raises the final code that says why it doesn't fit."""
    claims, digest = stored.event.claims, b64u(stored.event.digest)
    if case is None:
        if claims.kind != SEND_KIND or not isinstance(stored.matter, SendMatter):
            raise ProtocolError("unknown-case", "its request isn't here")
        return opened(claims, digest, stored.matter, country)
    after_refusal = refusal is None or (claims.prev is not None and refusal(claims.prev))
    settled = stored.status == "applied"
    return advanced(case, claims, digest, stored.matter, after_refusal=after_refusal, settled=settled)
