"""The demo's story of a case that the law has deleted: blocked, seen with a reason, deleted on both sides, and gone.

Every text is read back from the nodes. What is searched for on the disks, `demo_remains` says.
"""

import asyncio
import datetime as dt
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any, Final

from node.cli.demo_case import AREA, COMMENT, FILE, FILE_NAME, FILE_PIECES, OURS, REASON, TEXTS, THEIRS, reply, request
from node.cli.demo_network import place_for, telling
from node.cli.demo_remains import Remains, clear, readable
from node.cli.demo_story import Line, answers_of
from node.cli.demo_years import Years, years
from node.cli.simulation.loop import run
from node.cli.simulation.template import Template, template
from node.domain.access import Actor
from node.domain.mail import TOPICS
from node.domain.retention import Decision, decide
from node.errors import NodeError
from node.service import (
    backup,
    blocking,
    cases,
    drafts,
    erasure_backups,
    mail_choice,
    mailing,
    reading,
    requests,
    restore,
    retention,
    retention_status,
)
from node.service.idempotency import Idempotency, Repeatable
from node.service.verification import check_node

_OPERATOR: Final = "operator"


@dataclass
class RetentionStory:
    """Plays the story on two nodes; `tell` gets each line as it happens."""

    lived: Years
    tell: Callable[[Line], None]
    people: dict[str, Actor] = field(default_factory=dict)
    case: str = ""
    number: str = ""
    closed: dt.date = dt.date.min
    steps: int = 0
    _keys: tuple[bytes, ...] = ()

    async def play(self) -> None:
        """Play from the question to the last trace."""
        await self.enter()
        await self.exchange()
        self.search_alive()
        await self.block()
        await self.see()
        await self.back_up()
        await self.delete()
        await self.restore()
        await self.complete()
        self.search_gone()
        self.verify()

    # --- telling ---

    def say(self, country: str, actor: str, lang: str, title: str, text: str, state: str = "") -> None:
        """Tell one line, at the time that the nodes' clocks show."""
        self.steps += 1
        at = f"{self.lived.now:%Y-%m-%dT%H:%M:%SZ}"
        self.tell(Line(self.steps, country, actor, lang, title, text, self.number, state, at))

    def operates(self, country: str, title: str, text: str) -> None:
        """Tell what a node's operator sees, in English like all commands."""
        self.say(country, _OPERATOR, "en", title, text)

    async def reads(self, country: str) -> dict[str, Any]:
        """Let an official read the case; tell it and return it."""
        actor = self.people[country]
        found = await reading.read_case(self.lived[country], actor, self.case, actor.language)
        view = found.model_dump(mode="json")
        last = view["timeline"][-1]["text"]["text"]
        self.say(country, actor.name, actor.language, last, answers_of(view), view["state_text"]["text"])
        return view

    def shown_blocked(self, country: str) -> None:
        """Tell what an official sees in place of the case."""
        actor, node = self.people[country], self.lived[country]
        found = blocking.blocked_case(node, actor, self.case, actor.language)
        t, day = node.texts.text, f"{found.blocked_since}"
        text = "blocked.erased" if found.erased else "notice.blocked"
        words = t(text, actor.language, **({} if found.erased else {"date": day})).text
        more = "blocked.erased.text" if found.erased else "blocked.text"
        self.say(country, actor.name, actor.language, words, t(more, actor.language).text)

    # --- the case ---

    async def enter(self) -> None:
        """Say how this is played, and let the officials begin."""
        self.operates(
            "DE",
            "entente demo --once --story retention",
            "The clock and the network are simulated: both nodes live through three years in this process.\n"
            "Databases, files, keys and everything else are those of `entente serve`.",
        )
        person = self.lived.person
        self.people = {
            "DE": await person("DE", "Anna Berger", "handler", OURS, "de"),
            "HU": await person("HU", "Szabó Katalin", "handler", THEIRS, "hu"),
            "DE data administrator": await person("DE", "Jonas Vogt", "data-administrator", OURS, "de"),
        }
        await self._wants_mails("HU")

    async def _wants_mails(self, country: str) -> None:
        """Let an official choose mails and confirm the address, so that the queue of mails isn't empty."""
        node, actor = self.lived[country], self.people[country]
        await mail_choice.choose(node, actor, "katalin@okfo.example", "once", TOPICS)
        letter = await mailing.compose(node, mailing.waiting(node, 1)[0])
        assert letter is not None
        text = message_from_bytes(letter.data, policy=policy.default).get_content()
        link = next(line for line in text.splitlines() if line.startswith("http"))
        await mail_choice.confirm(node, actor, link.rpartition("/")[2])

    async def exchange(self) -> None:
        """Ask with an attachment, answer, close."""
        de, hu, anna, katalin = self.lived["DE"], self.lived["HU"], self.people["DE"], self.people["HU"]
        draft = await drafts.start_request(de, anna, request(self.lived.now.date()))
        draft = await drafts.attach(de, anna, draft.id, FILE_NAME, "application/pdf", FILE)
        sent = await requests.send_draft(de, anna, draft.id)
        self.case, self.number = sent.id, sent.number
        await self._arrives()
        await self.reads("HU")
        await cases.accept(hu, katalin, self.case)
        await drafts.start_reply(hu, katalin, self.case)
        await cases.reply(hu, katalin, self.case, reply())
        await self._arrives()
        await self.reads("DE")
        await self._repeatable()
        await cases.close(de, anna, self.case)
        await self._arrives()
        await self.reads("HU")
        self.closed = self.lived.now.date()
        self._keys = tuple(key for node in (de, hu) if (key := node.case_keys.wrapped(self.case)))

    async def _arrives(self) -> None:
        await asyncio.sleep(60)
        await self.lived.settled()

    async def _repeatable(self) -> None:
        """Read the case once more as a program does that may repeat its call: the answer is kept for a day."""
        node, anna = self.lived["DE"], self.people["DE"]
        view = await reading.read_case(node, anna, self.case, "de")

        async def work() -> tuple[int, bytes]:
            return 200, view.model_dump_json().encode()

        secret = node.entropy.random(32).hex()
        await Idempotency(node).once(Repeatable(anna.id, "demo", "0" * 64, secret), work)

    # --- searching the disks ---

    def _clear(self) -> list[Remains]:
        return clear(self.lived.folder, TEXTS, FILE_PIECES)

    def _found(self) -> tuple[list[Remains], list[Remains]]:
        """Return what can be read with the keys of either node, and where the case's key lies."""
        folder = self.lived.folder
        nodes = self.lived.nodes.items()
        opened = [one for _, node in nodes for one in readable(node, folder, self.case, TEXTS, FILE_PIECES[0])]
        return opened, clear(folder, (), self._keys)

    def search_alive(self) -> None:
        """Search both disks while the case lives: it is found, or the search would prove nothing."""
        copy = self.lived.folder / "copy-of-a-page.txt"
        copy.write_text(COMMENT, encoding="utf-16-le")
        control = self._clear()
        copy.unlink()
        opened, keys = self._found()
        if [one.file for one in control] != [copy.name] or self._clear():
            raise NodeError("internal", f"Personal data lie in the clear: {_listed(control)}")
        if {one.file for one in opened} != {"de/data/node.db", "hu/data/node.db"} or not keys:
            raise NodeError("internal", f"The search doesn't find the case that is there: {_listed(opened)}")
        self.operates(
            "DE",
            "Both disks are searched for the case's texts, names and file, while it lives",
            f"In the clear: nothing. (A page that was copied to the disk is found: {_listed(control)}.)\n"
            f"With the keys on these disks it is read in: {_listed(opened)}.\nIts key lies in: {_listed(keys)}.",
        )

    def search_gone(self) -> None:
        """Search both disks, with all backups, once more: nothing is found."""
        opened, keys = self._found()
        if left := [*self._clear(), *opened, *keys]:
            raise NodeError("internal", f"Something of the case is left: {_listed(left)}")
        count = sum(path.is_file() for path in self.lived.folder.rglob("*"))
        self.operates(
            "DE",
            "The same search of both disks, with all backups, logs and databases",
            f"{count} files. In the clear: nothing. With the keys: nothing. Its key: nowhere.",
        )

    # --- the years ---

    def _days(self) -> Decision:
        """Return the days on which the case is blocked and deleted."""
        return decide(self.closed, retention.rule_of(self.lived["DE"], AREA), self.closed)

    async def _until(self, day: dt.date) -> None:
        await self.lived.later((day - self.lived.now.date()).days)

    async def block(self) -> None:
        """Let the months pass after which both nodes block the case, and not a day before."""
        await self._until(self._days().block_on - dt.timedelta(days=1))
        await self._due("block")
        await self.lived.later(1)
        for country in ("DE", "HU"):
            self.shown_blocked(country)

    async def _due(self, step: str) -> None:
        """Let the last day before a step pass, then tell what is due on both sides."""
        for country in ("DE", "HU"):
            if list(retention.plan(self.lived[country])):
                raise NodeError("internal", f"Something is due in {country} before its day.")
        days = self._days()
        while self.lived.now.date() < (days.block_on if step == "block" else days.delete_on):
            await asyncio.sleep(3600)
        for country in ("DE", "HU"):
            (due,) = retention.plan(self.lived[country])
            if due.step != step:
                raise NodeError("internal", f"Another step is due in {country}.")
            self.operates(
                country, "entente retention run --dry-run", f"{due.number}  {step} from {due.since}: {due.why}"
            )

    async def see(self) -> None:
        """Let Berlin see the blocked data for half an hour, and the data administrator who and why."""
        node, anna, jonas = self.lived["DE"], self.people["DE"], self.people["DE data administrator"]
        await self._refused("DE", "case-blocked")
        await blocking.see(node, anna, self.case, "proof", REASON)
        await self.reads("DE")
        await asyncio.sleep(60 * blocking.SIGHT_MINUTES + 1)
        await self._refused("DE", "case-blocked")
        for sight in blocking.seen_by(node, jonas)[0]:
            ground = node.texts.text(f"blocked.ground.{sight.ground}", "de").text
            self.say("DE", jonas.name, "de", sight.person, f"{sight.at:%Y-%m-%d %H:%M}  {ground}: {sight.reason}")

    async def _refused(self, country: str, code: str) -> None:
        actor = self.people[country]
        try:
            await reading.read_case(self.lived[country], actor, self.case, actor.language)
        except NodeError as error:
            if error.code != code:
                raise
            self.say(country, actor.name, actor.language, "403", error.code)
            return
        raise NodeError("internal", "The case could be read.")

    def _backups(self, country: str) -> tuple[Path, Path]:
        return self.lived.place(country) / "backup", self.lived.place(country) / "backup-of-keys"

    async def back_up(self) -> None:
        """Make backups on both sides, on the day before the case is deleted."""
        await self._until(self._days().delete_on - dt.timedelta(days=1))
        for country in ("DE", "HU"):
            self._back_up(country)

    def _back_up(self, country: str) -> None:
        folder, keys = self._backups(country)
        for place in (folder, keys):
            place.mkdir(mode=0o700, exist_ok=True)
        made = backup.create(self.lived[country], folder, keys)
        assert made.keys is not None
        removed = "".join(f"\nRemoved, its days were over: {path.name}" for path in made.pruned)
        title = "entente backup create backup --keys backup-of-keys"
        self.operates(country, title, f"Case keys: to be removed on {made.keys.expires_at:%Y-%m-%d}{removed}")

    async def delete(self) -> None:
        """Let the day come on which both sides delete by themselves and tell each other."""
        await self._due("erase")
        await self.lived.later(1)
        for country in ("DE", "HU"):
            await self._refused(country, "case-erased")
            self.shown_blocked(country)
            self._status(country, complete=False)

    def _status(self, country: str, *, complete: bool) -> None:
        (one,) = retention_status.status(self.lived[country], 10).items
        if one.theirs is None or (one.complete_at is not None) != complete:
            raise NodeError("internal", f"The deletion in {country} isn't as far as it should be.")
        assert one.key_gone_at is not None
        assert one.complete_on is not None
        told = one.complete_at or one.complete_on
        words = "complete" if complete else "complete by"
        self.operates(
            country,
            "entente retention status",
            f"{one.number}  why: {one.why}  key destroyed: {one.key_gone_at:%Y-%m-%d}"
            f"  {words} {told:%Y-%m-%d}  theirs: {one.theirs:%Y-%m-%d}",
        )

    def _in_backups_alone(self) -> tuple[list[Remains], list[Remains]]:
        """Search while the backups of the keys haven't expired: nodes must hold nothing, the backups do."""
        opened, keys = self._found()
        found = [*opened, *keys]
        if self._clear() or not opened or not keys or any("/data/" in one.file for one in found):
            raise NodeError("internal", f"The case isn't left in backups alone: {_listed(found)}")
        return opened, keys

    async def restore(self) -> None:
        """Put Berlin's backup from before the deletion in place: the case is erased again before anything serves."""
        opened, keys = self._in_backups_alone()
        words = f"In backups alone. It is read in: {_listed(opened)}. Its key lies in: {_listed(keys)}."
        self.operates("DE", "The same search of both disks", words)
        await self.lived.stop("DE")
        config, folders = self.lived.config("DE"), self._backups("DE")
        async with self.lived.beside("DE") as node:
            masters = node.keys.masters
        plan = restore.plan(config, masters, *folders, self.lived.now)
        done = await restore.restore(self.lived.open, config, plan, self.lived.clock)
        words = f"Restored and verified: the state of {done.backup_at:%Y-%m-%d %H:%M} UTC."
        if (config.data / backup.MAIN_DB).stat().st_size == 0 or done.aside is None:
            raise NodeError("internal", "Nothing was restored.")
        shutil.rmtree(done.aside)
        async with self.lived.beside("DE") as node:
            if node.case_keys.wrapped(self.case) is not None:
                raise NodeError("internal", "The restore brought the case's key back.")
        await self.lived.start("DE")
        self._in_backups_alone()
        words += " What was put aside was removed. The case isn't in what was restored."
        self.operates("DE", "entente restore backup --keys backup-of-keys", words)
        await self.lived.later(1)
        await self._refused("DE", "case-erased")

    async def complete(self) -> None:
        """Let the backups of the keys expire; only then the deletion is complete."""
        await self.lived.later(27)
        for country in ("DE", "HU"):
            self._status(country, complete=False)
        await self.lived.later(3)
        for country in ("DE", "HU"):
            self._back_up(country)
            await erasure_backups.note_complete(self.lived[country])
            self._status(country, complete=True)

    def verify(self) -> None:
        """Check every signature, receipt, stream and chain of both nodes."""
        for country in ("DE", "HU"):
            if findings := check_node(self.lived[country]):
                raise NodeError("verification-failed", str(findings[0]))
            self.operates(country, "entente verify", "Everything is as it must be.")


def _listed(found: list[Remains]) -> str:
    return ", ".join(map(str, found)) or "nothing"


async def _played(folder: Path, made: Template, tell: Callable[[Line], None]) -> None:
    async with years(folder, made) as lived:
        await RetentionStory(lived, tell).play()


def play(folder: Path | None, *, as_json: bool) -> bool:
    """Play the story and print it; returns whether Ctrl-C stopped it. Raises `exists` for a folder that holds nodes."""
    with place_for(folder) as place:
        if any(place.iterdir()):
            raise NodeError("exists", f"{place} isn't empty.", "Name another one: --folder.")
        try:
            play_in(place, telling(as_json=as_json))
        except KeyboardInterrupt:
            return True
    return False


def play_in(folder: Path, tell: Callable[[Line], None]) -> None:
    """Play the story in an empty folder; everything stays there."""
    run(_played(folder, template(2), tell))
