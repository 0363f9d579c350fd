"""How the member list comes about and grows: founding, proposing, signing, publishing, joining.

Files go from operator to operator: a candidate (public keys), a proposal (the next list, unsigned), and from
each state a statement: its signatures and, where others don't have it yet, its own record, so that the
others accept its TLS certificate as soon as it is a member.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]

from node.errors import NodeError
from node.service import membership
from node.service.node import Node
from node.store.key_files import read_seed
from protocol.encoding import canonical_json
from protocol.member import INSTANT, to_base64, un_base64
from protocol.member_bundle import MemberBundle
from protocol.member_documents import MAX_DOCUMENT, json_or_refuse
from protocol.member_problems import MemberListError
from protocol.member_proposal import Candidate, Proposal, propose
from protocol.member_signatures import (
    Change,
    DetachedSignature,
    Progress,
    attach,
    review,
    sign_proposal,
    signatures_from_json,
    signer_from_seed,
)
from protocol.members import MemberList
from protocol.suspension_proposal import SuspensionProposal, attach_suspension, review_suspension, sign_suspension

STATE_KEY: Final = "state.seed"

AnyProposal = Proposal | SuspensionProposal


@dataclass(frozen=True)
class Statement:
    """What one state says to a proposal: detached signatures, and records (signed bytes) by country (SPEC S-170)."""

    signatures: tuple[DetachedSignature, ...]
    records: dict[str, bytes] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """Serialise for the state that publishes."""
        signatures = [signature.model_dump(mode="json") for signature in self.signatures]
        records = {country: to_base64(raw) for country, raw in self.records.items()}
        return canonical_json({"signatures": signatures, "records": records})

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Parse what `to_json` made; raises only `MemberListError`."""
        value: Any = json_or_refuse(data, 4 * MAX_DOCUMENT)
        if not isinstance(value, dict) or not isinstance(value.get("records"), dict) or "signatures" not in value:
            raise MemberListError("members-malformed", "not a file of signatures")
        try:
            records = {str(country): un_base64(raw) for country, raw in value["records"].items()}
        except ValueError as error:
            raise MemberListError("members-malformed", str(error)) from None
        return cls(signatures_from_json(canonical_json({"signatures": value["signatures"]})), records)


def state_signer(node: Node) -> CryptoSigner:
    """Return the state's own key, with which it signs the list; raises `key-missing`."""
    return signer_from_seed(read_seed(node.config.keys / STATE_KEY))


def own_candidate(node: Node) -> Candidate:
    """Return the public keys with which this node's country joins."""
    return Candidate.of(node.country, state_signer(node), signer_from_seed(node.keys.list_seed))


async def found(node: Node) -> MemberList:
    """Make a network of one: this node's country, which then takes in the others."""
    if node.members is not None:
        raise NodeError("exists", "This node is in a network already.", "entente member list")
    proposal = propose(None, own_candidate(node), node.clock.now())
    signed = attach(None, proposal, sign_proposal(proposal, state_signer(node)))
    assert signed.bundle is not None
    first = MemberList.genesis(signed.bundle.roots[0])
    await membership.install(node, first, signed.bundle, "operator")
    await membership.publish_own_role(node)
    return in_force(node)


def in_force(node: Node) -> MemberList:
    """Return the list; raises `members-invalid` where the node has none."""
    if node.members is None:
        raise NodeError(
            "members-invalid",
            "This node has no member list yet.",
            "entente member found (the network's first node) or entente member join.",
        )
    return node.members


def changes(members: MemberList | None, proposal: AnyProposal) -> tuple[Change, ...]:
    """Return what a proposal changes; a country without a list sees all that it would join.

    Raises `members-proposal` where it isn't made on the list in force.
    """
    if isinstance(proposal, SuspensionProposal):
        return review_suspension(_known(members), proposal)
    root, targets = proposal.read()
    if members is not None or root.version == 1:
        return review(members, proposal)
    active = [Change(standing.status, country) for country, standing in sorted(targets.standings.items())]
    threshold = f"{root.signed.roles['root'].threshold} of {len(root.states)}"
    ends = [Change(f"{each.name}-expires", each.expires.strftime(INSTANT)) for each in (root, targets)]
    return (*active, Change("threshold", threshold), *ends)


def _known(members: MemberList | None) -> MemberList:
    if members is None:
        raise MemberListError("members-proposal", "a suspension is signed with the list in force (--list)")
    return members


def attached(members: MemberList, proposal: AnyProposal, signatures: Iterable[DetachedSignature]) -> Progress:
    """Put signatures to a proposal and say who is missing."""
    if isinstance(proposal, SuspensionProposal):
        return attach_suspension(members, proposal, signatures)
    return attach(members, proposal, signatures)


def sign(members: MemberList | None, proposal: AnyProposal, signer: CryptoSigner) -> Statement:
    """Sign a proposal with a state's key; raises `members-proposal` where that key has no say in it.

    A country that has no list yet signs safely: its signature only counts beside those of the majority that
    is in force, and says that it has its key.
    """
    if isinstance(proposal, SuspensionProposal):
        return Statement(sign_suspension(_known(members), proposal, signer))
    changes(members, proposal)
    root, _ = proposal.read()
    judges = set(root.states.values()) | (set(members.root.states.values()) if members else set())
    if signer.public_key.keyid not in judges:
        raise MemberListError("members-proposal", "the key is of no state that signs this proposal", "root")
    return Statement(sign_proposal(proposal, signer))


def sign_here(node: Node, proposal: AnyProposal) -> Statement:
    """Sign with this node's state key; its own record comes along where the list lacks it."""
    statement = sign(node.members, proposal, state_signer(node))
    if isinstance(proposal, SuspensionProposal):
        return statement
    _, targets = proposal.read()
    joins = node.country in targets.standings and not membership.published(node)
    own = signer_from_seed(node.keys.list_seed).public_key.keyid
    if joins and own not in targets.signed.get_delegated_role(node.country).keyids:
        raise MemberListError("members-proposal", "it names another key than keys/list.seed", node.country)
    return Statement(statement.signatures, {node.country: membership.signed_record(node)} if joins else {})


async def publish(node: Node, proposal: AnyProposal, statements: Iterable[Statement]) -> Progress:
    """Put signatures to a proposal; as soon as none is missing, the new list is in force here.

    The other nodes fetch it from this one. Raises `members-invalid` where it is refused.
    """
    members, given = in_force(node), list(statements)
    signatures = [signature for statement in given for signature in statement.signatures]
    progress = attached(members, proposal, signatures)
    if progress.bundle is None:
        return progress
    records = {country: raw for statement in given for country, raw in statement.records.items()}
    problems = await membership.take_bundle(node, replace(progress.bundle, roles=records), "operator")
    if problems or not _is_in_force(in_force(node), proposal):
        raise NodeError("members-invalid", "; ".join(map(str, problems)) or "The list in force is another one.")
    return progress


def _is_in_force(members: MemberList, proposal: AnyProposal) -> bool:
    if isinstance(proposal, SuspensionProposal):
        made = proposal.read()
        return members.suspension_version(made.name) == made.version
    return members.root.version == proposal.read()[0].version


async def join(node: Node, bundle: MemberBundle, root_sha256: str, shown: bytes | None = None) -> MemberList:
    """Take over a network's list whose first root has this hash, which the operator got by another way.

    `shown` is the certificate (DER) of the node that the list came from, where one did: it must be in the
    list. Raises `members-invalid`, and `exists` where the node is in another network.
    """
    if not bundle.roots:
        raise NodeError("members-invalid", "The file holds no list.")
    try:
        first = MemberList.genesis(bundle.roots[0], root_sha256)
        newest, _ = first.update(bundle, node.clock.now())
    except MemberListError as error:
        raise NodeError("members-invalid", str(error)) from None
    if node.members is not None and node.members.root_sha256 != first.root_sha256:
        raise NodeError("exists", "This node is in another network.", "A second network needs a second node.")
    if shown is not None and newest.country_of(shown) is None:
        raise NodeError("members-invalid", "The node that sent the list isn't in it.", "Ask another member.")
    problems = await membership.install(node, first, bundle, "operator")
    if node.members is None:
        raise NodeError("members-invalid", "; ".join(map(str, problems)) or "The list is incomplete.")
    await membership.publish_own_role(node)
    return node.members
