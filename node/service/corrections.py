"""Recording beside the data of a case that they are contested, and what is right instead (Article 19(2)).

A data administrator does it, also where the data are blocked: it says what a person has said, and shows nothing of the
case but which side said what kind of thing when. Nothing that was signed is changed.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Final, Literal, get_args

from node.clock import unstamp
from node.domain.access import Actor
from node.domain.case import Case
from node.domain.case_view import Correction, Side, Text, View
from node.errors import NodeError
from node.service import contents, subject_cases
from node.service.beside import noted
from node.service.case_texts import CaseTexts
from node.service.correction_texts import corrections
from node.service.issue import issue_steps
from node.service.node import Node
from node.store import cases, erasures, events
from node.store import corrections as stored
from protocol.content import MATTER, PERSON, Content, ContestMatter, CorrectMatter, Said, SettleMatter, WordPerson
from protocol.content import Actor as ActorName
from protocol.correction import CONTEST, CORRECT, KINDS, SETTLE, WITHDRAW, holds_data, state_of

Ground = Literal["accuracy", "lawfulness"]
GROUNDS: Final[tuple[Ground, ...]] = get_args(Ground)
MAX_OPEN: Final = 200
"""Cases that the list of open contests names at most, and that are read for it at once."""
MAX_LOOKED: Final = 5000
"""Cases with contests, answered ones too, that are looked through for it."""


class Statement(View):
    """Something that was said in a case and may be contested: no contents, only what kind, when and by which side."""

    event: str
    text: Text
    at: datetime
    side: Side
    ours: bool


class CaseCorrections(View):
    """What a data administrator sees of a case to record something beside it."""

    id: str
    number: str
    area: Text
    state_text: Text
    country_name: str
    authority: str
    side: Side
    ended: bool
    blocked: bool
    statements: tuple[Statement, ...]
    corrections: tuple[Correction, ...]


class OpenContest(View):
    """A case of which something is contested that nobody has answered; `ours`: it is ours to examine."""

    case: str
    number: str
    area: Text
    country_name: str
    ours: bool


def case_of(node: Node, actor: Actor, case_id: str) -> Case:
    """Return a case beside which the actor may record something; raises `case-erased`, and `wrong-state` without one.

    A request that was finally refused is no case at the other side.
    """
    actor.require("cases.correct")
    case = node.store.read_now(lambda q: cases.find(q, case_id))
    if case is None:
        raise NodeError("not-found")
    actor.require("cases.correct", case.own_authority, case.area)
    if node.store.read_now(lambda q: erasures.find(q, case_id)) is not None:
        raise NodeError("case-erased")
    if case.state == "refused":
        raise NodeError("wrong-state", "The other side has refused the request: there is no case.")
    return case


def read(node: Node, actor: Actor, case_id: str, lang: str) -> CaseCorrections:
    """Return what was recorded beside a case, and what else may be contested."""
    case = case_of(node, actor, case_id)
    texts, held = CaseTexts(node, lang), contents.of_case(node, case_id)
    row = node.store.read_now(lambda q: cases.row_of(q, case_id))
    story = texts.story(case, contents.asked(held), held)
    counting = [one for one in held if one.status != "refused" and holds_data(one.kind)]
    return CaseCorrections(
        id=case.id,
        number=case.number,
        area=texts.area_title(case.area),
        state_text=texts.interface(f"state.{case.state}"),
        country_name=texts.country(case.counterpart),
        authority=case.own_authority,
        side=case.role,
        ended=case.ended,
        blocked=row is not None and row["blocked_at"] is not None,
        statements=tuple(
            Statement(
                event=one.event.name,
                text=story.what(one),
                at=unstamp(one.at),
                side=case.side_of(one.event.claims.iss),
                ours=one.event.claims.iss == node.country,
            )
            for one in counting
        ),
        corrections=corrections(story),
    )


async def contest(node: Node, actor: Actor, case_id: str, event: str, ground: str, text: Said | None) -> Case:
    """Record that a person contests something that either side has said; raises `invalid` with the fields."""
    case = case_of(node, actor, case_id)
    faults = {"ground": "not-in-list"} if ground not in GROUNDS else {}
    word = _words(text, faults)
    _require_said(node, case, event, faults)
    matter = ContestMatter(
        actor=_who(actor, case), event=event, ground="accuracy" if ground == "accuracy" else "lawfulness"
    )
    return await _record(node, actor, case, CONTEST, {MATTER: matter, PERSON: word})


async def correct(
    node: Node, actor: Actor, case_id: str, event: str, text: Said | None, contest_id: str | None = None
) -> Case:
    """Record what is right instead of something that this side has said; the other side's data are its own to correct.

    Raises `not-owner` for those, `wrong-state` where the contest was answered.
    """
    case, faults = case_of(node, actor, case_id), dict[str, str]()
    word = _words(text, faults)
    _require_said(node, case, event, faults)
    if contest_id is not None:
        _require_contest(node, case, contest_id)
    matter = CorrectMatter(actor=_who(actor, case), event=event, contest=contest_id)
    return await _record(node, actor, case, CORRECT, {MATTER: matter, PERSON: word})


async def settle(node: Node, actor: Actor, case_id: str, contest_id: str, text: Said | None) -> Case:
    """Record that what this side has said was examined and is right; raises like `correct`."""
    return await _end(node, actor, case_id, (SETTLE, contest_id), text)


async def withdraw(node: Node, actor: Actor, case_id: str, contest_id: str, text: Said | None) -> Case:
    """Record that the person doesn't contest it any more; by the side that recorded the contest."""
    return await _end(node, actor, case_id, (WITHDRAW, contest_id), text)


async def _end(node: Node, actor: Actor, case_id: str, what: tuple[str, str], text: Said | None) -> Case:
    case, (kind, contest_id) = case_of(node, actor, case_id), what
    _require_contest(node, case, contest_id)
    matter = SettleMatter(actor=_who(actor, case), contest=contest_id)
    parts: dict[str, Content] = {MATTER: matter}
    if text is not None:
        parts[PERSON] = WordPerson(comment=text)
    return await _record(node, actor, case, kind, parts)


async def _record(node: Node, actor: Actor, case: Case, kind: str, parts: dict[str, Content]) -> Case:
    """Issue the event, and with the same commit note it in the open files of persons that name the case."""
    noting = partial(subject_cases.note_done, node=node, actor=actor, case_id=case.id, what=kind.split(".")[1])
    return await issue_steps(node, actor, case, [(kind, parts)], also=noting)


def _who(actor: Actor, case: Case) -> ActorName:
    return ActorName(authority=case.own_authority, name=actor.name)


def _words(text: Said | None, faults: dict[str, str]) -> WordPerson:
    if text is None:
        faults["text"] = "missing"
    return WordPerson(comment=text)


def _require_said(node: Node, case: Case, event: str, faults: dict[str, str]) -> None:
    rows = node.store.read_now(lambda q: events.of_case(q, case.id))
    known = (str(row["digest"]) for row in rows if row["status"] != "refused" and holds_data(row["kind"]))
    if event not in known:
        faults["event"] = "not-in-list"
    if faults:
        raise NodeError("invalid", "Not complete.", fields=faults)


def _require_contest(node: Node, case: Case, contest_id: str) -> None:
    row = node.store.read_now(lambda q: events.by_jti(q, contest_id))
    if row is None or (row["case_id"], row["kind"]) != (case.id, CONTEST) or row["status"] == "refused":
        raise NodeError("invalid", "No such contest.", fields={"contest": "not-in-list"})


def open_contests(node: Node, actor: Actor, lang: str) -> tuple[OpenContest, ...]:
    """Return the cases of the actor's authorities in which a contest waits for an answer, ours first."""
    actor.require("cases.correct")
    texts, found = CaseTexts(node, lang), list[OpenContest]()
    for case_id in _contested(node, sorted(actor.places("cases.correct"))):
        if len(found) == MAX_OPEN:
            break
        case = node.store.read_now(lambda q, c=case_id: cases.find(q, c))  # type: ignore[misc]
        owners = _unanswered(node, case_id)
        if case is not None and owners:
            found.append(
                OpenContest(
                    case=case.id,
                    number=case.number,
                    area=texts.area_title(case.area),
                    country_name=texts.country(case.counterpart),
                    ours=node.country in owners,
                )
            )
    return tuple(sorted(found, key=lambda one: (not one.ours, one.number)))


def _contested(node: Node, places: list[str]) -> Iterator[str]:
    """Return the cases with contests, the latest first: as many as one look may cost at most."""
    return islice(_all_contested(node, places), MAX_LOOKED)


def _all_contested(node: Node, places: list[str]) -> Iterator[str]:
    before: int | None = None
    while rows := node.store.read_now(lambda q, b=before: stored.contested(q, places, MAX_OPEN, b)):  # type: ignore[misc]
        yield from (case_id for case_id, _ in rows)
        before = rows[-1][1]


def _unanswered(node: Node, case_id: str) -> set[str]:
    """Return the countries whose turn it is to answer a contest in a case."""
    rows = [row for row in node.store.read_now(lambda q: events.of_case(q, case_id)) if row["status"] != "refused"]
    issuers = {str(row["digest"]): str(row["iss"]) for row in rows}
    try:
        known = noted(node, [row for row in rows if row["kind"] in KINDS])
    except NodeError:  # erased, or damaged: other pages say so
        return set()
    waiting = (one for one in known if one.kind == CONTEST and state_of(one.jti, known) == "contested")
    return {issuers.get(one.event or "", "") for one in waiting}
