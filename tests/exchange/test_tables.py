"""Tables between two nodes: posted workers go to Budapest as rows, trading names come back as rows."""

import datetime as dt
from pathlib import Path

import pytest

from directory_sync.authority import AreaRole, Authority
from directory_sync.demo import demo_authorities
from node.cli.simulation.loop import run
from node.domain.access import operator
from node.domain.case_view import Table
from node.domain.draft import ReplyDraft, RequestDraft
from node.errors import NodeError
from node.service import cases, contents, directory, drafts, forwarding, reading, requests, splitting
from node.service.reuse import draft_from
from protocol.content import Cell, Reply, Said, SendMatter, SendPerson, Variable
from protocol.limits import MAX_ROWS
from tests.exchange.pair import world
from tests.exchange.test_forwarding import JANOS, WHY
from tests.exchange.test_story import ANNA, KATALIN

ANA = {
    "given_names": Cell(name="Ana"),
    "family_name": Cell(name="Exemplu"),
    "birth_date": Cell(date=dt.date(1988, 11, 2)),
    "nationality": Cell(country="RO"),
    "workplace": Cell(text="Baustelle Spandau", lang="de"),
}
ESZTER = {"given_names": Cell(name="Eszter"), "family_name": Cell(name="Példa")}
NAMES = ({"name": Cell(name="Példa Bau")}, {"name": Cell(name="PÉ Epít")})


def posting(*rows: dict[str, Cell]) -> RequestDraft:
    """Return a request about posted workers, and about the provider's trading names."""
    return RequestDraft(
        authority="DE-zaek-berlin",
        country="HU",
        to="HU-okfo",
        area="posting",
        set="information",
        questions=("trading-names", "pay-documents"),
        variables={
            "provider": Variable(text="Példaépítő Kft.", lang="hu"),
            "legal_form": Variable(code="hu-kft"),
            "sector": Variable(code="f"),
            "workers": Variable(rows=rows or (ANA, ESZTER)),
            "period": Variable(text="2026", lang="de"),
        },
        due=dt.date(2026, 12, 14),
    )


def answers() -> ReplyDraft:
    """Return a reply with a table in it."""
    return ReplyDraft(
        answers={
            "trading-names": Reply(code="yes"),
            "trading-names-list": Reply(rows=NAMES),
            "pay-documents": Reply(code="attached"),
        }
    )


def words(table: Table | None) -> list[list[str]]:
    """Return the cells of a table as they read, with the language of each that isn't the reader's."""
    assert table is not None
    return [[row[one.id].text if one.id in row else "" for one in table.columns] for row in table.rows]


async def _story(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        draft = await drafts.start_request(both["DE"], ANNA, posting())
        case = await requests.send_draft(both["DE"], ANNA, draft.id)
        await both.settled()
        sent = contents.of_case(both["HU"], case.id)[0]
        assert isinstance(sent.matter, SendMatter)
        assert isinstance(sent.person, SendPerson)
        assert ("workers" in sent.matter.variables, "workers" in sent.person.variables) == (False, True)
        read = await reading.read_case(both["HU"], KATALIN, case.id, "hu")
        table = next(one.table for one in read.variables if one.id == "workers")
        assert words(table) == [
            ["Ana", "Exemplu", "1988. november 2.", "Románia", "", "", "Baustelle Spandau"],
            ["Eszter", "Példa", "", "", "", "", ""],
        ]
        assert table is not None
        assert (table.rows[0]["workplace"].lang, table.rows[0]["nationality"].code) == ("de", "RO")
        assert table.columns[3].text.text == "Állampolgárság"
        assert "Ana Exemplu; Eszter Példa" in read.questions[-2].text.text
        await cases.accept(both["HU"], KATALIN, case.id)
        await cases.reply(both["HU"], KATALIN, case.id, answers())
        await both.settled()
        back = await reading.read_case(both["DE"], ANNA, case.id, "de")
        answer = next(one.answer for one in back.questions if one.id == "trading-names-list")
        assert answer is not None
        assert words(answer.table) == [["Példa Bau"], ["PÉ Epít"]]


def test_a_table_is_asked_in_one_language_and_read_in_another(tmp_path: Path) -> None:
    """The rows travel with the identity; headings, countries and days are the reader's, texts their writer's (SPEC S-293)."""
    run(_story(tmp_path))


async def _wrong(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        for rows, path, code in (
            ((ANA, {"family_name": Cell(name="Példa")}), "rows.1.given_names", "missing-cell"),
            ((ESZTER | {"shoe_size": Cell(name="42")},), "rows.0.shoe_size", "unknown-column"),
            ((ESZTER | {"nationality": Cell(name="HU")},), "rows.0.nationality", "wrong-cell"),
        ):
            with pytest.raises(NodeError) as refused:
                await requests.send(both["DE"], ANNA, posting(*rows))
            assert refused.value.fields == {f"variables.workers.{path}": code}
        case = await requests.send(both["DE"], ANNA, posting(*[ESZTER] * MAX_ROWS))
        await both.settled()
        await cases.accept(both["HU"], KATALIN, case.id)
        wrong = ReplyDraft(answers=answers().answers | {"trading-names-list": Reply(rows=({"x": Cell(name="y")},))})
        with pytest.raises(NodeError) as refused:
            await cases.reply(both["HU"], KATALIN, case.id, wrong)
        where = "answers.trading-names-list.rows.0"
        assert refused.value.fields == {f"{where}.x": "unknown-column", f"{where}.name": "missing-cell"}


def test_nothing_wrong_is_signed(tmp_path: Path) -> None:
    """What doesn't fit its columns is refused before it is signed, cell by cell; a full table goes (SPEC S-292)."""
    run(_wrong(tmp_path))


def _competent() -> list[Authority]:
    """Return Hungary's authorities, the chamber and the register for posted workers too."""
    posted = AreaRole(area="posting", role="authority", status="active")
    return [
        one.model_copy(update={"areas": (*one.areas, posted), "v": one.v + 1})
        if one.id in ("HU-mok", "HU-okfo")
        else one
        for one in demo_authorities("HU")
    ]


async def _hands(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        both.clock.offset += dt.timedelta(minutes=1)  # a log is signed every ten seconds at most
        await directory.import_authorities(both["HU"], operator(), _competent())
        both.exchanges["HU"].announce()
        await both.settled()
        case = await requests.send(both["DE"], ANNA, posting())
        await both.settled()
        await cases.accept(both["HU"], KATALIN, case.id)
        await cases.reply_part(
            both["HU"],
            KATALIN,
            case.id,
            ReplyDraft(answers={k: v for k, v in answers().answers.items() if k.startswith("trading")}),
        )
        await splitting.split(both["HU"], KATALIN, case.id, "HU-mok", ["pay-documents"], WHY)
        await forwarding.forward(both["HU"], KATALIN, case.id, "HU-mok", WHY)
        await both.settled()
        whole = await reading.read_case(both["DE"], ANNA, case.id, "de")
        (part,) = whole.parts
        assert part.case is not None
        theirs = await reading.read_case(both["HU"], JANOS, part.case, "hu")
        assert len(words(next(one.table for one in theirs.variables if one.id == "workers"))) == 2
        await cases.accept(both["HU"], JANOS, case.id)
        begun = await drafts.start_reply(both["HU"], JANOS, case.id)
        assert begun.reply is not None
        assert begun.reply.answers["trading-names-list"].rows == NAMES
        again = await draft_from(both["DE"], ANNA, case.id)
        assert again.draft.request is not None
        assert "workers" not in again.draft.request.variables


def test_tables_go_along_when_a_case_changes_hands(tmp_path: Path) -> None:
    """Divided, passed on and answered in parts, the rows stay whole; used again, those about persons stay behind."""
    run(_hands(tmp_path))


async def _kept(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        half = posting({"nationality": Cell(country="HU")})
        draft = await drafts.start_request(both["DE"], ANNA, half)
        assert drafts.read(both["DE"], ANNA, draft.id).request == half
        with pytest.raises(NodeError):
            await requests.send_draft(both["DE"], ANNA, draft.id)
        await drafts.save(
            both["DE"], ANNA, draft.id, posting().model_copy(update={"comment": Said(text="!", lang="de")})
        )
        await requests.send_draft(both["DE"], ANNA, draft.id)


def test_a_table_that_is_half_filled_in_is_kept(tmp_path: Path) -> None:
    """A draft holds rows that can't be sent yet, and gives them back as they were."""
    run(_kept(tmp_path))
