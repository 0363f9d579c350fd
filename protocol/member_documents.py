"""The signed documents of the member list: root, targets and one role per country, in TUF's format.

A document's name in gossip and its identity in a fork is the SHA-256 of its canonical signed part, so that
another choice of signatures over the same words isn't another document (SPEC S-106).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, Literal, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from securesystemslib.signer import Key, Signature, SSlibKey  # type: ignore[attr-defined]
from tuf.api.metadata import Metadata, Role, Root, Targets  # type: ignore[attr-defined]
from tuf.api.serialization import DeserializationError, SerializationError

from protocol.countries import COUNTRIES, Country
from protocol.encoding import strict_json
from protocol.member import Instant, MemberRecord
from protocol.member_problems import MemberListError
from protocol.problems import ProtocolError

MAX_DOCUMENT = 128 * 1024
"""Bytes of one signed document."""
MAX_VERSION = 2**31 - 1

_KEPT: Final = 2 * len(COUNTRIES)
"""Records that are kept parsed, and whose signature isn't checked again: every peer gives the same ones."""
FIELD: Final = "entente"
"""The field of a document's signed part that holds what is ours."""

Status = Literal["active", "suspended", "left"]
Model = TypeVar("Model", bound=BaseModel)


class Standing(BaseModel):
    """A country's place in the list, decided by the states."""

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)
    status: Status
    since: Instant


class _RootField(BaseModel):
    states: dict[Country, str] = Field(min_length=1)


class _TargetsField(BaseModel):
    members: dict[Country, Standing] = Field(min_length=1)


@dataclass(frozen=True, eq=False)
class Document:
    """What every document has: `raw` as received, `payload` the canonical bytes that are signed."""

    name: str
    raw: bytes
    payload: bytes
    sha256: str
    version: int
    expires: datetime
    signatures: Mapping[str, Signature]


@dataclass(frozen=True, eq=False)
class RootDocument(Document):
    """The states' keys; `states` maps each country to the id of its one key."""

    signed: Root
    states: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class TargetsDocument(Document):
    """The countries' standings, and the delegation to each country's own keys."""

    signed: Targets
    standings: Mapping[str, Standing]


@dataclass(frozen=True, eq=False)
class RoleDocument(Document):
    """A country's own words."""

    record: MemberRecord


def more_than_half(count: int) -> int:
    """Return the least number that is more than half of `count` (SPEC S-102)."""
    return count // 2 + 1


@lru_cache(maxsize=8)
def read_root(raw: bytes) -> RootDocument:
    """Parse a root and check its own rules; whose signatures it bears is `verify_root`."""
    metadata = parse(Metadata[Root], raw, Root, "root")
    root = metadata.signed
    states = field(root, _RootField, "root").states
    ids = set(states.values())
    if len(ids) != len(states) or ids != set(root.keys):
        raise MemberListError("members-inconsistent", "a root has exactly one key per state", "root")  # SPEC S-100
    _check_keys(root.keys, "root")
    for role in (root.roles["root"], root.roles["targets"]):
        if set(role.keyids) != ids:
            raise MemberListError("members-inconsistent", "each state's key signs root and targets", "root")
        if not more_than_half(len(ids)) <= _threshold(role, "root") <= len(ids):
            detail = f"a threshold of {role.threshold} with {len(ids)} states"
            raise MemberListError("members-threshold", detail, "root")
    return RootDocument(**common(metadata, raw, "root"), signed=root, states=states)


@lru_cache(maxsize=8)
def read_targets(raw: bytes) -> TargetsDocument:
    """Parse targets and check its own rules; `verify_targets` checks it against its root."""
    metadata = parse(Metadata[Targets], raw, Targets, "targets")
    targets = metadata.signed
    standings = field(targets, _TargetsField, "targets").members
    roles = (targets.delegations and targets.delegations.roles) or {}
    if {name for name in roles if name in COUNTRIES} != set(standings):
        raise MemberListError("members-inconsistent", "one delegation per country", "targets")
    used = [keyid for country in standings for keyid in roles[country].keyids]
    if len(set(used)) != len(used):
        raise MemberListError("members-inconsistent", "one key signs for two countries", "targets")
    assert targets.delegations is not None
    _check_keys({keyid: targets.delegations.keys.get(keyid) for keyid in used}, "targets")
    for country in standings:
        role = roles[country]
        exact = role.keyids and _threshold(role, "targets") == 1 and role.terminating is True
        if not exact or role.paths != [f"{country}/*"]:
            raise MemberListError("members-malformed", "a delegation to more or less than a country", "targets")
    return TargetsDocument(**common(metadata, raw, "targets"), signed=targets, standings=standings)


@lru_cache(maxsize=_KEPT)
def read_role(raw: bytes, country: str) -> RoleDocument:
    """Parse a country's role and its record; `verify_role` checks who signed it."""
    metadata = parse(Metadata[Targets], raw, Targets, country)
    record = field(metadata.signed, MemberRecord, country, "members-record")
    if record.country != country:
        raise MemberListError("members-other-country", f"the record is one of {record.country}", country)
    return RoleDocument(**common(metadata, raw, country), record=record)


def verify_root(root: RootDocument, previous: RootDocument | None) -> None:
    """Check that a root is signed by more than half of its states, and of its predecessor's.

    A state whose key is new must have signed too, which shows that it has the key. Without a predecessor
    the root is the network's first and every state is new, or it is trusted by its hash (SPEC S-103).
    """
    if not is_signed(root, root) or (previous and not is_signed(root, previous)):
        raise MemberListError("members-signature", f"too few states signed root {root.version}", "root")
    known = set(previous.states.values()) if previous else set()
    if previous or root.version == 1:
        newcomers = set(root.states.values()) - known
        lacking = newcomers - set(signed_by(root, root))
        if lacking:
            names = sorted(country for country, keyid in root.states.items() if keyid in lacking)
            raise MemberListError("members-possession", f"not signed by {', '.join(names)}", "root")


def verify_targets(targets: TargetsDocument, root: RootDocument) -> None:
    """Check that targets is signed by the states of `root` and names the same states (SPEC S-104)."""
    if not is_signed(targets, root):
        detail = f"too few states of root {root.version} signed targets {targets.version}"
        raise MemberListError("members-signature", detail, "targets")
    if {code for code, standing in targets.standings.items() if standing.status != "left"} != set(root.states):
        raise MemberListError("members-inconsistent", "root and targets name different states", "targets")
    assert targets.signed.delegations is not None
    if set(targets.signed.delegations.keys) & set(root.states.values()):
        raise MemberListError("members-inconsistent", "a state's key also signs a record", "targets")


def verify_role(role: RoleDocument, targets: TargetsDocument) -> None:
    """Check that a record is signed by its own country (SPEC S-105)."""
    if not _is_own(role, targets):
        raise MemberListError("members-signature", "not signed by the country's own key", role.name)


@lru_cache(maxsize=_KEPT)
def _is_own(role: RoleDocument, targets: TargetsDocument) -> bool:
    return bool(targets.signed.get_verification_result(role.name, role.payload, dict(role.signatures)))


def is_signed(document: Document, root: RootDocument) -> bool:
    """Say whether a root or targets bears signatures of the threshold of `root`."""
    return len(signed_by(document, root)) >= root.signed.roles[document.name].threshold


@lru_cache(maxsize=64)
def signed_by(document: Document, root: RootDocument) -> frozenset[str]:
    """Return the ids of those keys of `root` that validly signed a root or targets."""
    result = root.signed.get_verification_result(document.name, document.payload, dict(document.signatures))
    return frozenset(result.signed)


def json_or_refuse(raw: bytes, limit: int, document: str = "") -> Any:
    """Parse strict JSON, with the member list's own codes."""
    try:
        return strict_json(raw, limit=limit)
    except ProtocolError as error:
        code = "members-oversize" if error.code == "too-large" else "members-malformed"
        raise MemberListError(code, error.detail, document) from None


def model_or_refuse(model: type[Model], value: Any, document: str = "", code: str = "members-malformed") -> Model:
    """Validate JSON values, with the member list's own codes; the detail quotes only our own words."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(step)[:40] for step in first["loc"][:6])
        raise MemberListError(code, f"{where}: {first['msg']}", document) from None


def parse(kind: Any, raw: bytes, signed: type[Root | Targets], name: str) -> Any:
    """Read a document in TUF's format (SPEC S-173)."""
    json_or_refuse(raw, MAX_DOCUMENT, name)
    try:
        metadata = kind.from_bytes(raw)
    except DeserializationError:
        raise MemberListError("members-malformed", "not a document in TUF's format", name) from None
    if type(metadata.signed) is not signed:
        raise MemberListError("members-malformed", f"not of the type {signed.type}", name)
    if type(metadata.signed.version) is not int or metadata.signed.version > MAX_VERSION:
        raise MemberListError("members-malformed", "a version is a number below 2**31", name)
    return metadata


def common(metadata: Any, raw: bytes, name: str) -> dict[str, Any]:
    """Return the fields of a `Document`."""
    try:
        payload = metadata.signed_bytes
    except SerializationError:
        raise MemberListError("members-malformed", "the signed part has no canonical form", name) from None
    return {
        "name": name,
        "raw": raw,
        "payload": payload,
        "sha256": hashlib.sha256(payload).hexdigest(),
        "version": metadata.signed.version,
        "expires": metadata.signed.expires,
        "signatures": metadata.signatures,
    }


def field(signed: Root | Targets, model: type[Model], name: str, code: str = "members-malformed") -> Model:
    """Read what is ours in a document's signed part."""
    return model_or_refuse(model, signed.unrecognized_fields.get(FIELD), name, code)


def _check_keys(keys: Mapping[str, Key | None], name: str) -> None:
    for keyid, key in keys.items():
        if key is None or keyid != _ed25519_id(key):
            raise MemberListError("members-malformed", "keys are Ed25519, each named by its hash", name)


def _ed25519_id(key: Key) -> str | None:
    """Return the id that a key must have, so that one key can't count twice under two names (SPEC S-101)."""
    if (key.keytype, key.scheme) != ("ed25519", "ed25519"):
        return None
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.keyval["public"]))
    except (ValueError, TypeError):
        return None
    return SSlibKey.from_crypto(public).keyid


def _threshold(role: Role, name: str) -> int:
    if type(role.threshold) is not int or not isinstance(role.keyids, list):
        raise MemberListError("members-malformed", "a role has a list of keys and a threshold", name)
    return role.threshold
