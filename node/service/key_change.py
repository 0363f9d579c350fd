"""New keys of a node: made by a command, taken up by the running node, the next TLS pair once every peer knows it."""

from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from node.domain.access import Actor
from node.errors import NodeError
from node.service.node import Node
from node.store import audit, key_files, peers
from node.store.key_files import certificate_der, earlier_seeds, load_keys
from protocol.limits import RETIRED_KEY_DAYS

log: Final = structlog.get_logger("entente.keys")
KINDS: Final = ("message", "encryption", "tls")


async def renew(node: Node, actor: Actor, kind: str) -> None:
    """Make a new key of a kind; the record that names it is published by the caller.

    An earlier encryption key stays, to open what was sealed to it; the TLS pair is the next one only. Raises
    `exists` where a next TLS pair waits already.
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
    else:
        raise NodeError("invalid", f"A kind of key is one of {', '.join(KINDS)}.")
    await node.store.write(lambda tx: audit.append(tx, actor.id, "key.renew", kind))
    node.keys = load_keys(folder, node.config.master_key)


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
    node.keys, node.keys_seen = new, seen
    names = [(k.signer.kid, k.encryption_kid, k.tls_der, tuple(k.earlier)) for k in (before, new)]
    if names[0] == names[1]:
        return False
    log.info("keys-taken-up", message=new.signer.kid, encryption=new.encryption_kid)
    node.members_changed()  # connections are made anew with the present certificate
    return True


def _seen(node: Node) -> tuple[tuple[str, int, int], ...]:
    """Return names, times and sizes of the key files."""
    patterns = ("message.*", "tls.*", "encryption*.seed")
    found = sorted(path for pattern in patterns for path in node.config.keys.glob(pattern))
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


def earlier_keys(node: Node) -> list[tuple[str, datetime]]:
    """Return the earlier encryption keys whose files are still here, each with the day from which it may go."""
    found = []
    for kid, path in earlier_seeds(node.config.keys).items():
        retired = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        found.append((kid, retired + timedelta(days=RETIRED_KEY_DAYS)))
    return found
