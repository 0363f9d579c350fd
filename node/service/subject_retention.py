"""How the file of a person's claim goes: its key is destroyed, three years after its end or when somebody says so."""

from node.domain.access import Actor
from node.domain.retention import months_before
from node.domain.subject import KEPT_YEARS
from node.service import retention, subjects
from node.service.node import Node
from node.store import audit
from node.store import subjects as stored
from node.store.tx import Tx


async def delete(node: Node, actor: Actor, file_id: str) -> None:
    """Delete a file that has ended, before its time, or that nobody can read; raises `wrong-state` while it runs."""
    row = subjects.row_of(node, actor, file_id)
    if not stored.from_row(row).ended:
        subjects.require_unreadable(node, row)
    await _delete(node, [file_id], actor.id)


async def _delete(node: Node, file_ids: list[str], by: str) -> None:
    """Destroy the keys first: whatever is interrupted is found again, since its key is in the list of erased ones."""
    await node.case_keys.erase(file_ids)

    def work(tx: Tx) -> None:
        rows = [row for file_id in file_ids if (row := stored.find(tx, file_id)) is not None]
        stored.delete(tx, file_ids)  # whose it was stays for the auditors of its authority
        audit.extend(tx, [audit.Entry(by, "subject.delete", row["id"], row["authority"]) for row in rows])

    await node.store.write(work)
    await node.store.cut_log()


async def forget_old(node: Node) -> int:
    """Delete the files that ended three years ago, and what a restored disk brought back; returns how many."""
    day = retention.clocks(node).day
    old: list[str] = []
    if day is not None:
        before = months_before(day, 12 * KEPT_YEARS).isoformat()
        old = node.store.read_now(lambda q: stored.ended_before(q, before))
    back = node.store.read_now(stored.ids) & node.case_keys.erased().keys()
    if gone := sorted({*old, *back}):
        await _delete(node, gone, node.country)
    return len(gone)
