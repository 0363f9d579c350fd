"""States that really sign: builds member lists for tests, the same bytes on every run."""

import hashlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata

from protocol.jws import key_id
from protocol.member import EncryptionKey, MemberRecord, MessageKey
from protocol.member_bundle import MemberBundle
from protocol.member_problems import MemberListError
from protocol.member_proposal import Candidate, Proposal, propose
from protocol.member_signatures import attach, sign_proposal, sign_role, signer_from_seed
from protocol.members import MemberList
from protocol.slot import private_key_from_seed

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
THREE = ("DE", "FR", "HU")
YEAR = timedelta(days=365)


def seed(*words: object) -> bytes:
    """Return 32 bytes that depend on the words alone."""
    return hashlib.sha256(" ".join(str(word) for word in words).encode()).digest()


def state(country: str, generation: int = 1) -> CryptoSigner:
    """Return the state's offline key."""
    return signer_from_seed(seed("state", country, generation))


STATES = [state(country) for country in THREE]


def role(country: str, generation: int = 1) -> CryptoSigner:
    """Return the country's own key for its record."""
    return signer_from_seed(seed("role", country, generation))


def private_key(*words: object) -> Ed25519PrivateKey:
    """Return the key of that name."""
    return Ed25519PrivateKey.from_private_bytes(seed(*words))


def certificate(subject: Ed25519PrivateKey, name: str, issuer: Ed25519PrivateKey | None = None) -> bytes:
    """Make a certificate in DER, signed by itself unless an issuer is given."""
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(named)
        .public_key(subject.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2000, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(9999, 12, 31, tzinfo=UTC))
    )
    return builder.sign(issuer or subject, None).public_bytes(Encoding.DER)


def tls(country: str, generation: int = 1) -> bytes:
    """Return a country's TLS certificate in DER."""
    return certificate(private_key("tls", country, generation), f"{country.lower()}.example")


def message_key(country: str, generation: int = 1, **fields: object) -> MessageKey:
    """Return a country's message key."""
    key = private_key("message", country, generation)
    values = {"state": "active", "since": NOW, **fields}
    return MessageKey(kid=key_id(key.public_key()), certificate=certificate(key, country), **values)


def encryption_key(country: str, suite: str = "X25519", generation: int = 1, **fields: object) -> EncryptionKey:
    """Return a country's encryption key."""
    length = {"X25519": 32, "MLKEM768-X25519": 96}[suite]
    secret = (seed("encryption", country, generation) * 3)[:length]
    _, public = private_key_from_seed(suite, secret)
    return EncryptionKey(kid=f"{suite}-{generation}", suite=suite, public=public, **fields)


def record(country: str, /, **fields: object) -> MemberRecord:
    """Return a whole record, with some fields replaced."""
    values = {
        "country": country,
        "name": f"Node of {country}",
        "url": f"https://{country.lower()}.example:8443",
        "speaks": ("1",),
        "tls": (tls(country),),
        "message_keys": (message_key(country),),
        "encryption_keys": (encryption_key(country),),
        "demo": True,
    }
    return MemberRecord.model_validate({**values, **fields})


def signed_record(country: str, version: int = 1, /, *, by: CryptoSigner | None = None, **fields: object) -> bytes:
    """Return a country's signed record."""
    return sign_role(record(country, **fields), version, NOW + timedelta(days=365), by or role(country))


def candidate(country: str, generation: int = 1) -> Candidate:
    """Return a country that wants to join."""
    return Candidate.of(country, state(country, generation), role(country, generation))


def agreed(current: MemberList | None, proposal: Proposal, signers: Iterable[CryptoSigner]) -> MemberBundle:
    """Return the bundle of a proposal that enough states have signed."""
    progress = attach(current, proposal, [one for signer in signers for one in sign_proposal(proposal, signer)])
    assert progress.bundle is not None, progress
    return progress.bundle


def apply(current: MemberList, *bundles: MemberBundle, now: datetime = NOW) -> MemberList:
    """Update without a problem."""
    for bundle in bundles:
        current, problems = current.update(bundle, now)
        assert problems == ()
    return current


def roles(**documents: bytes) -> MemberBundle:
    """Return a bundle of nothing but records."""
    return MemberBundle(roles=documents)


def founded(country: str = "DE") -> MemberList:
    """Return a list of one state."""
    bundle = agreed(None, propose(None, candidate(country), NOW), [state(country)])
    return apply(MemberList.genesis(bundle.roots[0]), bundle)


def network(*countries: str) -> MemberList:
    """Return a list in which all of these have joined, one after the other, and have given their records."""
    members = founded(countries[0])
    for place, country in enumerate(countries[1:], 1):
        signers = [state(c) for c in countries[: place + 1]]
        members = apply(members, agreed(members, propose(members, candidate(country), NOW), signers))
    return apply(members, MemberBundle(roles={country: signed_record(country) for country in countries}))


def tampered(raw: bytes, signers: Iterable[CryptoSigner], change: Callable[[Any], object]) -> bytes:
    """Return a document changed by `change(signed)` and signed again."""
    metadata = Metadata.from_bytes(raw)
    change(metadata.signed)
    metadata.signatures.clear()
    for signer in signers:
        metadata.sign(signer, append=True)
    return metadata.to_bytes()


def refused(members: MemberList, bundle: MemberBundle, now: datetime = NOW) -> MemberListError:
    """Return why the whole bundle is refused."""
    with pytest.raises(MemberListError) as caught:
        members.update(bundle, now)
    return caught.value


def codes(members: MemberList, bundle: MemberBundle) -> tuple[MemberList, list[tuple[str, str]]]:
    """Return the list after a bundle, and the codes of its problems."""
    newer, problems = members.update(bundle, NOW)
    return newer, [(problem.code, problem.document) for problem in problems]
