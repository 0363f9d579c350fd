"""What this node keeps of a person who uses it, for that person (Regulation (EU) 2016/679, Article 15).

Accounts are kept while they are used; the name, the login and all else of who left are blocked, and go after three
years (Article 15 of Regulation (EU) No 1024/2012). What the audit trail then says of that id leads to nobody.
"""

import datetime as dt
from collections.abc import Callable, Mapping

from node.clock import unstamp
from node.domain.access import Actor
from node.domain.case_view import View
from node.domain.person import Person
from node.domain.retention import DEFAULT, months_before
from node.service import retention
from node.service.accounts import person_named, person_of
from node.service.node import Node
from node.store import audit, cases, drafts, erased, mail_choices, mails, people
from node.store.people import Kind
from node.store.tx import Read, Tx

MAX_ENTRIES = 10_000
"""Entries of the audit trail, cases and drafts that one answer holds at most; of the trail the latest."""


class Way(View):
    """A way in that works: a session, a link, a token or a calendar's address, without its secret."""

    kind: Kind
    label: str
    created_at: dt.datetime
    seen_at: dt.datetime | None
    expires_at: dt.datetime


class Mails(View):
    """How the person wants to be told by mail."""

    address: str
    how: str
    topics: tuple[str, ...]
    confirmed_at: dt.datetime | None


class Held(View):
    """A role in an authority, in one legal area or, where that is empty, in all; granted by whom (an id) and when."""

    authority: str
    role: str
    area: str
    by: str
    at: dt.datetime


class Entry(View):
    """What the person did, as the audit trail has it: `subject` is an id, `detail` a code."""

    at: dt.datetime
    action: str
    subject: str
    detail: str


class OwnData(View):
    """All that is kept of a person; names of officials inside cases are the cases' contents and go with them."""

    id: str
    login: str
    name: str
    language: str
    grants: tuple[Held, ...]
    created_at: dt.datetime
    ended_at: dt.datetime | None
    has_password: bool
    mails: Mails | None
    ways_in: tuple[Way, ...]
    cases_handled: tuple[str, ...]
    drafts: int
    done: tuple[Entry, ...]


def own_data(node: Node, actor: Actor) -> OwnData:
    """Return what is kept of the caller; raises `not-found` for the command line."""
    actor.require("own-account")
    person = person_of(node, actor)
    return node.store.read_now(lambda q: _of(q, person))


async def data_of(node: Node, actor: Actor, name: str) -> OwnData:
    """Return what is kept of an account that an administrator names by login or id; for who asks without one.

    Of an ended one the data are blocked: that they were looked at goes to the audit trail first.
    """
    person = person_named(node, actor, name)
    if person.ended_at is not None:
        await node.store.write(lambda tx: audit.append(tx, actor.id, "person.see-blocked", person.id))
    return node.store.read_now(lambda q: _of(q, person))


def _of(q: Read, person: Person) -> OwnData:
    return OwnData(
        id=person.id,
        login=person.login,
        name=person.name,
        language=person.language,
        grants=tuple(Held(**note.grant._asdict(), by=note.by, at=note.at) for note in people.grants_of(q, person.id)),
        created_at=person.created_at,
        ended_at=person.ended_at,
        has_password=person.has_password,
        mails=_mails(q, person.id),
        ways_in=tuple(
            Way(
                kind=row["kind"],
                label=row["label"],
                created_at=unstamp(row["created_at"]),
                seen_at=unstamp(row["seen_at"]) if row["seen_at"] else None,
                expires_at=unstamp(row["expires_at"]),
            )
            for row in people.ways_in(q, person.id)
        ),
        cases_handled=tuple(cases.handled_by(q, person.id, MAX_ENTRIES)),
        drafts=drafts.count_of(q, person.id),
        done=tuple(
            Entry(at=unstamp(row["at"]), action=row["action"], subject=row["subject"], detail=row["detail"])
            for row in audit.entries_by(q, person.id, MAX_ENTRIES)
        ),
    )


def _mails(q: Read, person_id: str) -> Mails | None:
    choice = mail_choices.of(q, person_id)
    if choice is None:
        return None
    topics = tuple(sorted(choice.topics))
    return Mails(address=choice.address, how=choice.how, topics=topics, confirmed_at=choice.confirmed_at)


async def forget_left(node: Node) -> int:
    """Delete the accounts of who left more than three years ago; returns how many. None where no day counts.

    Their ids go to the list of what was erased first, so that a restored older database doesn't bring them back.
    """
    day = retention.clocks(node).day
    if day is None:
        return 0
    before = months_before(day, 12 * DEFAULT.delete_years).isoformat()

    def work(tx: Tx) -> int:
        gone = people.ended_before(tx, before)
        erased.note(node.config.data, gone, tx.at)
        people.delete(tx, gone)
        return len(gone)

    return await _deleted(node, work)


async def forget_again(node: Node) -> int:
    """Delete the accounts that were deleted before and that an older database has brought back; returns how many."""

    def work(tx: Tx) -> int:
        back = sorted(people.ids(tx) & node.case_keys.erased().keys())
        people.delete(tx, back)
        return len(back)

    return await _deleted(node, work)


async def end_again(node: Node, ended: Mapping[str, str]) -> None:
    """End the accounts that an older database has still open, by id with the time of their end."""

    def work(tx: Tx) -> None:
        for person_id in sorted(ended.keys() & people.ids(tx)):
            if people.end(tx, person_id, ended[person_id]):
                mails.forget(tx, person_id)
                mail_choices.forget(tx, person_id)
                audit.append(tx, "operator", "person.end", person_id, "restore")

    await node.store.write(work)


async def _deleted(node: Node, work: Callable[[Tx], int]) -> int:
    count = await node.store.write(work)
    if count:
        await node.store.cut_log()  # nothing of the rows stays in the write-ahead log
    return count
