"""Whether content fits the question set it names; run by the sender before and by the receiver after."""

from collections.abc import Callable, Iterable
from typing import Any

from protocol.content import (
    MATTER,
    PERSON,
    SEND_KIND,
    Content,
    ReplyMatter,
    ReplyPerson,
    SendMatter,
    SendPerson,
    SplitMatter,
)
from protocol.problems import ProtocolError
from protocol.request import REPLY, REPLY_PART, SPLIT
from protocol.split import check as check_split
from translations.answer import Problem, begun_questions, check_answers, check_request, personal_items
from translations.area import Area, Areas
from translations.question_set import is_about_person

_CODES = {
    "unknown-question-set": "unknown-question",
    "unknown-question": "unknown-question",
    "duplicate-question": "unknown-question",
    "unknown-variable": "unknown-question",
    "unknown-answer": "wrong-answer-type",
    "wrong-answer-type": "wrong-answer-type",
    "wrong-variable-type": "wrong-answer-type",
    "too-long": "wrong-answer-type",
    "not-enabled": "wrong-answer-type",
    "wrong-cell": "wrong-answer-type",
    "unknown-column": "wrong-answer-type",
    "too-many-rows": "wrong-answer-type",
    "missing-cell": "content-incomplete",
    "missing-variable": "content-incomplete",
    "missing-answer": "content-incomplete",
}
"""Problems of the question set → final codes of the protocol."""
_ORDER = ("unknown-question", "wrong-answer-type", "content-incomplete")
"""Of several the first one is the answer, at every node the same (SPEC S-048)."""


def area_of(areas: Areas, matter: SendMatter) -> Area | None:
    """Return the area whose question set is exactly the one named; None while it is being fetched."""
    return areas.holding(matter.area, matter.set, matter.version, matter.set_sha256)


def judge_content(
    areas: Areas, kind: str, contents: dict[str, Content], asked: Callable[[], SendMatter] | None
) -> None:
    """Raise the final code for content that doesn't fit its set (SPEC S-048, S-163).

    Without the set nothing is judged: it is being fetched (SPEC S-049).
    """
    problems: list[Problem] = []
    if kind == SEND_KIND:
        matter = contents[MATTER]
        assert isinstance(matter, SendMatter)
        area = area_of(areas, matter)
        if area is not None:
            _require_apart(
                name for name in matter.variables if name in area.variables and is_about_person(area.variables[name])
            )
        problems = request_problems(area, matter, contents.get(PERSON)) if area else []
    elif kind in (REPLY, REPLY_PART) and asked is not None:
        problems = _reply(areas, asked(), contents, partly=kind == REPLY_PART)
    elif kind == SPLIT and asked is not None:
        matter = contents[MATTER]
        assert isinstance(matter, SplitMatter)
        check_split(asked(), matter)
    if problems:
        first = min(problems, key=lambda problem: _ORDER.index(_CODES[problem.code]))
        raise ProtocolError(_CODES[first.code], f"{first.item}: {first.code}")


def request_problems(area: Area, matter: SendMatter, person: Content | None) -> list[Problem]:
    """Return what is wrong with a request."""
    variables = plain(matter.variables) | (plain(person.variables) if isinstance(person, SendPerson) else {})
    return check_request(area, matter.set, [asked.item for asked in matter.questions], variables)


def _reply(areas: Areas, asked: SendMatter, contents: dict[str, Content], *, partly: bool) -> list[Problem]:
    matter, person = contents[MATTER], contents.get(PERSON)
    assert isinstance(matter, ReplyMatter)
    if partly and not (matter.answers or (isinstance(person, ReplyPerson) and person.answers)):
        raise ProtocolError("content-malformed", "a part of a reply without any answer")  # SPEC S-262
    area = area_of(areas, asked)
    if area is None:
        return []
    personal = personal_items(area.question_sets[asked.set])
    _require_apart(item for item, answer in matter.answers.items() if item in personal or answer.comment is not None)
    answers = plain(matter.answers) | (plain(person.answers) if isinstance(person, ReplyPerson) else {})
    if not answers:
        return []  # a clarification that changes no answer
    questions = [question.item for question in asked.questions]
    if partly:
        questions = begun_questions(area.question_sets[asked.set], questions, answers)
    return check_answers(area, asked.set, questions, answers)


def _require_apart(misplaced: Iterable[str]) -> None:
    """Refuse what is about the person in the part that isn't (SPEC S-163)."""
    if any(True for _ in misplaced):
        raise ProtocolError("content-malformed", "what is about the person stands in the part matter")


def plain(values: dict[str, Any]) -> dict[str, Any]:
    """Return models as the JSON that the checks read."""
    return {key: value.model_dump(mode="json", exclude_none=True) for key, value in values.items()}
