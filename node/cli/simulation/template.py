"""Nodes that know each other, made once for each number of them; a simulation copies their files.

Keys, member list and directories are the same for every seed. Making them is what a real network does once.
"""

import atexit
import datetime as dt
import os
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Final

from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]

import translations
from directory_sync.authority import AreaRole, Authority, Links
from node.cli.simulation.clock import START, DriftingClock
from node.cli.simulation.entropy import SeededEntropy
from node.cli.simulation.loop import run
from node.clock import Clock, Entropy
from node.config import Config, HealthSection, NodeSection, PeersSection, WebSection
from node.domain.access import operator
from node.service import country_log, directory, membership
from node.service.ahead import go_on_by_time
from node.service.node import Node
from node.store import erased, logs, member_documents
from node.store.case_keys import CaseKeys
from node.store.key_files import NodeKeys, load_keys, make_keys, read_seed
from node.store.migrations import KEYS, NODE
from node.store.store import Store
from node.store.tx import Tx
from protocol.countries import COUNTRIES
from protocol.member_bundle import MemberBundle
from protocol.member_proposal import Candidate, propose
from protocol.member_signatures import attach, sign_proposal, signer_from_seed
from protocol.members import MemberList
from translations.area import Areas, load_areas
from translations.catalogue import Catalogue

AREA: Final = "professional-qualifications"
REFRESH_S: Final = 1800.0
RETRY_FIRST_S: Final = 1.0
RETRY_LONGEST_S: Final = 300.0
_TEXTS: Final = Path(translations.__file__).parent
_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - files that live for one run, where there is a file system in memory
_DAY: Final = dt.timedelta(days=1)
_Named = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class Template:
    """The files and keys of some countries' nodes; `applicants` are prepared and not yet members."""

    folder: Path
    members: tuple[str, ...]
    applicants: tuple[str, ...]
    states: dict[str, CryptoSigner]
    records: dict[str, bytes]
    list: MemberList

    @property
    def countries(self) -> tuple[str, ...]:
        """Members and applicants."""
        return self.members + self.applicants


@cache
def texts_of_this_tree() -> tuple[Areas, Catalogue]:
    """Return areas and texts, which no simulation changes."""
    return load_areas(_TEXTS / "areas"), Catalogue(_TEXTS / "interface" / "po")


@cache
def scratch() -> Path:
    """Return this process's folder for files that end with it, in memory where that is possible."""
    made = tempfile.mkdtemp(prefix="entente-simulate-", dir=_MEMORY if os.access(_MEMORY, os.W_OK) else None)
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return Path(made)


def authority_of(country: str) -> str:
    """Return the id of a country's authority that is asked."""
    return f"{country}-chamber"


def register_of(country: str) -> str:
    """Return the id of a country's other authority, to which a case may be passed on."""
    return f"{country}-register"


def coordinator_of(country: str) -> str:
    """Return the id of a country's coordinator, to whom a reply may be referred."""
    return f"{country}-coordinator"


def config_for(folder: Path, country: str, keys: Path) -> Config:
    """Return a configuration like an operator's: back-off from 1 s to 5 minutes, a look every half hour."""
    return Config(
        node=NodeSection(country=country, name=f"Operator {country}", language="en", time_zone="UTC", keys=str(keys)),
        peers=PeersSection(
            listen="127.0.0.1:7443",
            url=f"https://{country.lower()}.example",
            retry_first_s=RETRY_FIRST_S,
            retry_longest_s=RETRY_LONGEST_S,
            refresh_s=REFRESH_S,
        ),
        web=WebSection(listen="127.0.0.1:7080", url="http://127.0.0.1:7080"),
        health=HealthSection(listen="127.0.0.1:7090"),
        folder=folder,
    )


def open_files(config: Config, clock: Clock, entropy: Entropy) -> Node:
    """Open a node on its folder, as `entente serve` does, with stores that run inline."""
    keys = load_keys(config.keys)
    key_store = Store(config.data / "keys.db", KEYS, clock, inline=True)
    store = Store(config.data / "node.db", NODE, clock, inline=True)
    areas, texts = texts_of_this_tree()
    case_keys = CaseKeys(key_store, keys.masters, entropy)
    node = Node(config, store, key_store, case_keys, keys, clock, entropy, areas.copy(), texts)
    stored = store.read_now(member_documents.load)
    if stored.roots:
        others = (tuple(stored.roles.items()), tuple(stored.suspensions.items()))
        node.members = _restored(stored.roots, stored.targets, *others).at(clock.now())
    return node


async def note_restored(data: Path, country: str, clock: Clock) -> None:
    """Write down in an older copy of a node's files that it is one, as `entente restore` does."""
    store = Store(data / "node.db", NODE, clock, inline=True)
    await store.write(lambda tx: go_on_by_time(tx, country, "restore"))
    await store.close()


@lru_cache(maxsize=64)
def _restored(roots: tuple[bytes, ...], targets: bytes | None, roles: _Named, suspensions: _Named) -> MemberList:
    """Verify a stored list again, once for the same bytes: every node of a simulation has the same one."""
    return MemberList.restore(MemberBundle(roots, targets, dict(roles), dict(suspensions)))[0]


@cache
def template(count: int, applicants: int = 0) -> Template:
    """Return `count` members that know each other's directory, and applicants with keys and a directory."""
    folder = Path(tempfile.mkdtemp(prefix=f"{count}-", dir=scratch()))
    chosen = _ORDER[: count + applicants]
    nodes = {country: _made(folder / country, country) for country in chosen}
    states = {c: signer_from_seed(read_seed(node.config.keys / "state.seed")) for c, node in nodes.items()}
    records = {country: membership.signed_record(nodes[country]) for country in chosen}
    members = run(_introduced(nodes, states, chosen[:count]))
    return Template(folder, chosen[:count], chosen[count:], states, records, members)


_ORDER: Final = ("DE", "HU", "AT", *(country for country in COUNTRIES if country not in ("DE", "HU", "AT")))


@cache
def _empty() -> Path:
    """Return a folder with databases in which nothing is yet: to make their tables takes longer than to copy them."""
    folder = Path(tempfile.mkdtemp(prefix="empty-", dir=scratch()))
    for name, migrations in (("keys.db", KEYS), ("node.db", NODE)):
        run(Store(folder / name, migrations, DriftingClock(), inline=True).close())
    return folder


def _made(folder: Path, country: str) -> Node:
    entropy = SeededEntropy(f"keys of {country}")
    config = config_for(folder, country, folder / "keys")
    copy_of(_empty(), config.data)
    make_keys(config.keys, country, entropy)
    return open_files(config, DriftingClock(), entropy)


async def _introduced(nodes: dict[str, Node], states: dict[str, CryptoSigner], members: tuple[str, ...]) -> MemberList:
    """Let the first node learn all that every member knows, and give the others a copy of its database."""
    for node in nodes.values():
        await directory.import_authorities(node, operator(), authorities_in(node.country))
    first, *others = (nodes[country] for country in members)
    bundle = _founded([first, *others], states)
    assert not await membership.install(first, MemberList.genesis(bundle.roots[0]), bundle, "operator")
    for other in others:
        shown = other.store.read_now(lambda q, other=other: country_log.page_of(q, other.country, 0))  # type: ignore[misc]
        assert shown is not None
        await country_log.accept_page(first, other.country, shown, other.country)
    await first.store.write(partial(_remember_cosigned, members=members))
    for node in nodes.values():
        await node.store.close()
        await node.key_store.close()
    for other in others:
        shutil.copyfile(first.store.path, other.store.path)
    assert first.members is not None
    return first.members


def _remember_cosigned(tx: Tx, members: tuple[str, ...]) -> None:
    """Let a node know that it has cosigned what it has of every log, as after its first minute in a real network."""
    for country in members:
        log = logs.find(tx, country)
        assert log is not None
        logs.keep_witnessed(tx, country, log.origin, (log.signed, log.root), log.note)


def _founded(nodes: list[Node], states: dict[str, CryptoSigner]) -> MemberBundle:
    """Sign the list: the first state founds it, each of the others is taken in; the last root says it all."""
    current: MemberList | None = None
    for place, node in enumerate(nodes):
        proposal = propose(current, candidate_of(node.country, states, node.keys), START)
        enough = [states[one.country] for one in nodes[: place // 2 + 2]] + [states[node.country]]
        signed = attach(current, proposal, [each for state in enough for each in sign_proposal(proposal, state)])
        assert signed.bundle is not None
        current, _ = (current or MemberList.genesis(signed.bundle.roots[0])).update(signed.bundle, START)
    assert current is not None
    assert current.targets is not None
    records = {node.country: membership.signed_record(node) for node in nodes}
    return MemberBundle((current.root.raw,), current.targets.raw, records)


def candidate_of(country: str, states: dict[str, CryptoSigner], keys: NodeKeys) -> Candidate:
    """Return the public keys with which a country joins."""
    return Candidate.of(country, states[country], signer_from_seed(keys.list_seed))


def authorities_in(country: str, place: str = "Capital") -> list[Authority]:
    """Return a country's two authorities and their coordinator; the chamber sits in `place`."""
    return [
        _authority(country, coordinator_of(country), f"Coordinator {country}", "Capital"),
        _authority(country, authority_of(country), f"Chamber {country}", place),
        _authority(country, register_of(country), f"Register {country}", "Capital"),
    ]


def _authority(country: str, authority: str, name: str, place: str) -> Authority:
    coordinator = coordinator_of(country)
    linked = Links(validating=coordinator, request={AREA: (coordinator,)})
    links = None if authority == coordinator else linked
    return Authority(
        id=authority,
        country=country,
        name=name,
        name_lang="en",
        level="national",
        place=place,
        languages=("en",),
        areas=(AreaRole(area=AREA, role="authority" if links else "coordinator"),),
        links=links,
        valid_from=(START - 365 * _DAY).date(),
        v=1,
    )


def copy_of(source: Path, target: Path) -> None:
    """Copy a node's data folder; attachments never change once they are whole, so they are linked."""
    target.mkdir(mode=0o700, parents=True)
    for name in ("node.db", "node.db-wal", "keys.db", "keys.db-wal", erased.NAME):
        if (source / name).exists():
            shutil.copyfile(source / name, target / name)
            (target / name).chmod(0o600)
    if (source / "blobs").exists():
        shutil.copytree(source / "blobs", target / "blobs", copy_function=_linked)


def _linked(source: str, target: str) -> None:
    (shutil.copyfile if source.endswith(".part") else os.link)(source, target)
