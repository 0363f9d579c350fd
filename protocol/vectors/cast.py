"""Who and what the vectors are about: fixed keys and one short story between DE and HU.

All secrets are SHA-256 of a word and are worth nothing. Nothing here reads a clock or draws randomness,
but for slots: HPKE takes no entropy from outside, so slots are kept from one run to the next (`Slots`).
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from protocol import slot as hpke
from protocol.content import (
    ActMatter,
    Actor,
    Asked,
    AttachmentRef,
    Content,
    DateMatter,
    PartyName,
    Reply,
    ReplyMatter,
    ReplyPerson,
    Said,
    SendMatter,
    SendPerson,
    Variable,
)
from protocol.encoding import b64u, sha256, un_b64u
from protocol.event import Event, Place, Secrets, seal_event
from protocol.jws import KeySigner, PrivateKey, key_id
from protocol.problems import ProtocolError
from protocol.slot import HpkePrivateKey, HpkePublicKey, private_key_from_seed

IAT = 1_790_000_000
SEEDS = {"MLKEM768-X25519": 96, "X25519": 32, "MLKEM1024-P384": 112}
CASE = "6f1c0d4e-8f0a-4c0e-9d53-3a9f5a1b2c01"
BLOB_KEY = sha256(b"blob key")
DIPLOMA = b"%PDF-1.7 a diploma\n"


def secret(word: str, length: int = 32) -> bytes:
    """Return bytes that depend on the word alone."""
    return b"".join(sha256(f"{word} {block}".encode()) for block in range(-(-length // 32)))[:length]


def message_key(country: str, word: str = "message") -> PrivateKey:
    """Return a country's message key: P-256 for DE, Ed25519 for all others."""
    seed = secret(f"{word} {country}")
    if country == "DE":
        return ec.derive_private_key(int.from_bytes(seed, "big") >> 1, ec.SECP256R1())
    return ed25519.Ed25519PrivateKey.from_private_bytes(seed)


def private_hex(country: str) -> str:
    """Return the secret half of a message key: the seed of Ed25519, or the scalar of P-256, 32 bytes big-endian."""
    key = message_key(country)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.private_numbers().private_value.to_bytes(32, "big").hex()
    return key.private_bytes_raw().hex()


def certificate(key: PrivateKey, name: str) -> bytes:
    """Return a self-signed certificate in DER, valid from 2000 to 9999."""
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(named, named, key.public_key(), 1)
    builder = builder.not_valid_before(dt.datetime(2000, 1, 1, tzinfo=dt.UTC))
    builder = builder.not_valid_after(dt.datetime(9999, 12, 31, tzinfo=dt.UTC))
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return builder.sign(key, hashes.SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.DER)
    return builder.sign(key, None).public_bytes(Encoding.DER)


def signer(country: str) -> KeySigner:
    """Return what signs for a country."""
    key = message_key(country)
    return KeySigner(key, key_id(key.public_key()), b64u(sha256(certificate(key, country))))


@dataclass(frozen=True)
class Reader:
    """A country's encryption key (protocol.slot.Recipient and Opener)."""

    country: str
    suite: str = "MLKEM768-X25519"

    @property
    def kid(self) -> str:
        """The key's name."""
        return f"{self.country}-{self.suite}"

    @property
    def seed(self) -> bytes:
        """The secret bytes."""
        return secret(self.kid, SEEDS[self.suite])

    @property
    def public_bytes(self) -> bytes:
        """The public key as a member record carries it."""
        return private_key_from_seed(self.suite, self.seed)[1]

    @property
    def public_key(self) -> HpkePublicKey:
        """The public key."""
        return hpke.load_public_key(self.suite, self.public_bytes)

    def private_key(self, kid: str) -> HpkePrivateKey | None:
        """Return the private key of that name."""
        return private_key_from_seed(self.suite, self.seed)[0] if kid == self.kid else None


@dataclass
class Slots:
    """Slots of earlier runs by (info, CEKs) in hex; one that no longer opens is made anew."""

    kept: dict[str, dict[str, str]]
    used: dict[str, dict[str, str]] = field(default_factory=dict)

    def wrap(self, ceks: Mapping[str, bytes], reader: Any, address: hpke.Address) -> hpke.Slot:
        """Return the slot of an earlier run, or a new one (the shape of `protocol.slot.wrap`)."""
        info = address.info(",".join(ceks), reader.kid, reader.suite)
        name = b64u(sha256(info + b"".join(ceks.values())))
        old = self.kept.get(name)
        made = self._opened(old, ceks, reader, address) if old else None
        made = made or hpke.wrap(ceks, reader, address)
        self.used[name] = {"enc": b64u(made.enc), "wrapped": b64u(made.wrapped)}
        return made

    @staticmethod
    def _opened(old: dict[str, str], ceks: Mapping[str, bytes], reader: Any, address: hpke.Address) -> hpke.Slot | None:
        kept = hpke.Slot(",".join(ceks), reader.kid, reader.suite, un_b64u(old["enc"]), un_b64u(old["wrapped"]))
        try:
            return kept if hpke.unwrap(kept, reader.private_key(reader.kid), address) == ceks else None
        except ProtocolError:
            return None


@dataclass
class Story:
    """Seals the events of the story, and remembers the secrets it used."""

    slots: Slots
    secrets_of: dict[str, dict[str, dict[str, bytes]]] = field(default_factory=dict)

    def seal(self, iss: str, number: int, place: Place, contents: dict[str, Content]) -> Event:
        """Seal event `number`; CEK and salt of each part are fixed."""
        aud = "HU" if iss == "DE" else "DE"
        jti = f"00000000-0000-4000-8000-{number:012d}"
        drawn = [secret(f"{what} {number} {part}") for part in contents for what in ("cek", "salt")]
        self.secrets_of[jti] = {p: {"cek": drawn[2 * i], "salt": drawn[2 * i + 1]} for i, p in enumerate(contents)}
        stream = iter(drawn)
        event, _ = seal_event(
            signer(iss),
            iss=iss,
            readers={aud: Reader(aud)},
            jti=jti,
            place=place,
            contents=contents,
            iat=IAT + number,
            secrets=Secrets(lambda _size: next(stream), self.slots.wrap),
        )
        return event


DENTISTS = Actor(authority="DE-zaek-berlin", name="Petra Muster")
OFFICE = Actor(authority="HU-okfo", name="Minta Éva")


def request(blob_sha256: str) -> dict[str, Content]:
    """Return what DE asks: one part without the person, one about the person."""
    matter = SendMatter(
        number="DE-2026-000412",
        asking=PartyName(authority="DE-zaek-berlin", name="Zahnärztekammer Berlin"),
        replying=PartyName(authority="HU-okfo", name="Országos Kórházi Főigazgatóság"),
        actor=DENTISTS,
        area="professional-qualifications",
        set="establishment",
        version=1,
        set_sha256=sha256(b"a question set").hex(),
        questions=(Asked(item="profession-regulated"),),
        variables={"profession": Variable(code="dental-practitioner")},
        due=dt.date(2026, 10, 26),
    )
    diploma = AttachmentRef(
        sha256=blob_sha256, key=b64u(BLOB_KEY), size=len(DIPLOMA), name="diploma.pdf", media_type="application/pdf"
    )
    person = SendPerson(
        variables={
            "person": Variable(given_names="Anna", family_name="Példa", birth_date=dt.date(1990, 5, 17)),
        },
        comment=Said(text="Bitte um Bestätigung.", lang="de"),
        attachments=(diploma,),
    )
    return {"matter": matter, "person": person}


def reply() -> dict[str, Content]:
    """Return what HU answers."""
    answers = {"profession-regulated": Reply(code="yes")}
    said = Said(text="A nyilvántartás szerint érvényes.", lang="hu")
    return {"matter": ReplyMatter(actor=OFFICE, answers=answers), "person": ReplyPerson(comment=said)}


def act(actor: Actor, date: dt.date | None = None) -> dict[str, Content]:
    """Return the one part of an act that says little."""
    return {"matter": ActMatter(actor=actor) if date is None else DateMatter(actor=actor, date=date)}
