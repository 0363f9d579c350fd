"""The vectors of the directory: DE's log with pages, proofs and forks of it, and what must be refused.

Tree, notes and proofs are made here as RFC 6962 and C2SP write them down, apart from the code that is tested.
"""

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.encoding import b64u, canonical_json, sha256_b64u
from protocol.vectors import cast

ORIGIN = "entente/DE/directory/1"
_AT = ("2026-09-21T11:00:00Z", "2026-09-21T12:00:00Z")
_NOW = "2026-09-21T12:01:00Z"
_SEEN = 1_790_000_000
_PLAIN, _COSIGNATURE = 1, 4


def _record(**changes: Any) -> dict[str, Any]:
    return {
        "id": "DE-zaek-berlin",
        "country": "DE",
        "name": "Zahnärztekammer Berlin",
        "name_lang": "de",
        "titles": {"de": "Zahnärztekammer, Berlin", "hu": "Fogorvosi kamara, Berlin"},
        "descriptions": {"en": "Registers dentists.\nAnswers in German and English."},
        "level": "regional",
        "region": {"code": "DE3", "name": "Berlin"},
        "place": "Berlin",
        "contacts": {
            "address": "Beispielstraße 1, Berlin",
            "email": "post@zaek-berlin.example",
            "web": "https://www.zaek-berlin.example/",
            "phone": "+49 30 000000",
        },
        "languages": ["de", "en"],
        "areas": [{"area": "professional-qualifications", "role": "authority", "status": "active"}],
        "competences": ["profession:dental-practitioner"],
        "demo": True,
        "valid_from": "2026-01-01",
        "valid_until": None,
        "v": 1,
    } | changes


def _bare() -> dict[str, Any]:
    """Return a record with a value only where one has to be, and a field of a newer version."""
    nothing = {"region": None, "contacts": dict.fromkeys(("address", "email", "web", "phone"))}
    empty: dict[str, Any] = {"titles": {}, "descriptions": {}, "languages": [], "areas": [], "competences": []}
    own = {"id": "DE-amt-1", "name": "Ein Amt", "level": "national", "demo": False, "later": {"a": [1]}}
    return _record(**own, **nothing, **empty, valid_until="2026-12-31", v=3)


# --- C2SP signed-note, tlog-checkpoint, tlog-cosignature ---


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(cast.secret(f"note key {name}"))


def _key_id(name: str, kind: int) -> bytes:
    public = _key(name).public_key().public_bytes_raw()
    return hashlib.sha256(f"{name}\n".encode() + bytes([kind]) + public).digest()[:4]


def _vkey(name: str, kind: int) -> str:
    public = _key(name).public_key().public_bytes_raw()
    return f"{name}+{_key_id(name, kind).hex()}+{_b64(bytes([kind]) + public)}"


def _line(name: str, text: str, at: int | None = None) -> str:
    kind = _PLAIN if at is None else _COSIGNATURE
    blob = _key(name).sign(text.encode())
    if at is not None:
        blob = at.to_bytes(8, "big") + _key(name).sign(f"cosignature/v1\ntime {at}\n{text}".encode())
    return f"\u2014 {name} {_b64(_key_id(name, kind) + blob)}\n"


def _checkpoint(leaves: Sequence[bytes], signer: str = ORIGIN, origin: str = ORIGIN, seen: Sequence[str] = ()) -> str:
    text = f"{origin}\n{len(leaves)}\n{_b64(_mth(leaves))}\n"
    cosigned = "".join(_line(f"entente/{one}/witness", text, _SEEN + n) for n, one in enumerate(seen))
    return f"{text}\n{_line(signer, text)}{cosigned}"


# --- RFC 6962, 2.1 ---


def _half(count: int) -> int:
    return 1 << ((count - 1).bit_length() - 1)


def _mth(leaves: Sequence[bytes]) -> bytes:
    if len(leaves) < 2:  # noqa: PLR2004
        return hashlib.sha256(b"\x00" + leaves[0] if leaves else b"").digest()
    k = _half(len(leaves))
    return hashlib.sha256(b"\x01" + _mth(leaves[:k]) + _mth(leaves[k:])).digest()


def _path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = _half(len(leaves))
    if m < k:
        return [*_path(m, leaves[:k]), _mth(leaves[k:])]
    return [*_path(m - k, leaves[k:]), _mth(leaves[:k])]


def _subproof(m: int, leaves: Sequence[bytes], whole: bool) -> list[bytes]:  # noqa: FBT001 - as in the RFC
    if m == len(leaves):
        return [] if whole else [_mth(leaves)]
    k = _half(len(leaves))
    if m <= k:
        return [*_subproof(m, leaves[:k], whole), _mth(leaves[k:])]
    return [*_subproof(m - k, leaves[k:], whole=False), _mth(leaves[:k])]


def _consistency(m: int, leaves: Sequence[bytes]) -> list[str]:
    return [] if not 0 < m < len(leaves) else [_b64(one) for one in _subproof(m, leaves, whole=True)]


# --- our leaves and pages ---


def _salted(record: dict[str, Any]) -> bytes:
    salt = b64u(cast.secret(f"salt {record['id']} {record['v']}", 16))
    return b'{"record":' + canonical_json(record) + b',"salt":"' + salt.encode() + b'"}'


def _leaf(record: dict[str, Any], at: str = _AT[0], **changes: Any) -> bytes:
    values = {"authority": record["id"], "op": "upsert", "sha256": sha256_b64u(_salted(record)), "v": record["v"]}
    return canonical_json({"at": at, **values, **changes})


def _with(record: dict[str, Any], **changes: Any) -> bytes:
    return _leaf(record, **changes) + b" " + _salted(record)


def _page(start: int, lines: Sequence[bytes], leaves: Sequence[bytes] | None = None, **head: Any) -> str:
    """Return a page; `leaves` is the whole log of its checkpoint, which else ends with these lines."""
    whole = [*KNOWN[:start], *(line.partition(b" ")[0] for line in lines)] if leaves is None else list(leaves)
    end = start + len(lines)
    said = {"checkpoint": _checkpoint(whole), "end": end, "proof": _consistency(end, whole), "start": start} | head
    return b"".join(line + b"\n" for line in (canonical_json(said), *lines)).decode()


EARLIER = _record(place="Bonn")
NEWER = _record(v=2)
BARE = _bare()
LINES = [_leaf(EARLIER), _with(BARE), _with(NEWER, at=_AT[1])]
KNOWN = [line.partition(b" ")[0] for line in LINES]
HEAD = (len(KNOWN), b64u(_mth(KNOWN)))
"""The size and root that a batch names in `heads`."""
_GONE = canonical_json({"at": _AT[1], "authority": "DE-amt-1", "op": "delete", "sha256": None, "v": 4})
_GROWN = [*KNOWN, _GONE]
_FORKED = [_leaf(EARLIER), _leaf(BARE), _leaf(EARLIER | {"v": 2}, _AT[1])]


def _refused() -> list[dict[str, Any]]:
    good, bare = _record(), BARE
    lacking = {name: value for name, value in good.items() if name != "place"}
    loose = canonical_json(good).replace(b'","', b'", "', 1)
    unfit = b'{"record":' + loose + _salted(good)[-33:]
    cases = {
        "signed by another key": ("S-119", _page(0, LINES, checkpoint=_checkpoint(KNOWN, "entente/HU/directory/1"))),
        "another log's": ("S-206", _page(0, LINES, checkpoint=_checkpoint(KNOWN, origin="entente/HU/directory/1"))),
        "a leaf more than the checkpoint has": ("S-119", _page(0, [*LINES, _GONE], KNOWN)),
        "a leaf less, without a proof": ("S-119", _page(0, LINES[:2], KNOWN, proof=[])),
        "leaves in another order": ("S-119", _page(0, [LINES[1], LINES[0], LINES[2]], KNOWN)),
        "another end": ("S-216", _page(0, LINES, end=2)),
        "another beginning": ("S-216", _page(0, LINES).replace('"start":0', '"start":1', 1)),
        "no line feed at the end": ("S-216", _page(0, LINES)[:-1]),
        "a leaf with a field more": ("S-209", _page(0, [_leaf(good, more=1)])),
        "a leaf that isn't canonical": ("S-209", _page(0, [_leaf(good).replace(b",", b", ", 1)])),
        "a time that goes back": ("S-210", _page(0, [_with(good, at=_AT[1]), _with(bare, at=_AT[0])])),
        "a time in the future": ("S-210", _page(0, [_with(good, at="2026-09-21T12:07:00Z")])),
        "a record with another digest": ("S-120", _page(0, [_leaf(good) + b" " + _salted(NEWER)])),
        "a record of another version": ("S-120", _page(0, [_with(good, v=2)])),
        "a record of another authority": ("S-120", _page(0, [_with(good, authority="DE-amt-1")])),
        "a record that isn't canonical": ("S-120", _page(0, [_leaf(good, sha256=sha256_b64u(unfit)) + b" " + unfit])),
        "a record without a place": ("S-120", _page(0, [_with(lacking)])),
        "a record of 16 KiB and more": ("S-120", _page(0, [_with(good | {"later": "x" * 16384})])),
        "a record of another country": ("S-122", _page(0, [_with(good | {"country": "HU"})])),
        "a leaf of another country": ("S-122", _page(0, [_with(good | {"id": "HU-amt", "country": "HU"})])),
        "a version as a text": ("S-124", _page(0, [_with(good | {"v": "1"}, v=1)])),
        "a day that isn't": ("S-124", _page(0, [_with(good | {"valid_from": "2026-02-30"})])),
        "an end before the beginning": ("S-177", _page(0, [_with(good | {"valid_until": "2025-12-31"})])),
        "an area twice": ("S-177", _page(0, [_with(good | {"areas": good["areas"] * 2})])),
        "a direction mark in a name": ("S-177", _page(0, [_with(good | {"name": "Kammer\u202e"})])),
        "an invisible character in a name": ("S-177", _page(0, [_with(good | {"name": "Kam\u200bmer"})])),
        "a space before a name": ("S-177", _page(0, [_with(good | {"name": " Kammer"})])),
        "a demo authority that can be reached": (
            "S-125",
            _page(0, [_with(good | {"contacts": good["contacts"] | {"email": "post@kammer.de"}})]),
        ),
    }
    return [{"name": name, "rule": rule, "page": page} for name, (rule, page) in cases.items()]


def _request(old: int, leaves: Sequence[bytes], proof: list[str] | None = None, **how: Any) -> str:
    lines = _consistency(old, leaves) if proof is None else proof
    return "\n".join([f"old {old}", *lines, "", _checkpoint(leaves, **how)])


def _requests() -> list[dict[str, Any]]:
    """Return requests to a witness that cosigned `KNOWN` last."""
    fork = [*_FORKED, _GONE]
    cases: dict[str, tuple[int, str]] = {
        "the same again": (200, _request(3, KNOWN)),
        "grown": (200, _request(3, _GROWN)),
        "an old size with a leading zero": (400, _request(3, _GROWN).replace("old 3", "old 03")),
        "an old size above the new one": (400, _request(3, KNOWN[:2], [])),
        "signed by another key": (403, _request(3, _GROWN, signer="entente/HU/directory/1")),
        "an unknown log": (404, _request(3, _GROWN, origin="entente/DE/directory/2", signer="entente/DE/directory/2")),
        "another old size": (409, _request(2, _GROWN)),
        "another root of this size": (409, _request(3, _FORKED)),
        "a fork that has grown": (422, _request(3, fork)),
        "no proof": (422, _request(3, _GROWN, [])),
    }
    return [{"name": name, "status": status, "body": body} for name, (status, body) in cases.items()]


def _fork(first: Sequence[bytes], second: Sequence[bytes], seen: Sequence[str]) -> str:
    other, proof = _b64(_mth(second[: len(first)])), _consistency(len(first), second)
    lines = ["entente/log-fork@v1", f"other {other}", *proof, ""]
    return "\n".join([*lines, _checkpoint(first, seen=seen), _checkpoint(second, seen=seen)])


def _proof(index: int, record: bytes | None) -> str:
    extra = canonical_json({"leaf": KNOWN[index].decode(), "record": record.decode() if record else None})
    lines = ["c2sp.org/tlog-proof@v1", f"extra {_b64(extra)}", f"index {index}", *map(_b64, _path(index, KNOWN)), ""]
    return "\n".join([*lines, _checkpoint(KNOWN, seen=("FR", "HU"))])


def directory_file() -> dict[str, Any]:
    """Return a log as pages, what a reader that has it makes of others, proofs, and what must be refused."""
    offers = [
        {"name": "the same", "page": _page(3, [], KNOWN), "becomes": "the same"},
        {"name": "with more cosignatures", "page": _page(3, [], KNOWN, checkpoint=_checkpoint(KNOWN, seen=("FR",))),
         "becomes": "the same"},
        {"name": "a newer one", "page": _page(3, [_GONE], _GROWN), "becomes": "newer"},
        {"name": "an older one", "page": _page(2, [], KNOWN[:2]), "becomes": "rollback"},
        {"name": "another one of this size", "page": _page(3, [], _FORKED), "becomes": "fork"},
        {"name": "another one that has grown", "page": _page(3, [_GONE], [*_FORKED, _GONE]), "becomes": "fork"},
    ]  # fmt: skip
    return {
        "spec": "13",
        "country": "DE",
        "log_keys": [_vkey(ORIGIN, _PLAIN)],
        "witness_keys": {one: _vkey(f"entente/{one}/witness", _COSIGNATURE) for one in ("FR", "HU")},
        "witness_seed": cast.secret("note key entente/FR/witness").hex(),
        "now": _NOW,
        "size": HEAD[0],
        "root": HEAD[1],
        "page": _page(0, LINES),
        "first_page": _page(0, LINES[:2], KNOWN),
        "records": [BARE, NEWER],
        "growth": {"checkpoint": _checkpoint(_GROWN), "other": _b64(_mth(KNOWN[:2])),
                   "proof": _consistency(2, _GROWN), "start": 2},
        "cosigned": {"checkpoint": _checkpoint(KNOWN, seen=("FR", "HU")),
                     "at": {"FR": _SEEN, "HU": _SEEN + 1}},
        "offers": offers,
        "refusals": _refused(),
        "requests": _requests(),
        "forks": [_fork(KNOWN, _FORKED, ()), _fork(KNOWN, [*_FORKED, _GONE], ("FR",))],
        "no_forks": [_fork(KNOWN, _GROWN, ()), _fork(KNOWN[:2], KNOWN, ())],
        "proofs": [_proof(2, _salted(NEWER)), _proof(0, None)],
    }  # fmt: skip
