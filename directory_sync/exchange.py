"""Swapping snapshots: what a node answers when asked for its list, and how it asks for another's.

On the line a snapshot is one document: the header's JWS, a line feed, the body. One answer, so header and
body are always of the same version. It may be gzipped; its ETag is the digest of the body with the version.
"""

import asyncio
import gzip
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from directory_sync import limits
from directory_sync.authority import Authority
from directory_sync.problem import DirectoryError
from directory_sync.snapshot import Header, Snapshot, VerifyHeader, check_body, check_header

Answer = tuple[int, Mapping[str, str], bytes]
Get = Callable[[str, dict[str, str]], Awaitable[Answer]]

MEDIA_TYPE = "application/vnd.entente.directory"
_OK, _NOT_MODIFIED = 200, 304


@dataclass(frozen=True, slots=True)
class Known:
    """What was accepted of a country's list last time; all None before the first time."""

    version: int | None = None
    sha256: str | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A checked snapshot, for the caller to save: in one transaction, header and body byte for byte."""

    header: Header
    snapshot: Snapshot
    authorities: tuple[Authority, ...]
    known: Known


def etag_of(version: int, sha256: str) -> str:
    """Return the entity tag of a snapshot, quoted (RFC 9110, 8.8.3)."""
    return f'"{version}-{sha256}"'


def document_of(snapshot: Snapshot) -> bytes:
    """Return the one document that travels: header line, then body."""
    return snapshot.header_jws.encode() + b"\n" + snapshot.body


def compressed(document: bytes) -> bytes:
    """Gzip a document, the same bytes every time; do it once per version, not once per peer."""
    return gzip.compress(document, compresslevel=6, mtime=0)


def answer(document: bytes, gzipped: bytes, etag: str, asked: Mapping[str, str]) -> Answer:
    """Answer a peer's request for our list; `asked` are its header fields with lower-case names."""
    fields = {"ETag": etag, "Vary": "Accept-Encoding", "Cache-Control": "no-cache"}
    tags = {tag.strip().removeprefix("W/") for tag in asked.get("if-none-match", "").split(",")}
    if etag in tags:
        return _NOT_MODIFIED, fields, b""
    fields["Content-Type"] = MEDIA_TYPE
    if "gzip" in {part.partition(";")[0].strip() for part in asked.get("accept-encoding", "").split(",")}:
        return _OK, fields | {"Content-Encoding": "gzip"}, gzipped
    return _OK, fields, document


async def fetch_snapshot(get: Get, url: str, *, iss: str, known: Known, verify_header: VerifyHeader) -> Fetched | None:
    """Ask a country's node for its list; None means that we have the newest. Saving is the caller's.

    `get(url, header fields)` answers (status, header fields, bytes as they came): it must not decompress
    nor follow redirects, and must stop reading soon after `limits.MAX_TRANSFER_BYTES`. Raises
    DirectoryError, what `verify_header` raises, and what `get` raises.
    """
    asking = {"Accept": MEDIA_TYPE, "Accept-Encoding": "gzip"}
    if known.etag is not None:
        asking["If-None-Match"] = known.etag
    status, raw_fields, data = await get(url, asking)
    if status == _NOT_MODIFIED and known.etag is not None:
        return None
    if status != _OK:
        raise DirectoryError("directory-transfer", f"{iss} answered {status}")
    fields = {name.lower(): value for name, value in raw_fields.items()}
    # A whole country takes seconds to check: not in the loop.
    return await asyncio.get_running_loop().run_in_executor(
        None, lambda: _accept(fields, data, iss=iss, known=known, verify_header=verify_header)
    )


def _accept(fields: Mapping[str, str], data: bytes, *, iss: str, known: Known, verify_header: VerifyHeader) -> Fetched:
    """Open and check an answer; pure."""
    document = _decoded(fields.get("content-encoding", "identity").lower(), data)
    first, found, body = document.partition(b"\n")
    if not found or not first.isascii():
        raise DirectoryError("directory-header", "the document has no header line")
    header = check_header(
        first.decode("ascii"),
        iss=iss,
        known_version=known.version,
        known_sha256=known.sha256,
        verify_header=verify_header,
    )
    now_known = Known(header.version, header.sha256, etag_of(header.version, header.sha256))
    return Fetched(header, Snapshot(first.decode("ascii"), body), check_body(header, body), now_known)


def _decoded(encoding: str, data: bytes) -> bytes:
    """Undo the content encoding, never holding more than the limit: a small bomb stays small (SPEC S-123)."""
    if len(data) > limits.MAX_TRANSFER_BYTES:
        raise DirectoryError("directory-too-large", f"more than {limits.MAX_TRANSFER_BYTES} bytes came")
    if encoding == "identity":
        return data
    if encoding != "gzip":
        raise DirectoryError("directory-transfer", f"content encoding {encoding[:20]!r}")
    opener = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        document = opener.decompress(data, limits.MAX_TRANSFER_BYTES + 1)
    except zlib.error as error:
        raise DirectoryError("directory-transfer", f"gzip: {error}") from error
    if len(document) > limits.MAX_TRANSFER_BYTES:
        raise DirectoryError("directory-too-large", f"opens to more than {limits.MAX_TRANSFER_BYTES} bytes")
    if not opener.eof or opener.unused_data:
        raise DirectoryError("directory-transfer", "gzip: cut off, or more after its end")
    return document
