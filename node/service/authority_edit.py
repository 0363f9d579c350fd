"""Changing our own authorities: who may, what holds together, published and kept with author, reason and time."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Final, Literal

from pydantic import ValidationError

from directory_sync.authority import Authority
from directory_sync.coordination import Faults, country_faults, link_faults, reach_of
from node.domain.access import Actor, granted
from node.domain.authority_change import Editor, change_faults, changes_between
from node.domain.directory_view import Changes
from node.domain.person import text_fault
from node.errors import NodeError
from node.service import directory
from node.service.labels import Labels
from node.service.node import Node
from node.store import authorities, authority_changes
from node.store.tx import Read, Tx

Kind = Literal["register", "edit", "end", "undo", "import", "leave"]

MAX_REASON_CHARS: Final = 500
"""Characters of the reason that every change has."""
_TRIES: Final = 3
"""How often a change of one authority is published anew where another authority's came in between."""
_FAULTS: Final = 50
_CODES: Final = {
    "missing": "missing",
    "string_too_short": "missing",
    "string_too_long": "too-long",
    "too_long": "too-many",
}


@dataclass(frozen=True)
class Why:
    """What a change is and why it is made; `within` is done in the same transaction, with the published records."""

    kind: Kind
    reason: str
    within: Callable[[Tx], None] = lambda _tx: None


@dataclass(frozen=True)
class _Known:
    """The country's records as they are, of which those that matter are at hand."""

    find: Callable[[str], Authority | None]
    all: Mapping[str, Authority] | None


def editor_of(node: Node, actor: Actor) -> Editor:
    """Return what an actor may change: as a data administrator of its authorities, or as the operator."""
    if not actor.may("directory.change"):
        return Editor(frozenset(), ())
    if "operator" in actor.roles:
        return Editor(frozenset(), (), operator=True)
    day = node.directory_day()
    administered = actor.places("directory.change")
    own = node.store.read_now(lambda q: [_listed(q, node.country, one) for one in sorted(administered)])
    coordinators = tuple(one for one in own if one is not None and reach_of(one) is not None and one.valid_on(day))
    return Editor(administered, coordinators)


async def publish(
    node: Node,
    actor: Actor,
    records: Iterable[Authority],
    why: Why,
    *,
    complete: bool = False,
    dry_run: bool = False,
) -> Changes:
    """Publish records of our own country as `directory.import_authorities` does, with everything a change needs.

    Raises `forbidden` with the fields that the actor may not change, `invalid` with the fields at fault
    (`PLACE.FIELD`, the place among the records), and `stale`. Every change is kept with author and reason.
    """
    actor.require("directory.change")
    new = list(records)
    if fault := text_fault(why.reason, MAX_REASON_CHARS):
        raise NodeError("invalid", fields={"reason": fault})
    editor = editor_of(node, actor)
    if complete and not editor.operator:
        raise NodeError("forbidden", "Only the operator replaces the whole list.")
    faults, denied = await node.store.read(lambda q: _judge(q, node, editor, new))
    if denied:
        raise NodeError("forbidden", "The role doesn't allow a change of these fields.", fields=denied)
    if faults:
        raise NodeError("invalid", "These authorities can't be published.", fields=faults)
    publisher = replace(actor, grants=granted(["operator"], ()))  # everything that it may was checked above
    ids = None if complete else frozenset(one.id for one in new)
    keep = _Kept(node.country, actor.id, why, ids)
    return await directory.import_authorities(
        node, publisher, new, complete=complete, dry_run=dry_run, within=keep.before
    )


async def change(node: Node, actor: Actor, new: Authority, why: Why) -> Authority:
    """Publish one record whose `v` is the version it was made from; returns it as it is now.

    Raises as `publish` does, and `stale` where this authority was changed since that version.
    """
    for tries in range(_TRIES):
        before = current(node, new.id)
        if before is None:
            raise NodeError("not-found", "There is no such authority.")
        if before.v != new.v:
            raise NodeError("stale", "The authority was changed meanwhile.")
        if not changes_between(before, new):
            return before
        try:
            await publish(node, actor, [new], replace(why, within=_only_from(before, why.within)))
            break
        except NodeError as error:
            if error.code != "stale" or tries == _TRIES - 1:
                raise of_one(error) from None
    after = current(node, new.id)
    assert after is not None
    return after


def current(node: Node, authority_id: str) -> Authority | None:
    """Return the record of an authority of ours, an ended one's too."""
    found = node.store.read_now(lambda q: _record(q, authority_id)) if authority_id.isascii() else None
    return found if found is not None and found.country == node.country else None


def own_records(q: Read, country: str) -> list[Authority]:
    """Return all records of a country's list."""
    return [Authority.model_validate_json(line) for line in authorities.lines_of(q, country).values()]


async def faults_of_new(node: Node, new: Authority) -> Faults:
    """Return what keeps a new record from being published by those who may, by field."""
    editor = Editor(frozenset(), (), operator=True)
    faults, _ = await node.store.read(lambda q: _judge(q, node, editor, [new]))
    return of_one(NodeError("invalid", fields=faults)).fields


async def faults_of_all(node: Node, actor: Actor, new: list[Authority]) -> Faults:
    """Return what keeps these records from being published by the actor, by `PLACE.FIELD`."""
    editor = editor_of(node, actor)
    faults, denied = await node.store.read(lambda q: _judge(q, node, editor, new))
    return {**directory.record_faults(node, new), **faults, **denied}


def remade(before: Authority, **fields: object) -> Authority:
    """Return a record with some fields replaced; raises `invalid` with the fields at fault."""
    try:
        return Authority.model_validate({**before.model_dump(), **fields})
    except ValidationError as error:
        raise NodeError("invalid", fields=record_faults(error)) from None


def record_faults(error: ValidationError) -> dict[str, str]:
    """Return what pydantic finds in a record as field → code: missing, too-long, too-many or malformed."""
    faults = {}
    for problem in error.errors(include_url=False, include_input=False):
        path = ".".join(str(part) for part in problem["loc"])
        if not path:  # a rule about the whole record names its field first
            path = problem["msg"].removeprefix("Value error, ").partition(": ")[0]
        faults[path] = _CODES.get(problem["type"], "malformed")
    return dict(list(faults.items())[:_FAULTS])


def of_one(error: NodeError) -> NodeError:
    """Return an error about the only record without its place."""
    fields = {field.removeprefix("0."): code for field, code in error.fields.items()}
    return NodeError(error.code, error.message, error.hint, fields)


def _only_from(before: Authority, then: Callable[[Tx], None]) -> Callable[[Tx], None]:
    """Refuse in the transaction itself where another version came in between."""

    def check(tx: Tx) -> None:
        now = _record(tx, before.id)
        if now is None or now.v != before.v + 1:
            raise NodeError("stale", "The authority was changed meanwhile.")
        then(tx)

    return check


def _record(q: Read, authority_id: str) -> Authority | None:
    line = authorities.record_of(q, authority_id)
    return Authority.model_validate_json(line) if line is not None else None


def _listed(q: Read, country: str, authority_id: str) -> Authority | None:
    """Return an authority that stands in the list: who has left it coordinates nobody, nor changes itself back."""
    line = authorities.listed(q, country, [authority_id]).get(authority_id)
    return Authority.model_validate_json(line) if line is not None else None


# --- judging ---


def _judge(q: Read, node: Node, editor: Editor, new: list[Authority]) -> tuple[Faults, Faults]:
    """Return what is wrong with new records, and what the editor may not change, by `PLACE.FIELD`."""
    faults: Faults = {}
    denied: Faults = {}
    known = _known(q, node, new)
    labels = Labels(node.areas)
    for place, one in enumerate(new):
        before = known.find(one.id)
        if before is not None and not changes_between(before, one):
            continue
        denied |= {f"{place}.{field}": code for field, code in change_faults(editor, before, one).items()}
        if fault := _unknown_code(labels, before, one):
            faults[f"{place}.competences"] = fault
    faults |= _linked(node, known, new)
    return dict(list(faults.items())[:_FAULTS]), dict(list(denied.items())[:_FAULTS])


def _known(q: Read, node: Node, new: list[Authority]) -> _Known:
    lines = authorities.listed(q, node.country, (one.id for one in new))
    before = {one: Authority.model_validate_json(line) for one, line in lines.items()}
    if any(_coordinates_anew(before.get(one.id), one) for one in new):
        every = {one.id: one for one in own_records(q, node.country)}
        return _Known(every.get, every)
    return _Known(cache(lambda one: before.get(one) or _listed(q, node.country, one)), None)


def _coordinates_anew(before: Authority | None, after: Authority) -> bool:
    """Say whether a change may break the links of others, so that all have to be checked."""
    was = before is not None and (reach_of(before) is not None or before.coordinator is not None)
    now = reach_of(after) is not None
    return (was or now) and (
        before is None
        or reach_of(before) != reach_of(after)
        or before.coordinator != after.coordinator
        or before.valid_until != after.valid_until
    )


def _linked(node: Node, known: _Known, new: list[Authority]) -> Faults:
    """Return the faults of links that weren't there before (SPEC S-201)."""
    day, places = node.directory_day(), {one.id: place for place, one in enumerate(new)}
    if known.all is None:
        named = {one.id: one for one in new}
        found = {one.id: link_faults(one, lambda each: named.get(each) or known.find(each), day) for one in new}
        earlier = {one.id: link_faults(old, known.find, day) for one in new if (old := known.find(one.id))}
    else:
        found = country_faults({**known.all, **{one.id: one for one in new}}, day)
        earlier = country_faults(known.all, day)
    return {
        f"{places[one]}.{field}" if one in places else f"{one}.{field}": code
        for one, faults in found.items()
        for field, code in faults.items()
        if earlier.get(one, {}).get(field) != code
    }


def _unknown_code(labels: Labels, before: Authority | None, one: Authority) -> str | None:
    """Say whether a competence that is new in a record has a code of nobody's list (SPEC S-202)."""
    had = before.competences if before else ()
    for code in one.competences:
        if code not in had and labels.has_list(code.partition(":")[0]) and labels.text(code, "en") is None:
            return "unknown-competence"
    return None


# --- keeping ---


@dataclass(frozen=True)
class _Kept:
    """Writes down what a publication changes, in its own transaction; without `ids` it looks at all authorities."""

    country: str
    actor: str
    why: Why
    ids: frozenset[str] | None

    def before(self, tx: Tx) -> Callable[[Tx], None]:
        """Remember what is there, and return what is done once the records are saved."""
        there = self._lines(tx)

        def after(tx: Tx) -> None:
            self.why.within(tx)
            now = self._lines(tx)
            for one in sorted(there.keys() | now.keys()):
                if there.get(one) != now.get(one):
                    self._add(tx, one, there.get(one), now.get(one))

        return after

    def _lines(self, tx: Tx) -> Mapping[str, bytes]:
        if self.ids is None:
            return authorities.lines_of(tx, self.country)
        return authorities.listed(tx, self.country, self.ids)

    def _add(self, tx: Tx, one: str, before: bytes | None, after: bytes | None) -> None:
        kind = self.why.kind if after is not None else "leave"
        change = {"authority": one, "actor": self.actor, "kind": kind, "reason": self.why.reason}
        authority_changes.add(tx, {**change, "before": before, "after": after})
