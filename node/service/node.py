"""What every use case works on: the node's ports and its present knowledge."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from io import BytesIO

from node.clock import Clock, Entropy
from node.config import Config
from node.domain.day import day_in, directory_day
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
    """One running node. Everything but `members`, `keys`, `areas` and `search_ready` is fixed from start to stop."""

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
    """Whether the index knows this version's words."""
    hashing: Hashing = field(default_factory=Hashing)
    callers: Callers = field(default_factory=Callers)
    called: dict[str, datetime] = field(default_factory=dict)
    """When peers last called, until that is noted."""
    packs: set[str] = field(default_factory=set)
    """Addresses of the versions of areas that `areas` was given since the start."""
    lacking: set[str] = field(default_factory=set)
    """The countries that asked by a set that isn't here."""
    part_turns: dict[str, asyncio.Lock] = field(default_factory=dict)
    """By peer, who opens the parts that it has named: one at a time, since each begins by clearing up."""
    parts_waiting: set[str] = field(default_factory=set)
    """The peers that have named parts which couldn't be opened yet: a file is away, say."""
    keys_seen: tuple[tuple[str, int, int], ...] = ()

    # What the delivery answers to; where nothing is delivered, as in a command, these are the answers.

    wake: Callable[[str], None] = field(default=lambda _country: None)
    """Something new waits for a country."""
    idle: Callable[[str], bool] = field(default=lambda _country: False)
    """Whether a country's courier has nothing to do and the streams were compared."""
    heard: Callable[[str, Versions | None, Versions], None] = field(default=lambda _country, _members, _heads: None)
    """What a peer's call says of its member documents and directories."""
    fetch_areas: Callable[[str], None] = field(default=lambda _country: None)
    """A country asked by a set that isn't here: fetch its areas."""
    members_changed: Callable[[], None] = field(default=lambda: None)
    """There is a new member list."""
    post: Callable[[], None] = field(default=lambda: None)
    """A mail may wait."""
    published: Callable[[], None] = field(default=lambda: None)
    """Our own directory has changed."""
    is_compared: Callable[[str], bool | None] = field(default=lambda _country: None)
    """Whether the streams with a country were compared since the start; None where nothing is delivered."""
    told: Callable[[str, Told], None] = field(default=lambda _country, _told: None)
    """A peer's answer to a comparison."""
    asked: Callable[[], bool] = field(default=lambda: True)
    """Whether some peer was asked which versions of our own documents it knows."""
    all_asked: Callable[[], bool] = field(default=lambda: True)
    """Whether every peer was that may know any."""
    half_asked: Callable[[], bool] = field(default=lambda: True)
    """Whether more than half of them were."""
    witness_asked: Callable[[], bool] = field(default=lambda: True)
    """Whether at least half have shown what this node cosigned."""
    comparison: Callable[[str, str], Awaitable[bool]] = field(default=lambda _country, _batch: no_delivery())
    """Whether a batch (its digest) may be taken in from a country: the streams with it were compared."""

    @property
    def country(self) -> str:
        """This node's country code."""
        return self.config.country

    def today(self) -> date:
        """Return which day it is in this country: periods and due dates run by it."""
        return day_in(self.country, self.clock.now())

    def directory_day(self) -> date:
        """Return by which day authorities are active now (SPEC S-308)."""
        return directory_day(self.clock.now())

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
