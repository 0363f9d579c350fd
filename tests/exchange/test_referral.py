"""Referring an unsatisfactory reply: to the own coordinator, then to the other side's, who decides."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from directory_sync.authority import Links
from directory_sync.demo import coordinated, demo_authorities
from node.cli.simulation.loop import run
from node.domain.access import Actor, granted, operator
from node.domain.draft import ReplyDraft
from node.errors import NodeError
from node.service import approvals, cases, directory, drafts, messages, reading, referral
from node.service.issue import issue
from protocol.content import MATTER, Content, PartyName, ReferMatter, Said
from protocol.content import Actor as ActorName
from protocol.request import ESCALATE, REFER, REPLY
from tests.exchange.pair import World
from tests.exchange.test_crossing import asked
from tests.exchange.test_directory_faults import publish
from tests.exchange.test_refusal import rows, stored_case
from tests.exchange.test_story import ANNA, KATALIN, reply

WHY = Said(text="Die Frage nach Sanktionen ist nicht beantwortet.", lang="de")
MISSING = Said(text="A szankciók hiányoznak.", lang="hu")
BVA = Actor("id-bva", "Uwe Lang", "de", granted(["referral-handler"], ["DE-bva"]))
OH = Actor("id-oh", "Tóth Réka", "hu", granted(["referral-handler"], ["HU-oktatasi-hivatal"]))
OTHER_AREA = replace(OH, grants=granted(["referral-handler"], ["HU-oktatasi-hivatal"], ["posting"]))


@asynccontextmanager
async def replied(folder: Path) -> AsyncIterator[tuple[World, str]]:
    """Give a request that Budapest has answered, between two countries whose directories name coordinators."""
    async with asked(folder) as (both, case_id):
        for country in ("DE", "HU"):
            await publish(both, country, list(coordinated(demo_authorities(country))))
        await cases.accept(both["HU"], KATALIN, case_id)
        await cases.reply(both["HU"], KATALIN, case_id, reply())
        await both.settled()
        yield both, case_id


async def _where(both: World, country: str, actor: Actor, case_id: str) -> tuple[str, str, tuple[str, ...]]:
    view = await reading.read_case(both[country], actor, case_id, "en")
    return view.state, view.holder, tuple(one for one in view.actions if one != "message")


async def _added(folder: Path) -> None:
    async with replied(folder) as (both, case_id):
        for country, actor in (("DE", BVA), ("HU", OH)):
            with pytest.raises(NodeError, match="not-found"):
                await reading.read_case(both[country], actor, case_id, "en")
        await referral.refer(both["DE"], ANNA, case_id, WHY)
        await both.settled()
        assert await _where(both, "DE", ANNA, case_id) == ("referred", "them", ("close",))
        assert await _where(both, "DE", BVA, case_id) == ("referred", "us", ("close", "escalate"))
        assert await _where(both, "HU", KATALIN, case_id) == ("referred", "them", ())
        listed = await reading.list_cases(both["DE"], BVA, reading.CaseFilter(), "de")
        assert [(line.id, line.holder, line.readable) for line in listed.items] == [(case_id, "us", True)]
        assert (reading.count_todo(both["DE"], BVA), reading.count_todo(both["DE"], ANNA)) == (1, 0)
        await referral.escalate(both["DE"], BVA, case_id)
        await both.settled()
        assert await _where(both, "DE", BVA, case_id) == ("escalated", "them", ())
        assert await _where(both, "HU", KATALIN, case_id) == ("escalated", "them", ())
        assert await _where(both, "HU", OH, case_id) == ("escalated", "us", ("uphold", "return"))
        await referral.send_back(both["HU"], OH, case_id, MISSING)
        for country, actor in (("DE", BVA), ("HU", OH)):
            await both.settled()
            with pytest.raises(NodeError, match="not-found"):
                await reading.read_case(both[country], actor, case_id, "en")
        theirs = await reading.read_case(both["HU"], KATALIN, case_id, "hu")
        assert (theirs.state, theirs.holder, theirs.clarifications[-1].asked.text) == ("clarifying", "us", MISSING.text)
        await cases.reply(both["HU"], KATALIN, case_id, ReplyDraft(comment=Said(text="Nincs szankció.", lang="hu")))
        await both.settled()
        read = await reading.read_case(both["DE"], ANNA, case_id, "de")
        assert (read.state, "refer" in read.actions) == ("replied", True)
        told = {entry.kind: (entry.person, entry.detail.text if entry.detail else "") for entry in read.timeline}
        assert (told[REFER], told[ESCALATE]) == (("Anna Berger", WHY.text), ("Uwe Lang", ""))
        assert told["request.return"] == ("Tóth Réka", MISSING.text)


def test_a_reply_is_referred_found_insufficient_twice_and_added_to(tmp_path: Path) -> None:
    """Each step has one who decides; coordinators read the case while they decide on it, and not after (SPEC S-265)."""
    run(_added(tmp_path))


async def _upheld(folder: Path) -> None:
    async with replied(folder) as (both, case_id):
        await referral.refer(both["DE"], ANNA, case_id, WHY)
        await referral.escalate(both["DE"], BVA, case_id, WHY)
        await both.settled()
        await referral.uphold(both["HU"], OH, case_id)
        await both.settled()
        assert await _where(both, "DE", ANNA, case_id) == ("upheld", "us", ("close",))
        read = await reading.read_case(both["DE"], ANNA, case_id, "de")
        assert "Oktatási Hivatal" in "".join(notice.text for notice in read.notices)
        await cases.close(both["DE"], ANNA, case_id)
        await both.settled()
        assert stored_case(both["HU"], case_id).state == "closed"


def test_a_reply_that_is_held_sufficient_goes_back_to_be_accepted(tmp_path: Path) -> None:
    """The asking side can only accept it and close then (SPEC S-265)."""
    run(_upheld(tmp_path))


async def _sufficient(folder: Path) -> None:
    async with replied(folder) as (both, case_id):
        await referral.refer(both["DE"], ANNA, case_id, WHY)
        await cases.close(both["DE"], BVA, case_id)
        await both.settled()
        read = await reading.read_case(both["HU"], KATALIN, case_id, "hu")
        assert (read.state, read.timeline[-1].person) == ("closed", "Uwe Lang")


def test_the_own_coordinator_finds_the_reply_sufficient(tmp_path: Path) -> None:
    """It closes the case in its own name, and the other side reads whose (SPEC S-265)."""
    run(_sufficient(tmp_path))


async def _not_theirs(folder: Path) -> None:
    async with replied(folder) as (both, case_id):
        with pytest.raises(NodeError, match=r"not-owner|forbidden"):
            await referral.refer(both["HU"], KATALIN, case_id, MISSING)
        await referral.refer(both["DE"], ANNA, case_id, WHY)
        with pytest.raises(NodeError, match="forbidden"):
            await referral.escalate(both["DE"], ANNA, case_id)
        await referral.escalate(both["DE"], BVA, case_id)
        await both.settled()
        for actor, code in ((KATALIN, "forbidden"), (OTHER_AREA, "not-found")):
            with pytest.raises(NodeError, match=code):
                await referral.uphold(both["HU"], actor, case_id)
        for attempt in (
            messages.send(both["HU"], OH, case_id, MISSING),
            cases.close(both["DE"], ANNA, case_id),
            referral.escalate(both["DE"], BVA, case_id),
        ):
            with pytest.raises(NodeError, match=r"forbidden|not-owner"):
                await attempt
        assert stored_case(both["DE"], case_id).state == "escalated"


def test_only_the_coordinator_in_turn_decides(tmp_path: Path) -> None:
    """Not who asks or replies, no role for another area, no coordinator whose turn it isn't (SPEC S-265)."""
    run(_not_theirs(tmp_path))


async def _nobody(folder: Path) -> None:
    async with replied(folder) as (both, case_id):
        for country in ("HU", "DE"):
            await publish(both, country, list(demo_authorities(country)))
            with pytest.raises(NodeError, match=f"no-coordinator: {country}"):
                await referral.refer(both["DE"], ANNA, case_id, WHY)
            await publish(both, country, list(coordinated(demo_authorities(country))))
        assert stored_case(both["DE"], case_id).state == "replied"


def test_without_a_coordinator_nothing_is_referred(tmp_path: Path) -> None:
    """Where a directory names none, on either side, it is refused before anything is signed, and says where."""
    run(_nobody(tmp_path))


async def _forge(both: World, case_id: str, country: str, kind: str, to: str) -> str:
    case = stored_case(both[country], case_id)
    matter: dict[str, Content] = {
        MATTER: ReferMatter(actor=ActorName(authority=case.asking), to=PartyName(authority=to, name="?"))
    }
    await issue(both[country], ANNA, case, kind, matter)
    await both.settled()
    return str(rows(both[country], case_id)[-1][3])


async def _forged(folder: Path) -> None:
    async with replied(folder) as (both, case_id):
        codes = [await _forge(both, case_id, "DE", REFER, to) for to in ("HU-oktatasi-hivatal", "DE-nobody", "DE-gzd")]
        assert codes == ["unknown-authority", "unknown-authority", "not-competent"]
        await referral.refer(both["DE"], ANNA, case_id, WHY)
        await both.settled()
        codes = [await _forge(both, case_id, "DE", ESCALATE, to) for to in ("DE-lageso-berlin", "HU-bm", "AT-bmwet")]
        assert codes == ["unknown-authority", "not-competent", "unknown-authority"]
        assert stored_case(both["DE"], case_id).state == stored_case(both["HU"], case_id).state == "referred"
        await referral.escalate(both["DE"], BVA, case_id)


def test_a_forged_referral_moves_nothing(tmp_path: Path) -> None:
    """A case goes to nobody but whom the directory names as the coordinator, whatever a node signs (SPEC S-266)."""
    run(_forged(tmp_path))


async def _crossing(folder: Path) -> None:
    async with replied(folder) as (both, case_id):
        both.net.down.add("HU")
        await referral.refer(both["DE"], ANNA, case_id, WHY)
        await referral.escalate(both["DE"], BVA, case_id)
        await messages.send(both["HU"], KATALIN, case_id, MISSING)
        both.net.down.clear()
        await both.settled()
        assert stored_case(both["HU"], case_id).replying_coordinator == "HU-oktatasi-hivatal"
        both.net.down.add("DE")
        await referral.uphold(both["HU"], OH, case_id)
        await messages.send(both["DE"], ANNA, case_id, WHY)
        both.net.down.clear()
        await both.settled()
        assert stored_case(both["DE"], case_id).state == "upheld"


def test_messages_cross_a_referral_and_move_nothing(tmp_path: Path) -> None:
    """Two steps of one side arrive in their order, and what the other side writes meanwhile arrives too."""
    run(_crossing(tmp_path))


# --- nobody decides on what he said himself, and no referral is left without anybody ---

OFFICE = "HU-oktatasi-hivatal"
BOTH = replace(KATALIN, id="id-both", grants=KATALIN.grants | OH.grants)


async def _escalated(both: World, case_id: str) -> None:
    await referral.refer(both["DE"], ANNA, case_id, WHY)
    await referral.escalate(both["DE"], BVA, case_id)
    await both.settled()


async def _own_reply(folder: Path) -> None:
    async with replied(folder) as (both, case_id):
        node = both["HU"]
        await cases.clarify(both["DE"], ANNA, case_id, WHY)
        await both.settled()
        await cases.reply(node, BOTH, case_id, ReplyDraft(comment=Said(text="Nincs.", lang="hu")))
        await both.settled()
        await _escalated(both, case_id)
        mine = await reading.read_case(node, BOTH, case_id, "hu")
        theirs = await reading.read_case(node, OH, case_id, "hu")
        assert ("uphold" in mine.actions, "return" in mine.actions, "uphold" in theirs.actions) == (False, True, True)
        with pytest.raises(NodeError, match="own-reply"):
            await referral.uphold(node, BOTH, case_id)
        await referral.uphold(node, OH, case_id)


async def _sent_by_another(folder: Path) -> None:
    async with replied(folder) as (both, case_id):
        node = both["HU"]
        await cases.clarify(both["DE"], ANNA, case_id, WHY)
        await both.settled()
        draft = await drafts.start_reply(node, BOTH, case_id)
        await drafts.save(node, BOTH, draft.id, ReplyDraft(comment=Said(text="Nincs.", lang="hu")))
        await approvals.send(node, KATALIN, draft.id, REPLY)
        await both.settled()
        await _escalated(both, case_id)
        view = await reading.read_case(node, BOTH, case_id, "hu")
        assert ("uphold" in view.actions, "return" in view.actions) == (False, True)
        with pytest.raises(NodeError, match="own-reply"):
            await referral.uphold(node, BOTH, case_id)


def test_who_wrote_a_reply_that_another_sent_does_not_hold_it_sufficient(tmp_path: Path) -> None:
    """The pen counts, not the button (SPEC S-287)."""
    run(_sent_by_another(tmp_path))


def test_who_wrote_the_reply_does_not_hold_it_sufficient(tmp_path: Path) -> None:
    """Refused with a code, and not offered; another one who decides for the coordinator may (SPEC S-287)."""
    run(_own_reply(tmp_path))


async def _ended(both: World, country: str, authority: str, successor: str | None, *, linked: bool = True) -> None:
    """End a coordinator in its country's own directory."""
    day = date(2026, 11, 1)
    records = coordinated(demo_authorities(country)) if linked else demo_authorities(country)
    ends = {"valid_until": day, "successor": successor}
    changed = [one.model_copy(update=ends) if one.id == authority else one for one in records]
    await directory.import_authorities(both[country], operator(), changed, complete=True)


def _at(actor: Actor, authority: str) -> Actor:
    return replace(actor, id=f"id-{authority}", grants=granted(["referral-handler"], [authority]))


async def _successor(folder: Path) -> None:
    async with replied(folder) as (both, case_id):
        await _escalated(both, case_id)
        await _ended(both, "HU", OFFICE, "HU-bm")
        heir, stranger = _at(OH, "HU-bm"), _at(OH, "HU-mok")
        for gone in (OH, stranger):
            with pytest.raises(NodeError, match="not-found"):
                await referral.uphold(both["HU"], gone, case_id)
        assert await _where(both, "HU", heir, case_id) == ("escalated", "us", ("uphold", "return"))
        listed = await reading.list_cases(both["HU"], heir, reading.CaseFilter(), "hu")
        assert [line.id for line in listed.items] == [case_id]
        assert [reading.count_todo(both["HU"], one) for one in (heir, OH, stranger)] == [1, 0, 0]
        await referral.uphold(both["HU"], heir, case_id)
        await both.settled()
        assert stored_case(both["DE"], case_id).state == "upheld"


def test_a_referral_goes_to_the_successor_of_its_coordinator(tmp_path: Path) -> None:
    """It stands in its list and is its turn; who decided for the one that has ended doesn't any more (SPEC S-287)."""
    run(_successor(tmp_path))


async def _another(folder: Path) -> None:
    async with replied(folder) as (both, case_id):
        await referral.refer(both["DE"], ANNA, case_id, WHY)
        await both.settled()
        links = Links(validating="DE-gzd", request={"professional-qualifications": ("DE-bva",)})
        day = date(2026, 11, 1)
        records = [
            one.model_copy(update={"links": links} if one.id == "DE-zaek-berlin" else {"valid_until": day})
            if one.id in ("DE-zaek-berlin", "DE-bva")
            else one
            for one in coordinated(demo_authorities("DE"))
        ]
        await directory.import_authorities(both["DE"], operator(), records, complete=True)
        assert await _where(both, "DE", _at(BVA, "DE-gzd"), case_id) == ("referred", "us", ("close", "escalate"))
        await referral.escalate(both["DE"], _at(BVA, "DE-gzd"), case_id)
        await both.settled()
        assert stored_case(both["HU"], case_id).state == "escalated"
        read = await reading.read_case(both["DE"], ANNA, case_id, "de")
        assert read.timeline[-1].person == "Uwe Lang"


def test_a_referral_goes_to_another_coordinator_where_its_own_has_ended(tmp_path: Path) -> None:
    """Whom the record names next in the area, and last the validating one (SPEC S-287)."""
    run(_another(tmp_path))


async def _nobody_left(folder: Path) -> None:
    async with replied(folder) as (both, case_id):
        await referral.refer(both["DE"], ANNA, case_id, WHY)
        await both.settled()
        await _ended(both, "DE", "DE-bva", None, linked=False)
        assert await _where(both, "DE", ANNA, case_id) == ("referred", "us", ("close",))
        await _ended(both, "DE", "DE-bva", None)
        await publish(both, "DE", list(coordinated(demo_authorities("DE"))))
        await referral.escalate(both["DE"], BVA, case_id)
        await both.settled()
        await _ended(both, "HU", OFFICE, None, linked=False)
        assert await _where(both, "HU", KATALIN, case_id) == ("escalated", "us", ("return",))
        assert reading.count_todo(both["HU"], KATALIN) == 1
        with pytest.raises(NodeError, match="forbidden"):
            await referral.uphold(both["HU"], KATALIN, case_id)
        await referral.send_back(both["HU"], KATALIN, case_id, MISSING)
        await both.settled()
        assert stored_case(both["DE"], case_id).state == "clarifying"
        await cases.reply(both["HU"], KATALIN, case_id, ReplyDraft(comment=Said(text="Nincs.", lang="hu")))
        await both.settled()
        await cases.close(both["DE"], ANNA, case_id)


def test_a_referral_that_nobody_can_decide_any_more_can_still_end(tmp_path: Path) -> None:
    """The asking authority accepts the reply, or the replying one adds to it; it doesn't uphold itself (SPEC S-287)."""
    run(_nobody_left(tmp_path))
