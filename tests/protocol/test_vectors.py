"""Our own vectors, checked from their JSON as another implementation would check them."""

import base64
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from joserfc import jws as jose
from joserfc.jwk import ECKey, OKPKey

from protocol import blob, dates, jws, request, slot
from protocol.batch import Head, check_body, parse_batch, place
from protocol.content import read_content
from protocol.encoding import canonical_json, sha256, strict_json, un_b64u
from protocol.event import open_ceks, open_contents, parse_item
from protocol.member_bundle import MemberBundle
from protocol.member_problems import MemberListError
from protocol.members import MemberList
from protocol.part import Claim, SealedPart, open_part
from protocol.problems import PROBLEMS, ProtocolError
from protocol.receipt import check_receipt, parse_receipt
from protocol.values import check_values
from tests.protocol.member_network import NOW

FOLDER = Path(__file__).resolve().parents[2] / "protocol" / "vectors"


def vectors(name: str) -> Any:
    """Return one file of vectors."""
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def d64(text: str) -> bytes:
    """Decode base64url with the standard library alone."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def e64(data: bytes) -> str:
    """Encode base64url with the standard library alone."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def certificates(file: Any) -> dict[str, bytes]:
    """Return the certificates of a file's keys by kid."""
    return {key["kid"]: d64(key["certificate"]) for key in file["keys"]}


def jose_verifies(compact: str, certificate: bytes) -> bytes:
    """Verify with joserfc, the second opinion; returns the payload."""
    key = x509.load_der_x509_certificate(certificate).public_key()
    kind = ECKey if jws.algorithm_of(key) == "ES256" else OKPKey
    registry = jose.JWSRegistry(algorithms=["ES256", "Ed25519"], strict_check_header=False)
    registry.max_payload_length = 1 << 20
    return bytes(jose.deserialize_compact(compact, kind.import_key(key), registry=registry).payload)


def test_the_script_makes_the_same_bytes() -> None:
    """Running the script again changes no file."""
    before = {path.name: path.read_bytes() for path in FOLDER.glob("*.json")}
    subprocess.run([sys.executable, str(FOLDER / "make.py")], check=True, timeout=120)
    assert {path.name: path.read_bytes() for path in FOLDER.glob("*.json")} == before


@pytest.mark.parametrize("entry", vectors("canonical-json.json")["values"])
def test_canonical_json(entry: Any) -> None:
    """Each value has one form: keys sorted, no spaces, UTF-8 (SPEC S-016, S-017)."""
    data = bytes.fromhex(entry["bytes"])
    assert canonical_json(entry["value"]) == data
    assert strict_json(data, limit=4096) == entry["value"]
    assert e64(hashlib.sha256(data).digest()) == entry["sha256"]


@pytest.mark.parametrize("entry", vectors("jws.json")["documents"], ids=lambda e: e["key"]["alg"])
def test_signed_documents(entry: Any) -> None:
    """Signing is deterministic, keys and certificates are named by their hashes, joserfc agrees (SPEC S-020 to S-025).

    SPEC S-020, S-021, S-022, S-023, S-025.
    """
    head, body, _ = entry["compact"].split(".")
    der = d64(entry["key"]["certificate"])
    header = json.loads(d64(head))
    assert header == {
        "alg": entry["key"]["alg"],
        "iat": entry["iat"],
        "kid": entry["key"]["kid"],
        "typ": entry["typ"],
        "x5t#S256": e64(hashlib.sha256(der).digest()),
    }
    assert jws.key_id(jws.certificate_key(der)) == entry["key"]["kid"]
    assert json.loads(d64(body)) == entry["claims"]
    assert json.loads(jose_verifies(entry["compact"], der)) == entry["claims"]
    parsed = jws.parse(entry["compact"], limit=4096)
    assert jws.verify_with_certificate(parsed, der)
    assert e64(hashlib.sha256(f"{head}.{body}".encode()).digest()) == entry["digest"] == e64(parsed.digest)


@pytest.mark.parametrize("entry", vectors("part.json")["parts"])
def test_parts(entry: Any) -> None:
    """A part is AES-256-GCM over salt and plaintext, and the commitment covers both (SPEC S-040, S-041, S-042)."""
    salt, plaintext = bytes.fromhex(entry["salt"]), bytes.fromhex(entry["plaintext"])
    cek, sealed = bytes.fromhex(entry["cek"]), bytes.fromhex(entry["sealed"])
    aad = (entry["jti"] + entry["id"]).encode()
    assert AESGCM(cek).encrypt(bytes(12), salt + plaintext, aad) == sealed
    assert e64(hashlib.sha256(b"entente-part-v1" + salt + plaintext).digest()) == entry["commit"]
    claim = Claim(entry["id"], entry["commit"], entry["size"])
    assert open_part(claim, SealedPart(entry["id"], sealed), jti=entry["jti"], cek=cek) == plaintext


@pytest.mark.parametrize("entry", vectors("slot.json")["slots"], ids=lambda e: f"{e['suite']} {e['part']}")
def test_slots(entry: Any) -> None:
    """A slot of each suite opens, and its info is as written (SPEC S-050, S-051, S-052, S-053, S-260)."""
    private, public = slot.private_key_from_seed(entry["suite"], bytes.fromhex(entry["seed"]))
    assert e64(public) == entry["public"]
    slot.load_public_key(entry["suite"], public)
    fields = ["entente-cek-v1", entry["iss"], ",".join(entry["aud"])]
    fields += [entry["jti"], entry["part"], entry["kid"], entry["suite"]]
    info = b"".join(len(f.encode()).to_bytes(4, "big") + f.encode() for f in fields)
    assert info.hex() == entry["info"]
    made = slot.Slot(entry["part"], entry["kid"], entry["suite"], d64(entry["enc"]), d64(entry["wrapped"]))
    address = slot.Address(entry["iss"], tuple(entry["aud"]), entry["jti"])
    assert {part: cek.hex() for part, cek in slot.unwrap(made, private, address).items()} == entry["ceks"]


@pytest.mark.parametrize("entry", vectors("blob.json")["blobs"], ids=lambda e: str(e["size"]))
def test_blobs(entry: Any) -> None:
    """Chunks are numbered, the last one is marked, and the name is the ciphertext's hash (SPEC S-060, S-066)."""
    key, plaintext = bytes.fromhex(entry["key"]), bytes([entry["byte"]]) * entry["size"]
    pieces = [plaintext[i : i + 2**20] for i in range(0, len(plaintext), 2**20)] or [b""]
    chunks = [
        AESGCM(key).encrypt(
            i.to_bytes(12, "big"),
            piece,
            b"entente-blob-v1" + i.to_bytes(8, "big") + (b"\1" if i == len(pieces) - 1 else b"\0"),
        )
        for i, piece in enumerate(pieces)
    ]
    assert chunks == list(blob.seal_blob(plaintext, key))
    assert [e64(hashlib.sha256(chunk).digest()) for chunk in chunks] == entry["chunks_sha256"]
    sealed = b"".join(chunks)
    assert e64(hashlib.sha256(sealed).digest()) == entry["sha256"]
    assert len(sealed) == entry["sealed_size"] == blob.sealed_size(entry["size"])
    assert entry.get("sealed", sealed.hex()) == sealed.hex()
    assert b"".join(blob.open_blob(chunks, key)) == plaintext


class Opener:
    """The keys that a vector names."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def private_key(self, kid: str) -> slot.HpkePrivateKey | None:
        """Return the key of that name."""
        if kid != self._reader["kid"]:
            return None
        return slot.private_key_from_seed(self._reader["suite"], bytes.fromhex(self._reader["seed"]))[0]


EVENTS = vectors("event.json")


@pytest.mark.parametrize("entry", EVENTS["events"], ids=lambda e: e["claims"]["kind"])
def test_events(entry: Any) -> None:
    """An event is one line; its signature, slots, parts and commitments verify from the JSON (SPEC S-034, S-043)."""
    item = json.loads(entry["line"])
    header = json.loads(d64(item["event"].split(".")[0]))
    claims = json.loads(jose_verifies(item["event"], certificates(EVENTS)[header["kid"]]))
    assert claims == entry["claims"]
    assert header["iat"] == entry["iat"]
    event = parse_item(entry["line"].encode())
    assert e64(event.digest) == entry["digest"]
    assert event.line().decode() == entry["line"]
    ceks = open_ceks(event, Opener(entry["reader"]))
    assert {part: cek.hex() for part, cek in ceks.items()} == {p["id"]: p["cek"] for p in entry["parts"]}
    assert open_contents(event, ceks).keys() == {p["id"] for p in entry["parts"]}
    for part, claim, sealed in zip(entry["parts"], claims["parts"], item["parts"], strict=True):
        salt, plaintext = bytes.fromhex(part["salt"]), part["plaintext"].encode()
        opened = AESGCM(bytes.fromhex(part["cek"])).decrypt(
            bytes(12), d64(sealed["sealed"]), (claims["jti"] + part["id"]).encode()
        )
        assert opened == salt + plaintext
        assert claim["size"] == len(plaintext)
        assert claim["commit"] == e64(hashlib.sha256(b"entente-part-v1" + salt + plaintext).digest())
        content = read_content(claims["kind"], part["id"], plaintext)
        assert canonical_json(content.model_dump(mode="json", exclude_none=True)) == plaintext


def head_of(value: Any) -> Head:
    """Return a head of the JSON."""
    return Head(value["epoch"], value["next"], value["last"])


BATCHES, RECEIPTS = vectors("batch.json"), vectors("receipt.json")


@pytest.mark.parametrize("number", range(len(BATCHES["batches"])))
def test_batches_and_their_receipts(number: int) -> None:
    """A batch names its events and its body, follows the one before, and its receipt answers it.

    SPEC S-031, S-032, S-034, S-036, S-037.
    """
    entry, answer = BATCHES["batches"][number], RECEIPTS["receipts"][number]
    first, body = entry["wire"].split("\n", 1)
    claims = json.loads(jose_verifies(first, certificates(BATCHES)[json.loads(d64(first.split(".")[0]))["kid"]]))
    assert claims["body"] == e64(hashlib.sha256(body.encode()).digest())
    lines = body.splitlines()
    signed = [json.loads(line)["event"].rpartition(".")[0] for line in lines]
    assert claims["items"] == [e64(hashlib.sha256(text.encode()).digest()) for text in signed]
    batch = parse_batch(entry["wire"].encode())
    check_body(batch)
    assert place(batch, head_of(entry["before"])) == "new"
    assert place(batch, head_of(entry["after"])) == "repeat"
    assert (batch.claims.epoch, batch.next, batch.sha256) == tuple(entry["after"].values())
    compact = answer["compact"]
    told = json.loads(jose_verifies(compact, certificates(RECEIPTS)[json.loads(d64(compact.split(".")[0]))["kid"]]))
    assert told["batch_sha256"] == entry["digest"]
    assert told["outcomes"] == [list(pair) for pair in zip(claims["items"], answer["outcomes"], strict=True)]
    parsed = parse_receipt(compact.encode())
    check_receipt(parsed, batch)
    assert parsed.sha256 == answer["digest"]


def test_what_follows_a_refusal_names_its_receipt() -> None:
    """The number of a refused event is free again, and the next one names the receipt as `prev` (SPEC S-035)."""
    refusal = next(r for r in RECEIPTS["receipts"] if "date-differs" in r["outcomes"])
    refused, after = (e["claims"] for e in EVENTS["events"] if e["claims"]["kind"].startswith("date."))
    assert (after["n"], after["prev"]) == (refused["n"], refusal["digest"])


@pytest.mark.parametrize("table", ["request", "dates"])
def test_tables(table: str) -> None:
    """Every state, kind and side leads where the table says, or has its code (SPEC S-070, S-071, S-072)."""
    for row in vectors(f"{table}-table.json")["moves"]:
        outcome: dict[str, str] = {}
        try:
            if table == "request":
                outcome["to"] = request.move(row["state"], row["kind"], row["side"])
            else:
                outcome["to"] = dates.move(row["state"], row["kind"], row["side"], row["request"])
        except ProtocolError as error:
            outcome["code"] = error.code
        assert {key: row[key] for key in ("to", "code") if key in row} == outcome, row


def test_problems_are_those_of_the_specification() -> None:
    """The code's table, the vectors and SPEC.md say the same of every code (SPEC S-080)."""
    listed = {p["code"]: p for p in vectors("problems.json")["problems"]}
    assert listed.keys() == PROBLEMS.keys()
    spec = (FOLDER.parent / "SPEC.md").read_text(encoding="utf-8")
    for code, problem in PROBLEMS.items():
        assert (listed[code]["status"], listed[code]["final"]) == (problem.status, problem.final)
        assert (f"| `{code}` | final |" if problem.final else f"| `{code}` | {problem.status} |") in spec, code


REFUSALS = vectors("refusals.json")["refusals"]


def _input(entry: Any) -> bytes:
    if "repeat" in entry:
        return bytes.fromhex(entry["repeat"]) * int(entry["times"])
    return bytes.fromhex(entry["bytes"]) if "bytes" in entry else str(entry["line"]).encode()


def _check_blob(entry: Any) -> None:
    key = bytes.fromhex(entry["key"])
    if "zeros" in entry:
        chunks = list(blob.seal_blob(bytes(entry["zeros"]), key))
        chunks = [chunks[i] for i in entry["order"]]
    else:
        chunks = [bytes.fromhex(entry["sealed"])] if entry["sealed"] else []
    b"".join(blob.open_blob(chunks, key))


def _check_slot(entry: Any) -> None:
    suite = entry["suite"] if entry["suite"] in slot.SUITES else "X25519"
    private, _ = slot.private_key_from_seed(suite, bytes.fromhex(entry["seed"]))
    made = slot.Slot(entry["part"], entry["kid"], entry["suite"], d64(entry["enc"]), d64(entry["wrapped"]))
    slot.unwrap(made, private, slot.Address(entry["iss"], tuple(entry["aud"]), entry["jti"]))


def _check_part(entry: Any) -> None:
    claim = Claim(entry["id"], entry["commit"], entry["size"])
    part = SealedPart(entry["id"], bytes.fromhex(entry["sealed"]))
    open_part(claim, part, jti=entry["jti"], cek=bytes.fromhex(entry["cek"]))


def _check_open(entry: Any) -> None:
    event = parse_item(_input(entry))
    open_contents(event, open_ceks(event, Opener(entry["reader"])))


def _check_batch(entry: Any) -> None:
    batch = parse_batch(entry["wire"].encode())
    check_body(batch)
    place(batch, head_of(entry["head"]))


def _check_signature(entry: Any) -> None:
    if not jws.verify_with_certificate(jws.parse(entry["compact"], limit=4096), d64(entry["certificate"])):
        raise ProtocolError("wrong-signature")


CHECKS: dict[str, Any] = {
    "json": lambda e: strict_json(_input(e), limit=2**20),
    "base64url": lambda e: un_b64u(e["text"]),
    "jws": lambda e: jws.require_header(jws.parse(e["compact"], limit=4096), "entente-example-v1"),
    "signature": _check_signature,
    "item": lambda e: parse_item(_input(e)),
    "open": _check_open,
    "batch": _check_batch,
    "receipt": lambda e: check_receipt(parse_receipt(e["compact"].encode()), parse_batch(e["wire"].encode())),
    "part": _check_part,
    "slot": _check_slot,
    "blob": _check_blob,
    "content": lambda e: check_values({e["part"]: read_content(e["kind"], e["part"], e["plaintext"].encode())}),
}


@pytest.mark.parametrize("entry", REFUSALS, ids=lambda e: f"{e['check']}: {e['name']}")
def test_refusals(entry: Any) -> None:
    """What must be refused is, with its code.

    SPEC S-003, S-010, S-011, S-012, S-013, S-014, S-015, S-017, S-020, S-022, S-023, S-024, S-027, S-029, S-031,
    S-032, S-033, S-037, S-042, S-043, S-044, S-051, S-056, S-059, S-061, S-069.
    """
    with pytest.raises(ProtocolError) as caught:
        CHECKS[entry["check"]](entry)
    assert caught.value.code == entry["code"]


MEMBERS = vectors("members.json")


def bundle_of(value: Any) -> MemberBundle:
    """Return a bundle of the JSON."""
    return MemberBundle.from_json(canonical_json(value))


def member_list() -> MemberList:
    """Return the list of the vectors, from its pinned first root."""
    bundle = bundle_of(MEMBERS["bundle"])
    members, problems = MemberList.genesis(bundle.roots[0], MEMBERS["pin"]).update(bundle, NOW)
    assert problems == ()
    return members


def test_member_list() -> None:
    """The list verifies from its pin, and names versions and certificates as written (SPEC S-113, S-117)."""
    members = member_list()
    assert {c: members.versions(c) for c in members.countries()} == MEMBERS["versions"]
    assert {c: e64(next(iter(members.tls_certificates(c)))) for c in members.countries()} == MEMBERS["tls"]


@pytest.mark.parametrize("entry", MEMBERS["documents"], ids=lambda e: f"{e['document']} {e['version']}")
def test_member_documents(entry: Any) -> None:
    """What is signed is the canonical form of `signed`, and keys are named by their hash (SPEC S-101, S-106)."""
    signed = json.loads(base64.b64decode(entry["raw"]))["signed"]
    canonical = json.dumps(signed, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert canonical == entry["signed_bytes"]
    assert sha256(canonical.encode()).hex() == entry["sha256"]
    for keyid, key in {**MEMBERS["keys"], **signed.get("keys", {})}.items():
        assert hashlib.sha256(json.dumps(key, sort_keys=True, separators=(",", ":")).encode()).hexdigest() == keyid


@pytest.mark.parametrize("entry", MEMBERS["offers"], ids=lambda e: e["name"])
def test_member_offers(entry: Any) -> None:
    """Each offer is taken, taken in part, or refused as a whole with its code.

    SPEC S-102, S-105, S-107, S-108, S-111.
    """
    members = member_list()
    if "after" in entry:
        before = next(one for one in MEMBERS["offers"] if one["name"] == entry["after"])
        members, _ = members.update(bundle_of(before["bundle"]), NOW)
    if "refused" in entry:
        with pytest.raises(MemberListError) as caught:
            members.update(bundle_of(entry["bundle"]), NOW)
        assert caught.value.code == entry["refused"]
        return
    newer, problems = members.update(bundle_of(entry["bundle"]), NOW)
    assert [[p.document, p.code] for p in problems] == entry["problems"]
    assert {c: newer.role_version(c) for c in newer.countries()} == entry["role_versions"]
