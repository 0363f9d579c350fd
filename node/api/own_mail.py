"""The caller's own choice about mails, and its calendar of dates."""

import datetime as dt
from typing import Annotated, Final

from pydantic import Field

from node.api.route import Call, Route, Shape
from node.domain.mail import MAX_ADDRESS_CHARS, TOPICS, Choice, How, Topic
from node.service import calendar_feed, mail_choice

_MAX_SECRET: Final = 100


class NewMailChoice(Shape):
    """Where to, when and of what mails tell; an empty address ends them."""

    address: Annotated[str, Field(max_length=MAX_ADDRESS_CHARS)]
    how: How = "once"
    topics: Annotated[tuple[Topic, ...], Field(max_length=len(TOPICS))] = tuple(TOPICS)


class MailChoice(NewMailChoice):
    """What is chosen. Nothing is sent before `confirmed_at`, nor after the mail server refused with a code.

    `sends` says whether this node sends mails at all.
    """

    sends: bool
    confirmed_at: dt.datetime | None
    refused_at: dt.datetime | None
    refused: str


class MailLink(Shape):
    """The secret part of the link that was sent to the address."""

    link: Annotated[str, Field(max_length=_MAX_SECRET)]


class CalendarAddress(Shape):
    """The secret address of a calendar, shown this once."""

    url: str


class CalendarNote(Shape):
    """When the calendar's address was made and last used; null where there is none."""

    created_at: dt.datetime | None
    used_on: dt.date | None


def _view(call: Call, choice: Choice) -> MailChoice:
    return MailChoice(
        address=choice.address,
        how=choice.how,
        topics=tuple(topic for topic in TOPICS if topic in choice.topics),
        sends=mail_choice.is_set_up(call.node),
        confirmed_at=choice.confirmed_at,
        refused_at=choice.refused_at,
        refused=choice.refused,
    )


async def read(call: Call) -> MailChoice:
    """Say what is chosen."""
    return _view(call, mail_choice.read(call.node, call.actor))


async def choose(call: Call) -> MailChoice:
    """Save a choice; a new address is sent a link."""
    body: NewMailChoice = call.body
    return _view(call, await mail_choice.choose(call.node, call.actor, body.address, body.how, body.topics))


async def confirm(call: Call) -> MailChoice:
    """Confirm the address."""
    await mail_choice.confirm(call.node, call.actor, call.body.link)
    return await read(call)


async def make_calendar(call: Call) -> CalendarAddress:
    """Make a calendar's address."""
    return CalendarAddress(url=await calendar_feed.make(call.node, call.actor))


async def read_calendar(call: Call) -> CalendarNote:
    """Say whether there is one."""
    found = calendar_feed.note(call.node, call.actor)
    return CalendarNote(created_at=found.created_at if found else None, used_on=found.used_on if found else None)


async def end_calendar(call: Call) -> None:
    """Revoke it."""
    await calendar_feed.end(call.node, call.actor)


ROUTES: Final = (
    Route("GET", "/me/mail", "readOwnMail", "Say to where and of what one is told by mail", read, MailChoice,
          access="session"),
    Route("PUT", "/me/mail", "chooseOwnMail", "Choose to where and of what one is told by mail", choose, MailChoice,
          body=NewMailChoice, access="session"),
    Route("POST", "/me/mail/confirm", "confirmOwnMail", "Confirm one's own address by the link sent to it", confirm,
          MailChoice, body=MailLink, access="session"),
    Route("POST", "/me/calendar", "makeOwnCalendar", "Make a secret address of a calendar; ends an earlier one",
          make_calendar, CalendarAddress, status=201, access="session"),
    Route("GET", "/me/calendar", "readOwnCalendar", "Say whether one has a calendar's address", read_calendar,
          CalendarNote, access="session"),
    Route("DELETE", "/me/calendar", "endOwnCalendar", "Revoke the address of one's own calendar", end_calendar, None,
          status=204, access="session"),
)  # fmt: skip
