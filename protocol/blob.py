"""Blobs: attachments, content-addressed by their ciphertext and pulled by range (SPEC.md section 8)."""

from collections.abc import Iterable, Iterator
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from protocol.limits import BLOB_CHUNK, MAX_BLOB
from protocol.problems import ProtocolError

_LABEL: Final = b"entente-blob-v1"
_TAG: Final = 16
SEALED_CHUNK: Final = BLOB_CHUNK + _TAG


def sealed_size(size: int) -> int:
    """Return the bytes of ciphertext for `size` bytes of plaintext; an empty file is one empty chunk (SPEC S-066)."""
    return size + _TAG * max(1, -(-size // BLOB_CHUNK))


def _aad(index: int, *, last: bool) -> bytes:
    return _LABEL + index.to_bytes(8, "big") + bytes([last])


def seal_blob(plaintext: bytes, key: bytes) -> Iterator[bytes]:
    """Yield sealed chunks; `key` is 32 random bytes used for this blob only (SPEC S-060)."""
    if len(plaintext) > MAX_BLOB:
        raise ProtocolError("too-large", f"an attachment of {len(plaintext)} bytes, {MAX_BLOB} allowed")
    cipher = AESGCM(key)
    count = max(1, -(-len(plaintext) // BLOB_CHUNK))
    for index in range(count):
        chunk = plaintext[index * BLOB_CHUNK : (index + 1) * BLOB_CHUNK]
        yield cipher.encrypt(index.to_bytes(12, "big"), chunk, _aad(index, last=index == count - 1))


def open_blob(sealed: Iterable[bytes], key: bytes) -> Iterator[bytes]:
    """Yield the plaintext of sealed chunks; cut, swapped or altered ones are `part-unreadable` (SPEC S-061)."""
    cipher, pending, index = AESGCM(key), None, 0
    for chunk in sealed:
        if pending is not None:
            yield _open(cipher, index, pending, last=False)
            index += 1
        pending = chunk
    yield _open(cipher, index, pending or b"", last=True)


def _open(cipher: AESGCM, index: int, chunk: bytes, *, last: bool) -> bytes:
    try:
        return cipher.decrypt(index.to_bytes(12, "big"), chunk, _aad(index, last=last))
    except (InvalidTag, ValueError):
        raise ProtocolError("part-unreadable", f"chunk {index} of an attachment") from None
