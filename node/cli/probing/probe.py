"""The probe itself: who it is, where its stream stands at the node under test, and how it judges answers."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from node.cli.probing.check import UnexpectedError, require
from node.cli.probing.sealing import Item, Voice
from node.cli.probing.transcript import Recorded
from node.cli.probing.wire import Wire
from node.delivery.call import Answer, retry_after
from node.delivery.incoming import BATCHES, STREAMS
from protocol import jws
from protocol.batch import MEDIA_TYPE, Batch, Head, parse_batch
from protocol.encoding import canonical_json
from protocol.event import Event, parse_item
from protocol.history import Told, read_told
from protocol.member import MemberRecord
from protocol.problems import PROBLEMS, ProtocolError
from protocol.receipt import check_receipt, parse_receipt

OK: Final = 200
_PAUSED: Final = (429, 503)
_SHORTEST_WAIT_S: Final = 0.2
PATIENCE_S: Final = 30.0
"""Seconds for which the same call is made again after 429 and 503."""
PATIENCE_OF_ALL_S: Final = 300.0
"""Seconds for which a whole run waits so; from then on 429 and 503 count as they come."""
_SHOWN: Final = 160
_NAMED: Final = 3


@dataclass(frozen=True)
class Sent:
    """A batch that was receipted, with the receipt as it came."""

    wire: bytes
    batch: Batch
    receipt: bytes


@dataclass
class Request:
    """A request that the node under test has stored; `granted` is its grant of our wish to withdraw it."""

    number: str
    item: Item
    jti: str
    wished: bool = False
    granted: Event | None = None


@dataclass
class Probe:
    """`head` is where our own stream stands at the node under test; it moves with each receipt.

    `requests` are those that were opened there, by case; `answering` says whether the node can reach us;
    `calls` are all calls with their answers, `trying` the name of the check that makes them.
    """

    voice: Voice
    record: MemberRecord
    wire: Wire
    head: Head = field(default_factory=Head)
    sent: Sent | None = None
    authority: str | None = None
    requests: dict[str, Request] = field(default_factory=dict)
    answering: bool = False
    patience_s: float = PATIENCE_OF_ALL_S
    trying: str = ""
    calls: list[Recorded] = field(default_factory=list)

    @property
    def own(self) -> str:
        """The country of the probe."""
        return self.voice.node.country

    @property
    def peer(self) -> str:
        """The country under test."""
        return self.voice.peer

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask for something; what the node can't take on now is asked again when it says."""
        return await self.patient("GET", path, headers, None)

    async def post(self, wire: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        """Post bytes as a batch."""
        return await self.patient("POST", BATCHES, {"content-type": MEDIA_TYPE, **(headers or {})}, wire)

    async def patient(self, method: str, path: str, headers: Mapping[str, str] | None, body: bytes | None) -> Answer:
        """Carry a call; after 429 and 503 it is made again when `Retry-After` says (S-084), while patience lasts."""
        answer = await self.wire.call(method, path, headers, body)
        patience_s = min(PATIENCE_S, self.patience_s)
        while answer.status in _PAUSED and patience_s > 0:
            wait_s = retry_after(answer)
            require(wait_s is not None, f"{shown(answer)} without Retry-After (S-082)")
            wait_s = min(max(wait_s or 0.0, _SHORTEST_WAIT_S), patience_s)
            patience_s, self.patience_s = patience_s - wait_s, self.patience_s - wait_s
            await asyncio.sleep(wait_s)
            answer = await self.wire.call(method, path, headers, body)
        self.calls.append(Recorded(self.trying, method, path, headers or {}, body or b"", answer))
        return answer

    async def told(self) -> Told:
        """Ask how far our stream has come there."""
        answer = await self.get(STREAMS + self.own)
        require(answer.status == OK, shown(answer))
        try:
            return read_told(answer.body)
        except ProtocolError as error:
            raise UnexpectedError(f"a head of a stream that can't be read: {error.detail}") from None

    # --- saying something ---

    def next(self, *items: Item, **claims: Any) -> bytes:
        """Seal the batch that comes next; `claims` replace those that would be right."""
        return self.voice.batch(self.voice.batch_claims(self.head, items, **claims), items)

    async def said(self) -> Sent:
        """Return a batch of ours that was receipted in this run; one is sent where there is none yet."""
        if self.sent is None:
            await self.deliver(self.next(self.voice.event()))
        assert self.sent is not None
        return self.sent

    async def deliver(self, wire: bytes) -> list[str]:
        """Send a batch that has to be receipted; returns the outcomes, and our head moves on."""
        return self.receipted(wire, await self.post(wire))

    def receipted(self, wire: bytes, answer: Answer) -> list[str]:
        """Take the answer to a batch, which has to be its receipt; returns the outcomes, and our head moves on."""
        require(answer.status == OK, f"{shown(answer)}, no receipt")
        batch = parse_batch(wire)
        outcomes = self.outcomes(batch, answer)
        self.head = Head(batch.claims.epoch, batch.next, batch.sha256)
        self.sent = Sent(wire, batch, answer.body)
        return outcomes

    def outcomes(self, batch: Batch, answer: Answer) -> list[str]:
        """Return the outcomes of a receipt that answers exactly this batch (SPEC S-037)."""
        require(answer.headers.get("content-type") == "application/jose", "a receipt that isn't application/jose")
        try:
            receipt = parse_receipt(answer.body)
            check_receipt(receipt, batch)
        except ProtocolError as error:
            raise UnexpectedError(f"no receipt of this batch: {error.detail}") from None
        members = self.voice.node.members
        key = members.message_key(self.peer, receipt.kid) if members else None
        require(key is not None, "a receipt that is signed with a key of no member record")
        assert key is not None
        require(jws.verify_with_certificate(receipt.jws, key.certificate), "a receipt with a wrong signature")
        return [code for _, code in receipt.claims.outcomes]

    async def outcome_of(self, *items: Item) -> list[str]:
        """Send events in a batch of their own and return what became of them."""
        return await self.deliver(self.next(*items))

    def open(self, case: str, number: str, item: Item) -> None:
        """Note that the node under test has stored a request of ours."""
        self.requests[case] = Request(number, item, parse_item(item.line).claims.jti)

    def heard(self, event: Event) -> None:
        """Note what the node under test said in a case."""
        request = self.requests.get(event.claims.case)
        if request is not None and event.claims.kind == "request.withdraw":
            request.granted = event

    # --- judging answers ---

    async def refused(self, wire: bytes, code: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Post something that has to be refused with a code; our stream mustn't move (SPEC S-088)."""
        found = problem(await self.post(wire, headers), code)
        there = (await self.told()).ours
        require(there == self.head, f"{code}, and yet the stream moved to {there.epoch}/{there.next} (S-088)")
        return found


def problem(answer: Answer, code: str) -> dict[str, Any]:
    """Return the problem document that has to be the answer (SPEC S-080, S-081)."""
    status = PROBLEMS[code].status
    require(answer.status == status, f"{shown(answer)} instead of {status} {code}")
    require(answer.headers.get("content-type") == "application/problem+json", "not application/problem+json (S-081)")
    found = json_of(answer)
    require(found.get("code") == code, f"{shown(answer)} instead of {code}")
    wanted = {"type": f"urn:entente:problem:{code}", "status": status}
    require(found.items() >= wanted.items(), f"a problem document without the right type and status: {shown(answer)}")
    require({"title", "detail"} <= found.keys(), "a problem document without title or detail (S-081)")
    require(canonical_json(found) == answer.body, "a problem document that isn't canonical JSON (S-016)")
    return found


def json_of(answer: Answer) -> dict[str, Any]:
    """Read an answer as a JSON object."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise UnexpectedError(f"{answer.status} with a body that isn't JSON") from None
    require(isinstance(found, dict), f"{answer.status} with JSON that is no object")
    return dict(found)


def shown(answer: Answer) -> str:
    """Say in a few words what came."""
    try:
        code = json.loads(answer.body).get("code")
    except (ValueError, AttributeError, RecursionError):
        code = None
    return f"{answer.status} {code}"[:_SHOWN] if code else f"{answer.status} ({len(answer.body)} bytes)"


def all_are(outcomes: Sequence[str], wanted: Sequence[str]) -> None:
    """Require these outcomes in this order."""
    require(len(outcomes) == len(wanted), f"{len(outcomes)} outcomes instead of {len(wanted)}")
    if wrong := [
        f"{found} instead of {right}" for found, right in zip(outcomes, wanted, strict=True) if found != right
    ]:
        raise UnexpectedError(", ".join(wrong[:_NAMED]))
