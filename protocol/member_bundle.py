"""The member list as nodes hand it to one another: `GET /peer/v1/members`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from protocol.encoding import canonical_json
from protocol.limits import MAX_MEMBER_BUNDLE
from protocol.member import Base64, to_base64
from protocol.member_documents import json_or_refuse, model_or_refuse
from protocol.member_problems import MemberListError

MAX_ROOTS = 256
"""Roots in one bundle; a node further behind asks again from where it is."""
MAX_ROLES = 64
MAX_SUSPENSIONS = 64


class _BundleJson(BaseModel):
    """Unknown fields are ignored: a newer minor version may add documents."""

    model_config = ConfigDict(frozen=True, defer_build=True)
    roots: tuple[Base64, ...] = Field(max_length=MAX_ROOTS)
    targets: Base64 | None = None
    roles: dict[Annotated[str, Field(pattern=r"^[A-Z]{2}$")], Base64] = Field(max_length=MAX_ROLES)
    suspensions: dict[Annotated[str, Field(pattern=r"^suspension-[0-9a-f]{16}$")], Base64] = Field(
        default_factory=dict, max_length=MAX_SUSPENSIONS
    )


@dataclass(frozen=True)
class MemberBundle:
    """Documents byte for byte: roots in the order of their versions, targets, roles by country, suspensions by name.

    What is left out isn't offered; nothing here has been verified.
    """

    roots: tuple[bytes, ...] = ()
    targets: bytes | None = None
    roles: Mapping[str, bytes] = field(default_factory=dict)
    suspensions: Mapping[str, bytes] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """Serialise, the documents in base64; `members-oversize` where a peer couldn't receive it (SPEC S-114)."""
        return _written(self.roots, self.targets, tuple(self.roles.items()), tuple(self.suspensions.items()))

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Parse what `to_json` made; raises only `members-oversize` and `members-malformed`."""
        parsed = _read(data)
        return cls(parsed.roots, parsed.targets, MappingProxyType(parsed.roles), MappingProxyType(parsed.suspensions))


_Named = tuple[tuple[str, bytes], ...]
_FEW = 4
"""Every peer asks for the same list and hands out the same one, over and over: the last ones are kept."""


@lru_cache(_FEW)
def _written(roots: tuple[bytes, ...], targets: bytes | None, roles: _Named, suspensions: _Named) -> bytes:
    data = canonical_json(
        {
            "roots": [to_base64(raw) for raw in roots],
            "targets": None if targets is None else to_base64(targets),
            "roles": {country: to_base64(raw) for country, raw in roles},
            **({"suspensions": {name: to_base64(raw) for name, raw in suspensions}} if suspensions else {}),
        }
    )
    if len(data) > MAX_MEMBER_BUNDLE or len(roots) > MAX_ROOTS:
        raise MemberListError("members-oversize", f"{len(data)} bytes, {len(roots)} roots")
    return data


@lru_cache(_FEW)
def _read(data: bytes) -> _BundleJson:
    return model_or_refuse(_BundleJson, json_or_refuse(data, MAX_MEMBER_BUNDLE))
