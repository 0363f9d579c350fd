"""What was seen of a node."""

from dataclasses import dataclass, field

from node.store import fates
from node.store.tx import Row


@dataclass
class Seen:
    """What the oracle has seen of a node, on disk."""

    mark: tuple[object, ...] = ()
    events: dict[str, fates.EventFate] = field(default_factory=dict)
    cases: list[Row] = field(default_factory=list)
    heads: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    released: dict[tuple[str, int, int], tuple[str, str]] = field(default_factory=dict)
