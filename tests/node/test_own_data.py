"""What a node keeps of those who use it: they read all of it, and who left is forgotten after three years."""

import datetime as dt
from pathlib import Path

import pytest

from node.domain.access import operator
from node.domain.person import NewPerson
from node.errors import NodeError
from node.service import accounts, cases, own_data, sessions
from node.store import people
from tests.exchange.pair import world
from tests.exchange.test_story import ask


async def test_a_person_reads_all_that_is_kept_and_is_forgotten_three_years_after_leaving(tmp_path: Path) -> None:
    """Account, ways in and own acts are there, another's aren't; afterwards the id leads to nobody."""
    async with world(tmp_path, "DE", "HU") as both:
        node = both["HU"]
        new = NewPerson("katalin", "Szabó Katalin", "hu", frozenset({"handler"}), frozenset({"HU-okfo"}))
        person = await accounts.add_person(node, operator(), new)
        await sessions.make_link(node, operator(), person.id)
        case_id = await ask(both)
        await cases.accept(node, person.actor(), case_id)
        await both.settled()
        found = own_data.own_data(node, person.actor())
        assert (found.login, found.name, [way.kind for way in found.ways_in]) == ("katalin", "Szabó Katalin", ["link"])
        assert [(one.action, one.subject) for one in found.done] == [("request.accept", case_id)]
        assert own_data.data_of(node, operator(), "katalin") == found
        await accounts.end_person(node, operator(), person.id)
        assert await own_data.forget_left(node) == 0
        both.clock.offset += dt.timedelta(days=3 * 365 + 2)
        assert await own_data.forget_left(node) == 0, "nobody has signed the new time yet"
        await node.store.write(
            lambda tx: tx.run("UPDATE peer SET clock_at = :at", {"at": node.clock.now().isoformat()})
        )
        assert await own_data.forget_left(node) == 1
        assert node.store.read_now(lambda q: people.by_id(q, person.id)) is None
        with pytest.raises(NodeError, match="not-found"):
            own_data.data_of(node, operator(), "katalin")
