"""Legal areas: folders of data that say what may be asked, answered and kept. See docs for the file formats.

An area that loads is sound: every reference in it leads somewhere and every follow-up can be reached.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from typing_extensions import override

from translations.area_faults import area_faults
from translations.catalogue import Catalogue, Text
from translations.finding import Finding
from translations.limits import AREA_FILES, VARIABLE_TEXT_CHARACTERS
from translations.placeholders import insert, placeholders
from translations.question_set import (
    CodeList,
    Id,
    Item,
    QuestionSet,
    Variable,
    Version,
    definition_sha256,
    lists_named,
)
from translations.table import in_a_line
from translations.variable import rendered
from translations.yaml_file import AreaError, Source, read_yaml

Named = TypeVar("Named", CodeList, QuestionSet)

SHARED: Final = "shared"  # the folder beside the areas with what they have in common
DECLINE_REASONS: Final = "decline-reasons"  # the list of an area that no question names

_FROZEN: Final = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class Sides(BaseModel):
    """Whether a coordinator approves what goes out: never, where the authority's record says so, or always."""

    model_config = _FROZEN
    asking: Literal["never", "optional", "required"]
    replying: Literal["never", "optional", "required"]


Role = Literal["authority", "coordinator"]


class Roles(BaseModel):
    """Which roles in the area may ask, and which may be asked."""

    model_config = _FROZEN
    asking: Annotated[tuple[Role, ...], Field(min_length=1, strict=False)]
    replying: Annotated[tuple[Role, ...], Field(min_length=1, strict=False)]


MAX_DELETE_YEARS: Final = 30
"""Years after which the data of a closed case are deleted in any area."""


class AreaRules(BaseModel):
    """area.yaml: the law behind the area, and its periods.

    `deadline_days` are calendar days, offered on the form; `working_days`, by question set, are those of the
    replying country in which the act wants the reply.
    """

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
    delete_years: Annotated[int, Field(ge=1, le=MAX_DELETE_YEARS)]
    working_days: Mapping[Id, Annotated[int, Field(ge=1, le=250)]] = Field(default_factory=dict)
    approval: Sides = Sides(asking="optional", replying="optional")
    roles: Roles = Roles(asking=("authority", "coordinator"), replying=("authority", "coordinator"))


class VariableList(BaseModel):
    """variables.yaml."""

    model_config = _FROZEN
    variables: Annotated[tuple[Variable, ...], Field(strict=False)]


@dataclass(frozen=True)
class Area:
    """One area: its rules, sets, lists and variables by id, and its texts.

    `pilot_of` are the countries that signed a pilot which came from a peer or a command.
    """

    rules: AreaRules
    question_sets: Mapping[str, QuestionSet]
    lists: Mapping[str, CodeList]
    variables: Mapping[str, Variable]
    catalogue: Catalogue
    pilot_of: tuple[str, ...] = ()

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
        return self.catalogue.label(entry, lang)


class Areas(Mapping[str, Area]):
    """A node's areas: the newest version of each by its id, and the question sets of all versions."""

    def __init__(self, areas: Iterable[Area] = ()) -> None:
        """Take the areas that are there from the start."""
        self._newest: dict[str, Area] = {}
        self._by_set: dict[tuple[str, str, int, str], Area] = {}
        for area in areas:
            self.add(area)

    def add(self, area: Area) -> None:
        """Take in one more area or version, at once."""
        if area.id not in self._newest or self._newest[area.id].version < area.version:
            self._newest[area.id] = area
        for one in area.question_sets.values():
            self._by_set[area.id, one.id, one.version, one.sha256] = area

    def holding(self, area: str, set_id: str, version: int, sha256: str) -> Area | None:
        """Return the version of an area that has exactly this question set, None while it is being fetched."""
        return self._by_set.get((area, set_id, version, sha256))

    def copy(self) -> "Areas":
        """Return the same areas, to which more can be added."""
        made = Areas()
        made._newest, made._by_set = dict(self._newest), dict(self._by_set)
        return made

    @override
    def __getitem__(self, area: str) -> Area:
        return self._newest[area]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._newest)

    @override
    def __len__(self) -> int:
        return len(self._newest)


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
        return area.catalogue.label(entry, lang).text if entry else "…"
    if variable.type == "table":
        return in_a_line(variable.columns, value) or "…"
    return rendered(variable.type, value, lang)[:VARIABLE_TEXT_CHARACTERS] or "…"


def load_areas(root: Path) -> Areas:
    """Return the areas below `root` (one folder each), by id. Raises AreaError with every fault found.

    What they have in common is read once, and is one object in all of them; a fault in it is told alone.
    """
    common = read_common(root)
    areas: list[Area] = []
    faults: list[Finding] = []
    for folder in sorted(path.parent for path in root.glob("*/area.yaml")):
        try:
            areas.append(load_area(folder, common))
        except AreaError as error:
            faults += error.faults
    if faults:
        raise AreaError(faults)
    return Areas(areas)


def load_area(folder: Path, common: "Common | None" = None) -> Area:
    """Return the area in one folder; `common` is what it shares with others, if that was read. Raises AreaError."""
    area, sources = read_area(folder, common)
    faults = sound(area, sources)
    if faults:
        raise AreaError(faults)
    return with_hashes(area)


def with_hashes(area: Area) -> Area:
    """Return an area whose references are sound with the hash of each set worked out."""
    sets = {
        question_set.id: question_set.model_copy(
            update={"sha256": definition_sha256(question_set, area.lists, area.variables)}
        )
        for question_set in area.question_sets.values()
    }
    return Area(area.rules, MappingProxyType(sets), area.lists, area.variables, area.catalogue)


def sound(area: Area, sources: Mapping[str, Source]) -> list[Finding]:
    """Return what keeps an area from being used: references that lead nowhere, follow-ups out of reach."""
    faults = area_faults(area.lists, area.variables, area.question_sets, sources)
    unknown = area.rules.working_days.keys() - area.question_sets.keys()
    message = "working_days names an unknown set"
    return faults + [sources["area.yaml"].fault(name, "unknown-set", f"{message}: {name}") for name in sorted(unknown)]


def read_area(folder: Path, common: "Common | None" = None) -> tuple[Area, dict[str, Source]]:
    """Return the area as its files say, references unchecked, and each file's source by its path in the folder."""
    sources: dict[str, Source] = {}
    rules, sources["area.yaml"] = read_yaml(folder / "area.yaml", AreaRules)
    if rules.id != folder.name:
        raise AreaError([Finding(folder / "area.yaml", 1, "wrong-id", f"id {rules.id!r} is not the folder's name")])
    parts = read_parts(folder, sources)
    question_sets = _read_folder(folder, "questions", QuestionSet, sources)
    _share(parts, common or read_common(folder.parent), question_sets, sources)
    folders = [each for each in (folder, folder.parent / SHARED) if each.exists()]
    area = Area(
        rules,
        MappingProxyType(question_sets),
        MappingProxyType(parts.lists),
        MappingProxyType(parts.variables),
        Catalogue(*(each / "po" for each in folders)),
    )
    return area, sources


class Parts(NamedTuple):
    """The lists and variables of one folder, by id."""

    lists: dict[str, CodeList]
    variables: dict[str, Variable]


class Common(NamedTuple):
    """The lists and variables that the areas of a folder share, and where each stands."""

    parts: Parts
    sources: dict[str, Source]


def read_common(root: Path) -> Common:
    """Return what the areas below `root` share; empty where they share nothing. Raises AreaError."""
    sources: dict[str, Source] = {}
    shared = root / SHARED
    return Common(read_parts(shared, sources) if shared.exists() else Parts({}, {}), sources)


def read_parts(folder: Path, sources: dict[str, Source]) -> Parts:
    """Return the lists and variables of an area's folder, or of `shared`; notes each file in `sources`."""
    found, sources["variables.yaml"] = read_yaml(folder / "variables.yaml", VariableList)
    lists = _read_folder(folder, "lists", CodeList, sources)
    sources |= dict.fromkeys((f"variable {each.id}" for each in found.variables), sources["variables.yaml"])
    return Parts(lists, {variable.id: variable for variable in found.variables})


def _share(own: Parts, shared: Common, sets: Mapping[str, QuestionSet], sources: dict[str, Source]) -> None:
    """Add what the sets name of the common lists and variables; an area's own of the same id counts first."""
    common = shared.parts
    items = [item for question_set in sets.values() for item in question_set.by_id.values()]
    names = {name for item in items for name in item.variables} & common.variables.keys() - own.variables.keys()
    own.variables.update((name, common.variables[name]) for name in sorted(names))
    named = lists_named((*items, *own.variables.values()))
    for list_id in sorted((named | {DECLINE_REASONS}) & common.lists.keys() - own.lists.keys()):
        own.lists[list_id] = common.lists[list_id]
        sources[f"lists/{list_id}.yaml"] = shared.sources[f"lists/{list_id}.yaml"]
    sources |= {f"variable {name}": shared.sources["variables.yaml"] for name in names}


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
