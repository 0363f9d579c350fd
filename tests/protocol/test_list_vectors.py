"""The vectors of joining, of the directory and of question sets, checked from their JSON."""

import base64
import hashlib
import json
from datetime import datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from directory_sync.authority import Authority
from directory_sync.problem import DirectoryError
from directory_sync.snapshot import HEADER_TYP, check_snapshot
from node.service.accession import Statement
from protocol import jws
from protocol.encoding import canonical_json
from protocol.limits import MAX_EVENT_JWS
from protocol.member_bundle import MemberBundle
from protocol.member_proposal import Candidate, Proposal
from protocol.member_signatures import attach, sign_proposal, signer_from_seed
from protocol.members import MemberList
from protocol.problems import ProtocolError
from protocol.suspension_proposal import SuspensionProposal, attach_suspension, sign_suspension
from tests.protocol.member_network import NOW
from tests.protocol.test_vectors import bundle_of, d64, vectors
from translations.question_set import CodeList, QuestionSet, Variable, definition_sha256

JOINING, DIRECTORY, SET = (vectors(f"{name}.json") for name in ("joining", "directory", "question-set"))
SUSPENSION = vectors("suspension.json")


@pytest.mark.parametrize("file", ["jws", "event", "batch", "receipt"])
def test_a_key_of_the_vectors_can_sign(file: str) -> None:
    """The secret half of each message key is there, so that signing can be tried (RFC 6979; SPEC S-025)."""
    found = vectors(f"{file}.json")
    for key in found.get("keys") or [one["key"] for one in found["documents"]]:
        secret, certificate = bytes.fromhex(key["private"]), d64(key["certificate"])
        private: jws.PrivateKey
        if key["alg"] == "ES256":
            private = ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256R1())
        else:
            private = ed25519.Ed25519PrivateKey.from_private_bytes(secret)
        assert jws.key_id(private.public_key()) == key["kid"]
        signer = jws.KeySigner(private, key["kid"], key["x5t#S256"])
        for one in found.get("documents", []):
            if one["key"] == key:
                assert jws.sign(signer, one["typ"], one["claims"], one["iat"]) == one["compact"]
        assert jws.verify_with_certificate(jws.parse(jws.sign(signer, "x", {}, 1), limit=4096), certificate)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_the_files_of_a_suspension() -> None:
    """Proposal, signatures, name and document are what SPEC.md says, and it begins and ends in time (SPEC S-182).

    SPEC S-183, S-184, S-188, S-189.
    """
    members, problems = MemberList.restore(bundle_of(SUSPENSION["before"]))
    assert problems == ()
    proposal = SuspensionProposal.from_json(canonical_json(SUSPENSION["proposal"]))
    statements = []
    for country, written in SUSPENSION["signed"].items():
        statement = Statement.from_json(canonical_json(written))
        signer = signer_from_seed(bytes.fromhex(SUSPENSION["keys"][country]))
        assert sign_suspension(members, proposal, signer) == statement.signatures
        statements += statement.signatures
    bundle = attach_suspension(members, proposal, statements).bundle
    assert bundle is not None
    assert bundle.suspensions == {SUSPENSION["name"]: base64.b64decode(SUSPENSION["raw"])}
    signed = json.loads(SUSPENSION["signed_bytes"])
    said = json.dumps(signed["entente"]["suspension"], sort_keys=True, separators=(",", ":")).encode()
    assert SUSPENSION["name"] == f"suspension-{hashlib.sha256(said).hexdigest()[:16]}"
    stopped, _ = members.update(bundle, _instant(SUSPENSION["now"]))
    assert stopped.versions("DE", _instant(SUSPENSION["now"])) == SUSPENSION["versions"]
    for at, active in SUSPENSION["active"]:
        assert sorted(stopped.at(_instant(at)).active_countries()) == active


def test_what_becomes_of_each_suspension_that_is_offered() -> None:
    """Too few, a second one, a rollback, a fork: each is refused by its code (SPEC S-185, S-186)."""
    members, _ = MemberList.restore(bundle_of(SUSPENSION["before"]))
    for offer in SUSPENSION["offers"]:
        members, problems = members.update(bundle_of(offer["bundle"]), _instant(offer["now"]))
        assert [problem.code for problem in problems] == offer["problems"], offer["name"]
        assert sorted(members.active_countries()) == offer["active"], offer["name"]


def test_the_files_of_joining() -> None:
    """Candidate, fingerprint, proposal and signatures are what SPEC.md says, and lead to the list (SPEC S-169).

    SPEC S-113, S-170, S-171.
    """
    written = json.dumps(JOINING["candidate"], sort_keys=True, separators=(",", ":")).encode()
    assert hashlib.sha256(written).hexdigest() == JOINING["fingerprint"]
    candidate = Candidate.from_json(written)
    assert candidate.to_json() == written
    seeds = {country: {k: bytes.fromhex(v) for k, v in keys.items()} for country, keys in JOINING["keys"].items()}
    assert candidate == Candidate.of("AT", *(signer_from_seed(seeds["AT"][which]) for which in ("state", "role")))
    proposal = Proposal.from_json(canonical_json(JOINING["proposal"]))
    first = bundle_of(JOINING["before"])
    members, _ = MemberList.genesis(first.roots[0]).update(first, NOW)
    statements = [Statement.from_json(canonical_json(one)) for one in JOINING["signed"].values()]
    for country, statement in zip(JOINING["signed"], statements, strict=True):
        assert statement.signatures == sign_proposal(proposal, signer_from_seed(seeds[country]["state"]))
    progress = attach(members, proposal, [s for one in statements for s in one.signatures])
    assert progress.bundle is not None
    assert attach(members, proposal, statements[0].signatures + statements[1].signatures).bundle is None
    records = {country: raw for one in statements for country, raw in one.records.items()}
    made = MemberBundle(progress.bundle.roots, progress.bundle.targets, records)
    assert json.loads(made.to_json()) == JOINING["bundle"]
    newer, problems = members.update(made, NOW)
    assert (problems, newer.versions("AT")) == ((), JOINING["versions"])
    assert newer.active("AT")


def test_detached_signatures_sign_the_canonical_form() -> None:
    """Each names its document by the hash of the signed part, and is over these bytes (SPEC S-106, S-170)."""
    documents = {name: json.loads(base64.b64decode(raw)) for name, raw in JOINING["proposal"].items()}
    assert all(document["signatures"] == [] for document in documents.values())
    for country, signed in JOINING["signed"].items():
        key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(JOINING["keys"][country]["state"]))
        for one in signed["signatures"]:
            document = documents[one["document"]]["signed"]
            payload = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
            assert hashlib.sha256(payload).hexdigest() == one["sha256"]
            key.public_key().verify(bytes.fromhex(one["sig"]), payload)


def _verify(header: str) -> dict[str, Any]:
    parsed = jws.parse(header, limit=MAX_EVENT_JWS)
    jws.require_header(parsed, HEADER_TYP)
    if not jws.verify_with_certificate(parsed, d64(DIRECTORY["certificate"])):
        raise ProtocolError("wrong-signature")
    return parsed.claims()


def _check(document: str, version: int | None = None, sha256: str | None = None) -> tuple[Authority, ...]:
    header, _, body = document.partition("\n")
    return check_snapshot(
        header, body.encode(), iss="DE", known_version=version, known_sha256=sha256, verify_header=_verify
    )


def test_a_directory() -> None:
    """A snapshot is a header, a line feed and canonical records; its tag names version and digest.

    SPEC S-118, S-119, S-120, S-123, S-124, S-177.
    """
    body = DIRECTORY["document"].partition("\n")[2].encode()
    assert body == b"".join(canonical_json(record) + b"\n" for record in DIRECTORY["records"])
    digest = base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()
    assert DIRECTORY["etag"] == f'"{DIRECTORY["version"]}-{digest}"'
    assert [one.id for one in _check(DIRECTORY["document"])] == [record["id"] for record in DIRECTORY["records"]]


@pytest.mark.parametrize("entry", DIRECTORY["offers"], ids=lambda e: e["name"])
def test_directory_offers(entry: Any) -> None:
    """Who has a snapshot takes a newer one, and what contradicts it is refused (SPEC S-121)."""
    try:
        _check(entry["document"], DIRECTORY["version"], DIRECTORY["sha256"])
        version = _verify(entry["document"].partition("\n")[0])["version"]
        became = "newer" if version > DIRECTORY["version"] else "the same"
    except DirectoryError as error:
        became = error.code.removeprefix("directory-")
    assert became == entry["becomes"]


@pytest.mark.parametrize("entry", DIRECTORY["refusals"], ids=lambda e: e["name"])
def test_directory_refusals(entry: Any) -> None:
    """One fault refuses the snapshot as a whole (SPEC S-118 to S-125, S-177).

    SPEC S-119, S-120, S-122, S-124, S-125.
    """
    with pytest.raises((DirectoryError, ProtocolError)):
        _check(entry["document"])


def test_the_hash_of_a_question_set() -> None:
    """It is taken of the set and of the lists and variables that it uses, without defaults (SPEC S-172)."""
    definition = {key: value for key, value in SET["set"].items() if key != "sha256"}
    question_set = QuestionSet.model_validate(definition)
    lists = {name: CodeList.model_validate(one) for name, one in SET["lists"].items()}
    variables = {name: Variable.model_validate(one) for name, one in SET["variables"].items()}
    assert definition_sha256(question_set, lists, variables) == SET["set_sha256"]
    assert hashlib.sha256(SET["hashed"].encode()).hexdigest() == SET["set_sha256"]
    assert canonical_json(json.loads(SET["hashed"])).decode() == SET["hashed"]


@pytest.mark.parametrize("entry", vectors("members.json")["tuf_form"])
def test_the_form_in_which_tuf_signs(entry: Any) -> None:
    """Only quotes and backslashes are escaped; control characters stand as they are (SPEC S-106)."""
    signed = bytes.fromhex(entry["bytes"])
    assert hashlib.sha256(signed).hexdigest() == entry["sha256"]
    assert json.loads(signed, strict=False) == entry["value"]
    escaped = json.dumps(entry["value"], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    for char, escape in (("\t", "\\t"), ("\n", "\\n"), ("\x01", "\\u0001")):
        escaped = escaped.replace(escape, char)
    assert escaped.encode() == signed
