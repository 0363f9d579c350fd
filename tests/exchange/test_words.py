"""What an official writes beside an act reaches whoever reads the case, on both sides."""

import datetime as dt
from pathlib import Path

from node.cli.simulation.loop import run
from node.domain.draft import ReplyDraft
from node.service import cases, reading
from protocol.content import Reply, Said
from tests.exchange.test_crossing import asked
from tests.exchange.test_story import ANNA, KATALIN, reply


def _hu(text: str) -> Said:
    return Said(text=text, lang="hu")


async def _words(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        node, more = both["HU"], both.clock.now().date() + dt.timedelta(days=40)
        await cases.propose_date(node, KATALIN, case_id, more, _hu("Szabadság miatt."))
        await cases.accept(node, KATALIN, case_id, _hu("Vizsgáljuk."))
        part = ReplyDraft(answers={"sanctions": Reply(code="no")}, comment=_hu("A többi következik."))
        await cases.reply_part(node, KATALIN, case_id, part)
        await cases.reply(node, KATALIN, case_id, reply().model_copy(update={"comment": _hu("Kérdés esetén hívjon.")}))
        await both.settled()
        await cases.clarify(both["DE"], ANNA, case_id, Said(text="Seit wann?", lang="de"))
        await both.settled()
        await cases.reply(node, KATALIN, case_id, ReplyDraft(comment=_hu("2015 óta.")))
        await both.settled()
        for country, reader in (("DE", ANNA), ("HU", KATALIN)):
            view = await reading.read_case(both[country], reader, case_id, "de")
            words = [(one.kind, one.comment.text) for one in view.timeline if one.comment is not None]
            assert words == [
                ("date.propose", "Szabadság miatt."),
                ("request.accept", "Vizsgáljuk."),
                ("request.reply-part", "A többi következik."),
                ("request.reply", "Kérdés esetén hívjon."),
            ]
            assert [one.answered.text for one in view.clarifications if one.answered] == ["2015 óta."]
            assert view.model_dump_json().count("2015 óta.") == 1


def test_words_beside_an_act_are_shown_once_to_both_sides(tmp_path: Path) -> None:
    """A general comment on a reply, on a part, on an acceptance or a date; an answer stands with its question."""
    run(_words(tmp_path))
