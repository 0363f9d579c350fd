"""Being told by mail: queued with the event, sent to a real mail server with STARTTLS, never twice by another name."""

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from structlog.typing import EventDict

from node.delivery.mailer import Mailer
from node.delivery.smtp import MailServerError
from node.domain.access import Actor, Role, operator
from node.domain.mail import TOPICS
from node.domain.person import NewPerson
from node.errors import NodeError
from node.service import accounts, cases, forwarding, mail_choice, mailing, messages, requests
from node.service.node import Node
from protocol.content import Said, Variable
from tests.exchange.mail_server import MailServer, mail_server, nothing
from tests.exchange.pair import World, open_for_test, world
from tests.exchange.test_story import ANNA, KATALIN, reply, request

ALL = frozenset(TOPICS)
NAME = "Zsuzsanna-Undine"


@dataclass
class Told:
    """Nodes, of which one sends mails, and its mail server."""

    world: World
    server: MailServer
    country: str = "HU"
    mailer: asyncio.Task[None] | None = None

    @property
    def node(self) -> Node:
        """The node that sends."""
        return self.world[self.country]

    def begin(self) -> None:
        """Let the node send."""
        self.mailer = asyncio.create_task(Mailer(self.node).run())

    async def crash(self) -> None:
        """End the sending wherever it is."""
        if self.mailer is not None:
            self.mailer.cancel()
            await asyncio.gather(self.mailer, return_exceptions=True)

    async def reader(
        self,
        login: str,
        how: str = "once",
        language: str = "hu",
        topics: frozenset[str] = ALL,
        authority: str = "HU-okfo",
        role: Role = "handler",
    ) -> Actor:
        """Add a person of an authority of the node who confirms an address by the link that comes there."""
        new = NewPerson(login, login.title(), language, frozenset({role}), frozenset({authority}))
        actor = (await accounts.add_person(self.node, operator(), new)).actor()
        before = len(self.server.taken)
        await mail_choice.choose(self.node, actor, f"{login}@register.example", how, topics)
        mail = (await self.server.count(before + 1))[-1]
        assert mail["To"] == f"{login}@register.example"
        await mail_choice.confirm(self.node, actor, link_in(mail).rpartition("/")[2])
        return actor

    async def ask(self) -> str:
        """Let Berlin ask about a person of a rare name; returns the case's id once it is in Budapest."""
        content = request()
        person = Variable(given_names=NAME, family_name="Kovács", birth_date=dt.date(1991, 4, 17))
        variables = {name: value for name, value in content.variables.items() if name != "document"}
        questions = ("registration-status", "sanctions")
        content = content.model_copy(update={"variables": {**variables, "person": person}, "questions": questions})
        case = await requests.send(self.world["DE"], ANNA, content)
        await self.world.settled()
        return case.id

    async def waits(self, count: int) -> None:
        """Wait until so many mails wait at Budapest."""
        await until(lambda: len(mailing.queue_of(self.node, operator()).waiting) == count)

    def look(self) -> None:
        """Let the mailer look at its queue now, as it does after its pause."""
        self.node.post()


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - it happens in a database
            await asyncio.sleep(0.01)


def link_in(mail: object) -> str:
    """Return the address that a mail leads to."""
    text = mail.get_content()
    return next(line for line in text.splitlines() if line.startswith("http"))


@contextlib.asynccontextmanager
async def telling(folder: Path, country: str = "HU") -> AsyncIterator[Told]:
    """Run Berlin, Budapest and the mail server of one of them."""
    async with world(folder, "DE", "HU") as both, mail_server(folder) as server:
        await both.settled()
        made = Told(both, server, country)
        made.node.config = made.node.config.model_copy(update={"mail": server.section(folder)})
        made.begin()
        try:
            yield made
        finally:
            await made.crash()


async def test_everyone_who_reads_the_cases_is_told_and_nothing_personal_leaves(
    tmp_path: Path, log: list[EventDict]
) -> None:
    """New request, withdrawal asked, in each reader's language; no name, number or address where it doesn't belong."""
    async with telling(tmp_path) as told:
        await told.reader("katalin")
        await told.reader("ursula", language="de")
        await told.reader("only-dates", topics=frozenset({"dates"}))
        await told.server.count(3)
        case_id = await told.ask()
        mails = {mail["To"]: mail for mail in (await told.server.count(5))[3:]}
        hungarian, german = mails["katalin@register.example"], mails["ursula@register.example"]
        assert hungarian["Subject"] == "Entente: Új megkeresés · Németország · határidő: 2026. december 14."
        assert german["Subject"] == "Entente: Neue Anfrage · Deutschland · bis 14. Dezember 2026"
        assert link_in(hungarian) == f"http://127.0.0.1:7080/cases/{case_id}"
        assert hungarian["Auto-Submitted"] == "auto-generated"
        assert hungarian["List-Unsubscribe"] == "<http://127.0.0.1:7080/profile#mail>"
        assert all(told.server.secure), "each mail went by TLS, after a password"
        await cases.withdraw(told.world["DE"], ANNA, case_id, Said(text=NAME, lang="de"))
        await told.world.settled()
        mails = (await told.server.count(7))[5:]
        assert {mail["Subject"].split(" · ")[0] for mail in mails} == {
            "Entente: Megkeresés visszavonva",
            "Entente: Anfrage zurückgezogen",
        }
        sent = b"".join(told.server.raw) + "".join(mail.get_content() for mail in told.server.taken).encode()
        file = told.node.config.data / "node.db"
        stored = b"".join(path.read_bytes() for path in file.parent.glob("node.db*"))
        number = told.node.store.read_now(lambda q: q.all("SELECT number FROM cases"))[0]["number"].encode()
        for secret in (NAME.encode(), b"Kov\xc3\xa1cs", number, b"Anna", b"DE-zaek", b"registration-status"):
            assert secret not in sent
        assert NAME.encode() not in stored
        queued = told.node.store.read_now(lambda q: q.all("SELECT sql FROM sqlite_master WHERE name = 'told'"))
        assert "address" not in queued[0]["sql"]
        assert "register.example" not in str(log)
        assert NAME not in str(log)


async def test_each_act_of_the_other_side_is_told_and_none_of_ones_own(tmp_path: Path) -> None:
    """Budapest's reader hears of what Berlin does, in its order, and of nothing that Budapest does itself."""
    async with telling(tmp_path) as told:
        katalin = await told.reader("katalin")
        case_id = await told.ask()
        await told.server.count(2)
        await cases.accept(told.node, KATALIN, case_id)
        await cases.reply(told.node, katalin, case_id, _short(reply()))
        await told.world.settled()
        await cases.clarify(told.world["DE"], ANNA, case_id, Said(text="Seit wann?", lang="de"))
        await told.world.settled()
        await cases.reply(told.node, katalin, case_id, _short(reply()))
        await told.world.settled()
        await cases.close(told.world["DE"], ANNA, case_id)
        await told.world.settled()
        said = [mail["Subject"].split(" · ")[0] for mail in (await told.server.count(4))[1:]]
        assert said == ["Entente: Új megkeresés", "Entente: Pontosítást kértek", "Entente: Ügy lezárva"]
        await told.waits(0)


def _short(content):
    answers = {item: answer for item, answer in content.answers.items() if item != "evidence-holder"}
    return content.model_copy(update={"answers": answers})


async def test_an_address_hears_nothing_before_its_link_was_used_by_its_person(tmp_path: Path) -> None:
    """Unconfirmed, or confirmed by somebody else's link, an address gets the one mail that asks, and no news."""
    async with telling(tmp_path) as told:
        katalin, other = await told.reader("katalin"), await told.reader("other", how="never")
        await mail_choice.choose(told.node, katalin, "new@register.example", "once", ALL)
        secret = link_in((await told.server.count(3))[-1]).rpartition("/")[2]
        assert mail_choice.confirmable(told.node, other, secret) is None
        with pytest.raises(NodeError, match="link-invalid"):
            await mail_choice.confirm(told.node, other, secret)
        await told.ask()
        await told.waits(0)
        assert len(told.server.taken) == 3
        await mail_choice.confirm(told.node, katalin, secret)
        await told.ask()
        assert (await told.server.count(4))[-1]["To"] == "new@register.example"
        with pytest.raises(NodeError, match="link-invalid"):
            await mail_choice.confirm(told.node, katalin, secret)


async def test_nobody_floods_another_through_the_node(tmp_path: Path) -> None:
    """After five links in a day the next is refused with the time to wait, whatever the address; a day later it goes."""
    async with telling(tmp_path) as told:
        katalin = await told.reader("katalin")
        for place in range(mail_choice.CONFIRMATIONS - 1):
            await mail_choice.choose(told.node, katalin, f"victim{place}@elsewhere.example", "once", ALL)
        with pytest.raises(NodeError, match="too-many") as refused:
            await mail_choice.choose(told.node, katalin, "victim@elsewhere.example", "once", ALL)
        assert 0 < (refused.value.retry_after_s or 0) <= 86_400
        told.world.clock.offset += dt.timedelta(days=1)
        await mail_choice.choose(told.node, katalin, "new@register.example", "once", ALL)


async def test_no_address_brings_a_header_with_it(tmp_path: Path) -> None:
    """What isn't one plain address is refused before it is stored."""
    async with telling(tmp_path) as told:
        katalin = await told.reader("katalin")
        for wrong in (
            "a@b.example\r\nBcc: c@d.example",
            "a@b.example\n,c@d.example",
            "<a@b.example>",
            "a@b",
            "é@b.example",
        ):
            with pytest.raises(NodeError, match="invalid") as refused:
                await mail_choice.choose(told.node, katalin, wrong, "once", ALL)
            assert refused.value.fields == {"address": "malformed"}
        assert mail_choice.read(told.node, katalin).address == "katalin@register.example"


async def test_a_mail_server_that_was_down_gets_what_waited(tmp_path: Path) -> None:
    """News wait while the server is down, through a restart of the node, and go when it is up; the operator sees why."""
    async with world(tmp_path, "DE", "HU") as both:
        await both.settled()
        async with mail_server(tmp_path) as server:
            told = Told(both, server)
            told.node.config = told.node.config.model_copy(update={"mail": server.section(tmp_path)})
            told.begin()
            await told.reader("katalin")
        await told.crash()
        with pytest.raises(MailServerError, match="can't connect"):
            await Mailer(told.node).round() if await told.ask() else None
        config = told.node.config
        await both.stop("HU")
        both.net.nodes["HU"] = open_for_test(tmp_path / "HU", "HU", both.clock)
        told.node.config, told.node.members = config, both["DE"].members
        await both.start("HU")
        async with mail_server(tmp_path, made=server):
            await Mailer(told.node).round()
            assert server.taken[-1]["Subject"].startswith("Entente: Új megkeresés")
        assert mailing.queue_of(told.node, operator()).waiting == ()


async def test_a_crash_after_the_server_took_a_mail_sends_it_again_by_the_same_name(tmp_path: Path) -> None:
    """Killed between sending and noting it, a node sends the mail once more, with the same Message-ID and text."""
    async with telling(tmp_path) as told:
        await told.reader("katalin")
        taken = asyncio.Event()

        async def hold(_mail: object) -> None:
            taken.set()
            await asyncio.sleep(3600)

        told.server.after_taking = hold
        await told.ask()
        await asyncio.wait_for(taken.wait(), 20)
        await told.crash()
        told.server.after_taking = nothing
        told.begin()
        first, second = (await told.server.count(3))[1:]
        assert first["Message-ID"] == second["Message-ID"]
        assert first.as_bytes() == second.as_bytes()
        await told.waits(0)


async def test_a_mail_put_off_comes_later_and_one_refused_does_not_come(tmp_path: Path) -> None:
    """Greylisting: tried again after a minute. A mail refused for good waits for the operator, and others go on."""
    async with telling(tmp_path) as told:
        katalin = await told.reader("katalin")
        told.server.answers["rcpt"] = ["451 4.7.1 Greylisted, come back"]
        await told.ask()
        await told.waits(1)
        await until(lambda: mailing.queue_of(told.node, operator()).waiting[0].why != "")
        (waiting,) = mailing.queue_of(told.node, operator()).waiting
        assert (waiting.why, waiting.login) == ("451 4.7.1", "katalin")
        told.world.clock.offset += dt.timedelta(seconds=61)
        told.look()
        await told.server.count(2)
        told.server.answers["data"] = ["554 5.7.1 Looks like spam"]
        await told.ask()
        await until(lambda: not told.server.answers["data"])
        await told.ask()
        await told.server.count(3)
        await told.waits(1)
        (kept,) = mailing.queue_of(told.node, operator()).waiting
        assert (kept.why, kept.next_try) == ("554 5.7.1", None)
        assert mail_choice.read(told.node, katalin).open
        assert await mailing.retry(told.node, operator(), kept.id) == 1
        told.look()
        await told.server.count(4)


async def test_a_mail_at_which_the_server_hangs_up_stops_no_other(tmp_path: Path) -> None:
    """The server ends the connection at one mail each time: the next round begins with the others."""
    async with telling(tmp_path) as told:
        await told.reader("katalin")
        await told.reader("other")
        await told.crash()
        told.server.answers["rcpt"] = [""]
        await told.ask()
        await told.waits(2)
        with pytest.raises(MailServerError, match="ended the connection"):
            await Mailer(told.node).round()
        await Mailer(told.node).round()
        assert len(told.server.taken) == 3
        (left,) = mailing.queue_of(told.node, operator()).waiting
        told.world.clock.offset += dt.timedelta(minutes=2)
        await Mailer(told.node).round()
        assert told.server.taken[-1]["To"] == f"{left.login}@register.example"


async def test_an_address_refused_for_good_is_left_alone_and_shown(tmp_path: Path, log: list[EventDict]) -> None:
    """550 to RCPT stops an address; its person and the operator see the code, nobody the server's words."""
    async with telling(tmp_path) as told:
        katalin = await told.reader("katalin")
        told.server.answers["rcpt"] = ["550 5.1.1 <{address}>: user unknown"]
        await told.ask()
        await until(lambda: not mail_choice.read(told.node, katalin).open)
        await told.ask()
        await told.waits(0)
        assert len(told.server.taken) == 1
        choice = mail_choice.read(told.node, katalin)
        assert (choice.refused, choice.open) == ("550 5.1.1", False)
        (shown,) = mailing.queue_of(told.node, operator()).refused
        assert (shown.login, shown.code) == ("katalin", "550 5.1.1")
        assert "user unknown" not in str(log)
        await mail_choice.choose(told.node, katalin, choice.address, "once", ALL)
        mail = (await told.server.count(2))[-1]
        await mail_choice.confirm(told.node, katalin, link_in(mail).rpartition("/")[2])
        await told.ask()
        await told.server.count(3)


async def test_who_may_not_read_the_case_any_more_gets_nothing(tmp_path: Path) -> None:
    """News that wait when a person's access ends, or when the person wants no more, are forgotten unsent."""
    async with telling(tmp_path) as told:
        gone, quiet, stays = [await told.reader(login) for login in ("gone", "quiet", "stays")]
        await told.crash()
        await told.ask()
        await told.waits(3)
        await accounts.end_person(told.node, operator(), gone.id)
        await mail_choice.choose(told.node, quiet, "quiet@register.example", "never", ALL)
        told.begin()
        assert (await told.server.count(4))[-1]["To"] == f"{stays.name.lower()}@register.example"
        await told.waits(0)
        assert len(told.server.taken) == 4
        left = told.node.store.read_now(lambda q: q.all("SELECT * FROM mail_choice WHERE address LIKE 'gone%'"))
        assert left == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"ca": ""}, "certificate"),
        ({"security": "tls"}, "no TLS"),
        ({"host": "127.0.0.1", "security": "none"}, "lacks what is needed"),
        ({"user": "somebody"}, "refuses user and password: 535"),
        ({"password_file": "nowhere"}, "can't be read"),
    ],
)
async def test_a_wrong_configuration_says_what_is_wrong(tmp_path: Path, changes: dict[str, str], why: str) -> None:
    """Certificate, kind of TLS, user and password: each has its own words, and the mail waits."""
    async with telling(tmp_path) as told:
        await told.reader("katalin")
        await told.crash()
        await told.ask()
        told.node.config = told.node.config.model_copy(update={"mail": told.server.section(tmp_path, **changes)})
        with pytest.raises(MailServerError, match=why):
            await Mailer(told.node).round()
        await told.waits(1)


def test_a_password_never_travels_in_the_clear() -> None:
    """Without TLS only this machine's own mail server is taken."""
    server = MailServer(25, Path("x"))
    with pytest.raises(ValueError, match="on this machine"):
        replace(server).section(Path("/tmp"), host="mail.example", security="none")
    with pytest.raises(ValueError, match="address is needed"):
        replace(server).section(Path("/tmp"), sender="")


async def test_who_a_case_was_passed_on_to_is_told_once_the_asker_has_it(tmp_path: Path) -> None:
    """A message is told to who has the case; passed on, it is new to the others, when the other side's receipt came."""
    async with telling(tmp_path) as told:
        await told.reader("katalin")
        await told.reader("janos", authority="HU-mok")
        both, case_id = told.world, await told.ask()
        assert (await told.server.count(3))[-1]["To"] == "katalin@register.example"
        word = Said(text=NAME, lang="hu")
        await messages.send(both["DE"], ANNA, case_id, word)
        await both.settled()
        message = (await told.server.count(4))[-1]
        assert message["Subject"] == "Entente: Üzenet · Németország · határidő: 2026. december 14."
        await told.waits(0)
        both.net.down.add("DE")
        await forwarding.forward(told.node, KATALIN, case_id, "HU-mok", word)
        await told.waits(0)
        both.net.down.clear()
        await both.settled()
        new = (await told.server.count(5))[-1]
        assert (new["To"], link_in(new).rpartition("/")[2]) == ("janos@register.example", case_id)


async def test_who_wishes_to_withdraw_again_and_again_fills_no_mailbox(tmp_path: Path) -> None:
    """A wish that comes twenty times, from a node that bends its own rules, is told once."""
    async with telling(tmp_path) as told:
        await told.reader("katalin")
        both, case_id = told.world, await told.ask()
        await cases.accept(both["HU"], KATALIN, case_id)
        await both.settled()
        for _ in range(20):
            await cases.withdraw(both["DE"], ANNA, case_id)
            await both["DE"].store.write(lambda tx: tx.run("UPDATE cases SET withdrawal_wished = NULL"))
        await both.settled()
        await told.waits(0)
        assert [mail["Subject"].split(" · ")[0] for mail in told.server.taken[1:]] == [
            "Entente: Új megkeresés",
            "Entente: Visszavonást kértek",
        ]
