"""The main story between two nodes in one process."""

import datetime as dt
from pathlib import Path

import pytest

from node.domain.draft import ReplyDraft, RequestDraft
from node.errors import NodeError
from node.service import attachments, cases, drafts, reading, requests
from protocol.content import Reply, Said, Variable
from tests.exchange.pair import World, handler, world

PDF = b"%PDF-1.4\n% a diploma\n"
ANNA = handler("DE-zaek-berlin")
MIRIAM = handler("DE-lageso-berlin", "Miriam Kaya")
KATALIN = handler("HU-okfo", "Szabó Katalin", "hu")


def request() -> RequestDraft:
    """Return a complete request of the Berlin chamber."""
    return RequestDraft(
        authority="DE-zaek-berlin",
        country="HU",
        to="HU-okfo",
        area="professional-qualifications",
        set="establishment",
        questions=("evidence-holder", "registration-status", "sanctions"),
        variables={
            "person": Variable(given_names="Eszter", family_name="Kovács", birth_date=dt.date(1991, 4, 17)),
            "profession": Variable(code="dental-practitioner"),
            "title": Variable(text="fogorvosi oklevél", lang="hu"),
            "document": Variable(name="oklevel.pdf"),
        },
        due=dt.date(2026, 12, 14),
        comment=Said(text="Bitte prüfen Sie das Diplom.", lang="de"),
    )


def reply() -> ReplyDraft:
    """Return a complete reply of the Hungarian register."""
    return ReplyDraft(
        answers={
            "evidence-holder": Reply(code="yes"),
            "registration-status": Reply(
                code="registered", comment=Said(text="2015 óta szerepel a nyilvántartásban.", lang="hu")
            ),
            "sanctions": Reply(code="no"),
        }
    )


async def ask(both: World) -> str:
    """Send the request with the diploma; return the case's id once it is in Budapest."""
    await both.settled()
    draft = await drafts.start_request(both["DE"], ANNA, request())
    draft = await drafts.attach(both["DE"], ANNA, draft.id, "oklevel.pdf", "application/pdf", PDF)
    case = await requests.send_draft(both["DE"], ANNA, draft.id)
    await both.settled()
    return case.id


async def test_berlin_asks_in_german_and_budapest_answers_in_hungarian(tmp_path: Path) -> None:
    """The whole job: asked in German, read and answered in Hungarian, read in German, clarified, closed."""
    async with world(tmp_path, "DE", "HU") as both:
        case_id = await ask(both)
        seen = await reading.read_case(both["HU"], KATALIN, case_id, "hu")
        assert "Kovács" in seen.questions[0].text.text
        assert seen.questions[0].text.lang == "hu"
        file = await attachments.read_attachment(both["HU"], KATALIN, case_id, seen.attachments[0].sha256)
        assert (file.name, file.data) == ("oklevel.pdf", PDF)
        await cases.propose_date(both["HU"], KATALIN, case_id, dt.date(2026, 12, 21))
        await both.settled()
        await cases.agree_date(both["DE"], ANNA, case_id)
        await both.settled()
        await cases.accept(both["HU"], KATALIN, case_id)
        await cases.reply(both["HU"], KATALIN, case_id, reply())
        await both.settled()
        read = await reading.read_case(both["DE"], ANNA, case_id, "de")
        assert read.state == "replied"
        answer = read.questions[1].answer
        assert answer is not None
        assert answer.label is not None
        assert answer.label.lang == "de"
        assert answer.comment is not None
        assert answer.comment.lang == "hu"
        await cases.clarify(both["DE"], ANNA, case_id, Said(text="Seit wann genau?", lang="de"))
        await both.settled()
        answered = ReplyDraft(comment=Said(text="2015. július 1. óta.", lang="hu"))
        await cases.reply(both["HU"], KATALIN, case_id, answered)
        await both.settled()
        await cases.close(both["DE"], ANNA, case_id)
        await both.settled()
        ours = await reading.read_case(both["DE"], ANNA, case_id, "de")
        theirs = await reading.read_case(both["HU"], KATALIN, case_id, "hu")
        assert ours.state == theirs.state == "closed"
        assert sorted(e.kind for e in ours.timeline) == sorted(e.kind for e in theirs.timeline)
        assert all(e.transit == "applied" for e in ours.timeline)


async def test_another_authority_sees_nothing(tmp_path: Path) -> None:
    """A case of another authority answers exactly like one that doesn't exist."""
    async with world(tmp_path, "DE", "HU") as both:
        case_id = await ask(both)
        with pytest.raises(NodeError) as theirs:
            await reading.read_case(both["DE"], MIRIAM, case_id, "de")
        with pytest.raises(NodeError) as nobody:
            await reading.read_case(both["DE"], MIRIAM, "00000000-0000-4000-8000-000000000000", "de")
        assert str(theirs.value) == str(nobody.value)
        assert not (await reading.list_cases(both["DE"], MIRIAM, reading.CaseFilter(), "de")).items
