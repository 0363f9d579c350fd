"""Who asks, and of whom, is judged by the directories: never by a copy that is older than what the sender has."""

from pathlib import Path

import pytest

from directory_sync.authority import Authority
from directory_sync.demo import demo_authorities
from node.cli.simulation.loop import run
from node.errors import NodeError
from node.service import directory, requests
from protocol.batch import parse_batch
from protocol.content import PartyName
from protocol.receipt import parse_receipt
from tests.exchange.attacker import ATTACKER, SUSPENDED, Attacker, Item, attacked
from tests.exchange.pair import world
from tests.exchange.test_directory_faults import publish
from tests.exchange.test_story import ANNA, request


async def _send_naming(a: Attacker, size: int, item: Item) -> str:
    """Send a request in a batch that names the size of its sender's directory; returns its outcome."""
    batch = parse_batch(a.batch([item], heads={ATTACKER: [size, "A" * 43]}))
    answer = await a.post(batch.wire())
    a.consumed(batch)
    return parse_receipt(answer.body).claims.outcomes[0][1]


async def _lagging(folder: Path) -> None:
    async with attacked(folder) as a:
        size, _ = directory.heads(a.victim)[ATTACKER]
        for authority, code in ((SUSPENDED, "not-competent"), ("DE-new", "unknown-authority")):
            asking = {"asking": PartyName(authority=authority, name="?")}
            assert await _send_naming(a, size, a.request(asking)) == code
            assert await _send_naming(a, size + 1, a.request(asking)) == "stored"


def test_a_directory_that_lags_loses_no_request(tmp_path: Path) -> None:
    """Who asks may be listed since: the request is taken, and nothing waits; the newest copy refuses it (SPEC S-235)."""
    run(_lagging(tmp_path))


async def _without_a_directory(folder: Path) -> None:
    async with attacked(folder) as a:
        await a.victim.store.write(lambda tx: tx.run("UPDATE log SET note = '' WHERE country = :c", {"c": ATTACKER}))
        asking = {"asking": PartyName(authority="DE-new", name="?")}
        assert await a.send(a.request(asking)) == ["stored"]


def test_without_any_directory_of_the_asking_country_nobody_is_judged(tmp_path: Path) -> None:
    """A member that has just joined can be asked before its neighbours' directories have come (SPEC S-235)."""
    run(_without_a_directory(tmp_path))


def _without(authority: str) -> list[Authority]:
    """Return the list of an authority's country, in which its part in every area is suspended."""
    return [
        one.model_copy(update={"areas": tuple(role.model_copy(update={"status": "suspended"}) for role in one.areas)})
        if one.id == authority
        else one
        for one in demo_authorities(authority[:2])
    ]


async def _at_home(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        for authority, field in (("DE-zaek-berlin", "authority"), ("HU-okfo", "to")):
            await publish(both, authority[:2], _without(authority))
            with pytest.raises(NodeError) as error:
                requests.check(both["DE"], ANNA, request())
            assert error.value.fields == {field: "not-competent"}
            await publish(both, authority[:2], list(demo_authorities(authority[:2])))


def test_who_is_not_in_the_area_is_named_before_anything_is_signed(tmp_path: Path) -> None:
    """The own authority and the one to be asked, each at its field; the roles are asked of who is there."""
    run(_at_home(tmp_path))
