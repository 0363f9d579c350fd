"""Receipts: one signed answer per batch, released only after its commit (SPEC.md section 4.4)."""

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from protocol import jws
from protocol.batch import Batch, Count, Country, Digest, Gossip, Versions
from protocol.encoding import b64u
from protocol.limits import MAX_ITEMS, MAX_RECEIPT_JWS
from protocol.problems import PROBLEMS, STORED, ProtocolError

TYP: Final = "entente-receipt-v1"

Outcome = tuple[Digest, Annotated[str, StringConstraints(pattern=r"^[a-z-]{1,64}$")]]


class Claims(BaseModel):
    """The claims of a receipt: `outcomes` has one `(event hash, code)` an item, `clock` is seconds since 1970."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    iss: Country
    aud: Country
    epoch: Count
    first: Count
    batch_sha256: Digest
    outcomes: Annotated[tuple[Outcome, ...], Field(max_length=MAX_ITEMS)]
    clock: Count
    members: Gossip = Field(default_factory=dict)


@dataclass(frozen=True)
class Receipt:
    """A parsed receipt."""

    jws: jws.Jws
    claims: Claims
    kid: str

    @property
    def sha256(self) -> str:
        """The receipt's name, base64url: what follows a refused event names it as its predecessor."""
        return b64u(self.jws.digest)


def issue(signer: jws.Signer, batch: Batch, outcomes: list[tuple[str, str]], *, now: int, members: Versions) -> str:
    """Sign the receipt of a batch; deterministic for the same arguments (SPEC S-036)."""
    claims = {
        "iss": batch.claims.aud,
        "aud": batch.claims.iss,
        "epoch": batch.claims.epoch,
        "first": batch.claims.first,
        "batch_sha256": batch.sha256,
        "outcomes": [list(outcome) for outcome in outcomes],
        "clock": now,
        "members": {name: list(version) for name, version in members.items()},
    }
    return jws.sign(signer, TYP, claims, now)


def parse_receipt(data: bytes) -> Receipt:
    """Parse a receipt without believing it; raises `malformed` or `too-large`."""
    try:
        parsed = jws.parse(data.decode("ascii"), limit=MAX_RECEIPT_JWS)
        kid, _ = jws.require_header(parsed, TYP)
        return Receipt(parsed, Claims.model_validate(parsed.claims()), kid)
    except (UnicodeDecodeError, ValidationError):
        raise ProtocolError("malformed", "the claims of the receipt") from None


def check_receipt(receipt: Receipt, batch: Batch) -> None:
    """Check that a receipt answers exactly this batch, else `malformed` (SPEC S-037).

    A receipt that names other items, or a code that isn't `stored` or final, is no receipt: the batch is
    sent again, and nothing of it counts. A code unknown here is a refusal (SPEC S-085).
    """
    claims, sent = receipt.claims, batch.claims
    answered = (claims.iss, claims.aud, claims.epoch, claims.first, claims.batch_sha256)
    if answered != (sent.aud, sent.iss, sent.epoch, sent.first, batch.sha256):
        raise ProtocolError("malformed", "the receipt is for another batch")
    if tuple(digest for digest, _ in claims.outcomes) != sent.items:
        raise ProtocolError("malformed", "the receipt names other events")
    for _, code in claims.outcomes:
        if code != STORED and code in PROBLEMS and not PROBLEMS[code].final:
            raise ProtocolError("malformed", "a temporary code in a receipt")
