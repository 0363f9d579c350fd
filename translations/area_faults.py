"""Whether an area hangs together: every reference leads somewhere, every follow-up can be reached. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final

from translations.finding import Finding
from translations.limits import ITEM_DEPTH, SET_ITEMS
from translations.question_set import CodeList, Column, Item, QuestionSet, Variable
from translations.yaml_file import Source

Found = tuple[str, str, str]  # id whose line is shown, code, message

_WITH_LIST: Final = frozenset({"choice", "code"})


def area_faults(
    lists: Mapping[str, CodeList],
    variables: Mapping[str, Variable],
    question_sets: Mapping[str, QuestionSet],
    sources: Mapping[str, Source],
) -> list[Finding]:
    """Return all faults, file by file."""
    found = [(sources[f"variable {each.id}"], fault) for each in variables.values() for fault in _fields(each, lists)]
    for code_list in lists.values():
        found += [(sources[f"lists/{code_list.id}.yaml"], fault) for fault in _codes(code_list)]
    texts: dict[str, str] = {}
    for question_set in question_sets.values():
        source = sources[f"questions/{question_set.id}.yaml"]
        found += [(source, fault) for fault in set_faults(question_set, lists, variables)]
        for item in question_set.by_id.values():
            if texts.setdefault(item.id, item.text) != item.text:
                message = f"{item.id} has another text in another set"
                found.append((source, (item.id, "two-texts", message)))
    return [source.fault(*fault) for source, fault in found]


def set_faults(
    question_set: QuestionSet, lists: Mapping[str, CodeList], variables: Mapping[str, Variable]
) -> list[Found]:
    """Return the faults of one set."""
    if len(question_set.by_id) > SET_ITEMS:  # looking for circles takes the square of that
        return [(question_set.id, "too-large", f"{question_set.id} has more than {SET_ITEMS} items")]
    faults: list[Found] = []
    earlier: dict[str, Item] = {}
    for top in question_set.items:
        for item in top.walk():
            if item.id in earlier:
                faults.append((item.id, "duplicate-item", f"{item.id} stands twice"))
            earlier[item.id] = item
            faults += _fields(item, lists)
            faults += [
                (item.id, "unknown-variable", f"{item.id} names the unknown variable {name}")
                for name in item.variables
                if name not in variables
            ]
    if not faults:  # reachability speaks about sets whose references are sound
        faults += _shape(question_set.items)
        for question in question_set.questions.values():
            faults += _reachable(question, lists)
    return faults


def _fields(thing: Item | Variable, lists: Mapping[str, CodeList]) -> Iterator[Found]:
    """Yield what is wrong with the list or the columns of an item or a variable."""
    yield from _list(thing, lists)
    if thing.type != "table":
        if thing.columns or thing.rows:
            yield thing.id, "needless-columns", f"{thing.id} is of type {thing.type}, which takes no columns or rows"
        return
    if not thing.columns:
        yield thing.id, "no-columns", f"the table {thing.id} has no column"
    seen: set[str] = set()
    for column in thing.columns:
        if column.id in seen:
            yield thing.id, "duplicate-column", f"the table {thing.id} has the column {column.id} twice"
        seen.add(column.id)
        yield from _list(column, lists)


def _list(thing: Item | Variable | Column, lists: Mapping[str, CodeList]) -> Iterator[Found]:
    if thing.type not in _WITH_LIST:
        if thing.list:
            yield thing.id, "needless-list", f"{thing.id} is of type {thing.type}, which takes no list"
    elif thing.list not in lists:
        yield thing.id, "unknown-list", f"{thing.id} names the unknown list {thing.list}"


def _codes(code_list: CodeList) -> Iterator[Found]:
    seen: set[str] = set()
    for entry in code_list.codes:
        if entry.code in seen:
            yield entry.code, "duplicate-code", f"{entry.code} stands twice in {code_list.id}"
        seen.add(entry.code)


def _shape(items: tuple[Item, ...], depth: int = 1) -> Iterator[Found]:
    """Yield the groups that aren't at the top or hold nothing, and the items that stand too deep."""
    for item in items:
        if item.type == "group":
            if depth > 1:
                yield item.id, "nested-group", f"the group {item.id} is not at the top"
            if not item.items:
                yield item.id, "empty-group", f"the group {item.id} holds no question"
        if depth > ITEM_DEPTH:
            yield item.id, "too-deep", f"{item.id} is more than {ITEM_DEPTH} levels down"
        yield from _shape(item.items, depth + 1)


def _reachable(question: Item, lists: Mapping[str, CodeList]) -> list[Found]:
    """Return what keeps follow-ups of one question from ever being asked.

    An item shows while its parent shows and its condition holds, and a condition names an item that stands
    earlier under the same question: so there are no circles, and what an item needs is, per earlier item,
    a set of codes. It can be reached when none of these sets is empty.
    """
    faults: list[Found] = []
    needs: dict[str, dict[str, frozenset[str]]] = {}
    earlier: dict[str, Item] = {}
    waits = _waits(question)

    def visit(item: Item, parent: Item | None) -> None:
        need = dict(needs[parent.id]) if parent else {}
        when = item.enable_when
        if when:
            fault = _condition(item, earlier, lists)
            if _in_circle(item.id, waits):
                faults.append((item.id, "cycle", f"{item.id} waits for itself, through {when.item}"))
            elif fault:
                faults.append(fault)
            else:
                _meet(need, {**needs[when.item], when.item: frozenset(when.any)})
                if not all(need.values()):
                    faults.append((item.id, "unreachable", f"no answers lead to {item.id}"))
        needs[item.id] = need
        earlier[item.id] = item
        for child in item.items:
            visit(child, item)

    visit(question, None)
    return faults


def _waits(question: Item) -> dict[str, frozenset[str]]:
    """Return what each item waits for: the item above it, and the one that its condition names."""
    above = {child.id: item.id for item in question.walk() for child in item.items}
    waits = {item.id: {item.enable_when.item} if item.enable_when else set() for item in question.walk()}
    return {item: frozenset(named | ({above[item]} if item in above else set())) for item, named in waits.items()}


def _in_circle(item_id: str, waits: Mapping[str, frozenset[str]]) -> bool:
    """Say whether an item waits, perhaps through others, for itself."""
    seen: set[str] = set()
    ahead = set(waits[item_id])
    while ahead:
        if item_id in ahead:
            return True
        seen |= ahead
        ahead = {each for item in ahead for each in waits.get(item, ())} - seen
    return False


def _meet(need: dict[str, frozenset[str]], more: Mapping[str, frozenset[str]]) -> None:
    """Narrow `need` by `more`, item by item."""
    for item_id, codes in more.items():
        need[item_id] = need.get(item_id, codes) & codes


def _condition(item: Item, earlier: Mapping[str, Item], lists: Mapping[str, CodeList]) -> Found | None:
    """Return what is wrong with an item's `enable_when` by itself."""
    when = item.enable_when
    assert when is not None
    source = earlier.get(when.item)
    if source is None:
        return item.id, "unknown-item", f"{item.id} waits for {when.item}, which isn't earlier under its question"
    if source.type != "choice" or source.list is None:
        return item.id, "not-a-choice", f"{item.id} waits for {when.item}, which is no choice"
    unknown = [code for code in when.any if lists[source.list].get(code) is None]
    if unknown:
        return item.id, "unknown-code", f"{item.id} waits for {', '.join(unknown)}, not in list {source.list}"
    return None
