"""Who may answer or decide in a legal area, by a country's own directory: the same check at both ends of a case."""

import datetime as dt

from directory_sync.authority import Authority
from node.domain.case import Case
from node.domain.day import directory_day
from node.store import authorities
from node.store.tx import Read, Tx
from protocol.content import SendMatter
from protocol.problems import ProtocolError
from protocol.request import Side
from translations.area import Area, Areas


def check(q: Read, country: str, authority: str, area: str, day: dt.date) -> None:
    """Raise `unknown-authority` or `not-competent` unless a country lists it for an area (SPEC S-228)."""
    if not authorities.is_active(q, country, authority, day):
        raise ProtocolError("unknown-authority", "who is to answer")
    if not authorities.is_competent(q, authority, area):
        raise ProtocolError("not-competent", "who is to answer")


def may(area: Area, authority: Authority, side: Side) -> bool:
    """Say whether an area's rules let an authority ask or answer, by its role there; where its record has none, yes.

    It counts whether the role is suspended or not.
    """
    role = next((one.role for one in authority.areas if one.area == area.id), None)
    return role is None or role in (area.rules.roles.asking if side == "asking" else area.rules.roles.replying)


def may_by_record(q: Read, area: Area, authority: str, side: Side) -> bool:
    """Say as `may` does of an authority by its id; yes where there is no record of it."""
    line = authorities.record_of(q, authority)
    return line is None or may(area, authorities.read(line), side)


def _check_role(q: Read, areas: Areas, asked: SendMatter | Case, authority: str, side: Side) -> None:
    """Raise `not-competent` where the area's newest rules here don't let an authority; not while fetched."""
    if isinstance(asked, Case):
        held = areas.holding(asked.area, asked.question_set, asked.set_version, asked.set_sha256)
    else:
        held = areas.holding(asked.area, asked.set, asked.version, asked.set_sha256)
    if held is not None and not may_by_record(q, areas[asked.area], authority, side):
        raise ProtocolError("not-competent", f"by its role in the area, on the {side} side")  # SPEC S-309


def check_request(q: Read, areas: Areas, matter: SendMatter) -> None:
    """Raise `not-competent` unless the roles of both authorities let them; a part's were judged before (SPEC S-309)."""
    if matter.part_of is None:
        _check_role(q, areas, matter, matter.asking.authority, "asking")
        _check_role(q, areas, matter, matter.replying.authority, "replying")


def check_passing_on(tx: Tx, areas: Areas, case: Case, to: str) -> None:
    """Raise what `check` does of who is to get a case or a part, and `not-competent` for a role that doesn't answer."""
    check(tx, case.counterpart, to, case.area, directory_day(tx.now))
    _check_role(tx, areas, case, to, "replying")


def coordinators(q: Read, country: str, authority: str, area: str, day: dt.date) -> tuple[str, ...]:
    """Return the active request coordinators that a country's directory names for an authority of it, in its order."""
    line = authorities.record_of(q, authority) if authority.startswith(f"{country}-") else None
    links = authorities.read(line).links if line is not None else None
    named = links.request.get(area, ()) if links is not None else ()
    return tuple(one for one in named if authorities.is_active(q, country, one, day))


def check_coordinator(q: Read, authority: str, to: str, area: str, day: dt.date) -> None:
    """Raise `unknown-authority` or `not-competent` unless `to` coordinates an authority's requests (SPEC S-266)."""
    country = authority.partition("-")[0]
    if not authorities.is_active(q, country, to, day):
        raise ProtocolError("unknown-authority", "who is to decide")
    if to not in coordinators(q, country, authority, area, day):
        raise ProtocolError("not-competent", "who is to decide")
