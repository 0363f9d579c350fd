"""Parts: the content of an event, beside it and erasable (SPEC.md section 6).

Each part has a content encryption key (CEK) of its own, used for this one part only; that is why the
nonce can be constant. The event commits to the plaintext, so a part proves itself, and can be thrown
away without breaking the event's signature.
"""

from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from protocol.encoding import b64u, sha256
from protocol.limits import MAX_PART
from protocol.problems import ProtocolError

_COMMIT_LABEL: Final = b"entente-part-v1"
_NONCE: Final = bytes(12)
SALT_BYTES: Final = 32
CEK_BYTES: Final = 32


@dataclass(frozen=True)
class SealedPart:
    """A part as it travels and is stored; `sealed` is ciphertext with its 16-byte tag."""

    id: str
    sealed: bytes


@dataclass(frozen=True)
class Claim:
    """What the event says of a part: `commit` in base64url, `size` of the plaintext in bytes."""

    id: str
    commit: str
    size: int


def commitment(salt: bytes, plaintext: bytes) -> str:
    """Return the commitment to a part's plaintext (SPEC S-040)."""
    return b64u(sha256(_COMMIT_LABEL + salt + plaintext))


def seal_part(part_id: str, plaintext: bytes, *, jti: str, cek: bytes, salt: bytes) -> tuple[Claim, SealedPart]:
    """Encrypt a part; `cek` and `salt` are 32 fresh random bytes each (SPEC S-041)."""
    if len(plaintext) > MAX_PART:
        raise ProtocolError("event-too-large", f"a part of {len(plaintext)} bytes, {MAX_PART} allowed")
    assert len(cek) == CEK_BYTES
    assert len(salt) == SALT_BYTES
    sealed = AESGCM(cek).encrypt(_NONCE, salt + plaintext, (jti + part_id).encode())
    return Claim(part_id, commitment(salt, plaintext), len(plaintext)), SealedPart(part_id, sealed)


def open_part(claim: Claim, part: SealedPart, *, jti: str, cek: bytes) -> bytes:
    """Decrypt a part and check its commitment; `part-unreadable` or `part-commitment` (SPEC S-042)."""
    try:
        opened = AESGCM(cek).decrypt(_NONCE, part.sealed, (jti + part.id).encode())
    except (InvalidTag, ValueError):
        raise ProtocolError("part-unreadable", f"part {claim.id}") from None
    salt, plaintext = opened[:SALT_BYTES], opened[SALT_BYTES:]
    if len(opened) != SALT_BYTES + claim.size or commitment(salt, plaintext) != claim.commit:
        raise ProtocolError("part-commitment", f"part {claim.id}")
    return plaintext
