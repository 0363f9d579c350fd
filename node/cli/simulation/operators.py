"""The operators of a simulation: commands beside the running node, such as those that renew and revoke keys."""

from dataclasses import replace
from typing import Final

from node.cli.simulation.life import Life
from node.delivery.comparer import ask_all
from node.domain.access import operator
from node.errors import NodeError
from node.service import key_change, membership
from node.service.node import Node

REVOKE: Final = "revoke"
"""Beside the kinds of keys that can be renewed: revoke an earlier message key."""


async def change_key(life: Life, kind: str) -> None:
    """Do what `entente member renew-key KIND` or `revoke-key` does; raises `NodeError` as they do."""
    node = await _command(life)
    if kind == REVOKE:
        await _revoke(node)
    else:
        membership.require_newest(node)
        await key_change.renew(node, operator(), kind)
        await membership.publish_own_role(node)


async def _command(life: Life) -> Node:
    """Return the node as another process sees it, after it has asked the peers what they know."""
    node = replace(life.node, members_changed=lambda: None)
    membership.restore(node)
    await ask_all(node, life.command_line_to)
    return node


async def _revoke(node: Node) -> None:
    record = node.members.member(node.country) if node.members else None
    earlier = [key.kid for key in record.message_keys if key.state == "retired"] if record else []
    if not earlier:
        raise NodeError("not-found", "Our record names no earlier message key.")
    await membership.revoke_key(node, operator(), earlier[-1])
