"""New keys of a node: made by a command, taken up by the running node, the next TLS pair once every peer knows it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from node.domain.access import Actor
from node.errors import NodeError
from node.service.node import Node
from node.store import audit, key_files, peers
from node.store.backup_manifest import KEY_BACKUP_DAYS
from node.store.key_files import NodeKeys, certificate_der, earlier_masters, earlier_seeds, load_keys
from protocol.limits import RETIRED_KEY_DAYS

log: Final = structlog.get_logger("entente.keys")
KINDS: Final = ("message", "encryption", "tls", "master", "log", "witness")


async def renew(node: Node, actor: Actor, kind: str) -> None:
    """Make a new key of a kind; the record that names it is published by the caller.

    An earlier encryption or master key stays, to open what was sealed to it; the TLS pair is the next one only. Raises
    `exists` where a next TLS pair waits already. A new master key is in no record; the running node wraps anew.
    """
    actor.require("node.observe")
    folder = node.config.keys
    if kind == "message":
        key_files.renew_message(folder, node.country, node.entropy)
    elif kind == "encryption":
        key_files.renew_encryption(folder, node.entropy)
    elif kind == "tls":
        if (folder / "tls-next.pem").exists():
            raise NodeError("exists", "A next TLS key waits already until every peer knows it.", "entente doctor")
        key_files.next_tls(folder, node.country, node.entropy)
    elif kind == "log":
        key_files.renew_seed(folder / key_files.LOG_SEED.format(node.keys.log_number), node.entropy)
    elif kind == "witness":
        key_files.renew_seed(folder / key_files.WITNESS_SEED, node.entropy)
    elif kind == "master":
        key_files.renew_master(node.config.master_key, node.entropy)
    else:
        raise NodeError("invalid", f"A kind of key is one of {', '.join(KINDS)}.")
    await node.store.write(lambda tx: audit.append(tx, actor.id, "key.renew", kind))
    _use(node, load_keys(folder, node.config.master_key))


async def begin_log(node: Node, actor: Actor) -> int:
    """Make the key of a directory log that begins anew, and return its number; the caller publishes record and log.

    The way out for a country whose log has forked, as after an old disk (SPEC S-222).
    """
    actor.require("node.observe")
    number = key_files.begin_log(node.config.keys, node.entropy)
    await node.store.write(lambda tx: audit.append(tx, actor.id, "log.begin", str(number)))
    _use(node, load_keys(node.config.keys, node.config.master_key))
    return number


def take_up(node: Node) -> bool:
    """Load the key files again where they changed; returns whether the node uses other keys now.

    Costs a few looks at files. Raises `key-missing` while a pair is half there: then the present keys stay.
    """
    if _next_tls_is_known(node):
        key_files.use_next_tls(node.config.keys)
        log.info("next-tls-in-use")
    seen = _seen(node)
    if seen == node.keys_seen:
        return False
    before, new = node.keys, load_keys(node.config.keys, node.config.master_key)
    _use(node, new)
    node.keys_seen = seen
    names = [
        (k.signer.kid, k.encryption_kid, k.tls_der, tuple(k.earlier), k.log_seed, k.log_number, k.witness_seed)
        for k in (before, new)
    ]
    if names[0] == names[1]:
        return False
    log.info("keys-taken-up", message=new.signer.kid, encryption=new.encryption_kid)
    node.members_changed()  # connections are made anew with the present certificate
    return True


def _use(node: Node, keys: NodeKeys) -> None:
    before, node.keys = node.keys.masters, keys
    if keys.masters != before:
        node.case_keys.use(keys.masters)


async def wrap_anew(node: Node) -> None:
    """Wrap the case keys under the present master key where an earlier one wraps them; while the node serves."""
    count = await node.case_keys.renew_wrapping()
    if count:
        await node.store.write(lambda tx: audit.append(tx, node.country, "key.wrap-anew", "master", str(count)))
        log.info("case-keys-wrapped-anew", keys=count)


def _seen(node: Node) -> tuple[tuple[str, int, int], ...]:
    """Return names, times and sizes of the key files."""
    patterns = ("message.*", "tls.*", "encryption*.seed", "log-*.seed", "witness.seed")
    found = sorted(path for pattern in patterns for path in node.config.keys.glob(pattern))
    found += [node.config.master_key, *earlier_masters(node.config.master_key)]
    stats = [(path.name, path.stat()) for path in found if path.suffix != ".new"]
    return tuple((name, one.st_mtime_ns, one.st_size) for name, one in stats)


def waits_for(node: Node) -> list[str] | None:
    """Return the peers that don't know the next TLS certificate yet; None where there is no next one."""
    certificate, members = node.config.keys / "tls-next.crt", node.members
    if members is None or not certificate.exists() or not (node.config.keys / "tls-next.pem").exists():
        return None
    record, version = members.member(node.country), members.role_version(node.country)
    others = sorted(members.active_countries() - {node.country})
    if record is None or certificate_der(certificate) not in record.tls:
        return others
    told = {row["country"]: row["told_record"] for row in node.store.read_now(peers.all_peers)}
    return [country for country in others if told.get(country, 0) < version]


def _next_tls_is_known(node: Node) -> bool:
    return waits_for(node) == []


@dataclass(frozen=True)
class EarlierKey:
    """A key that was replaced and stays for what is encrypted to it, until a day."""

    kind: str
    name: str
    path: Path
    until: datetime


def earlier_keys(node: Node) -> list[EarlierKey]:
    """Return the earlier encryption and master keys that are still here, each with the day from which it may go.

    An earlier master key opens the backups of case keys that were made before, so it lasts as long as they.
    """
    found = [
        EarlierKey("encryption", kid, path, _written(path) + timedelta(days=RETIRED_KEY_DAYS))
        for kid, path in earlier_seeds(node.config.keys).items()
    ]
    return found + [
        EarlierKey("master", path.stem.removeprefix("master-"), path, _written(path) + timedelta(days=KEY_BACKUP_DAYS))
        for path in earlier_masters(node.config.master_key)
    ]


def _written(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)
