from pathlib import Path

import pytest
from openpyxl import Workbook  # type: ignore[import-untyped]

from directory_sync.sheet import sheets_of
from tests.cli.conftest import Entente
from tests.translations.small_area import VALUES, small_area, write_area
from translations.answer import check_answers, check_request
from translations.area import load_area
from translations.check import check_areas
from translations.xlsform import Sheets, with_form
from translations.yaml_file import AreaError

EN, DE = "label::English (en)", "label::Deutsch (de)"
SURVEY = [
    ["type", "name", EN, DE, "required", "relevant", "personal", "hint::English (en)"],
    ["begin_group", "boat", "The boat", "Das Boot"],
    ["select_one lights", "lit", "Is it lit? Keeper: ${keeper}", "Leuchtet es? Wärter: ${keeper}", "yes"],
    ["text", "why", "Why not?", "Warum nicht?", "true()", "${lit} = 'no' or selected(${lit}, 'broken')", "yes", "Briefly."],
    ["end_group"],
    ["select_one yes-no", "seen", "Have you seen it?"],
]  # fmt: skip
CHOICES = [["list_name", "name", EN, DE], *(["lights", code, code.title()] for code in ("yes", "no", "broken"))]
SETTINGS = [["form_id", "version", "form_title"], ["boats", "", "Boats"]]
VARIABLES = [["type", "name", "label", "personal"], ["person", "keeper", "Keeper", "yes"]]
FORM: Sheets = {"survey": SURVEY, "choices": CHOICES, "settings": SETTINGS, "variables": VARIABLES}


def _file(folder: Path, form: Sheets) -> Path:
    book = Workbook()
    book.remove(book.active)
    for name, rows in form.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(folder / "form.xlsx")
    return folder / "form.xlsx"


def test_a_spreadsheet_becomes_a_set_that_is_asked_and_answered(entente: Entente, tmp_path: Path) -> None:
    """Groups, choices, conditions, languages and variables of a real XLSX file; the other set stays as it was."""
    folder = write_area(tmp_path)
    before = load_area(folder).question_sets["checks"].sha256
    entente("areas", "import", _file(tmp_path, FORM), folder)
    assert check_areas(tmp_path) == []
    area = load_area(folder)
    assert area.question_sets["checks"].sha256 == before
    assert area.catalogue.text("item.why", "de").text == "Warum nicht?"
    assert check_request(area, "boats", ["lit", "seen"], {"keeper": VALUES["person"]}) == []
    why = {"text": "it sank", "lang": "en"}
    answers = {"lit": {"code": "broken"}, "seen": {"code": "yes"}}
    assert [each.item for each in check_answers(area, "boats", ["lit", "seen"], answers)] == ["why"]
    assert check_answers(area, "boats", ["lit", "seen"], answers | {"why": why}) == []
    said = entente(
        "areas", "import", _file(tmp_path, FORM | {"settings": [["form_id", "form_title"], ["boats", "Ships"]]}), folder
    )
    assert "boats.yaml" in said.out
    assert load_area(folder).question_sets["boats"].version == 2


CREW = [
    ["begin_repeat", "crew", "Who was on board?", "", "yes", "", "", "", "20"],
    ["name", "sailor", "Name", "Name (de)", "yes", "", "yes"],
    ["select_one lights", "light", "Did they see a light?"],
    ["end_repeat"],
]
HARBOURS = [["begin_repeat", "harbours", "Harbours", "", "2"], ["country", "where", "Country"], ["end repeat"]]
WITH_TABLES: Sheets = FORM | {
    "survey": [[*SURVEY[0], "repeat_count"], *SURVEY[1:], *CREW],
    "variables": [[*VARIABLES[0], "repeat_count"], *VARIABLES[1:], *HARBOURS],
}


def test_a_repeat_of_a_spreadsheet_becomes_a_table(entente: Entente, tmp_path: Path) -> None:
    """What stands between begin_repeat and end_repeat are columns, in a question and in a variable (SPEC S-291)."""
    folder = write_area(tmp_path)
    entente("areas", "import", _file(tmp_path, WITH_TABLES), folder)
    assert check_areas(tmp_path) == []
    area = load_area(folder)
    crew = area.question_sets["boats"].by_id["crew"]
    assert (crew.type, crew.rows, crew.required) == ("table", 20, True)
    assert [(one.id, one.type, one.list, one.required, one.personal) for one in crew.columns] == [
        ("sailor", "name", None, True, True),
        ("light", "code", "lights", False, False),
    ]
    assert area.catalogue.text(crew.columns[0].text, "de").text == "Name (de)"
    assert (area.variables["harbours"].rows, area.variables["harbours"].columns[0].type) == (2, "country")
    row = {"sailor": {"name": "Popeye"}, "light": {"code": "broken"}}
    assert check_answers(area, "boats", ["crew"], {"crew": {"rows": [row]}}) == []


@pytest.mark.parametrize(
    ("sheet", "row", "cells", "where"),
    [
        ("survey", -4, {"repeat_count": "51"}, "survey, column repeat_count"),
        ("survey", -3, {"type": "begin_group"}, "a table has no columns of this kind"),
        ("survey", -3, {"relevant": "${lit} = 'no'"}, "a table has no columns of this kind"),
        ("survey", -2, {"type": "end_repeat"}, "no table has begun"),
        ("survey", -1, {"type": "text", "name": "x", EN: "X"}, "the table has no end"),
        ("variables", -2, {"type": "person"}, "a table has no columns of this kind"),
    ],
)  # fmt: skip
def test_a_repeat_that_is_no_table_is_refused_with_its_place(
    tmp_path: Path, sheet: str, row: int, cells: dict[str, str], where: str
) -> None:
    """A table in a table, a condition inside one, one without an end: each refusal names sheet, row and column."""
    rows = [list(each) for each in WITH_TABLES[sheet]]
    rows[row] += [""] * (len(rows[0]) - len(rows[row]))
    for column, cell in cells.items():
        rows[row][rows[0].index(column)] = cell
    with pytest.raises(AreaError, match=where):
        with_form(small_area(tmp_path), WITH_TABLES | {sheet: rows}, Path("form.xlsx"))


@pytest.mark.parametrize(
    ("sheet", "row", "cells", "where"),
    [
        ("survey", 3, {"type": "range"}, "survey, column type"),
        ("survey", 3, {"required": "perhaps"}, "survey, column required"),
        ("survey", 4, {"relevant": "${lit} != 'yes'"}, "survey, column relevant"),
        ("survey", 4, {"relevant": "${lit} = 'no' and ${lit} = 'yes'"}, "survey, column relevant"),
        ("survey", 4, {"relevant": "${lit} = 'no' or ${seen} = 'no'"}, "survey, column relevant"),
        ("survey", 4, {"relevant": "${seen} = 'no'"}, "isn't before it"),
        ("survey", 4, {"name": "lit"}, "stands twice"),
        ("survey", 4, {EN: ""}, f"column {EN}"),
        ("survey", 4, {"calculation": "1+1"}, "survey, column calculation"),
        ("survey", 4, {"relevant": "${lit} = 'dim'"}, "why waits for dim"),
        ("survey", 3, {"type": "select_one nowhere"}, "unknown list nowhere"),
        ("survey", 3, {EN: "Is it lit? ${stranger}"}, "unknown variable stranger"),
        ("choices", 2, {"list_name": ""}, "choices, column list_name"),
        ("settings", 2, {"form_id": ""}, "settings, column form_id"),
        ("settings", 2, {"version": "1.5"}, "settings, column version"),
    ],
)  # fmt: skip
def test_what_a_set_cant_express_is_refused_with_its_place(
    tmp_path: Path, sheet: str, row: int, cells: dict[str, str], where: str
) -> None:
    """Each refusal names sheet, row and column, or the row of the item that is wrong."""
    heading = [*FORM[sheet][0], *(column for column in cells if column not in FORM[sheet][0])]
    rows = [[*each, *[""] * (len(heading) - len(each))] for each in FORM[sheet][1:]]
    for column, cell in cells.items():
        rows[row - 2][heading.index(column)] = cell
    with pytest.raises(AreaError) as refused:
        with_form(small_area(tmp_path), FORM | {sheet: [heading, *rows]}, Path("form.xlsx"))
    assert any(where in fault.shown() for fault in refused.value.faults), refused.value
    assert f"form.xlsx:{row}:" in refused.value.faults[0].shown()


def test_no_lost_placeholder_and_no_other_words(tmp_path: Path) -> None:
    """A translation without its placeholder is refused, and so are other words for another set's item."""
    lost = [[cell.replace("Wärter: ${keeper}", "Wärter") for cell in row] for row in SURVEY]
    with pytest.raises(AreaError, match="lost-placeholder"):
        with_form(small_area(tmp_path), FORM | {"survey": lost}, Path("form.xlsx"))
    other = [*SURVEY, ["date", "since", "Since which year?"]]
    with pytest.raises(AreaError, match=r"form\.xlsx:7: .*another set has item\.since"):
        with_form(small_area(tmp_path), FORM | {"survey": other}, Path("form.xlsx"))


def test_every_sheet_is_bounded(tmp_path: Path) -> None:
    """All sheets of a file are read within the limits that hold for tables."""
    assert sheets_of(_file(tmp_path, FORM).read_bytes())["settings"] == [
        ["form_id", "version", "form_title"],
        ["boats", "", "Boats"],
    ]
