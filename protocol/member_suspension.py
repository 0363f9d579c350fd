"""Suspension by a few: the document in which some states together stop one country for 14 days at most.

It ends by itself, or with its next version, or as soon as the states' majority decides about that country
(SPEC 12.5). A document's name comes from what it says, so the same few can only change its end.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydantic import BaseModel, ConfigDict, Field
from securesystemslib.signer import Signature  # type: ignore[attr-defined]
from tuf.api.metadata import Metadata, Targets  # type: ignore[attr-defined]

from protocol.countries import Country
from protocol.encoding import canonical_json, sha256
from protocol.member import INSTANT, Instant
from protocol.member_documents import (
    FIELD,
    MAX_VERSION,
    Document,
    RootDocument,
    Standing,
    common,
    field,
    more_than_half,
    parse,
)
from protocol.member_problems import MemberListError

FEW: Final = 3
"""States that can suspend a country; in a small network, where more than half are fewer, that many."""
SUSPENSION_DAYS: Final = 14
"""Days for which a few states can suspend a country."""
APART_DAYS: Final = 90
"""Days within which a state takes part in one suspension and no other."""
PREFIX: Final = "suspension-"
_DIGITS: Final = 16
_CLAIMED: Final = frozenset({"states", "members", "country"})
"""Fields of ours that make a document one of another kind."""


class _SuspensionJson(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)
    country: Country
    since: Instant
    by: tuple[Country, ...] = Field(min_length=1, max_length=32)


class _SuspensionField(BaseModel):
    suspension: _SuspensionJson


@dataclass(frozen=True, eq=False)
class SuspensionDocument(Document):
    """A country is suspended from `since` until `expires`, say the states of `by`."""

    country: str
    since: datetime
    by: tuple[str, ...]

    def counts(self, standing: Standing | None, now: datetime) -> bool:
        """Say whether it holds at `now` for a country of that standing: what the majority says later ends it."""
        if standing is None or standing.status != "active":
            return False
        return standing.since < self.since <= now < self.expires  # SPEC S-184

    def shares_a_state(self, other: "SuspensionDocument") -> bool:
        """Say whether a state takes part in both, less than 90 days apart (SPEC S-185)."""
        near = abs(self.since - other.since) < timedelta(days=APART_DAYS)
        return near and not set(self.by).isdisjoint(other.by)


def few(states: int) -> int:
    """Return how many states can suspend a country, in a network of so many (SPEC S-183)."""
    return min(FEW, more_than_half(states))


def suspension_name(country: str, since: datetime, by: tuple[str, ...]) -> str:
    """Return the name of a suspension's document, in bundles and gossip (SPEC S-182)."""
    words = {"by": list(by), "country": country, "since": since.strftime(INSTANT)}
    return PREFIX + sha256(canonical_json(words)).hex()[:_DIGITS]


def is_suspension(name: str) -> bool:
    """Say whether a document's name is one of a suspension."""
    return name.startswith(PREFIX)


def read_suspension(raw: bytes) -> SuspensionDocument:
    """Parse a suspension and check its own rules; whose signatures it bears is `verify_suspension` (SPEC S-182)."""
    metadata = parse(Metadata[Targets], raw, Targets, "suspension")
    said = field(metadata.signed, _SuspensionField, "suspension").suspension
    name = suspension_name(said.country, said.since, said.by)
    if metadata.signed.delegations is not None or _CLAIMED & set(metadata.signed.unrecognized_fields[FIELD]):
        raise MemberListError("members-malformed", "a suspension that is another document too", name)
    if list(said.by) != sorted(set(said.by)):
        raise MemberListError("members-malformed", "the states stand once each, in order", name)
    if not said.since <= metadata.signed.expires <= said.since + timedelta(days=SUSPENSION_DAYS):
        raise MemberListError("members-suspension", f"it lasts {SUSPENSION_DAYS} days at most", name)
    return SuspensionDocument(**common(metadata, raw, name), country=said.country, since=said.since, by=said.by)


def verify_suspension(suspension: SuspensionDocument, root: RootDocument) -> None:
    """Check that enough states of `root` are named, and that every one of them signed (SPEC S-183)."""
    needed = few(len(root.states))
    if len(suspension.by) < needed:
        raise MemberListError("members-suspension", f"by {len(suspension.by)}, {needed} are needed", suspension.name)
    lacking = sorted(set(suspension.by) - suspended_by(suspension, root))
    if lacking:
        raise MemberListError("members-signature", f"not signed by {', '.join(lacking)}", suspension.name)


def suspended_by(suspension: SuspensionDocument, root: RootDocument) -> frozenset[str]:
    """Return the states named in a suspension that validly signed it."""
    result = root.signed.get_verification_result("targets", suspension.payload, dict(suspension.signatures))
    return frozenset(country for country in suspension.by if root.states.get(country) in result.signed)


def write_suspension(country: str, since: datetime, by: tuple[str, ...], expires: datetime, version: int = 1) -> bytes:
    """Return an unsigned suspension; raises `MemberListError` where it breaks a rule of its own."""
    said = {"country": country, "since": since.strftime(INSTANT), "by": sorted(set(by))}
    fields = {FIELD: {"suspension": said}}
    raw = Metadata(Targets(min(version, MAX_VERSION), expires=expires, unrecognized_fields=fields)).to_bytes()
    read_suspension(raw)
    return raw


def with_signatures(suspension: SuspensionDocument, signatures: Mapping[str, Signature]) -> bytes:
    """Return the document with these signatures, in the order of their keys."""
    metadata = Metadata[Targets].from_bytes(suspension.raw)
    metadata.signatures.update(sorted(signatures.items()))
    return metadata.to_bytes()
