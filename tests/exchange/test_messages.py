"""Messages beside the procedure: either side writes at any time until the case ends."""

from pathlib import Path

import pytest

from node.cli.simulation.loop import run
from node.errors import NodeError
from node.service import attachments, cases, messages, reading
from node.service.node import Node
from node.store import events
from protocol.content import Said
from protocol.limits import MAX_MESSAGES
from protocol.message import MESSAGE
from tests.exchange.test_crossing import asked
from tests.exchange.test_story import ANNA, KATALIN, MIRIAM, PDF

WORD = Said(text="Wir suchen noch die Urkunde.", lang="de")
FILE = messages.NewFile("../urkunde.pdf", "application/pdf", PDF)


async def _both_write(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        both.net.down.add("HU")
        await messages.send(both["DE"], ANNA, case_id, WORD, [FILE])
        answer = Said(text="A dokumentum itt van.", lang="hu")
        await messages.send(both["HU"], KATALIN, case_id, answer)
        await cases.accept(both["HU"], KATALIN, case_id)
        both.net.down.clear()
        await both.settled()
        read = await reading.read_case(both["HU"], KATALIN, case_id, "hu")
        assert [(m.side, m.text.lang if m.text else "", m.files) for m in read.messages] == [
            ("replying", "hu", ()),
            ("asking", "de", ("urkunde.pdf",)),
        ]
        (file,) = (one for one in read.attachments if one.name == "urkunde.pdf")
        opened = await attachments.read_attachment(both["HU"], KATALIN, case_id, file.sha256)
        assert (opened.data, read.state) == (PDF, "accepted")


def test_both_sides_write_while_a_message_and_an_acceptance_are_on_their_way(tmp_path: Path) -> None:
    """Messages cross each other and an act; all arrive, in their languages, and move nothing (SPEC S-075)."""
    run(_both_write(tmp_path))


async def _after_the_end(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        both.net.down.add("HU")
        await cases.decline(both["HU"], KATALIN, case_id, "other")
        await messages.send(both["DE"], ANNA, case_id, WORD)
        both.net.down.clear()
        await both.settled()
        for country, actor in (("DE", ANNA), ("HU", KATALIN)):
            read = await reading.read_case(both[country], actor, case_id, "en")
            assert (read.state, len(read.messages), "message" in read.actions) == ("declined", 1, False)
            with pytest.raises(NodeError, match="wrong-state"):
                await messages.send(both[country], actor, case_id, WORD)


def test_a_message_that_crosses_the_end_arrives_and_none_begins_after_it(tmp_path: Path) -> None:
    """What was written before the end was known is stored; from then on nobody writes (SPEC S-225)."""
    run(_after_the_end(tmp_path))


def _files(node: Node) -> list[Path]:
    return sorted(path for path in (node.config.data / "blobs").rglob("*") if path.is_file())


async def _bounded(folder: Path) -> None:
    async with asked(folder) as (both, case_id):
        node = both["DE"]
        with pytest.raises(NodeError, match="not-found"):
            await messages.send(node, MIRIAM, case_id, WORD)
        with pytest.raises(NodeError, match="invalid"):
            await messages.send(node, ANNA, case_id, None)
        with pytest.raises(NodeError, match="unsupported-media"):
            await messages.send(node, ANNA, case_id, WORD, [messages.NewFile("x.exe", "application/pdf", b"MZ")])
        for _ in range(MAX_MESSAGES):
            await messages.send(node, ANNA, case_id, WORD)
        files = _files(node)
        with pytest.raises(NodeError, match="case-full"):
            await messages.send(node, ANNA, case_id, None, [FILE])
        assert _files(node) == files, "a file that no event names stays"
        await both.settled()
        assert both["HU"].store.read_now(lambda q: events.count_of(q, case_id, "DE", MESSAGE)) == MAX_MESSAGES


def test_messages_are_bounded(tmp_path: Path) -> None:
    """Who isn't of the authority, says nothing, sends a program or too much, is refused; nothing stays (SPEC S-226)."""
    run(_bounded(tmp_path))
