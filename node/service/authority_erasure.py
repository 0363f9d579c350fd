"""Erasing the record of an authority of ours for data protection: here at once, elsewhere with the log's next leaf."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from directory_sync.authority import Authority
from directory_sync.coordination import country_faults
from node.domain.access import Actor, granted
from node.domain.authority_change import Editor
from node.domain.person import text_fault
from node.errors import NodeError
from node.service import authority_edit, authority_history, directory
from node.service.authority_edit import MAX_REASON_CHARS, editor_of
from node.service.node import Node
from node.store import audit, authorities, authority_changes, registrations
from node.store.tx import Read, Tx

_TRIES: Final = 3


def may_erase(editor: Editor, one: Authority) -> bool:
    """Say whether an editor may erase a record: the operator and its validating coordinator may."""
    return editor.operator or editor.validating(one) is not None


async def erase(node: Node, actor: Actor, authority_id: str, reason: str) -> None:
    """Take an authority out of the directory and forget its record, here and wherever its log is read.

    The log gets a leaf `delete`; its earlier leaves and proofs stand. Every record that the history and the
    registration kept goes, with the reasons given for them; who changed it when stays, and so does what old cases
    need: name, areas and links (SPEC S-211). One that has left the list before is forgotten the same way.

    Raises `forbidden`, `not-found`, `invalid` (the reason, or the links of others that would lead nowhere), and what
    `directory.import_authorities` raises.
    """
    actor.require("directory.change")
    found = authority_history.seen(node, actor, authority_id)
    if not may_erase(editor_of(node, actor), found):
        raise NodeError("forbidden", "The operator and the validating coordinator erase records.")
    if fault := text_fault(reason, MAX_REASON_CHARS):
        raise NodeError("invalid", fields={"reason": fault})
    for tries in range(_TRIES):
        if broken := await node.store.read(lambda q: _broken(q, node, authority_id)):
            hint = "Name another coordinator or successor there first."
            raise NodeError("invalid", "Links of other authorities lead to it.", hint, broken)
        try:
            await _erase(node, actor, authority_id, reason)
            break
        except NodeError as error:
            if error.code != "stale" or tries == _TRIES - 1:
                raise
    await node.store.cut_log()


async def _erase(node: Node, actor: Actor, authority_id: str, reason: str) -> None:
    def forget(tx: Tx) -> None:
        forget_past(tx, authority_id)
        change = {"authority": authority_id, "actor": actor.id, "kind": "erase", "reason": reason}
        authority_changes.add(tx, {**change, "before": None, "after": None})
        audit.append(tx, actor.id, "directory.erase", authority_id)

    def within(_tx: Tx) -> Callable[[Tx], None]:
        return forget

    if not node.store.read_now(lambda q: authorities.listed(q, node.country, [authority_id])):
        await node.store.write(forget)
        return
    publisher = replace(actor, grants=granted(["operator"], ()))  # everything that it may was checked above
    await directory.import_authorities(node, publisher, [], leave=frozenset({authority_id}), within=within)


def forget_past(tx: Tx, authority_id: str) -> None:
    """Forget the records that the history and the registration of an authority kept."""
    authority_changes.erase(tx, authority_id)
    registrations.erase(tx, authority_id)


def _broken(q: Read, node: Node, authority_id: str) -> dict[str, str]:
    """Return the links of others that would lead nowhere without an authority (SPEC S-201)."""
    day = node.directory_day()
    every = {one.id: one for one in authority_edit.own_records(q, node.country)}
    earlier = country_faults(every, day)
    every.pop(authority_id, None)
    return {
        f"{one}.{field}": code
        for one, faults in country_faults(every, day).items()
        for field, code in faults.items()
        if earlier.get(one, {}).get(field) != code
    }
