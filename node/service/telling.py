"""Telling people by mail: news are queued in the transaction of what they tell of, reminders by a look each day."""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from datetime import date, timedelta
from typing import Final

from directory_sync.coordination import coordinators_of
from node.clock import new_uuid
from node.domain.access import ALL_AREAS, RIGHTS
from node.domain.case import Case
from node.domain.day import directory_day
from node.domain.mail import FOR_ADMINISTRATORS, Choice, News, news_of, reply_outstanding, stages, summary_day
from node.domain.reminders import ACCEPTANCE, IDLE_MONTHS, months_before
from node.service.approval_rule import approving
from node.service.deciding import gone_with_referrals, heirs_of
from node.service.node import Node
from node.store import approvals, authorities, cases, events, mail_choices, mails, referrals, subjects
from node.store.tx import Read, Row, Tx
from protocol.request import CLOSE, FORWARD, REFER, RETURN, UPHOLD

MAX_WAITING: Final = 50
"""Mails that wait for one person at most; news beyond come with the next daily summary."""
_ID_CHARS: Final = 32


def tell(tx: Tx, node: Node, was_is: tuple[Case | None, Case], kind: str, jti: str) -> None:
    """Queue what an applied event of the other side is to the people of this one who want to be told.

    `was_is` is the case before and after it. A wish is told once, however often it comes, and of an ended case never.
    This side's coordinator hears that a reply was referred to it, and that this has ended.
    """
    if not node.config.mail.host:
        return
    before, case = was_is
    again = kind == "wish.withdraw" and before is not None and (before.withdrawal_wished or before.ended)
    news = news_of(kind, case) if not again else None
    if news is not None:
        _tell(tx, case, news, jti)
    was, now = before.coordinator if before else "", case.coordinator
    if was != now:
        _tell_deciding(tx, case, _heirs(tx, node, case, was), "referral-ended", jti)
        _tell_deciding(tx, case, _heirs(tx, node, case, now), "referral", jti)


def tell_of_own(tx: Tx, node: Node, stored: Collection[str]) -> None:
    """Queue what own acts are to others of this side: to whom a case was passed on, and to a coordinator.

    `stored` are the events that a receipt says the other side has; call it before they are noted as applied.
    """
    if not node.config.mail.host:
        return
    for row in events.on_their_way(tx, _TOLD_AT_HOME):
        case = cases.find(tx, row["case_id"]) if row["digest"] in stored else None
        if case is not None:
            _tell_at_home(tx, node, case, row)


_TOLD_AT_HOME: Final = (FORWARD, REFER, UPHOLD, RETURN, CLOSE)


def _tell_at_home(tx: Tx, node: Node, case: Case, row: Row) -> None:
    kind, jti, actor = row["kind"], row["jti"], row["actor"]
    if kind == FORWARD:
        _tell(tx, case, "new", jti)
    elif kind == REFER:
        _tell_deciding(tx, case, _heirs(tx, node, case, case.asking_coordinator), "referral", jti, but=actor)
    elif kind in (UPHOLD, RETURN):
        _tell_deciding(tx, case, _heirs(tx, node, case, case.replying_coordinator), "referral-ended", jti, but=actor)
    elif row["before"] == REFER:
        _tell_deciding(tx, case, _heirs(tx, node, case, case.asking_coordinator), "referral-ended", jti, but=actor)


_DECIDING: Final = sorted(RIGHTS["cases.decide"].roles)


def tell_of_return(tx: Tx, node: Node, case: Case, receipt: str) -> None:
    """Queue for the people of the authority that passed a case on that the other side refused it: it is theirs."""
    if node.config.mail.host:
        _tell(tx, case, "new", f"back {receipt}")


def tell_of_approval(tx: Tx, node: Node, waiting: Row, about: tuple[str, date]) -> None:
    """Queue for the coordinator's people that a draft waits; `about` is the other country, and the date for the reply.

    `waiting` is the row of what waits; who wrote in it or asked can't approve it, and isn't told.
    """
    if not node.config.mail.host:
        return
    own = approvals.authors(waiting)
    area = waiting["area"]
    said, what = _said(waiting["case_id"], "approval-asked", about), f"{waiting['draft']} {tx.at}"
    for coordinator in approving(tx, node.country, waiting["authority"], area, directory_day(tx.now)):
        for person, choice in mail_choices.readers(tx, coordinator, area, _DECIDING):
            if person not in own:
                _queue(tx, person, choice, said, what)


def tell_of_decision(tx: Tx, node: Node, waiting: Row, news: News, about: tuple[str, date]) -> None:
    """Queue for who asked for approval that it was given, or that the draft was returned."""
    choice = mail_choices.of(tx, waiting["asked_by"]) if node.config.mail.host else None
    if choice is not None and choice.open:
        said = _said(waiting["case_id"], news, about)
        _queue(tx, waiting["asked_by"], choice, said, f"{waiting['draft']} {tx.at}")


def _said(case_id: str, news: News, about: tuple[str, date]) -> dict[str, str]:
    return {"case_id": case_id, "news": news, "country": about[0], "due": about[1].isoformat()}


def _tell(tx: Tx, case: Case, news: News, what: str, authority: str | None = None) -> None:
    """Queue news for the people of an authority; by default of the one that has the case."""
    said = _said(case.id, news, (case.counterpart, case.due))
    _tell_readers(tx, (authority or case.own_authority, case.area), said, what)


def _tell_readers(tx: Tx, where: tuple[str, str], said: dict[str, str], what: str) -> None:
    """Queue news for whoever holds a role that reads of it in an authority and area, and wants to be told."""
    roles = sorted(RIGHTS[FOR_ADMINISTRATORS.get(said["news"], "cases.read")].roles)  # type: ignore[call-overload]
    for person, choice in mail_choices.readers(tx, *where, roles):
        _queue(tx, person, choice, said, what)


def _heirs(q: Read, node: Node, case: Case, coordinator: str) -> tuple[str, ...]:
    return heirs_of(q, node, coordinator, case.own_authority, case.area)


def _tell_deciding(tx: Tx, case: Case, deciding: Iterable[str], news: News, what: str, but: str | None = None) -> None:
    """Queue news for those who decide for some coordinators, but for the one who did it."""
    said = _said(case.id, news, (case.counterpart, case.due))
    for coordinator in deciding:
        for person, choice in mail_choices.readers(tx, coordinator, case.area, _DECIDING):
            if person != but:
                _queue(tx, person, choice, said, what)


def _queue(tx: Tx, person: str, choice: Choice, said: dict[str, str], what: str) -> None:
    if not choice.wants(said["news"]):
        return
    # the same for the same news, also on a restored disk: so a mail that comes twice can be told
    name = mail_id("news", person, said["case_id"], said["news"], what)
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
            _remind_of_referrals(tx, node)
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


def _remind_of_referrals(tx: Tx, node: Node) -> None:
    """Tell of each referral whose coordinator has ended who decides now; where nobody does, the authority itself."""
    for row in referrals.open_referrals(tx, gone_with_referrals(tx, node)):
        case = cases.from_row(row)
        heirs = _heirs(tx, node, case, case.coordinator)
        for one in heirs or (case.own_authority,):
            what = f"referral/{one}/{case.n}"
            if not cases.remind(tx, case.id, what):
                continue
            if heirs:
                _tell_deciding(tx, case, (one,), "referral", what)
            else:
                _tell(tx, case, "referral", what)


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
    return coordinators_of(authorities.read(record), area) if record else frozenset()


def _summarise(tx: Tx, day: date) -> None:
    for person in mails.awaiting_summary(tx):
        name = mail_id("summary", person, day.isoformat(), *mails.awaiting_ids(tx, person))
        mails.gather(tx, person, name)
        mails.queue(tx, name, person, "summary")
