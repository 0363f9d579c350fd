"""Real keys and records for the directory's stories: Berlin's authorities, signed by Germany's node."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from directory_sync.authority import Authority
from directory_sync.snapshot import HEADER_TYP, Snapshot, make_snapshot
from protocol import jws
from protocol.limits import MAX_EVENT_JWS
from protocol.problems import ProtocolError

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def record(**changes: Any) -> dict[str, Any]:
    """Return a whole, valid record, with some fields changed."""
    return {
        "id": "DE-zaek-berlin",
        "country": "DE",
        "name": "Zahnärztekammer Berlin",
        "name_lang": "de",
        "titles": {"de": "Zahnärztekammer, Berlin", "hu": "Fogorvosi kamara, Berlin"},
        "level": "regional",
        "region": {"code": "DE3", "name": "Berlin"},
        "place": "Berlin",
        "contacts": {"email": "post@zaek-berlin.example", "web": "https://www.zaek-berlin.example/"},
        "languages": ["de", "en"],
        "areas": [{"area": "professional-qualifications", "role": "authority", "status": "active"}],
        "competences": ["profession:dental-practitioner"],
        "demo": True,
        "valid_from": date(2026, 1, 1),
        "v": 1,
    } | changes


def authority(**changes: Any) -> Authority:
    """Return a valid authority, with some fields changed."""
    return Authority.model_validate(record(**changes))


@dataclass(frozen=True)
class Country:
    """A country's node as far as the directory needs it: a key, and what others check with it."""

    code: str
    signer: jws.KeySigner

    def sign(self, claims: dict[str, Any]) -> str:
        """Sign a header's claims."""
        return jws.sign(self.signer, HEADER_TYP, claims, int(AT.timestamp()))

    def verify(self, compact: str) -> dict[str, Any]:
        """Verify a header as another country does."""
        parsed = jws.parse(compact, limit=MAX_EVENT_JWS)
        jws.require_header(parsed, HEADER_TYP)
        if not jws.verify(parsed, self.signer.private_key.public_key()):
            raise ProtocolError("wrong-signature")
        return parsed.claims()

    def publish(self, *authorities: Authority, version: int = 1) -> Snapshot:
        """Publish these authorities."""
        return make_snapshot(self.code, version, AT, authorities, self.sign)


def country(code: str = "DE") -> Country:
    """Return a country with a fresh key."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Country(code, jws.KeySigner(key, jws.key_id(key.public_key()), "x" * 43))
