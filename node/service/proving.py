"""Proofs for people without a node: who was listed when, and the keys with which that is checked."""

from dataclasses import dataclass
from typing import Final

from directory_sync.checkpoint import read_checkpoint
from directory_sync.leaf import Leaf, Salted
from directory_sync.proof_file import TlogProof, extra_of
from directory_sync.trust import Trust, enough
from node.errors import NodeError
from node.service.log_keys import all_log_keys, witnesses_of
from node.service.node import Node
from node.store import logs
from node.store.tx import Read

_EVER: Final = "9999-12-31T23:59:59Z"


@dataclass(frozen=True)
class Proven:
    """A tlog-proof as a file, and the leaf that it is about; `erased_at` is when the record was erased, if it was."""

    file: bytes
    leaf: Leaf
    erased_at: str | None


def prove(node: Node, authority: str, latest: str) -> Proven:
    """Prove what was published last of an authority until a time (`2026-03-01T12:00:00Z`) (SPEC S-219).

    Raises `not-found` where nothing was, or no checkpoint vouches for it yet.
    """

    def look(q: Read) -> Proven | None:
        log = logs.find(q, authority[:2])
        row = logs.leaf_at(q, authority, latest, log.signed) if log is not None and log.note else None
        if log is None or row is None:
            return None
        leaf = logs.leaf_of(row)
        record = Salted(bytes(row["record"]), row["salt"]).to_json() if row["record"] is not None else None
        path = tuple(logs.tiles_of(q, log).inclusion(row["n"], log.signed))
        checkpoint = read_checkpoint(log.note.encode())
        last = logs.leaf_at(q, authority, _EVER, log.size)
        erased_at = last["at"] if last is not None and last["sha256"] is None else None
        return Proven(TlogProof(row["n"], path, checkpoint, extra_of(leaf, record)).to_bytes(), leaf, erased_at)

    found = node.store.read_now(look) if authority.isascii() else None
    if found is None:
        hint = "A later day with --at, or the id as entente directory search shows it."
        raise NodeError("not-found", f"No checkpoint shows that {authority} was listed by {latest}.", hint)
    return found


def trust_of(node: Node) -> Trust:
    """Return the keys of all members' logs and witnesses, as the member list names them."""
    countries = node.members.countries() if node.members else ()
    keys = [key for country in sorted(countries) for key in all_log_keys(node, country)]
    witnesses = [key for keys in witnesses_of(node, "").values() for key in keys]
    members = len(witnesses_of(node, ""))
    return Trust(tuple(keys), tuple(witnesses), enough(max(members - 1, 0)))
