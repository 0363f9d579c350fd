"""What stands in a country's log: a leaf for every change, and beside it the record that the leaf's digest names.

A leaf is canonical JSON of exactly five fields, `{"at","authority","op","sha256","v"}` (SPEC S-209). `sha256` is of the
*salted record*, `{"record": …, "salt": …}`, so that nobody can guess an erased contact from the leaf that stays
(SPEC S-211); it is null where `op` is `delete`.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

from pydantic import TypeAdapter, ValidationError

from directory_sync import limits
from directory_sync.authority import Authority
from directory_sync.problem import DirectoryError
from protocol.encoding import b64u, canonical_json, sha256_b64u
from protocol.limits import MAX_INTEGER
from protocol.member import INSTANT

Op = Literal["upsert", "delete"]
SALT_BYTES: Final = 16

_LEAF: Final = re.compile(
    r'\{"at":"([0-9T:-]{19}Z)","authority":"([A-Z]{2}(?:-[a-z0-9]+)+)","op":"(upsert|delete)",'
    r'"sha256":(?:null|"([A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])"),"v":([1-9][0-9]{0,15})\}'
)
_WRITER: Final = TypeAdapter(Authority)
_HEAD: Final = b'{"record":'
_TAIL: Final = re.compile(rb',"salt":"([A-Za-z0-9_-]{21}[AQgw])"\}')
_TAIL_BYTES: Final = 33


class Leaf(NamedTuple):
    """One change: `at` is when it was published, `v` the record's version, `sha256` the salted record's digest."""

    at: str
    authority: str
    op: Op
    sha256: str | None
    v: int

    def to_json(self) -> bytes:
        """Return the leaf's bytes, over which the tree is built."""
        digest = f'"{self.sha256}"' if self.sha256 is not None else "null"
        return (
            f'{{"at":"{self.at}","authority":"{self.authority}","op":"{self.op}","sha256":{digest},"v":{self.v}}}'
        ).encode("ascii")


class Salted(NamedTuple):
    """A record in canonical JSON with the salt that keeps its digest from being guessed (22 characters)."""

    record: bytes
    salt: str

    def to_json(self) -> bytes:
        """Return the bytes over which the leaf's digest is taken."""
        return b"".join((_HEAD, self.record, b',"salt":"', self.salt.encode("ascii"), b'"}'))

    def leaf(self, authority: Authority, at: str) -> Leaf:
        """Return the leaf that publishes this record."""
        return Leaf(at, authority.id, "upsert", sha256_b64u(self.to_json()), authority.v)


def canonical(authority: Authority) -> bytes:
    """Return a record as canonical JSON: UTF-8, keys sorted, no spaces, absent values as null."""
    if _is_plain(authority):
        return _WRITER.dump_json(authority)
    return canonical_json(authority.model_dump(mode="json"))


def _is_plain(authority: Authority) -> bool:
    """Say whether a record is canonical JSON as pydantic writes it, which takes a fifth of the time.

    Known fields are sorted as they are declared; so are the keys of the texts here, and nothing else is in it.
    """
    region, links = authority.region, authority.links
    return not (
        authority.model_extra
        or authority.contacts.model_extra
        or (region is not None and (region.model_extra or region.names))
        or links is not None
        or any(role.model_extra for role in authority.areas)
        or not _is_sorted(authority.titles)
        or not _is_sorted(authority.descriptions)
    )


def _is_sorted(texts: Mapping[str, str]) -> bool:
    return len(texts) < 2 or sorted(texts) == list(texts)  # noqa: PLR2004


def salted(record: bytes, salt: bytes) -> Salted:
    """Put 16 random bytes beside a record."""
    return Salted(record, b64u(salt))


_ERASED: Final = frozenset({"contacts", "descriptions"})


def left_of(record: bytes) -> bytes:
    """Return what stays of a record that was deleted, for old cases and coordinators (SPEC S-211).

    Contacts, free texts and whatever this version doesn't know are gone.
    """
    values = json.loads(record)
    known = Authority.model_fields.keys() - _ERASED
    return canonical(Authority.model_validate({name: value for name, value in values.items() if name in known}))


@lru_cache(maxsize=64)
def instant(text: str) -> datetime:
    """Read a leaf's time (naive, in UTC); raises `directory-bad-record`."""
    try:
        return datetime.strptime(text, INSTANT)  # noqa: DTZ007 - compared with others of its kind alone
    except ValueError:
        raise DirectoryError("directory-bad-record", "a leaf whose time isn't one") from None


def read_leaf(line: bytes) -> Leaf:
    """Read a leaf, in exactly the form in which it is hashed; raises `directory-bad-record`."""
    match = _LEAF.fullmatch(line.decode("latin-1")) if len(line) <= limits.MAX_LEAF_BYTES else None
    if match is None:
        raise DirectoryError("directory-bad-record", "not a leaf")
    at, authority, op, digest, v = match.groups()
    instant(at)
    if (digest is None) != (op == "delete") or len(authority) > limits.MAX_ID_CHARS or int(v) > MAX_INTEGER:
        raise DirectoryError("directory-bad-record", "a leaf that contradicts itself")
    return Leaf(at, authority, "delete" if op == "delete" else "upsert", digest, int(v))


def read_salted(line: bytes) -> tuple[Salted, Authority]:
    """Read a salted record and check the authority in it; raises `directory-bad-record` or `directory-too-large`."""
    tail = _TAIL.fullmatch(line, max(len(line) - _TAIL_BYTES, 0))
    if tail is None or not line.startswith(_HEAD):
        raise DirectoryError("directory-bad-record", "not a record with its salt")
    record = line[len(_HEAD) : tail.start()]
    return Salted(record, tail[1].decode("ascii")), read_record(record)


def read_record(record: bytes) -> Authority:
    """Check a record: canonical JSON, within its limits, an authority (SPEC S-120)."""
    if len(record) > limits.MAX_RECORD_BYTES:
        raise DirectoryError("directory-too-large", f"a record of {len(record)} bytes")
    try:
        authority = Authority.model_validate_json(record, strict=True)
        # what has a key twice, a space or another order isn't the same bytes again: one look for all of it
        if _is_plain(authority) and _WRITER.dump_json(authority) == record:
            return authority
        if canonical_json(_DECODER.decode(record.decode())) != record:
            raise DirectoryError("directory-bad-record", "not canonical JSON")
        return authority  # noqa: TRY300
    except ValidationError as error:
        raise DirectoryError("directory-bad-record", first_problem(error)) from error
    except (ValueError, RecursionError):
        raise DirectoryError("directory-bad-record", "not the JSON of this protocol") from None


def _no_float(_: str) -> Any:
    raise ValueError("a number that isn't an integer")


def _small_int(text: str) -> int:
    if len(text) > len(str(MAX_INTEGER)) + 1 or abs(int(text)) > MAX_INTEGER:
        raise ValueError("an integer of 2**53 or more")
    return int(text)


_DECODER: Final = json.JSONDecoder(parse_float=_no_float, parse_int=_small_int, parse_constant=_no_float)


def first_problem(error: ValidationError) -> str:
    """Return where a record is wrong and how, for the log."""
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'record'}: {first['msg']}"
