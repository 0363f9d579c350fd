from pathlib import Path

import pytest

import translations
from tests.translations.small_area import AREA, CHECKS, ENGLISH, VALUES, YES_NO, small_area, write_area
from translations.area import AreaError, load_area, load_areas, render_question
from translations.catalogue import Text
from translations.limits import SET_ITEMS, YAML_FILE_BYTES
from translations.po_file import write_po

SHIPPED = Path(translations.__file__).parent / "areas"


def _codes(root: Path, **changed: str) -> list[tuple[str, int]]:
    with pytest.raises(AreaError) as caught:
        small_area(root, **changed)
    return [(fault.code, fault.line) for fault in caught.value.faults]


def test_shipped_areas_load() -> None:
    """Every area that we ship loads, and each of its sets has a hash of its own."""
    areas = load_areas(SHIPPED)
    assert "professional-qualifications" in areas
    hashes = [each.sha256 for area in areas.values() for each in area.question_sets.values()]
    assert len(set(hashes)) == len(hashes)
    assert all(len(each) == 64 for each in hashes)


def test_hash_covers_the_meaning(tmp_path: Path) -> None:
    """The hash changes with a question, a list or a variable, and stays with layout, comments and texts."""
    before = small_area(tmp_path).question_sets["checks"].sha256
    assert small_area(tmp_path, questions__checks="# a note\n" + CHECKS).question_sets["checks"].sha256 == before
    other_list = YES_NO + "  - {code: not-known, text: list.yes-no.no}\n"
    changed = [
        small_area(tmp_path, **{"lists__yes-no": other_list}),
        small_area(tmp_path, questions__checks=CHECKS.replace("type: date", "type: text")),
        small_area(tmp_path, questions__checks=CHECKS.replace("version: 1", "version: 2")),
    ]
    assert len({before, *(area.question_sets["checks"].sha256 for area in changed)}) == 4


def test_hash_is_pinned(tmp_path: Path) -> None:
    """The canonical form never changes by accident: two releases must agree on a set's hash."""
    expected = "1e9cf37eac10f9303d95f8a437909a54a955e81b6e52d370368b753e7595f14d"
    assert small_area(tmp_path).question_sets["checks"].sha256 == expected


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("list: yes-no\n        required: true\n        variables", "list: nowhere\n        variables", "unknown-list"),
        ("type: date", "type: date\n            list: yes-no", "needless-list"),
        ("variables: [person, title", "variables: [stranger, title", "unknown-variable"),
        ("id: known", "id: regulated", "duplicate-item"),
        ('any: ["yes"]', "any: [perhaps]", "unknown-code"),
        ('{item: regulated, any: ["no"]}', '{item: known, any: ["no"]}', "unknown-item"),
        ('{item: regulated, any: ["no"]}', '{item: why-not, any: ["no"]}', "cycle"),
        ("variables: [profession]", "enable_when: {item: since, any: [x]}\n        variables: [profession]", "cycle"),
        ('{item: regulated, any: ["no"]}', '{item: since, any: ["no"]}', "not-a-choice"),
        ("type: text\n            text: item.why", "type: group\n            text: item.why", "nested-group"),
        ("type: country", "type: group", "empty-group"),
    ],
)
def test_broken_references(tmp_path: Path, before: str, after: str, code: str) -> None:
    """A reference that leads nowhere keeps an area from loading, with the line of the item."""
    assert before in CHECKS
    faults = _codes(tmp_path, questions__checks=CHECKS.replace(before, after, 1))
    assert code in [fault for fault, _ in faults]
    assert all(line > 1 for _, line in faults)


def test_unreachable_follow_up(tmp_path: Path) -> None:
    """A follow-up whose conditions exclude each other is found, though each alone could hold."""
    below = """\
            items:
              - id: never
                type: text
                text: item.since
                enable_when: {item: regulated, any: ["no"]}
"""
    text = CHECKS.replace('any: ["yes"]}\n', 'any: ["yes"]}\n' + below)
    assert _codes(tmp_path, questions__checks=text) == [("unreachable", 22)]


def test_unreachable_through_others(tmp_path: Path) -> None:
    """What an awaited item itself waits for counts too."""
    text = CHECKS.replace("type: date", "type: choice\n            list: yes-no").replace(
        'item: regulated, any: ["no"]}',
        """item: regulated, any: ["no"]}
            items:
              - {id: never, type: text, text: item.since, enable_when: {item: since, any: ["yes"]}}""",
    )
    assert [code for code, _ in _codes(tmp_path, questions__checks=text)] == ["unreachable"]


def test_schema_errors_name_the_line(tmp_path: Path) -> None:
    """An unknown field, a wrong type and YAML's own `no` are refused with file and line."""
    assert _codes(tmp_path, area=AREA + "surprise: 1\n") == [("invalid-field", 10)]
    assert _codes(tmp_path, area=AREA.replace("deadline_days: 28", 'deadline_days: "28"')) == [("invalid-field", 7)]
    assert _codes(tmp_path, **{"lists__yes-no": YES_NO.replace('"no"', "no")}) == [("invalid-field", 4)]
    assert _codes(tmp_path, area=AREA + "version: 2\n") == [("double-key", 10)]
    assert _codes(tmp_path, area=AREA.replace("id: small", "id: large")) == [("wrong-id", 1)]
    assert _codes(tmp_path, questions__checks=CHECKS.replace("id: checks", "id: chess")) == [("wrong-id", 1)]
    with pytest.raises(AreaError, match=r"area\.yaml:2: invalid-yaml"):
        small_area(tmp_path, area="a: 1\n\tb: [")


def test_missing_file_is_said(tmp_path: Path) -> None:
    """An area without variables.yaml says which file is missing."""
    folder = write_area(tmp_path)
    (folder / "variables.yaml").unlink()
    with pytest.raises(AreaError, match=r"variables\.yaml:0: missing-file"):
        load_area(folder)


@pytest.mark.parametrize(
    "bomb",
    [
        "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
        "[" * 10_000,
        "- " * 5_000,
        "id: !!python/object/apply:os.system [true]\n",
        "- 1\n" * 60_000,
        "when: 2026-99-99\n",
    ],
    ids=["aliases", "brackets", "dashes", "python", "many", "date"],
)
def test_yaml_attacks(tmp_path: Path, bomb: str) -> None:
    """Aliases, depth, mass and Python tags are refused as invalid YAML, at once."""
    assert [code for code, _ in _codes(tmp_path, area=bomb)] == ["invalid-yaml"]


def test_large_file_is_refused(tmp_path: Path) -> None:
    """A file beyond the limit is refused before it is read."""
    assert _codes(tmp_path, area="#" * (YAML_FILE_BYTES + 1)) == [("too-large", 0)]


def test_a_set_has_an_end(tmp_path: Path) -> None:
    """A set of more items than allowed is refused before its follow-ups are followed."""
    more = "".join(f"  - {{id: q{number}, type: date, text: item.since}}\n" for number in range(SET_ITEMS))
    assert _codes(tmp_path, questions__checks=CHECKS + more) == [("too-large", 1)]


def test_all_faults_of_all_areas(tmp_path: Path) -> None:
    """Loading a folder of areas reports the faults of each, and loads all or none."""
    write_area(tmp_path, area=AREA + "x: 1\n", variables="variables: 3\n")
    with pytest.raises(AreaError, match=r"area\.yaml"):
        load_areas(tmp_path / "areas")
    write_area(tmp_path)
    assert list(load_areas(tmp_path / "areas")) == ["small"]


def test_question_in_the_readers_language(tmp_path: Path) -> None:
    """Berlin and Budapest read one question, each with the profession and the country in their own words."""
    area = small_area(tmp_path)
    assert render_question(area, "regulated", VALUES, "de") == Text(
        "Ist dieser Beruf reglementiert? Beruf: Ärztin/Arzt", "de"
    )
    assert render_question(area, "regulated", VALUES, "hu").lang == "en"
    assert render_question(area, "obtained-in", VALUES, "de").text.endswith("Staat: Griechenland")
    expected = "Do you know this person? Anna Kovács, okleveles orvosdoktor, diploma.pdf"
    assert render_question(area, "known", VALUES, "en").text == expected
    assert area.code_label("professions", "doctor", "de").text == "Ärztin/Arzt"


def test_question_before_it_is_filled_in(tmp_path: Path) -> None:
    """A variable that nobody gave yet, or whose code is unknown, shows as an ellipsis."""
    area = small_area(tmp_path)
    assert render_question(area, "regulated", {}, "de").text.endswith("Beruf: …")
    assert render_question(area, "regulated", {"profession": {"code": "wizard"}}, "de").text.endswith("Beruf: …")
    with pytest.raises(KeyError):
        render_question(area, "nowhere", {}, "de")


def test_areas_share_lists_variables_and_texts(tmp_path: Path) -> None:
    """What an area lacks is the common one, with the same hash; what it has of its own counts first."""
    before = small_area(tmp_path)
    common = tmp_path / "areas" / "shared"
    (common / "lists").mkdir(parents=True)
    (tmp_path / "areas/small/lists/yes-no.yaml").rename(common / "lists" / "yes-no.yaml")
    (common / "lists/decline-reasons.yaml").write_text(YES_NO.replace("id: yes-no", "id: decline-reasons"))
    (common / "lists/idle.yaml").write_text(YES_NO.replace("id: yes-no", "id: idle"))
    (common / "variables.yaml").write_text("variables: [{id: person, type: text, text: variable.person}]")
    write_po(common / "po/en.po", "en", [("list.yes-no.yes", "Common yes", "")])
    area = load_area(tmp_path / "areas" / "small")
    assert sorted(area.lists) == ["decline-reasons", "professions", "yes-no"]
    assert area.variables["person"].type == "person"
    assert area.question_sets["checks"].sha256 == before.question_sets["checks"].sha256
    assert area.code_label("yes-no", "yes", "en").text == "Yes"
    (tmp_path / "areas/small/po/en.po").unlink()
    assert load_area(tmp_path / "areas" / "small").code_label("yes-no", "yes", "de").text == "Yes"
    assert load_area(tmp_path / "areas" / "small").code_label("yes-no", "yes", "fr").text == "Common yes"


def test_what_areas_share_is_read_once() -> None:
    """A list that several areas have from the common folder is one object in all of them."""
    lists = [area.lists["decline-reasons"] for area in load_areas(SHIPPED).values()]
    assert len(lists) > 1
    assert {id(one) for one in lists} == {id(lists[0])}


def test_a_name_is_the_same_in_every_language(tmp_path: Path) -> None:
    """A legal form keeps the name that its own law gives it, in every language, and no code has two labels (SPEC S-245)."""
    forms = "id: professions\ncodes:\n  - {code: doctor, name: (BG) ООД}\n"
    area = small_area(tmp_path, lists__professions=forms)
    assert area.code_label("professions", "doctor", "de") == Text("(BG) ООД", "de")
    assert render_question(area, "regulated", VALUES, "fr").text.endswith("Profession: (BG) ООД")
    for labels in ("name: x, text: list.professions.doctor", 'name: ""', "code: doctor"):
        broken = forms.replace("name: (BG) ООД", labels)
        assert _codes(tmp_path, lists__professions=broken)[0][0] in {"invalid-field", "double-key"}


def test_working_days_name_a_set(tmp_path: Path) -> None:
    """A time that the act gives belongs to a set that there is."""
    assert small_area(tmp_path, area=AREA + "working_days: {checks: 2}\n").rules.working_days == {"checks": 2}
    assert _codes(tmp_path, area=AREA + "working_days: {chess: 2}\n") == [("unknown-set", 1)]


def test_long_values_are_cut(tmp_path: Path) -> None:
    """A stored value that is longer than today's limit doesn't flood the page."""
    shown = render_question(small_area(tmp_path), "known", {"document": {"name": "x" * 9_000}}, "en")
    assert len(shown.text) < 600


def test_variables_are_inert(tmp_path: Path) -> None:
    """A person called like a format string is shown as that string, and an invented placeholder stays harmless."""
    area = small_area(tmp_path)
    person = {"given_names": "{person.__class__}", "family_name": "{title}"}
    shown = render_question(area, "known", VALUES | {"person": person}, "en").text
    assert shown.startswith("Do you know this person? {person.__class__} {title}, okleveles")
    write_po(tmp_path / "areas/small/po/de.po", "de", [("item.since", ENGLISH["item.since"], "{area.__init__} {x}")])
    assert render_question(load_area(tmp_path / "areas" / "small"), "since", VALUES, "de").text == "{area.__init__} …"
