"""What states say of a version of a legal area: its content address, signed with their keys of the member list."""

import contextlib
from collections.abc import Iterable
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field
from securesystemslib.exceptions import UnverifiedSignatureError, VerificationError
from securesystemslib.signer import Signature, Signer  # type: ignore[attr-defined]

from protocol.encoding import canonical_json
from protocol.limits import MAX_ANSWER, MAX_AREA_INDEX, MAX_AREA_PACK
from protocol.member_documents import json_or_refuse, model_or_refuse
from protocol.member_problems import MemberListError
from protocol.member_signatures import MAX_SIGNATURES
from protocol.members import MemberList

MAX_STATEMENTS: Final = 1000
"""Versions of areas that one node tells of."""

_HEX: Final = "^[0-9a-f]{64}$"


class AreaSignature(BaseModel):
    """One state's Ed25519 signature over `AreaStatement.signed_bytes`."""

    model_config = ConfigDict(frozen=True, defer_build=True)
    keyid: str = Field(pattern=_HEX)
    sig: str = Field(pattern="^[0-9a-f]{128}$")


class AreaStatement(BaseModel):
    """A version of an area, its pack's SHA-256 and size in bytes, and who signed that (SPEC S-247)."""

    model_config = ConfigDict(frozen=True, strict=True, defer_build=True)
    area: str = Field(pattern=r"^[a-z0-9]+([._-][a-z0-9]+)*$", max_length=80)
    version: int = Field(ge=1, le=1_000_000)
    pilot: bool
    sha256: str = Field(pattern=_HEX)
    size: int = Field(ge=1, le=MAX_AREA_PACK)
    signatures: tuple[AreaSignature, ...] = Field(default=(), max_length=MAX_SIGNATURES, strict=False)

    def signed_bytes(self) -> bytes:
        """Return what each state signs; `_type` keeps it apart from the documents of the member list."""
        return canonical_json({"_type": "area", **self.model_dump(exclude={"signatures"})})

    def signed(self, signer: Signer) -> Self:
        """Return the statement with one signature and no other."""
        made = signer.sign(self.signed_bytes())
        return self.model_copy(update={"signatures": (AreaSignature(keyid=made.keyid, sig=made.signature),)})

    def with_signatures(self, others: "Iterable[AreaStatement]") -> "AreaStatement":
        """Return the statement with the signatures of others that say the very same."""
        same: list[AreaStatement] = [self, *(other for other in others if other.signed_bytes() == self.signed_bytes())]
        found = {one.keyid: one for statement in same for one in statement.signatures}
        return self.model_copy(update={"signatures": tuple(found[keyid] for keyid in sorted(found))[:MAX_SIGNATURES]})

    def signers(self, members: MemberList) -> frozenset[str]:
        """Return the countries whose state key of the root in force validly signed this."""
        countries = {keyid: country for country, keyid in members.root.states.items()}
        payload, found = self.signed_bytes(), set()
        for one in {one.keyid: one for one in self.signatures}.values():  # one look at each key, whoever sends more
            if one.keyid in countries:
                try:
                    members.root.signed.keys[one.keyid].verify_signature(Signature(one.keyid, one.sig), payload)
                except (UnverifiedSignatureError, VerificationError):
                    continue
                found.add(countries[one.keyid])
        return frozenset(found)

    def missing(self, members: MemberList) -> int:
        """Return how many more states must sign: the root's threshold, of a pilot one (SPEC S-248)."""
        needed = 1 if self.pilot else members.root.signed.roles["root"].threshold
        return max(0, needed - len(self.signers(members)))

    def to_json(self) -> bytes:
        """Serialise as a file, or as an entry of the index."""
        return canonical_json(self.model_dump(mode="json"))

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Parse what `to_json` made; raises only `MemberListError`."""
        return model_or_refuse(cls, json_or_refuse(data, MAX_ANSWER))


class _Entries(BaseModel):
    areas: tuple[Any, ...] = Field(max_length=MAX_STATEMENTS)


class AreaIndex(BaseModel):
    """The answer to `GET /peer/v1/areas`."""

    model_config = ConfigDict(frozen=True, defer_build=True)
    areas: tuple[AreaStatement, ...] = Field(max_length=MAX_STATEMENTS)

    def to_json(self) -> bytes:
        """Serialise for a peer."""
        return canonical_json(self.model_dump(mode="json"))

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Parse a peer's answer, without the entries that can't be read; raises only `MemberListError`."""
        found = model_or_refuse(_Entries, json_or_refuse(data, MAX_AREA_INDEX))
        readable: list[AreaStatement] = []
        for entry in found.areas:
            with contextlib.suppress(MemberListError):
                readable.append(model_or_refuse(AreaStatement, entry))
        return cls(areas=tuple(readable))
