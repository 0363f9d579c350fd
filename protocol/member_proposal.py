"""What a change to the member list looks like before anyone has signed it (design, "Members").

A proposal is made on the list in force and is always the next root and the next targets together, so that
both name the same states. Fields that this version doesn't know are carried over.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, Field
from securesystemslib.signer import Key, Signer, SSlibKey  # type: ignore[attr-defined]
from tuf.api.metadata import DelegatedRole, Delegations, Metadata, Root, Targets  # type: ignore[attr-defined]

from protocol.countries import Country
from protocol.encoding import canonical_json
from protocol.member import INSTANT, Base64
from protocol.member_documents import (
    FIELD,
    MAX_DOCUMENT,
    RootDocument,
    Status,
    TargetsDocument,
    json_or_refuse,
    model_or_refuse,
    more_than_half,
    read_root,
    read_targets,
)
from protocol.member_problems import MemberListError
from protocol.members import MemberList

EXPIRES_DAYS: Final = 365
MAX_EXPIRES_DAYS: Final = 3650


class Candidate(BaseModel):
    """A country that joins or changes its keys: public Ed25519 keys, 32 bytes in hex (SPEC S-169)."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
    country: Country
    state_key: str = Field(pattern="^[0-9a-f]{64}$")
    role_key: str = Field(pattern="^[0-9a-f]{64}$")

    @classmethod
    def of(cls, country: str, state: Signer, role: Signer) -> Self:
        """Return the candidate with the public halves of two signers."""
        return cls(country=country, state_key=_public(state), role_key=_public(role))

    def to_json(self) -> bytes:
        """Serialise for the state that makes the proposal."""
        return canonical_json(self.model_dump(mode="json"))

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Parse what `to_json` made; raises only `MemberListError`."""
        return model_or_refuse(cls, json_or_refuse(data, MAX_DOCUMENT))


class Proposal(BaseModel):
    """The next root and the next targets, without signatures (SPEC S-171)."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
    root: Base64
    targets: Base64

    def to_json(self) -> bytes:
        """Serialise for the states that sign it."""
        return canonical_json(self.model_dump(mode="json"))

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Parse what `to_json` made; raises only `MemberListError`."""
        return model_or_refuse(cls, json_or_refuse(data, 4 * MAX_DOCUMENT))

    def read(self) -> tuple[RootDocument, TargetsDocument]:
        """Return both documents, checked for their own rules, or raise what is wrong with them."""
        return read_root(self.root), read_targets(self.targets)


def propose(
    current: MemberList | None, joining: Candidate, now: datetime, expires_days: int = EXPIRES_DAYS
) -> Proposal:
    """Propose that a country joins or, where it is a member, that its keys are replaced.

    Without a list this founds the network: one state, threshold 1. Raises `members-expired` where a country
    would join an expired list: it must be renewed first.
    """
    return propose_all(current, (joining,), now, expires_days)


def propose_all(
    current: MemberList | None, joining: Iterable[Candidate], now: datetime, expires_days: int = EXPIRES_DAYS
) -> Proposal:
    """Propose, like `propose`, that several countries join at once, with one round of signatures."""
    draft = _Draft.after(current, now, expires_days)
    for one in joining:
        standing = current.decided(one.country) if current else None
        joins = standing is None or standing.status == "left"
        if joins and current is not None and current.expired(now):
            raise MemberListError("members-expired", "renew the list before a country joins", "root")
        draft.states[one.country] = _key(one.state_key)
        if joins:
            draft.set_status(one.country, "active", now)
        draft.delegate(one.country, _key(one.role_key))
    return draft.proposal()


def propose_status(
    current: MemberList, country: str, status: Status, now: datetime, expires_days: int = EXPIRES_DAYS
) -> Proposal:
    """Propose that a member leaves, is suspended or is active again.

    Who is suspended still signs the list; who leaves doesn't, and its last record stays to verify the past.
    """
    standing, present = current.decided(country), current.standing(country)
    lifts = status == "active" and present is not None and present.status == "suspended"  # by a few, perhaps
    if standing is None or standing.status == "left" or (standing.status == status and not lifts):
        raise MemberListError("members-proposal", f"{country} can't become {status}", "targets")
    if status == "left" and len(current.root.states) == 1:
        raise MemberListError("members-proposal", "the last state can't leave", "targets")
    draft = _Draft.after(current, now, expires_days)
    # not earlier than the suspension that it ends (SPEC S-184)
    draft.set_status(country, status, max(now, present.since) if lifts and present else now)
    if status == "left":
        del draft.states[country]
    return draft.proposal()


def renew(current: MemberList, now: datetime, expires_days: int = EXPIRES_DAYS) -> Proposal:
    """Propose the same list with a later end."""
    return _Draft.after(current, now, expires_days).proposal()


@dataclass
class _Draft:
    """The next documents in the making; `states` holds each state's key."""

    root: Root
    targets: Targets
    states: dict[str, Key]

    @classmethod
    def after(cls, current: MemberList | None, now: datetime, expires_days: int) -> Self:
        if not 1 <= expires_days <= MAX_EXPIRES_DAYS:
            raise MemberListError("members-proposal", f"a list lasts 1 to {MAX_EXPIRES_DAYS} days")
        end = now.astimezone(UTC) + timedelta(days=expires_days)
        if current is None:
            return cls(Root(expires=end), Targets(expires=end, delegations=Delegations({}, {})), {})
        if current.targets is None:
            raise MemberListError("members-proposal", "the list in force has no targets yet", "targets")
        root = Metadata[Root].from_bytes(current.root.raw).signed
        targets = Metadata[Targets].from_bytes(current.targets.raw).signed
        for signed in (root, targets):
            signed.version += 1
            signed.expires = end
        return cls(root, targets, {country: root.keys[keyid] for country, keyid in current.root.states.items()})

    def set_status(self, country: str, status: Status, now: datetime) -> None:
        members = _field(self.targets).setdefault("members", {})
        since = now.astimezone(UTC).strftime(INSTANT)
        members[country] = {**members.get(country, {}), "status": status, "since": since}

    def delegate(self, country: str, key: Key) -> None:
        delegations = self.targets.delegations
        assert delegations is not None
        assert delegations.roles is not None
        if country in delegations.roles:
            for keyid in delegations.roles[country].keyids:
                delegations.keys.pop(keyid, None)
            delegations.roles[country].keyids = [key.keyid]
        else:
            paths = [f"{country}/*"]
            delegations.roles[country] = DelegatedRole(country, [key.keyid], 1, terminating=True, paths=paths)
        delegations.keys[key.keyid] = key

    def proposal(self) -> Proposal:
        self.root.keys = {key.keyid: key for key in self.states.values()}
        _field(self.root)["states"] = {country: key.keyid for country, key in self.states.items()}
        for role in self.root.roles.values():  # timestamp and snapshot are unused, TUF's format wants them
            role.keyids = sorted(self.root.keys)
            role.threshold = more_than_half(len(self.states))
        made = Proposal(root=Metadata(self.root).to_bytes(), targets=Metadata(self.targets).to_bytes())
        made.read()
        return made


def _field(signed: Root | Targets) -> dict[str, Any]:
    found: dict[str, Any] = signed.unrecognized_fields.setdefault(FIELD, {})
    return found


def _key(public: str) -> Key:
    return SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)))


def _public(signer: Signer) -> str:
    public: str = signer.public_key.keyval["public"]
    return public
