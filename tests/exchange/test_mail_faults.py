"""Mails that can't be written now, or never."""

import datetime as dt
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from node.delivery.mailer import Mailer
from node.domain.access import operator
from node.service import allocation, cases, forwarding, mailing
from node.store import mails
from tests.exchange.disks import put_back, save_disk
from tests.exchange.pair import open_for_test
from tests.exchange.test_forwarding import WHY
from tests.exchange.test_mails import telling
from tests.exchange.test_refusal import rows
from tests.exchange.test_story import KATALIN


async def test_a_mail_that_could_not_be_written_for_a_while_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What may pass, a database that can't be read now, costs no mail: it is tried again after a minute."""
    async with telling(tmp_path) as told:
        await told.reader("katalin")
        await told.crash()
        await told.ask()

        def unreadable(*_: Any) -> None:
            raise sqlite3.OperationalError("disk I/O error")

        with monkeypatch.context() as broken:
            broken.setattr(mails, "news_in", unreadable)
            await Mailer(told.node).round()
        (waiting,) = mailing.queue_of(told.node, operator()).waiting
        assert (waiting.why, waiting.attempts) == ("internal", 1)
        assert waiting.next_try is not None
        told.world.clock.offset += dt.timedelta(seconds=61)
        await Mailer(told.node).round()
        assert told.server.taken[-1]["Subject"].startswith("Entente: Új megkeresés")


async def test_a_mail_that_can_never_be_written_waits_for_the_operator(tmp_path: Path) -> None:
    """A piece of news that this version doesn't know would fail each time: it is given up, and the others go on."""
    async with telling(tmp_path) as told:
        await told.reader("katalin")
        await told.crash()
        await told.ask()
        await told.node.store.write(lambda tx: tx.run("UPDATE told SET due = 'never' WHERE news = 'new'"))
        await told.ask()
        await Mailer(told.node).round()
        (waiting,) = mailing.queue_of(told.node, operator()).waiting
        assert (waiting.why, waiting.next_try) == ("internal", None)
        assert len(told.server.taken) == 2


async def test_who_passed_a_case_on_in_vain_is_told_and_looks_after_it_again(tmp_path: Path) -> None:
    """The other side doesn't know the authority: the case is again with who had it, unread, and a mail says so."""
    async with telling(tmp_path) as told:
        katalin = await told.reader("katalin")
        case_id = await told.ask()
        await told.server.count(2)
        await allocation.allocate(told.node, katalin, case_id, katalin.id)
        await told.world["DE"].store.write(lambda tx: tx.run("UPDATE authority SET ended = 1 WHERE id = 'HU-mok'"))
        await cases.accept(told.node, KATALIN, case_id)
        await forwarding.forward(told.node, KATALIN, case_id, "HU-mok", WHY)
        await told.world.settled()
        assert rows(told.node, case_id)[-1][3] == "unknown-authority"
        case = cases.own_case(told.node, katalin, case_id)
        held = allocation.handler_of(told.node, case)
        assert held is not None
        assert held.id == katalin.id
        mail = (await told.server.count(3))[-1]
        assert mail["Subject"].startswith("Entente: Új megkeresés")


async def test_what_came_back_after_a_loss_is_told_by_the_mail_of_its_name(tmp_path: Path) -> None:
    """Who lost yesterday's work list hears of the request that came back, under the name that its mail had before."""
    async with telling(tmp_path) as told:
        await told.reader("katalin")
        save_disk(told.world, "HU")
        await told.ask()
        before = (await told.server.count(2))[-1]
        await told.crash()
        config = told.node.config
        await put_back(told.world, "HU")
        told.world.net.nodes["HU"] = open_for_test(tmp_path / "HU", "HU", told.world.clock)
        told.node.config, told.node.members = config, told.world["DE"].members
        await told.world.start("HU")
        told.begin()
        again = (await told.server.count(3))[-1]
        assert again["Subject"].startswith("Entente: Új megkeresés")
        assert again["Message-ID"] == before["Message-ID"]
