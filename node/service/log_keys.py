"""The keys of the directories' logs and of their witnesses: our own, and everybody's from the member list."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Final

from directory_sync.checkpoint import Checkpoint, LogKeys, generation_of, origin_of, witness_keys, witness_name
from directory_sync.note import COSIGNATURE, PLAIN, Signer, VerifierKey
from directory_sync.problem import DirectoryError
from node.errors import NodeError
from node.service.node import Node
from node.store.key_files import LOG_SEED, WITNESS_SEED, load_keys, make_log_keys
from protocol.member import MAX_NOTE_KEYS, MemberRecord

_MISSING: Final = "Restore it from the backup of keys/, or begin a new one: docs/operating.md, the directory's log."


def make_missing(node: Node) -> bool:
    """Make our log and witness keys at the start of a node that never had any; returns whether it did.

    Raises `key-missing` where our record names such a key and the file is gone: a new one would be another log's.
    """
    record = node.members.member(node.country) if node.members else None
    lost = [LOG_SEED.format(1)] if record and record.log_keys and not node.keys.log_seed else []
    lost += [WITNESS_SEED] if record and record.witness_keys and not node.keys.witness_seed else []
    if lost:
        raise NodeError("key-missing", f"{node.config.keys / lost[0]} is missing.", _MISSING)
    if not make_log_keys(node.config.keys, node.entropy):
        return False
    node.keys = load_keys(node.config.keys, node.config.master_key)
    return True


def log_signer(node: Node) -> Signer:
    """Return what signs the checkpoints of our log."""
    if not node.keys.log_seed:
        raise NodeError("key-missing", "This node has no key of a directory log yet.", "entente serve makes it.")
    return _signer(origin_of(node.country, node.keys.log_number), PLAIN, node.keys.log_seed)


def witness_signer(node: Node) -> Signer:
    """Return what cosigns the checkpoints of others."""
    if not node.keys.witness_seed:
        raise NodeError("key-missing", "This node has no witness key yet.", "entente serve makes it.")
    return _signer(witness_name(node.country), COSIGNATURE, node.keys.witness_seed)


_signer: Final = lru_cache(maxsize=128)(Signer.from_seed)
"""Makes a signer of a seed: our own public key is looked at with every call of a peer."""


def published_keys(node: Node, before: MemberRecord | None) -> dict[str, tuple[str, ...]]:
    """Return `log_keys` and `witness_keys` of our record: the ones in use, then earlier ones, for what they signed."""
    if not (node.keys.log_seed and node.keys.witness_seed):
        return {"log_keys": before.log_keys, "witness_keys": before.witness_keys} if before else {}
    earlier = (before.log_keys, before.witness_keys) if before else ((), ())
    present = (str(log_signer(node).verifier), str(witness_signer(node).verifier))
    kept = [tuple(dict.fromkeys((one, *more)))[:MAX_NOTE_KEYS] for one, more in zip(present, earlier, strict=True)]
    return {"log_keys": kept[0], "witness_keys": kept[1]}


def log_keys_of(node: Node, country: str) -> LogKeys | None:
    """Return the keys of a country's log in force; None where its record names none, or it isn't in the list."""
    record = node.members.member(country) if node.members else None
    if country == node.country and node.keys.log_seed:
        earlier = record.log_keys if record else ()
        return LogKeys.read(country, (str(log_signer(node).verifier), *earlier))
    return LogKeys.read(country, record.log_keys) if record else None


def all_log_keys(node: Node, country: str) -> tuple[VerifierKey, ...]:
    """Return all keys that a country names for its logs, earlier ones too: for proofs of what they signed."""
    record = node.members.member(country) if node.members else None
    found = []
    for text in record.log_keys if record else ():
        try:
            key = VerifierKey.parse(text)
        except DirectoryError:
            continue
        if generation_of(key.name, country):
            found.append(key)
    return tuple(found)


def witness_of(node: Node, country: str) -> tuple[VerifierKey, ...]:
    """Return the witness keys of one active member; none of another country."""
    members = node.members
    record = members.member(country) if members and members.active(country) else None
    return witness_keys(country, record.witness_keys) if record else ()


def witnesses_of(node: Node, country: str) -> dict[str, tuple[VerifierKey, ...]]:
    """Return the witness keys of all active members but one, by member."""
    members = node.members
    others = sorted(members.active_countries() - {country}) if members else []
    records = {one: members.member(one) for one in others} if members else {}
    return {one: witness_keys(one, record.witness_keys) for one, record in records.items() if record}


def seen_by(node: Node, country: str, checkpoint: Checkpoint) -> dict[str, datetime]:
    """Return which members have cosigned a country's checkpoint, and when; never more than one for each member.

    Raises DirectoryError where a cosignature of a known key is wrong.
    """
    times = _cosigned(checkpoint, tuple(witnesses_of(node, country).items()))
    return {member: datetime.fromtimestamp(at, node.clock.now().tzinfo) for member, at in times.items()}


@lru_cache(maxsize=256)
def _cosigned(checkpoint: Checkpoint, witnesses: tuple[tuple[str, tuple[VerifierKey, ...]], ...]) -> Mapping[str, int]:
    """Verify each cosignature once, not whenever somebody looks: 30 logs with 29 of them are 100 ms."""
    members = {key.name: member for member, keys in witnesses for key in keys}
    times = checkpoint.witnessed(key for _, keys in witnesses for key in keys)
    return {members[name]: at for name, at in times.items()}
