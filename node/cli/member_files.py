"""The files that operators send each other while the member list changes, and how they are named."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from node.cli.context import read_file, write_file
from node.errors import NodeError
from node.service.accession import STATE_KEY, AnyProposal, Statement
from node.store.key_files import read_seed
from protocol.member_bundle import MemberBundle
from protocol.member_problems import MemberListError
from protocol.member_proposal import Candidate, Proposal
from protocol.member_signatures import signer_from_seed
from protocol.suspension_proposal import SuspensionProposal

T = TypeVar("T")

CANDIDATE: Final = "{country}.candidate.json"
PROPOSAL: Final = "{name}.proposal.json"


def candidate_of(country: str, keys: Path) -> Candidate:
    """Return the public keys with which a country joins, from its key files."""
    state, own = (signer_from_seed(read_seed(keys / name)) for name in (STATE_KEY, "list.seed"))
    return Candidate.of(country, state, own)


def fingerprint(candidate: Candidate) -> str:
    """Return a candidate's hash (hex), to be compared by another way than the file came."""
    return hashlib.sha256(candidate.to_json()).hexdigest()


def signed_name(proposal: Path, country: str) -> Path:
    """Name a state's signatures after the proposal: `AT.proposal.json` → `AT.proposal.DE.signed.json`."""
    return proposal.with_name(f"{proposal.name.removesuffix('.json')}.{country}.signed.json")


def _read(path: Path, what: str, parse: Callable[[bytes], T]) -> T:
    data = read_file(path).strip()
    try:
        return parse(data)
    except MemberListError as error:
        raise NodeError("members-invalid", f"{path} isn't {what}: {error}", "Is it the right file?") from None


def read_candidate(path: Path) -> Candidate:
    """Read a file that `entente init` or `entente member candidate` wrote."""
    return _read(path, "a candidate", Candidate.from_json)


def read_proposal(path: Path) -> AnyProposal:
    """Read a file that `entente member propose`, `renew`, `leave` or `suspend` wrote."""
    proposal = _read(path, "a proposal", _proposal)
    try:
        proposal.read()
    except MemberListError as error:
        raise NodeError("members-invalid", f"{path}: {error.meaning} ({error})") from None
    return proposal


def _proposal(data: bytes) -> AnyProposal:
    try:
        return SuspensionProposal.from_json(data)
    except MemberListError:
        return Proposal.from_json(data)


def read_statement(path: Path) -> Statement:
    """Read a file that `entente member sign` wrote."""
    return _read(path, "a file of signatures", Statement.from_json)


def read_bundle(path: Path) -> MemberBundle:
    """Read a file that `entente member list --output` wrote."""
    return _read(path, "a member list", MemberBundle.from_json)


def save(path: Path, data: bytes) -> Path:
    """Write one of these files, unless it is there already."""
    write_file(path, data + b"\n")
    return path
