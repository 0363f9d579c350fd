"""Opening stored events: signed bytes and ciphertext in, claims and contents out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from node.errors import NodeError
from node.service.node import Node
from node.store import events
from node.store.tx import Row
from protocol.content import MATTER, PERSON, Content, SendMatter, SplitMatter
from protocol.encoding import b64u, canonical_json, strict_object, un_b64u
from protocol.event import Event, open_contents, parse_item
from protocol.problems import ProtocolError
from protocol.split import remaining

DAMAGED: Final = "case-damaged"


@dataclass(frozen=True)
class Stored:
    """An event of a case with its contents and its fate here."""

    event: Event
    contents: dict[str, Content]
    status: str
    code: str | None
    at: str
    seq: int

    @property
    def kind(self) -> str:
        """The event's kind."""
        return self.event.claims.kind

    @property
    def matter(self) -> Content:
        """The part without the person."""
        return self.contents[MATTER]

    @property
    def person(self) -> Content | None:
        """The part about the person, if the event has one."""
        return self.contents.get(PERSON)


def pack_ceks(node: Node, case_key: bytes, event: Event, ceks: dict[str, bytes]) -> bytes:
    """Wrap the keys of an event's parts under the case's key."""
    plain = canonical_json({part: b64u(cek) for part, cek in ceks.items()})
    return node.case_keys.seal(case_key, plain, event.claims.jti)


def open_ceks_of(node: Node, case_key: bytes, row: Row, event: Event) -> dict[str, bytes]:
    """Unwrap the keys of a stored event's parts; the opposite of `pack_ceks`."""
    plain = node.case_keys.open(case_key, bytes(row["ceks"]), event.claims.jti)
    return {part: un_b64u(cek) for part, cek in strict_object(plain, limit=len(plain)).items()}


def open_row(node: Node, case_key: bytes, row: Row) -> Stored:
    """Open a stored event; raises `case-damaged` where it isn't what was stored."""
    try:
        event = parse_item(bytes(row["line"]))
        if b64u(event.digest) != row["digest"]:
            raise ProtocolError("event-malformed", "not the event that was stored")  # noqa: TRY301
        contents = open_contents(event, open_ceks_of(node, case_key, row, event))
    except (ProtocolError, NodeError) as error:
        raise NodeError(DAMAGED, f"Event {row['digest']}: {error}") from None
    return Stored(event, contents, row["status"], row["code"], row["at"], row["seq"])


def asked(events: Sequence[Stored]) -> SendMatter:
    """Return a request without the questions that have gone to a part; raises `case-damaged` where it isn't there."""
    sent = next((stored.matter for stored in events if isinstance(stored.matter, SendMatter)), None)
    if sent is None:
        raise NodeError(DAMAGED, "The request isn't there.")
    splits = (stored.matter for stored in events if stored.status != "refused")
    return remaining(sent, [matter for matter in splits if isinstance(matter, SplitMatter)])


def of_case(node: Node, case_id: str) -> list[Stored]:
    """Return all events of a case, in this node's order."""
    key = node.case_keys.find(case_id)
    rows = node.store.read_now(lambda q: events.of_case(q, case_id))
    return [open_row(node, key, row) for row in rows]
