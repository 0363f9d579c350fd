"""Which countries can be asked now: reachable or not, how many authorities they list, and how fresh that is."""

import datetime as dt
from typing import Literal

from node.clock import unstamp
from node.domain.access import Actor
from node.domain.case_view import View
from node.domain.day import directory_day
from node.service import directory, freshness
from node.service.freshness import Standing
from node.service.node import Node
from node.store import authorities, peers
from node.store.tx import Read, Row
from protocol.countries import COUNTRIES
from protocol.members import MemberList
from translations.languages import country_name

State = Literal["own", "ready", "silent", "waiting", "blocked", "suspended", "absent"]
"""`ready`: can be asked. `silent`: doesn't answer now, what is sent waits. `waiting`: its list isn't here yet."""

_MISSED = 3
"""Looks at a country's list that may fail before it counts as silent."""


class CountryState(View):
    """A country as those see it who want to ask: `authorities` is how many are active today, 0 before the first list.

    `version` and `confirmed_at` are of its list here: when it was last known to be the newest; null without one.
    `log` says how far it can be relied on.
    """

    country: str
    name: str
    state: State
    authorities: int
    version: int | None
    confirmed_at: dt.datetime | None
    log: Standing | None


async def overview(node: Node, actor: Actor, lang: str) -> tuple[CountryState, ...]:
    """Return the 30 countries by their names in `lang`; raises `forbidden`."""
    actor.require("directory.search")
    now = node.clock.now()
    heads, confirmed = directory.heads(node), directory.confirmed(node)
    standings = freshness.standings(node)

    def read(q: Read) -> tuple[dict[str, int], dict[str, Row]]:
        return authorities.counts(q, directory_day(now)), {row["country"]: row for row in peers.all_peers(q)}

    counts, seen = await node.store.read(read)
    found = []
    for country in COUNTRIES:
        state = _state(node, country, seen.get(country), confirmed.get(country), now)
        known = country in heads and state != "absent"
        found.append(
            CountryState(
                country=country,
                name=country_name(country, lang),
                state=state,
                authorities=counts.get(country, 0) if known else 0,
                version=heads[country][0] if known else None,
                confirmed_at=confirmed.get(country) if known else None,
                log=standings.get(country) if known else None,
            )
        )
    return tuple(sorted(found, key=lambda one: (one.state == "absent", one.name)))


def _state(node: Node, country: str, seen: Row | None, confirmed: dt.datetime | None, now: dt.datetime) -> State:
    if country == node.country:
        return "own"
    if (standing := _standing(node.members, country)) is not None:
        return standing
    if seen and seen["blocked"]:
        return "blocked"
    missed = dt.timedelta(seconds=_MISSED * node.config.peers.refresh_s)
    failing = bool(seen and seen["failed_since"] and now - unstamp(seen["failed_since"]) > missed)
    if confirmed is None:
        return "silent" if failing else "waiting"
    return "silent" if failing or now - confirmed > missed else "ready"


def _standing(members: MemberList | None, country: str) -> State | None:
    """Return the state of a country that isn't an active member, else None."""
    standing = members.standing(country) if members else None
    if standing is None or standing.status == "left":
        return "absent"
    return "suspended" if standing.status != "active" else None
