"""Who coordinates is told by mail what waits for it, and who asked what was decided; by no contents, and nobody else."""

from datetime import date, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from directory_sync.demo import coordinated, demo_authorities
from node.domain.access import Actor, operator
from node.domain.draft import ReplyDraft, RequestDraft
from node.domain.person import NewPerson
from node.service import accounts, approval_switches, approvals, cases, directory, drafts, find, referral
from node.service.node import Node
from protocol.content import Reply, Said
from tests.exchange.pair import World
from tests.exchange.test_mail_days import at
from tests.exchange.test_mails import NAME, Told, link_in, telling, until
from tests.exchange.test_story import ANNA, KATALIN, request

AREA = "professional-qualifications"
OFFICE, BVA = "HU-oktatasi-hivatal", "DE-bva"
REPLY = ReplyDraft(answers={"registration-status": Reply(code="registered"), "sanctions": Reply(code="no")})
WHY = Said(text=f"{NAME} fehlt.", lang="de")


async def _coordinated(node: Node) -> None:
    """Let a node's authorities have their coordinators, in its own eyes."""
    await until(node.half_asked)
    await directory.import_authorities(node, operator(), list(coordinated(demo_authorities(node.country))))


async def _heard(told: Told, count: int) -> list[tuple[str, str, str]]:
    """Return whom the mails went to, what the subject begins with, and where the link leads."""
    return sorted(_said(mail) for mail in (await told.server.count(count))[count - 1 :])


def _said(mail: EmailMessage) -> tuple[str, str, str]:
    what = mail["Subject"].removeprefix("Entente: ").split(" · ")[0]
    return mail["To"].partition("@")[0], what, link_in(mail).removeprefix("http://127.0.0.1:7080")


async def test_approver_and_writer_of_a_reply_hear_of_it(tmp_path: Path) -> None:
    """The approver hears that it waits, the writer that it was returned and approved; colleagues hear nothing."""
    async with telling(tmp_path) as told:
        node = told.node
        await _coordinated(node)
        only = frozenset({"approval"})
        writer = await told.reader("writer", topics=only, language="en")
        await told.reader("colleague", topics=only, language="en")
        reka = await told.reader("reka", topics=only, language="en", authority=OFFICE, role="referral-handler")
        await told.reader("handler", topics=only, language="en", authority=OFFICE)
        await approval_switches.switch(node, operator(), "HU-okfo", AREA, "replying", on=True)
        case_id = await told.ask()
        await cases.accept(node, writer, case_id)
        draft = await drafts.start_reply(node, writer, case_id)
        draft = await drafts.save(node, writer, draft.id, REPLY)
        await approvals.ask(node, writer, draft.id)
        assert await _heard(told, 5) == [("reka", "Waiting for approval", "/approvals")]
        await approvals.give_back(node, reka, draft.id, draft.version, NAME)
        assert await _heard(told, 6) == [("writer", "Returned by the coordinator", f"/cases/{case_id}")]
        await approvals.ask(node, writer, draft.id)
        assert await _heard(told, 7) == [("reka", "Waiting for approval", "/approvals")]
        await approvals.approve(node, reka, draft.id, draft.version)
        assert await _heard(told, 8) == [("writer", "Approved by the coordinator", f"/cases/{case_id}")]
        assert NAME.encode() not in b"".join(told.server.raw)


async def test_what_is_decided_before_the_summary_is_not_told_as_waiting(tmp_path: Path) -> None:
    """A request: its draft has no case yet. Who reads once a day isn't sent to what waits no more."""
    async with telling(tmp_path, "DE") as told:
        node = told.node
        await _coordinated(node)
        await approval_switches.switch(node, operator(), "DE-zaek-berlin", AREA, "asking", on=True)
        writer = await told.reader("writer", language="en", authority="DE-zaek-berlin")
        uwe = await told.reader("uwe", language="en", authority=BVA, role="referral-handler")
        draft = await drafts.start_request(node, writer, _without_file())
        await approvals.ask(node, writer, draft.id)
        assert await _heard(told, 3) == [("uwe", "Waiting for approval", "/approvals")]
        await approvals.give_back(node, uwe, draft.id, draft.version, NAME)
        assert await _heard(told, 4) == [("writer", "Returned by the coordinator", f"/ask/{draft.id}/check")]
        await told.waits(0)
        await told.crash()
        await approvals.ask(node, writer, draft.id)
        await approvals.approve(node, uwe, draft.id, draft.version)
        told.begin()
        assert await _heard(told, 5) == [("writer", "Approved by the coordinator", f"/cases/{draft.id}")]


def _without_file() -> RequestDraft:
    content = request()
    variables = {name: value for name, value in content.variables.items() if name != "document"}
    return content.model_copy(update={"variables": variables, "questions": ("registration-status", "sanctions")})


async def _referred(told: Told) -> tuple[World, str]:
    both = told.world
    both.clock.offset += timedelta(minutes=1)  # a log is signed every ten seconds at most
    for country in ("DE", "HU"):
        await _coordinated(both[country])
        both.exchanges[country].announce()
    for country, known in (("DE", "HU-okfo"), ("HU", "DE-zaek-berlin")):
        await until(lambda at=both[country], one=known: bool((record := find.known(at, one)) and record.links))
    case_id = await told.ask()
    await cases.accept(both["HU"], KATALIN, case_id)
    await cases.reply(both["HU"], KATALIN, case_id, REPLY)
    await both.settled()
    return both, case_id


@pytest.mark.parametrize("country", ["DE", "HU"])
async def test_both_coordinators_hear_of_a_referral_and_its_end(tmp_path: Path, country: str) -> None:
    """Each hears once that a reply was referred to it and that this has ended, but for who did it itself."""
    async with telling(tmp_path, country) as told:
        own, other = (BVA, OFFICE) if country == "DE" else (OFFICE, BVA)
        deciding = await told.reader("decides", language="en", authority=own, role="referral-handler")
        await told.reader("colleague", language="en", authority=own, role="referral-handler")
        await told.reader("handler", language="en", authority=own)
        both, case_id = await _referred(told)
        theirs = await _decider(both["HU" if country == "DE" else "DE"], other)
        uwe, reka = (deciding, theirs) if country == "DE" else (theirs, deciding)
        await referral.refer(both["DE"], ANNA, case_id, WHY)
        await both.settled()
        await referral.escalate(both["DE"], uwe, case_id)
        await both.settled()
        await told.server.count(5)  # what is over isn't told as open
        await referral.uphold(both["HU"], reka, case_id)
        await both.settled()
        begun = [(who, "Referred to the coordinator", f"/cases/{case_id}") for who in ("colleague", "decides")]
        over = ("colleague", "Referral to the coordinator ended", "/work")
        wanted = begun + ([over, ("decides", *over[1:])] if country == "DE" else [over])
        heard = await told.server.count(3 + len(wanted))
        assert sorted(_said(mail) for mail in heard[3:]) == sorted(wanted)
        assert NAME.encode() not in b"".join(told.server.raw)


async def _decider(node: Node, authority: str) -> Actor:
    new = NewPerson("there", "There", "en", frozenset({"referral-handler"}), frozenset({authority}))
    return (await accounts.add_person(node, operator(), new)).actor()


async def _bva_ends(node: Node, successor: str | None) -> None:
    """End Berlin's coordinator; without a successor no record names any other."""
    records = list(demo_authorities("DE")) if successor is None else list(coordinated(demo_authorities("DE")))
    ends = {"valid_until": date(2026, 11, 1), "successor": successor}
    changed = [one.model_copy(update=ends) if one.id == BVA else one for one in records]
    await directory.import_authorities(node, operator(), changed, complete=True)


async def test_who_inherits_a_referral_hears_of_it_once_and_of_its_end(tmp_path: Path) -> None:
    """The coordinator ends while the referral is open: its successor hears the next day, the one before no more."""
    async with telling(tmp_path, "DE") as told:
        node = told.node
        await told.reader("uwe", language="en", authority=BVA, role="referral-handler")
        heir = await told.reader("heir", language="en", authority="DE-gzd", role="referral-handler")
        await told.reader("other", language="en", authority="DE-gzd", role="referral-handler")
        both, case_id = await _referred(told)
        await referral.refer(both["DE"], ANNA, case_id, WHY)
        await both.settled()
        assert await _heard(told, 4) == [("uwe", "Referred to the coordinator", f"/cases/{case_id}")]
        await told.crash()
        await at(told, date(2026, 11, 24))
        await _bva_ends(node, "DE-gzd")
        came = await at(told, date(2026, 11, 25))
        assert sorted(one.partition(" ·")[0] for one in came) == [
            "heir: Entente: Referred to the coordinator",
            "other: Entente: Referred to the coordinator",
        ]
        assert await at(told, date(2026, 11, 26)) == []
        await referral.escalate(node, heir, case_id)
        await both.settled()
        await referral.uphold(both["HU"], await _decider(both["HU"], OFFICE), case_id)
        await both.settled()
        assert sorted(one.partition(" ·")[0] for one in await at(told, date(2026, 11, 26), 9)) == [
            "heir: Entente: Referral to the coordinator ended",
            "other: Entente: Referral to the coordinator ended",
        ]


async def test_where_nobody_is_left_to_decide_the_authority_itself_hears_of_it(tmp_path: Path) -> None:
    """Its reply was referred, and its coordinator has ended without another one: the case is its turn again."""
    async with telling(tmp_path, "DE") as told:
        node = told.node
        await told.reader("colleague", language="en", authority="DE-zaek-berlin", topics=frozenset({"clarification"}))
        both, case_id = await _referred(told)
        await referral.refer(both["DE"], ANNA, case_id, WHY)
        await both.settled()
        await told.crash()
        await at(told, date(2026, 11, 24))
        await _bva_ends(node, None)
        came = await at(told, date(2026, 11, 25))
        assert [one.partition(" ·")[0] for one in came] == ["colleague: Entente: Referred to the coordinator"]
        assert await at(told, date(2026, 11, 26)) == []
