"""Slots: who can read which parts. Their CEKs wrapped to a node by HPKE, RFC 9180 base mode (SPEC.md section 7).

Slots are not signed: a node that holds a CEK can make a new slot for the same part at any time (SPEC S-058).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, x25519
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    MLKEM1024P384PrivateKey,
    MLKEM1024P384PublicKey,
    Suite,
)

from protocol.part import CEK_BYTES
from protocol.problems import ProtocolError

HpkePublicKey = MLKEM768X25519PublicKey | MLKEM1024P384PublicKey | x25519.X25519PublicKey
HpkePrivateKey = MLKEM768X25519PrivateKey | MLKEM1024P384PrivateKey | x25519.X25519PrivateKey

_INFO_LABEL: Final = "entente-cek-v1"
_SUITES: Final = {
    "MLKEM768-X25519": (KEM.MLKEM768_X25519, Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)),
    "MLKEM1024-P384": (KEM.MLKEM1024_P384, Suite(KEM.MLKEM1024_P384, KDF.HKDF_SHA384, AEAD.AES_256_GCM)),
    "X25519": (KEM.X25519, Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)),
}
SUITES: Final = tuple(_SUITES)
"""The allowed suites, most preferred first (SPEC S-053)."""

_PUBLIC_PIECES: Final = {"MLKEM768-X25519": (1184, 32), "MLKEM1024-P384": (1568, 97), "X25519": (0, 32)}
_TAG: Final = 16


@dataclass(frozen=True)
class Slot:
    """The CEKs of some parts for one reader: `part` names the parts, with commas between them (SPEC S-260).

    `enc` is the encapsulated key, `wrapped` the CEKs in the order of their parts, with a 16-byte tag.
    """

    part: str
    kid: str
    suite: str
    enc: bytes
    wrapped: bytes

    @property
    def parts(self) -> list[str]:
        """The ids of the parts that it opens."""
        return self.part.split(",")


@dataclass(frozen=True)
class Address:
    """What a slot is bound to besides its reader: issuer, audience and the event's identifier."""

    iss: str
    aud: tuple[str, ...]
    jti: str

    def info(self, part: str, kid: str, suite: str) -> bytes:
        """Return HPKE's `info`: label and fields, each with its length before it (SPEC S-050)."""
        return self._begins + _measured(part) + _measured(kid) + _measured(suite)

    @cached_property
    def _begins(self) -> bytes:
        return b"".join(map(_measured, (_INFO_LABEL, self.iss, ",".join(self.aud), self.jti)))


def _measured(field: str) -> bytes:
    data = field.encode()
    return len(data).to_bytes(4, "big") + data


class Recipient(Protocol):
    """A public encryption key of a member record."""

    @property
    def kid(self) -> str:
        """The key's name."""

    @property
    def suite(self) -> str:
        """One of `SUITES`."""

    @property
    def public_key(self) -> HpkePublicKey:
        """The key itself."""


class Opener(Protocol):
    """The one way in which private encryption keys are used."""

    def private_key(self, kid: str) -> HpkePrivateKey | None:
        """Return the key of that name, or None where this node has none."""


def wrap(ceks: Mapping[str, bytes], recipient: Recipient, address: Address) -> Slot:
    """Make the slot of some parts (id → CEK).

    The one function of the protocol that isn't deterministic, so callers take it as argument.
    """
    if recipient.suite not in _SUITES:
        raise ProtocolError("part-unreadable", "the recipient's suite isn't allowed")
    kem, suite = _SUITES[recipient.suite]
    part = ",".join(ceks)
    info = address.info(part, recipient.kid, recipient.suite)
    sealed = suite.encrypt(b"".join(ceks.values()), recipient.public_key, info)
    size = kem.enc_length()
    return Slot(part, recipient.kid, recipient.suite, sealed[:size], sealed[size:])


def unwrap(slot: Slot, private_key: HpkePrivateKey, address: Address) -> dict[str, bytes]:
    """Return the CEKs of a slot by part id, or raise `part-unreadable` (SPEC S-051)."""
    if slot.suite not in _SUITES:
        raise ProtocolError("part-unreadable", "the slot's suite isn't allowed")
    (kem, suite), parts = _SUITES[slot.suite], slot.parts
    if len(slot.enc) != kem.enc_length() or len(slot.wrapped) != len(parts) * CEK_BYTES + _TAG:
        raise ProtocolError("part-unreadable", "the slot has the wrong length")  # SPEC S-059
    try:
        ceks = suite.decrypt(slot.enc + slot.wrapped, private_key, address.info(slot.part, slot.kid, slot.suite))
    except (InvalidTag, ValueError, TypeError):
        raise ProtocolError("part-unreadable", "the slot doesn't open") from None
    return {part: ceks[at : at + CEK_BYTES] for part, at in zip(parts, range(0, len(ceks), CEK_BYTES), strict=True)}


def load_public_key(suite: str, data: bytes) -> HpkePublicKey:
    """Read a public key of a member record; raises `malformed` (SPEC S-052)."""
    first, second = _PUBLIC_PIECES.get(suite, (0, 0))
    if len(data) != first + second or suite not in _SUITES:
        raise ProtocolError("malformed", "not a public key of an allowed suite")
    post_quantum, classic = data[:first], data[first:]
    try:
        if suite == "X25519":
            return x25519.X25519PublicKey.from_public_bytes(classic)
        if suite == "MLKEM768-X25519":
            return MLKEM768X25519PublicKey(
                mlkem.MLKEM768PublicKey.from_public_bytes(post_quantum),
                x25519.X25519PublicKey.from_public_bytes(classic),
            )
        return MLKEM1024P384PublicKey(
            mlkem.MLKEM1024PublicKey.from_public_bytes(post_quantum),
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), classic),
        )
    except ValueError:
        raise ProtocolError("malformed", "not a point of the suite's curve") from None


def private_key_from_seed(suite: str, seed: bytes) -> tuple[HpkePrivateKey, bytes]:
    """Make a key pair from secret bytes; returns the private key and the public key's bytes.

    `seed` is, for MLKEM768-X25519, 64 bytes of ML-KEM seed and 32 of X25519; for X25519, 32 bytes; for
    MLKEM1024-P384, 64 bytes of seed and 48 of a P-384 scalar, big-endian.
    """
    if suite == "X25519":
        classic = x25519.X25519PrivateKey.from_private_bytes(seed)
        return classic, classic.public_key().public_bytes_raw()
    if suite == "MLKEM768-X25519":
        kem = mlkem.MLKEM768PrivateKey.from_seed_bytes(seed[:64])
        classic = x25519.X25519PrivateKey.from_private_bytes(seed[64:])
        public = kem.public_key().public_bytes_raw() + classic.public_key().public_bytes_raw()
        return MLKEM768X25519PrivateKey(kem, classic), public
    if suite == "MLKEM1024-P384":
        large = mlkem.MLKEM1024PrivateKey.from_seed_bytes(seed[:64])
        scalar = ec.derive_private_key(int.from_bytes(seed[64:], "big"), ec.SECP384R1())
        point = scalar.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        return MLKEM1024P384PrivateKey(large, scalar), large.public_key().public_bytes_raw() + point
    raise ProtocolError("malformed", "not an allowed suite")
