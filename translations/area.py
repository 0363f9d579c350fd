"""Legal areas: folders of data that say what may be asked, answered and kept. See docs for the file formats.

An area that loads is sound: every reference in it leads somewhere and every follow-up can be reached.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from translations.area_faults import area_faults
from translations.catalogue import Catalogue, Text
from translations.finding import Finding
from translations.limits import AREA_FILES, VARIABLE_TEXT_CHARACTERS
from translations.placeholders import insert, placeholders
from translations.question_set import CodeList, Id, Item, QuestionSet, Variable, Version, definition_sha256
from translations.variable import rendered
from translations.yaml_file import AreaError, Source, read_yaml

Named = TypeVar("Named", CodeList, QuestionSet)
Areas = Mapping[str, "Area"]

_FROZEN: Final = ConfigDict(frozen=True, extra="forbid", strict=True)


class AreaRules(BaseModel):
    """area.yaml: the law behind the area, and its periods (`deadline_days` are calendar days)."""

    model_config = _FROZEN
    id: Id
    version: Version
    title: Id
    legal_basis: Annotated[
        tuple[Annotated[str, StringConstraints(pattern=r"^[0-9]{5}[A-Z]{1,2}[0-9]{4}$")], ...],
        Field(min_length=1, strict=False),
    ]
    kinds: Annotated[
        tuple[Literal["request", "alert", "notification", "register"], ...], Field(min_length=1, strict=False)
    ]
    pilot: bool
    deadline_days: Annotated[int, Field(ge=1, le=366)]
    block_months: Annotated[int, Field(ge=1, le=120)]
    delete_years: Annotated[int, Field(ge=1, le=30)]


class VariableList(BaseModel):
    """variables.yaml."""

    model_config = _FROZEN
    variables: Annotated[tuple[Variable, ...], Field(strict=False)]


@dataclass(frozen=True)
class Area:
    """One area: its rules, sets, lists and variables by id, and its texts."""

    rules: AreaRules
    question_sets: Mapping[str, QuestionSet]
    lists: Mapping[str, CodeList]
    variables: Mapping[str, Variable]
    catalogue: Catalogue

    @property
    def id(self) -> str:
        """The folder's name."""
        return self.rules.id

    @property
    def version(self) -> int:
        """The version of the area as a whole."""
        return self.rules.version

    def item(self, item_id: str) -> Item:
        """Return an item of any of the sets (one id has one text in an area). Raises KeyError."""
        for question_set in self.question_sets.values():
            if item_id in question_set.by_id:
                return question_set.by_id[item_id]
        raise KeyError(item_id)

    def code_label(self, list_id: str, code: str, lang: str) -> Text:
        """Return the label of a code in `lang`. Raises KeyError for an unknown list or code."""
        entry = self.lists[list_id].get(code)
        if entry is None:
            raise KeyError(code)
        return self.catalogue.text(entry.text, lang)


def render_question(area: Area, item_id: str, variables: Mapping[str, object], lang: str) -> Text:
    """Return an item's text in `lang` with its variables; one that isn't filled in yet shows as an ellipsis.

    `variables` is what `check_request` accepts. Raises KeyError for an unknown item.
    """
    item = area.item(item_id)
    template = area.catalogue.template(item.text, lang)
    if template is None:
        return area.catalogue.text(item.text, lang)
    values = {name: render_variable(area, name, variables.get(name), lang) for name in placeholders(template.text)}
    return Text(insert(template.text, values), template.lang)


def render_variable(area: Area, name: str, value: object, lang: str) -> str:
    """Return a variable's value as a page in `lang` shows it: a code's label, a country's name, a person's name."""
    variable = area.variables.get(name)
    if variable is None or not isinstance(value, dict):
        return "…"
    if variable.type == "code":
        entry = area.lists[variable.list or ""].get(str(value.get("code")))
        return area.catalogue.text(entry.text, lang).text if entry else "…"
    return rendered(variable.type, value, lang)[:VARIABLE_TEXT_CHARACTERS] or "…"


def load_areas(root: Path) -> Areas:
    """Return the areas below `root` (one folder each), by id. Raises AreaError with every fault found."""
    areas, faults = {}, []
    for folder in sorted(path.parent for path in root.glob("*/area.yaml")):
        try:
            area = load_area(folder)
        except AreaError as error:
            faults += error.faults
        else:
            areas[area.id] = area
    if faults:
        raise AreaError(faults)
    return MappingProxyType(areas)


def load_area(folder: Path) -> Area:
    """Return the area in one folder. Raises AreaError with every fault found."""
    area, sources = read_area(folder)
    faults = area_faults(area.lists, area.variables, area.question_sets, sources)
    if faults:
        raise AreaError(faults)
    sets = {
        question_set.id: question_set.model_copy(
            update={"sha256": definition_sha256(question_set, area.lists, area.variables)}
        )
        for question_set in area.question_sets.values()
    }
    return Area(area.rules, MappingProxyType(sets), area.lists, area.variables, area.catalogue)


def read_area(folder: Path) -> tuple[Area, dict[str, Source]]:
    """Return the area as its files say, references unchecked, and each file's source by its path in the folder."""
    sources: dict[str, Source] = {}
    rules, sources["area.yaml"] = read_yaml(folder / "area.yaml", AreaRules)
    variables, sources["variables.yaml"] = read_yaml(folder / "variables.yaml", VariableList)
    lists = _read_folder(folder, "lists", CodeList, sources)
    question_sets = _read_folder(folder, "questions", QuestionSet, sources)
    if rules.id != folder.name:
        raise AreaError([Finding(folder / "area.yaml", 1, "wrong-id", f"id {rules.id!r} is not the folder's name")])
    area = Area(
        rules,
        MappingProxyType(question_sets),
        MappingProxyType(lists),
        MappingProxyType({variable.id: variable for variable in variables.variables}),
        Catalogue(folder / "po"),
    )
    return area, sources


def _read_folder(folder: Path, name: str, model: type[Named], sources: dict[str, Source]) -> dict[str, Named]:
    """Return the models of all files of `lists` or `questions`; each file is named after its id."""
    paths = sorted((folder / name).glob("*.yaml"))
    if len(paths) > AREA_FILES:
        raise AreaError([Finding(folder / name, 0, "too-large", f"more than {AREA_FILES} files")])
    models: dict[str, Named] = {}
    for path in paths:
        found, source = read_yaml(path, model)
        if found.id != path.stem:
            raise AreaError([Finding(path, 1, "wrong-id", f"id {found.id!r} is not the file's name")])
        models[found.id] = found
        sources[f"{name}/{path.name}"] = source
    return models
