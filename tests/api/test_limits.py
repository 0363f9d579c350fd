"""Who asks too often is told when to come back, and nobody else notices."""

from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from node.api.app import add_routes
from node.domain.access import operator
from node.domain.person import NewPerson
from node.service import accounts
from node.service.node import Node
from tests.api.caller import Caller
from tests.dashboard.test_pages import dashboard, signed_in
from tests.exchange.pair import texts_of_this_tree, world
from tests.sign_in import token_of
from translations.languages import LANGUAGES


def strict(node: Node, **web_settings: object) -> Node:
    """Give a node small allowances."""
    settings = {"calls_per_s": 0.5, "strangers_per_s": 0.25, **web_settings}  # 10 and 5 at a stroke
    node.config = node.config.model_copy(update={"web": node.config.web.model_copy(update=settings)})
    return node


async def _token(node: Node, login: str) -> str:
    new = NewPerson(login, login.title(), "de", frozenset({"handler"}), frozenset({"DE-zaek-berlin"}))
    return await token_of(node, (await accounts.add_person(node, operator(), new)).id)


async def test_a_program_that_calls_too_often_is_refused_alone(tmp_path: Path) -> None:
    """429 with Retry-After for that person; a colleague's program goes on."""
    async with world(tmp_path, "DE") as one:
        node, app = strict(one["DE"]), web.Application()
        add_routes(app, node)
        async with TestClient(TestServer(app, host="127.0.0.1")) as client:
            anna, miriam = Caller(client, await _token(node, "anna")), Caller(client, await _token(node, "miriam"))
            for _ in range(10):
                await anna.get("me")
            refused = await anna.call("GET", "me")
            assert (refused.status, refused.code) == (429, "too-many")
            assert 1 <= int(refused.headers["Retry-After"]) <= 2
            assert (await miriam.get("me"))["name"] == "Miriam"


@pytest.mark.parametrize("forwarded_for", [False, True])
async def test_strangers_share_an_allowance_by_address(tmp_path: Path, *, forwarded_for: bool) -> None:
    """Wrong tokens use up their address's allowance; who is signed in there isn't touched, nor is another address."""
    async with world(tmp_path, "DE") as one:
        node, app = strict(one["DE"], forwarded_for=forwarded_for), web.Application()
        add_routes(app, node)
        async with TestClient(TestServer(app, host="127.0.0.1")) as client:
            thief, anna = Caller(client, "guessed"), Caller(client, await _token(node, "anna"))
            here = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7"}
            statuses = [(await thief.send("GET", "me", headers=here)).status for _ in range(6)]
            assert statuses == [401] * 5 + [429]
            assert (await anna.send("GET", "me", headers=here)).status == 200
            elsewhere = {"X-Forwarded-For": "198.51.100.7, 203.0.113.9"}
            assert (await thief.send("GET", "me", headers=elsewhere)).status == (401 if forwarded_for else 429)


async def test_pages_are_limited_too(tmp_path: Path) -> None:
    """A page in the reader's language says so; styles and other people's pages still come."""
    async with world(tmp_path, "DE") as one:
        node = strict(one["DE"])
        async with dashboard(node) as base:
            async with signed_in(node, base, "anna", "Anna Berger", "de", "DE-zaek-berlin") as anna:
                for _ in range(100):  # 10 at a stroke, and one more for each 2 s that a slow machine takes for them
                    page = await anna.get("/work")
                    if page.status != 200:
                        break
            assert page.status == 429
            assert "Warten Sie eine Minute" in page.text
            assert "too-many" in page.text
            async with aiohttp.ClientSession() as stranger:
                seen = []
                for _ in range(6):
                    async with stranger.get(f"{base}/sign-in") as answer:
                        seen.append((answer.status, answer.headers.get("Retry-After")))
                assert seen[-1][0] == 429
                assert int(seen[-1][1] or 0) >= 1
                async with stranger.get(f"{base}/static/entente.css") as answer:
                    assert answer.status == 200


def test_the_page_is_there_in_every_language() -> None:
    """No reader gets it in a language of somebody else."""
    catalogue = texts_of_this_tree()[1]
    for code in ("too-many", "case-damaged", "list-expired"):
        told = {catalogue.text(f"fault.{code}.text", lang).text for lang in LANGUAGES}
        assert len(told) == len(LANGUAGES)
