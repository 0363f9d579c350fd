"""Orders to delete cases: what they reach and what not, whoever gives them, and what is said of them afterwards."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from node.api.protection import OrderTold
from node.cli.simulation.loop import run
from node.domain.access import Actor, granted, operator
from node.domain.draft import ReplyDraft
from node.domain.person import NewPerson
from node.errors import NodeError
from node.service import accounts, cases, drafts, erasure, erasure_orders, own_data, reading, splitting
from node.store import people
from protocol import erasure as protocol_erasure
from protocol.content import MATTER, ErasedMatter, OrderMatter, Reply
from protocol.problems import ProtocolError
from tests.exchange.attacker import DUE, attacked
from tests.exchange.closed import OTTO, WORD, closed, erased_at
from tests.exchange.disks import put_back, recovered, save_disk, start_again
from tests.exchange.pair import World, handler, world
from tests.exchange.test_refusal import closed_unheard, new_encryption_key, stored_case, tell
from tests.exchange.test_story import ANNA, KATALIN, ask

ZSOFIA = Actor("id-zsofia", "Zsófia", "hu", granted(["data-administrator"], ["HU-okfo"]))


async def ended(both: World) -> str:
    """Return a case that was withdrawn."""
    case_id = await ask(both)
    await withdrawn(both, case_id)
    return case_id


async def withdrawn(both: World, case_id: str) -> None:
    """Withdraw a request."""
    await cases.withdraw(both["DE"], ANNA, case_id)
    await both.settled()


@dataclass
class Divided:
    """A request that has ended, and its part, which another authority has and which runs."""

    both: World
    whole: str
    part: str

    async def looked(self) -> None:
        """Let both nodes look for what is to be carried out."""
        for country in ("HU", "DE", "HU"):
            await erasure.look(self.both[country])
            await self.both.settled()

    def audited(self, country: str, subject: str) -> list[tuple[str, str]]:
        """Return by whom and why a case was to be erased, as the audit trail says."""
        sql = "SELECT actor, detail FROM audit WHERE action = 'case.erase' AND subject = :subject ORDER BY seq"
        rows = self.both[country].store.read_now(lambda q: q.all(sql, {"subject": subject}))
        return [(row["actor"], row["detail"]) for row in rows]


@contextlib.asynccontextmanager
async def divided(folder: Path) -> AsyncIterator[Divided]:
    """Give two nodes with a divided request."""
    async with world(folder, "DE", "HU", inline=True) as both:
        case_id = await ask(both)
        await splitting.split(both["HU"], KATALIN, case_id, "HU-mok", ["sanctions"], WORD)
        await both.settled()
        (part,) = (await reading.read_case(both["DE"], ANNA, case_id, "de")).parts
        assert part.case is not None
        await withdrawn(both, case_id)
        yield Divided(both, case_id, part.case)


async def _strange_ground(folder: Path, patch: pytest.MonkeyPatch) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        case_id = await ended(both)
        patch.setattr(erasure, "GROUNDS", ("grudge",))
        await erasure.order(both["DE"], OTTO, case_id, "grudge")
        await both.settled()
        assert erased_at(both, case_id) == {"DE"}
        for one in erasure_orders.listing(both["HU"], ZSOFIA)[0]:
            OrderTold(**vars(one))


def test_an_order_without_one_of_the_grounds_deletes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer that makes up a ground neither deletes what others have nor breaks their list of orders (SPEC S-274)."""
    run(_strange_ground(tmp_path, monkeypatch))


@pytest.mark.parametrize(("state", "ground", "code"), [
    ("sent", "court", "wrong-state"), ("closed", "grudge", "content-malformed"), ("closed", "", "content-malformed"),
])  # fmt: skip
def test_an_order_is_judged_by_state_and_ground(state: str, ground: str, code: str) -> None:
    """Each by a code of its own."""
    with pytest.raises(ProtocolError, match=code):
        protocol_erasure.check(state, OrderMatter.model_construct(ground=ground))


async def _after_its_time(folder: Path) -> None:
    async with divided(folder) as one:
        hungary = one.both["HU"]
        await hungary.store.write(lambda tx: erasure.decide(tx, hungary, [one.whole], "time"))
        await erasure.carry_out(hungary)
        await erasure.order(one.both["DE"], OTTO, one.whole, "court")
        await one.both.settled()
        await withdrawn(one.both, one.part)
        await one.looked()
        assert erased_at(one.both, one.part) == {"DE", "HU"}
        assert [(told.by, told.ground) for told in erasure_orders.listing(hungary, ZSOFIA)[0]] == [("them", "court")]


def test_an_order_reaches_the_parts_of_a_case_whose_time_had_come_already(tmp_path: Path) -> None:
    """The other side had deleted the whole in time, its part not yet: the order for the whole counts (SPEC S-277)."""
    run(_after_its_time(tmp_path))


async def _who_it_was(folder: Path) -> None:
    async with divided(folder) as one:
        await erasure.order(one.both["DE"], OTTO, one.whole, "court")
        await one.both.settled()
        await withdrawn(one.both, one.part)
        other = await ended(one.both)
        await erasure.order(one.both["DE"], OTTO, other, "consent")  # before either node looks
        await one.both.settled()
        await one.looked()
        assert one.audited("DE", other) == [(OTTO.id, "order")]
        assert one.audited("DE", one.part) == [("DE", "order")]
        assert one.audited("HU", one.part) == [("HU", "their-order")]


def test_the_audit_trail_says_whose_order_reached_a_part(tmp_path: Path) -> None:
    """Not the next official who orders something else, nor our node where it was the other side (SPEC S-277)."""
    run(_who_it_was(tmp_path))


async def _two_of_a_number(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        node = both["DE"]
        void, real = sorted([await ended(both), await ended(both)])
        number = stored_case(node, real).number
        await node.store.write(
            lambda tx: tx.run("UPDATE cases SET number = :n WHERE id = :v", {"n": number, "v": void})
        )
        with pytest.raises(NodeError) as refused:
            await erasure_orders.give(node, OTTO, number, "court")
        assert (refused.value.code, refused.value.fields) == ("invalid", {"number": "ambiguous"})
        assert erased_at(both, void) == erased_at(both, real) == set()
        await node.store.write(lambda tx: tx.run("UPDATE cases SET state = 'refused' WHERE id = :v", {"v": void}))
        await erasure_orders.give(node, OTTO, number, "court")
        await both.settled()
        assert (erased_at(both, void), erased_at(both, real)) == (set(), {"DE", "HU"})
        with pytest.raises(NodeError, match="case-erased"):
            await erasure_orders.give(node, OTTO, number, "court")


def test_an_order_by_a_number_never_deletes_another_case_that_got_it_too(tmp_path: Path) -> None:
    """After a loss a number may have been given twice: the request that never happened doesn't count, else it is asked."""
    run(_two_of_a_number(tmp_path))


async def _named_like_an_account(folder: Path, patch: pytest.MonkeyPatch) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        hungary = both["HU"]
        new = NewPerson("katalin", "Szabó Katalin", "hu", frozenset({"handler"}), frozenset({"HU-okfo"}))
        person = await accounts.add_person(hungary, operator(), new)
        patch.setattr(drafts, "new_uuid", lambda _entropy: person.id)
        case_id = await ask(both)
        assert case_id == person.id
        assert stored_case(both["DE"], case_id).state == "refused"
        await erasure.order(both["DE"], OTTO, case_id, "court")
        await both.settled()
        await erasure.look(hungary)
        await own_data.forget_again(hungary)
        assert hungary.store.read_now(lambda q: people.by_id(q, person.id)) is not None


def test_no_peer_names_a_case_like_an_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both stand in one list of what was deleted: an order for such a case would delete the account."""
    run(_named_like_an_account(tmp_path, monkeypatch))


async def _end_on_its_way(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        berlin, case_id = both["DE"], await closed_unheard(both)
        number = stored_case(berlin, case_id).number
        with pytest.raises(NodeError, match="wrong-state"):
            await erasure.order(berlin, OTTO, case_id, "court")
        with pytest.raises(NodeError, match="wrong-state"):
            erasure_orders.numbered(berlin, OTTO, number)
        new_encryption_key(both["HU"])  # so it refuses the end
        both.net.down.clear()
        await both.settled()
        assert (await reading.read_case(berlin, ANNA, case_id, "de")).state == "replied"
        tell(berlin, both["HU"])
        await cases.close(berlin, ANNA, case_id)
        await both.settled()
        await erasure.order(berlin, OTTO, case_id, "court")
        await both.settled()
        assert erased_at(both, case_id) == {"DE", "HU"}


def test_no_order_before_the_other_side_has_taken_the_end(tmp_path: Path) -> None:
    """Were the end refused or given up, it would have an open case of which our copy is gone (SPEC S-298)."""
    run(_end_on_its_way(tmp_path))


async def _end_of_a_part_on_its_way(folder: Path) -> None:
    async with divided(folder) as one:
        both, who = one.both, handler("HU-mok", "Dr. Nagy", "hu")
        await cases.accept(both["HU"], who, one.part)
        await cases.reply(both["HU"], who, one.part, ReplyDraft(answers={"sanctions": Reply(code="no")}))
        await both.settled()
        both.net.down.add("HU")
        await cases.close(both["DE"], ANNA, one.part)
        await erasure.order(both["DE"], OTTO, one.whole, "court")
        await erasure.look(both["DE"])
        assert erased_at(both, one.part) == set()
        both.net.down.clear()
        await one.looked()
        assert erased_at(both, one.part) == {"DE", "HU"}


def test_an_order_reaches_a_part_once_its_end_was_taken(tmp_path: Path) -> None:
    """Not while the end of the part is still on its way to the other side (SPEC S-277, S-298)."""
    run(_end_of_a_part_on_its_way(tmp_path))


async def test_no_peer_says_of_a_running_case_that_it_has_deleted_it(tmp_path: Path) -> None:
    """Of an area that isn't here our copy would go the day after the end, by a word said in advance (SPEC S-298)."""
    async with attacked(tmp_path) as attacker:
        done = attacker.follow(attacker.asked, "erasure.done", {MATTER: ErasedMatter(date=DUE)})
        assert await attacker.send(done) == ["wrong-state"]
        sql = "SELECT 1 FROM cases WHERE erased_there_at IS NOT NULL"
        assert attacker.victim.store.read_now(lambda q: q.one(sql)) is None


async def _order_given_back(folder: Path) -> None:
    async with closed(folder) as world_:
        both, case_id = world_.both, world_.case_id
        save_disk(both, "HU")
        await erasure.order(both["DE"], OTTO, case_id, "court")
        await both.settled()
        await put_back(both, "HU")
        await start_again(both, "HU")
        await recovered(both)
        await both.settled()
        sql = "SELECT actor, detail FROM audit WHERE action = 'case.erase' AND subject = :id"
        rows = both["HU"].store.read_now(lambda q: q.all(sql, {"id": case_id}))
        assert [tuple(row) for row in rows] == [("DE", "their-order")]
        await erasure.look(both["HU"])
        await both.settled()
        await erasure.finish(both["HU"])
        await erasure.finish(both["DE"])


def test_an_order_that_a_peer_gives_back_stands_in_the_audit_trail(tmp_path: Path) -> None:
    """A restored disk knew nothing of it: that a case goes, and by whose order, is recorded again (SPEC S-276)."""
    run(_order_given_back(tmp_path))
