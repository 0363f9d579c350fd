"""Events and batches as a member seals them, or as it never should: every claim and header field can be replaced."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from node.cli.probing.check import SkippedError
from node.clock import new_uuid, seconds
from node.service.node import Node
from protocol import jws
from protocol.batch import TYP as BATCH_TYP
from protocol.batch import Head
from protocol.content import MATTER
from protocol.encoding import b64u, canonical_json, sha256, sha256_b64u
from protocol.event import TYP as EVENT_TYP
from protocol.event import item_line
from protocol.part import CEK_BYTES, SALT_BYTES, seal_part
from protocol.slot import Address, wrap

KIND: Final = "probe.unknown"
"""A kind of event that no version of the protocol will have."""


@dataclass(frozen=True)
class Item:
    """A line of a batch and the digest under which the batch names it."""

    line: bytes
    digest: str

    def field(self, name: str) -> Any:
        """Return a field of the line."""
        return json.loads(self.line)[name]

    def altered(self, **fields: Any) -> "Item":
        """Return the line with some fields more, or others, under the same digest."""
        return Item(canonical_json({**json.loads(self.line), **fields}), self.digest)


@dataclass(frozen=True)
class Voice:
    """Who speaks, and to whom."""

    node: Node
    peer: str

    @property
    def now(self) -> int:
        """Seconds since 1970."""
        return seconds(self.node.clock.now())

    def signed(self, payload: bytes, typ: str, signer: jws.Signer | None = None, **header: Any) -> str:
        """Sign any bytes; `header` replaces fields that would be right, `x5t` that of the certificate."""
        signer = signer or self.node.keys.signer
        fields = {"alg": signer.alg, "iat": self.now, "kid": signer.kid, "typ": typ, "x5t#S256": signer.x5t}
        if "x5t" in header:
            fields["x5t#S256"] = header.pop("x5t")
        signing_input = f"{b64u(canonical_json({**fields, **header}))}.{b64u(payload)}"
        return f"{signing_input}.{b64u(signer.sign(signing_input.encode('ascii')))}"

    def event_claims(self, **claims: Any) -> dict[str, Any]:
        """Return the claims of an event that is right but of a kind that nobody knows; `claims` replace them."""
        entropy = self.node.entropy
        said = {"iss": self.node.country, "aud": [self.peer], "jti": new_uuid(entropy), "case": new_uuid(entropy)}
        return {**said, "n": None, "prev": None, "kind": KIND, "parts": [], **claims}

    def event(self, /, header: dict[str, Any] | None = None, signer: jws.Signer | None = None, **claims: Any) -> Item:
        """Seal such an event."""
        return self.event_of(canonical_json(self.event_claims(**claims)), header, signer)

    def event_of(self, payload: bytes, header: dict[str, Any] | None = None, signer: jws.Signer | None = None) -> Item:
        """Seal any bytes as an event."""
        return item(self.signed(payload, **{"typ": EVENT_TYP, **(header or {})}, signer=signer))

    def telling(
        self, kind: str, matter: Mapping[str, Any], *, header: dict[str, Any] | None = None, **claims: Any
    ) -> Item:
        """Seal an event with one part for the node under test; `commit` and other claims replace what would be right.

        Raises `SkippedError` where that node has no key to seal to.
        """
        commit, random = claims.pop("commit", None), self.node.entropy.random
        reader = self.node.members.encryption_key(self.peer) if self.node.members else None
        if reader is None:
            raise SkippedError("its record has no encryption key that can be used here")
        said, cek = self.event_claims(kind=kind, **claims), random(CEK_BYTES)
        claim, part = seal_part(MATTER, canonical_json(matter), jti=said["jti"], cek=cek, salt=random(SALT_BYTES))
        said["parts"] = [{"id": claim.id, "commit": commit or claim.commit, "size": claim.size}]
        slot = wrap({MATTER: cek}, reader, Address(said["iss"], tuple(said["aud"]), said["jti"]))
        compact = self.signed(canonical_json(said), **{"typ": EVENT_TYP, **(header or {})})
        return Item(item_line(compact, (part,), (slot,)), digest_of(compact))

    def batch_claims(self, head: Head, items: Sequence[Item], **claims: Any) -> dict[str, Any]:
        """Return the claims of the batch that comes next; `claims` replace them."""
        said = {"iss": self.node.country, "aud": self.peer, "epoch": head.epoch, "first": head.next}
        said |= {"prev": head.last, "items": [each.digest for each in items], "body": sha256_b64u(body_of(items))}
        return {**said, "members": {}, "heads": {}, **claims}

    def batch(
        self, claims: dict[str, Any], items: Sequence[Item], signer: jws.Signer | None = None, **header: Any
    ) -> bytes:
        """Seal a batch of such claims."""
        return self.batch_of(canonical_json(claims), items, signer, **header)

    def batch_of(self, payload: bytes, items: Sequence[Item], signer: jws.Signer | None = None, **header: Any) -> bytes:
        """Seal any bytes as the claims of a batch."""
        compact = self.signed(payload, **{"typ": BATCH_TYP, **header}, signer=signer)
        return compact.encode("ascii") + b"\n" + body_of(items)


def item(compact: str) -> Item:
    """Return the line of an event without parts."""
    return Item(item_line(compact, (), ()), digest_of(compact))


def digest_of(compact: str) -> str:
    """Return the name of a signed document: SHA-256 of its signing input in base64url."""
    return b64u(sha256(compact.rpartition(".")[0].encode("ascii")))


def body_of(items: Sequence[Item]) -> bytes:
    """Return the body of a batch."""
    return b"".join(each.line + b"\n" for each in items)
