"""Legal areas and their question sets in a reader's language, placeholders kept: for forms of other programs."""

from typing import Final

from node.api.route import Call, Page, PageQuery, Query, Route, Shape, page_of
from node.domain.case_view import Choice, Period, Text
from node.domain.draft import Country
from node.errors import NodeError
from node.service import deadlines
from protocol.countries import COUNTRIES
from translations.answer import VisibleItem, visible_items
from translations.area import Area
from translations.catalogue import Text as CatalogueText
from translations.question_set import (
    ColumnType,
    Item,
    ItemType,
    QuestionSet,
    VariableType,
    is_about_person,
    lists_named,
)
from translations.question_set import Variable as AreaVariable
from translations.table import most_rows


class DeadlineQuery(Query):
    """Which country would reply; its working days count."""

    country: Country


class SetName(Shape):
    """A question set by name."""

    id: str
    version: int
    sha256: str
    title: Text


class AreaView(Shape):
    """A legal area; `legal_basis` are CELEX numbers, `deadline_days` calendar days.

    `pilot_of` are the states that signed a pilot; `working_days`, by question set, those the act gives for a reply.
    """

    id: str
    version: int
    title: Text
    legal_basis: tuple[str, ...]
    kinds: tuple[str, ...]
    pilot: bool
    pilot_of: tuple[str, ...]
    working_days: dict[str, int]
    deadline_days: int
    question_sets: tuple[SetName, ...]


class Group(Shape):
    """What some questions stand under."""

    id: str
    text: Text


class SetColumn(Shape):
    """A column of a table; `list` names an entry of the set's, cells of type `name` have no language."""

    id: str
    text: Text
    type: ColumnType
    list: str | None
    required: bool
    personal: bool


class SetQuestion(Shape):
    """A question (`depth` 0, can be picked) or a follow-up, which comes along with its question.

    `text` keeps its placeholders, `{person}`; `list` and `variables` name entries of the set's. A follow-up
    counts while the question `enable_when[0]` is answered with one of the codes `enable_when[1]`. A table has
    `columns`, and takes up to `rows` rows.
    """

    id: str
    depth: int
    group: Group | None
    text: Text
    hint: Text | None
    type: ItemType
    required: bool
    personal: bool
    list: str | None
    variables: tuple[str, ...]
    enable_when: tuple[str, tuple[str, ...]] | None
    columns: tuple[SetColumn, ...]
    rows: int | None


class SetVariable(Shape):
    """What the asking authority fills in for a placeholder; `personal` values travel with the person's identity.

    A table has `columns`, and takes up to `rows` rows.
    """

    id: str
    type: VariableType
    label: Text
    hint: Text | None
    list: str | None
    personal: bool
    columns: tuple[SetColumn, ...]
    rows: int | None


class QuestionSetView(Shape):
    """A question set in one language."""

    area: str
    id: str
    version: int
    sha256: str
    title: Text
    questions: tuple[SetQuestion, ...]
    lists: dict[str, tuple[Choice, ...]]
    variables: tuple[SetVariable, ...]


def _text(text: CatalogueText) -> Text:
    return Text(text=text.text, lang=text.lang)


def _plain(area: Area, text_id: str, lang: str) -> Text:
    return _text(area.catalogue.template(text_id, lang) or area.catalogue.text(text_id, lang))


def _hint(area: Area, text_id: str | None, lang: str) -> Text | None:
    return _plain(area, text_id, lang) if text_id else None


def _area(area: Area, lang: str) -> AreaView:
    rules = area.rules
    sets = tuple(
        SetName(id=one.id, version=one.version, sha256=one.sha256, title=_plain(area, one.title, lang))
        for one in area.question_sets.values()
    )
    return AreaView(
        id=area.id,
        version=area.version,
        title=_plain(area, rules.title, lang),
        legal_basis=rules.legal_basis,
        kinds=rules.kinds,
        pilot=rules.pilot,
        pilot_of=area.pilot_of,
        working_days=dict(rules.working_days),
        deadline_days=rules.deadline_days,
        question_sets=sets,
    )


def _question(area: Area, shown: VisibleItem, lang: str) -> SetQuestion:
    item, group, when = shown.item, shown.group, shown.item.enable_when
    return SetQuestion(
        id=item.id,
        depth=shown.depth,
        group=Group(id=group.id, text=_plain(area, group.text, lang)) if group else None,
        text=_plain(area, item.text, lang),
        hint=_hint(area, item.hint, lang),
        type=item.type,
        required=item.required,
        personal=is_about_person(item),
        list=item.list,
        variables=item.variables,
        enable_when=(when.item, tuple(when.any)) if when else None,
        columns=_columns(area, item, lang),
        rows=most_rows(item) if item.columns else None,
    )


def _columns(area: Area, thing: Item | AreaVariable, lang: str) -> tuple[SetColumn, ...]:
    return tuple(
        SetColumn(
            id=column.id,
            text=_plain(area, column.text, lang),
            type=column.type,
            list=column.list,
            required=column.required,
            personal=column.personal,
        )
        for column in thing.columns
    )


def _variable(area: Area, variable: AreaVariable, lang: str) -> SetVariable:
    return SetVariable(
        id=variable.id,
        type=variable.type,
        label=_plain(area, variable.text, lang),
        hint=_hint(area, variable.hint, lang),
        list=variable.list,
        personal=is_about_person(variable),
        columns=_columns(area, variable, lang),
        rows=most_rows(variable) if variable.columns else None,
    )


def _choices(area: Area, list_id: str, lang: str) -> tuple[Choice, ...]:
    codes = area.lists[list_id].codes
    return tuple(Choice(code=one.code, label=_text(area.catalogue.label(one, lang))) for one in codes)


def _set(area: Area, question_set: QuestionSet, lang: str) -> QuestionSetView:
    shown = visible_items(question_set, list(question_set.questions), None)
    items: list[Item] = [one.item for one in shown]
    names = tuple(dict.fromkeys(name for item in items for name in item.variables))
    variables = [area.variables[name] for name in names]
    lists = sorted(lists_named((*items, *variables)))
    return QuestionSetView(
        area=area.id,
        id=question_set.id,
        version=question_set.version,
        sha256=question_set.sha256,
        title=_plain(area, question_set.title, lang),
        questions=tuple(_question(area, one, lang) for one in shown),
        lists={one: _choices(area, one, lang) for one in lists},
        variables=tuple(_variable(area, one, lang) for one in variables),
    )


async def listing(call: Call) -> Page[AreaView]:
    """List the areas."""
    areas = tuple(_area(area, call.lang) for area in call.node.areas.values())
    items, following = page_of(areas, call.query)
    return Page[AreaView](items=items, next=following)


async def read_deadline(call: Call) -> Period:
    """Return until when a reply would be due of a request sent today."""
    area, asked = call.node.areas.get(call.path["area"]), call.query
    if area is None or call.path["set"] not in area.question_sets:
        raise NodeError("not-found", "There is no such area or question set here.")
    if asked.country not in COUNTRIES:
        raise NodeError("invalid", "No country that takes part.", fields={"country": "unknown-country"})
    return deadlines.usual(call.node, area, call.path["set"], asked.country, call.lang)


async def read_set(call: Call) -> QuestionSetView:
    """Read a question set."""
    area = call.node.areas.get(call.path["area"])
    question_set = area.question_sets.get(call.path["set"]) if area else None
    if area is None or question_set is None:
        raise NodeError("not-found", "There is no such area or question set here.")
    return _set(area, question_set, call.lang)


ROUTES: Final = (
    Route("GET", "/areas", "listAreas", "List the legal areas and their question sets", listing, Page[AreaView],
          query=PageQuery),
    Route("GET", "/areas/{area}/question-sets/{set}", "readQuestionSet",
          "Read a question set: questions, answer lists, variables", read_set, QuestionSetView),
    Route("GET", "/areas/{area}/question-sets/{set}/deadline", "readDeadline",
          "Read until when a country would have to reply to a request of today", read_deadline, Period,
          query=DeadlineQuery),
)  # fmt: skip
