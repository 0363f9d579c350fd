"""Nodes in one process that talk to each other without a network: real services, stores and protocol."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path

import translations
from directory_sync.demo import demo_authorities
from node.clock import Entropy, SystemEntropy
from node.config import Config, HealthSection, NodeSection, PeersSection, WebSection
from node.delivery.call import Answer, Call, LineError
from node.delivery.exchange import Exchange
from node.delivery.incoming import handle
from node.domain.access import Actor, granted, operator
from node.service import directory
from node.service.log_keys import published_keys
from node.service.node import Node
from node.store.case_keys import CaseKeys
from node.store.key_files import load_keys, make_keys, read_seed
from node.store.tx import Read
from protocol.member import EncryptionKey, MemberRecord, MessageKey
from protocol.member_bundle import MemberBundle
from protocol.member_proposal import Candidate, propose
from protocol.member_signatures import attach, sign_proposal, sign_role, signer_from_seed
from protocol.members import MemberList
from tests.databases import open_store
from translations.area import Areas, load_areas
from translations.catalogue import Catalogue

TEXTS = Path(translations.__file__).parent
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class LoopClock:
    """A clock that begins at `START` and follows the time of its loop, which tests may make virtual.

    Every thread sees the loop's time: were the writer's thread to stay at `START`, a machine that is up for longer
    than a session lasts would see each session end before it begins.
    """

    def __init__(self) -> None:
        self.offset = timedelta()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._began = 0.0

    def now(self) -> datetime:
        with contextlib.suppress(RuntimeError):
            self._follow(asyncio.get_running_loop())
        passed = self._loop.time() - self._began if self._loop else 0.0
        return START + timedelta(seconds=passed) + self.offset

    def _follow(self, loop: asyncio.AbstractEventLoop) -> None:
        if loop is not self._loop:
            self._loop, self._began = loop, loop.time()


_ASKED_S = 2.0
"""For so long it is waited for answers of peers; those that are down never give one."""

AWAITED = "SELECT sha256 FROM blob WHERE here = 0 AND failure IS NULL AND origin <> :own"
"""Files that are being fetched; an own one that isn't here was left by a crash, and nothing names it."""


@dataclass
class Net:
    """What lies between the nodes.

    `down` names countries, or ways `(from, to)`. `before` sees each call and may answer it or raise in the
    peer's place; `after` sees it with the peer's answer, and may lose or replace that.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    down: set[str | tuple[str, str]] = field(default_factory=set)
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    before: Callable[[str, str, Call], Answer | None] = field(default=lambda _me, _peer, _call: None)
    after: Callable[[str, str, Call, Answer], Answer] = field(default=lambda _me, _peer, _call, answer: answer)


class MemoryLine:
    """The way from one node to another through `handle`."""

    def __init__(self, net: Net, me: str, peer: str) -> None:
        self.net, self.me, self.peer = net, me, peer

    async def send(self, call: Call) -> Answer:
        await asyncio.sleep(0.001)
        if self.peer not in self.net.nodes or self.net.down & {self.me, self.peer, (self.me, self.peer)}:
            raise LineError("no answer in time")
        self.net.calls.append((self.me, self.peer, call.path))
        answer = self.net.before(self.me, self.peer, call)
        if answer is None:
            try:
                async with asyncio.timeout(120):
                    answer = await handle(self.net.nodes[self.peer], self.me, call)
            except TimeoutError:
                raise LineError("no answer in time") from None
        return self.net.after(self.me, self.peer, call, answer)

    async def close(self) -> None:
        """Nothing is open."""


def config_for(folder: Path, country: str, **peers: object) -> Config:
    """Return a configuration with fast repetition."""
    url = f"https://{country.lower()}.example"
    values = {"listen": "127.0.0.1:7443", "url": url, "retry_first_s": 0.05, "retry_longest_s": 0.2, "refresh_s": 30.0}
    return Config(
        node=NodeSection(country=country, name=f"Operator {country}", language="en", time_zone="UTC", demo=True),
        peers=PeersSection(**{**values, **peers}),
        web=WebSection(listen="127.0.0.1:7080", url="http://127.0.0.1:7080"),
        health=HealthSection(listen="127.0.0.1:7090"),
        folder=folder,
    )


@cache
def texts_of_this_tree() -> tuple[Areas, Catalogue]:
    """Return areas and texts, which no test changes."""
    return load_areas(TEXTS / "areas"), Catalogue(TEXTS / "interface" / "po")


def open_for_test(
    folder: Path,
    country: str,
    clock: LoopClock,
    *,
    inline: bool = False,
    entropy: Entropy | None = None,
    **peers: object,
) -> Node:
    """Open a node in a folder; keys are made where there are none."""
    config = config_for(folder, country, **peers)
    entropy = entropy or SystemEntropy()
    if not config.keys.exists():
        make_keys(config.keys, country, entropy)
    config.data.mkdir(exist_ok=True, parents=True)
    keys = load_keys(config.keys)
    key_store = open_store(config.data / "keys.db", clock, inline=inline)
    store = open_store(config.data / "node.db", clock, inline=inline)
    case_keys = CaseKeys(key_store, keys.masters, entropy)
    areas, texts = texts_of_this_tree()
    return Node(config, store, key_store, case_keys, keys, clock, entropy, areas.copy(), texts)


def record_of(node: Node) -> MemberRecord:
    """Return what a node says of itself."""
    keys = node.keys
    return MemberRecord(
        country=node.country,
        name=node.config.node.name,
        url=node.config.peers.url,
        speaks=("1",),
        tls=(keys.tls_der,),
        message_keys=(
            MessageKey(kid=keys.signer.kid, certificate=keys.message_certificate, state="active", since=START),
        ),
        encryption_keys=(
            EncryptionKey(kid=keys.encryption_kid, suite="MLKEM768-X25519", public=keys.encryption_public),
        ),
        **published_keys(node, None),
    )


def members_of(*nodes: Node) -> MemberList:
    """Let the nodes' states sign a member list of all of them."""
    current: MemberList | None = None
    signers = []
    for node in nodes:
        state = signer_from_seed(read_seed(node.config.keys / "state.seed"))
        role = signer_from_seed(node.keys.list_seed)
        signers.append(state)
        proposal = propose(current, Candidate.of(node.country, state, role), START)
        signatures = [s for signer in signers for s in sign_proposal(proposal, signer)]
        progress = attach(current, proposal, signatures)
        assert progress.bundle is not None
        known = current or MemberList.genesis(progress.bundle.roots[0])
        current, _ = known.update(progress.bundle, START)
    assert current is not None
    roles = {
        node.country: sign_role(record_of(node), 1, START + timedelta(days=365), signer_from_seed(node.keys.list_seed))
        for node in nodes
    }
    current, problems = current.update(MemberBundle(roles=roles), START)
    assert not problems
    return current


def handler(authority: str, name: str = "Anna Berger", language: str = "de") -> Actor:
    """Return a case handler of an authority."""
    return Actor(f"id-{name}", name, language, granted(["handler"], [authority]))


@dataclass
class World:
    """The running nodes and what lies between them."""

    net: Net
    clock: LoopClock
    folder: Path
    exchanges: dict[str, Exchange] = field(default_factory=dict)
    inline: bool = False

    def __getitem__(self, country: str) -> Node:
        return self.net.nodes[country]

    async def start(self, country: str) -> None:
        node = self.net.nodes[country]
        self.exchanges[country] = Exchange(node, lambda peer: MemoryLine(self.net, country, peer))
        await self.exchanges[country].start()

    async def stop(self, country: str) -> None:
        await self.exchanges.pop(country).stop()
        node = self.net.nodes.pop(country)
        await node.store.close()
        await node.key_store.close()

    async def settled(self, *, longest_s: float = 20.0) -> None:
        """Wait until nothing waits for delivery and nothing is being fetched, and who can has asked its peers."""
        deadline, pause = asyncio.get_running_loop().time() + longest_s, 0.005
        while not self._idle():
            assert asyncio.get_running_loop().time() < deadline, self._why()
            await asyncio.sleep(pause)
            pause = min(pause * 1.2, 1.0 if self.inline else 0.02)
        asked_by = min(deadline, asyncio.get_running_loop().time() + _ASKED_S)
        while not all(node.half_asked() for node in self.net.nodes.values()):
            if asyncio.get_running_loop().time() > asked_by:
                return  # whom nobody answers can settle too
            await asyncio.sleep(pause)

    def _why(self) -> str:
        asked = ("SELECT country, failure FROM peer", "SELECT peer, digest, first FROM outbox", "SELECT * FROM blob")
        found = {
            country: [[tuple(row) for row in node.store.read_now(lambda q, s=sql: q.all(s))] for sql in asked]
            for country, node in self.net.nodes.items()
        }
        return f"the nodes don't settle: {found}"

    def _idle(self) -> bool:
        return all(node.store.read_now(partial(self._rests, country)) for country, node in self.net.nodes.items())

    def _rests(self, country: str, q: Read) -> bool:
        """Say whether a node has sent everything, has every file of others, and knows all logs."""
        logs = q.all("SELECT country FROM log WHERE note <> ''")
        return len(logs) >= len(self.net.nodes) and not (
            q.all("SELECT seq FROM outbox LIMIT 1") or q.all(f"{AWAITED} LIMIT 1", {"own": country})
        )


@contextlib.asynccontextmanager
async def world(
    folder: Path,
    *countries: str,
    inline: bool = False,
    entropy: Callable[[str], Entropy] = lambda _country: SystemEntropy(),
    **peers: object,
) -> AsyncIterator[World]:
    """Run some nodes that know each other, with the demo's authorities."""
    clock = LoopClock()
    made = World(Net(), clock, folder, inline=inline)
    for country in countries:
        (folder / country).mkdir(exist_ok=True)
        made.net.nodes[country] = open_for_test(
            folder / country, country, clock, inline=inline, entropy=entropy(country), **peers
        )
    members = members_of(*made.net.nodes.values())
    for node in made.net.nodes.values():
        node.members = members
        await directory.import_authorities(node, operator(), demo_authorities(node.country))
    try:
        for country in countries:
            await made.start(country)
        yield made
    finally:
        for country in list(made.exchanges):
            await made.stop(country)
        for node in made.net.nodes.values():  # those whose delivery a test has stopped itself
            await node.store.close()
            await node.key_store.close()
