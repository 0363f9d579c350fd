"""Giving back: the batches of a stream with their receipts and events, for the one of its two nodes that lost them."""

import asyncio
from dataclasses import dataclass

from node.errors import NodeError
from node.service.contents import open_ceks_of
from node.service.issue import reader_of
from node.service.node import Node
from node.store import events, streams
from node.store.tx import Read, Row
from protocol.batch import Head
from protocol.event import item_line, parse_item
from protocol.history import ENOUGH, Entry, Page, write_page
from protocol.problems import STORED, ProtocolError
from protocol.receipt import parse_receipt
from protocol.slot import Recipient

_BATCHES = 50
"""Batches that one page holds at most."""


@dataclass(frozen=True)
class _Found:
    """A batch as it is stored, with the rows of its events and the keys of their cases."""

    row: Row
    outcomes: tuple[tuple[str, str], ...]
    events: dict[str, Row]
    keys: dict[str, bytes]


async def page(node: Node, peer: str, iss: str, epoch: int, position: int) -> bytes:
    """Return a page of the history of a stream between this node and the peer that asks (SPEC S-127).

    Raises `not-found` for any other stream, `unavailable` where the keys can't be used.
    """
    aud = {peer: node.country, node.country: peer}.get(iss)
    if aud is None:
        raise ProtocolError("not-found", "a stream between others")
    try:
        reader = reader_of(node, peer)
    except NodeError:
        raise ProtocolError("not-found", "no encryption key of the asker") from None
    head, rows = node.store.read_now(
        lambda q: (
            streams.receipted_head(q, iss, aud) if iss == node.country else streams.head(q, iss, aud),
            streams.receipted_from(q, iss, aud, epoch, position, _BATCHES),
        )
    )
    found = [node.store.read_now(lambda q, r=row: _found(q, node, r)) for row in rows]  # type: ignore[misc]
    return await asyncio.get_running_loop().run_in_executor(None, _written, node, head, found, reader)


def _found(q: Read, node: Node, row: Row) -> _Found:
    receipt = parse_receipt(str(row["again"] or row["receipt"]).encode("ascii"))
    stored = [digest for digest, code in receipt.claims.outcomes if code == STORED]
    found = {digest: held for digest in stored if (held := events.by_digest(q, digest)) is not None}
    keys = {}
    for case_id in sorted({str(held["case_id"]) for held in found.values()}):
        try:
            keys[case_id] = node.case_keys.find(case_id)
        except NodeError as error:
            if error.code != "not-found":  # of an erased case the signed words are given
                raise ProtocolError("unavailable", "the keys of the cases") from None
    return _Found(row, receipt.claims.outcomes, found, keys)


def _written(node: Node, head: Head, found: list[_Found], reader: Recipient) -> bytes:
    entries: list[Entry] = []
    for one in found:
        entry = Entry(
            str(one.row["jws"]),
            str(one.row["again"] or one.row["receipt"]),
            tuple(_line(node, one, digest, reader) for digest, _ in one.outcomes),
        )
        if entries and sum(each.size for each in entries) + entry.size > ENOUGH:
            break
        entries.append(entry)
    return write_page(Page(head, tuple(entries)))


def _line(node: Node, found: _Found, digest: str, reader: Recipient) -> bytes | None:
    """Return an event's line with slots for the asker alone; they need no signature (SPEC S-058)."""
    row = found.events.get(digest)
    if row is None:
        return None
    event, key = parse_item(bytes(row["line"])), found.keys.get(str(row["case_id"]))
    if key is None or event.is_bare:
        return event.bare_line()  # of an erased case, what was signed (SPEC S-276)
    ceks = open_ceks_of(node, key, row, event)
    return item_line(event.jws.compact, event.parts, [node.secrets.wrap(ceks, reader, event.claims.address)])
