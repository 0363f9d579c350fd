"""Which texts an area names, and whether each shows only variables that its item declares. Pure."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from translations.area import Area
from translations.placeholders import placeholders
from translations.question_set import CodeList, Item, Variable


class Use(NamedTuple):
    """A text that is named: the source that names it, the id whose line is shown, the text's id."""

    source: str
    item: str
    text: str


def text_uses(area: Area) -> list[Use]:
    """Return every use of a text in an area."""
    uses = [Use("area.yaml", area.id, area.rules.title), *part_uses(area.variables.values(), area.lists.values())]
    for question_set in area.question_sets.values():
        name, items = f"questions/{question_set.id}.yaml", question_set.by_id.values()
        uses.append(Use(name, question_set.id, question_set.title))
        uses += _thing_uses((name, item) for item in items)
    return uses


def _thing_uses(things: Iterable[tuple[str, Item | Variable]]) -> Iterator[Use]:
    """Yield the label, the hint and the headings of columns; a thing comes with the name of its source."""
    for name, thing in things:
        texts = (thing.text, thing.hint, *(column.text for column in thing.columns))
        yield from (Use(name, thing.id, text) for text in texts if text)


def part_uses(variables: Iterable[Variable], lists: Iterable[CodeList]) -> list[Use]:
    """Return every use of a text in variables and lists."""
    uses = list(_thing_uses((f"variable {each.id}", each) for each in variables))
    for code_list in lists:
        uses += [Use(f"lists/{code_list.id}.yaml", entry.code, entry.text) for entry in code_list.codes if entry.text]
    return uses


def undeclared(area: Area) -> Iterator[tuple[str, str, str]]:
    """Yield (source, item, message) where a text shows a variable that neither its item nor those above declare."""
    for question_set in area.question_sets.values():
        for top in question_set.items:
            for item_id, message in _undeclared(area, top, frozenset()):
                yield f"questions/{question_set.id}.yaml", item_id, message


def _undeclared(area: Area, item: Item, declared: frozenset[str]) -> Iterator[tuple[str, str]]:
    declared |= set(item.variables)
    template = area.catalogue.template(item.text, "en")
    for name in sorted(placeholders(template.text) - declared if template else ()):
        yield item.id, f"{item.text} shows {{{name}}}, which {item.id} doesn't declare"
    for child in item.items:
        yield from _undeclared(area, child, declared)
