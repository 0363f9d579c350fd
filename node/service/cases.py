"""What the two sides do with a case: accept, decline, agree on a date, reply, clarify, close, withdraw."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from node.domain.access import Actor, granted
from node.domain.case import Case
from node.domain.draft import ReplyDraft
from node.errors import NodeError, from_protocol
from node.service import blocking, contents
from node.service.approval_rule import Step, approves, place_of, require_approved
from node.service.deciding import deciding_for, is_orphaned
from node.service.issue import issue, issue_steps
from node.service.judge import area_of, judge_content, plain
from node.service.node import Node
from node.store import cases
from protocol.content import (
    MATTER,
    PERSON,
    ActMatter,
    Content,
    DateMatter,
    DeclineMatter,
    Reply,
    ReplyMatter,
    ReplyPerson,
    Said,
    SendMatter,
    WordPerson,
    WrittenMatter,
)
from protocol.content import Actor as ActorName
from protocol.problems import ProtocolError
from protocol.request import CLOSE, DECISIONS, REPLY, REPLY_PART, RETURN
from translations.answer import begun_questions, check_answers, personal_items, visible_items
from translations.area import Area

log: Final = structlog.get_logger("entente.cases")


def own_case(node: Node, actor: Actor, case_id: str) -> Case:
    """Return a case that the actor may read; another authority's or area's is `not-found`, existing or not."""
    return case_for(node, actor, case_id, "cases.read")


def case_for(node: Node, actor: Actor, case_id: str, what: str) -> Case:
    """Return a case in which a role of the actor allows `what`; raises as `Actor.require` does.

    Of a case whose data are blocked it raises `case-blocked`, but for reading by whoever has given a reason, and
    `case-erased` once they are deleted.
    """
    actor.require(what)
    row = node.store.read_now(lambda q: cases.row_of(q, case_id))
    if row is None:
        raise NodeError("not-found")
    case = cases.from_row(row)
    if not (what == "cases.read" and (decides(node, actor, case) or approves(node, actor, case))):
        actor.require(what, case.own_authority, case.area)
    if row["blocked_at"] is not None:
        blocking.require_sight(node, actor, row, what)
    return case


def decides(node: Node, actor: Actor, case: Case) -> bool:
    """Say whether an open referral of a case is with a coordinator for whom the actor decides."""
    return bool(deciding_for(node, actor, case))


def acting_for(node: Node, actor: Actor, case: Case, kind: str) -> str | None:
    """Return the authority for which the actor may issue a kind of event: the case's own one, or its coordinator.

    Where a reply was referred, its asking authority can still accept it; all else is the coordinator's. Where no
    coordinator is left, the replying authority can still add to its reply (SPEC S-287).
    """
    own = case.own_authority if actor.may("cases.act", case.own_authority, case.area) else None
    if kind not in DECISIONS and kind != CLOSE:
        return own
    coordinator = deciding_for(node, actor, case) or None
    if kind == CLOSE or (kind == RETURN and is_orphaned(node, case)):
        return coordinator or own
    return coordinator


@dataclass(frozen=True)
class _Act:
    node: Node
    actor: Actor
    case: Case
    kind: str = ""

    def matter(self) -> ActMatter:
        return ActMatter(actor=self.who())

    def who(self) -> ActorName:
        authority = acting_for(self.node, self.actor, self.case, self.kind) or self.case.own_authority
        return ActorName(authority=authority, name=self.actor.name)

    def parts(self, matter: Content, word: Said | None = None) -> dict[str, Content]:
        return {MATTER: matter} if word is None else {MATTER: matter, PERSON: WordPerson(comment=word)}

    async def issue(self, kind: str, matter: Content, word: Said | None = None) -> Case:
        return await issue(self.node, self.actor, self.case, kind, self.parts(matter, word))


def case_to_act(node: Node, actor: Actor, case_id: str, kind: str) -> Case:
    """Return a case in which the actor may issue an event of a kind now; raises `wrong-state` or `not-owner`."""
    case = own_case(node, actor, case_id)
    if blocking.is_blocked(node, case_id):  # a reason lets its author read, and no more
        raise NodeError("case-blocked")
    if acting_for(node, actor, case, kind) is None:
        raise NodeError("forbidden", "Another role, or another authority, does this.")
    if kind not in case.moves():
        code = "not-owner" if case.owner not in (None, case.role) else "wrong-state"
        raise NodeError(code, f"{kind} isn't possible: the case is {case.state}, the date {case.date_state}.")
    return case


def _act(node: Node, actor: Actor, case_id: str, kind: str) -> _Act:
    return _Act(node, actor, case_to_act(node, actor, case_id, kind), kind)


async def accept(
    node: Node, actor: Actor, case_id: str, comment: Said | None = None, date: dt.date | None = None
) -> Case:
    """Accept a request: the replying authority binds itself to answer.

    With `date` it says in the same step until when: the date on the table is agreed to, another one proposed.
    """
    act = _act(node, actor, case_id, "request.accept")
    steps = [("request.accept", act.parts(act.matter(), comment))]
    if date is not None and (date, "agreed") != (act.case.due, act.case.date_state):
        kind = "date.agree" if date == act.case.due else "date.propose"
        _act(node, actor, case_id, kind)
        _not_past(node, date)
        steps.insert(0, (kind, act.parts(DateMatter(actor=act.who(), date=date))))
    return await issue_steps(node, actor, act.case, steps)


async def decline(node: Node, actor: Actor, case_id: str, reason: str, comment: Said | None = None) -> Case:
    """Decline a request with a reason of the area's list."""
    act = _act(node, actor, case_id, "request.decline")
    area = node.areas.get(act.case.area)
    known = area.lists.get("decline-reasons") if area else None
    if known is not None and known.get(reason) is None:
        raise NodeError("invalid", "Not a reason of the list.", fields={"reason": "not-in-list"})
    return await act.issue("request.decline", DeclineMatter(actor=act.who(), reason=reason), comment)


async def propose_date(node: Node, actor: Actor, case_id: str, date: dt.date, comment: Said | None = None) -> Case:
    """Propose another date for the reply."""
    act = _act(node, actor, case_id, "date.propose")
    _not_past(node, date)
    return await act.issue("date.propose", DateMatter(actor=act.who(), date=date), comment)


def _not_past(node: Node, date: dt.date) -> None:
    if date < node.today():
        raise NodeError("invalid", "The date is in the past.", fields={"date": "in-the-past"})


async def agree_date(node: Node, actor: Actor, case_id: str) -> Case:
    """Agree to the date that is on the table."""
    act = _act(node, actor, case_id, "date.agree")
    return await act.issue("date.agree", DateMatter(actor=act.who(), date=act.case.due))


async def clarify(node: Node, actor: Actor, case_id: str, question: Said, *, confidential: bool = False) -> Case:
    """Ask for a clarification of the reply."""
    act = _act(node, actor, case_id, "request.clarify")
    matter = WrittenMatter(actor=act.who(), confidential=confidential or None)
    return await act.issue("request.clarify", matter, question)


async def close(node: Node, actor: Actor, case_id: str) -> Case:
    """Accept the reply and close the case; the retention periods start. A coordinator may do it for one referred."""
    act = _act(node, actor, case_id, CLOSE)
    return await act.issue(CLOSE, act.matter())


async def withdraw(node: Node, actor: Actor, case_id: str, reason: Said | None = None) -> Case:
    """On the asking side wish to withdraw, on the replying side grant that wish."""
    case = case_for(node, actor, case_id, "cases.act")
    if case.role == "replying" and not case.withdrawal_wished:
        raise NodeError("wrong-state", "The asking authority hasn't asked to withdraw.")
    kind = "wish.withdraw" if case.role == "asking" else "request.withdraw"
    act = _act(node, actor, case_id, kind)
    return await act.issue(kind, act.matter(), reason)


async def reply(
    node: Node, actor: Actor, case_id: str, content: ReplyDraft, draft: tuple[str, int] | None = None
) -> Case:
    """Send the answers, or the clarification that was asked; raises `invalid` naming every answer at fault.

    `draft` is the (id, version) that the content was read from; the draft goes with the same commit. Raises
    `approval-needed` where a coordinator has to approve it first.
    """
    return await _reply(_act(node, actor, case_id, REPLY), REPLY, content, draft)


async def reply_part(
    node: Node, actor: Actor, case_id: str, content: ReplyDraft, draft: tuple[str, int] | None = None
) -> Case:
    """Send the answers to some questions ahead of the whole reply; the case stays here. Raises like `reply`."""
    return await _reply(_act(node, actor, case_id, REPLY_PART), REPLY_PART, content, draft)


async def _reply(act: _Act, kind: Step, content: ReplyDraft, draft: tuple[str, int] | None) -> Case:
    parts = _checked(act, kind, content)
    # SPEC S-286
    require_approved(act.node, place_of(act.case), draft, kind)
    return await issue(act.node, act.actor, act.case, kind, parts, draft)


def check_reply(node: Node, actor: Actor, case_id: str, kind: Step, content: ReplyDraft) -> Case:
    """Check that a reply could be sent, but for its approval; returns its case, and raises as `reply` does."""
    act = _act(node, actor, case_id, kind)
    _checked(act, kind, content)
    return act.case


def _asked(node: Node, case_id: str) -> tuple[Area, SendMatter]:
    """Return what a case asks, and its area; raises `unknown-area`."""
    asked = contents.asked(contents.of_case(node, case_id))
    area = area_of(node.areas, asked)
    if area is None:
        raise NodeError("unknown-area", "The question set is still being fetched.")
    return area, asked


def only_counting(node: Node, case_id: str, content: ReplyDraft) -> ReplyDraft:
    """Return a reply without answers to follow-ups whose condition isn't met."""
    area, asked = _asked(node, case_id)
    questions = [question.item for question in asked.questions]
    shown = visible_items(area.question_sets[asked.set], questions, plain(dict(content.answers)))
    there = {entry.item.id for entry in shown}
    return content.model_copy(update={"answers": {k: v for k, v in content.answers.items() if k in there}})


def _checked(act: _Act, kind: str, content: ReplyDraft) -> dict[str, Content]:
    node = act.node
    area, asked = _asked(node, act.case.id)
    if not content.answers and (act.case.state == "accepted" or content.comment is None):
        raise NodeError("invalid", "The reply is empty.", fields={"answers": "missing"})
    parts = reply_parts(act.who(), area, asked.set, content)
    faults = _faults(area, asked, content.answers, partly=kind == REPLY_PART)
    if faults:
        raise NodeError("invalid", "The reply isn't complete.", fields=faults)
    try:
        judge_content(node.areas, kind, parts, lambda: asked)
    except ProtocolError as error:
        raise from_protocol(error) from None
    return parts


def _faults(area: Area, asked: SendMatter, answers: Mapping[str, Reply], *, partly: bool) -> dict[str, str]:
    if not answers:
        return {}
    questions = [question.item for question in asked.questions]
    if partly:
        questions = begun_questions(area.question_sets[asked.set], questions, answers)
    found = check_answers(area, asked.set, questions, plain(dict(answers)))
    return {f"answers.{problem.item}": problem.code for problem in found}


def reply_parts(who: ActorName, area: Area, set_id: str, content: ReplyDraft) -> dict[str, Content]:
    """Divide a reply into what is about the person and what isn't; free comments count as personal."""
    personal = personal_items(area.question_sets[set_id])
    about = {k: v for k, v in content.answers.items() if k in personal or v.comment is not None}
    rest = {k: v for k, v in content.answers.items() if k not in about}
    parts: dict[str, Content] = {
        MATTER: ReplyMatter(actor=who, answers=rest, confidential=content.confidential or None)
    }
    person = ReplyPerson(answers=about, comment=content.comment, attachments=content.attachments)
    if person != ReplyPerson():
        parts[PERSON] = person
    return parts


def _acts(actor: Actor, case: Case) -> bool:
    return actor.may("cases.act", case.own_authority, case.area)


async def note_opened(node: Node, actor: Actor, case: Case) -> None:
    """Tell the asking side, once, that somebody of the replying authority has opened the request."""
    if not (actor.may("cases.read", case.own_authority, case.area) or decides(node, actor, case)):
        return  # who only approves a reply
    await node.store.write(lambda tx: cases.mark_read(tx, case.id))
    if case.role == "replying" and not case.opened and not case.ended and _acts(actor, case):
        act = _Act(node, actor, case)
        try:
            await act.issue("notice.opened", act.matter())
        except NodeError as error:  # it is a courtesy: somebody else was quicker, or the other country has left
            log.info("opening-not-told", case=case.id, code=error.code)


async def grant_withdrawal(node: Node, case_id: str) -> None:
    """Grant a wish to withdraw before acceptance, automatically (SPEC S-076)."""
    case = node.store.read_now(lambda q: cases.find(q, case_id))
    if case is None or case.role != "replying" or case.state != "sent" or not case.withdrawal_wished:
        return
    who = Actor(node.country, node.country, "en", granted(["handler"], [case.own_authority]))
    matter = ActMatter(actor=ActorName(authority=case.own_authority))
    await issue(node, who, case, "request.withdraw", {MATTER: matter})
