"""Passing a case on inside the replying country: another authority answers, and who asked sees which."""

from dataclasses import replace
from pathlib import Path

import pytest

from directory_sync.authority import AreaRole, Authority
from directory_sync.demo import demo_authorities
from node.cli.simulation.loop import run
from node.domain.access import granted, operator
from node.errors import NodeError
from node.service import cases, directory, drafts, forwarding, messages, reading
from node.service.issue import issue
from protocol.content import MATTER, Content, ForwardMatter, PartyName, Said
from protocol.content import Actor as ActorName
from protocol.request import FORWARD
from tests.exchange.pair import World, handler
from tests.exchange.test_crossing import asked
from tests.exchange.test_directory_faults import publish
from tests.exchange.test_refusal import rows, stored_case
from tests.exchange.test_story import ANNA, KATALIN, reply

WHY = Said(text="Az orvosi kamara illetékes.", lang="hu")
JANOS = handler("HU-mok", "Kiss János", "hu")


async def _story(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        node = both["HU"]
        await cases.accept(node, KATALIN, case_id)
        draft = await drafts.start_reply(node, KATALIN, case_id)
        await messages.send(node, KATALIN, case_id, WHY)
        await forwarding.forward(node, KATALIN, case_id, "HU-mok", WHY)
        await both.settled()
        read = await reading.read_case(both["DE"], ANNA, case_id, "de")
        assert (read.state, read.replying.authority) == ("sent", "HU-mok")
        number, (last,) = read.number, [entry for entry in read.timeline if entry.kind == FORWARD]
        assert (last.person, last.detail and last.detail.text) == ("Szabó Katalin", WHY.text)
        assert read.replying.name in last.text.text
        (line,) = (await reading.list_cases(node, KATALIN, reading.CaseFilter(passed_on=True), "hu")).items
        assert (line.number, line.passed_on, line.holder) == (number, read.replying.name, "nobody")
        assert not (await reading.list_cases(node, KATALIN, reading.CaseFilter(), "hu")).items
        for attempt in (
            reading.read_case(node, KATALIN, case_id, "hu"),
            cases.accept(node, KATALIN, case_id),
            drafts.start_reply(node, KATALIN, case_id),
        ):
            with pytest.raises(NodeError, match="not-found"):
                await attempt
        with pytest.raises(NodeError, match="not-found"):
            drafts.read(node, KATALIN, draft.id)
        await cases.accept(node, JANOS, case_id)
        assert (await drafts.start_reply(node, JANOS, case_id)).id == draft.id
        await cases.reply(node, JANOS, case_id, reply())
        await both.settled()
        read = await reading.read_case(both["DE"], ANNA, case_id, "de")
        assert (read.state, read.number, len(read.messages)) == ("replied", number, 1)
        with pytest.raises(NodeError, match="not-owner"):
            await forwarding.forward(node, JANOS, case_id, "HU-okfo", WHY)


def test_a_case_is_passed_on_after_its_acceptance(tmp_path: Path) -> None:
    """The new authority accepts and answers under the same number; the former one keeps a line (SPEC S-227)."""
    run(_story(tmp_path))


async def _back_again(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        node = both["HU"]
        both.net.down.add("DE")
        await forwarding.forward(node, KATALIN, case_id, "HU-mok", WHY)
        await forwarding.forward(node, JANOS, case_id, "HU-okfo", WHY)
        await cases.accept(node, KATALIN, case_id)
        both.net.down.clear()
        await both.settled()
        held = stored_case(both["DE"], case_id)
        assert (held.state, held.their_authority, held.former) == ("accepted", "HU-okfo", ("HU-mok",))
        passed = await reading.list_cases(node, KATALIN, reading.CaseFilter(passed_on=True), "hu")
        assert not passed.items


def test_a_case_comes_back_to_who_passed_it_on(tmp_path: Path) -> None:
    """Who gets a case back has it whole, and no line of one passed on."""
    run(_back_again(tmp_path))


async def _wished(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        both.net.down.add("HU")
        await cases.accept(both["HU"], KATALIN, case_id)
        await cases.withdraw(both["DE"], ANNA, case_id)
        both.net.down.clear()
        await both.settled()
        assert stored_case(both["HU"], case_id).state == "accepted"
        await forwarding.forward(both["HU"], KATALIN, case_id, "HU-mok", WHY)
        await both.settled()
        assert stored_case(both["DE"], case_id).state == "withdrawn"


def test_a_wish_to_withdraw_is_granted_when_the_case_is_passed_on(tmp_path: Path) -> None:
    """Nobody has accepted it any more, so the wish that crossed the acceptance is granted by itself (SPEC S-076)."""
    run(_wished(tmp_path))


def _list() -> list[Authority]:
    """Return the Hungarian list with a lawyers' chamber that is suspended, and one authority less."""
    areas = (AreaRole(area="professional-qualifications", role="authority", status="suspended"),)
    return [
        one.model_copy(update={"areas": areas}) if one.id == "HU-muk" else one
        for one in demo_authorities("HU")
        if one.id != "HU-mek"
    ]


async def _refused_at_home(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        node = both["HU"]
        await publish(both, "HU", _list())
        for to, code in (
            ("DE-zaek-berlin", "unknown-authority"),
            ("HU-nobody", "unknown-authority"),
            ("HU-mek", "unknown-authority"),
            ("HU-muk", "not-competent"),
            ("HU-okfo", "invalid"),
        ):
            with pytest.raises(NodeError, match=code):
                await forwarding.forward(node, KATALIN, case_id, to, WHY)
        assert stored_case(node, case_id).n == 1


def test_who_cannot_get_a_case_is_refused_before_anything_is_signed(tmp_path: Path) -> None:
    """Another country's, an ended, an incompetent authority, and the one that has it (SPEC S-228)."""
    run(_refused_at_home(tmp_path))


async def _forge(both: World, case_id: str, to: str) -> None:
    """Sign what an honest node wouldn't."""
    case = stored_case(both["HU"], case_id)
    matter = ForwardMatter(actor=ActorName(authority="HU-okfo"), to=PartyName(authority=to, name="?"))
    contents: dict[str, Content] = {MATTER: matter}
    await issue(
        both["HU"], replace(KATALIN, grants=granted(["handler"], [case.own_authority])), case, FORWARD, contents
    )
    await both.settled()


async def _forged(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        await publish(both, "HU", _list())
        codes = []
        for to in ("DE-lageso-berlin", "AT-bmsgpk", "HU-mek", "HU-muk"):
            await _forge(both, case_id, to)
            codes.append(rows(both["HU"], case_id)[-1][3])
            assert stored_case(both["DE"], case_id).their_authority == "HU-okfo"
            assert stored_case(both["HU"], case_id).own_authority == "HU-okfo"
        assert codes == ["unknown-authority", "unknown-authority", "unknown-authority", "not-competent"]
        await cases.accept(both["HU"], KATALIN, case_id)


def test_a_forged_passing_on_moves_nothing(tmp_path: Path) -> None:
    """A node that signs for an authority that its country doesn't list there is refused at the other end (SPEC S-228)."""
    run(_forged(tmp_path))


async def _newer_list(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        node = both["HU"]
        fresh = next(one for one in demo_authorities("HU") if one.id == "HU-mok").model_copy(update={"id": "HU-new"})
        await directory.import_authorities(node, operator(), [fresh])
        await forwarding.forward(node, KATALIN, case_id, "HU-new", WHY)
        await both.settled()
        view = await reading.read_case(node, KATALIN, case_id, "hu")
        assert "unknown-authority" in "".join(notice.text for notice in view.notices)
        await publish(both, "HU", [*demo_authorities("HU"), fresh])
        await forwarding.forward(node, KATALIN, case_id, "HU-new", WHY)
        await both.settled()
        assert stored_case(both["DE"], case_id).their_authority == "HU-new"


def test_what_the_other_side_has_not_heard_of_comes_back_and_is_passed_on_later(tmp_path: Path) -> None:
    """A refused passing on never happened: the case is again with who passed it on, and the page says why (SPEC S-078)."""
    run(_newer_list(tmp_path))
