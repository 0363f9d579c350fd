"""What a node keeps of those who use it: they read all of it, and who left is forgotten after three years."""

import contextlib
import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from node.domain.access import Actor, granted, operator
from node.domain.person import NewPerson, Person
from node.errors import NodeError
from node.service import accounts, blocking, cases, own_data, sessions, tokens
from node.service.node import Node
from node.service.verification import check_node
from node.store import people, retention
from tests.exchange.pair import World, open_for_test, world
from tests.exchange.test_story import ANNA, ask

ZSOFIA = Actor("id-zsofia", "Zsófia", "hu", granted(["data-administrator"], ["HU-okfo"]))
OTHER = Actor("id-other", "Other", "hu", granted(["data-administrator"], ["HU-mok"]))


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
        assert await own_data.data_of(node, operator(), "katalin") == found
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
            await own_data.data_of(node, operator(), "katalin")


NAME = "Szabó Katalin-Borbála"


@dataclass
class Left:
    """A node whose handler saw blocked data with a reason, and has left since."""

    both: World
    person: Person

    @property
    def node(self) -> Node:
        """The Hungarian node."""
        return self.both["HU"]

    async def three_years_later(self) -> None:
        """Let the time pass after which the account is deleted, and let a peer sign the new time."""
        self.both.clock.offset += dt.timedelta(days=3 * 365 + 2)
        now = self.node.clock.now().isoformat()
        await self.node.store.write(lambda tx: tx.run("UPDATE peer SET clock_at = :at", {"at": now}))

    def on_disk(self) -> list[str]:
        """Return the files of the node's data in which the name stands."""
        files = [path for path in self.node.config.data.rglob("*") if path.is_file()]
        return [path.name for path in files if NAME.encode() in path.read_bytes()]


@contextlib.asynccontextmanager
async def left(folder: Path) -> AsyncIterator[Left]:
    """Give a node whose handler has left."""
    async with world(folder, "DE", "HU") as both:
        node, case_id = both["HU"], await ask(both)
        new = NewPerson("katalin.b", NAME, "hu", frozenset({"handler"}), frozenset({"HU-okfo"}))
        person = await accounts.add_person(node, operator(), new)
        await cases.withdraw(both["DE"], ANNA, case_id)
        await both.settled()
        await node.store.write(lambda tx: retention.block(tx, [case_id]))
        await blocking.see(node, person.actor(), case_id, "proof", "Bírósági eljárás")
        assert [one.person for one in blocking.seen_by(node, ZSOFIA)[0]] == [NAME]
        await accounts.end_person(node, operator(), person.id)
        yield Left(both, person)


async def test_the_data_of_who_left_are_blocked(tmp_path: Path) -> None:
    """No list shows name or login any more; whoever asks for them by the id, to prove an exchange, is noted."""
    async with left(tmp_path) as gone:
        for actor in (operator(), ZSOFIA):
            (line,) = (one for one in accounts.list_people(gone.node, actor) if one.id == gone.person.id)
            assert (line.name, line.login, line.ended_at is not None) == ("", "", True)
            assert accounts.person_seen(gone.node, actor, gone.person.id) == line
            assert tokens.tokens_of(gone.node, actor, gone.person.id) == (line, ())
        assert [one.person for one in blocking.seen_by(gone.node, ZSOFIA)[0]] == [gone.person.id]
        with pytest.raises(NodeError, match="not-found"):
            await own_data.data_of(gone.node, OTHER, gone.person.id)
        found = await own_data.data_of(gone.node, ZSOFIA, gone.person.id)
        assert (found.name, found.id) == (NAME, gone.person.id)
        assert await own_data.data_of(gone.node, operator(), "katalin.b") == found
        seen = gone.node.store.read_now(
            lambda q: q.all("SELECT actor, subject FROM audit WHERE action = 'person.see-blocked'")
        )
        assert [(row["actor"], row["subject"]) for row in seen] == [
            (ZSOFIA.id, gone.person.id),
            ("operator", gone.person.id),
        ]


async def test_nothing_of_who_left_is_on_the_disk_after_three_years_nor_comes_back(tmp_path: Path) -> None:
    """Name and login are in no file, the write-ahead log included; a restored older disk is cleaned before it serves."""
    async with left(tmp_path) as gone:
        assert gone.on_disk()
        await gone.node.store.cut_log()
        before = (gone.node.config.data / "node.db").read_bytes()
        await gone.three_years_later()
        assert await own_data.forget_left(gone.node) == 1
        assert gone.on_disk() == []
        assert gone.person.id in gone.node.case_keys.erased()
        assert check_node(gone.node) == []
        await gone.both.stop("HU")
        (tmp_path / "HU/data/node.db").write_bytes(before)
        gone.both.net.nodes["HU"] = again = open_for_test(tmp_path / "HU", "HU", gone.both.clock)
        again.members = gone.both["DE"].members
        assert again.store.read_now(lambda q: people.by_id(q, gone.person.id)) is not None
        assert await own_data.forget_again(again) == 1
        assert gone.on_disk() == []
