"""The vectors of the member list: two states found a network, and offers that must be refused."""

import base64
import datetime as dt
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from securesystemslib.formats import encode_canonical
from tuf.api.metadata import Metadata

from protocol.encoding import b64u, sha256
from protocol.member import EncryptionKey, MemberRecord, MessageKey
from protocol.member_bundle import MemberBundle
from protocol.member_problems import MemberListError
from protocol.member_proposal import Candidate, propose
from protocol.member_signatures import attach, sign_proposal, sign_role, signer_from_seed
from protocol.members import MemberList
from protocol.vectors import cast

NOW = dt.datetime(2026, 9, 21, 12, 0, 0, tzinfo=dt.UTC)
YEAR = dt.timedelta(days=365)


def state_key(country: str) -> Any:
    """Return the state's signer."""
    return signer_from_seed(cast.secret(f"state {country}"))


def role_key(country: str) -> Any:
    """Return the signer of the country's record."""
    return signer_from_seed(cast.secret(f"role {country}"))


def _tls(country: str) -> bytes:
    key = ec.derive_private_key(int.from_bytes(cast.secret(f"tls {country}"), "big") >> 1, ec.SECP256R1())
    return cast.certificate(key, f"{country.lower()}.example")


def record_of(country: str, **changes: Any) -> MemberRecord:
    """Return a country's record, with some fields replaced."""
    key, reader = cast.message_key(country), cast.Reader(country)
    values = {
        "country": country,
        "name": f"Node of {country}",
        "url": f"https://{country.lower()}.example:7443",
        "speaks": ("1",),
        "tls": (_tls(country),),
        "message_keys": (
            MessageKey(
                kid=cast.signer(country).kid, certificate=cast.certificate(key, country), state="active", since=NOW
            ),
        ),
        "encryption_keys": (EncryptionKey(kid=reader.kid, suite=reader.suite, public=reader.public_bytes),),
        "demo": True,
    }
    return MemberRecord.model_validate(values | changes)


def _joined(current: MemberList | None, country: str, states: list[str]) -> MemberBundle:
    proposal = propose(current, Candidate.of(country, state_key(country), role_key(country)), NOW)
    signatures = [one for state in states for one in sign_proposal(proposal, state_key(state))]
    bundle = attach(current, proposal, signatures).bundle
    assert bundle is not None
    return bundle


def _sha256(data: bytes) -> str:
    return sha256(data).hex()


def _changed(raw: bytes, change: Any, signers: list[Any]) -> bytes:
    document = json.loads(raw)
    change(document["signed"])
    metadata: Any = Metadata.from_bytes(json.dumps(document).encode())
    metadata.signatures.clear()
    for each in signers:
        metadata.sign(each, append=True)
    made: bytes = metadata.to_bytes()
    return made


def _offer(name: str, members: MemberList, bundle: MemberBundle, after: str | None = None) -> dict[str, Any]:
    told: dict[str, Any] = {"name": name, "bundle": json.loads(bundle.to_json())}
    told |= {"after": after} if after else {}
    try:
        newer, problems = members.update(bundle, NOW)
    except MemberListError as error:
        return told | {"refused": error.code}
    versions = {country: newer.role_version(country) for country in newer.countries()}
    return told | {"problems": [[p.document, p.code] for p in problems], "role_versions": versions}


def _offers(members: MemberList) -> list[dict[str, Any]]:
    both, raw = [state_key("DE"), state_key("HU")], members.bundle()
    root, targets = raw.roots[-1], raw.targets or b""
    hu = members.member("HU")
    assert hu is not None
    stolen = sign_role(record_of("HU", tls=(_tls("DE"),)), 2, NOW + YEAR, role_key("HU"))
    moved = record_of("HU", url="https://new.example")

    def expire(signed: Any) -> None:
        signed["expires"] = "2030-01-01T00:00:00Z"

    def raise_version(signed: Any) -> None:
        signed["version"] += 1

    def weaken(signed: Any) -> None:
        signed["version"] += 1
        signed["roles"]["root"]["threshold"] = 1

    def role_of(record: MemberRecord, version: int, signer: Any) -> MemberBundle:
        return MemberBundle(roles={"HU": sign_role(record, version, NOW + YEAR, signer)})

    offers = [
        ("the same list", raw),
        ("a newer record", role_of(moved, 2, role_key("HU"))),
        ("a record signed by another country", role_of(moved, 2, role_key("DE"))),
        ("an older record", role_of(moved, 1, role_key("HU"))),
        ("a record with another's certificate", MemberBundle(roles={"HU": stolen})),
        ("a record under another country's name", MemberBundle(roles={"DE": raw.roles["HU"]})),
        ("a record of no member", MemberBundle(roles={"FR": raw.roles["HU"]})),
        ("targets signed by one of two", MemberBundle(targets=_changed(targets, raise_version, both[:1]))),
        ("two targets of one version", MemberBundle(targets=_changed(targets, expire, both))),
        ("a root with a threshold of half", MemberBundle((_changed(root, weaken, both),))),
        ("a root signed by one of two", MemberBundle((_changed(root, raise_version, both[:1]),))),
        ("two roots of one version", MemberBundle((_changed(root, expire, both),))),
    ]
    newer, _ = members.update(dict(offers)["a newer record"], NOW)
    older = _offer("a record older than the one taken", newer, MemberBundle(roles=raw.roles), "a newer record")
    return [*(_offer(name, members, bundle) for name, bundle in offers), older]


def _documents(members: MemberList) -> list[dict[str, Any]]:
    bundle = members.bundle()
    named = [("root", raw) for raw in bundle.roots]
    named += [("targets", bundle.targets or b""), *sorted(bundle.roles.items())]
    found = []
    for name, raw in named:
        metadata: Any = Metadata.from_bytes(raw)
        found.append(
            {
                "document": name,
                "raw": base64.b64encode(raw).decode(),
                "signed_bytes": metadata.signed_bytes.decode(),
                "sha256": _sha256(metadata.signed_bytes),
                "version": metadata.signed.version,
                "signatures": {keyid: each.signature for keyid, each in metadata.signatures.items()},
            }
        )
    return found


def network() -> MemberList:
    """Return a network that DE has founded and HU joined, each with its record."""
    first = _joined(None, "DE", ["DE"])
    members, _ = MemberList.genesis(first.roots[0]).update(first, NOW)
    members, _ = members.update(_joined(members, "HU", ["DE", "HU"]), NOW)
    records = {c: sign_role(record_of(c), 1, NOW + YEAR, role_key(c)) for c in ("DE", "HU")}
    members, problems = members.update(MemberBundle(roles=records), NOW)
    assert not problems
    return members


def _tuf_form() -> list[dict[str, str]]:
    """Return values and the bytes that would be signed of them: control characters as they are."""
    values: list[Any] = [
        {"name": "a\tb\nc\x01d", "é": 'a "quote" and a \\'},
        {"entente": {"z": [1, None, True], "a": {}}},
    ]
    found = []
    for value in values:
        signed = str(encode_canonical(value)).encode()
        found.append({"value": value, "bytes": signed.hex(), "sha256": _sha256(signed)})
    return found


def joining_file(members: MemberList) -> dict[str, Any]:
    """Return how AT joins: each file that goes from hand to hand, and the documents that come of them."""
    candidate = Candidate.of("AT", state_key("AT"), role_key("AT"))
    proposal = propose(members, candidate, NOW)
    record = sign_role(record_of("AT"), 1, NOW + YEAR, role_key("AT"))
    signed = {}
    for country in ("DE", "HU", "AT"):
        signatures = [each.model_dump(mode="json") for each in sign_proposal(proposal, state_key(country))]
        records = {"AT": base64.b64encode(record).decode()} if country == "AT" else {}
        signed[country] = {"records": records, "signatures": signatures}
    bundle = attach(members, proposal, [s for c in signed for s in sign_proposal(proposal, state_key(c))]).bundle
    assert bundle is not None
    newer, problems = members.update(MemberBundle(bundle.roots, bundle.targets, {"AT": record}), NOW)
    assert not problems
    return {
        "spec": "12.3",
        "before": json.loads(members.bundle().to_json()),
        "keys": {c: {"state": cast.secret(f"state {c}").hex(), "role": cast.secret(f"role {c}").hex()} for c in signed},
        "candidate": json.loads(candidate.to_json()),
        "fingerprint": _sha256(candidate.to_json()),
        "proposal": json.loads(proposal.to_json()),
        "signed": signed,
        "versions": newer.versions("AT"),
        "bundle": json.loads(MemberBundle(bundle.roots, bundle.targets, {"AT": record}).to_json()),
    }


def members_file(members: MemberList) -> dict[str, Any]:
    """Return a founded network, its documents one by one, and offers with what becomes of them."""
    keys = {keyid: key.to_dict() for keyid, key in members.root.signed.keys.items()}
    return {
        "spec": "12",
        "now": "2026-09-21T12:00:00Z",
        "pin": members.root_sha256,
        "bundle": json.loads(members.bundle().to_json()),
        "keys": keys,
        "documents": _documents(members),
        "versions": {country: members.versions(country) for country in members.countries()},
        "tls": {country: b64u(_tls(country)) for country in members.countries()},
        "offers": _offers(members),
        "tuf_form": _tuf_form(),
    }
