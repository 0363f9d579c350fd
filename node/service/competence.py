"""Who may answer or decide in a legal area, by a country's own directory: the same check at both ends of a case."""

import datetime as dt

from directory_sync.authority import Authority, Role
from node.store import authorities
from node.store.tx import Read
from protocol.problems import ProtocolError


def check(q: Read, country: str, authority: str, area: str, day: dt.date) -> None:
    """Raise `unknown-authority` or `not-competent` unless a country lists it for an area (SPEC S-228)."""
    if not authorities.is_active(q, country, authority, day):
        raise ProtocolError("unknown-authority", "who is to answer")
    if not authorities.is_competent(q, authority, area):
        raise ProtocolError("not-competent", "who is to answer")


def role_in(q: Read, authority: str, area: str) -> Role | None:
    """Return what an authority is in an area by its record; None where that says nothing of the area."""
    line = authorities.record_of(q, authority)
    return role_of(authorities.read(line), area) if line is not None else None


def role_of(authority: Authority, area: str) -> Role | None:
    """Return what an authority is in an area, be it suspended there or not."""
    return next((one.role for one in authority.areas if one.area == area), None)


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
