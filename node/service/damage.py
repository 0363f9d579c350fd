"""Damaged cases: marked by whoever can't read something of them, taken up again once they can be read (ADR 0016)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import structlog

from node.errors import NodeError
from node.service import contents
from node.service.folding import fold_rows, open_counting
from node.service.node import Node
from node.store import cases, damage, events
from node.store.tx import Tx

log: Final = structlog.get_logger("entente.damage")


async def note(node: Node, case_id: str, error: NodeError) -> None:
    """Mark a case whose reader met `error`; any other error than `case-damaged` marks nothing."""
    if error.code == contents.DAMAGED:
        await node.store.write(lambda tx: damage.note(tx, case_id, error.message))


async def mark(node: Node, keys: Mapping[str, bytes]) -> None:
    """Mark those of some cases, given with their keys, that can't be read."""
    for case_id, key in keys.items():
        try:
            open_counting(node, key, node.store.read_now(lambda q, c=case_id: events.of_case(q, c)))  # type: ignore[misc]
        except NodeError as error:
            await note(node, case_id, error)


async def look_again(node: Node) -> None:
    """Take up every marked case that can be read again, as its events say it is; run at start and daily."""
    for row in node.store.read_now(damage.listing):
        case_id = str(row["case_id"])
        try:
            key = node.case_keys.find(case_id)
            await node.store.write(lambda tx, c=case_id, k=key: _take_up(tx, node, c, k))  # type: ignore[misc]
        except NodeError as error:
            log.warning("case-damaged", case=case_id, what=error.message, hint="entente verify")
        else:
            log.info("case-whole-again", case=case_id)


def _take_up(tx: Tx, node: Node, case_id: str, key: bytes) -> None:
    folded, held = fold_rows(node, key, events.of_case(tx, case_id)), cases.find(tx, case_id)
    if held is not None:
        whole = folded or replace(held, state="refused")
        if whole != held:  # a refusal came meanwhile, and couldn't be worked in
            cases.update(tx, whole, unread=True)
    damage.forget(tx, case_id)
