"""Every date on which something of a node ends, for metrics and alarms; `doctor` says the same in words."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from node.service import key_change
from node.service.node import Node
from node.store import backup_history
from node.store.backup_manifest import KEY_BACKUP_DAYS
from protocol.limits import RETIRED_KEY_DAYS
from protocol.members import MemberList

Kind = Literal["list", "record", "suspension", "retired-key", "kept-key", "key-backup"]


@dataclass(frozen=True)
class Ends:
    """Something ends: a document of the list, a suspension by a few, what a key is kept or accepted for."""

    kind: Kind
    name: str
    at: datetime


def all_ends(node: Node) -> Iterator[Ends]:
    """Yield every date; a record carries its country's TLS certificates and message keys, which end with it.

    `retired-key`: until then messages under it are accepted. `kept-key`: from then on it may be removed.
    `key-backup`: the last backup of case keys in that folder opens nothing any more, and must be gone.
    """
    if node.members is not None:
        yield from _list_ends(node.members, node.clock.now())
        yield from (Ends("retired-key", name, at) for name, at in retired_keys(node, node.members))
    for key in key_change.earlier_keys(node):
        yield Ends("kept-key", f"{key.kind} {key.name[:8]}", key.until)
    for folder, made in backup_history.history(node.config.data).keys.items():
        yield Ends("key-backup", folder, made + timedelta(days=KEY_BACKUP_DAYS))


def _list_ends(members: MemberList, now: datetime) -> Iterator[Ends]:
    for name, at in members.expiries():
        yield Ends("list" if name in {"root", "targets"} else "record", name, at)
    for country in members.countries():
        held = members.suspensions(country, now)
        if held:
            yield Ends("suspension", country, max(one.expires for one in held))


def retired_keys(node: Node, members: MemberList) -> list[tuple[str, datetime]]:
    """Return the first letters of each retired message key of ours, and until when it is accepted."""
    record = members.member(node.country)
    keys = record.message_keys if record else ()
    ended = [(key.kid[:8], key.until) for key in keys if key.state == "retired" and key.until]
    return [(kid, until + timedelta(days=RETIRED_KEY_DAYS)) for kid, until in ended]
