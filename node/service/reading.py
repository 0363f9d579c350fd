"""Reading: the work list, a case in the reader's language, an attachment."""

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from node.clock import unstamp
from node.domain.access import Actor
from node.domain.case import ANSWERED, Case
from node.domain.case_view import CaseSummary, CaseView, Due, Holder, Party, Rating, Side, Text
from node.domain.reminders import Advice, advice_on, marks_of
from node.errors import NodeError
from node.service import blocking, case_list, contents, counterparts, damage, deadlines
from node.service.allocation import handler_of
from node.service.case_parts import part_of, parts_of
from node.service.case_texts import CaseTexts
from node.service.cases import acting_for, decides, note_opened, own_case
from node.service.contents import Stored
from node.service.correction_texts import corrections
from node.service.deciding import is_orphaned, referrals_of, wrote
from node.service.list_place import place_from, place_text
from node.service.node import Node
from node.store import approvals, authorities, blobs, case_lists, cases, drafts, streams
from node.store.case_lists import Wanted
from node.store.events import GIVEN_UP
from node.store.tx import Row
from protocol.content import Reply, SendMatter
from protocol.message import MESSAGE, RATING
from protocol.request import CLOSE, ESCALATE, FORWARD, REFER, REPLY, REPLY_PART, RETURN, SPLIT, UPHOLD


@dataclass(frozen=True)
class CaseFilter:
    """What a work list may be narrowed to; never by a person."""

    state: str | None = None
    role: Side | None = None
    area: str | None = None
    country: str | None = None
    number: str | None = None
    open: bool | None = None
    passed_on: bool | None = None
    mine: bool | None = None
    blocked: bool | None = None
    todo: bool | None = None
    text: str = ""


@dataclass(frozen=True)
class CaseList:
    """Part of the work list; `next` is where the following part begins, None at the end."""

    items: tuple[CaseSummary, ...]
    next: str | None


async def list_cases(
    node: Node, actor: Actor, filters: CaseFilter, lang: str, *, limit: int = 50, after: str = ""
) -> CaseList:
    """Return the cases of the actor's authorities and areas, the latest change first; no contents are in it.

    `after` is the `next` of the part before. A part may be short before the end, where a filter has much to go
    through. Raises `invalid` for a place that no list gave.
    """
    actor.require("cases.list")
    chosen = {k: v for k, v in vars(filters).items() if v is not None and k not in ("mine", "text")}
    if filters.mine:
        chosen["handler"] = actor.id
    wanted = Wanted(actor.reach("cases.list"), *referrals_of(node, actor), chosen)
    texts, place, most = CaseTexts(node, lang), place_from(after), min(limit, case_list.MAX_AT_ONCE)
    part = await node.store.read(lambda q: case_list.read(q, wanted, texts, filters.text, most, place))
    parties = _Parties(node, texts)
    lines = [_summary(node, actor, row, parties) for row in part.rows]
    if filters.passed_on:
        lines = list(map(_passed_on(node), lines))
    shown = tuple(map(_blocked, lines) if filters.blocked else lines)
    return CaseList(shown, place_text(part.next))


_BLOCKED: Final[dict[str, object]] = {
    "question_set": None, "holder": "nobody", "due": None, "legal": None, "marks": (), "on_its_way": False,
    "unread": False, "handler": None, "readable": False, "confidential": False,
}  # fmt: skip


def _blocked(summary: CaseSummary) -> CaseSummary:
    """Leave of a blocked case what proves that it was: number, authorities, area, state, dates (Article 14(3))."""
    return summary.model_copy(update=_BLOCKED)


def _passed_on(node: Node) -> Callable[[CaseSummary], CaseSummary]:
    """Return what makes a line say who has the case now; nothing in it is the reader's to do any more."""

    def line(summary: CaseSummary) -> CaseSummary:
        name = node.store.read_now(lambda q: authorities.name_of(q, summary.own_authority))
        return summary.model_copy(
            update={
                "passed_on": name or summary.own_authority,
                "holder": "nobody",
                "due": None,
                "legal": None,
                "marks": (),
                "unread": False,
                "handler": None,
                "readable": False,
            }
        )

    return line


def count_todo(node: Node, actor: Actor) -> int:
    """Return how many open cases wait for the actor's authorities, up to `case_list.MOST_COUNTED`."""
    reach, referrals = actor.reach("cases.read"), referrals_of(node, actor)
    return node.store.read_now(lambda q: case_lists.count_todo(q, reach, *referrals))


def _summary(node: Node, actor: Actor, row: Row, parties: "_Parties") -> CaseSummary:
    case, texts = cases.from_row(row), parties.texts
    given_up = row["void"] == GIVEN_UP
    return CaseSummary(
        id=case.id,
        number=case.number,
        role=case.role,
        state=case.state,
        state_text=_state_text(texts, case, given_up=given_up),
        holder=holder_of(node, actor, case),
        counterpart=parties.party(case.other_role, case.counterpart, case.their_authority, case.their_name),
        own_authority=case.own_authority,
        area=texts.area_title(case.area),
        question_set=texts.set_title(case.area, case.question_set),
        due=due_of(node, case),
        legal=deadlines.by_law(node, case, row["received_at"], texts.lang),
        marks=marks_of(case, unstamp(row["created_at"]), unstamp(row["updated_at"]), node.clock.now()),
        updated_at=unstamp(row["updated_at"]),
        on_its_way=row["on_its_way"] > 0,
        unread=bool(row["unread"]),
        given_up=given_up,
        handler=row["handled_by"],
        readable=actor.may("cases.read", case.own_authority, case.area) or decides(node, actor, case),
        confidential=case.confidential,
    )


def holder_of(node: Node, actor: Actor, case: Case) -> Holder:
    """Say who moves the case next, as a reader sees it: what is with the coordinator is the turn of others."""
    if case.owner == case.role and case.coordinator and not decides(node, actor, case):
        return "us" if is_orphaned(node, case) else "them"
    return "nobody" if case.owner is None else "us" if case.owner == case.role else "them"


def due_of(node: Node, case: Case) -> Due | None:
    """Return until when the answer is due, while one is awaited."""
    if not case.date_awaited:
        return None
    holder: Holder = "nobody" if case.date_owner is None else "us" if case.date_owner == case.role else "them"
    left = (case.due - node.today()).days
    return Due(date=case.due, state=case.date_state, days_left=left, holder=holder)


class _Parties:
    """Names the sides of cases in a reader's language; of each authority its record is read once."""

    def __init__(self, node: Node, texts: CaseTexts) -> None:
        self.texts = texts
        self._node = node
        self._titles: dict[str, Text | None] = {}

    def party(self, side: Side, country: str, authority: str, name: str) -> Party:
        if authority not in self._titles:
            self._titles[authority] = self._title(authority)
        named, title = self.texts.country(country), self._titles[authority]
        return Party(side=side, country=country, country_name=named, authority=authority, name=name, title=title)

    def _title(self, authority: str) -> Text | None:
        record = self._node.store.read_now(lambda q: authorities.record_of(q, authority))
        titles: dict[str, str] = json.loads(record).get("titles", {}) if record else {}
        lang = next((code for code in (self.texts.lang, "en", *sorted(titles)) if code in titles), None)
        return Text(text=titles[lang], lang=lang) if lang else None


async def read_case(node: Node, actor: Actor, case_id: str, lang: str) -> CaseView:
    """Return a case as its reader sees it; the first opening is told to the other side."""
    await note_opened(node, actor, own_case(node, actor, case_id))
    try:
        return view_case(node, actor, case_id, lang)
    except NodeError as error:
        await damage.note(node, case_id, error)
        raise


def view_case(node: Node, actor: Actor, case_id: str, lang: str, *, as_form: bool = False) -> CaseView:
    """Build the view of a case without noting that it was opened; `as_form` shows every follow-up."""
    return view_of(node, actor, own_case(node, actor, case_id), lang, as_form=as_form)


def view_of(node: Node, actor: Actor, case: Case, lang: str, *, as_form: bool = False) -> CaseView:
    """Build the view of a case that the caller has the right to show."""
    case_id = case.id
    events, texts = contents.of_case(node, case_id), CaseTexts(node, lang)
    sent = next(stored for stored in events if isinstance(stored.matter, SendMatter))
    matter = contents.asked(events)
    story, blocked = texts.story(case, matter, events), blocking.is_blocked(node, case_id)
    parties = _Parties(node, texts)
    return CaseView(
        id=case.id,
        number=case.number,
        role=case.role,
        state=case.state,
        state_text=_state_text(texts, case, given_up=sent.code == GIVEN_UP),
        holder=(holder := holder_of(node, actor, case)),
        holder_text=texts.interface(f"holder.{holder}"),
        asking=parties.party("asking", _asking(node, case), matter.asking.authority, matter.asking.name),
        replying=parties.party("replying", _replying(node, case), *story.replying()),
        area=texts.area_title(case.area),
        area_id=case.area,
        question_set=texts.set_title(case.area, case.question_set),
        question_set_id=case.question_set,
        question_set_here=story.area is not None,
        due=due_of(node, case),
        legal=deadlines.by_law(node, case, node.store.read_now(lambda q: cases.received_at(q, case)) or sent.at, lang),
        variables=story.variables(),
        questions=story.questions(as_form=as_form),
        comment=story.request_comment(),
        reason=story.reason(),
        clarifications=story.clarifications(),
        parts=parts_of(node, texts, actor, case, events),
        part_of=part_of(node, texts, actor, case),
        handler=handler_of(node, case),
        messages=story.messages(),
        attachments=story.attachments(node.store.read_now(lambda q: blobs.of_case(q, case_id))),
        timeline=story.timeline(),
        notices=_notices(node, actor, texts, case, events),
        actions=_actions_for(node, actor, case) if not blocked and counterparts.can_act(node, case) else (),
        waiting_since=_waiting(node, case_id),
        blocked=blocked,
        draft_reply=_draft(node, case_id),
        confidential=case.confidential,
        rating=_rating(case),
        corrections=corrections(story),
    )


def view_with(node: Node, actor: Actor, case_id: str, lang: str, answers: Mapping[str, Reply]) -> CaseView:
    """Build the view of a case with answers that weren't sent yet in the place of those that were."""
    view, events = view_case(node, actor, case_id, lang), contents.of_case(node, case_id)
    story = CaseTexts(node, lang).story(own_case(node, actor, case_id), contents.asked(events), events)
    return view.model_copy(update={"questions": story.questions(answers=answers)})


def _actions_for(node: Node, actor: Actor, case: Case) -> tuple[str, ...]:
    kinds = {action: kind for kind, action in _ACTIONS.items()}
    found = [action for action in actions_of(case) if acting_for(node, actor, case, kinds[action]) is not None]
    if "uphold" in found and wrote(node, actor, case):
        found.remove("uphold")
    return tuple(found)


def _rating(case: Case) -> Rating | None:
    if case.timeliness is None or case.efforts is None:
        return None
    return Rating(timeliness=case.timeliness, efforts=case.efforts)


def _state_text(texts: CaseTexts, case: Case, *, given_up: bool) -> Text:
    """Name the state; a request that our own operator gave up wasn't refused by anybody else."""
    return texts.interface("state.given-up" if given_up else f"state.{case.state}")


def _asking(node: Node, case: Case) -> str:
    return node.country if case.role == "asking" else case.counterpart


def _replying(node: Node, case: Case) -> str:
    return case.counterpart if case.role == "asking" else node.country


def _waiting(node: Node, case_id: str) -> dt.datetime | None:
    since = node.store.read_now(lambda q: streams.waiting_since(q, case_id))
    return unstamp(since) if since else None


def _draft(node: Node, case_id: str) -> dict[str, str] | None:
    row = node.store.read_now(lambda q: drafts.reply_to(q, case_id))
    return {"id": row["id"], "updated_at": row["updated_at"]} if row else None


_ACTIONS = {
    "request.accept": "accept",
    "request.decline": "decline",
    FORWARD: "forward",
    SPLIT: "split",
    REPLY: "reply",
    REPLY_PART: "reply-part",
    "request.clarify": "clarify",
    CLOSE: "close",
    REFER: "refer",
    ESCALATE: "escalate",
    UPHOLD: "uphold",
    RETURN: "return",
    "date.agree": "agree-date",
    "date.propose": "propose-date",
    "wish.withdraw": "withdraw",
    MESSAGE: "message",
    RATING: "rate",
}


def actions_of(case: Case) -> tuple[str, ...]:
    """Return the use cases that this node's side may start now, by their names in the API."""
    moves = case.moves()
    found = [action for kind, action in _ACTIONS.items() if kind in moves]
    if "request.withdraw" in moves and case.withdrawal_wished:
        found.append("withdraw")
    if case.state in ANSWERED:  # nothing is due any more; a date that crossed the reply is left as it is
        return tuple(action for action in found if not action.endswith("-date"))
    if "propose-date" in found and case.state == "clarifying" and case.date_state == "agreed":
        found.remove("propose-date")
    return tuple(found)


def _notices(node: Node, actor: Actor, texts: CaseTexts, case: Case, events: list[Stored]) -> tuple[Text, ...]:
    seen = blocking.seen_until(node, actor, case.id)
    told = () if seen is None else (texts.interface("blocked.seen", when=texts.moment(seen)),)
    advice = _advice(node, case)
    advised = (texts.interface(_ADVICE[advice]),) if advice else ()
    held = node.store.read_now(lambda q: approvals.reply_state(q, case.id)) if case.role == "replying" else None
    held_back = (texts.interface(f"notice.reply-{held}"),) if held else ()
    return (*told, *advised, *held_back, *_each_notice(node, texts, case, events))


def _each_notice(node: Node, texts: CaseTexts, case: Case, events: list[Stored]) -> Iterator[Text]:
    if why := counterparts.stopped(node, case):
        yield texts.interface(f"notice.{why[0]}", country=texts.country(why[1]))
    since = _waiting(node, case.id)
    if since and node.store.read_now(lambda q: streams.stuck(q, case.counterpart)):
        yield texts.interface("notice.waiting", country=texts.country(case.counterpart), when=texts.moment(since))
    if case.withdrawal_wished and case.state in ("sent", "accepted"):
        crossed = "crossed" if case.state == "accepted" else "asked"
        yield texts.interface(f"notice.withdraw-{crossed}.{'us' if case.role == 'asking' else 'them'}")
    if case.state in ("referred", "escalated", "upheld"):
        to = case.asking_coordinator if case.state == "referred" else case.replying_coordinator
        name = node.store.read_now(lambda q: authorities.name_of(q, to)) or to
        yield texts.interface(f"notice.{case.state}", name=name)
    if case.former and not case.ended:
        names = node.store.read_now(lambda q: [authorities.name_of(q, one) or one for one in case.former])
        yield texts.interface("notice.passed-on", names=", ".join(names))
    if case.owner == "replying" and case.state != "clarifying" and any(_is_part(stored) for stored in events):
        yield texts.interface("notice.partial")
    if not texts.held(case):
        yield texts.interface("notice.set-fetched")
    if case.date_state == "proposed" and case.role == "asking" and not case.ended:
        yield texts.interface("notice.date-proposed", date=texts.day(case.due))
    acts = [stored for stored in events if not stored.kind.startswith(("notice.", "note.", "erasure.", "correction."))]
    if acts[-1].code is not None:
        yield texts.refusal(acts[-1].code)


def _is_part(stored: Stored) -> bool:
    return stored.kind == REPLY_PART and stored.status != "refused"


_ADVICE: dict[Advice, str] = {
    "accept": "notice.unaccepted",
    "close": "notice.idle.close",
    "reply": "notice.idle.reply",
    "wait": "notice.idle.wait",
}


def _advice(node: Node, case: Case) -> Advice | None:
    row = node.store.read_now(lambda q: cases.row_of(q, case.id))
    if row is None:
        return None
    return advice_on(case, marks_of(case, unstamp(row["created_at"]), unstamp(row["updated_at"]), node.clock.now()))
