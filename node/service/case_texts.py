"""A case in words: questions, answers and history in one reader's language."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from node.clock import unstamp
from node.domain.case import Case, actor_of
from node.domain.case_view import (
    Answer,
    Attachment,
    Choice,
    Clarification,
    FreeText,
    Message,
    Question,
    Side,
    Text,
    TimelineEntry,
    Transit,
    Variable,
)
from node.service.answers import standing
from node.service.case_tables import columns_of, table_of
from node.service.contents import Stored
from node.service.judge import area_of, plain
from node.service.node import Node
from node.store.blobs import LOST
from node.store.events import GIVEN_UP
from node.store.tx import Row
from protocol.content import (
    DateMatter,
    DeclineMatter,
    ForwardMatter,
    MessagePerson,
    ReferMatter,
    Reply,
    ReplyPerson,
    Said,
    SendMatter,
    SendPerson,
    SplitMatter,
    WordPerson,
    WrittenMatter,
)
from protocol.request import CLOSE, DECISIONS, REPLY, REPLY_PART, RETURN
from translations import dates, languages
from translations.answer import VisibleItem, visible_items
from translations.area import Area, render_question, render_variable
from translations.catalogue import Text as CatalogueText
from translations.question_set import Item, is_about_person

ABSENT: Final = {"not-known": "answer.not-known", "not-available": "answer.not-available"}
"""Why there is no answer → its text."""


_NAMING: Final = (ForwardMatter, SplitMatter, ReferMatter)
"""What says whose turn it is from then on."""
_SAID_BESIDE: Final = frozenset(
    {"request.accept", "date.propose", "wish.withdraw", "request.withdraw", REPLY, REPLY_PART, CLOSE}
)
"""Acts beside which words may stand that no other place of the case shows, but for the answer to a clarification."""


def said(text: Said | None) -> FreeText | None:
    """Show what a person wrote, with its language."""
    return FreeText(text=text.text, lang=text.lang) if text else None


def shown(text: CatalogueText) -> Text:
    """Show a text of a catalogue."""
    return Text(text=text.text, lang=text.lang)


@dataclass(frozen=True)
class CaseTexts:
    """The texts of one reader."""

    node: Node
    lang: str

    def interface(self, text_id: str, **values: object) -> Text:
        """Return a text of the interface."""
        return shown(self.node.texts.text(text_id, self.lang, **values))

    def refusal(self, code: str) -> Text:
        """Say why an event never happened: the other side refused it, or our operator gave it up (SPEC S-180)."""
        return self.interface("notice.given-up") if code == GIVEN_UP else self.interface("notice.refused", code=code)

    def country(self, code: str) -> str:
        """Return a country's name."""
        return languages.country_name(code, self.lang)

    def day(self, date: dt.date) -> str:
        """Write a date."""
        return dates.format_date(date, self.lang)

    def moment(self, at: dt.datetime) -> str:
        """Write a time in the node's zone."""
        return dates.format_datetime(at, self.lang, self.node.config.node.time_zone)

    def area_title(self, area_id: str) -> Text:
        """Return an area's title, its id where this node doesn't have it."""
        area = self.node.areas.get(area_id)
        return shown(area.catalogue.text(area.rules.title, self.lang)) if area else Text(text=area_id, lang="en")

    def set_title(self, area_id: str, set_id: str) -> Text:
        """Return a question set's title, its id where this node doesn't have it."""
        area = self.node.areas.get(area_id)
        if area is None or set_id not in area.question_sets:
            return Text(text=set_id, lang="en")
        return shown(area.catalogue.text(area.question_sets[set_id].title, self.lang))

    def held(self, case: Case) -> bool:
        """Say whether this node has exactly the question set that the case names."""
        sha256 = case.set_sha256
        return self.node.areas.holding(case.area, case.question_set, case.set_version, sha256) is not None

    def story(self, case: Case, matter: SendMatter, events: list[Stored]) -> "Story":
        """Return the case's events told in this language."""
        return Story(self, case, matter, events, area_of(self.node.areas, matter))


@dataclass(frozen=True)
class Story:
    """The events of one case; `area` is None while its question set is being fetched."""

    texts: CaseTexts
    case: Case
    matter: SendMatter
    events: list[Stored]
    area: Area | None

    @property
    def counted(self) -> list[Stored]:
        """The events that weren't refused: a refused one never happened."""
        return [stored for stored in self.events if stored.status != "refused"]

    def replying(self) -> tuple[str, str]:
        """Return id and name of the authority that answers now: whom it was passed on to last, else who was asked."""
        told = [stored.matter.to for stored in self.counted if isinstance(stored.matter, ForwardMatter)]
        last = (self.matter.replying, *told)[-1]
        return last.authority, last.name

    def _names(self) -> dict[str, str]:
        told = [stored.matter.to for stored in self.events if isinstance(stored.matter, _NAMING)]
        return {one.authority: one.name for one in (self.matter.asking, self.matter.replying, *told)}

    def _person(self) -> SendPerson:
        person = self.events[0].person
        return person if isinstance(person, SendPerson) else SendPerson()

    def _values(self) -> dict[str, Any]:
        return plain(self.matter.variables) | plain(self._person().variables)

    def variables(self) -> tuple[Variable, ...]:
        """Return what the asking authority filled in."""
        if self.area is None:
            return ()
        return tuple(self._variable(self.area, name, value) for name, value in self._values().items())

    def _variable(self, area: Area, name: str, value: Mapping[str, object]) -> Variable:
        known = area.variables.get(name)
        label = shown(area.catalogue.text(known.text, self.texts.lang)) if known else Text(text=name, lang="en")
        text = render_variable(area, name, value, self.texts.lang)
        birth = value.get("birth_date")
        if isinstance(birth, str):
            text = f"{text} · {self.texts.day(dt.date.fromisoformat(birth))}"
        lang = value.get("lang")
        return Variable(
            id=name,
            label=label,
            value=text,
            lang=lang if isinstance(lang, str) else None,
            personal=is_about_person(known) if known else True,
            table=table_of(area, known, value, self.texts.lang) if known else None,
        )

    def questions(self, *, as_form: bool = False, answers: Mapping[str, Reply] | None = None) -> tuple[Question, ...]:
        """Return the questions asked with their follow-ups and answers; all follow-ups where it is a form.

        The answers are those that were sent, or `answers`.
        """
        if self.area is None:
            return ()
        answers = self.answers() if answers is None else answers
        asked = {question.item: question.comment for question in self.matter.questions}
        given = plain(dict(answers)) if answers and not as_form else None
        found = visible_items(self.area.question_sets[self.matter.set], list(asked), given)
        return tuple(self._question(self.area, entry, asked, answers) for entry in found)

    def answers(self) -> dict[str, Reply]:
        """Return the answers as they stand."""
        return standing(self.area, self.matter, self.counted)

    def _question(
        self, area: Area, entry: VisibleItem, asked: Mapping[str, Said | None], answers: Mapping[str, Reply]
    ) -> Question:
        item = entry.item
        reply = answers.get(item.id)
        return Question(
            id=item.id,
            depth=entry.depth,
            text=shown(render_question(area, item.id, self._values(), self.texts.lang)),
            type=item.type,
            required=item.required,
            personal=is_about_person(item),
            choices=self._choices(area, item),
            takes=columns_of(area, item, self.texts.lang),
            enable_when=(item.enable_when.item, tuple(item.enable_when.any)) if item.enable_when else None,
            comment=said(asked.get(item.id)),
            answer=self._answer(area, item, reply) if reply else None,
        )

    def _choices(self, area: Area, item: Item) -> tuple[Choice, ...]:
        codes = area.lists[item.list].codes if item.list else ()
        return tuple(Choice(code=code.code, label=shown(area.catalogue.label(code, self.texts.lang))) for code in codes)

    def _answer(self, area: Area, item: Item, reply: Reply) -> Answer:
        label = None
        if reply.code is not None and item.list:
            label = shown(area.code_label(item.list, reply.code, self.texts.lang))
        elif reply.date is not None:
            label = Text(text=self.texts.day(reply.date), lang=self.texts.lang)
        elif reply.country is not None:
            label = Text(text=self.texts.country(reply.country), lang=self.texts.lang)
        elif reply.absent is not None:
            label = self.texts.interface(ABSENT[reply.absent])
        free = FreeText(text=reply.text, lang=reply.lang or "en") if reply.text else None
        return Answer(
            code=reply.code,
            absent=reply.absent,
            label=label,
            free=free,
            table=table_of(area, item, plain({item.id: reply})[item.id], self.texts.lang),
            comment=said(reply.comment),
        )

    def request_comment(self) -> FreeText | None:
        """Return the asking authority's general comment."""
        return said(self._person().comment)

    def reason(self) -> FreeText | None:
        """Return why the request was declined: the reason in the reader's words, then what was added."""
        for stored in self.counted:
            if isinstance(stored.matter, DeclineMatter):
                return self._decline_reason(stored)
        return None

    def _decline_reason(self, stored: Stored) -> FreeText:
        assert isinstance(stored.matter, DeclineMatter)
        word = said(_word(stored))
        if word is not None:
            return word
        return FreeText(text=self._reason_label(stored.matter).text, lang=self.texts.lang)

    def _reason_label(self, matter: DeclineMatter) -> Text:
        area = self.texts.node.areas.get(self.case.area)
        known = area.lists.get("decline-reasons") if area else None
        if area is None or known is None or known.get(matter.reason) is None:
            return Text(text=matter.reason, lang="en")
        return shown(area.code_label("decline-reasons", matter.reason, self.texts.lang))

    def clarifications(self) -> tuple[Clarification, ...]:
        """Return the clarifications asked, each with its answer once there is one."""
        found: list[Clarification] = []
        for asked, answer in self._clarified():
            word, at = said(_word(asked)), unstamp(asked.at)
            assert word is not None
            if answer is None:
                found.append(Clarification(asked=word, asked_at=at))
            else:
                said_then, then = said(_word(answer)), unstamp(answer.at)
                found.append(Clarification(asked=word, asked_at=at, answered=said_then, answered_at=then))
        return tuple(found)

    def _clarified(self) -> list[tuple[Stored, Stored | None]]:
        """Return each question about the reply with the reply that answers it, if there is one."""
        found: list[tuple[Stored, Stored | None]] = []
        for stored in self.counted:
            if stored.kind in ("request.clarify", RETURN) and _word(stored) is not None:
                found.append((stored, None))
            elif stored.kind == REPLY and found and found[-1][1] is None:
                found[-1] = (found[-1][0], stored)
        return found

    def messages(self) -> tuple[Message, ...]:
        """Return what the two sides wrote beside the procedure, refused messages too: their authors look for them."""
        return tuple(
            Message(
                **self.act(stored),
                text=said(stored.person.comment),
                files=tuple(ref.name for ref in stored.person.attachments),
                confidential=_is_confidential(stored),
            )
            for stored in self.events
            if isinstance(stored.person, MessagePerson)
        )

    def attachments(self, rows: Mapping[str, Row]) -> tuple[Attachment, ...]:
        """Return the files of the case; `rows` says which are here."""
        return tuple(
            Attachment(
                sha256=ref.sha256,
                name=ref.name,
                media_type=ref.media_type,
                size=ref.size,
                side=self._side(stored),
                here=ref.sha256 in rows and bool(rows[ref.sha256]["here"]),
                lost=ref.sha256 in rows and rows[ref.sha256]["failure"] == LOST,
            )
            for stored in self.counted
            for ref in getattr(stored.person, "attachments", ())
        )

    def _side(self, stored: Stored) -> Side:
        return self.case.side_of(stored.event.claims.iss)

    def timeline(self) -> tuple[TimelineEntry, ...]:
        """Return who did what and when, in the order in which this node learned it."""
        return tuple(self._entries())

    def _entries(self) -> Iterator[TimelineEntry]:
        answering = [answer.event.name for _, answer in self._clarified() if answer is not None]
        for stored in self.events:
            yield TimelineEntry(
                **self.act(stored),
                kind=stored.kind,
                text=self.what(stored),
                detail=self._detail(stored),
                comment=said(_word(stored))
                if stored.kind in _SAID_BESIDE and stored.event.name not in answering
                else None,
                refusal=self._refusal(stored),
                confidential=_is_confidential(stored),
            )

    def act(self, stored: Stored) -> dict[str, Any]:
        """Return who said something when, and how far it has come."""
        authority, person = actor_of(stored.matter)
        side = self._side(stored)
        named = authority or (self.matter.asking if side == "asking" else self.matter.replying).authority
        transit: Transit = "given-up" if stored.code == GIVEN_UP else stored.status  # type: ignore[assignment]
        return {
            "at": unstamp(stored.at),
            "side": side,
            "authority": self._names().get(named, named),
            "person": person,
            "transit": transit,
        }

    def what(self, stored: Stored) -> Text:
        """Say what an event was; where it names an authority, which."""
        if isinstance(stored.matter, _NAMING):
            return self.texts.interface(f"event.{stored.kind}", name=stored.matter.to.name)
        return self.texts.interface(f"event.{stored.kind}")

    def _detail(self, stored: Stored) -> FreeText | None:
        if isinstance(stored.matter, DateMatter):
            return FreeText(text=self.texts.day(stored.matter.date), lang=self.texts.lang)
        if isinstance(stored.matter, DeclineMatter):
            return FreeText(text=self._reason_label(stored.matter).text, lang=self.texts.lang)
        explained = isinstance(stored.matter, _NAMING) or stored.kind in DECISIONS
        return said(_word(stored)) if explained else None

    def _refusal(self, stored: Stored) -> Text | None:
        if stored.code is None:
            return None
        return self.texts.refusal(stored.code)


def _is_confidential(stored: Stored) -> bool:
    return isinstance(stored.matter, SendMatter | WrittenMatter) and bool(stored.matter.confidential)


def _word(stored: Stored) -> Said | None:
    person = stored.person
    return person.comment if isinstance(person, WordPerson | ReplyPerson) else None
