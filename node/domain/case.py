"""A case as this node holds it, and what an event makes of it. Sender and receiver run the same functions."""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Final, Literal

from protocol import dates, request
from protocol.content import (
    ActMatter,
    Content,
    DateMatter,
    ForwardMatter,
    RatingMatter,
    ReferMatter,
    SendMatter,
    SplitMatter,
    WrittenMatter,
    chain_of,
)
from protocol.event import Claims
from protocol.message import MESSAGE, RATING
from protocol.problems import ProtocolError
from protocol.request import SEND, Side

Turn = Literal["us", "coordinator", ""]
ANSWERED: Final = ("replied", "referred", "escalated", "upheld")
"""States in which no date matters: the reply is there."""


@dataclass(frozen=True)
class Case:
    """The state of a case; `n` and `head` are the number and hash of the last event of each chain.

    `state` can also be `refused`: the counterpart finally refused the request itself, so it has no case.
    `former` are the authorities of the replying side that passed the case on. `parts` are the ids
    of the cases that questions of this one became, in the order of their numbers; `part_of` is the case it came from.
    `confidential`: something in it is to be handled confidentially (SPEC S-261). `timeliness` and `efforts` are how
    the asking side rated the reply, -1 to 1; None where it hasn't (SPEC S-264). The two coordinators are those to
    whom the reply was referred last.
    """

    id: str
    number: str
    role: Side
    counterpart: str
    own_authority: str
    their_authority: str
    their_name: str
    area: str
    question_set: str
    set_version: int
    set_sha256: str
    state: str
    n: int
    head: str
    date_state: dates.State
    date_n: int
    date_head: str
    due: dt.date
    agreed: dt.date | None = None
    withdrawal_wished: str | None = None
    opened: bool = False
    former: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    part_of: str = ""
    confidential: bool = False
    timeliness: int | None = None
    efforts: int | None = None
    asking_coordinator: str = ""
    replying_coordinator: str = ""

    @property
    def other_role(self) -> Side:
        """The side on which the counterpart is."""
        return "replying" if self.role == "asking" else "asking"

    def side_of(self, country: str) -> Side:
        """Return the side on which a country is."""
        return self.other_role if country == self.counterpart else self.role

    @property
    def replying(self) -> str:
        """The authority that answers, or will."""
        return self.own_authority if self.role == "replying" else self.their_authority

    @property
    def asking(self) -> str:
        """The authority that asks."""
        return self.own_authority if self.role == "asking" else self.their_authority

    @property
    def coordinator(self) -> str:
        """This side's coordinator while a referral is open: it reads the case, and decides in its turn; else empty."""
        if self.role == "asking":
            return self.asking_coordinator if self.state in ("referred", "escalated") else ""
        return self.replying_coordinator if self.state == "escalated" else ""

    @property
    def owner(self) -> Side | None:
        """The side that may move the case now; None where it has ended."""
        return request.OWNER.get(self.state)  # type: ignore[call-overload, no-any-return]

    @property
    def ended(self) -> bool:
        """Whether nothing moves the case any more."""
        return self.owner is None

    @property
    def date_awaited(self) -> bool:
        """Whether it still matters until when the answer is due."""
        return not self.ended and self.state not in ANSWERED

    @property
    def date_owner(self) -> Side | None:
        """The side that answers about the date next; None once it is agreed."""
        return None if self.date_state == "agreed" else dates.OWNER[self.date_state]

    @property
    def turn(self) -> Turn:
        """Who of this side has something to do, by a step or about the date: the authority, or its coordinator."""
        if self.owner is not None and self.owner == self.role:
            return "coordinator" if self.coordinator else "us"
        return "us" if self.date_awaited and self.date_owner == self.role else ""

    @property
    def may_be_rated(self) -> bool:
        """Whether the asking side may still rate the reply."""
        return self.state == "closed" and self.timeliness is None

    def moves(self) -> tuple[str, ...]:
        """Return the kinds of events that this node may issue now."""
        if self.ended:
            return (RATING,) if self.role == "asking" and self.may_be_rated else ()
        state: request.State = self.state  # type: ignore[assignment]
        steps = request.kinds(state, self.role)
        if self.part_of:
            steps = tuple(kind for kind in steps if kind != request.SPLIT)
        found = steps + dates.kinds(self.date_state, self.role, state)
        wish = self.role == "asking" and self.state in ("sent", "accepted") and not self.withdrawal_wished
        return (*found, *(("wish.withdraw",) if wish else ()), MESSAGE)


def opened(claims: Claims, digest: str, matter: SendMatter, country: str) -> Case:
    """Return the case that a `request.send` opens, as `country` holds it."""
    asking = claims.iss == country
    own, their = (matter.asking, matter.replying) if asking else (matter.replying, matter.asking)
    request.move(None, claims.kind, "asking")
    if claims.n != 1:
        raise ProtocolError("no-predecessor", "a request is the first event of its case")
    return Case(
        id=claims.case,
        number=matter.number,
        role="asking" if asking else "replying",
        counterpart=claims.aud[0] if asking else claims.iss,
        own_authority=own.authority,
        their_authority=their.authority,
        their_name=their.name,
        area=matter.area,
        question_set=matter.set,
        set_version=matter.version,
        set_sha256=matter.set_sha256,
        state="sent",
        n=1,
        head=digest,
        date_state="asked",
        date_n=0,
        date_head=digest,
        due=matter.due,
        part_of=matter.part_of or "",
        confidential=bool(matter.confidential),
    )


def advanced(
    case: Case,
    claims: Claims,
    digest: str,
    matter: Content,
    *,
    after_refusal: bool = False,
    settled: bool = False,
) -> Case:
    """Return the case after one more event; raises the final codes of SPEC.md section 9.

    `after_refusal`: `prev` names a receipt that refused the event with this number before. `settled`: a receipt
    says that it was stored, so a date is taken even where the request has ended: of two chains that were
    fetched back nobody knows which event came first, and they commute but for this (SPEC S-128).
    """
    side = case.side_of(claims.iss)
    chain = chain_of(claims.kind)
    if isinstance(matter, WrittenMatter) and matter.confidential:
        case = replace(case, confidential=True)
    if chain is None:
        return _rated(case, matter, side) if isinstance(matter, RatingMatter) else _noted(case, claims, side)
    last, head = (case.n, case.head) if chain == "request" else (case.date_n, case.date_head)
    if claims.n is None or claims.n > last + 1:
        raise ProtocolError("no-predecessor", f"{chain} event {claims.n} after {last}")
    if claims.n <= last:
        raise ProtocolError("case-fork", f"{chain} event {claims.n} is there already")  # SPEC S-074
    if claims.prev != head and not after_refusal:
        raise ProtocolError("no-predecessor", "the event before it is another one")
    if chain == "date":
        return _dated(case, claims, digest, matter, "sent" if settled else case.state)
    if claims.kind == SEND:
        raise ProtocolError("case-exists", "the case is open already")
    state = request.move(case.state, claims.kind, side)  # type: ignore[arg-type]
    moved = replace(case, state=state, n=claims.n, head=digest)
    if isinstance(matter, SplitMatter):
        return _divided(moved, matter)
    if isinstance(matter, ReferMatter):
        return _referred(moved, claims.kind, matter.to.authority)
    return _forwarded(moved, matter) if isinstance(matter, ForwardMatter) else moved


def _divided(case: Case, matter: SplitMatter) -> Case:
    # SPEC S-229
    if case.part_of:
        raise ProtocolError("wrong-state", "a part isn't divided again")
    if matter.to.authority == case.replying or matter.part in (*case.parts, case.id):
        raise ProtocolError("content-malformed", "a part is another case with another authority")
    return replace(case, parts=(*case.parts, matter.part))


def _referred(case: Case, kind: str, to: str) -> Case:
    if to in (case.asking, case.replying):
        raise ProtocolError("content-malformed", "nobody decides about a request or a reply of its own")  # SPEC S-265
    if kind == request.REFER:
        return replace(case, asking_coordinator=to, replying_coordinator="")
    return replace(case, replying_coordinator=to)


def _forwarded(case: Case, matter: ForwardMatter) -> Case:
    to = matter.to.authority
    if to == case.replying:
        raise ProtocolError("content-malformed", "passed on to the authority that has it")  # SPEC S-227
    former = tuple(one for one in dict.fromkeys((*case.former, case.replying)) if one != to)
    if case.role == "replying":
        return replace(case, own_authority=to, former=former)
    return replace(case, their_authority=to, their_name=matter.to.name, former=former)


def _dated(case: Case, claims: Claims, digest: str, matter: Content, request_state: str) -> Case:
    assert isinstance(matter, DateMatter)
    assert claims.n is not None
    side = case.side_of(claims.iss)
    state = dates.move(case.date_state, claims.kind, side, request_state)  # type: ignore[arg-type]
    if state == "agreed" and matter.date != case.due:
        raise ProtocolError("date-differs", "agreed is the date that was proposed last")  # SPEC S-073
    agreed = matter.date if state == "agreed" else case.agreed
    return replace(case, date_state=state, date_n=claims.n, date_head=digest, due=matter.date, agreed=agreed)


def _rated(case: Case, matter: RatingMatter, side: Side) -> Case:
    # SPEC S-264
    if side != "asking":
        raise ProtocolError("not-owner", "only the asking side rates a reply")
    if not case.may_be_rated:
        raise ProtocolError("wrong-state", "a reply is rated once, when its case is closed")
    return replace(case, timeliness=matter.timeliness, efforts=matter.efforts)


def _noted(case: Case, claims: Claims, side: Side) -> Case:
    # SPEC S-075, S-077: no state moves; a message changes nothing at all
    if claims.kind == "wish.withdraw":
        if side != "asking":
            raise ProtocolError("not-owner", "only the asking side wishes to withdraw")
        return replace(case, withdrawal_wished=claims.jti)
    if claims.kind == "notice.opened":
        return replace(case, opened=True)
    return case


def actor_of(matter: Content) -> tuple[str | None, str | None]:
    """Return the authority and the name of the person who acted."""
    actor = matter.actor if isinstance(matter, ActMatter | SendMatter) else None
    return (actor.authority, actor.name) if actor else (None, None)
