"""What may be asked and answered: pure checks that the sending and the receiving node both run.

Values are what JSON gives and may come from strangers: nothing here raises, whatever they are.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, Literal, NamedTuple

from translations.area import Area
from translations.limits import ANSWER_TEXT_CHARACTERS, COMMENT_CHARACTERS, ID_CHARACTERS, PROBLEMS
from translations.question_set import Item, QuestionSet, Variable, is_about_person
from translations.table import CellProblem, table_problems
from translations.variable import LENGTHS, SHAPES, field_problem

_ANSWER_KEYS: Final = {
    "choice": frozenset({"code"}),
    "text": frozenset({"text", "lang"}),
    "date": frozenset({"date"}),
    "country": frozenset({"country"}),
    "table": frozenset({"rows"}),
}
ABSENCES: Final = ("not-known", "not-available")
"""Why there is no answer; in place of an answer of any type (SPEC S-263)."""
_ABSENT: Final = frozenset({"absent"})


class Problem(NamedTuple):
    """Why a request or reply isn't right: a stable code, the question or variable (`of` which), a sentence for the log.

    In a table, `item` goes on with the row, counted from 0, and the column: `workers.rows.0.birth_date`.
    """

    code: str
    item: str
    message: str
    of: Literal["questions", "variables"] = "questions"


class VisibleItem(NamedTuple):
    """An item to show: `depth` 0 is a question, 1 and more a follow-up; `group` is what it stands under."""

    item: Item
    depth: int
    group: Item | None


def check_request(area: Area, set_id: object, questions: object, variables: object) -> list[Problem]:
    """Return what is wrong with a request: its set, the ids of the questions picked, its variables by id."""
    question_set = _set(area, set_id)
    if question_set is None:
        return [_problem("unknown-question-set", set_id, "is not in the area")]
    problems = list(islice(_questions(question_set, questions), PROBLEMS))
    asked = [each for each in questions if isinstance(each, str)] if isinstance(questions, list | tuple) else []
    if not isinstance(variables, Mapping):
        found = iter([_problem("wrong-variable-type", set_id, "has variables that are no mapping")])
    else:
        found = _variables(area, needed_variables(question_set, asked), variables)
    return [*problems, *(each._replace(of="variables") for each in islice(found, PROBLEMS))]


def check_answers(area: Area, set_id: object, asked: object, answers: object) -> list[Problem]:
    """Return what is wrong with a reply to the questions `asked`: its answers by item id."""
    question_set = _set(area, set_id)
    if question_set is None:
        return [_problem("unknown-question-set", set_id, "is not in the area")]
    problems = list(islice(_questions(question_set, asked), PROBLEMS))
    if problems:
        return problems
    assert isinstance(asked, list | tuple)
    if not isinstance(answers, Mapping):
        return [_problem("wrong-answer-type", set_id, "has answers that are no mapping")]
    return list(islice(_answers(area, question_set, asked, answers), PROBLEMS))


def visible_items(
    question_set: QuestionSet, asked: Sequence[str], answers: Mapping[str, object] | None
) -> list[VisibleItem]:
    """Return the questions asked, in the set's order, each with the follow-ups that the answers enable.

    With `answers` None all follow-ups are there, as on an empty form.
    """
    wanted = frozenset(asked)
    shown: list[VisibleItem] = []
    enabled: set[str] = set()

    def add(item: Item, depth: int, group: Item | None) -> None:
        when = item.enable_when
        closed = when and (when.item not in enabled or _code((answers or {}).get(when.item)) not in when.any)
        if closed and answers is not None:
            return
        enabled.add(item.id)
        shown.append(VisibleItem(item, depth, group))
        for child in item.items:
            add(child, depth + 1, group)

    for question in question_set.questions.values():
        if question.id in wanted:
            add(question, 0, question_set.group_of.get(question.id))
    return shown


def begun_questions(question_set: QuestionSet, asked: Sequence[str], answers: Iterable[object]) -> list[str]:
    """Return those of the questions asked to which some answers (ids of items) belong; all of them where none does."""
    wanted = {question_set.question_of.get(item) for item in answers if isinstance(item, str)}
    return [question for question in asked if question in wanted] or list(asked)


def needed_variables(question_set: QuestionSet, asked: Sequence[str]) -> tuple[str, ...]:
    """Return the ids of the variables that the questions asked and their follow-ups name, first named first."""
    known = question_set.variables_of
    wanted = frozenset(asked)
    return tuple(dict.fromkeys(name for question in known if question in wanted for name in known[question]))


def personal_items(question_set: QuestionSet) -> frozenset[str]:
    """Return the items whose answers belong to the part with the person's identity."""
    return frozenset(item.id for item in question_set.by_id.values() if is_about_person(item))


def _set(area: Area, set_id: object) -> QuestionSet | None:
    return area.question_sets.get(set_id) if isinstance(set_id, str) else None


def _problem(code: str, item: object, what: str) -> Problem:
    """Return a problem that repeats no more of a stranger's id than an id can be long."""
    name = ascii(item[:ID_CHARACTERS])[1:-1] if isinstance(item, str) else type(item).__name__
    return Problem(code, name[:ID_CHARACTERS], f"{name[:ID_CHARACTERS]} {what}")


def _questions(question_set: QuestionSet, questions: object) -> Iterator[Problem]:
    if not isinstance(questions, list | tuple) or not questions:
        yield _problem("unknown-question", question_set.id, "needs a list of one question or more")
        return
    seen: set[str] = set()
    for question in questions:
        if not isinstance(question, str) or question not in question_set.questions:
            yield _problem("unknown-question", question, "is no question of the set")
        elif question in seen:
            yield _problem("duplicate-question", question, "is asked twice")
        else:
            seen.add(question)


def _variables(area: Area, needed: Sequence[str], given: Mapping[object, object]) -> Iterator[Problem]:
    for name in needed:
        if name not in given:
            yield _problem("missing-variable", name, "is needed by the questions asked")
        else:
            yield from _variable(area, area.variables[name], given[name])
    for other in given:
        if other not in needed:
            yield _problem("unknown-variable", other, "is needed by none of the questions asked")


def _variable(area: Area, variable: Variable, value: object) -> Iterator[Problem]:
    must, may = SHAPES[variable.type]
    if not isinstance(value, Mapping) or not must <= value.keys() <= must | may:
        yield _problem("wrong-variable-type", variable.id, f"is no {variable.type}")
        return
    if variable.type == "table":
        yield from _cells(variable.id, "wrong-variable-type", table_problems(variable, area.lists, value["rows"]))
        return
    for key in sorted(must | may & value.keys()):
        problem = field_problem(key, value[key], LENGTHS.get(key, ID_CHARACTERS))
        if problem:
            code = "too-long" if problem == "too-long" else "wrong-variable-type"
            yield _problem(code, variable.id, f"has a {key} that is {problem}")
    if variable.list and not _in_list(area, variable.list, value.get("code")):
        yield _problem("unknown-answer", variable.id, f"has a code that is not in list {variable.list}")


def _answers(
    area: Area, question_set: QuestionSet, asked: Sequence[str], answers: Mapping[object, object]
) -> Iterator[Problem]:
    shown = {each.item.id: each.item for each in visible_items(question_set, asked, _by_id(answers))}
    for item_id, answer in answers.items():
        if not isinstance(item_id, str) or item_id not in question_set.question_of:
            yield _problem("unknown-question", item_id, "is no question of the set")
        elif item_id not in shown:
            reason = "isn't enabled by" if question_set.question_of[item_id] in asked else "was not asked with"
            yield _problem("not-enabled", item_id, f"{reason} the other answers")
        else:
            yield from _answer(area, shown[item_id], answer)
    for item in shown.values():
        if item.required and item.id not in answers:
            yield _problem("missing-answer", item.id, "must be answered")


def _answer(area: Area, item: Item, answer: object) -> Iterator[Problem]:
    keys = _ANSWER_KEYS[item.type]
    if isinstance(answer, Mapping) and "absent" in answer:
        keys = _ABSENT
    if not isinstance(answer, Mapping) or not keys <= answer.keys() <= keys | {"comment"}:
        yield _problem("wrong-answer-type", item.id, f"is no answer of type {item.type}")
        return
    if keys is _ABSENT and answer["absent"] not in ABSENCES:
        yield _problem("wrong-answer-type", item.id, "has no answer for a reason that isn't known")
    elif item.type == "table" and keys is not _ABSENT:
        yield from _cells(item.id, "wrong-answer-type", table_problems(item, area.lists, answer["rows"]))
    elif keys is not _ABSENT:
        yield from _fields(item, {key: answer[key] for key in keys}, ANSWER_TEXT_CHARACTERS)
    if item.list and isinstance(answer.get("code"), str) and not _in_list(area, item.list, answer["code"]):
        yield _problem("unknown-answer", item.id, f"has a code that is not in list {item.list}")
    if "comment" in answer:
        comment = answer["comment"]
        if isinstance(comment, Mapping) and comment.keys() == {"text", "lang"}:
            yield from _fields(item, comment, COMMENT_CHARACTERS)
        else:
            yield _problem("wrong-answer-type", item.id, "has a comment that is no text with its language")


def _cells(name: str, wrong: str, found: Iterable[CellProblem]) -> Iterator[Problem]:
    """Yield what is wrong with a table under its name; `wrong` is the code of what is no table at all."""
    for each in found:
        where = ".".join((name, *each.where))
        yield Problem(each.code or wrong, where, f"{where} {each.what}")


def _fields(item: Item, fields: Mapping[str, object], text_limit: int) -> Iterator[Problem]:
    for key in sorted(fields):
        problem = field_problem(key, fields[key], text_limit if key == "text" else ID_CHARACTERS)
        if problem:
            code = "too-long" if problem == "too-long" else "wrong-answer-type"
            yield _problem(code, item.id, f"has a {key} that is {problem}")


def _by_id(answers: Mapping[object, object]) -> dict[str, object]:
    return {key: value for key, value in answers.items() if isinstance(key, str)}


def _code(answer: object) -> object:
    code = answer.get("code") if isinstance(answer, Mapping) else None
    return code if isinstance(code, str) else None


def _in_list(area: Area, list_id: str, code: object) -> bool:
    return isinstance(code, str) and area.lists[list_id].get(code) is not None
