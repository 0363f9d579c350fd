"""Witnessing: cosigning other countries' checkpoints, and collecting cosignatures on our own (C2SP tlog-witness)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from directory_sync.checkpoint import Checkpoint, LogKeys, of_note, read_checkpoint
from directory_sync.note import Signature, parse_signatures
from directory_sync.problem import DirectoryError
from directory_sync.proof_file import Fork
from directory_sync.tree import EMPTY, is_consistent
from directory_sync.witness import Refusal, Request, Seen, read_request, refusal
from node.clock import seconds
from node.errors import NodeError
from node.service import forks
from node.service.log_keys import log_keys_of, log_signer, witness_of, witness_signer
from node.service.node import Node
from node.store import logs
from node.store.tx import Read, Tx
from protocol.problems import ProtocolError

_ORIGIN: Final = re.compile(r"entente/([A-Z]{2})/directory/")
_ANYHOW: Final = (400, 403, 404)
"""What is refused whatever was cosigned before."""
FRESH: Final = timedelta(hours=1)
"""A cosignature is asked for again after this time, so that others see the checkpoint is still the newest."""


async def add_checkpoint(node: Node, body: bytes) -> str | Refusal:
    """Cosign a checkpoint, or say why not; what is cosigned is on disk before anybody sees it (SPEC S-212, S-213)."""
    request = read_request(body)
    if isinstance(request, Refusal):
        return request
    named = _ORIGIN.match(request.checkpoint.origin)
    country = named[1] if named else ""
    members = node.members
    keys = log_keys_of(node, country) if members is not None and members.active(country) else None
    return await node.store.write(lambda tx: _cosign(tx, node, country, request, keys))


def _cosign(tx: Tx, node: Node, country: str, request: Request, keys: LogKeys | None) -> str | Refusal:
    checkpoint = request.checkpoint
    known = logs.witnessed(tx, country, checkpoint.origin)
    seen = Seen(*known) if known else Seen()
    refused = refusal(request, keys, seen)
    if (refused is None or refused.status not in _ANYHOW) and not node.witness_asked():  # SPEC S-255
        raise ProtocolError("comparing", "what was cosigned before the start")
    if refused is not None:
        if refused.status == 409 and checkpoint.size == seen.size and known:  # noqa: PLR2004 - as the witness answers
            _keep_fork(tx, node, country, checkpoint)
        return refused
    logs.keep_witnessed(tx, country, checkpoint.origin, (checkpoint.size, checkpoint.root), str(checkpoint.note))
    return f"{witness_signer(node).sign(checkpoint.note.text, seconds(tx.now))}\n"


def _keep_fork(tx: Tx, node: Node, country: str, second: Checkpoint) -> None:
    first = read_checkpoint(logs.witnessed_note(tx, country).encode())
    fork = Fork(first, second, second.root)
    try:
        liars = forks.liars_of(node, country, fork)
    except DirectoryError:
        return
    if liars:
        forks.keep_in(tx, country, fork, liars, country)


# --- after a start ---


def larger_than_cosigned(node: Node, heads: Mapping[str, tuple[int, str]]) -> dict[str, int]:
    """Return the size that we cosigned last of each log of which somebody has a larger checkpoint, by country."""
    members, known = node.members, node.store.read_now(logs.all_witnessed)
    found = {}
    for country in sorted(heads.keys() - {node.country}):
        keys = log_keys_of(node, country) if members is not None and members.member(country) else None
        if keys is None:
            continue
        size = known.get((country, keys.origin), 0)
        if heads[country][0] > size:
            found[country] = size
    return found


async def recall(node: Node, country: str, growth: tuple[Checkpoint, bytes, tuple[bytes, ...]]) -> bool:
    """Take a larger checkpoint as the one that we cosigned last, so that nothing is cosigned beside it (SPEC S-255).

    It bears our own cosignature (this node was started from an old disk then), or has provably grown from what we
    remember. Raises DirectoryError where a signature is wrong.
    """
    checkpoint, other, proof = growth
    keys = log_keys_of(node, country)
    if keys is None:
        return False
    checkpoint.signed_by(keys)
    own = bool(checkpoint.witnessed([witness_signer(node).verifier]))

    def keep(tx: Tx) -> bool:
        known = logs.witnessed(tx, country, checkpoint.origin)
        size, root = known or (0, EMPTY)
        grown = not size or (other == root and is_consistent((size, root), (checkpoint.size, checkpoint.root), proof))
        if checkpoint.size <= size or not (own or grown):
            return False
        logs.keep_witnessed(tx, country, checkpoint.origin, (checkpoint.size, checkpoint.root), str(checkpoint.note))
        return True

    return await node.store.write(keep)


# --- our own checkpoint ---


@dataclass(frozen=True)
class Wanted:
    """A cosignature that is still to be had: the request, and the checkpoint that it is about."""

    body: bytes
    checkpoint: Checkpoint


def wanted_from(node: Node, witness: str) -> Wanted | None:
    """Return what to ask a witness for; None where it has cosigned our newest checkpoint a short while ago."""
    keys = witness_of(node, witness)
    if not keys:
        return None

    def look(q: Read) -> Wanted | None:
        log = logs.find(q, node.country)
        if log is None or not log.note or log.frozen is not None:
            return None
        checkpoint = read_checkpoint(log.note.encode())
        if seconds(node.clock.now() - FRESH) < max(checkpoint.witnessed(keys).values(), default=0):
            return None
        old = min(logs.cosigner_size(q, witness, log.origin), log.signed)
        proof = tuple(logs.tiles_of(q, log).consistency(old, log.signed))
        bare = of_note(checkpoint.note.only(checkpoint.origin))
        return Wanted(Request(old, proof, bare).to_bytes(), checkpoint)

    return node.store.read_now(look)


async def take_cosignature(node: Node, witness: str, wanted: Wanted, answer: bytes) -> None:
    """Keep a witness's cosignature on our checkpoint; raises `directory-invalid` where it isn't one."""
    keys = witness_of(node, witness)
    names = {(key.name, key.key_id) for key in keys}
    try:
        found = [one for one in parse_signatures(answer.decode()) if (one.name, one.key_id) in names]
        times = of_note(wanted.checkpoint.note.also(found)).witnessed(keys)
    except (DirectoryError, UnicodeDecodeError) as error:
        raise NodeError("directory-invalid", f"the cosignature of {witness}: {error}") from error
    if not times:
        raise NodeError("directory-invalid", f"{witness} cosigned with no key that its record names.")
    await node.store.write(lambda tx: _keep_cosignature(tx, node, witness, wanted.checkpoint, found))


def _keep_cosignature(tx: Tx, node: Node, witness: str, cosigned: Checkpoint, found: list[Signature]) -> None:
    logs.set_cosigner_size(tx, witness, cosigned.origin, cosigned.size)
    log = logs.find(tx, node.country)
    if log is None or not log.note:
        return
    present = read_checkpoint(log.note.encode())
    if present.note.text == cosigned.note.text:  # else there is a newer one meanwhile
        logs.set_note(tx, node.country, str(present.note.also(found)))


async def take_size(node: Node, witness: str, size: int) -> bool:
    """Keep the size that a witness says it cosigned last; returns whether it makes sense to ask it again.

    A larger size than ours means that this node has lost leaves, or that they are of a log that forked.
    """
    origin = log_signer(node).name
    await node.store.write(lambda tx: logs.set_cosigner_size(tx, witness, origin, size))
    log = node.store.read_now(lambda q: logs.find(q, node.country))
    return log is not None and size <= log.signed
