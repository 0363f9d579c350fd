"""One member's record: where its node is, and which certificates and keys speak for its country.

The record is signed by the country alone (see `member_documents`). Fields that a newer version adds are
kept (SPEC S-116). An `Instant` is UTC to the second, written `2026-03-01T12:00:00Z`.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Annotated, Any, Final, Literal, Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from protocol.countries import Country
from protocol.encoding import b64u, sha256_b64u, un_b64u
from protocol.jws import PublicKey, certificate_key, key_id
from protocol.limits import RETIRED_KEY_DAYS
from protocol.problems import ProtocolError
from protocol.slot import SUITES, HpkePublicKey, load_public_key

MAX_CERTIFICATE = 8192
"""Bytes of one certificate."""
MAX_TLS_CERTIFICATES = 4
MAX_MESSAGE_KEYS = 64
MAX_ENCRYPTION_KEYS = 32
MAX_NOTE_KEYS = 8

INSTANT: Final = "%Y-%m-%dT%H:%M:%SZ"
_INSTANT_FORM: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z")


def un_base64(text: object) -> bytes:
    """Decode standard base64 with padding; anything but its one canonical form is a `ValueError`."""
    if isinstance(text, bytes):
        return text
    if not isinstance(text, str):
        raise ValueError("base64 is a text")  # noqa: TRY004 - pydantic turns only a ValueError into its own
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
    if base64.b64encode(data).decode("ascii") != text:
        raise ValueError("base64 with stray bits at its end")
    return data


def to_base64(data: bytes) -> str:
    """Encode as standard base64 with padding."""
    return base64.b64encode(data).decode("ascii")


def _un_base64url(text: object) -> bytes:
    if isinstance(text, bytes):
        return text
    if not isinstance(text, str):
        raise ValueError("base64url is a text")  # noqa: TRY004 - as above
    try:
        return un_b64u(text)
    except ProtocolError as error:
        raise ValueError(error.detail) from None


def _instant(value: object) -> datetime:
    if isinstance(value, str) and _INSTANT_FORM.match(value):
        return datetime.strptime(value, INSTANT).replace(tzinfo=UTC)
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(microsecond=0)
    raise ValueError("a point in time is written 2026-03-01T12:00:00Z")


def _certificate(value: object) -> bytes:
    data = un_base64(value)
    if len(data) > MAX_CERTIFICATE:
        raise ValueError(f"a certificate has at most {MAX_CERTIFICATE} bytes")
    try:
        x509.load_der_x509_certificate(data)
    except x509.InvalidVersion as error:  # all else that is wrong is a ValueError
        raise ValueError(str(error)) from None
    return data


Base64 = Annotated[bytes, BeforeValidator(un_base64), PlainSerializer(to_base64, str, when_used="json")]
Base64Url = Annotated[bytes, BeforeValidator(_un_base64url), PlainSerializer(b64u, str, when_used="json")]
Certificate = Annotated[bytes, BeforeValidator(_certificate), PlainSerializer(to_base64, str, when_used="json")]
Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    PlainSerializer(lambda at: at.strftime(INSTANT), str, when_used="json"),
]
Kid = Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$")]
KeyState = Literal["active", "retired", "revoked"]
NoteKey = Annotated[str, Field(pattern=r"^[^\s+]{1,200}\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{4,200}$")]
"""A verifier key of C2SP signed-note."""

_TOLERANT: Final = ConfigDict(frozen=True, extra="allow", defer_build=True)


class MessageKey(BaseModel):
    """A key that signs what the country's node says; `until` is when it was retired or revoked."""

    model_config = _TOLERANT
    kid: Kid
    certificate: Certificate
    state: KeyState
    since: Instant
    until: Instant | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.until is None) != (self.state == "active"):
            raise ValueError("until stands with keys that are retired or revoked, and only there")
        try:
            named = key_id(certificate_key(self.certificate))
        except ProtocolError as error:
            raise ValueError(error.detail) from None
        except UnsupportedAlgorithm:
            raise ValueError("a message key is on P-256 or Ed25519") from None
        if self.kid != named:
            raise ValueError("a message key is named by the hash of its public key")
        return self

    @cached_property
    def public_key(self) -> PublicKey:
        """The certificate's key, P-256 or Ed25519."""
        return certificate_key(self.certificate)

    @property
    def x5t(self) -> str:
        """SHA-256 of the certificate in base64url, as in the header `x5t#S256`."""
        return sha256_b64u(self.certificate)

    def accepts(self, at: datetime) -> bool:
        """Say whether a new message of this key is accepted at `at`, the receiver's time.

        Active keys are (whatever `since` says: clocks differ), retired ones for 40 days more, revoked ones
        never (SPEC S-026).
        """
        if self.state == "retired" and self.until is not None:
            return at - self.until <= timedelta(days=RETIRED_KEY_DAYS)
        return self.state == "active"


class EncryptionKey(BaseModel):
    """A key to which content is encrypted. Suites unknown to this version are kept and never used."""

    model_config = _TOLERANT
    kid: Kid
    suite: str = Field(pattern=r"^[A-Za-z0-9-]{1,32}$")
    public: Base64Url = Field(max_length=4096)
    state: KeyState = "active"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.suite in SUITES:
            try:
                load_public_key(self.suite, self.public)
            except ProtocolError as error:
                raise ValueError(error.detail) from None
        return self

    @cached_property
    def public_key(self) -> HpkePublicKey:
        """The key itself; a `ProtocolError` where the suite isn't allowed."""
        return load_public_key(self.suite, self.public)


class MemberRecord(BaseModel):
    """What a country says of its own node; `tls` holds the certificate in use and the next one.

    `log_keys` and `witness_keys` are verifier keys of the country's directory log and of its witness.
    """

    model_config = _TOLERANT
    country: Country
    name: str = Field(min_length=1, max_length=200)
    url: str = Field(
        max_length=300,
        pattern=r"^https://([a-z0-9.-]{1,253}|\[[0-9a-f:]{2,45}\])(:[0-9]{1,5})?(/[A-Za-z0-9._~-]{1,60})*/?$",
    )
    speaks: tuple[Annotated[str, Field(pattern=r"^[0-9]{1,4}$")], ...] = Field(min_length=1, max_length=16)
    tls: tuple[Certificate, ...] = Field(min_length=1, max_length=MAX_TLS_CERTIFICATES)
    message_keys: tuple[MessageKey, ...] = Field(min_length=1, max_length=MAX_MESSAGE_KEYS)
    encryption_keys: tuple[EncryptionKey, ...] = Field(min_length=1, max_length=MAX_ENCRYPTION_KEYS)
    log_keys: tuple[NoteKey, ...] = Field(default=(), max_length=MAX_NOTE_KEYS)
    witness_keys: tuple[NoteKey, ...] = Field(default=(), max_length=MAX_NOTE_KEYS)
    demo: bool = Field(default=False, strict=True)

    @model_validator(mode="after")
    def _check(self) -> Self:
        _distinct("TLS certificates", self.tls)
        _distinct("message keys", [key.kid for key in self.message_keys])
        _distinct("encryption keys", [key.kid for key in self.encryption_keys])
        return self

    def message_key(self, kid: str) -> MessageKey | None:
        """Return the key of that name, whatever its state."""
        return next((key for key in self.message_keys if key.kid == kid), None)

    def encryption_key(self, suites: Iterable[str] = SUITES) -> EncryptionKey | None:
        """Return the active key of the first of `suites` (most preferred first) that has one (SPEC S-057)."""
        active = [key for key in self.encryption_keys if key.state == "active"]
        return next((key for suite in suites if suite in SUITES for key in active if key.suite == suite), None)

    def as_json(self) -> dict[str, Any]:
        """Return the record as JSON values, with the fields that this version doesn't know."""
        return self.model_dump(mode="json")


def _distinct(what: str, values: Iterable[Any]) -> None:
    values = list(values)
    if len(set(values)) != len(values):
        raise ValueError(f"{what} are listed twice")
