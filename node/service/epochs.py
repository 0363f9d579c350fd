"""A new epoch of our stream to a peer, where the operators have to end a contradiction (SPEC S-130)."""

from node.domain.access import Actor
from node.errors import NodeError
from node.service import compare
from node.service.node import Node
from node.store import audit, recoveries, streams
from node.store.tx import Tx
from protocol.batch import Head
from protocol.history import Told


async def begin(node: Node, actor: Actor, peer: str, told: Told) -> Head:
    """Begin the next epoch after the head that the peer has just told; returns the new head.

    What was sealed and not receipted waits again; what the peer doesn't have of earlier batches stays as it is
    here and will never reach it, which is why people decide on this. Raises `exists` where nothing contradicts,
    and where the running node can fetch back what is missing.
    """
    actor.require("node.observe")
    verdict, theirs = compare.judge(node, peer, told)
    note = node.store.read_now(lambda q: recoveries.unfinished(q, peer))
    if verdict == "same":
        hint = f"It is {peer}'s operator who begins one, for its stream to us." if theirs == "diverged" else ""
        raise NodeError("exists", f"Our stream to {peer} and {peer}'s view of it agree: no new epoch is needed.", hint)
    if verdict == "behind" and (note is None or note["refused"] is None):
        raise NodeError("restored-from-old-disk", "What is missing can be fetched back: no new epoch is needed.")

    def work(tx: Tx) -> Head:
        begun = streams.begin_epoch(tx, node.country, peer, told.ours, "operator")
        audit.append(tx, actor.id, "epoch.begin", peer, f"{begun.epoch} operator {verdict}")
        return begun

    return await node.store.write(work)
