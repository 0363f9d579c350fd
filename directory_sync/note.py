"""Signed notes (C2SP signed-note): a text, and lines with the signatures of those who stand by it.

Two types of Ed25519 signatures are known: plain ones (0x01), with which a log signs, and the time-stamped
cosignatures of witnesses (0x04, C2SP tlog-cosignature). Signatures by other keys are kept and mean nothing.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final, Literal, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from typing_extensions import override

from directory_sync import limits
from directory_sync.problem import DirectoryError

Kind = Literal[1, 4]
PLAIN: Final[Kind] = 1
COSIGNATURE: Final[Kind] = 4

_ID_BYTES: Final = 4
_TIME_BYTES: Final = 8
_SIGNATURE_BYTES: Final = 64
_CONTROL: Final = re.compile("[\x00-\x09\x0b-\x1f]")
_LINE: Final = re.compile(r"\u2014 ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")
_VKEY: Final = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})\Z")


def to_base64(data: bytes) -> str:
    """Encode in standard base64 with padding (RFC 4648, 4)."""
    return base64.b64encode(data).decode("ascii")


def from_base64(text: str) -> bytes:
    """Decode standard base64; only the one form that encoding gives (else `directory-note`)."""
    try:
        data = binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except ValueError:
        raise DirectoryError("directory-note", "not base64") from None
    if to_base64(data) != text:
        raise DirectoryError("directory-note", "base64 with stray bits at its end")
    return data


def cosigned_message(text: str, at: int) -> bytes:
    """Return what a witness signs at a POSIX time: header line, time line, the note's text."""
    return f"cosignature/v1\ntime {at}\n{text}".encode()


@dataclass(frozen=True)
class VerifierKey:
    """A public key with its name, as it stands in a member record: `name+id+base64(type, key)`."""

    name: str
    kind: Kind
    public: bytes

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Read a verifier key; raises `directory-note` where it isn't one, is of another type, or its id is wrong."""
        return _read_key(text)

    @override
    def __str__(self) -> str:
        """Return the verifier key as text."""
        return f"{self.name}+{self.key_id.hex()}+{to_base64(bytes([self.kind]) + self.public)}"

    @cached_property
    def key_id(self) -> bytes:
        """The four bytes that name the key beside its name."""
        return hashlib.sha256(f"{self.name}\n".encode() + bytes([self.kind]) + self.public).digest()[:_ID_BYTES]

    def time_of(self, text: str, blob: bytes) -> int | None:
        """Check a signature over a note's text; returns its time in seconds (0 for a plain one), or None if wrong."""
        at = 0
        if self.kind == COSIGNATURE:
            at, blob = int.from_bytes(blob[:_TIME_BYTES], "big"), blob[_TIME_BYTES:]
        message = text.encode() if self.kind == PLAIN else cosigned_message(text, at)
        if len(blob) != _SIGNATURE_BYTES or at >= 2**63:
            return None
        return at if _is_signed(self.public, blob, message) else None


@lru_cache(maxsize=4096)  # a checkpoint and its cosignatures come from every member, most of them the same
def _is_signed(public: bytes, blob: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(blob, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=1024)  # a few keys of each member, read again at every look at a log
def _read_key(text: str) -> VerifierKey:
    match = _VKEY.match(text)
    if match is None:
        raise DirectoryError("directory-note", "not a verifier key")
    name, key_id, encoded = match.groups()
    data = from_base64(encoded)
    kind: Kind = COSIGNATURE if data[0] == COSIGNATURE else PLAIN
    if data[0] != kind or len(data) != 1 + 32:
        raise DirectoryError("directory-note", "a verifier key of another type")
    key = VerifierKey(name, kind, data[1:])
    if key.key_id.hex() != key_id:
        raise DirectoryError("directory-note", "a verifier key under another's id")
    return key


@dataclass(frozen=True)
class Signer:
    """A private key with its name."""

    name: str
    kind: Kind
    private: Ed25519PrivateKey

    @classmethod
    def from_seed(cls, name: str, kind: Kind, seed: bytes) -> Self:
        """Make a signer of the 32 bytes of a private key."""
        return cls(name, kind, Ed25519PrivateKey.from_private_bytes(seed))

    @cached_property
    def verifier(self) -> VerifierKey:
        """The public side."""
        return VerifierKey(self.name, self.kind, self.private.public_key().public_bytes_raw())

    def sign(self, text: str, at: int = 0) -> "Signature":
        """Sign a note's text; `at` is a witness's time in seconds since 1970."""
        if self.kind == PLAIN:
            blob = self.private.sign(text.encode())
        else:
            blob = at.to_bytes(_TIME_BYTES, "big") + self.private.sign(cosigned_message(text, at))
        return Signature(self.name, self.verifier.key_id, blob)


@dataclass(frozen=True)
class Signature:
    """One signature line: whose key it claims to be, and the signature itself."""

    name: str
    key_id: bytes
    blob: bytes

    @override
    def __str__(self) -> str:
        """Return the line, without its line feed."""
        return f"\u2014 {self.name} {to_base64(self.key_id + self.blob)}"


@dataclass(frozen=True)
class Note:
    """A text that ends in a line feed, and its signatures; believe nothing of it before `verified`."""

    text: str
    signatures: tuple[Signature, ...]

    @override
    def __str__(self) -> str:
        """Return the note as it travels."""
        return f"{self.text}\n" + "".join(f"{signature}\n" for signature in self.signatures)

    def verified(self, keys: Iterable[VerifierKey]) -> dict[VerifierKey, int]:
        """Return which of these keys signed, and when (0 for a plain signature), the latest time of each.

        A known key's signature that is wrong refuses the whole note: `directory-signature`. None at all is for the
        caller to judge.
        """
        known = {(key.name, key.key_id): key for key in keys}
        found: dict[VerifierKey, int] = {}
        for signature in self.signatures:
            key = known.get((signature.name, signature.key_id))
            if key is None:
                continue
            at = key.time_of(self.text, signature.blob)
            if at is None:
                raise DirectoryError("directory-signature", f"a wrong signature of {key.name}")
            found[key] = max(at, found.get(key, 0))
        return found

    def only(self, name: str) -> "Note":
        """Return the note with the signatures under one name alone."""
        return Note(self.text, tuple(one for one in self.signatures if one.name == name))

    def also(self, signatures: Iterable[Signature]) -> "Note":
        """Return the note with more signatures; of each key the one that comes last."""
        latest = {(one.name, one.key_id): one for one in (*self.signatures, *signatures)}
        return Note(self.text, tuple(latest.values()))


def parse_signatures(lines: str) -> tuple[Signature, ...]:
    """Read signature lines, each with its line feed; raises `directory-note`."""
    found = []
    for line in lines.split("\n")[:-1]:
        match = _LINE.fullmatch(line)
        data = from_base64(match[2]) if match else b""
        if match is None or len(data) <= _ID_BYTES:
            raise DirectoryError("directory-note", "not a signature line")
        found.append(Signature(match[1], data[:_ID_BYTES], data[_ID_BYTES:]))
    if not lines.endswith("\n") or len(found) > limits.MAX_SIGNATURES:
        raise DirectoryError("directory-note", "no end, or too many signatures")
    return tuple(found)


def parse_note(data: bytes) -> Note:
    """Read a signed note; raises `directory-note` where it isn't one or is over a limit."""
    if len(data) > limits.MAX_NOTE_BYTES:
        raise DirectoryError("directory-note", f"{len(data)} bytes")
    try:
        whole = data.decode()
    except UnicodeDecodeError:
        raise DirectoryError("directory-note", "not UTF-8") from None
    text, gap, lines = whole.rpartition("\n\n")
    if not gap or _CONTROL.search(whole):
        raise DirectoryError("directory-note", "no text and signatures, or a control character")
    return Note(f"{text}\n", parse_signatures(lines))
