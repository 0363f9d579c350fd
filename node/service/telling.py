"""Telling people by mail: news are queued in the transaction of what they tell of, reminders by a look each day."""

import hashlib
from collections.abc import Collection, Iterator
from datetime import date, timedelta
from typing import Final

from directory_sync.authority import Authority
from directory_sync.coordination import coordinators_of
from node.clock import new_uuid
from node.domain.access import ALL_AREAS, RIGHTS
from node.domain.case import Case
from node.domain.mail import FOR_ADMINISTRATORS, News, news_of, reply_outstanding, stages, summary_day
from node.domain.reminders import ACCEPTANCE, IDLE_MONTHS, months_before
from node.service.node import Node
from node.store import authorities, cases, events, mail_choices, mails, subjects
from node.store.tx import Read, Row, Tx

MAX_WAITING: Final = 50
"""Mails that wait for one person at most; news beyond come with the next daily summary."""
_ID_CHARS: Final = 32


def tell(tx: Tx, node: Node, was_is: tuple[Case | None, Case], kind: str, jti: str) -> None:
    """Queue what an applied event of the other side is to the people of this one who want to be told.

    `was_is` is the case before and after it. A wish is told once, however often it comes, and of an ended case never.
    """
    before, case = was_is
    again = kind == "wish.withdraw" and before is not None and (before.withdrawal_wished or before.ended)
    news = news_of(kind, case) if node.config.mail.host and not again else None
    if news is not None:
        _tell(tx, case, news, jti)


def tell_of_forwards(tx: Tx, node: Node, stored: Collection[str]) -> None:
    """Queue for the people of the authority that a case was passed on to that it is theirs now.

    `stored` are the events that a receipt says the other side has; call it before they are noted as applied.
    """
    if node.config.mail.host:
        for row in events.forwards_on_their_way(tx):
            case = cases.find(tx, row["case_id"]) if row["digest"] in stored else None
            if case is not None:
                _tell(tx, case, "new", row["jti"])


def tell_of_return(tx: Tx, node: Node, case: Case, receipt: str) -> None:
    """Queue for the people of the authority that passed a case on that the other side refused it: it is theirs."""
    if node.config.mail.host:
        _tell(tx, case, "new", f"back {receipt}")


def _tell(tx: Tx, case: Case, news: News, what: str, authority: str | None = None) -> None:
    """Queue news for the people of an authority; by default of the one that has the case."""
    said = {"case_id": case.id, "news": news, "country": case.counterpart, "due": case.due.isoformat()}
    _tell_readers(tx, (authority or case.own_authority, case.area), said, what)


def _tell_readers(tx: Tx, where: tuple[str, str], said: dict[str, str], what: str) -> None:
    """Queue news for whoever holds a role that reads of it in an authority and area, and wants to be told."""
    news = said["news"]
    roles = sorted(RIGHTS[FOR_ADMINISTRATORS.get(news, "cases.read")].roles)  # type: ignore[call-overload]
    for person, choice in mail_choices.readers(tx, *where, roles):
        if not choice.wants(news):
            continue
        # the same for the same news, also on a restored disk: so a mail that comes twice can be told
        name = mail_id("news", person, said["case_id"], news, what)
        once = choice.how == "once" and mails.count_of(tx, person) < MAX_WAITING
        if mails.tell(tx, name, person, said, name if once else None) and once:
            mails.queue(tx, name, person, "news")


def mail_id(*parts: str) -> str:
    """Return the name of a mail, which goes into its Message-ID: it says nothing of what it is made from."""
    return hashlib.sha256("\0".join(("entente-mail-v1", *parts)).encode()).hexdigest()[:_ID_CHARS]


def confirm(tx: Tx, node: Node, person: str) -> None:
    """Queue the mail that asks whether an address is the person's."""
    mails.queue(tx, new_uuid(node.entropy), person, "confirm")


async def look(node: Node) -> None:
    """Queue what the day brings, at its hour: reminders and summaries. Once, whatever comes between.

    Where the clock was set back the days are looked at again from the new one on; what was told isn't told again.
    """
    config = node.config
    day = summary_day(node.clock.now(), config.node.time_zone, config.mail.daily_hour)

    def last(q: Read) -> date | None:
        noted = mails.state(q, "day")
        return date.fromisoformat(noted) if noted else None

    def work(tx: Tx) -> None:
        before = last(tx)
        if before is None or before < day:
            _remind(tx, before or day - timedelta(days=1), day)
            _remind_of_claims(tx, node.country, before or day - timedelta(days=1), day)
            _summarise(tx, day)
        if before != day:
            mails.note(tx, "day", day.isoformat())

    if node.store.read_now(last) != day:
        await node.store.write(work)


def _remind_of_claims(tx: Tx, country: str, last: date, today: date) -> None:
    """Tell data administrators of claims that are due soon, or whose period has passed; never whose or what."""
    for stage, after, until in stages(last, today):
        news: News = "subject-passed" if stage == "passed" else "subject-near"
        for row in subjects.falling_due(tx, after, until):
            what = f"{news}/{row['due']}/{(until - today).days}"
            if subjects.remind(tx, row["id"], what):
                said = {"case_id": row["id"], "news": news, "country": country, "due": row["due"]}
                _tell_readers(tx, (row["authority"], ALL_AREAS), said, what)


def _remind(tx: Tx, last: date, today: date) -> None:
    """Tell of dates near or passed, of requests not accepted in time and of cases without activity.

    Of what came together in a long stop a case is told by its most urgent news alone.
    """
    told: set[str] = set()
    for row, news, what in due_reminders(tx, last, today):
        if not cases.remind(tx, row["id"], f"{news}/{what}".replace(" ", "/")):
            continue
        case = cases.from_row(row)
        if case.id not in told:
            _tell(tx, case, news, what)
            told.add(case.id)
        if news == "unaccepted":
            for coordinator in sorted(coordinators(tx, case.own_authority, case.area)):
                _tell(tx, case, "unaccepted-there", f"{coordinator} {what}", coordinator)


def due_reminders(q: Read, last: date, today: date) -> Iterator[tuple[Row, News, str]]:
    """Yield the case, kind and subject of each reminder of the days after `last` until `today`, urgent ones first."""
    for news, after, until in stages(last, today):
        for row in mails.falling_due(q, after, until):
            if reply_outstanding(cases.from_row(row)) and (news == "passed" or row["role"] == "replying"):
                yield row, news, f"{row['due']} {(until - today).days}"
    for row in mails.unaccepted(q, last - ACCEPTANCE, today - ACCEPTANCE):
        yield row, "unaccepted", row["created_at"]
    for row in mails.idle(q, months_before(last, IDLE_MONTHS), months_before(today, IDLE_MONTHS)):
        yield row, "idle", row["updated_at"]


def coordinators(q: Read, authority: str, area: str) -> frozenset[str]:
    """Return who coordinates an authority of ours in a legal area, by its record."""
    record = authorities.record_of(q, authority)
    return coordinators_of(Authority.model_validate_json(record), area) if record else frozenset()


def _summarise(tx: Tx, day: date) -> None:
    for person in mails.awaiting_summary(tx):
        name = mail_id("summary", person, day.isoformat(), *mails.awaiting_ids(tx, person))
        mails.gather(tx, person, name)
        mails.queue(tx, name, person, "summary")
