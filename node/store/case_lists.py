"""Lists of cases, the latest change first: read from indexes and from a place on, however many cases there are.

What one may see is a few runs of indexes: of each authority and area its open cases by whose turn it is, its closed
ones, those that are blocked. Each is asked for as much as the list may need, so a list costs what it shows. What no
index knows is tested entry by entry, of `LOOK` entries of a run at most; then the list is short, and goes on there.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from node.domain.access import ALL_AREAS, Reach
from node.store.cases import RECEIVED, VOID
from node.store.list_place import FIRST, Place
from node.store.referrals import referred
from node.store.tx import Read, Row, listed, reached

LOOK: Final = 5000
"""Entries of a run that are tested at most."""
COUNTED: Final = 1000
"""As many cases are counted at most."""
_OPEN: Final = "c.closed_at IS NULL AND c.blocked_at IS NULL"
_CLOSED: Final = "c.closed_at IS NOT NULL AND c.blocked_at IS NULL"
_BLOCKED: Final = "c.blocked_at IS NOT NULL"
_COLUMNS: Final = {"country": "counterpart"} | {name: name for name in ("state", "role", "area", "number", "handler")}
_HANDLED: Final = "(SELECT name FROM person WHERE person.id = cases.handler AND ended_at IS NULL)"
_FORMER: Final = "passed_on p JOIN cases c ON c.id = p.case_id"


@dataclass(frozen=True)
class Wanted:
    """What a list holds: the cases within `reach`, and the open referrals on which the reader decides.

    Those are the ones with a coordinator of `deciding`, and single ones by their ids (`inherited`).

    `filters` may hold: state, role, area, country, number, handler (exact), open, passed_on and blocked (bool; only
    with it blocked cases are listed, and no others), and todo (bool: the open cases in which the reader has something
    to do, or the other open ones).
    """

    reach: Reach
    deciding: Reach = ()
    inherited: Sequence[str] = ()
    filters: dict[str, Any] = field(default_factory=dict)


class Part(NamedTuple):
    """Some rows of a list; `next` is where it goes on, None at its end."""

    rows: list[Row]
    next: Place | None


class _Run(NamedTuple):
    """A run of an index: its condition, what is tested of each entry, and the columns that give its order."""

    where: str
    tests: tuple[str, ...]
    values: dict[str, str]
    source: str = "cases c"
    order: tuple[str, str] = ("c.updated_at", "c.id")


def listing(q: Read, wanted: Wanted, limit: int, after: Place = FIRST) -> Part:
    """Return the first `limit` cases of a list behind a place, or fewer where too many had to be tested.

    A row has `void` (why its request never happened), `handled_by` (a name) and `received_at` beside the columns.
    """
    found: set[Place] = set()
    ends: list[Place] = []
    for run in _runs(q, wanted):
        places, end = _look(q, run, limit + 1, after)
        found.update(places)
        ends += [end] if end else []
    sure = max(ends, default=None)
    ordered = sorted((one for one in found if sure is None or one >= sure), reverse=True)
    return Part(_rows(q, ordered[:limit]), ordered[limit - 1] if len(ordered) > limit else sure)


def _look(q: Read, run: _Run, most: int, after: Place) -> tuple[list[Place], Place | None]:
    """Return the first places of a run that pass its tests, and how far was looked where that isn't its end."""
    at, case_id = run.order
    values: dict[str, Any] = {**run.values, **after._asdict(), "most": most, "look": LOOK}
    within = f"FROM {run.source} WHERE {run.where} AND ({at}, {case_id}) < (:at, :id)"
    order = f"ORDER BY {at} DESC, {case_id} DESC"

    def places(where: str, limit: str) -> list[Place]:
        rows = q.all(f"SELECT {at} AS at, {case_id} AS id {within}{where} {order} LIMIT {limit}", values)
        return [Place(row["at"], row["id"]) for row in rows]

    if not run.tests:
        return places("", ":most"), None
    tests = "".join(f" AND {test}" for test in run.tests)
    end = places("", "1 OFFSET :look")
    if not end:
        return places(tests, ":most"), None
    values |= {"end_at": end[0].at, "end": end[0].id}
    found = places(f"{tests} AND ({at}, {case_id}) >= (:end_at, :end)", ":most")
    return found, None if len(found) == most else end[0]


def _rows(q: Read, places: list[Place]) -> list[Row]:
    if not places:
        return []
    names, values = listed([place.id for place in places])
    found = q.all(
        f"SELECT *, {VOID} AS void, {_HANDLED} AS handled_by, {RECEIVED} AS received_at"  # noqa: S608 - ours
        f" FROM cases WHERE id IN ({names})",
        values,
    )
    rows = {row["id"]: row for row in found}
    return [rows[place.id] for place in places]


def _runs(q: Read, wanted: Wanted) -> Iterator[_Run]:
    """Return the runs of which a list is made; together they hold all of it, and nothing else."""
    filters = wanted.filters
    if filters.get("todo") and (filters.get("passed_on") or filters.get("blocked")):
        return  # there is nothing to do in those
    if filters.get("passed_on"):
        yield from _former(wanted)
    elif filters.get("number") is not None:
        yield _whole(wanted, "c.number = :number")
    elif filters.get("handler") is not None:
        for still_open, closed in ((True, "IS NULL"), (False, "IS NOT NULL")):
            if filters.get("open") in (None, still_open):
                yield _whole(wanted, f"c.handler = :handler AND c.closed_at {closed}")
    else:
        for part in _parts(filters):
            yield from _own(q, wanted, part)
            if part != _CLOSED:
                yield from _referred(wanted, part)


def _parts(filters: dict[str, Any]) -> tuple[str, ...]:
    if filters.get("blocked"):
        return (_BLOCKED,)
    still_open = True if filters.get("todo") is not None else filters.get("open")
    return (_OPEN, _CLOSED) if still_open is None else (_OPEN,) if still_open else (_CLOSED,)


def _tests(filters: dict[str, Any], *known: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return a test for each filter but those that a run has in itself, and its value.

    It is written so that no column chooses another index than the one that has the run in order.
    """
    asked = {name: str(filters[name]) for name in _COLUMNS if filters.get(name) is not None and name not in known}
    return tuple(f"c.{_COLUMNS[name]} || '' = :{name}" for name in asked), asked


def _whole(wanted: Wanted, where: str) -> _Run:
    """Return a run of all authorities' cases, each of which is tested for whether the reader may see it."""
    filters = wanted.filters
    own, values = reached(wanted.reach, "c.own_authority", "c.area")
    with_us, more = referred(wanted.deciding, wanted.inherited)
    tests, asked = _tests(filters)
    parts = " OR ".join(f"({part})" for part in _parts(filters))
    tests += (f"({own} OR {with_us})", f"({parts})")
    if filters.get("todo") is not None:
        todo = f"(c.turn = 'us' AND {own} OR c.turn = 'coordinator' AND {with_us})"
        tests += (todo if filters["todo"] else f"NOT {todo}",)
    return _Run(where, tests, {**values, **more, **asked})


def _own(q: Read, wanted: Wanted, part: str) -> Iterator[_Run]:
    """Return the runs of authorities within the reach: one for each area, and of open cases for each turn."""
    with_us, deciding = referred(wanted.deciding, wanted.inherited)
    tests, asked = _tests(wanted.filters, "area")
    todo = wanted.filters.get("todo")
    turns = ("",) if part != _OPEN else ("us",) if todo else ("", "coordinator") if todo is False else _TURNS
    for authority, area in _in_areas(q, wanted, part):
        values = {"own": authority, "of_area": area, **asked}
        for turn in turns:
            where = f"c.own_authority = :own AND c.area = :of_area AND {part}"
            where += " AND c.turn = :turn" if part == _OPEN else ""
            others = todo is False and turn == "coordinator"  # what the reader decides is no one else's turn
            yield _Run(where, (*tests, f"NOT {with_us}") if others else tests, {**values, **deciding, "turn": turn})


_TURNS: Final = ("", "us", "coordinator")


def _in_areas(q: Read, wanted: Wanted, part: str) -> Iterator[tuple[str, str]]:
    """Return the authorities within the reach, each with each area in which it has cases and that is asked for."""
    only = wanted.filters.get("area")
    for authority, confined in wanted.reach:
        if confined != ALL_AREAS or only is not None:
            if only is None or confined in (ALL_AREAS, only):
                yield authority, only or confined
            continue
        least = f"SELECT MIN(c.area) FROM cases c WHERE c.own_authority = :own AND {part}"  # noqa: S608 - ours
        rows = q.all(
            f"WITH RECURSIVE found (area) AS ({least} UNION ALL"  # noqa: S608 - ours
            f" SELECT ({least} AND c.area > found.area) FROM found WHERE found.area IS NOT NULL)"
            " SELECT area FROM found WHERE area IS NOT NULL",
            {"own": authority},
        )
        yield from ((authority, str(row["area"])) for row in rows)


def _referred(wanted: Wanted, part: str) -> Iterator[_Run]:
    """Return the runs of open referrals where the reader decides."""
    tests, asked = _tests(wanted.filters)
    todo = wanted.filters.get("todo")
    if todo is not None:
        tests += ("c.turn || '' = 'coordinator'" if todo else "c.turn || '' <> 'coordinator'",)
    for coordinator, area in wanted.deciding:
        values = {"coordinator": coordinator, "of_area": area, **asked}
        within = (*tests, part, *(("c.area || '' = :of_area",) if area != ALL_AREAS else ()))
        yield _Run("c.coordinator = :coordinator AND c.coordinator <> ''", within, values)
    if wanted.inherited:
        names, values = listed(wanted.inherited)
        yield _Run(f"c.id IN ({names}) AND c.coordinator <> ''", (*tests, part), values | asked)


def _former(wanted: Wanted) -> Iterator[_Run]:
    """Return the runs of what authorities within the reach passed on to others."""
    here, values = reached(wanted.reach, "c.own_authority", "c.area")
    tests, asked = _tests(wanted.filters)
    blocked = "c.blocked_at IS NOT NULL" if wanted.filters.get("blocked") else "c.blocked_at IS NULL"
    tests = (*tests, blocked, f"NOT {here}", *_open_tests(wanted.filters))
    for authority, area in wanted.reach:
        within = (*tests, "p.area = :of_area") if area != ALL_AREAS else tests
        named = {"authority": authority, "of_area": area, **values, **asked}
        yield _Run("p.authority = :authority", within, named, _FORMER, ("p.updated_at", "p.case_id"))


def _open_tests(filters: dict[str, Any]) -> Iterable[str]:
    if filters.get("open") is not None:
        yield "c.closed_at IS NULL" if filters["open"] else "c.closed_at IS NOT NULL"


def count_todo(q: Read, reach: Reach, deciding: Reach = (), inherited: Sequence[str] = ()) -> int:
    """Return how many open cases wait for the reader, `COUNTED` where there are as many or more.

    They are those of the authorities within its reach whose turn it is, and the referrals that it can decide.
    """
    found, todo = 0, {"todo": True}
    for wanted in (Wanted(reach, filters=todo), Wanted((), deciding, inherited, todo)):
        for run in _runs(q, wanted):
            tests = "".join(f" AND {test}" for test in run.tests)
            row = q.one(
                "SELECT COUNT(*) AS count FROM"  # noqa: S608 - ours
                f" (SELECT 1 FROM {run.source} WHERE {run.where}{tests} LIMIT :most) AS counted",
                {**run.values, "most": COUNTED - found},
            )
            found += int(row["count"]) if row else 0
            if found >= COUNTED:
                return COUNTED
    return found
