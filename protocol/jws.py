"""Signed documents: JWS in compact form, ES256 (deterministic) or Ed25519 (SPEC.md section 4).

About forty lines of our own over `cryptography` instead of a library, because none offers the
deterministic ECDSA of RFC 6979; joserfc is the second opinion in the tests.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Final, Protocol, cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from protocol.encoding import b64u, canonical_json, sha256, sha256_b64u, strict_object, un_b64u
from protocol.problems import ProtocolError

PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

ALGORITHMS: Final = ("ES256", "Ed25519")
_MAX_HEADER: Final = 2048
_DETERMINISTIC: Final = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
_ECDSA: Final = ec.ECDSA(hashes.SHA256())
_HALF: Final = 32  # bytes of r and of s on P-256 (RFC 7518 section 3.4)
_PIECES: Final = 3


class Signer(Protocol):
    """The one way in which private message keys are used; files now, PKCS#11 later."""

    @property
    def alg(self) -> str:
        """`ES256` or `Ed25519`."""

    @property
    def kid(self) -> str:
        """The key's name in the member list."""

    @property
    def x5t(self) -> str:
        """SHA-256 of the key's certificate (DER) in base64url."""

    def sign(self, data: bytes) -> bytes:
        """Return the 64 bytes of the signature."""


@dataclass(frozen=True)
class KeySigner:
    """A signer over a private key in memory."""

    private_key: PrivateKey
    kid: str
    x5t: str

    @classmethod
    def with_certificate(cls, private_key: PrivateKey, certificate_der: bytes) -> "KeySigner":
        """Name the key after its public key, and its certificate by its hash."""
        return cls(private_key, key_id(private_key.public_key()), sha256_b64u(certificate_der))

    @cached_property
    def alg(self) -> str:
        """The algorithm that the key's type allows."""
        return algorithm_of(self.private_key.public_key())

    def sign(self, data: bytes) -> bytes:
        """Sign; the same data always give the same bytes (RFC 6979, RFC 8032)."""
        if self.alg == "Ed25519":
            return cast("ed25519.Ed25519PrivateKey", self.private_key).sign(data)
        der = cast("ec.EllipticCurvePrivateKey", self.private_key).sign(data, _DETERMINISTIC)
        r, s = decode_dss_signature(der)
        return r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")


@dataclass(frozen=True)
class Jws:
    """A parsed, not yet verified JWS; `signing_input` is what its hash is taken of."""

    compact: str
    header: dict[str, Any]
    payload: bytes
    signing_input: bytes
    signature: bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 of the signing input: the document's name, whatever its signature's bytes are (SPEC S-025)."""
        return sha256(self.signing_input)

    def claims(self) -> dict[str, Any]:
        """Return the payload as a JSON object."""
        return strict_object(self.payload, limit=len(self.payload))


def key_id(public_key: PublicKey) -> str:
    """Name a key: base64url of SHA-256 over its SubjectPublicKeyInfo (SPEC S-021)."""
    spki = public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return sha256_b64u(spki)


def algorithm_of(public_key: object) -> str:
    """Return the one algorithm that this type of key is used with; anything else is `malformed`."""
    if isinstance(public_key, ed25519.Ed25519PublicKey):
        return "Ed25519"
    if isinstance(public_key, ec.EllipticCurvePublicKey) and isinstance(public_key.curve, ec.SECP256R1):
        return "ES256"
    raise ProtocolError("malformed", "a message key is on P-256 or Ed25519")


@lru_cache(maxsize=256)
def certificate_key(certificate_der: bytes) -> PublicKey:
    """Return the public key of a certificate, P-256 or Ed25519."""
    try:
        key = x509.load_der_x509_certificate(certificate_der).public_key()
    except (ValueError, x509.InvalidVersion, UnsupportedAlgorithm):
        raise ProtocolError("malformed", "not an X.509 certificate in DER with a known key") from None
    algorithm_of(key)
    assert isinstance(key, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey)
    return key


def sign(signer: Signer, typ: str, claims: dict[str, Any], iat: int) -> str:
    """Sign `claims` at `iat` (seconds since 1970); returns the compact form."""
    return signed(signer, typ, claims, iat).compact


def signed(signer: Signer, typ: str, claims: dict[str, Any], iat: int) -> Jws:
    """Sign `claims` at `iat` (seconds since 1970), as `parse` will read it."""
    header = {"alg": signer.alg, "iat": iat, "kid": signer.kid, "typ": typ, "x5t#S256": signer.x5t}
    payload = canonical_json(claims)
    signing_input = f"{b64u(canonical_json(header))}.{b64u(payload)}"
    signature = signer.sign(signing_input.encode("ascii"))
    return Jws(f"{signing_input}.{b64u(signature)}", header, payload, signing_input.encode("ascii"), signature)


def parse(compact: str, *, limit: int) -> Jws:
    """Take a compact JWS apart without believing any of it; raises `malformed`, also over a limit (SPEC S-002).

    The bytes are kept as they came (SPEC S-018). No field of the header but those of `require_header` is ever
    looked at (SPEC S-024).
    """
    if len(compact) > limit:
        raise ProtocolError("malformed", f"a signed document of {len(compact)} bytes, {limit} allowed")
    pieces = compact.split(".", _PIECES)
    if len(pieces) != _PIECES or not all(pieces):
        raise ProtocolError("malformed", "not a JWS in compact form")
    head, body, signature = pieces
    decoded = un_b64u(head)
    if len(decoded) > _MAX_HEADER:
        raise ProtocolError("malformed", f"a header of {len(decoded)} bytes, {_MAX_HEADER} allowed")
    header = strict_object(decoded, limit=_MAX_HEADER)
    if "crit" in header or header.get("alg") not in ALGORITHMS:
        raise ProtocolError("malformed", "alg is ES256 or Ed25519, and nothing is critical")  # SPEC S-020
    return Jws(compact, header, un_b64u(body), f"{head}.{body}".encode("ascii"), un_b64u(signature))


def require_header(jws: Jws, typ: str) -> tuple[str, int]:
    """Check the header of an Entente document and return `(kid, iat)` (SPEC S-020, S-027)."""
    kid, iat, x5t = jws.header.get("kid"), jws.header.get("iat"), jws.header.get("x5t#S256")
    if jws.header.get("typ") != typ:
        raise ProtocolError("malformed", f"typ must be {typ}")
    if not (isinstance(kid, str) and isinstance(x5t, str) and isinstance(iat, int) and not isinstance(iat, bool)):
        raise ProtocolError("malformed", "kid, iat and x5t#S256 are needed in the header")
    return kid, iat


def verify(jws: Jws, public_key: PublicKey) -> bool:
    """Say whether the signature is this key's, with the algorithm that belongs to the key (SPEC S-023)."""
    alg = algorithm_of(public_key)
    if jws.header["alg"] != alg or len(jws.signature) != 2 * _HALF:
        return False
    try:
        if alg == "Ed25519":
            cast("ed25519.Ed25519PublicKey", public_key).verify(jws.signature, jws.signing_input)
        else:
            r, s = (int.from_bytes(jws.signature[i : i + _HALF], "big") for i in (0, _HALF))
            der = encode_dss_signature(r, s)
            cast("ec.EllipticCurvePublicKey", public_key).verify(der, jws.signing_input, _ECDSA)
    except InvalidSignature:
        return False
    return True


def verify_with_certificate(jws: Jws, certificate_der: bytes) -> bool:
    """Say whether the document is signed by this certificate's key and names the certificate (SPEC S-022)."""
    return jws.header.get("x5t#S256") == _fingerprint(certificate_der) and verify(jws, certificate_key(certificate_der))


@lru_cache(maxsize=256)
def _fingerprint(certificate_der: bytes) -> str:
    return sha256_b64u(certificate_der)
