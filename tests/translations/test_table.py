import json
from pathlib import Path
from typing import Any

import pytest

from protocol.encoding import canonical_json
from tests.translations.small_area import CHECKS, VARIABLES, write_area
from translations.answer import check_answers, check_request, personal_items
from translations.area import Area, load_area, render_variable
from translations.pack import read_pack, write_pack
from translations.question_set import is_about_person
from translations.yaml_file import AreaError

TABLE = """\
  - id: staff
    type: table
    text: variable.person
    rows: 3
    columns:
      - {id: name, type: name, text: variable.document, required: true, personal: true}
      - {id: since, type: date, text: item.since}
      - {id: from, type: country, text: variable.country}
      - {id: as, type: code, list: professions, text: variable.profession}
      - {id: note, type: text, text: variable.title}
"""
QUESTION = """\
  - id: places
    type: table
    text: item.since
    required: true
    columns:
      - {id: where, type: country, text: variable.country, required: true}
"""
ROW = {
    "name": {"name": "Kovács Anna"},
    "since": {"date": "2001-02-03"},
    "from": {"country": "HU"},
    "as": {"code": "doctor"},
    "note": {"text": "műszak", "lang": "hu"},
}
ANSWERED = {"regulated": {"code": "no"}, "places": {"rows": [{"where": {"country": "GR"}}]}}


def _folder(tmp_path: Path, table: str = TABLE, question: str = QUESTION) -> Path:
    folder = write_area(tmp_path)
    (folder / "variables.yaml").write_text(VARIABLES + table, encoding="utf-8")
    checks = CHECKS.replace("variables: [profession]", "variables: [profession, staff]")
    (folder / "questions" / "checks.yaml").write_text(checks + question, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def area(tmp_path_factory: pytest.TempPathFactory) -> Area:
    """Give an area with a table in a variable and one in a question."""
    return load_area(_folder(tmp_path_factory.mktemp("areas")))


def _request(area: Area, rows: Any) -> set[tuple[str, str]]:
    given = {"profession": {"code": "doctor"}, "staff": {"rows": rows}}
    return {(each.code, each.item) for each in check_request(area, "checks", ["regulated"], given)}


def _reply(area: Area, answers: dict[str, Any]) -> set[tuple[str, str]]:
    return {(each.code, each.item) for each in check_answers(area, "checks", ["regulated", "places"], answers)}


def test_a_table_is_filled_in(area: Area) -> None:
    """Rows with all cells, or with those that must be there, are right in a request and in a reply (SPEC S-292)."""
    assert _request(area, [ROW, {"name": {"name": "Nagy Béla"}}]) == set()
    assert _reply(area, ANSWERED) == set()
    assert _reply(area, {**ANSWERED, "places": {"absent": "not-known"}}) == set()


@pytest.mark.parametrize(
    ("rows", "code", "where"),
    [
        ([], "wrong-variable-type", "staff"),
        ("Anna", "wrong-variable-type", "staff"),
        ([ROW] * 4, "too-many-rows", "staff.rows"),
        ([ROW, {}], "wrong-cell", "staff.rows.1"),
        ([ROW, "Anna"], "wrong-cell", "staff.rows.1"),
        ([ROW, {"since": {"date": "2001-02-03"}}], "missing-cell", "staff.rows.1.name"),
        ([ROW | {"tax": {"name": "1"}}], "unknown-column", "staff.rows.0.tax"),
        ([ROW | {7: {"name": "1"}}], "unknown-column", "staff.rows.0.int"),
        ([ROW | {"\u202e" * 90: {}}], "unknown-column", ("staff.rows.0." + "\\u202e" * 80)[:93]),
        ([ROW | {"since": {"date": "2001-02-30"}}], "wrong-cell", "staff.rows.0.since"),
        ([ROW | {"since": {"name": "2001"}}], "wrong-cell", "staff.rows.0.since"),
        ([ROW | {"from": {"country": "EL"}}], "wrong-cell", "staff.rows.0.from"),
        ([ROW | {"note": {"text": "x"}}], "wrong-cell", "staff.rows.0.note"),
        ([ROW | {"note": {"text": "x" * 201, "lang": "hu"}}], "too-long", "staff.rows.0.note"),
        ([ROW | {"name": {"name": "Anna\u202e"}}], "wrong-cell", "staff.rows.0.name"),
        ([ROW | {"as": {"code": "wizard"}}], "unknown-answer", "staff.rows.0.as"),
        ([ROW | {"as": {"code": ["doctor"]}}], "wrong-cell", "staff.rows.0.as"),
    ],
)
def test_a_wrong_table_is_refused_with_its_row_and_column(area: Area, rows: Any, code: str, where: str) -> None:
    """Each fault has a code of its own and names where it is, and repeats no more of a stranger's words than an id."""
    assert _request(area, rows) == {(code, where)}


def test_a_wrong_answer_is_refused_with_its_row_and_column(area: Area) -> None:
    """A reply is checked like a request; where the table itself is wrong it is no answer of its type."""
    for rows, fault in (
        ([{"where": {"country": "GR"}}, {"where": {"country": "EL"}}], ("wrong-cell", "places.rows.1.where")),
        (None, ("wrong-answer-type", "places")),
        ([{"where": {"country": "GR"}}] * 51, ("too-many-rows", "places.rows")),
    ):
        assert _reply(area, {**ANSWERED, "places": {"rows": rows}}) == {fault}
    assert _reply(area, {**ANSWERED, "places": {"code": "yes"}}) == {("wrong-answer-type", "places")}


def test_one_personal_column_makes_the_table_personal(area: Area, tmp_path: Path) -> None:
    """A table with a column about the person stands whole with the identity, one without doesn't (SPEC S-293)."""
    assert is_about_person(area.variables["staff"])
    assert personal_items(area.question_sets["checks"]) == {"known"}
    named = QUESTION.replace("required: true}", "required: true, personal: true}")
    assert personal_items(load_area(_folder(tmp_path, question=named)).question_sets["checks"]) == {"known", "places"}


def test_a_sentence_names_the_rows_of_a_table(area: Area) -> None:
    """A question that shows a table shows the names in it, five at the most, and never a cell as data."""
    assert render_variable(area, "staff", {"rows": [ROW, {"name": {"name": "Nagy Béla"}}]}, "de") == (
        "Kovács Anna; Nagy Béla"
    )
    assert render_variable(area, "staff", {"rows": [ROW] * 7}, "de").endswith("Kovács Anna; …")
    for wrong in ({}, {"rows": 3}, {"rows": [3, {"name": 3}, {"name": {"name": 3}}]}):
        assert render_variable(area, "staff", wrong, "de") == "…"


@pytest.mark.parametrize(
    ("table", "code"),
    [
        (TABLE.partition("    columns:")[0], "no-columns"),
        (TABLE.replace("id: since", "id: name"), "duplicate-column"),
        (TABLE.replace("list: professions", "list: nowhere"), "unknown-list"),
        (TABLE.replace("type: name,", "type: name, list: professions,"), "needless-list"),
        (TABLE.replace("type: table", "type: person"), "needless-columns"),
        (TABLE.replace("rows: 3", "rows: 51"), "invalid-field"),
        (TABLE + "".join(f"      - {{id: c{n}, type: date, text: item.since}}\n" for n in range(4)), "invalid-field"),
    ],
)
def test_a_table_that_no_one_could_fill_in_is_no_area(tmp_path: Path, table: str, code: str) -> None:
    """A table without columns, with one twice, or beyond the limits is found when the area is read (SPEC S-291)."""
    with pytest.raises(AreaError) as refused:
        load_area(_folder(tmp_path, table))
    assert {fault.code for fault in refused.value.faults} == {code}


def test_a_column_of_tomorrow_is_refused_with_its_place(area: Area) -> None:
    """A pack with a type of column that this version doesn't know is refused whole, and says where (SPEC S-294)."""
    pack = json.loads(write_pack(area))
    assert read_pack(canonical_json(pack)).variables["staff"].columns[0].type == "name"
    table = next(one for one in pack["variables"] if one["id"] == "staff")
    table["columns"][0]["type"] = "signature"
    with pytest.raises(AreaError, match=r"invalid-field.*variables\.\d+\.columns\.0\.type"):
        read_pack(canonical_json(pack))


def test_a_set_without_tables_keeps_its_hash(tmp_path: Path, area: Area) -> None:
    """A table changes the hash of the set that names it, its columns' lists too; of others it doesn't (SPEC S-172)."""
    plain = write_area(tmp_path)
    before = load_area(plain).question_sets["checks"].sha256
    assert before == "1e9cf37eac10f9303d95f8a437909a54a955e81b6e52d370368b753e7595f14d"
    assert area.question_sets["checks"].sha256 != before
    other = load_area(_folder(tmp_path, TABLE.replace("rows: 3", "rows: 4")))
    assert other.question_sets["checks"].sha256 != area.question_sets["checks"].sha256
