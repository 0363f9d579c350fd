"""Real nodes on temporary folders: own keys, own databases, the project's areas and texts."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from node.clock import SystemEntropy
from node.config import Config
from node.service.node import Node
from node.store.case_keys import CaseKeys
from node.store.key_files import load_keys, make_keys
from protocol.members import MemberList
from tests.conftest import ROOT
from tests.databases import open_store
from tests.node.clock import TestClock
from tests.node.network import join_all
from tests.node.people import with_authorities
from translations.area import Areas, load_areas
from translations.catalogue import Catalogue

MakeNode = Callable[..., Node]


@pytest.fixture(scope="session")
def areas() -> Areas:
    """Load the legal areas that the project ships."""
    return load_areas(ROOT / "translations" / "areas")


@pytest.fixture(scope="session")
def texts() -> Catalogue:
    """Open the texts of the interface."""
    return Catalogue(ROOT / "translations" / "interface" / "po")


@pytest.fixture
def clock() -> TestClock:
    """Set the one clock of all nodes of a test."""
    return TestClock()


def config_of(country: str, folder: Path) -> Config:
    """Return the configuration of a country's node, with files below `folder`."""
    lower = country.lower()
    values = {
        "node": {"country": country, "name": f"Node of {country}"},
        "peers": {"listen": "127.0.0.1:0", "url": f"https://{lower}.example:7443"},
        "web": {"listen": "127.0.0.1:0", "url": f"https://entente.{lower}.example"},
        "health": {"listen": "127.0.0.1:0"},
    }
    return Config.model_validate({**values, "folder": folder})


@pytest.fixture
async def make_node(tmp_path: Path, clock: TestClock, areas: Areas, texts: Catalogue) -> AsyncIterator[MakeNode]:
    """Make a node: `make_node("DE")`; stores commit inline. All are closed at the end."""
    nodes: list[Node] = []

    def make(country: str) -> Node:
        config = config_of(country, tmp_path / f"{country}{len(nodes)}")
        make_keys(config.keys, country, SystemEntropy())
        config.data.mkdir()
        keys = load_keys(config.keys)
        store = open_store(config.data / "node.db", clock, inline=True)
        key_store = open_store(config.data / "keys.db", clock, inline=True)
        node = Node(
            config=config,
            store=store,
            key_store=key_store,
            case_keys=CaseKeys(key_store, keys.masters, SystemEntropy()),
            keys=keys,
            clock=clock,
            entropy=SystemEntropy(),
            areas=areas,
            texts=texts,
        )
        nodes.append(node)
        return node

    yield make
    for node in nodes:
        await node.store.close()
        await node.key_store.close()


@pytest.fixture
def join(clock: TestClock) -> Callable[..., MemberList]:
    """Make one network of some nodes: `join(berlin, budapest)`; every node knows the member list."""
    return lambda *nodes: join_all(nodes, clock.now())


@pytest.fixture
def berlin(make_node: MakeNode) -> Node:
    """Germany's node."""
    return make_node("DE")


@pytest.fixture
def budapest(make_node: MakeNode) -> Node:
    """Hungary's node."""
    return make_node("HU")


@pytest.fixture
def members(join: Callable[..., MemberList], berlin: Node, budapest: Node) -> MemberList:
    """Both nodes in one network."""
    return join(berlin, budapest)


@pytest.fixture
async def node(make_node: MakeNode) -> Node:
    """Berlin's node with two authorities, for the tests that bring none of their own."""
    return await with_authorities(make_node)
