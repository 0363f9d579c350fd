"""Verifying a country's log as it is stored: leaves, tree, checkpoint, and the records beside the leaves."""

from collections.abc import Iterator

from directory_sync.checkpoint import read_checkpoint
from directory_sync.problem import DirectoryError
from directory_sync.tree import Tree, leaf_hash
from node.service.log_keys import all_log_keys, log_signer, witnesses_of
from node.service.node import Node
from node.store import logs
from node.store.logs import Log
from node.store.tx import Read
from protocol.encoding import sha256_b64u


def damage_of(view: Node, q: Read, log: Log) -> str | None:
    """Return what is wrong with a log here, None where everything fits."""
    try:
        return _tree(q, log) or _checkpoint(view, q, log)
    except DirectoryError as error:
        return str(error)


def _tree(q: Read, log: Log) -> str | None:
    """Hash all leaves anew: tiles and records have to be what they say."""
    tree, wrong = Tree(), []

    def hashes() -> Iterator[bytes]:
        for leaf, record in logs.leaves(q, log.country, 0, log.size):
            if record is not None and sha256_b64u(record.to_json()) != leaf.sha256:
                wrong.append(leaf.authority)
            yield leaf_hash(leaf.to_json())

    full = tree.append(hashes())
    if wrong:
        return f"{wrong[0]}: another record than its leaf names"
    if tree.size != log.size or tree.edges != logs.tree_of(q, log).edges:
        return "leaves are missing, or the tree over them is another one"
    for (level, n), tile in full.items():
        if logs.tile(q, log.country, level, n) != tile:
            return f"tile {level}/{n} isn't that of the leaves"
    return None


def _checkpoint(view: Node, q: Read, log: Log) -> str | None:
    if not log.note:
        return None if log.signed == 0 else "no checkpoint"
    checkpoint = read_checkpoint(log.note.encode())
    here = (log.origin, log.signed, logs.tiles_of(q, log).root(log.signed), log.root)
    if here != (checkpoint.origin, checkpoint.size, checkpoint.root, checkpoint.root):
        return "the checkpoint isn't that of the leaves"
    keys = all_log_keys(view, log.country)
    if log.country == view.country and view.keys.log_seed:
        keys = (*keys, log_signer(view).verifier)
    witnesses = [key for member in witnesses_of(view, log.country).values() for key in member]
    signed = checkpoint.note.verified([*keys, *witnesses])  # raises where a witness's signature is damaged
    if view.members is not None and not any(key in signed for key in keys):
        return "the checkpoint isn't signed by the country"
    return None
