"""Two nodes that talk to each other, each with its API on a real listener of 127.0.0.1."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from node.api.app import add_routes
from node.clock import SystemEntropy
from node.domain.access import operator
from node.domain.person import NewPerson
from node.service import accounts, tokens
from node.service.node import Node
from tests.api.caller import Caller
from tests.exchange.pair import World, world
from tests.sign_in import token_of

AREA = "professional-qualifications"
PEOPLE = {
    "anna": ("DE", "de", "handler", "DE-zaek-berlin"),
    "ada": ("DE", "de", "data-administrator", "DE-zaek-berlin"),
    "miriam": ("DE", "de", "handler", "DE-lageso-berlin"),
    "katalin": ("HU", "hu", "handler", "HU-okfo"),
}


def request_body(**changes: Any) -> dict[str, Any]:
    """Return a complete request of the Berlin chamber."""
    return {
        "authority": "DE-zaek-berlin",
        "country": "HU",
        "to": "HU-okfo",
        "area": AREA,
        "set": "establishment",
        "questions": ["registration-status", "sanctions"],
        "variables": {
            "person": {"given_names": "Eszter", "family_name": "Kovács", "birth_date": "1991-04-17"},
            "profession": {"code": "dental-practitioner"},
        },
        "due": "2026-12-14",
        "comment": {"text": "Bitte prüfen Sie die Eintragung.", "lang": "de"},
        **changes,
    }


REPLY = {
    "answers": {
        "registration-status": {
            "code": "registered",
            "comment": {"text": "2015 óta szerepel a nyilvántartásban.", "lang": "hu"},
        },
        "sanctions": {"code": "no"},
    }
}


@dataclass
class Apis:
    """The two nodes and their callers."""

    world: World
    clients: dict[str, TestClient]
    tokens: dict[str, str]
    people: dict[str, str]

    def __getattr__(self, login: str) -> Caller:
        """Return a person's program, or `operator` for Berlin's operator."""
        country = "DE" if login == "operator" else PEOPLE[login][0]
        return Caller(self.clients[country], self.tokens[login])

    @property
    def nobody(self) -> Caller:
        """A program without a token."""
        return Caller(self.clients["DE"], None)

    @property
    def berlin(self) -> Node:
        """The German node."""
        return self.world["DE"]

    async def settled(self) -> None:
        """Wait until both nodes have everything."""
        await self.world.settled()

    async def ask(self) -> str:
        """Send a request; return the case's id once it is in Budapest."""
        made = await self.anna.post("requests", request_body())
        await self.settled()
        return made["id"]

    def count_cases(self) -> int:
        """Return how many cases Berlin has."""
        row = self.berlin.store.read_now(lambda q: q.one("SELECT COUNT(*) AS count FROM cases"))
        assert row is not None
        return row["count"]


async def listener(node: Node) -> TestClient:
    """Return a client of a new listener with the node's API."""
    app = web.Application()
    add_routes(app, node)
    return TestClient(TestServer(app, host="127.0.0.1"))


@pytest.fixture
async def apis(tmp_path: Path) -> AsyncIterator[Apis]:
    """Berlin and Budapest with their people."""
    async with AsyncExitStack() as stack:
        made = await stack.enter_async_context(world(tmp_path, "DE", "HU"))
        await made.settled()
        clients = {country: await stack.enter_async_context(await listener(made[country])) for country in ("DE", "HU")}
        people: dict[str, str] = {}
        secrets = {"operator": tokens.new_operator_token(SystemEntropy().random(32))}
        await tokens.ensure_operator_token(made["DE"], secrets["operator"])
        for login, (country, language, role, authority) in PEOPLE.items():
            new = NewPerson(login, login.title(), language, frozenset({role}), frozenset({authority}))
            people[login] = (await accounts.add_person(made[country], operator(), new)).id
            secrets[login] = await token_of(made[country], people[login])
        yield Apis(made, clients, secrets, people)
