"""Questions and requests as they will be read, before anything is sent."""

from typing import Any

from directory_sync.authority import Authority
from node.domain.case_view import Choice, Due, FreeText, Party, Question, Text, Variable
from node.domain.draft import RequestDraft
from node.service import find
from node.service.case_tables import columns_of, table_of
from node.service.judge import plain
from node.service.node import Node
from translations import languages
from translations.answer import visible_items
from translations.area import Area, render_question, render_variable
from translations.question_set import Item, QuestionSet, is_about_person


def title_of(record: Authority, lang: str) -> tuple[str | None, str]:
    """Return an authority's informal title in a language, else in English, else in any."""
    code = next((c for c in (lang, "en", *sorted(record.titles)) if c in record.titles), None)
    return (record.titles[code], code) if code else (None, lang)


def all_countries() -> tuple[str, ...]:
    """Return every territory that has a name in the languages."""
    return languages.country_codes()


def question_with_follow_ups(
    area: Area, question_set: QuestionSet, question: str, values: dict[str, Any], lang: str
) -> tuple[Question, tuple[Question, ...]]:
    """Return a question of a set and the follow-ups that come along."""
    first, *others = visible_items(question_set, [question], None)
    shown = [_question(area, entry.item, entry.depth, values, lang) for entry in (first, *others)]
    return shown[0], tuple(shown[1:])


def _question(area: Area, item: Item, depth: int, values: dict[str, Any], lang: str) -> Question:
    text = render_question(area, item.id, values, lang)
    codes = area.lists[item.list].codes if item.list else ()
    labels = [(c.code, area.catalogue.label(c, lang)) for c in codes]
    return Question.model_validate(
        {
            "id": item.id,
            "depth": depth,
            "text": {"text": text.text, "lang": text.lang},
            "type": item.type,
            "required": item.required,
            "personal": is_about_person(item),
            "choices": tuple(Choice(code=code, label=Text(text=t.text, lang=t.lang)) for code, t in labels),
            "enable_when": (item.enable_when.item, tuple(item.enable_when.any)) if item.enable_when else None,
            "takes": columns_of(area, item, lang),
        }
    )


def preview(node: Node, content: RequestDraft, lang: str) -> dict[str, Any]:
    """Return what the last look shows of a complete request, in the reader's language."""
    area = node.areas[content.area or ""]
    question_set = area.question_sets[content.set or ""]
    values = plain(content.variables)
    shown: list[Question] = []
    for item in content.questions:
        first, others = question_with_follow_ups(area, question_set, item, values, lang)
        said = content.comments.get(item)
        comment = FreeText(text=said.text, lang=said.lang) if said else None
        shown += [first.model_copy(update={"comment": comment}), *others]
    own = find.authority(node, content.authority or "")
    assert content.due is not None
    left = (content.due - node.today()).days
    return {
        "asking": Party(
            side="asking",
            country=own.country,
            country_name=languages.country_name(own.country, lang),
            authority=own.id,
            name=own.name,
        ),
        "area": area.catalogue.text(area.rules.title, lang),
        "set_title": area.catalogue.text(question_set.title, lang),
        "due": Due(date=content.due, state="asked", days_left=left, holder="them"),
        "variables": tuple(_variable(area, name, value, lang) for name, value in values.items()),
        "questions": tuple(shown),
        "comment": FreeText(text=content.comment.text, lang=content.comment.lang) if content.comment else None,
    }


def _variable(area: Area, name: str, value: dict[str, Any], lang: str) -> Variable:
    known = area.variables[name]
    label = area.catalogue.text(known.text, lang)
    written = value.get("lang")
    return Variable(
        id=name,
        label=Text(text=label.text, lang=label.lang),
        value=render_variable(area, name, value, lang),
        lang=written if isinstance(written, str) else None,
        personal=is_about_person(known),
        table=table_of(area, known, value, lang),
    )
