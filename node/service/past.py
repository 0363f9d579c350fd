"""What a peer gives back, checked: nothing is believed but what the right keys signed and receipted."""

from dataclasses import dataclass

from node.service.node import Node
from protocol import jws
from protocol.batch import Head
from protocol.content import Content
from protocol.encoding import b64u
from protocol.event import Event, open_ceks, open_contents
from protocol.history import Page, Past, check_entry
from protocol.problems import ProtocolError


@dataclass(frozen=True)
class PastEvent:
    """An event that came back, opened; without contents where the peer has erased its case (SPEC S-276)."""

    event: Event
    contents: dict[str, Content]
    ceks: dict[str, bytes]

    @property
    def digest(self) -> str:
        """Its name, base64url."""
        return b64u(self.event.digest)


@dataclass(frozen=True)
class PastBatch:
    """A batch that came back: of the past, checked, with its stored events by digest."""

    past: Past
    events: dict[str, PastEvent]


def checked(node: Node, iss: str, aud: str, head: Head, page: Page) -> list[PastBatch]:
    """Check a page of the stream iss → aud against the head before it (SPEC S-128).

    Raises `ProtocolError`: nothing of such a page may be stored. Costs a few signatures an event, so not for the loop.
    """
    pasts = []
    for entry in page.entries:
        past = check_entry(entry, iss, aud, head)
        pasts.append(past)
        head = past.head
    _check_signatures(node, pasts)
    return [PastBatch(past, {d: _opened(node, event) for d, event in past.events.items()}) for past in pasts]


def _check_signatures(node: Node, pasts: list[Past]) -> None:
    """Check batches and receipts, the last one first.

    The peer's own keys count in every state: who sends is known by its certificate. What this node itself is
    said to have signed with a key that it revoked counts only where a later batch leads to it: whoever stole
    the key could have made it.
    """
    leads_to: str | None = None
    for past in reversed(pasts):
        batch, receipt = past.batch, past.receipt
        vouched = batch.sha256 == leads_to
        for country, kid, signed in (
            (batch.claims.iss, batch.kid, batch.jws),
            (receipt.claims.iss, receipt.kid, receipt.jws),
        ):
            revoked = _check_signature(node, country, kid, signed)
            if country == node.country and revoked and not vouched:
                raise ProtocolError("wrong-signature", "signed with a key that this node has revoked")
        leads_to = batch.claims.prev


def _check_signature(node: Node, country: str, kid: str, signed: jws.Jws) -> bool:
    """Check a signature, whatever its key's state; returns whether the key was revoked."""
    key = node.members.message_key(country, kid) if node.members else None
    if key is None:
        raise ProtocolError("unknown-key", "not in the member list that this node has")
    if not jws.verify_with_certificate(signed, key.certificate):
        raise ProtocolError("wrong-signature", "in the history")
    return key.state == "revoked"


def _opened(node: Node, event: Event) -> PastEvent:
    _check_signature(node, event.claims.iss, event.kid, event.jws)  # the batch that names it vouches for its key
    if event.is_bare:
        return PastEvent(event, {}, {})
    ceks = open_ceks(event, node.keys)
    return PastEvent(event, open_contents(event, ceks), ceks)
