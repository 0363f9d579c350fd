"""Proofs that a log, or a witness of it, has lied: found, checked, kept, and shown to everybody (SPEC S-214, S-221)."""

from typing import Final

import structlog

from directory_sync.checkpoint import generation_of, of_note, read_checkpoint
from directory_sync.problem import DirectoryError
from directory_sync.proof_file import Fork, read_fork
from node.errors import NodeError
from node.service.log_keys import all_log_keys, witnesses_of
from node.service.node import Node
from node.store import audit, events, logs, streams
from node.store.tx import Read, Tx
from protocol.encoding import sha256_b64u
from protocol.event import Event

log: Final = structlog.get_logger("entente.forks")
CODE: Final = "directory-fork"
WITNESS_CODE: Final = "witness-fork"
_FROZEN: Final = "its log has signed two histories"


def liars_of(node: Node, country: str, fork: Fork) -> tuple[str, ...]:
    """Return the countries that a proof about a country's log convicts: its own, and witnesses that cosigned both.

    Raises DirectoryError for what proves nothing, or holds a wrong signature of a known key.
    """
    if not generation_of(fork.first.origin, country):
        raise DirectoryError("directory-proof", f"not a log of {country}")
    fork.require()
    guilty = [country] if fork.liars(all_log_keys(node, country)) else []
    return (*guilty, *(one for one, keys in witnesses_of(node, country).items() if fork.liars(keys)))


def between(node: Node, country: str, theirs: bytes, growth: tuple[bytes, tuple[bytes, ...]]) -> Fork | None:
    """Return the proof that another's checkpoint contradicts ours, as far as there is one; unchecked.

    `theirs` is the other checkpoint, `growth` the root that its log had at our size with the proof from there, which
    counts only where it isn't smaller than ours. None where the two agree, or nothing is here.
    """
    other = read_checkpoint(theirs)

    def look(q: Read) -> Fork | None:
        own = logs.find(q, country)
        if own is None or not own.note or other.origin != own.origin or not other.size:
            return None
        mine = of_note(read_checkpoint(own.note.encode()).note)
        if other.size >= mine.size:
            found = Fork(mine, other, growth[0], growth[1])
        else:
            tiles = logs.tiles_of(q, own)
            root, proof = tiles.root(other.size), tiles.consistency(other.size, mine.size)
            found = Fork(other, mine, root, tuple(proof))
        return None if found.other == found.first.root else found

    return node.store.read_now(look)


async def keep(node: Node, country: str, fork: Fork, source: str) -> tuple[str, ...]:
    """Keep a proof about a country's log, if it is one, and freeze the log; returns whom it convicts.

    Raises `directory-invalid` where it proves nothing.
    """
    try:
        liars = liars_of(node, country, fork)
    except DirectoryError as error:
        raise NodeError("directory-invalid", f"no proof about {country}, from {source}: {error}") from error
    if liars:
        await node.store.write(lambda tx: keep_in(tx, country, fork, liars, source))
        log.warning("log-forked", country=country, liars=",".join(liars), source=source)
    return liars


def keep_in(tx: Tx, country: str, fork: Fork, liars: tuple[str, ...], source: str) -> None:
    """Keep a checked proof, once for each log and liar, and take over nothing more of a log that lied."""
    data, origin = fork.to_bytes(), fork.first.origin.encode()
    for liar in liars:
        code = CODE if liar == country else WITNESS_CODE
        if (row := streams.last_proof(tx, liar, code)) is None or bytes(row["first"]) != origin:
            streams.keep_first_proof(tx, liar, code, origin, data)
            audit.append(tx, source, "directory.fork", liar, fork.first.origin)
    own = logs.find(tx, country)
    if country in liars and own is not None and own.origin == fork.first.origin and own.frozen is None:
        logs.freeze(tx, country, _FROZEN)


def file_of(q: Read, country: str) -> bytes | None:
    """Return the latest proof that a country's log has lied, None without one."""
    row = streams.last_proof(q, country, CODE)
    return bytes(row["second"]) if row else None


def kept(q: Read) -> dict[str, str]:
    """Return the digests of the proofs about logs, by country, for others to ask for."""
    return {row["iss"]: sha256_b64u(bytes(row["second"])) for row in streams.proofs_of(q, CODE)}


async def take_file(node: Node, country: str, data: bytes, source: str) -> tuple[str, ...]:
    """Check and keep a proof that a peer has shown."""
    try:
        fork = read_fork(data)
    except DirectoryError as error:
        raise NodeError("directory-invalid", f"no proof about {country}, from {source}: {error}") from error
    return await keep(node, country, fork, source)


def keep_case_proof(tx: Tx, event: Event) -> None:
    """Keep the proof where another event of the issuer has the place of this one in its case (SPEC S-087)."""
    claims = event.claims
    assert claims.n is not None
    other = events.at_place(tx, claims.case, claims.kind.partition(".")[0], claims.n)
    if other is not None and other["iss"] == claims.iss and other["digest"] != event.name:
        streams.keep_first_proof(tx, claims.iss, "case-fork", bytes(other["line"]), event.line_without_slots())
