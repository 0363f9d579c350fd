"""Events: what was said. A signed statement of one member about one case (SPEC.md section 5)."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from protocol import jws
from protocol.content import MATTER, SHAPES, Content, chain_of, read_content, write_content
from protocol.encoding import b64u, strict_object, un_b64u
from protocol.limits import MAX_EVENT_JWS, MAX_ITEM, MAX_PART, MAX_PARTS, MAX_RECIPIENTS
from protocol.part import CEK_BYTES, SALT_BYTES, Claim, SealedPart, open_part, seal_part
from protocol.problems import ProtocolError
from protocol.slot import Address, Opener, Recipient, Slot, unwrap

TYP: Final = "entente-event-v1"

Uuid = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$")]


class PartClaim(BaseModel):
    """What the event says of one part."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
    commit: Digest
    size: Annotated[int, Field(strict=True, ge=0, le=MAX_PART)]


class Claims(BaseModel):
    """The claims of an event. No personal datum, authority, question or answer is ever one.

    `n` and `prev` number the state events of a case: `n` from 1 in each chain (`request`, `date`), `prev`
    the hash of the event before it. Events that move nothing have neither (SPEC S-005, S-028). Unknown claims are
    ignored (SPEC S-008).
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    iss: Country
    aud: Annotated[tuple[Country, ...], Field(min_length=1, max_length=MAX_RECIPIENTS)]
    jti: Uuid
    case: Uuid
    n: Annotated[int, Field(strict=True, ge=1)] | None
    prev: Digest | None
    kind: Annotated[str, StringConstraints(pattern=r"^[a-z]+(\.[a-z]+(-[a-z]+)*)$", max_length=64)]
    parts: Annotated[tuple[PartClaim, ...], Field(max_length=MAX_PARTS)]

    @cached_property
    def address(self) -> Address:
        """What the slots of this event are bound to."""
        return Address(self.iss, self.aud, self.jti)


@dataclass(frozen=True)
class Event:
    """A parsed event: the signed bytes, their claims, and what travelled beside them."""

    jws: jws.Jws
    claims: Claims
    kid: str
    iat: int
    parts: tuple[SealedPart, ...]
    slots: tuple[Slot, ...]

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the signing input: the event's name in batches, receipts and chains."""
        return self.jws.digest

    @cached_property
    def name(self) -> str:
        """The digest as it is written: 43 characters of base64url."""
        return b64u(self.digest)

    def line(self) -> bytes:
        """Return the item as it travels: one line of JSON without its line feed."""
        return self._line

    @cached_property
    def _line(self) -> bytes:
        return item_line(self.jws.compact, self.parts, self.slots)

    def line_without_slots(self) -> bytes:
        """Return the item as its receiver keeps it, who has the keys of its parts under its own case key."""
        return item_line(self.jws.compact, self.parts, ())

    def bare_line(self) -> bytes:
        """Return the item without its contents, as it is kept and given back once they are erased (SPEC S-276)."""
        return item_line(self.jws.compact, (), ())

    @property
    def is_bare(self) -> bool:
        """Whether the contents that the event names aren't there."""
        return bool(self.claims.parts) and not self.parts


@dataclass(frozen=True)
class Secrets:
    """What sealing needs besides keys: 32 random bytes a part for each of CEK and salt (SPEC S-007)."""

    random: Callable[[int], bytes]
    wrap: Callable[[Mapping[str, bytes], Recipient, Address], Slot]


@dataclass(frozen=True)
class Place:
    """Where an event stands: its case, kind, and its number in its chain."""

    case: str
    kind: str
    n: int | None
    prev: str | None


def seal_event(  # noqa: PLR0913 - an event has that many independent sides
    signer: jws.Signer,
    *,
    iss: str,
    readers: dict[str, Recipient],
    jti: str,
    place: Place,
    contents: dict[str, Content],
    iat: int,
    secrets: Secrets,
) -> tuple[Event, dict[str, bytes]]:
    """Sign and encrypt an event for `readers` (country → its encryption key).

    Each reader gets one slot for all parts (SPEC S-054). Returns the event with its slots and the CEKs by part id,
    which the sender keeps for itself under its case key. Raises `event-too-large` if the receiver couldn't take it.
    """
    claims, sealed, ceks = [], [], {}
    for part_id, content in contents.items():
        cek, salt = secrets.random(CEK_BYTES), secrets.random(SALT_BYTES)
        claim, part = seal_part(part_id, write_content(content), jti=jti, cek=cek, salt=salt)
        claims.append(claim)
        sealed.append(part)
        ceks[part_id] = cek
    body = _claims(iss, tuple(readers), jti, place, claims)
    signed = jws.signed(signer, TYP, body, iat)
    address = Address(iss, tuple(readers), jti)
    slots = [secrets.wrap(ceks, reader, address) for reader in readers.values()]
    event = _event(signed, body, tuple(sealed), tuple(slots))  # what was sealed is judged as the receiver will
    if len(signed.compact) > MAX_EVENT_JWS or len(event.line()) > MAX_ITEM:
        raise ProtocolError("event-too-large", f"{len(event.line())} bytes, {MAX_ITEM} allowed")
    return event, ceks


def signed_again(event: Event, signer: jws.Signer, prev: str | None, iat: int) -> Event:
    """Sign an event that no other node has taken in with another key (SPEC S-130).

    Identifier, parts and slots stay; `prev` may have got another digest in the same way. Raises `event-too-large`.
    """
    body = {**event.jws.claims(), "prev": prev}
    signed = jws.signed(signer, TYP, body, iat)
    again = _event(signed, body, event.parts, event.slots)
    if len(signed.compact) > MAX_EVENT_JWS or len(again.line()) > MAX_ITEM:
        raise ProtocolError("event-too-large", f"{len(again.line())} bytes, {MAX_ITEM} allowed")
    return again


def _claims(iss: str, aud: tuple[str, ...], jti: str, place: Place, parts: Sequence[Claim]) -> dict[str, Any]:
    return {
        "iss": iss,
        "aud": list(aud),
        "jti": jti,
        "case": place.case,
        "n": place.n,
        "prev": place.prev,
        "kind": place.kind,
        "parts": [{"id": p.id, "commit": p.commit, "size": p.size} for p in parts],
    }


def item_line(compact: str, parts: Sequence[SealedPart], slots: Sequence[Slot]) -> bytes:
    """Serialise an event with its parts and slots as one line of canonical JSON (SPEC S-034).

    Written by hand: nearly all of it is base64url, in which an encoder looks for what to escape at every byte.
    """
    some_parts = ",".join(f'{{"id":{_quoted(p.id)},"sealed":"{b64u(p.sealed)}"}}' for p in parts)
    some_slots = ",".join(
        f'{{"enc":"{b64u(s.enc)}","kid":{_quoted(s.kid)},"part":{_quoted(s.part)},"suite":{_quoted(s.suite)},'
        f'"wrapped":"{b64u(s.wrapped)}"}}'
        for s in slots
    )
    return f'{{"event":"{compact}","parts":[{some_parts}],"slots":[{some_slots}]}}'.encode()


_quoted: Final = json.JSONEncoder(ensure_ascii=False).encode


def parse_item(line: bytes) -> Event:
    """Parse one line of a batch; raises `event-too-large` (SPEC S-003) or `event-malformed`."""
    if len(line) > MAX_ITEM:
        raise ProtocolError("event-too-large", f"{len(line)} bytes, {MAX_ITEM} allowed")
    try:
        item = strict_object(line, limit=MAX_ITEM)
        parts = tuple(SealedPart(_text(p, "id"), un_b64u(_text(p, "sealed"))) for p in _objects(item, "parts"))
        slots = tuple(_slot(s) for s in _objects(item, "slots"))
        parsed = jws.parse(_text(item, "event"), limit=MAX_EVENT_JWS)
        return _event(parsed, parsed.claims(), parts, slots)
    except ProtocolError as error:
        raise ProtocolError("event-malformed", error.detail) from None


def _event(parsed: jws.Jws, body: dict[str, Any], parts: tuple[SealedPart, ...], slots: tuple[Slot, ...]) -> Event:
    kid, iat = jws.require_header(parsed, TYP)
    try:
        claims = Claims.model_validate(body)
    except ValidationError as error:
        fields = sorted({str(e["loc"][0]) for e in error.errors() if e["loc"]} & set(Claims.model_fields))
        raise ProtocolError("malformed", f"claims: {', '.join(fields)}") from None
    if len({(s.part, s.kid) for s in slots}) != len(slots):
        raise ProtocolError("malformed", "two slots for one part and key")  # SPEC S-056
    if len({p.id for p in claims.parts}) != len(claims.parts) or len(set(claims.aud)) != len(claims.aud):
        raise ProtocolError("malformed", "a part or a recipient is named twice")  # SPEC S-029
    if (claims.n is None) != (chain_of(claims.kind) is None) or (claims.n is None and claims.prev is not None):
        raise ProtocolError("malformed", "n and prev belong to events that move a case, and to no others")  # SPEC S-033
    return Event(parsed, claims, kid, iat, parts, slots)


def _objects(item: dict[str, Any], key: str) -> list[dict[str, Any]]:
    value = item.get(key, [])
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise ProtocolError("malformed", f"{key} is a list of objects")
    return value


def _text(item: dict[str, Any], key: str) -> str:
    value = item.get(key)
    if not isinstance(value, str):
        raise ProtocolError("malformed", f"{key} is a string")
    return value


def _slot(item: dict[str, Any]) -> Slot:
    part, kid, suite = _text(item, "part"), _text(item, "kid"), _text(item, "suite")
    return Slot(part, kid, suite, un_b64u(_text(item, "enc")), un_b64u(_text(item, "wrapped")))


def open_ceks(event: Event, keys: Opener) -> dict[str, bytes]:
    """Unwrap the CEK of every part with this node's keys; raises `part-unreadable` (SPEC S-055)."""
    claimed, ceks = {p.id for p in event.claims.parts}, dict[str, bytes]()
    for slot in event.slots:
        if (key := keys.private_key(slot.kid)) is None:
            continue
        if not claimed.issuperset(parts := slot.parts) or len(set(parts)) != len(parts):
            raise ProtocolError("part-unreadable", "a slot for a part that the event doesn't name")  # SPEC S-161
        for part, cek in unwrap(slot, key, event.claims.address).items():
            if ceks.setdefault(part, cek) != cek:
                raise ProtocolError("part-unreadable", f"two keys for part {part}")
    missing = [p.id for p in event.claims.parts if p.id not in ceks]
    if missing:
        raise ProtocolError("part-unreadable", f"no slot for this node in part {missing[0]}")
    return ceks


def open_contents(event: Event, ceks: dict[str, bytes]) -> dict[str, Content]:
    """Decrypt, check and parse the parts; raises the final codes of parts and contents (SPEC S-043)."""
    kind = event.claims.kind
    if kind not in SHAPES:
        raise ProtocolError("unknown-kind", kind)  # SPEC S-009
    sealed = {part.id: part for part in event.parts}
    if set(sealed) != {claim.id for claim in event.claims.parts} or len(sealed) != len(event.parts):
        raise ProtocolError("part-missing", "the parts aren't those that the event names")
    if MATTER not in sealed:
        raise ProtocolError("part-missing", "every event has a matter part")
    return {
        claim.id: read_content(
            kind,
            claim.id,
            open_part(
                Claim(claim.id, claim.commit, claim.size), sealed[claim.id], jti=event.claims.jti, cek=ceks[claim.id]
            ),
        )
        for claim in event.claims.parts
    }
