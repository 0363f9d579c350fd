"""Which countries can be asked now, as an official and an operator are told."""

import pytest

from directory_sync.demo import demo_authorities
from node.domain.access import Actor, granted, operator
from node.errors import NodeError
from node.service import countries, country_log, directory, observe, witnessing
from node.service.freshness import Standing
from node.service.node import Node
from node.store import logs, peers
from protocol.countries import COUNTRIES
from tests.node.clock import TestClock
from tests.node.network import suspend

HANDLER = Actor("h", "Anna", "de", granted(["handler"], ["DE-zaek-berlin"]))


pytestmark = pytest.mark.usefixtures("members")


async def publish_both(berlin: Node, budapest: Node) -> None:
    """Give both nodes their demonstration lists, and Hungary's to Berlin."""
    await directory.import_authorities(berlin, operator(), demo_authorities("DE"))
    await directory.import_authorities(budapest, operator(), demo_authorities("HU"))
    page = budapest.store.read_now(lambda q: country_log.page_of(q, "HU", 0))
    assert page is not None
    await country_log.accept_page(berlin, "HU", page, "HU")


async def states(node: Node) -> dict[str, countries.CountryState]:
    """Return what a handler is told, by country."""
    return {one.country: one for one in await countries.overview(node, HANDLER, "de")}


async def test_each_of_the_30_is_told_in_the_readers_language(berlin: Node):
    """Those that take part come first, by name; the others are named too, with nothing to be known of them."""
    found = await countries.overview(berlin, HANDLER, "de")
    assert sorted(one.country for one in found) == sorted(COUNTRIES)
    here = [one.country for one in found if one.state != "absent"]
    assert [one.country for one in found][: len(here)] == here
    assert {"DE", "HU"} <= set(here)
    assert next(one for one in found if one.country == "GR").name == "Griechenland"
    for one in found:
        if one.state == "absent":
            assert (one.authorities, one.version, one.confirmed_at) == (0, None, None)


async def test_a_country_waits_until_its_list_is_here(berlin: Node, budapest: Node):
    """Before the first list it is `waiting`; then it is `ready`, with as many authorities as can be asked."""
    assert (await states(berlin))["HU"].state == "waiting"
    await publish_both(berlin, budapest)
    hungary = (await states(berlin))["HU"]
    assert (hungary.state, hungary.authorities) == ("ready", len(demo_authorities("HU")))
    assert hungary.confirmed_at == berlin.clock.now()
    assert (await states(berlin))["DE"].state == "own"
    assert (await states(berlin))["DE"].authorities == len(demo_authorities("DE"))


async def test_a_country_that_misses_three_looks_is_silent(berlin: Node, budapest: Node, clock: TestClock):
    """A list that wasn't confirmed for three looks, or a queue that fails for so long, is told; one success ends it."""
    await publish_both(berlin, budapest)
    look = berlin.config.peers.refresh_s
    clock.forward(seconds=3 * look)
    assert (await states(berlin))["HU"].state == "ready"
    clock.forward(seconds=1)
    assert (await states(berlin))["HU"].state == "silent"
    assert (await states(berlin))["HU"].authorities > 0
    await berlin.store.write(lambda tx: logs.confirm(tx, "HU", tx.at))
    assert (await states(berlin))["HU"].state == "ready"
    await berlin.store.write(lambda tx: peers.failed(tx, "HU", "refused", "2026-01-01T00:00:00.000000Z"))
    clock.forward(seconds=2 * look)
    await berlin.store.write(lambda tx: logs.confirm(tx, "HU", tx.at))
    assert (await states(berlin))["HU"].state == "ready"
    clock.forward(seconds=2 * look)
    await berlin.store.write(lambda tx: logs.confirm(tx, "HU", tx.at))
    assert (await states(berlin))["HU"].state == "silent"
    await berlin.store.write(lambda tx: peers.reached(tx, "HU", None))
    assert (await states(berlin))["HU"].state == "ready"


async def test_blocked_and_suspended_are_told(berlin: Node, budapest: Node, clock: TestClock):
    """What the operator or the states have decided goes before what the line says."""
    await publish_both(berlin, budapest)
    await berlin.store.write(lambda tx: peers.block(tx, "HU", blocked=True))
    assert (await states(berlin))["HU"].state == "blocked"
    assert berlin.members is not None
    berlin.members = suspend(berlin.members, "HU", [berlin, budapest], clock.now())
    assert (await states(berlin))["HU"].state == "suspended"


async def test_an_ended_authority_is_not_counted(berlin: Node, budapest: Node):
    """The number is of those that may be asked today."""
    await publish_both(berlin, budapest)
    left = demo_authorities("DE")[:-1]
    await directory.import_authorities(berlin, operator(), left, complete=True)
    assert (await states(berlin))["DE"].authorities == len(left)


async def test_it_is_told_how_far_a_directory_can_be_relied_on(berlin: Node, budapest: Node, clock: TestClock):
    """SPEC S-218, S-221, S-223: witnesses of those needed, the grade, and a log that lied: to officials and operators."""
    await publish_both(berlin, budapest)
    assert (await states(berlin))["FR"].log is None
    assert (await states(berlin))["HU"].log == Standing(grade="fresh", witnesses=0, needed=1, frozen=None)
    wanted = witnessing.wanted_from(budapest, "DE")
    assert wanted is not None
    answer = await witnessing.add_checkpoint(berlin, wanted.body)
    assert isinstance(answer, str)
    await witnessing.take_cosignature(budapest, "DE", wanted, answer.encode())
    page = budapest.store.read_now(lambda q: country_log.page_of(q, "HU", len(demo_authorities("HU"))))
    assert page is not None
    await country_log.accept_page(berlin, "HU", page, "HU")
    assert (await states(berlin))["HU"].log == Standing(grade="fresh", witnesses=1, needed=1, frozen=None)
    clock.forward(hours=berlin.config.directory.stale_hours + 1)
    await berlin.store.write(lambda tx: logs.freeze(tx, "HU", "its log has signed two histories"))
    told = Standing(grade="stale", witnesses=1, needed=1, frozen="its log has signed two histories")
    assert (await states(berlin))["HU"].log == told
    (seen,) = [one for one in observe.status(berlin, operator()).directories if one.country == "HU"]
    assert (seen.version, seen.log) == (len(demo_authorities("HU")), told)


async def test_everybody_who_may_search_may_see_it(berlin: Node):
    """The operator sees the same; whoever has no role is refused."""
    assert len(await countries.overview(berlin, operator(), "en")) == len(COUNTRIES)
    with pytest.raises(NodeError) as refused:
        await countries.overview(berlin, Actor("x", "X", "en", frozenset()), "en")
    assert refused.value.code == "forbidden"
