"""Sending what is queued: who may still be told is looked at again, and what became of a mail is noted."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

import structlog

from node.clock import unstamp
from node.domain.access import Actor
from node.domain.mail import FOR_ADMINISTRATORS, FOR_COORDINATORS, Choice
from node.domain.person import Person
from node.errors import NodeError
from node.service.approval_rule import approving
from node.service.deciding import heirs_of
from node.service.letters import Letter, Writer
from node.service.mail_choice import CONFIRM_HOURS, addressee
from node.service.node import Node
from node.service.telling import coordinators
from node.store import approvals, audit, mail_choices, mails, people
from node.store.tx import Read, Row, Tx
from protocol.encoding import b64u

log: Final = structlog.get_logger("entente.mail")

GIVE_UP_DAYS: Final = 5
"""After which a mail that its server puts off each time isn't tried any more (RFC 5321, 4.5.4.1)."""
KEPT_DAYS: Final = 30
"""For which the operator sees a mail that was given up."""
_FIRST_RETRY_S: Final = 60.0
_LONGEST_RETRY_S: Final = 3600.0
_TOKEN_BYTES: Final = 32

Fate = Literal["sent", "later", "refused", "address-refused"]


class UnwritableError(Exception):
    """A mail of which the words or the address can't be written, however often it is tried; what was read was right."""


@contextmanager
def _writing() -> Iterator[None]:
    """Tell what lies in the mail itself from what may pass: a full disk, say, or a connection."""
    try:
        yield
    except (LookupError, ValueError, TypeError) as error:
        raise UnwritableError(repr(error)) from error


def waiting(node: Node, limit: int) -> list[str]:
    """Return the mails that can be sent now, the oldest first."""
    return node.store.read_now(lambda q: mails.due(q, node.clock.now(), limit))


async def compose(node: Node, mail_id: str) -> Letter | None:
    """Return a mail as it is sent now; None where nobody may get it any more: then it is forgotten.

    Raises `UnwritableError` where it can never be written; any other error may pass.
    """
    secret = b64u(node.entropy.random(_TOKEN_BYTES))
    row = node.store.read_now(lambda q: mails.find(q, mail_id))
    if row is not None and row["form"] == "confirm":
        letter = await node.store.write(lambda tx: _confirmation(tx, node, row, secret))
    else:
        letter = node.store.read_now(lambda q: _news(q, node, row)) if row is not None else None
    if letter is None:
        await node.store.write(lambda tx: mails.done(tx, mail_id))
        log.info("mail-not-needed", mail=mail_id)
    return letter


def _confirmation(tx: Tx, node: Node, row: Row, secret: str) -> Letter | None:
    """Write the mail with a link of its own, which works beside that of an earlier attempt: one of them arrives."""
    person, choice = people.by_id(tx, row["person"]), mail_choices.of(tx, row["person"])
    if person is None or person.ended_at is not None or choice is None or not choice.address or choice.confirmed_at:
        return None
    people.add_secret(tx, secret, "mail", person.id, "", tx.now + timedelta(hours=CONFIRM_HOURS))
    writer = Writer(node, person.language)
    with _writing():
        return writer.letter(row["id"], choice.address, unstamp(row["created_at"]), writer.confirmation(secret))


def _news(q: Read, node: Node, row: Row) -> Letter | None:
    found = addressee(people.by_id(q, row["person"]), mail_choices.of(q, row["person"]))
    if found is None:
        return None
    person, choice = found
    rows = [one for one in mails.news_in(q, row["id"]) if _may_hear(q, node, person, choice, one)]
    if not rows:
        return None
    writer = Writer(node, person.language)
    with _writing():
        said = writer.news(rows[0]) if row["form"] == "news" else writer.summary(rows)
        return writer.letter(row["id"], choice.address, unstamp(row["created_at"]), said)


def _may_hear(q: Read, node: Node, person: Person, choice: Choice, news: Row) -> bool:
    what, places = _heard_by(q, node, news)
    return choice.wants(news["news"]) and any(person.actor().may(what, one, news["area"]) for one in places)


_REFERRALS: Final = {"referral": "coordinator", "referral-ended": "referred_to"}
"""News of a referral → the coordinator that it is about."""


def _heard_by(q: Read, node: Node, news: Row) -> tuple[str, Collection[str]]:
    """Return the right that opens what is told, and the authorities in which it does; none where it is over."""
    kind, authority, area = news["news"], news["own_authority"], news["area"]
    if right := FOR_ADMINISTRATORS.get(kind):
        return right, (authority,)
    if kind in FOR_COORDINATORS:
        return "cases.read", coordinators(q, authority, area)
    if kind == "approval-asked":
        waits = approvals.waiting_draft(q, news["case_id"]) or approvals.waiting_in(q, news["case_id"])
        return "cases.decide", approving(q, node.country, authority, area, node.directory_day()) if waits else ()
    if kind in _REFERRALS:
        heirs = heirs_of(q, node, news[_REFERRALS[kind]], authority, area)
        left = not heirs and news["coordinator"]  # nobody is: then it is the authority's own
        return ("cases.act", (authority,)) if left else ("cases.decide", heirs)
    return "cases.read", (authority,)


async def settle(node: Node, mail_id: str, address: str, fate: Fate, code: str) -> None:
    """Note what became of a mail that went to this address; `code` is the mail server's, without its words.

    An address that is refused for good gets nothing more until its person saves it again.
    """

    def work(tx: Tx) -> None:
        row = mails.find(tx, mail_id)
        if fate == "sent":
            mails.done(tx, mail_id)
        elif fate == "later" and row is not None and tx.now - unstamp(row["created_at"]) < timedelta(days=GIVE_UP_DAYS):
            wait = min(_LONGEST_RETRY_S, _FIRST_RETRY_S * 2 ** min(row["attempts"], 20))
            mails.postpone(tx, mail_id, tx.now + timedelta(seconds=wait), code)
        elif fate == "address-refused" and row is not None:
            _stop(tx, row["person"], address, code)
        else:
            mails.postpone(tx, mail_id, None, code)

    await node.store.write(work)
    log.info("mail", mail=mail_id, fate=fate, code=code)


def _stop(tx: Tx, person: str, address: str, code: str) -> None:
    choice = mail_choices.of(tx, person)
    if choice is not None and choice.address == address:
        changed = Choice(address, choice.how, choice.topics, choice.confirmed_at, tx.now, code)
        mail_choices.save(tx, person, changed)
        mails.forget(tx, person)


async def server_failed(node: Node, reason: str | None) -> None:
    """Note that the mail server can't be used and why, or that it can again."""
    known = node.store.read_now(lambda q: mails.state(q, "server"))
    if (known or "") != (reason or ""):
        await node.store.write(lambda tx: mails.note(tx, "server", reason or ""))
        log.info("mail-server", failure=reason)


async def forget_old(node: Node) -> None:
    """Forget what was given up long ago; part of the daily round."""
    before = node.clock.now() - timedelta(days=KEPT_DAYS)
    await node.store.write(lambda tx: mails.drop_given_up(tx, before))


# --- the operator's hand ---


class WaitingMail(NamedTuple):
    """A mail that waits for the owner of a login; `next_try` is None where it was given up."""

    id: str
    login: str
    form: str
    since: datetime
    attempts: int
    next_try: datetime | None
    why: str


class RefusedAddress(NamedTuple):
    """Whose address the mail server refused for good, and with which code."""

    login: str
    at: datetime
    code: str


class Queue(NamedTuple):
    """What the operator sees of mails; `server` says why the mail server can't be used, if so. No addresses."""

    waiting: tuple[WaitingMail, ...]
    refused: tuple[RefusedAddress, ...]
    server: str


def queue_of(node: Node, actor: Actor, limit: int = 1000) -> Queue:
    """Return what waits, the oldest first, and whose addresses were refused."""
    actor.require("node.observe")

    def read(q: Read) -> Queue:
        waiting = tuple(
            WaitingMail(
                id=row["id"],
                login=row["login"],
                form=row["form"],
                since=unstamp(row["created_at"]),
                attempts=row["attempts"],
                next_try=unstamp(row["next_try_at"]) if row["next_try_at"] else None,
                why=row["failure"],
            )
            for row in mails.listing(q, limit)
        )
        refused = (RefusedAddress(r["login"], unstamp(r["refused_at"]), r["refused"]) for r in mail_choices.refused(q))
        return Queue(waiting, tuple(refused), mails.state(q, "server") or "")

    return node.store.read_now(read)


async def retry(node: Node, actor: Actor, mail_id: str | None) -> int:
    """Let one mail, or all, be tried now; returns how many. Raises `not-found`."""
    actor.require("node.observe")

    def work(tx: Tx) -> int:
        count = mails.retry(tx, mail_id)
        if mail_id is not None and not count:
            raise NodeError("not-found", "No such mail waits.")
        audit.append(tx, actor.id, "mail.retry", mail_id or "all")
        return count

    return await node.store.write(work)
