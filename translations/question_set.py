"""Question sets: a strict subset of FHIR Questionnaire (groups, questions, follow-ups that an answer enables)."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from protocol.limits import MAX_COLUMNS, MAX_ROWS
from translations.limits import ID_CHARACTERS, NAME_CHARACTERS

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+([._-][a-z0-9]+)*$", max_length=ID_CHARACTERS)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=ID_CHARACTERS)]
Version = Annotated[int, Field(ge=1, le=1_000_000)]

ItemType = Literal["group", "choice", "text", "date", "country", "table"]
VariableType = Literal["person", "code", "text", "document", "country", "table"]
ColumnType = Literal["code", "text", "date", "country", "name"]

_FROZEN: Final = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class EnableWhen(BaseModel):
    """A follow-up counts only while `item` is answered with one of the codes in `any`."""

    model_config = _FROZEN
    item: Id
    any: Annotated[tuple[Id, ...], Field(min_length=1, strict=False)]


class Column(BaseModel):
    """A column of a table; `text` is the id of its heading (SPEC S-291).

    One of type `name` holds what is the same in every language: a name, a number. One that is `personal` puts the
    whole table with the identity.
    """

    model_config = _FROZEN
    id: Name
    type: ColumnType
    text: Id
    list: Id | None = None
    required: bool = False
    personal: bool = False


Columns = Annotated[tuple[Column, ...], Field(max_length=MAX_COLUMNS, strict=False)]
Rows = Annotated[int, Field(ge=1, le=MAX_ROWS)] | None
"""The most rows of a table; None for as many as a message takes."""


class Item(BaseModel):
    """A group, a question, or a follow-up; `text` is a text id, `personal` puts its answer with the identity."""

    model_config = _FROZEN
    id: Id
    type: ItemType
    text: Id
    hint: Id | None = None
    list: Id | None = None
    required: bool = False
    personal: bool = False
    variables: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    enable_when: EnableWhen | None = None
    columns: Columns = ()
    rows: Rows = None
    items: Annotated["tuple[Item, ...]", Field(strict=False)] = ()

    def walk(self) -> "Iterator[Item]":
        """Yield the item and all below it, in order."""
        yield self
        for item in self.items:
            yield from item.walk()


class Code(BaseModel):
    """One code of a list, and the id of its label or a `name` that no language translates (SPEC S-245)."""

    model_config = _FROZEN
    code: Id
    text: Id | None = None
    name: Annotated[str, StringConstraints(min_length=1, max_length=NAME_CHARACTERS)] | None = None

    @model_validator(mode="after")
    def _one_label(self) -> Self:
        if (self.text is None) == (self.name is None):
            raise ValueError("a code has either text or name")
        return self


class CodeList(BaseModel):
    """A list of codes that a choice or a variable takes its value from."""

    model_config = _FROZEN
    id: Id
    codes: Annotated[tuple[Code, ...], Field(min_length=1, strict=False)]

    def get(self, code: str) -> Code | None:
        """Return the entry of a code, or None."""
        return self._by_code.get(code)

    @cached_property
    def _by_code(self) -> dict[str, Code]:
        return {entry.code: entry for entry in self.codes}


class Variable(BaseModel):
    """What the asker fills in once and the questions' texts show, such as the person or the profession."""

    model_config = _FROZEN
    id: Name
    type: VariableType
    text: Id
    hint: Id | None = None
    list: Id | None = None
    personal: bool = False
    columns: Columns = ()
    rows: Rows = None


def is_about_person(thing: Item | Variable) -> bool:
    """Whether a value belongs with the identity: it is personal, or a table of which one column is (SPEC S-293)."""
    return thing.personal or any(column.personal for column in thing.columns)


def lists_named(things: Iterable[Item | Variable]) -> frozenset[str]:
    """Return the ids of the lists that items, variables and their columns take values from."""
    return frozenset(each.list for thing in things for each in (thing, *thing.columns) if each.list)


class QuestionSet(BaseModel):
    """A versioned set. `sha256` (64 hex digits) is what both ends compare; see `definition_sha256`."""

    model_config = _FROZEN
    id: Id
    version: Version
    title: Id
    items: Annotated[tuple[Item, ...], Field(min_length=1, strict=False)]
    sha256: Annotated[str, Field(pattern="^$")] = ""  # worked out when the area is loaded, never in the file

    @cached_property
    def questions(self) -> dict[str, Item]:
        """What an asker can pick: the children of groups, and top-level items that are no group."""
        picked = [child for item in self.items for child in (item.items if item.type == "group" else (item,))]
        return {item.id: item for item in picked}

    @cached_property
    def variables_of(self) -> dict[str, tuple[str, ...]]:
        """The variables that each question and its follow-ups name, in the set's order."""
        return {
            question.id: tuple(dict.fromkeys(name for item in question.walk() for name in item.variables))
            for question in self.questions.values()
        }

    @cached_property
    def by_id(self) -> dict[str, Item]:
        """Every item of the set, groups and follow-ups too."""
        return {item.id: item for top in self.items for item in top.walk()}

    @cached_property
    def group_of(self) -> dict[str, Item]:
        """The group of each question that is in one."""
        return {child.id: item for item in self.items if item.type == "group" for child in item.items}

    @cached_property
    def question_of(self) -> dict[str, str]:
        """The id of the question that each question and follow-up belongs to."""
        return {item.id: question.id for question in self.questions.values() for item in question.walk()}


def definition_sha256(
    question_set: QuestionSet, lists: Mapping[str, CodeList], variables: Mapping[str, Variable]
) -> str:
    """Return the SHA-256 (hex) of what a set means: itself, and the lists and variables that it uses.

    The bytes hashed are the UTF-8 of the JSON object `{"lists": {id: …}, "set": …, "variables": {id: …}}`
    with sorted keys, no spaces, no ASCII escapes, and without the fields that hold their default. Texts
    are named by id in it, so a better translation leaves the hash alone (SPEC S-172).
    """
    items = question_set.by_id.values()
    used = [variables[name] for name in sorted({name for item in items for name in item.variables})]
    list_ids = lists_named((*items, *used))
    definition = {
        "set": question_set.model_dump(mode="json", exclude_defaults=True, exclude={"sha256"}),
        "lists": {key: lists[key].model_dump(mode="json", exclude_defaults=True) for key in list_ids},
        "variables": {each.id: each.model_dump(mode="json", exclude_defaults=True) for each in used},
    }
    canonical = json.dumps(definition, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
