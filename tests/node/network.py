"""A member list of nodes that really exist, each with its own keys, signed by their states."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from node.service.log_keys import published_keys
from node.service.node import Node
from node.store.key_files import SUITE, read_seed
from protocol.member import EncryptionKey, MemberRecord, MessageKey
from protocol.member_bundle import MemberBundle
from protocol.member_proposal import Candidate, propose, propose_status
from protocol.member_signatures import sign_role, signer_from_seed
from protocol.members import MemberList
from tests.protocol.member_network import agreed, apply


def _state(node: Node):
    return signer_from_seed(read_seed(node.config.keys / "state.seed"))


def _role(node: Node):
    return signer_from_seed(node.keys.list_seed)


def record_of(node: Node, now: datetime, **message_key: object) -> MemberRecord:
    """Return what a node says of itself; `message_key` replaces fields of its key."""
    keys = node.keys
    state = {"state": "active", "since": now, **message_key}
    return MemberRecord(
        country=node.country,
        name=node.config.node.name,
        url=node.config.peers.url,
        speaks=("1",),
        tls=(keys.tls_der,),
        message_keys=(MessageKey(kid=keys.signer.kid, certificate=keys.message_certificate, **state),),
        encryption_keys=(EncryptionKey(kid=keys.encryption_kid, suite=SUITE, public=keys.encryption_public),),
        demo=True,
        **published_keys(node, None),
    )


def rerecord(members: MemberList, node: Node, now: datetime, version: int = 2, **message_key: object) -> MemberList:
    """Return the list after a node has given a new record."""
    raw = sign_role(record_of(node, now, **message_key), version, now + timedelta(days=365), _role(node))
    return apply(members, MemberBundle(roles={node.country: raw}), now=now)


def join_all(nodes: Sequence[Node], now: datetime) -> MemberList:
    """Return a list that these nodes have joined one after the other, and give it to each of them."""
    members: MemberList | None = None
    for place, node in enumerate(nodes):
        candidate = Candidate.of(node.country, _state(node), _role(node))
        proposal = propose(members, candidate, now)
        bundle = agreed(members, proposal, [_state(one) for one in nodes[: place + 1]])
        members = apply(members or MemberList.genesis(bundle.roots[0]), bundle, now=now)
    assert members is not None
    for node in nodes:
        members = rerecord(members, node, now, version=1)
    for node in nodes:
        node.members = members
    return members


def suspend(members: MemberList, country: str, nodes: Sequence[Node], now: datetime) -> MemberList:
    """Return the list after the states have suspended a country."""
    bundle = agreed(members, propose_status(members, country, "suspended", now), [_state(one) for one in nodes])
    return apply(members, bundle, now=now)
