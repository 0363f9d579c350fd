"""How far two nodes are with each other: what this one tells a peer, and what it makes of the peer's answer."""

from typing import Any, Literal

from node.service.log_keys import log_keys_of
from node.service.node import Node
from node.store import logs, peers, streams
from node.store.tx import Read
from protocol.batch import Head
from protocol.history import Told, head_json

Verdict = Literal["same", "behind", "ahead", "diverged"]
"""This node compared with the peer: `behind` has lost something that the peer can give back."""


def answer(node: Node, peer: str) -> dict[str, Any]:
    """Return what a peer is told about the two streams between us, and about its own documents (SPEC S-095, S-126)."""

    def look(q: Read) -> dict[str, Any]:
        log, keys = logs.find(q, peer), log_keys_of(node, peer)
        known = log.size if log and keys and log.origin == keys.origin else 0
        cosigned = logs.witnessed(q, peer, keys.origin) if keys else None
        return {
            **head_json(streams.head(q, peer, node.country)),
            "sealed": head_json(streams.head(q, node.country, peer)),
            "receipted": head_json(streams.receipted_head(q, node.country, peer)),
            "directory": max(known, cosigned[0] if cosigned else 0),
        }

    record = node.members.role_version(peer) if node.members else 0
    return {**node.store.read_now(look), "record": record}


def judge(node: Node, peer: str, told: Told) -> tuple[Verdict, Verdict]:
    """Compare both streams with a peer's answer: ours to it, and its own to us (SPEC S-039)."""
    return node.store.read_now(lambda q: (_own(q, node.country, peer, told), _theirs(q, node.country, peer, told)))


def _own(q: Read, me: str, peer: str, told: Told) -> Verdict:
    sealed, receipted = streams.head(q, me, peer), streams.receipted_head(q, me, peer)
    if told.ours in (sealed, receipted):
        return "same"
    if _place(told.ours) > _place(sealed):
        return "behind"
    earlier = _place(told.ours) < _place(receipted) and streams.ends_at(q, me, peer, told.ours)
    return "ahead" if earlier else "diverged"


def _theirs(q: Read, me: str, peer: str, told: Told) -> Verdict:
    here = streams.head(q, peer, me)
    if told.sealed is None or told.receipted is None or here in (told.sealed, told.receipted):
        return "same"
    if _place(told.receipted) > _place(here):
        return "behind"
    return "ahead" if _place(here) > _place(told.sealed) else "diverged"


def _place(head: Head) -> tuple[int, int]:
    return head.epoch, head.next


async def note(node: Node, peer: str, told: Told) -> None:
    """Keep which versions of our own documents a peer knows: none of them may be signed a second time (SPEC S-133)."""
    await node.store.write(lambda tx: peers.told(tx, peer, told.directory, told.record))
