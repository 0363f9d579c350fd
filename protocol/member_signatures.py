"""How states sign a proposal offline, how the signatures add up, and how a country signs its own record.

Private keys are used through the one interface of `securesystemslib`, its `Signer`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ConfigDict, Field
from securesystemslib.signer import CryptoSigner, Signature, Signer  # type: ignore[attr-defined]
from tuf.api.exceptions import UnsignedMetadataError
from tuf.api.metadata import Metadata, Root, Targets  # type: ignore[attr-defined]
from tuf.api.serialization import SerializationError

from protocol.encoding import canonical_json
from protocol.member import INSTANT, MemberRecord
from protocol.member_bundle import MemberBundle
from protocol.member_documents import (
    FIELD,
    MAX_DOCUMENT,
    Document,
    RootDocument,
    TargetsDocument,
    json_or_refuse,
    model_or_refuse,
    read_role,
    read_root,
    read_targets,
    signed_by,
    verify_root,
    verify_targets,
)
from protocol.member_problems import MemberListError
from protocol.member_proposal import Proposal
from protocol.members import MemberList

MAX_SIGNATURES: Final = 128
"""Detached signatures in one file."""


class DetachedSignature(BaseModel):
    """One state's signature of one document; `sha256` is that of the document's canonical signed part."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
    document: str = Field(pattern="^(root|targets|suspension-[0-9a-f]{16})$")
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    keyid: str = Field(pattern="^[0-9a-f]{64}$")
    sig: str = Field(pattern="^[0-9a-f]{128}$")


class _Signatures(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
    signatures: tuple[DetachedSignature, ...] = Field(max_length=MAX_SIGNATURES)


@dataclass(frozen=True)
class Change:
    """One difference that a proposal makes, for the person who signs.

    `what` is `joins`, `active`, `suspended`, `left`, `state-key` or `list-key`, and `value` the country; or
    `threshold`, `root-expires` or `targets-expires`, and `value` the new one. A suspension by a few has `few-suspend`
    or `few-change` with the country, `few-from`, `few-until` and `few-by`.
    """

    what: str
    value: str


@dataclass(frozen=True)
class Progress:
    """How far the signatures have come; `bundle` is there when nothing is missing.

    `missing` is the least number of further states that must sign. `signed` and `waiting` are the countries
    whose signature counts, `required` those of `waiting` who must sign, since their key is new.
    """

    missing: int
    signed: tuple[str, ...]
    waiting: tuple[str, ...]
    required: tuple[str, ...]
    bundle: MemberBundle | None


def signer_from_seed(seed: bytes) -> CryptoSigner:
    """Return an Ed25519 signer from its 32 secret bytes."""
    return CryptoSigner(Ed25519PrivateKey.from_private_bytes(seed))


def review(current: MemberList | None, proposal: Proposal) -> tuple[Change, ...]:
    """Return all that a proposal changes, so that a state knows what it signs.

    Raises `members-proposal` where it isn't made on the list in force.
    """
    root, targets = proposal.read()
    before = (current.root.version, current.targets.version if current.targets else 0) if current else (0, 0)
    if (root.version, targets.version) != (before[0] + 1, before[1] + 1):
        raise MemberListError("members-proposal", "not made on the list in force", "root")
    changes = [change for country in sorted(targets.standings) for change in _changes(current, root, targets, country)]
    threshold = root.signed.roles["root"].threshold
    if current is None or threshold != current.root.signed.roles["root"].threshold:
        changes.append(Change("threshold", f"{threshold} of {len(root.states)}"))
    changes.append(Change("root-expires", root.expires.strftime(INSTANT)))
    changes.append(Change("targets-expires", targets.expires.strftime(INSTANT)))
    return tuple(changes)


def _changes(current: MemberList | None, root: RootDocument, targets: TargetsDocument, country: str) -> list[Change]:
    old, new = current.decided(country) if current else None, targets.standings[country]
    if current is None or current.targets is None or old is None or (old.status == "left" != new.status):
        return [Change("joins", country)]
    same = (old.status, old.since) == (new.status, new.since)  # a new `since` ends a suspension by a few
    changes = [] if same else [Change(new.status, country)]
    if country in root.states and root.states[country] != current.root.states.get(country):
        changes.append(Change("state-key", country))
    if _list_keys(targets, country) != _list_keys(current.targets, country):
        changes.append(Change("list-key", country))
    return changes


def _list_keys(targets: TargetsDocument, country: str) -> set[str]:
    return set(targets.signed.get_delegated_role(country).keyids)


def sign_proposal(proposal: Proposal, signer: Signer) -> tuple[DetachedSignature, ...]:
    """Sign root and targets of a proposal, once `review` has shown what it changes."""
    return tuple(detached(document, signer) for document in proposal.read())


def detached(document: Document, signer: Signer) -> DetachedSignature:
    """Return one signer's signature of a document."""
    made = signer.sign(document.payload)
    value = {"document": document.name, "sha256": document.sha256, "keyid": made.keyid, "sig": made.signature}
    return DetachedSignature.model_validate(value)


def signatures_to_json(signatures: Iterable[DetachedSignature]) -> bytes:
    """Serialise detached signatures."""
    return canonical_json({"signatures": [signature.model_dump(mode="json") for signature in signatures]})


def signatures_from_json(data: bytes) -> tuple[DetachedSignature, ...]:
    """Parse what `signatures_to_json` made; raises only `MemberListError`."""
    return model_or_refuse(_Signatures, json_or_refuse(data, MAX_DOCUMENT)).signatures


def attach(current: MemberList | None, proposal: Proposal, signatures: Iterable[DetachedSignature]) -> Progress:
    """Put signatures to a proposal made on `current` and say who is missing.

    Signatures of other documents, by other keys or wrong ones don't count and aren't kept.
    """
    given = list(signatures)
    draft, previous = proposal.read(), current.root if current else None
    judges = (draft[0], previous) if previous else (draft[0],)
    root = read_root(_with_signatures(draft[0], given, judges))
    targets = read_targets(_with_signatures(draft[1], given, judges[:1]))
    return _progress(root, targets, previous)


def _with_signatures(
    document: RootDocument | TargetsDocument, given: list[DetachedSignature], judges: tuple[RootDocument, ...]
) -> bytes:
    metadata: Metadata[Root] | Metadata[Targets] = Metadata.from_bytes(document.raw)
    for signature in sorted(given, key=lambda signature: signature.keyid):
        if (signature.document, signature.sha256) != (document.name, document.sha256):
            continue
        single = {signature.keyid: Signature(signature.keyid, signature.sig)}
        if any(j.signed.get_verification_result(document.name, document.payload, single).signed for j in judges):
            metadata.signatures |= single
    return metadata.to_bytes()


def _progress(root: RootDocument, targets: TargetsDocument, previous: RootDocument | None) -> Progress:
    both = signed_by(root, root) & signed_by(targets, root)
    newcomers = set(root.states.values()) - (set(previous.states.values()) if previous else set())
    lacking = [root.signed.roles["root"].threshold - len(both), len(newcomers - both), 0]
    signed = {country for country, keyid in root.states.items() if keyid in both}
    everyone = set(root.states)
    if previous is not None:
        by_old = signed_by(root, previous)
        lacking.append(previous.signed.roles["root"].threshold - len(by_old))
        leaving = set(previous.states) - set(root.states)
        signed |= {country for country in leaving if previous.states[country] in by_old}
        everyone |= leaving
    missing, bundle = max(lacking), None
    if missing == 0:
        verify_root(root, previous)
        verify_targets(targets, root)
        bundle = MemberBundle((root.raw,), targets.raw)
    waiting = everyone - signed
    required = {country for country in waiting if root.states.get(country) in newcomers}
    return Progress(missing, tuple(sorted(signed)), tuple(sorted(waiting)), tuple(sorted(required)), bundle)


def sign_role(record: MemberRecord, version: int, expires: datetime, signer: Signer) -> bytes:
    """Sign a country's own record; `MemberList.update` takes the bytes as the country's role.

    Raises `members-record` where the record holds what can't be signed (a float in an unknown field) and
    `members-oversize` where no one could receive it.
    """
    field = {FIELD: record.as_json()}
    metadata = Metadata(Targets(version, expires=expires.astimezone(UTC), unrecognized_fields=field))
    try:
        metadata.sign(signer)
    except (UnsignedMetadataError, SerializationError):
        raise MemberListError("members-record", "the record can't be signed", record.country) from None
    raw = metadata.to_bytes()
    read_role(raw, record.country)
    return raw
