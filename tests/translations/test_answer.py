import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.translations.small_area import CHECKS, VALUES, small_area
from translations.answer import (
    check_answers,
    check_request,
    needed_variables,
    personal_items,
    visible_items,
)
from translations.area import Area
from translations.limits import ANSWER_TEXT_CHARACTERS, PROBLEMS
from translations.question_set import Column

ALL = ["regulated", "known", "obtained-in"]
YES = {"code": "yes"}
TEXT = {"text": "Nem szabályozott.", "lang": "hu"}


@pytest.fixture(scope="module")
def area(tmp_path_factory: pytest.TempPathFactory) -> Area:
    """Give the small area of the tests."""
    return small_area(tmp_path_factory.mktemp("areas"))


def _request(area: Area, questions: Any, variables: Any, set_id: Any = "checks") -> set[tuple[str, str]]:
    return {(each.code, each.item) for each in check_request(area, set_id, questions, variables)}


def _reply(area: Area, asked: Any, answers: Any, set_id: Any = "checks") -> set[tuple[str, str]]:
    return {(each.code, each.item) for each in check_answers(area, set_id, asked, answers)}


def test_good_request(area: Area) -> None:
    """A request with the variables that its questions name, and no others, is right."""
    assert _request(area, ALL, VALUES) == set()
    assert _request(area, ["regulated"], {"profession": {"code": "doctor"}}) == set()


def test_bad_requests(area: Area) -> None:
    """Each way of asking wrongly has its code and names the question or variable."""
    profession = {"profession": {"code": "doctor"}}
    assert _request(area, ALL, VALUES, "nowhere") == {("unknown-question-set", "nowhere")}
    assert _request(area, ["regulated", "spell"], profession) == {("unknown-question", "spell")}
    assert _request(area, ["regulated", "since"], profession) == {("unknown-question", "since")}
    assert _request(area, ["regulated", "regulated"], profession) == {("duplicate-question", "regulated")}
    assert _request(area, ["regulated"], {}) == {("missing-variable", "profession")}
    assert _request(area, [], {}) == {("unknown-question", "checks")}
    assert _request(area, ["regulated"], []) == {("wrong-variable-type", "checks")}


def test_data_minimisation(area: Area) -> None:
    """A variable that no question asked needs, such as the person's name, is refused."""
    assert _request(area, ["regulated"], VALUES) == {
        ("unknown-variable", name) for name in ("person", "title", "country", "document")
    }


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("profession", {"code": "wizard"}, "unknown-answer"),
        ("profession", {"code": ["doctor"]}, "wrong-variable-type"),
        ("profession", "doctor", "wrong-variable-type"),
        ("person", {"given_names": "Anna"}, "wrong-variable-type"),
        ("person", {"given_names": "Anna", "family_name": " "}, "wrong-variable-type"),
        ("person", {"given_names": "Anna", "family_name": "K", "tax_number": "1"}, "wrong-variable-type"),
        ("person", {"given_names": "Anna", "family_name": "K", "birth_date": "1981-02-29"}, "wrong-variable-type"),
        ("person", {"given_names": "A" * 201, "family_name": "K"}, "too-long"),
        ("person", {"given_names": "An\nna", "family_name": "K"}, "wrong-variable-type"),
        ("person", {"given_names": "Anna \u202egnp.exe", "family_name": "K"}, "wrong-variable-type"),
        ("title", {"text": "\ud800", "lang": "hu"}, "wrong-variable-type"),
        ("title", {"text": "Dr\x00", "lang": "hu"}, "wrong-variable-type"),
        ("title", {"text": "Dr", "lang": "tlh"}, "wrong-variable-type"),
        ("country", {"country": "EL"}, "wrong-variable-type"),
        ("country", {"country": 30}, "wrong-variable-type"),
        ("document", {"name": "x" * 10_000_000}, "too-long"),
    ],
)
def test_wrong_variables(area: Area, name: str, value: Any, code: str) -> None:
    """A value of the wrong shape, length or list is refused, and the problem names the variable alone."""
    found = check_request(area, "checks", ALL, VALUES | {name: value})
    assert {(each.code, each.item) for each in found} >= {(code, name)}
    assert all(each.item == name and len(each.message) < 200 for each in found)


def test_good_reply(area: Area) -> None:
    """A reply with the follow-up that its answer enables, comments and optional answers left out, is right."""
    answers = {"regulated": YES | {"comment": TEXT}, "since": {"date": "1999-12-31"}, "known": {"code": "no"}}
    assert _reply(area, ALL, answers) == set()
    assert _reply(area, ALL, answers | {"obtained-in": {"country": "HU"}}) == set()
    assert _reply(area, ["regulated"], {"regulated": {"code": "no"}, "why-not": TEXT}) == set()


def test_bad_replies(area: Area) -> None:
    """Each way of answering wrongly has its code and names the item."""
    assert _reply(area, ["regulated"], {}) == {("missing-answer", "regulated")}
    assert _reply(area, ["regulated"], {"regulated": YES}) == {("missing-answer", "since")}
    no = {"regulated": {"code": "no"}}
    assert _reply(area, ["regulated"], no | {"since": {"date": "2001-01-01"}}) == {("not-enabled", "since")}
    assert _reply(area, ["regulated"], no | {"known": YES}) == {("not-enabled", "known")}
    assert _reply(area, ["regulated"], no | {"status": YES}) == {("unknown-question", "status")}
    assert _reply(area, ["regulated"], no | {"spell": YES}) == {("unknown-question", "spell")}
    assert _reply(area, ["spell"], no) == {("unknown-question", "spell")}
    assert _reply(area, ALL, no, "nowhere") == {("unknown-question-set", "nowhere")}
    assert _reply(area, ALL, [no]) == {("wrong-answer-type", "checks")}


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"code": "perhaps"}, "unknown-answer"),
        ({"code": True}, "wrong-answer-type"),
        ({"code": ""}, "wrong-answer-type"),
        ({"text": "yes", "lang": "en"}, "wrong-answer-type"),
        ({"code": "yes", "text": "yes", "lang": "en"}, "wrong-answer-type"),
        ({"code": "yes", "text": "yes"}, "wrong-answer-type"),
        (None, "wrong-answer-type"),
        ({"code": "yes", "comment": "free"}, "wrong-answer-type"),
        ({"code": "yes", "comment": {"text": "free", "lang": "xx"}}, "wrong-answer-type"),
        ({"code": "yes", "comment": {"text": "x" * 4_001, "lang": "en"}}, "too-long"),
    ],
)
def test_wrong_answers(area: Area, answer: Any, code: str) -> None:
    """An answer of another type than its question, or with more in it, is refused."""
    assert (code, "known") in _reply(area, ["known"], {"known": answer})


@pytest.mark.parametrize("day", ["20200101", "2020-W01-1", "2020-1-1", "٢٠٢٠-٠١-٠١", "2020-01-01\n", "2021-02-29", 0])
def test_wrong_dates(area: Area, day: Any) -> None:
    """A date is a real day in the one form that both ends write."""
    answers = {"regulated": YES, "since": {"date": day}}
    assert _reply(area, ["regulated"], answers) == {("wrong-answer-type", "since")}


def test_hidden_answers_enable_nothing(tmp_path: Path) -> None:
    """A follow-up that waits for an item that doesn't show doesn't show either, whatever was answered there."""
    chain = CHECKS.replace("type: date", "type: choice\n            list: yes-no", 1).replace(
        '{item: regulated, any: ["no"]}', '{item: since, any: ["no"]}'
    )
    area = small_area(tmp_path, questions__checks=chain)
    answers = {"regulated": {"code": "no"}, "since": {"code": "no"}, "why-not": TEXT}
    assert _reply(area, ["regulated"], answers) == {("not-enabled", "since"), ("not-enabled", "why-not")}
    assert _reply(area, ["regulated"], answers | {"regulated": YES}) == set()


def test_ten_megabytes_of_text(area: Area) -> None:
    """A text far beyond the limit is refused by its length, without being walked through."""
    answers = {"regulated": {"code": "no"}, "why-not": {"text": "x" * 10_000_000, "lang": "en"}}
    started = time.perf_counter()
    assert _reply(area, ["regulated"], answers) == {("too-long", "why-not")}
    assert time.perf_counter() - started < 0.5
    fits = {"text": "x" * ANSWER_TEXT_CHARACTERS, "lang": "en"}
    assert _reply(area, ["regulated"], answers | {"why-not": fits}) == set()


def test_problems_are_bounded(area: Area) -> None:
    """A flood of nonsense gives a bounded list of problems, each short and printable."""
    flood = [f"spell-{n}\x1b[31m" + "x" * 1000 for n in range(100_000)]
    found = check_request(area, "checks", flood, {})
    assert len(found) <= PROBLEMS
    assert all(each.item.isprintable() and len(each.message) < 200 for each in found)


def test_visible_items(area: Area) -> None:
    """Questions come in the set's order with their group, follow-ups below the answer that enables them."""
    checks = area.question_sets["checks"]

    def shown(asked: list[str], answers: dict[str, object] | None) -> list[tuple[str, int, str | None]]:
        found = visible_items(checks, asked, answers)
        return [(each.item.id, each.depth, each.group and each.group.id) for each in found]

    assert shown(["obtained-in", "regulated"], {}) == [("regulated", 0, "status"), ("obtained-in", 0, None)]
    assert shown(["regulated"], {"regulated": YES})[1:] == [("since", 1, "status")]
    assert shown(["regulated"], None)[1:] == [("since", 1, "status"), ("why-not", 1, "status")]


def test_variables_and_personal_items(area: Area) -> None:
    """The form asks for the variables of the questions picked, and the identity part takes the personal answers."""
    checks = area.question_sets["checks"]
    assert needed_variables(checks, ["known", "regulated"]) == ("profession", "person", "title", "document")
    assert needed_variables(checks, ["obtained-in"]) == ("country",)
    assert personal_items(checks) == {"known"}


_IDS = st.sampled_from(["regulated", "since", "why-not", "known", "obtained-in", "status", "checks", *VALUES])
_KEYS = st.sampled_from(["code", "text", "lang", "date", "country", "comment", "name", "given_names", "family_name"])
_LEAVES = (
    st.none() | st.booleans() | st.floats() | st.integers() | st.text() | _IDS | st.sampled_from(["yes", "no", "hu"])
)
_JSON = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | _IDS | _KEYS, inner, max_size=4),
    max_leaves=20,
)
_BY_ID = st.dictionaries(_IDS, st.dictionaries(_KEYS, _JSON, max_size=3) | _JSON, max_size=6)


@given(set_id=st.just("checks") | _JSON, asked=st.lists(_IDS, unique=True) | _JSON, values=_BY_ID | _JSON)
def test_nothing_raises(area: Area, set_id: Any, asked: Any, values: Any) -> None:
    """Whatever JSON a stranger sends, both checks give an answer that can be written down."""
    for check in (check_request, check_answers):
        problems = check(area, set_id, asked, values)
        json.dumps([list(each) for each in problems]).encode()
        assert all(each.message.isascii() for each in problems)


@given(answers=_BY_ID)
def test_both_ends_agree_on_what_shows(area: Area, answers: dict[str, Any]) -> None:
    """An answer is refused as not enabled exactly when no form shows its item."""
    asked = ["regulated", "known"]
    shown = {each.item.id for each in visible_items(area.question_sets["checks"], asked, answers)}
    refused = {item for code, item in _reply(area, asked, answers) if code == "not-enabled"}
    known = {item for question in ("regulated", "known", "obtained-in") for item in (question,)} | {"since", "why-not"}
    assert refused == (answers.keys() & known) - shown


def test_shipped_sets_can_be_asked_and_answered() -> None:
    """Each shipped question can be asked with the variables it needs, and answered with some code of its list."""
    from tests.translations.test_area import SHIPPED
    from translations.area import load_areas

    for area in load_areas(SHIPPED).values():
        for question_set in area.question_sets.values():
            asked = list(question_set.questions)
            names = needed_variables(question_set, asked)
            assert check_request(area, question_set.id, asked, {name: _value(area, name) for name in names}) == []
            answers: dict[str, Any] = {}
            while missing := check_answers(area, question_set.id, asked, answers):
                assert {each.code for each in missing} == {"missing-answer"}
                answers |= {each.item: _answer(area, each.item) for each in missing}


def _row(area: Area, columns: tuple[Column, ...]) -> dict[str, Any]:
    cells: dict[str, Any] = {
        "name": {"name": "Kovács"},
        "text": {"text": "Igen.", "lang": "hu"},
        "date": {"date": "2020-02-29"},
        "country": {"country": "GR"},
    }
    return {one.id: {"code": area.lists[one.list].codes[0].code} if one.list else cells[one.type] for one in columns}


def _value(area: Area, name: str) -> dict[str, Any]:
    variable = area.variables[name]
    if variable.type == "code":
        return {"code": area.lists[variable.list or ""].codes[0].code}
    return {
        "person": {"given_names": "Anna", "family_name": "Kovács"},
        "text": {"text": "okleveles orvosdoktor", "lang": "hu"},
        "country": {"country": "HU"},
        "document": {"name": "diploma.pdf"},
        "table": {"rows": [_row(area, variable.columns)]},
    }[variable.type]


def _answer(area: Area, item_id: str) -> dict[str, Any]:
    item = area.item(item_id)
    if item.type == "choice":
        return {"code": area.lists[item.list or ""].codes[0].code}
    return {
        "text": {"text": "Igen.", "lang": "hu"},
        "date": {"date": "2020-02-29"},
        "country": {"country": "GR"},
        "table": {"rows": [_row(area, item.columns)]},
    }[item.type]
