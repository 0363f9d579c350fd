"""Bytes and JSON as the protocol reads them: strict, so that two readers never disagree (SPEC.md section 3)."""

import binascii
import hashlib
import json
import re
from typing import Any, Final, NoReturn

from protocol.limits import MAX_INTEGER, MAX_JSON_DEPTH
from protocol.problems import ProtocolError

_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_FROM_URL: Final = bytes.maketrans(b"-_+/=", b"+/!!!")
"""What isn't of the URL alphabet becomes a character that no decoder takes."""
_PADDING: Final = (b"", b"", b"==", b"=")
_LAST: Final = {2: "AQgw", 3: "AEIMQUYcgkosw048"}
"""Characters with which canonical base64url may end where 2 or 3 characters are left over: no stray bits."""


def b64u(data: bytes) -> str:
    """Encode as base64url without padding (RFC 7515 section 2)."""
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL, b"=").decode("ascii")


def un_b64u(text: str) -> bytes:
    """Decode base64url; padding, white space and non-canonical endings are `malformed` (SPEC S-010)."""
    left = len(text) % 4
    try:
        data = binascii.a2b_base64(text.encode("ascii").translate(_FROM_URL) + _PADDING[left], strict_mode=True)
    except ValueError:
        raise ProtocolError("malformed", "not base64url without padding") from None
    if left and text[-1] not in _LAST[left]:
        raise ProtocolError("malformed", "base64url with stray bits at its end")
    return data


def sha256(data: bytes) -> bytes:
    """Return the 32 bytes of SHA-256."""
    return hashlib.sha256(data).digest()


def sha256_b64u(data: bytes) -> str:
    """Return SHA-256 as 43 characters of base64url, the form in which hashes stand in claims."""
    return b64u(sha256(data))


def canonical_json(value: Any) -> bytes:
    """Serialise with sorted keys, no spaces, UTF-8 (SPEC S-016).

    For the values of this protocol (no floats, integers below 2**53) this is RFC 8785, but for keys
    outside the Basic Multilingual Plane, which no field name has.
    """
    return _ENCODER.encode(value).encode()


_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
"""One half of an escaped pair: alone it is no text."""
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)


def strict_json(data: bytes, *, limit: int) -> Any:
    """Parse JSON or raise `malformed` or `too-large` (SPEC S-011, S-012, S-013, S-014, S-015).

    Refused: more than `limit` bytes, duplicate keys, numbers that aren't integers below 2**53, nesting
    deeper than `MAX_JSON_DEPTH`, text that isn't UTF-8 or holds lone surrogates, a byte order mark.
    """
    if len(data) > limit:
        raise ProtocolError("too-large", f"{len(data)} bytes of JSON, {limit} allowed")
    try:
        value = _DECODER.decode(data.decode("utf-8"))
        if _SURROGATE.search(data):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise ProtocolError("malformed", f"not the JSON of this protocol: {_reason(error)}") from None
    if data.count(b"[") + data.count(b"{") > MAX_JSON_DEPTH:
        _check_depth(value)
    return value


def strict_object(data: bytes, *, limit: int) -> dict[str, Any]:
    """Parse JSON as `strict_json` does, and require an object at the top."""
    value = strict_json(data, limit=limit)
    if not isinstance(value, dict):
        raise ProtocolError("malformed", "a JSON object is needed at the top")
    return value


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deep"
    if isinstance(error, UnicodeError):
        return "text that isn't UTF-8"
    return re.sub(r"'[^']*'|\"[^\"]*\"", "…", str(error))[:120]  # never echo content: SPEC S-019


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("duplicate key")
    return result


def _no_float(_: str) -> NoReturn:
    raise ValueError("a number that isn't an integer")


def _small_int(text: str) -> int:
    if len(text) > len(str(MAX_INTEGER)) + 1 or abs(int(text)) > MAX_INTEGER:
        raise ValueError("an integer of 2**53 or more")
    return int(text)


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_no_duplicates, parse_float=_no_float, parse_int=_small_int, parse_constant=_no_float
)


def _check_depth(value: Any) -> None:
    level: list[Any] = [[value]]
    depth = 0
    while level := [
        child.values() if type(child) is dict else child
        for container in level
        for child in container
        if type(child) is dict or type(child) is list
    ]:
        depth += 1
        if depth > MAX_JSON_DEPTH:
            raise ProtocolError("malformed", f"nested deeper than {MAX_JSON_DEPTH} levels")
