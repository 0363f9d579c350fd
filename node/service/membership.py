"""The member list of a running node: kept on disk, updated from peers and commands, and our own record in it."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Final

from pydantic import ValidationError

from node.domain.access import Actor
from node.errors import NodeError
from node.service import log_keys, versions
from node.service.node import Node
from node.store import audit, authorities, member_documents, peers, streams
from node.store.key_files import SUITE, certificate_der
from node.store.tx import Read, Tx
from protocol.batch import Versions
from protocol.member import EncryptionKey, MemberRecord, MessageKey
from protocol.member_bundle import MemberBundle
from protocol.member_documents import read_role, read_root, read_targets
from protocol.member_problems import MemberListError
from protocol.member_proposal import EXPIRES_DAYS
from protocol.member_signatures import sign_role, signer_from_seed
from protocol.member_suspension import is_suspension
from protocol.members import MemberList

SPEAKS: Final = ("1",)
"""Versions of the protocol that this node speaks."""
NEXT_TLS: Final = "tls-next.crt"
"""Beside `tls.crt`: the certificate that will follow it, told to the peers before it is used."""

Problems = list[MemberListError]


# --- the list ---


def load_members(q: Read) -> MemberList | None:
    """Return the stored list, verified again but for its first root; None before this node has one."""
    stored = member_documents.load(q)
    return MemberList.restore(stored)[0] if stored.roots else None


def restore(node: Node) -> None:
    """Give a node the list that it stored."""
    stored = node.store.read_now(load_members)
    node.members = stored.at(node.clock.now()) if stored else None


def reload(node: Node) -> bool:
    """Take over a list that another process (a command) stored meanwhile, and what has begun or ended by itself.

    Returns whether anything changed. Cheap enough for every second or two: it compares versions.
    """
    before, stored = node.members, node.store.read_now(member_documents.versions)
    if stored and stored != _versions(before):
        restore(node)
    elif before is not None:
        node.members = before.at(node.clock.now())
    if node.members is before:
        return False
    node.members_changed()
    return True


def _versions(members: MemberList | None) -> dict[str, int]:
    if members is None:
        return {}
    roles = {country: members.role_version(country) for country in members.bundle().roles}
    targets = {"targets": members.targets.version} if members.targets else {}
    few = {name: members.suspension_version(name) for name in members.bundle().suspensions}
    return {"root": members.root.version, **targets, **roles, **few}


async def take_bundle(node: Node, bundle: MemberBundle, source: str) -> Problems:
    """Take in what is valid and newer in a bundle; returns what was refused, all of it or single documents.

    `source` is a peer's country or who runs a command. On return the new list is durable and in force.
    Raises `members-invalid` where this node has no list yet: `join` or `found` come first.
    """
    if node.members is None:
        raise NodeError("members-invalid", "This node has no member list yet.", "entente member join --help")
    if node.members.has(bundle):  # most looks at a peer's list: checking it again would keep the writer for long
        return []
    return await install(node, node.members, bundle, source)


async def install(node: Node, base: MemberList, bundle: MemberBundle, source: str) -> Problems:
    """Take in a bundle on top of `base`, or of what is stored where something is."""
    newer, problems = await node.store.write(lambda tx: _take(tx, node, base, bundle, source))
    _use(node, newer)
    return problems


def _use(node: Node, newer: MemberList | None) -> None:
    if newer is not None and newer is not node.members:
        node.members = newer
        node.members_changed()


def _take(
    tx: Tx, node: Node, base: MemberList, bundle: MemberBundle, source: str
) -> tuple[MemberList | None, Problems]:
    same = node.members is not None and member_documents.versions(tx) == _versions(node.members)
    known = node.members if same else load_members(tx)  # a command may have stored a newer one than we know
    known = known or base
    try:
        newer, found = known.update(bundle, tx.now)
        problems = list(found)
    except MemberListError as error:
        newer, problems = known, [error]
    _keep_proofs(tx, problems, source)
    before, after = member_documents.versions(tx), _versions(newer)
    if before == after:
        return (newer if _versions(node.members) != after else None), problems
    if newer.targets is None:
        return None, problems
    _save(tx, newer)
    changed = sorted(f"{name} {version}" for name, version in after.items() if before.get(name) != version)
    audit.append(tx, source, "members.update", "members", " ".join(changed))
    return newer, problems


def _save(tx: Tx, members: MemberList) -> None:
    bundle = members.bundle()
    roots = {read_root(raw).version: raw for raw in bundle.roots}
    others = {country: (read_role(raw, country).version, raw) for country, raw in bundle.roles.items()}
    others |= {name: (members.suspension_version(name), raw) for name, raw in bundle.suspensions.items()}
    if bundle.targets is not None:
        others["targets"] = (read_targets(bundle.targets).version, bundle.targets)
    member_documents.save(tx, roots, others)


def _keep_proofs(tx: Tx, problems: Iterable[MemberListError], source: str) -> None:
    for problem in problems:
        if problem.proof and not authorities.proof_is_kept(tx, problem.document, problem.proof[1]):
            streams.keep_proof(tx, problem.document, problem.code, problem.proof[0], problem.proof[1])
            audit.append(tx, source, "members.fork", problem.document, problem.code)


def needs_fetch(node: Node, versions: Versions) -> bool:
    """Say whether a peer that names these versions has a document that is news here.

    A fork counts once: as soon as its proof is kept, there is no reason to fetch it again. So does a suspension
    that isn't taken, since a state stands in another.
    """
    members = node.members
    if members is None:
        return False
    second = {name for name in versions if is_suspension(name) and _proven(node, name, "members-second-suspension")}
    named = {name: list(version) for name, version in versions.items() if name not in second}
    try:
        return members.newer(named) or any(not _proven(node, name, "members-fork") for name in members.forked(named))
    except MemberListError:
        return False


def _proven(node: Node, document: str, code: str) -> bool:
    return node.store.read_now(lambda q: streams.is_proven(q, document, code))


# --- our own record ---


def own_record(node: Node) -> MemberRecord:
    """Return what this node says of itself: from its configuration and keys, and its earlier record.

    Message and encryption keys that it used before stay as retired ones, so that the past can be verified.
    Raises `config-invalid` where the configuration has what no record may hold.
    """
    try:
        return _own_record(node)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise NodeError("config-invalid", f"{where}: not allowed in a member record: {first['msg']}") from None


def _own_record(node: Node) -> MemberRecord:
    now, keys = node.clock.now(), node.keys
    before = node.members.member(node.country) if node.members else None
    kid, encryption = keys.signer.kid, keys.encryption_kid
    known = before.message_key(kid) if before else None
    since = known.since if known else now
    message = MessageKey(kid=kid, certificate=keys.message_certificate, state="active", since=since)
    others = [key for key in before.message_keys if key.kid != kid] if before else []
    retired = [k.model_copy(update={"state": "retired", "until": now}) if k.state == "active" else k for k in others]
    old = [key for key in before.encryption_keys if key.kid != encryption] if before else []
    return MemberRecord(
        country=node.country,
        name=node.config.node.name,
        url=node.config.peers.url,
        speaks=SPEAKS,
        tls=_tls_certificates(node),
        message_keys=(message, *retired),
        encryption_keys=(
            EncryptionKey(kid=encryption, suite=SUITE, public=keys.encryption_public),
            *(key.model_copy(update={"state": "retired"}) if key.state == "active" else key for key in old),
        ),
        demo=node.config.node.demo,
        **log_keys.published_keys(node, before),
    )


def _tls_certificates(node: Node) -> tuple[bytes, ...]:
    following = node.config.keys / NEXT_TLS
    own = node.keys.tls_der
    extra = certificate_der(following) if following.exists() else own
    return (own,) if extra == own else (own, extra)


def published(node: Node) -> bool:
    """Say whether the record in the list is what this node would say of itself today."""
    record = node.members.member(node.country) if node.members else None
    return record is not None and record.as_json() == own_record(node).as_json()


def signed_record(node: Node) -> bytes:
    """Sign this node's record as the next version of its document."""
    return _signed(node, own_record(node), _next_version(node))


def _next_version(node: Node) -> int:
    return versions.following(node, node.members.role_version(node.country) if node.members else 0)


def _signed(node: Node, record: MemberRecord, version: int) -> bytes:
    expires = node.clock.now() + timedelta(days=EXPIRES_DAYS)
    return sign_role(record, version, expires, signer_from_seed(node.keys.list_seed))


async def publish_own_role(node: Node) -> bool:
    """Sign and store a new record where URL, certificates or keys changed, or the old one ends soon.

    Peers hear of it with the next batch or look. Returns whether there was a reason; nothing happens before
    the country is a member. Raises `members-invalid` where a changed record isn't accepted by our own list, and
    `stale` where another process published at this very moment: the next look does it.
    """
    reload(node)
    members = node.members
    standing = members.standing(node.country) if members else None
    if members is None or standing is None or standing.status == "left":
        return False
    same = published(node)
    if same and not _ends_soon(node, members):
        return False
    problems = await _publish_record(node, lambda: own_record(node), node.country)
    if not same and not published(node):
        raise NodeError(
            "members-invalid",
            f"This node's own record was refused: {problems[0] if problems else 'unchanged'}.",
            "Is keys/list.seed the one that joined? Else propose the new keys: entente member candidate.",
        )
    return True


async def _publish_record(node: Node, record: Callable[[], MemberRecord], source: str) -> Problems:
    """Sign a record as the next version and store it in one transaction, so that no version is signed twice."""
    require_newest(node)

    def work(tx: Tx) -> tuple[MemberList | None, Problems]:
        stored = member_documents.versions(tx)
        if node.members is None or (stored and stored != _versions(node.members)):
            raise NodeError("stale", "The member list has changed meanwhile.")
        bundle = MemberBundle(roles={node.country: _signed(node, record(), _next_version(node))})
        return _take(tx, node, node.members, bundle, source)

    newer, problems = await node.store.write(work)
    _use(node, newer)
    return problems


def require_newest(node: Node) -> None:
    """Refuse to sign a version of our record that we may have signed before with other words (SPEC S-133).

    Raises `newer-at-peer`, or `peers-not-asked` where nobody could say.
    """
    version = node.members.role_version(node.country) if node.members else 0
    _, told, peer = node.store.read_now(peers.highest_told)
    if told > version:
        raise NodeError("newer-at-peer", f"{peer} knows version {told} of our record, here is {version}.")
    if version and not node.asked():
        raise NodeError("peers-not-asked")


async def revoke_key(node: Node, actor: Actor, kid: str) -> None:
    """Revoke an earlier message key of ours: nothing new of it is accepted anywhere any more.

    Raises `not-found` for a key that the record doesn't have, `exists` for the one in use: renew that first.
    """
    actor.require("node.observe")
    reload(node)
    record = node.members.member(node.country) if node.members else None
    found = [key for key in record.message_keys if key.kid == kid] if record else []
    if record is None or not found:
        raise NodeError("not-found", f"Our record names no message key {kid}.", "entente member show CC")
    if kid == node.keys.signer.kid:
        raise NodeError("exists", "This is the key in use.", "Make another one first: entente member renew-key message")
    now = node.clock.now()

    def revoked() -> MemberRecord:
        present = own_record(node)
        keys = tuple(
            key.model_copy(update={"state": "revoked", "until": now}) if key.kid == kid else key
            for key in present.message_keys
        )
        return present.model_copy(update={"message_keys": keys})

    problems = await _publish_record(node, revoked, actor.id)
    if problems:
        raise NodeError("members-invalid", str(problems[0]))


def _ends_soon(node: Node, members: MemberList) -> bool:
    """Say whether the list warns of our record's end: 90 days before."""
    return any(document == node.country for _, document, _ in members.warnings(node.clock.now()))


# --- local blocks ---


async def set_blocked(node: Node, actor: Actor, country: str, *, blocked: bool) -> None:
    """Refuse a peer's messages from now on, or take them again; the member list stays as it is.

    Raises `unknown-country` for one that the list doesn't name, and for our own.
    """
    actor.require("node.observe")
    if country == node.country or node.members is None or node.members.standing(country) is None:
        raise NodeError("unknown-country", f"The member list names no other country {country}.")

    def work(tx: Tx) -> None:
        if peers.is_blocked(tx, country) != blocked:
            peers.block(tx, country, blocked=blocked)
            audit.append(tx, actor.id, "peer.block" if blocked else "peer.unblock", country)

    await node.store.write(work)
