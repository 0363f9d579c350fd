"""The vectors of joining, of the directory and of question sets, checked from their JSON."""

import base64
import hashlib
import json
from datetime import datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from directory_sync.checkpoint import LogKeys, read_checkpoint
from directory_sync.note import VerifierKey
from directory_sync.page import Grown, grow, read_growth, read_page
from directory_sync.problem import DirectoryError
from directory_sync.proof_file import check_listed, read_fork, read_proof
from directory_sync.tree import Tree, is_consistent
from directory_sync.witness import Refusal, Seen, read_request, refusal
from node.service.accession import Statement
from node.service.area_packs import statement_of
from protocol import jws
from protocol.area_statement import AreaSignature, AreaStatement
from protocol.encoding import b64u, canonical_json
from protocol.member_bundle import MemberBundle
from protocol.member_proposal import Candidate, Proposal
from protocol.member_signatures import attach, sign_proposal, signer_from_seed
from protocol.members import MemberList
from protocol.suspension_proposal import SuspensionProposal, attach_suspension, sign_suspension
from tests.protocol.member_network import NOW
from tests.protocol.test_vectors import bundle_of, d64, member_list, vectors
from translations.pack import read_pack, write_pack
from translations.question_set import CodeList, QuestionSet, Variable, definition_sha256
from translations.yaml_file import AreaError

JOINING, DIRECTORY, SET = (vectors(f"{name}.json") for name in ("joining", "directory", "question-set"))
SUSPENSION, AREA = vectors("suspension.json"), vectors("area.json")


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


KEYS = LogKeys.read("DE", DIRECTORY["log_keys"])
ASKED_AT = datetime.fromisoformat(DIRECTORY["now"])
WITNESSES = {one: VerifierKey.parse(key) for one, key in DIRECTORY["witness_keys"].items()}


def _grow(page: str, known: tuple[Tree, str] = (Tree(), "")) -> Grown:
    assert KEYS is not None
    return grow(read_page(page.encode()), "DE", KEYS, known, ASKED_AT)


def test_a_directory() -> None:
    """A page is a head, leaves and records; its leaves lead to the signed root (SPEC S-119, S-120, S-207, S-216, S-217).

    SPEC S-118, S-124, S-177, S-206, S-211.
    """
    grown = _grow(DIRECTORY["page"])
    assert grown.whole
    assert [grown.tree.size, b64u(grown.tree.root())] == [DIRECTORY["size"], DIRECTORY["root"]]
    assert [record.record for record, _ in grown.records.values()] == list(map(canonical_json, DIRECTORY["records"]))
    first = _grow(DIRECTORY["first_page"])
    assert not first.whole
    assert first.tree.size == 2


def test_cosignatures_and_growth() -> None:
    """Witnesses sign with their time; a growth proves itself (SPEC S-212, S-224)."""
    told = DIRECTORY["cosigned"]
    times = read_checkpoint(told["checkpoint"].encode()).witnessed(WITNESSES.values())
    assert times == {WITNESSES[one].name: at for one, at in told["at"].items()}
    checkpoint, other, proof = read_growth(json.dumps(DIRECTORY["growth"]).encode())
    assert is_consistent((2, other), (checkpoint.size, checkpoint.root), proof)


@pytest.mark.parametrize("entry", DIRECTORY["offers"], ids=lambda e: e["name"])
def test_directory_offers(entry: Any) -> None:
    """Who has a log takes what grew from it, and what contradicts it is refused (SPEC S-121)."""
    known = _grow(DIRECTORY["page"])
    try:
        grown = _grow(entry["page"], (known.tree, known.leaves[-1].at))
        became = "newer" if grown.leaves else "the same"
    except DirectoryError as error:
        became = error.code.removeprefix("directory-")
    assert became == entry["becomes"]


@pytest.mark.parametrize("entry", DIRECTORY["refusals"], ids=lambda e: e["name"])
def test_directory_refusals(entry: Any) -> None:
    """One fault refuses the page as a whole (SPEC S-119, S-120, S-122, S-124, S-125, S-177).

    SPEC S-206, S-209, S-210, S-216.
    """
    with pytest.raises(DirectoryError):
        _grow(entry["page"])


@pytest.mark.parametrize("entry", DIRECTORY["requests"], ids=lambda e: e["name"])
def test_witness_requests(entry: Any) -> None:
    """A witness that has cosigned the log answers each request with the status that is listed (SPEC S-213)."""
    asked = read_request(entry["body"].encode())
    known = _grow(DIRECTORY["page"]).tree
    found = asked if isinstance(asked, Refusal) else refusal(asked, KEYS, Seen(known.size, known.root()))
    assert (found.status if found else 200) == entry["status"]


def test_forks() -> None:
    """A proof of misbehaviour names who signed both sides, and nobody where the two agree (SPEC S-214)."""
    assert KEYS is not None
    keys = (*KEYS.keys, *WITNESSES.values())
    found = []
    for text in DIRECTORY["forks"]:
        fork = read_fork(text.encode())
        fork.require()
        found.append(fork.liars(keys))
    assert found == [(KEYS.origin,), (KEYS.origin, WITNESSES["FR"].name)]
    for text in DIRECTORY["no_forks"]:
        with pytest.raises(DirectoryError):
            read_fork(text.encode()).require()


def test_proofs() -> None:
    """A tlog-proof shows leaf, record and witnesses; without the record it holds as well (SPEC S-208, S-219)."""
    assert KEYS is not None
    shown = [check_listed(read_proof(text.encode()), KEYS, WITNESSES.values()) for text in DIRECTORY["proofs"]]
    assert [one.record for one in shown] == [DIRECTORY["records"][1], None]
    assert [(one.leaf.v, len(one.witnessed)) for one in shown] == [(2, 2), (1, 2)]


def test_the_hash_of_a_question_set() -> None:
    """It is taken of the set and of the lists and variables that it uses, without defaults (SPEC S-172)."""
    definition = {key: value for key, value in SET["set"].items() if key != "sha256"}
    question_set = QuestionSet.model_validate(definition)
    lists = {name: CodeList.model_validate(one) for name, one in SET["lists"].items()}
    variables = {name: Variable.model_validate(one) for name, one in SET["variables"].items()}
    assert definition_sha256(question_set, lists, variables) == SET["set_sha256"]
    assert hashlib.sha256(SET["hashed"].encode()).hexdigest() == SET["set_sha256"]
    assert canonical_json(json.loads(SET["hashed"])).decode() == SET["hashed"]


def test_a_version_of_an_area() -> None:
    """Address, signed bytes, signatures and what is missing are as SPEC.md says (SPEC S-245, S-246, S-247, S-248)."""
    members = member_list()
    pack = AREA["pack"].encode()
    area = read_pack(pack)
    assert write_pack(area) == pack
    assert area.code_label("lit", "sl", "de").text == "S.L."
    statement = AreaStatement.model_validate(AREA["statement"])
    assert statement == statement_of(pack)
    assert statement.signed_bytes().decode() == AREA["signed_bytes"]
    for country, written in AREA["signatures"].items():
        signed = statement.signed(signer_from_seed(bytes.fromhex(AREA["keys"][country])))
        assert signed.model_dump(mode="json")["signatures"] == [written]
    for case in AREA["missing"]:
        given = statement.model_copy(update={"signatures": tuple(AreaSignature(**one) for one in case["signatures"])})
        assert given.missing(members) == case["missing"], case["name"]


@pytest.mark.parametrize("name", AREA["refused"])
def test_a_pack_that_is_refused(name: str) -> None:
    """A pack that breaks one rule is refused, though its form is right (SPEC S-246)."""
    with pytest.raises(AreaError):
        read_pack(AREA["refused"][name].encode())


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
