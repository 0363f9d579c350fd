"""One peer as the operator sees it: its present state, its directory here, and what happened to both streams."""

import datetime as dt

from node.clock import unstamp
from node.domain.access import Actor
from node.domain.case_view import View
from node.errors import NodeError
from node.service import observe
from node.service.node import Node
from node.service.observe import DirectoryStatus, PeerStatus
from node.store import peers, recoveries, streams


class EpochNote(View):
    """A later epoch of a stream: whose stream it is, and why it began (such as `operator`)."""

    issuer: str
    epoch: int
    reason: str
    at: dt.datetime


class Loss(View):
    """What this node had lost and the peer gave back; `refused` says why nothing of it was taken."""

    found_at: dt.datetime
    finished_at: dt.datetime | None
    messages: int
    refused: str | None


class PeerDetail(View):
    """All of one peer. `compared` says whether the streams were compared since this node's start.

    It is null where nothing is delivered to the peer; `compared_at` is when it was asked last.
    """

    status: PeerStatus
    directory: DirectoryStatus | None
    compared: bool | None
    compared_at: dt.datetime | None
    epochs: tuple[EpochNote, ...]
    losses: tuple[Loss, ...]


def read(node: Node, actor: Actor, country: str) -> PeerDetail:
    """Return all that this node has seen of one peer; for operators. Raises `unknown-country`."""
    found = observe.status(node, actor)
    status = next((one for one in found.peers if one.country == country), None)
    if status is None:
        raise NodeError("unknown-country", f"The member list names no other country {country}.")
    row = node.store.read_now(lambda q: peers.find(q, country))
    return PeerDetail(
        status=status,
        directory=next((one for one in found.directories if one.country == country), None),
        compared=node.is_compared(country),
        compared_at=unstamp(row["compared_at"]) if row and row["compared_at"] else None,
        epochs=_epochs(node, country),
        losses=_losses(node, country),
    )


def _epochs(node: Node, country: str) -> tuple[EpochNote, ...]:
    rows = node.store.read_now(lambda q: streams.epochs_with(q, node.country, country))
    return tuple(
        EpochNote(issuer=row["iss"], epoch=row["epoch"], reason=row["reason"], at=unstamp(row["at"])) for row in rows
    )


def _losses(node: Node, country: str) -> tuple[Loss, ...]:
    return tuple(
        Loss(
            found_at=unstamp(row["found_at"]),
            finished_at=unstamp(row["finished_at"]) if row["finished_at"] else None,
            messages=row["events"],
            refused=row["refused"],
        )
        for row in node.store.read_now(lambda q: recoveries.with_peer(q, country))
    )
