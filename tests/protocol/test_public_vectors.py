"""Vectors made by others. They lie beside the project (../shared/vectors) and are read in place."""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.bindings._rust import openssl
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import load_der_public_key

from protocol import jws
from protocol.encoding import b64u
from protocol.jws import Jws
from protocol.problems import ProtocolError
from protocol.slot import HpkePrivateKey, private_key_from_seed

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "vectors"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the public vectors aren't at ../shared/vectors")


def read(path: str) -> Any:
    """Return one file."""
    return json.loads((FOLDER / path).read_text(encoding="utf-8"))


def entries_of(path: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return every test of a Wycheproof file with its group."""
    return [(group, test) for group in read(path)["testGroups"] for test in group["tests"]]


def raw_jws(message: bytes, signature: bytes, alg: str) -> Jws:
    """Return a document whose signing input is any message."""
    return Jws("", {"alg": alg}, b"", message, signature)


@pytest.mark.parametrize(
    ("path", "alg", "count"),
    [("ecdsa_secp256r1_sha256_p1363_test.json", "ES256", 262), ("ed25519_test.json", "Ed25519", 151)],
)
def test_wycheproof_signatures(path: str, alg: str, count: int) -> None:
    """Our verification agrees with Wycheproof on every ES256 and Ed25519 signature (SPEC S-023)."""
    tests = entries_of(f"wycheproof/{path}")
    assert len(tests) == count
    wrong = []
    for group, test in tests:
        key: Any = load_der_public_key(bytes.fromhex(group["publicKeyDer"]))
        given = raw_jws(bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"]), alg)
        if jws.verify(given, key) != (test["result"] == "valid"):
            wrong.append(test["tcId"])
    assert wrong == []


def _accepts(public: dict[str, Any], compact: str) -> bool:
    x, y = (int.from_bytes(base64.urlsafe_b64decode(public[c] + "=="), "big") for c in "xy")
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    try:
        return jws.verify(jws.parse(compact, limit=1 << 16), key)
    except ProtocolError:
        return False


def test_wycheproof_jws() -> None:
    """Nothing that Wycheproof calls invalid passes, but for uses that only a JWK names (SPEC S-020, S-023).

    The exceptions: `ec_key_for_encryption` groups are invalid because their JWK says `use: enc`; our keys come
    from certificates in the member list and have no such field.
    """
    found = [
        (group, test)
        for group, test in entries_of("wycheproof/json_web_signature_test.json")
        if (group.get("public") or {}).get("crv") == "P-256" and group["comment"] != "ec_key_for_encryption"
    ]
    assert len(found) == 39
    wrong = {test["tcId"]: test["comment"] for group, test in found
             if _accepts(group["public"], test["jws"]) != (test["result"] == "valid")}  # fmt: skip
    assert wrong == {}


def test_wycheproof_aes_gcm() -> None:
    """AES-256-GCM with 96-bit nonces and 128-bit tags agrees with Wycheproof (SPEC S-041)."""
    found = [
        (group, test)
        for group, test in entries_of("wycheproof/aes_gcm_test.json")
        if (group["keySize"], group["ivSize"], group["tagSize"]) == (256, 96, 128)
    ]
    assert len(found) > 50
    for _, test in found:
        key, iv, aad = (bytes.fromhex(test[name]) for name in ("key", "iv", "aad"))
        sealed, plain = bytes.fromhex(test["ct"] + test["tag"]), bytes.fromhex(test["msg"])
        if test["result"] == "valid":
            assert AESGCM(key).encrypt(iv, plain, aad) == sealed
            assert AESGCM(key).decrypt(iv, sealed, aad) == plain
        else:
            with pytest.raises(InvalidTag):
                AESGCM(key).decrypt(iv, sealed, aad)


def _hybrid(suite: str, seed: bytes) -> HpkePrivateKey:
    """Return the key pair that SHAKE-256 expands from 32 bytes, as those vectors make theirs."""
    length = {"MLKEM768-X25519": 96, "MLKEM1024-P384": 112}[suite]
    return private_key_from_seed(suite, hashlib.shake_256(seed).digest(length))[0]


def test_hpke_hybrids() -> None:
    """Both post-quantum suites open what another implementation sealed (SPEC S-053).

    Three entries apply: two of KEM 0x647a, one of 0x0051. They use an AAD, for which the library has only a
    private function; slots have none.
    """
    suites = {0x647A: ("MLKEM768-X25519", KEM.MLKEM768_X25519), 0x51: ("MLKEM1024-P384", KEM.MLKEM1024_P384)}
    kdfs = {1: KDF.HKDF_SHA256, 2: KDF.HKDF_SHA384, 16: KDF.SHAKE128, 17: KDF.SHAKE256}
    aeads = {1: AEAD.AES_128_GCM, 2: AEAD.AES_256_GCM, 3: AEAD.CHACHA20_POLY1305}
    applicable = [e for e in read("hpke-pq/test-vectors.json") if e["mode"] == 0 and e["kem_id"] in suites]
    assert len(applicable) == 3
    for entry in applicable:
        name, kem = suites[entry["kem_id"]]
        suite, first = Suite(kem, kdfs[entry["kdf_id"]], aeads[entry["aead_id"]]), entry["encryptions"][0]
        sealed = bytes.fromhex(entry["enc"] + first["ct"])
        key, info, aad = _hybrid(name, bytes.fromhex(entry["skRm"])), bytes.fromhex(entry["info"]), first["aad"]
        assert openssl.hpke._decrypt_with_aad(suite, sealed, key, info, bytes.fromhex(aad)) == bytes.fromhex(
            first["pt"]
        )


def test_cookbook_ed25519() -> None:
    """The Ed25519 signature of RFC 8037 is ours, byte for byte, although its header says `EdDSA` (SPEC S-023)."""
    entry = read("jose-cookbook/curve25519/jws.json")
    secret = base64.urlsafe_b64decode(entry["input"]["key"]["d"] + "=")
    signer = jws.KeySigner(ed25519.Ed25519PrivateKey.from_private_bytes(secret), "", "")
    assert b64u(signer.sign(entry["signing"]["sig-input"].encode())) == entry["signing"]["sig"]
    with pytest.raises(ProtocolError, match="malformed"):
        jws.parse(entry["output"]["compact"], limit=4096)


@pytest.mark.parametrize(
    "name",
    ["4_1.rsa_v15_signature", "4_2.rsa-pss_signature", "4_3.ecdsa_signature", "4_4.hmac-sha2_integrity_protection"],
)
def test_cookbook_other_algorithms(name: str) -> None:
    """RSA, P-521 and HMAC are good cryptography elsewhere and refused here (SPEC S-020)."""
    entry = read(f"jose-cookbook/jws/{name}.json")
    if entry["input"]["alg"] == "HS256":
        key = base64.urlsafe_b64decode(entry["input"]["key"]["k"] + "=")
        made = hmac.new(key, entry["signing"]["sig-input"].encode(), "sha256").digest()
        assert b64u(made) == entry["signing"]["sig"]
    with pytest.raises(ProtocolError, match="malformed"):
        jws.parse(entry["output"]["compact"], limit=1 << 16)
