"""What every use case works on: the node's ports and its present knowledge."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from io import BytesIO

from node.clock import Clock, Entropy
from node.config import Config
from node.service.ahead import Ahead
from node.service.callers import Callers
from node.service.hashing import Hashing
from node.store.case_keys import CaseKeys
from node.store.key_files import NodeKeys
from node.store.store import Store
from protocol.batch import Versions
from protocol.event import Secrets
from protocol.history import Told
from protocol.limits import MAX_PARTS
from protocol.members import MemberList
from protocol.part import CEK_BYTES, SALT_BYTES
from protocol.slot import wrap
from translations.area import Areas
from translations.catalogue import Catalogue


async def no_delivery() -> bool:
    """Say that nothing has to be compared: nothing is sent."""
    return True


@dataclass
class Node:
    """One running node. Everything but `members`, `keys`, `areas` and `search_ready` is fixed from start to stop.

    `wake` is called with a country when something new waits for it, `idle` says whether its courier has nothing to do
    and the streams were compared, `heard` with what a peer's batch says of its member documents and directories,
    `members_changed` after a new member list, `published` after a change of our own directory; `told` with a peer's
    answer to a comparison; `is_compared` says whether the streams with a country were compared since the start, None
    where nothing is delivered; `comparison` says whether a batch (its digest) may be taken in from a country, since the
    streams with it were compared since the start. The delivery sets them. `asked` says whether some peer was asked
    which versions of our own documents it knows, `all_asked` whether every one was that may know any, `half_asked`
    whether more than half of them were, and `witness_asked` whether at least half have shown what this node cosigned;
    `called` holds when peers last called, until that is noted; `post` is called when a mail may wait. `search_ready`
    says that the index knows this version's words.
    `packs` holds the addresses of the versions of areas that `areas` was given since the start, `lacking` the countries
    that asked by a set that isn't here, whose areas `fetch_areas` fetches.
    """

    config: Config
    store: Store
    key_store: Store
    case_keys: CaseKeys
    keys: NodeKeys
    clock: Clock
    entropy: Entropy
    areas: Areas
    texts: Catalogue
    members: MemberList | None = None
    search_ready: bool = False
    hashing: Hashing = field(default_factory=Hashing)
    callers: Callers = field(default_factory=Callers)
    called: dict[str, datetime] = field(default_factory=dict)
    packs: set[str] = field(default_factory=set)
    lacking: set[str] = field(default_factory=set)
    keys_seen: tuple[tuple[str, int, int], ...] = ()
    wake: Callable[[str], None] = field(default=lambda _country: None)
    idle: Callable[[str], bool] = field(default=lambda _country: False)
    heard: Callable[[str, Versions | None, Versions], None] = field(default=lambda _country, _members, _heads: None)
    fetch_areas: Callable[[str], None] = field(default=lambda _country: None)
    members_changed: Callable[[], None] = field(default=lambda: None)
    post: Callable[[], None] = field(default=lambda: None)
    published: Callable[[], None] = field(default=lambda: None)
    is_compared: Callable[[str], bool | None] = field(default=lambda _country: None)
    told: Callable[[str, Told], None] = field(default=lambda _country, _told: None)
    asked: Callable[[], bool] = field(default=lambda: True)
    all_asked: Callable[[], bool] = field(default=lambda: True)
    half_asked: Callable[[], bool] = field(default=lambda: True)
    witness_asked: Callable[[], bool] = field(default=lambda: True)
    comparison: Callable[[str, str], Awaitable[bool]] = field(default=lambda _country, _batch: no_delivery())

    @property
    def country(self) -> str:
        """This node's country code."""
        return self.config.country

    @cached_property
    def ahead(self) -> Ahead:
        """Numbers and case keys that are ready for use."""
        return Ahead(self.store, self.case_keys, self.clock, self.entropy)

    @property
    def secrets(self) -> Secrets:
        """What sealing one event needs besides keys, drawn at once."""
        return Secrets(BytesIO(self.entropy.random(MAX_PARTS * (CEK_BYTES + SALT_BYTES))).read, wrap)

    def versions(self) -> Versions:
        """Return the versions of the member documents that this node knows, for batches and receipts."""
        if self.members is None:
            return {}
        found = self.members.versions(self.country, self.clock.now())
        return {name: (int(v[0]), str(v[1])) for name, v in found.items()}
