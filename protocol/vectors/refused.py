"""Inputs that must be refused, each with its code. `check` says which rule of SPEC.md is applied to it."""

import json
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from protocol import jws
from protocol.batch import Batch
from protocol.blob import seal_blob
from protocol.encoding import b64u, canonical_json, sha256_b64u
from protocol.event import TYP, Event
from protocol.limits import BLOB_CHUNK, MAX_ITEM
from protocol.part import commitment
from protocol.receipt import TYP as RECEIPT_TYP
from protocol.slot import Address, Slot
from protocol.vectors import cast

Entry = dict[str, Any]


def refusals_file(events: list[Event], batches: list[Batch], receipts: list[str], slots: cast.Slots) -> Entry:
    """Return all refusals."""
    entries = [
        *_json(),
        *_base64url(),
        *_jws(),
        *_items(events, slots),
        *_batches(batches),
        *_receipts(batches, receipts),
    ]
    entries += [*_parts(), *_slots(slots), *_blobs(), *_contents(events)]
    return {"spec": "10", "refusals": entries}


def _json() -> list[Entry]:
    cases = {
        "duplicate keys": b'{"a":1,"a":1}',
        "duplicate keys, one escaped": b'{"a":1,"\\u0061":2}',
        "a float": b'{"a":1.0}',
        "an exponent": b'{"a":1e2}',
        "2**53": b'{"a":9007199254740992}',
        "NaN": b'{"a":NaN}',
        "a byte order mark": b'\xef\xbb\xbf{"a":1}',
        "not UTF-8": b'{"a":"\xff"}',
        "a lone surrogate": b'{"a":"\\ud800"}',
        "a control character": b'{"a":"\n"}',
        "more after the end": b'{"a":1} {}',
        "a comment": b'{"a":1 /* one */}',
        "17 levels": b"[" * 17 + b"]" * 17,
    }
    found = [{"name": name, "check": "json", "bytes": data.hex(), "code": "malformed"} for name, data in cases.items()]
    deep = {"repeat": "5b", "times": 10_000, "code": "malformed"}
    return [*found, {"name": "10,000 levels", "check": "json", **deep}]


def _base64url() -> list[Entry]:
    cases = {"padding": "AA==", "stray bits": "AB", "standard alphabet": "+/8", "white space": "AA A", "one left": "A"}
    return [{"name": name, "check": "base64url", "text": text, "code": "malformed"} for name, text in cases.items()]


def _resigned(header: dict[str, Any], claims: Any, signature: bytes | None = None) -> str:
    signing_input = f"{b64u(canonical_json(header))}.{b64u(canonical_json(claims))}"
    made = signature if signature is not None else cast.signer("DE").sign(signing_input.encode())
    return f"{signing_input}.{b64u(made)}"


def _jws() -> list[Entry]:
    signer = cast.signer("DE")
    good = {"alg": "ES256", "iat": 1, "kid": signer.kid, "typ": "entente-example-v1", "x5t#S256": signer.x5t}
    cases = {
        "alg none": _resigned({**good, "alg": "none"}, {}, b"x"),
        "alg HS256": _resigned({**good, "alg": "HS256"}, {}),
        "alg EdDSA": _resigned({**good, "alg": "EdDSA"}, {}),
        "crit": _resigned({**good, "crit": ["exp"]}, {}),
        "another typ": _resigned({**good, "typ": "JWT"}, {}),
        "no kid": _resigned({k: v for k, v in good.items() if k != "kid"}, {}),
        "iat is a text": _resigned({**good, "iat": "1"}, {}),
        "no certificate hash": _resigned({k: v for k, v in good.items() if k != "x5t#S256"}, {}),
        "two dots less": "e30",
        "no signature": f"{b64u(canonical_json(good))}.e30.",
    }
    found = [{"name": n, "check": "jws", "compact": text, "code": "malformed"} for n, text in cases.items()]
    key = {"certificate": b64u(cast.certificate(cast.message_key("DE"), "DE")), "check": "signature"}
    wrong = {
        "the algorithm of another type of key": _resigned({**good, "alg": "Ed25519"}, {}),
        "a DER signature": _resigned(good, {}, bytes.fromhex("3006020101020101")),
        "a signature of zeros": _resigned(good, {}, bytes(64)),
        "the hash of another certificate": _resigned({**good, "x5t#S256": sha256_b64u(b"")}, {}),
        "another payload": _resigned(good, {"a": 1}, cast.signer("DE").sign(b"something else")),
    }
    return found + [{"name": n, **key, "compact": text, "code": "wrong-signature"} for n, text in wrong.items()]


def _items(events: list[Event], slots: cast.Slots) -> list[Entry]:
    send, accept = events[0], events[2]
    item, claims = json.loads(send.line()), send.claims.model_dump(mode="json")
    signer = cast.signer("DE")

    def signed(**changes: Any) -> str:
        return canonical_json({**item, "event": jws.sign(signer, TYP, claims | changes, cast.IAT)}).decode()

    twice = {**item, "slots": [*item["slots"], item["slots"][0]]}
    cases = {
        "no event": "{}",
        "an array": "[]",
        "a part in another encoding": canonical_json(
            {**item, "parts": [{"id": "matter", "sealed": "AA=="}, item["parts"][1]]}
        ).decode(),
        "parts that are no list": canonical_json({**item, "parts": {}}).decode(),
        "two slots for one part and key": canonical_json(twice).decode(),
        "a receipt's typ": canonical_json({**item, "event": jws.sign(signer, RECEIPT_TYP, claims, 1)}).decode(),
        "a state event without n": signed(n=None),
        "n is 0": signed(n=0),
        "n is a text": signed(n="1"),
        "n is true": signed(n=True),
        "a notice with n": signed(kind="notice.opened"),
        "a recipient twice": signed(aud=["HU", "HU"]),
        "no recipient": signed(aud=[]),
        "a part twice": signed(parts=[claims["parts"][0]] * 2),
        "five parts": signed(parts=[{**claims["parts"][0], "id": f"p{i}"} for i in range(5)]),
        "a jti in capitals": signed(jti="ABCDEF00-0000-4000-8000-000000000000"),
        "a digest with stray bits": signed(prev="A" * 42 + "B"),
    }
    found: list[Entry] = [
        {"name": n, "check": "item", "line": text, "code": "event-malformed"} for n, text in cases.items()
    ]
    found.append({"name": "one byte too long", "check": "item", "repeat": "20", "times": MAX_ITEM + 1})
    found[-1]["code"] = "event-too-large"
    more = slots.wrap({"more": cast.secret("more")}, cast.Reader("HU"), send.claims.address)
    again = slots.wrap({"matter": cast.secret("again")}, cast.Reader("HU"), send.claims.address)
    return found + _openings(item, signed, json.loads(accept.line()), [_slot(more), _slot(again)])


def _slot(slot: Slot) -> Entry:
    return {
        "part": slot.part,
        "kid": slot.kid,
        "suite": slot.suite,
        "enc": b64u(slot.enc),
        "wrapped": b64u(slot.wrapped),
    }


def _openings(item: Any, signed: Any, foreign: Any, more: list[Entry]) -> list[Entry]:
    unnamed, other_key = more
    reader = cast.Reader("HU")
    cases = {
        "an unknown kind": (signed(kind="request.dance"), "unknown-kind"),
        "a slot for a part that isn't named": (
            canonical_json({**item, "slots": [*item["slots"], unnamed]}).decode(),
            "part-unreadable",
        ),
        "a slot that gives another key for a part": (
            canonical_json({**item, "slots": [*item["slots"], other_key]}).decode(),
            "part-unreadable",
        ),
        "a slot that names a part twice": (
            canonical_json({**item, "slots": [{**item["slots"][0], "part": "matter,matter"}]}).decode(),
            "part-unreadable",
        ),
        "a slot for one part of two": (canonical_json({**item, "slots": [other_key]}).decode(), "part-unreadable"),
        "no slot for the reader": (canonical_json({**item, "slots": []}).decode(), "part-unreadable"),
        "a slot bound to another event": (
            signed(jti="00000000-0000-4000-8000-00000000ffff"),
            "part-unreadable",
        ),
        "a slot bound to another audience": (signed(aud=["HU", "FR"]), "part-unreadable"),
        "a part is missing": (canonical_json({**item, "parts": item["parts"][:1]}).decode(), "part-missing"),
        "a part of another event": (
            canonical_json({**item, "parts": [foreign["parts"][0], item["parts"][1]]}).decode(),
            "part-unreadable",
        ),
        "parts swapped": (
            canonical_json(
                {
                    **item,
                    "parts": [
                        {"id": "matter", "sealed": item["parts"][1]["sealed"]},
                        {"id": "person", "sealed": item["parts"][0]["sealed"]},
                    ],
                }
            ).decode(),
            "part-unreadable",
        ),
    }
    reading = {"check": "open", "reader": {"kid": reader.kid, "suite": reader.suite, "seed": reader.seed.hex()}}
    return [{"name": n, **reading, "line": line, "code": code} for n, (line, code) in cases.items()]


def _batches(batches: list[Batch]) -> list[Entry]:
    first, third = batches[0], batches[2]
    wire = first.wire().decode()
    head = {"epoch": 1, "next": 1, "last": None}
    line, body = wire.split("\n", 1)
    plain = {
        "no line feed at the end": (wire[:-1], "malformed"),
        "no body": (line, "malformed"),
        "an event in front": (body + wire, "malformed"),
        "one byte of the body changed": (wire[:-3] + "}}\n", "altered"),
        "a line more": (wire + "{}\n", "altered"),
        "the body of another batch": (line + "\n" + third.wire().decode().split("\n", 1)[1], "altered"),
    }
    found = [{"name": n, "check": "batch", "head": head, "wire": w, "code": c} for n, (w, c) in plain.items()]
    heads = {
        "a gap": (third, head, "gap"),
        "another predecessor": (third, {"epoch": 1, "next": 4, "last": first.sha256}, "gap"),
        "an epoch that has ended": (first, {"epoch": 2, "next": 1, "last": None}, "epoch-ended"),
    }
    return found + [
        {"name": n, "check": "batch", "head": h, "wire": b.wire().decode(), "code": c} for n, (b, h, c) in heads.items()
    ]


def _receipts(batches: list[Batch], receipts: list[str]) -> list[Entry]:
    signer, batch = cast.signer("HU"), batches[0]
    claims = jws.parse(receipts[0], limit=65536).claims()
    digest = claims["outcomes"][0][0]
    cases: dict[str, Any] = {
        "of another batch": receipts[1],
        "names another event": {"outcomes": [[sha256_b64u(b""), "stored"]]},
        "names no event": {"outcomes": []},
        "a temporary code": {"outcomes": [[digest, "gap"]]},
        "by another member": {"iss": "FR"},
        "of another position": {"first": 2},
        "its clock is a text": {"clock": "1"},
    }
    return [
        {
            "name": name,
            "check": "receipt",
            "wire": batch.wire().decode(),
            "compact": c if isinstance(c, str) else jws.sign(signer, RECEIPT_TYP, claims | c, cast.IAT),
            "code": "malformed",
        }
        for name, c in cases.items()
    ]


def _parts() -> list[Entry]:
    jti, cek, salt, plaintext = "00000000-0000-4000-8000-000000000000", cast.secret("c"), cast.secret("s"), b"{}"
    sealed = AESGCM(cek).encrypt(bytes(12), salt + plaintext, (jti + "matter").encode())
    short = AESGCM(cek).encrypt(bytes(12), salt[:31], (jti + "matter").encode())
    good = {"check": "part", "jti": jti, "id": "matter", "cek": cek.hex(), "size": 2, "sealed": sealed.hex()}
    good["commit"] = commitment(salt, plaintext)
    cases: dict[str, tuple[Entry, str]] = {
        "another key": ({"cek": cast.secret("d").hex()}, "part-unreadable"),
        "another event": ({"jti": "00000000-0000-4000-8000-000000000001"}, "part-unreadable"),
        "another part": ({"id": "person"}, "part-unreadable"),
        "cut": ({"sealed": sealed[:-1].hex()}, "part-unreadable"),
        "empty": ({"sealed": ""}, "part-unreadable"),
        "another commitment": ({"commit": commitment(salt, b"[]")}, "part-commitment"),
        "another size": ({"size": 3}, "part-commitment"),
        "a short salt": ({"sealed": short.hex(), "size": 0, "commit": commitment(salt[:31], b"")}, "part-commitment"),
    }
    return [{"name": f"a part: {n}", **good, **change, "code": code} for n, (change, code) in cases.items()]


def _slots(slots: cast.Slots) -> list[Entry]:
    reader, cek = cast.Reader("HU", "X25519"), cast.secret("slot")
    address = Address("DE", ("HU",), "00000000-0000-4000-8000-000000000000")
    made = slots.wrap({"matter": cek}, reader, address)
    good = {
        "check": "slot",
        "suite": "X25519",
        "seed": reader.seed.hex(),
        "kid": reader.kid,
        "iss": "DE",
        "aud": ["HU"],
        "jti": address.jti,
        "part": "matter",
        "enc": b64u(made.enc),
        "wrapped": b64u(made.wrapped),
    }
    cases: dict[str, Entry] = {
        "another issuer": {"iss": "FR"},
        "a longer audience": {"aud": ["HU", "FR"]},
        "another event": {"jti": "00000000-0000-4000-8000-000000000001"},
        "another part": {"part": "person"},
        "a part more": {"part": "matter,person"},
        "another key id": {"kid": "other"},
        "a suite that isn't allowed": {"suite": "P-256"},
        "another suite": {"suite": "MLKEM768-X25519", "seed": cast.Reader("HU").seed.hex()},
        "cut": {"wrapped": b64u(made.wrapped[:-1])},
        "a zero key": {"enc": b64u(bytes(32))},
    }
    return [{"name": f"a slot: {n}", **good, **c, "code": "part-unreadable"} for n, c in cases.items()]


def _blobs() -> list[Entry]:
    key, chunks = cast.BLOB_KEY, list(seal_blob(bytes(BLOB_CHUNK * 2 + 1), cast.BLOB_KEY))
    small = next(iter(seal_blob(b"x", key)))
    recipes = {"the last chunk missing": [0, 1], "chunks swapped": [1, 0, 2], "a chunk twice": [0, 0, 1, 2]}
    found = [
        {"name": f"a blob: {n}", "check": "blob", "key": key.hex(), "zeros": BLOB_CHUNK * 2 + 1, "order": order}
        for n, order in recipes.items()
    ]
    assert len(chunks) == 3  # noqa: PLR2004
    found += [
        {"name": "a blob: altered", "check": "blob", "key": key.hex(), "sealed": (small[:-1] + b"\0").hex()},
        {"name": "a blob: nothing", "check": "blob", "key": key.hex(), "sealed": ""},
        {"name": "a blob: another key", "check": "blob", "key": cast.secret("e").hex(), "sealed": small.hex()},
    ]
    return [{**entry, "code": "part-unreadable"} for entry in found]


_CONTESTS: dict[str, tuple[str, str, Any]] = {
    "a contest on a ground of its own": (
        "correction.contest",
        "matter",
        {"actor": {"authority": "HU-a"}, "event": sha256_b64u(b""), "ground": "taste"},
    ),
    "a contest of no event": (
        "correction.contest",
        "matter",
        {"actor": {"authority": "HU-a"}, "ground": "accuracy"},
    ),
    "a correction of an event by its identifier": (
        "correction.correct",
        "matter",
        {"actor": {"authority": "HU-a"}, "event": "0b6d0f2e-6c1f-4a57-9d0c-1f6a3f0c9b11"},
    ),
    "a settlement of no contest": ("correction.settle", "matter", {"actor": {"authority": "HU-a"}}),
}


def _contents(events: list[Event]) -> list[Entry]:
    contents = cast.request(sha256_b64u(b""))
    matter = contents["matter"].model_dump(mode="json", exclude_none=True)
    person = contents["person"].model_dump(mode="json", exclude_none=True)
    file = person["attachments"][0]
    assert events
    cases: dict[str, tuple[str, str, Any]] = {
        "a number of another form": ("request.send", "matter", matter | {"number": "DE-26-1"}),
        "no question": ("request.send", "matter", matter | {"questions": []}),
        "201 questions": ("request.send", "matter", matter | {"questions": [{"item": f"q{i}"} for i in range(201)]}),
        "a day with a time": ("request.send", "matter", matter | {"due": "2026-10-26T00:00:00Z"}),
        "a day as a number": ("request.send", "matter", matter | {"due": 20751}),
        "a day that isn't": ("request.send", "matter", matter | {"due": "2026-02-30"}),
        "a version as a text": ("request.send", "matter", matter | {"version": "1"}),
        "a set's hash in base64url": ("request.send", "matter", matter | {"set_sha256": sha256_b64u(b"")}),
        "no actor": ("request.accept", "matter", {}),
        "a name of 501 characters": ("request.accept", "matter", {"actor": {"authority": "HU-a", "name": "é" * 501}}),
        "21 attachments": ("request.send", "person", person | {"attachments": [file] * 21}),
        "an attachment over 20 MiB": ("request.send", "person", {"attachments": [file | {"size": 20 * 2**20 + 1}]}),
        "a key with stray bits": ("request.send", "person", {"attachments": [file | {"key": "A" * 42 + "B"}]}),
        "a text of 8,193 characters": ("request.clarify", "person", {"comment": {"text": "x" * 8193, "lang": "de"}}),
        "an empty text": ("request.clarify", "person", {"comment": {"text": "", "lang": "de"}}),
        "an array": ("request.accept", "matter", []),
        "a value of two types": (
            "request.send",
            "matter",
            matter | {"variables": {"a": {"code": "x", "country": "DE"}}},
        ),
        "a value of no type": ("request.send", "matter", matter | {"variables": {"a": {}}}),
        "an answer of two types": ("request.reply", "person", {"answers": {"a": {"code": "x", "date": "2026-10-26"}}}),
        "a comment and no answer": (
            "request.reply",
            "person",
            {"answers": {"a": {"comment": {"text": "x", "lang": "de"}}}},
        ),
        "a text without its language": ("request.reply", "person", {"answers": {"a": {"text": "x"}}}),
    }
    found = [
        {"name": f"content: {n}", "check": "content", "kind": k, "part": p, "plaintext": canonical_json(v).decode()}
        | {"code": "content-malformed"}
        for n, (k, p, v) in (cases | _CONTESTS).items()
    ]
    unknown = {"check": "content", "kind": "request.close", "part": "person", "plaintext": "{}"}
    return [*found, {"name": "content: a part that the kind hasn't", **unknown, "code": "part-missing"}]
