"""The people of a simulation: each country's officials ask, answer and change their minds, as their pages let them."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Coroutine
from random import Random
from typing import Any, Final, TypeVar

from node.cli.simulation import administrators
from node.cli.simulation.life import Ended, Life
from node.cli.simulation.oracle import PERSONAL, Attempt, Oracle
from node.cli.simulation.template import AREA, authorities_in, authority_of, coordinator_of, register_of
from node.cli.simulation.trace import Trace
from node.domain.access import Actor, granted, operator
from node.domain.case import Case
from node.domain.draft import ReplyDraft, RequestDraft
from node.errors import NodeError
from node.service import (
    cases,
    contents,
    directory,
    drafts,
    erasure,
    forwarding,
    messages,
    rating,
    reading,
    referral,
    requests,
    splitting,
)
from node.service.node import Node
from node.store import cases as stored_cases
from node.store import fates
from node.store.case_lists import Wanted, listing
from node.store.tx import Read, Row
from protocol.content import Reply, Said, Variable
from protocol.erasure import GROUNDS

T = TypeVar("T")
_OPEN_CASES: Final = 12
_ENDED_CASES: Final = 4
_REASONS: Final = ("not-competent", "not-held", "unclear", "duplicate", "other")
_FILE: Final = f"%PDF-1.4 {PERSONAL}".encode()


class Official:
    """One official of a country, who acts now and then until told to go home."""

    def __init__(self, country: str, peers: tuple[str, ...], chance: Random, oracle: Oracle, trace: Trace) -> None:
        """Take the countries that may be asked."""
        self.country = country
        self._peers = peers
        self._chance = chance
        self._oracle = oracle
        self._trace = trace

    async def act(self, life: Life) -> None:
        """Do one thing that the pages offer now."""
        found = self._cases(life.node)
        wanted = self._chance.random()
        if wanted > 0.93:  # noqa: PLR2004 - now and then the directory changes
            await self._publish(life)
            return
        if wanted < 0.3 or not found:  # noqa: PLR2004 - three acts of ten begin something new
            await self._begin(life)
            return
        case = self._chance.choice(found)
        kinds = ("read", *case.moves(), "correction", *(["erasure.order"] if case.ended else []))
        await self._move(life, case, self._chance.choice(kinds))

    def _cases(self, node: Node) -> list[Case]:
        mine = self._actor("reader").reach("cases.list")

        def read(q: Read) -> list[Row]:
            still_open, ended = (Wanted(mine, filters={"open": is_open}) for is_open in (True, False))
            return [*listing(q, still_open, _OPEN_CASES).rows, *listing(q, ended, _ENDED_CASES).rows]

        return [stored_cases.from_row(row) for row in node.store.read_now(read)]

    async def _publish(self, life: Life) -> None:
        changed = authorities_in(self.country, f"Place {self._chance.randrange(1000)}")
        await self._step(life, "publish", directory.import_authorities(life.node, operator(), changed))
        if not life.dead:
            life.exchange.announce()  # the server notices within a second

    # --- asking ---

    async def _begin(self, life: Life) -> None:
        way = self._chance.random()
        if way < 0.5:  # noqa: PLR2004 - one of two asks at once, as national systems do
            content = self._request()
            await self._try(life, "ask", lambda actor: requests.send(life.node, actor, content))
        elif way < 0.65:  # noqa: PLR2004
            contents = [self._request() for _ in range(self._chance.randint(2, 6))]
            await self._try(
                life, "ask-many", lambda actor: requests.send_many(life.node, actor, contents), len(contents)
            )
        else:
            await self._draft(life)

    async def _draft(self, life: Life) -> None:
        """Begin a draft, or go on with one that was left: attach, send, delete."""
        actor = self._actor("drafts")
        waiting = drafts.listing(life.node, actor)
        draft = self._chance.choice(waiting) if waiting else None
        if draft is None or draft.request is None:
            content = self._request()
            await self._step(life, "draft", drafts.start_request(life.node, actor, content))
            return
        what = self._chance.random()
        if what < 0.4:  # noqa: PLR2004
            data = _FILE + self._chance.randbytes(self._chance.randrange(2000))
            attached = drafts.attach(life.node, actor, draft.id, "diploma.pdf", "application/pdf", data)
            await self._step(life, "attach", attached)
        elif what < 0.8:  # noqa: PLR2004
            await self._try(life, "send-draft", lambda who: requests.send_draft(life.node, who, draft.id))
        else:
            await self._erase(life, "delete-draft", draft.case, drafts.delete(life.node, actor, draft.id))

    async def _erase(self, life: Life, kind: str, case_id: str, work: Coroutine[Any, Any, None]) -> None:
        """Delete a draft or a case: once that is done its key is nowhere."""
        key = life.node.key_store.read_now(lambda q: fates.wrapped_key(q, case_id))
        ended = await self._step(life, kind, work)
        if ended.error is None and not ended.unknown and key is not None and not life.dead:
            self._oracle.erases(life, case_id, key)

    def _request(self) -> RequestDraft:
        peer = self._chance.choice(self._peers)
        return RequestDraft(
            authority=authority_of(self.country),
            country=peer,
            to=authority_of(peer),
            area=AREA,
            set="establishment",
            questions=("registration-status", "sanctions"),
            variables={
                "person": Variable(given_names="Eszter", family_name=PERSONAL, birth_date=dt.date(1991, 4, 17)),
                "profession": Variable(code="dental-practitioner"),
            },
            due=dt.date(2020, 4, 1 + self._chance.randrange(28)),
            comment=Said(text=f"{PERSONAL} {self._chance.randrange(1000)}", lang="de"),
        )

    # --- going on with a case ---

    async def _move(self, life: Life, case: Case, kind: str) -> None:
        node, word = life.node, Said(text=f"{PERSONAL} {self._chance.randrange(1000)}", lang="de")
        date = case.due + dt.timedelta(days=1 + self._chance.randrange(9))
        reason = self._chance.choice(_REASONS)
        given = {"registration-status": Reply(code="registered"), "sanctions": Reply(code="no", comment=word)}
        asked = _asked(node, case)
        answers = {item: given[item] for item in asked}
        some = dict(list(answers.items())[: 1 + self._chance.randrange(2)])
        replied = ReplyDraft(answers=answers) if case.state == "accepted" else ReplyDraft(comment=word)
        other = next(
            one for one in (register_of(self.country), authority_of(self.country)) if one != case.own_authority
        )
        marked = case.due.day % 2 == 1  # some are to be handled confidentially
        files = [messages.NewFile("diploma.pdf", "application/pdf", _FILE)] if self._chance.random() < 0.3 else []  # noqa: PLR2004
        moves: dict[str, Callable[[Actor], Awaitable[Any]]] = {
            "read": lambda who: reading.read_case(node, who, case.id, "de"),
            "request.accept": lambda who: cases.accept(node, who, case.id, word),
            "request.decline": lambda who: cases.decline(node, who, case.id, reason),
            "request.reply": lambda who: cases.reply(node, who, case.id, replied),
            "request.reply-part": lambda who: cases.reply_part(node, who, case.id, ReplyDraft(answers=some)),
            "request.clarify": lambda who: cases.clarify(node, who, case.id, word, confidential=marked),
            "request.refer": lambda who: referral.refer(node, who, case.id, word),
            "request.escalate": lambda who: referral.escalate(node, who, case.id, word),
            "request.uphold": lambda who: referral.uphold(node, who, case.id),
            "request.return": lambda who: referral.send_back(node, who, case.id, word),
            "request.close": lambda who: cases.close(node, who, case.id),
            "request.withdraw": lambda who: cases.withdraw(node, who, case.id),
            "wish.withdraw": lambda who: cases.withdraw(node, who, case.id, word),
            "request.forward": lambda who: forwarding.forward(node, who, case.id, other, word),
            "request.split": lambda who: splitting.split(node, who, case.id, other, asked[:1], word),
            "note.message": lambda who: messages.send(node, who, case.id, word, files, confidential=marked),
            "note.rating": lambda who: rating.rate(node, who, case.id, case.due.day % 3 - 1, case.due.day % 2),
            "date.propose": lambda who: cases.propose_date(node, who, case.id, date),
            "date.agree": lambda who: cases.agree_date(node, who, case.id),
        }
        if kind == "erasure.order":
            ordered = erasure.order(node, self._actor("administrator"), case.id, self._chance.choice(GROUNDS))
            await self._erase(life, kind, case.id, ordered)
            return
        if kind == "correction":
            recorded = administrators.correction(node, self._actor("administrator"), case, word, self._chance)
            kind, moves[kind] = ("read", moves["read"]) if recorded is None else (kind, recorded)
        if kind == "request.withdraw" and not case.withdrawal_wished:
            kind = "read"
        work = moves[kind]
        if kind == "read":
            await self._step(life, kind, work(self._actor("reader")))
            return
        again = self._chance.random() < 0.1  # noqa: PLR2004 - two people, or one who clicks twice
        await asyncio.gather(*(self._try(life, kind, work) for _ in range(2 if again else 1)))

    # --- doing it ---

    def _actor(self, name: str) -> Actor:
        mine = (authority_of(self.country), register_of(self.country))
        decider = granted(["referral-handler"], [coordinator_of(self.country)])
        return Actor(name, name, "de", granted(["handler", "data-administrator"], mine) | decider)

    async def _try(self, life: Life, kind: str, work: Callable[[Actor], Awaitable[Any]], expected: int = 1) -> None:
        """Do something that is promised once it returns."""
        attempt = self._oracle.trying(self.country, kind, expected)
        ended = await self._step(life, kind, work(self._actor(attempt.name)))
        _told(attempt, ended)

    async def _step(self, life: Life, kind: str, work: Awaitable[T]) -> Ended[T]:
        assert isinstance(work, Coroutine)
        ended: Ended[T] = await life.work(work)
        self._trace.note(self.country, kind, self._oracle.outcome(life, kind, ended))
        return ended


def _asked(node: Node, case: Case) -> list[str]:
    """Return what a case asks; nothing where its events can't be read."""
    try:
        return [question.item for question in contents.asked(contents.of_case(node, case.id)).questions]
    except NodeError:
        return []


def _told(attempt: Attempt, ended: Ended[Any]) -> None:
    if not ended.unknown:
        attempt.told = ended.error is None
