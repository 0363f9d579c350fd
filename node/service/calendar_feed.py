"""A calendar of the dates until which replies are due, under a secret address that a person makes and revokes.

It holds date, country, legislative area and link, as a mail would; the store knows the SHA-256 of the secret only.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from urllib.parse import urlsplit

from node.clock import unstamp
from node.domain.access import Actor
from node.domain.person import Person
from node.errors import NodeError
from node.service import deadlines
from node.service.accounts import person_of
from node.service.case_texts import CaseTexts
from node.service.node import Node
from node.store import audit, cases, people
from node.store.tx import Row, Tx
from protocol.encoding import b64u, sha256_b64u
from translations.languages import country_name

MAX_EVENTS: Final = 1000
"""Cases in a calendar, those due first; each has its date, and the act's where there is one."""
_SECRET_BYTES: Final = 32


@dataclass(frozen=True)
class FeedNote:
    """When a person's calendar address was made, and the day of its last use."""

    created_at: datetime
    used_on: date | None


@dataclass(frozen=True)
class Feed:
    """A calendar (RFC 5545) and its ETag, which changes with it alone."""

    data: bytes
    etag: str


def note(node: Node, actor: Actor) -> FeedNote | None:
    """Say whether the actor has a calendar address; itself it was shown once."""
    actor.require("own-account")
    rows = node.store.read_now(lambda q: people.secrets_of(q, actor.id, "calendar", node.clock.now()))
    if not rows:
        return None
    seen = rows[-1]["seen_at"]
    return FeedNote(unstamp(rows[-1]["created_at"]), unstamp(seen).date() if seen else None)


async def make(node: Node, actor: Actor) -> str:
    """Return a new calendar address of the actor, shown this once; an earlier one stops working."""
    actor.require("own-account")
    actor.require("cases.read")
    person_of(node, actor)
    secret = b64u(node.entropy.random(_SECRET_BYTES))

    def work(tx: Tx) -> None:
        people.drop_secrets(tx, actor.id, "calendar")
        people.add_secret(tx, secret, "calendar", actor.id, "", None)
        audit.append(tx, actor.id, "calendar.make", actor.id)

    await node.store.write(work)
    return f"{node.config.web.url.rstrip('/')}/calendar/{secret}.ics"


async def end(node: Node, actor: Actor) -> None:
    """Revoke the actor's calendar address; without one nothing happens."""
    actor.require("own-account")

    def work(tx: Tx) -> None:
        if people.drop_secrets(tx, actor.id, "calendar"):
            audit.append(tx, actor.id, "calendar.end", actor.id)

    await node.store.write(work)


async def feed(node: Node, secret: str) -> Feed:
    """Return the calendar that a secret opens; any other is `not-found`, existing or not."""
    now = node.clock.now()
    found = node.store.read_now(lambda q: people.of_session(q, secret, now, "calendar"))
    if found is None or not found[0].actor().may("cases.read"):
        raise NodeError("not-found")
    person, row = found
    if row["seen_at"] is None or unstamp(row["seen_at"]).date() < now.date():
        await node.store.write(lambda tx: people.touch(tx, row["sha256"], None))
    rows = await node.store.read(lambda q: cases.outstanding(q, person.actor().reach("cases.read"), MAX_EVENTS))
    data = _written(node, person, rows)
    return Feed(data, f'"{sha256_b64u(data)}"')


def _written(node: Node, person: Person, rows: list[Row]) -> bytes:
    from icalendar import Calendar, Event  # a fifth of a second, for who has a calendar

    texts, url = CaseTexts(node, person.language), node.config.web.url.rstrip("/")
    calendar = Calendar()
    calendar.add("prodid", "-//Entente//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", f"Entente: {node.texts.text('profile.calendar', person.language).text}")
    for row in rows:
        country, area = country_name(row["counterpart"], person.language), texts.area_title(row["area"]).text
        changed = unstamp(row["updated_at"]).replace(microsecond=0)
        for kind, day, said, more in _dates(node, texts, row):
            event = Event()
            event.add("uid", f"{row['id']}{kind}@{urlsplit(url).hostname}")
            event.add("dtstamp", changed)
            event.add("dtstart", day)
            event.add("summary", f"{said} · {country} · {area}")
            event.add("description", more)
            event.add("url", f"{url}/cases/{row['id']}")
            event.add("transp", "TRANSPARENT")
            calendar.add_component(event)
    return bytes(calendar.to_ical())


def _dates(node: Node, texts: CaseTexts, row: Row) -> Iterator[tuple[str, date, str, str]]:
    """Yield the dates of a case: ending of the entry's name, day, title, and what kind of date it is."""
    due = texts.interface("case.due").text
    yield "", date.fromisoformat(row["due"]), due, texts.interface(f"due.{row['date_state']}").text
    legal = deadlines.by_law(node, cases.from_row(row), row["received_at"], texts.lang)
    if legal is not None:
        values = {"n": legal.days, "country": legal.country_name, "date": texts.day(legal.since)}
        yield "-law", legal.date, texts.interface("case.legal").text, texts.interface("period.working", **values).text
