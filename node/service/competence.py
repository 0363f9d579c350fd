"""Who may answer in a legal area, by a country's own directory: the same check at both ends of a case."""

import datetime as dt

from node.store import authorities
from node.store.tx import Read
from protocol.problems import ProtocolError


def check(q: Read, country: str, authority: str, area: str, day: dt.date) -> None:
    """Raise `unknown-authority` or `not-competent` unless a country lists it for an area (SPEC S-228)."""
    if not authorities.is_active(q, country, authority, day):
        raise ProtocolError("unknown-authority", "who is to answer")
    if not authorities.is_competent(q, authority, area):
        raise ProtocolError("not-competent", "who is to answer")
