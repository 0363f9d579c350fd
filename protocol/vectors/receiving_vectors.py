"""The vectors of receiving: what HU answers to DE's batches, one after the other (SPEC.md sections 4.3 and 4.5)."""

from dataclasses import replace
from typing import Any

from protocol import jws, receipt
from protocol.batch import MEDIA_TYPE, TYP, Batch, Head, parse_batch
from protocol.content import Content, PartyName, SendMatter
from protocol.encoding import b64u, sha256, sha256_b64u
from protocol.event import Event, Place
from protocol.members import MemberList
from protocol.vectors import cast

CASE = "6f1c0d4e-8f0a-4c0e-9d53-3a9f5a1b2c02"
AUTHORITY = "HU-okfo"
_NOW = cast.IAT + 1000
_LOST: dict[str, Any] = {"epoch": 1, "first": 1, "prev": None}

Line = tuple[str, bytes]
"""The digest that a batch names, and the line that it carries for it."""


def _request(authority: str) -> dict[str, Content]:
    contents = cast.request(b64u(sha256(b"")))
    matter = contents["matter"]
    assert isinstance(matter, SendMatter)
    asked = PartyName(authority=authority, name="Országos Kórházi Főigazgatóság")
    return {"matter": matter.model_copy(update={"number": "DE-2026-000413", "replying": asked})}


class Receiving:
    """Steps in their order; each remembers where the stream stands."""

    def __init__(self, slots: cast.Slots, members: MemberList) -> None:
        """Play them."""
        self.story, self.members = cast.Story(slots), members
        self.head, self.steps, self.receipts = Head(), list[dict[str, Any]](), list[str]()
        self.count = 100
        self._refused_and_repeated()
        self._many_at_once()
        self._order_of_checks()

    def event(self, kind: str, n: int | None, prev: str | None, contents: dict[str, Content]) -> Event:
        """Seal DE's next event of the case."""
        self.count += 1
        return self.story.seal("DE", self.count, Place(CASE, kind, n, prev), contents)

    def batch(self, lines: list[Line], signer: str | jws.Signer = "DE", **claims: Any) -> bytes:
        """Seal a batch at our head; `claims` replace those that would be right."""
        body = b"".join(line + b"\n" for _, line in lines)
        said = {
            "iss": "DE",
            "aud": "HU",
            "epoch": self.head.epoch,
            "first": self.head.next,
            "prev": self.head.last,
            "items": [digest for digest, _ in lines],
            "body": sha256_b64u(body),
            "members": self.members.versions("DE"),
            "heads": {},
            **claims,
        }
        key = cast.signer(signer) if isinstance(signer, str) else signer
        return jws.sign(key, TYP, said, _NOW + len(self.steps)).encode() + b"\n" + body

    def stored(self, name: str, lines: list[Line], outcomes: list[str]) -> Batch:
        """Add a batch that is answered with a receipt; the stream moves on."""
        batch, now = parse_batch(self.batch(lines)), _NOW + len(self.steps)
        pairs = list(zip(batch.claims.items, outcomes, strict=True))
        versions: Any = self.members.versions("HU")
        self.receipts.append(receipt.issue(cast.signer("HU"), batch, pairs, now=now, members=versions))
        self.head = Head(1, batch.next, batch.sha256)
        told = {"status": 200, "outcomes": outcomes, "receipt": self.receipts[-1]}
        self.steps.append(self._asked(name, batch.wire()) | told)
        return batch

    def refused(self, name: str, wire: bytes, status: int, code: str, **asked: Any) -> None:
        """Add a batch that is answered with a problem; nothing moves."""
        self.steps.append(self._asked(name, wire) | {"status": status, "code": code} | asked)

    def _asked(self, name: str, wire: bytes) -> dict[str, Any]:
        now = _NOW + len(self.steps)
        return {"name": name, "now": now, "caller": "DE", "content_type": MEDIA_TYPE, "wire": wire.decode()}

    def last_receipt(self) -> str:
        """Return the name of the last receipt."""
        return receipt.parse_receipt(self.receipts[-1].encode()).sha256

    def _refused_and_repeated(self) -> None:
        lost = self.event("request.send", 1, None, _request("HU-nowhere"))
        first = self.stored("an authority that isn't there", [line_of(lost)], ["unknown-authority"])
        again = self._asked("the same batch again: the same receipt", first.wire())
        self.steps.append(again | {"status": 200, "outcomes": ["unknown-authority"], "receipt": self.receipts[-1]})
        self.stored("the same event in another batch", [line_of(lost)], ["unknown-authority"])
        strange = self.event("request.send", 1, b64u(sha256(b"no receipt")), _request(AUTHORITY))
        self.stored("a predecessor that is no receipt", [line_of(strange)], ["no-predecessor"])
        again_sent = self.event("request.send", 1, self.last_receipt(), _request(AUTHORITY))
        self.stored("a new event that names the receipt of the refusal", [line_of(again_sent)], ["stored"])
        self.send = again_sent

    def _many_at_once(self) -> None:
        act, prev = cast.act(cast.DENTISTS), b64u(self.send.digest)
        without_slots = (b64u(self.send.digest), self.send.line_without_slots())
        early = self.event("request.close", 2, prev, act)
        lines = [
            without_slots,
            line_of(early),
            line_of(self.event("request.close", 3, b64u(early.digest), act)),
            line_of(self.event("request.close", 1, None, act)),
            line_of(self.event("notice.opened", None, None, act)),
            line_of(self.event("request.dance", 2, prev, act)),
            (b64u(sha256(b"nothing")), b"{}"),
        ]
        codes = ["stored", "wrong-state", "no-predecessor", "case-fork", "not-owner", "unknown-kind", "event-malformed"]
        refusing = self.stored("many at once, the first one stored before", lines, codes)
        assert refusing.claims.items[0] == b64u(self.send.digest)
        told = self.last_receipt()
        self.stored("the stored event again", [line_of(self.send)], ["stored"])
        nothing = self.event("request.close", 2, self.last_receipt(), act)
        self.stored("a receipt that refused nothing", [line_of(nothing)], ["no-predecessor"])
        named = self.event("request.close", 2, told, act)
        self.stored("the receipt that refused this number", [line_of(named)], ["wrong-state"])

    def _order_of_checks(self) -> None:
        line = [line_of(self.event("wish.withdraw", None, None, cast.act(cast.DENTISTS)))]
        own = cast.signer("DE")
        forged = jws.KeySigner(cast.message_key("DE", "forged"), own.kid, own.x5t)
        cut = {"body": sha256_b64u(b"another")}
        self.refused("another media type, and no batch", b"x\n", 400, "malformed", content_type="text/plain")
        self.refused("a stranger's, and no batch", b"x\n", 403, "not-a-member", caller=None)
        self.refused("no batch", b"x\ny\n", 400, "malformed")
        self.refused("of FR for AT", self.batch(line, iss="FR", aud="AT"), 403, "not-the-issuer")
        self.refused("for AT, by a key of nobody", self.batch(line, "FR", aud="AT"), 403, "wrong-audience")
        self.refused("by a key of nobody, altered", self.batch(line, "FR", **cut), 409, "unknown-key")
        self.refused("forged, altered", self.batch(line, forged, **cut), 400, "wrong-signature")
        self.refused("altered, in a gap", self.batch(line, **cut, first=99), 400, "altered")
        self.refused("in a gap", self.batch(line, first=self.head.next + 1), 409, "gap")
        self.refused("another predecessor", self.batch(line, prev=b64u(sha256(b"?"))), 409, "gap")
        self.refused("at a position that another batch has", self.batch(line, **_LOST), 409, "fork")
        self.refused("an event by a key of nobody", self.batch([self._by_nobody()]), 409, "unknown-key")
        self.stored("after all that, the next one", line, ["stored"])

    def _by_nobody(self) -> Line:
        claims = self.event("wish.withdraw", None, None, cast.act(cast.DENTISTS))
        compact = jws.sign(cast.signer("FR"), "entente-event-v1", claims.jws.claims(), _NOW)
        parsed = jws.parse(compact, limit=16384)
        return line_of(replace(claims, jws=parsed))

    def file(self) -> dict[str, Any]:
        """Return the receiver's state at first, and the steps."""
        reader = cast.Reader("HU")
        return {
            "spec": "4.5",
            "receiver": "HU",
            "authorities": [AUTHORITY],
            "reader": {"kid": reader.kid, "suite": reader.suite, "seed": reader.seed.hex()},
            "steps": self.steps,
        }


def line_of(event: Event) -> Line:
    """Return an event as a batch carries it."""
    return b64u(event.digest), event.line()
