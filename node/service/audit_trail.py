"""The audit trail of an authority, for its auditors: who did what when to its cases and accounts, without contents."""

from datetime import datetime
from typing import Final, NamedTuple

from node.clock import unstamp
from node.domain.access import Actor
from node.service.node import Node
from node.store import audit

MAX_ENTRIES: Final = 500
"""Entries of the audit trail in one answer."""


class AuditEntry(NamedTuple):
    """One entry: `actor` is a person's id or a country, `subject` the id of a case or person, `detail` codes."""

    number: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: str


async def trail(node: Node, actor: Actor, before: int | None, limit: int) -> tuple[AuditEntry, ...]:
    """Return entries about the cases and people of the authorities that the actor audits, the newest first.

    `before` is the number of an entry: those before it follow. Nothing in it is a content, a name or a login.
    """
    actor.require("audit.read")
    own = sorted(actor.places("audit.read"))
    rows = await node.store.read(lambda q: audit.trail(q, own, before, min(limit, MAX_ENTRIES)))
    return tuple(
        AuditEntry(row["seq"], unstamp(row["at"]), row["actor"], row["action"], row["subject"], row["detail"])
        for row in rows
    )
