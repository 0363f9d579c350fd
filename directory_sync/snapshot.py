"""A country's authorities as one signed, versioned list: made by its node, checked by all others.

The body is one canonical JSON object per line, sorted by id, each line ended by a line feed; the header
is a small signed document over the body's digest, so one signature covers any number of records. The
header says which version this is: a lower one is a rollback, the same one with other content is a fork.
What is not noticed in this form of the directory is a country that shows different versions to different
peers, or an old one to a newcomer; `at` says how old a list is, and the reader of the result judges that.

Keys are not known here: `sign_header` and `verify_header` come from the caller.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from directory_sync import limits
from directory_sync.authority import Authority, Country
from directory_sync.problem import DirectoryError
from protocol.encoding import canonical_json, sha256_b64u, strict_object
from protocol.member import Instant
from protocol.problems import ProtocolError

SignHeader = Callable[[dict[str, Any]], str]
VerifyHeader = Callable[[str], dict[str, Any]]

HEADER_TYP = "entente-directory+jws"  # the `typ` under which the caller signs and verifies


class Header(BaseModel):
    """The signed claims: issuing country, version (from 1), time made, and the body's count, size, digest.

    `size` is in bytes, `sha256` is the body's SHA-256 in base64url. A newer minor version may add
    claims.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    iss: Country
    version: Annotated[int, Field(strict=True, ge=1, le=2**53 - 1)]
    at: Instant
    count: Annotated[int, Field(strict=True, ge=0, le=limits.MAX_RECORDS)]
    size: Annotated[int, Field(strict=True, ge=0, le=limits.MAX_BODY_BYTES)]
    sha256: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The signed header (JWS compact) and the body that it vouches for, byte for byte."""

    header_jws: str
    body: bytes


def canonical(authority: Authority) -> bytes:
    """Return a record as canonical JSON: UTF-8, keys sorted, no spaces, absent values as null."""
    return canonical_json(authority.model_dump(mode="json"))


def make_snapshot(
    country: str, version: int, at: datetime, authorities: Iterable[Authority], sign_header: SignHeader
) -> Snapshot:
    """Sort, write and sign a country's authorities. `at` is aware; `version` is higher than any before.

    Raises DirectoryError for what the others would refuse: a foreign or repeated or oversized record.
    """
    ordered = sorted(authorities, key=lambda authority: authority.id)
    lines = [canonical(authority) for authority in ordered]
    body = b"".join(line + b"\n" for line in lines)
    _require_size(len(body), len(lines))
    _check_records(country, lines)
    claims = {
        "iss": country,
        "version": version,
        "at": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "count": len(lines),
        "size": len(body),
        "sha256": sha256_b64u(body),
    }
    _parse_header(claims)
    return Snapshot(sign_header(claims), body)


def check_snapshot(
    header_jws: str,
    body: bytes,
    *,
    iss: str,
    known_version: int | None,
    known_sha256: str | None,
    verify_header: VerifyHeader,
) -> tuple[Authority, ...]:
    """Return the authorities of a snapshot, sorted by id, or refuse all of it with DirectoryError.

    `iss` is the member we asked; `known_version` and `known_sha256` are of its last snapshot that we
    accepted (None before the first). The same version with the same content is accepted again. What
    `verify_header` raises for a bad signature passes through. Nothing of `body` is parsed before its
    digest is the signed one.
    """
    header = check_header(
        header_jws, iss=iss, known_version=known_version, known_sha256=known_sha256, verify_header=verify_header
    )
    return check_body(header, body)


def check_header(
    header_jws: str,
    *,
    iss: str,
    known_version: int | None,
    known_sha256: str | None,
    verify_header: VerifyHeader,
) -> Header:
    """Verify a snapshot's header and hold it against what was accepted before (SPEC S-118, S-121)."""
    if len(header_jws) > limits.MAX_HEADER_CHARS:
        raise DirectoryError("directory-too-large", f"the header has {len(header_jws)} characters")
    header = _parse_header(verify_header(header_jws))
    if header.iss != iss:
        raise DirectoryError("directory-wrong-issuer", f"asked {iss}, the header is of {header.iss}")
    if known_version is not None and header.version < known_version:
        raise DirectoryError("directory-rollback", f"version {header.version} after {known_version}")
    if header.version == known_version and header.sha256 != known_sha256:
        raise DirectoryError("directory-fork", f"version {header.version} with another content")
    return header


def check_body(header: Header, body: bytes) -> tuple[Authority, ...]:
    """Return the authorities of a body that a verified header vouches for (SPEC S-119, S-120)."""
    _require_size(len(body), header.count)
    if len(body) != header.size:
        raise DirectoryError("directory-digest", f"{len(body)} bytes, the header says {header.size}")
    if sha256_b64u(body) != header.sha256:
        raise DirectoryError("directory-digest", "the body is not the signed one")
    if body and not body.endswith(b"\n"):
        raise DirectoryError("directory-bad-record", "the last line has no end")
    found = body.count(b"\n")
    if found != header.count:
        raise DirectoryError("directory-count", f"{found} records, the header says {header.count}")
    return _check_records(header.iss, body.split(b"\n")[:-1])


def _parse_header(claims: dict[str, Any]) -> Header:
    try:
        return Header.model_validate_json(canonical_json(claims), strict=True)
    except ValidationError as error:
        raise DirectoryError("directory-header", _first_problem(error)) from error


def _require_size(size: int, count: int) -> None:
    if size > limits.MAX_BODY_BYTES or count > limits.MAX_RECORDS:
        raise DirectoryError("directory-too-large", f"{size} bytes, {count} records")


def _check_records(country: str, lines: list[bytes]) -> tuple[Authority, ...]:
    records: list[Authority] = []
    last = ""
    for number, line in enumerate(lines, start=1):
        record = _parse_record(line, number)
        if record.country != country:
            # SPEC S-122
            raise DirectoryError("directory-foreign-record", f"line {number}: {record.id} in {country}'s list")
        if record.id == last:
            raise DirectoryError("directory-duplicate", f"line {number}: {record.id} stands twice")
        if record.id < last:
            raise DirectoryError("directory-order", f"line {number}: {record.id} after {last}")
        records.append(record)
        last = record.id
    return tuple(records)


def _parse_record(line: bytes, number: int) -> Authority:
    if len(line) > limits.MAX_RECORD_BYTES:
        raise DirectoryError("directory-too-large", f"line {number} has {len(line)} bytes")
    try:
        value = strict_object(line, limit=limits.MAX_RECORD_BYTES)
        record = Authority.model_validate_json(line, strict=True)
    except ProtocolError as error:
        raise DirectoryError("directory-bad-record", f"line {number}: {error.detail}") from error
    except ValidationError as error:
        raise DirectoryError("directory-bad-record", f"line {number}: {_first_problem(error)}") from error
    if canonical_json(value) != line:
        raise DirectoryError("directory-bad-record", f"line {number} is not canonical JSON")
    return record


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'record'}: {first['msg']}"
