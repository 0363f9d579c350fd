"""Cases: every interleaving of what two nodes say about one request, with both ends on the same table."""

import datetime as dt
import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.domain.case import Case, advanced, opened
from protocol import dates, request
from protocol.content import (
    ActMatter,
    Actor,
    Asked,
    Content,
    DateMatter,
    ForwardMatter,
    PartyName,
    RatingMatter,
    ReferMatter,
    SendMatter,
    SplitMatter,
    WrittenMatter,
    chain_of,
)
from protocol.event import Claims
from protocol.problems import ProtocolError

CASE = "6f1c0d4e-8f0a-4c0e-9d53-3a9f5a1b2c01"
COUNTER = itertools.count(1)
DAYS = [dt.date(2026, 10, day) for day in (1, 2, 3)]
KINDS = [
    *dict.fromkeys(kind for _, kind in request.MOVES),
    "date.agree",
    "date.propose",
    "wish.withdraw",
    "note.message",
    "note.rating",
]
SAME = (
    "state", "n", "head", "date_state", "date_n", "date_head", "due", "agreed", "withdrawal_wished", "replying", "former",
    "parts", "confidential", "timeliness", "efforts", "asking_coordinator", "replying_coordinator",
)  # fmt: skip
ACT = ActMatter(actor=Actor(authority="XX-a"))
SEND = SendMatter(
    number="DE-2026-000412",
    asking=PartyName(authority="DE-a", name="A"),
    replying=PartyName(authority="HU-b", name="B"),
    actor=Actor(authority="DE-a"),
    area="area",
    set="set",
    version=1,
    set_sha256="0" * 64,
    questions=(Asked(item="q"),),
    due=DAYS[0],
)


@dataclass(frozen=True)
class Said:
    """An event without its cryptography."""

    claims: Claims
    matter: Content
    digest: str


def say(iss: str, kind: str, n: int | None, prev: str | None, matter: Content = ACT) -> Said:
    """Return an event; its digest is its number."""
    number = next(COUNTER)
    aud = "HU" if iss == "DE" else "DE"
    claims = Claims.model_construct(
        iss=iss,
        aud=(aud,),
        jti=f"00000000-0000-4000-8000-{number:012d}",
        case=CASE,
        n=n,
        prev=prev,
        kind=kind,
        parts=(),
    )
    return Said(claims, matter, f"event-{number}")


@dataclass
class End:
    """One node's view of the case: its events in the order in which it stored them, refused ones marked."""

    country: str
    said: list[Said]
    refused: set[str] = field(default_factory=set)
    applied: list[str] = field(default_factory=list)
    receipts: set[str] = field(default_factory=set)

    def case(self) -> Case:
        """Fold the events that weren't refused."""
        first = self.said[0]
        assert isinstance(first.matter, SendMatter)
        case = opened(first.claims, first.digest, first.matter, self.country)
        for event in self.said[1:]:
            if event.digest not in self.refused:
                try:
                    case = advanced(case, event.claims, event.digest, event.matter, after_refusal=True)
                except ProtocolError:
                    assert event.digest not in self.applied, "something applied was undone"
        return case

    def take(self, event: Said) -> str:
        """Receive an event; returns its outcome."""
        try:
            advanced(self.case(), event.claims, event.digest, event.matter,
                     after_refusal=event.claims.prev in self.receipts)  # fmt: skip
        except ProtocolError as error:
            self.receipts.add(f"receipt of {event.digest}")
            return error.code
        self.said.append(event)
        self.applied.append(event.digest)
        return "stored"


def pair() -> dict[str, End]:
    """Return both ends of a case that has just been opened."""
    first = say("DE", "request.send", 1, None, SEND)
    return {c: End(c, [first], applied=[first.digest]) for c in ("DE", "HU")}


def place(case: Case, kind: str) -> tuple[int | None, str | None]:
    """Return number and predecessor of the next event of a kind."""
    chain = chain_of(kind)
    if chain is None:
        return None, None
    return (case.n + 1, case.head) if chain == "request" else (case.date_n + 1, case.date_head)


def next_event(end: End, kind: str, day: dt.date) -> Said:
    """Return what an end says next."""
    case = end.case()
    n, prev = place(case, kind)
    matter: Content = ACT
    if kind in ("request.reply", "request.clarify", "note.message"):
        matter = WrittenMatter(actor=Actor(authority="XX-a"), confidential=day == DAYS[1] or None)
    if kind in (request.REFER, request.ESCALATE):
        country = "DE" if kind == request.REFER else "HU"
        matter = ReferMatter(actor=Actor(authority="DE-a"), to=PartyName(authority=f"{country}-k{day.day}", name="K"))
    if kind == "note.rating":
        matter = RatingMatter(actor=Actor(authority="XX-a"), timeliness=day.day - 2, efforts=0)
    if kind == request.FORWARD:
        other = "HU-c" if case.replying == "HU-b" else "HU-b"
        matter = ForwardMatter(actor=Actor(authority=case.replying), to=PartyName(authority=other, name=other))
    if kind == request.SPLIT:
        part, to = f"00000000-0000-4000-9000-{next(COUNTER):012d}", PartyName(authority="HU-d", name="D")
        matter = SplitMatter(actor=Actor(authority=case.replying), to=to, items=("q",), part=part)
    if kind.startswith("date."):
        matter = DateMatter(actor=Actor(authority="XX-a"), date=case.due if kind == "date.agree" else day)
    return say(end.country, kind, n, prev, matter)


@dataclass
class Wires:
    """What is on its way: events there, outcomes back, each in order."""

    events: dict[str, deque[Said]] = field(default_factory=lambda: {"DE": deque(), "HU": deque()})
    outcomes: dict[str, deque[tuple[str, str]]] = field(default_factory=lambda: {"DE": deque(), "HU": deque()})

    def deliver(self, ends: dict[str, End], sender: str) -> None:
        """Bring the sender's oldest event to the other side."""
        if self.events[sender]:
            event = self.events[sender].popleft()
            other = ends["HU" if sender == "DE" else "DE"]
            self.outcomes[sender].append((event.digest, other.take(event)))

    def answer(self, ends: dict[str, End], sender: str) -> None:
        """Bring the oldest outcome back."""
        if self.outcomes[sender]:
            digest, code = self.outcomes[sender].popleft()
            if code == "stored":
                ends[sender].applied.append(digest)
            else:
                ends[sender].refused.add(digest)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["say", "deliver", "answer"]),
        st.sampled_from(["DE", "HU"]),
        st.integers(0, 9),
        st.sampled_from(DAYS),
    ),
    max_size=40,
)


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_all_interleavings_end_in_one_state(steps: list[tuple[str, str, int, dt.date]]) -> None:
    """Whatever crosses on the way: both ends that applied the same events hold one state, and nothing applied is undone.

    SPEC S-071, S-072, S-078, S-079.
    """
    ends, wires = pair(), Wires()
    for step, country, choice, day in steps:
        if step == "say":
            options = ends[country].case().moves()
            if options:
                event = next_event(ends[country], options[choice % len(options)], day)
                ends[country].said.append(event)
                wires.events[country].append(event)
        elif step == "deliver":
            wires.deliver(ends, country)
        else:
            wires.answer(ends, country)
        for end in ends.values():
            assert isinstance(end.case(), Case)
    for country in ("DE", "HU") * 45:
        wires.deliver(ends, country)
        wires.answer(ends, country)
    ours, theirs = (ends[country].case() for country in ("DE", "HU"))
    assert set(ends["DE"].applied) == set(ends["HU"].applied)
    for name in SAME:
        assert getattr(ours, name) == getattr(theirs, name), name


@settings(max_examples=400, deadline=None)
@given(STEPS, st.sampled_from(["DE", "HU"]), st.sampled_from(KINDS), st.none() | st.integers(1, 5))
def test_a_liar_moves_nothing(steps: Any, liar: str, kind: str, number: int | None) -> None:
    """An event is stored exactly where the table, its owner and its place allow it (SPEC S-070, S-071, S-074)."""
    ends, wires = pair(), Wires()
    for _, country, choice, day in steps:
        if options := ends[country].case().moves():
            event = next_event(ends[country], options[choice % len(options)], day)
            ends[country].said.append(event)
            wires.events[country].append(event)
            wires.deliver(ends, country)
            wires.answer(ends, country)
    victim = ends["HU" if liar == "DE" else "DE"]
    before = victim.case()
    event = next_event(ends[liar], kind, DAYS[0])
    if number is not None and chain_of(kind):
        event = Said(event.claims.model_copy(update={"n": number}), event.matter, event.digest)
    allowed = kind in ends[liar].case().moves() and event.claims.n == place(before, kind)[0]
    loose = kind == "note.message" or (kind == "wish.withdraw" and liar == "DE")
    outcome = victim.take(event)
    assert (outcome == "stored") == (allowed or loose), outcome
    if outcome != "stored":
        assert victim.case() == before


def _moves(move: Callable[[Any, Any], object], sides: tuple[Any, ...] = ("asking", "replying")) -> list[str]:
    found = []
    for side in sides:
        try:
            move(None, side)
        except ProtocolError:
            continue
        found.append(side)
    return found


@pytest.mark.parametrize("state", [None, *request.OWNER])
def test_each_state_has_one_owner(state: request.State | None) -> None:
    """No kind moves a state for both sides, and all that move it are for one side (SPEC S-070, S-071)."""
    movers = {side for kind in KINDS for side in _moves(lambda _, s, k=kind: request.move(state, k, s))}
    assert len(movers) == (0 if state in request.FINAL else 1)


@pytest.mark.parametrize("state", dates.OWNER)
@pytest.mark.parametrize("at", request.OWNER)
def test_each_state_of_the_date_has_one_owner(state: dates.State, at: request.State) -> None:
    """The same for dates; in a final state of the request nobody owns them (SPEC S-072)."""
    movers = {side for kind in KINDS for side in _moves(lambda _, s, k=kind: dates.move(state, k, s, at))}
    assert len(movers) == (0 if at in request.FINAL else 1)


def test_a_wish_that_crosses_an_acceptance_changes_nothing() -> None:
    """Withdrawal asked while the acceptance was on its way: the acceptance stands (SPEC S-075, S-077)."""
    ends = pair()
    accept, wish = next_event(ends["HU"], "request.accept", DAYS[0]), next_event(ends["DE"], "wish.withdraw", DAYS[0])
    ends["HU"].said.append(accept)
    ends["DE"].said.append(wish)
    assert ends["HU"].take(wish) == "stored"
    assert ends["DE"].take(accept) == "stored"
    assert [end.case().state for end in ends.values()] == ["accepted", "accepted"]
    notice = say("HU", "notice.opened", None, None)
    before = ends["DE"].case().state
    assert ends["DE"].take(notice) == "stored"
    assert ends["DE"].case().state == before


def test_the_other_side_cannot_wish_for_the_asker() -> None:
    """Only the asking side wishes to withdraw (SPEC S-075)."""
    assert pair()["DE"].take(say("HU", "wish.withdraw", None, None)) == "not-owner"


def test_another_date_is_not_agreed() -> None:
    """An agreement names the date that was named last (SPEC S-073)."""
    ends = pair()
    wrong = say("HU", "date.agree", 1, ends["HU"].case().head, DateMatter(actor=Actor(authority="HU-b"), date=DAYS[1]))
    assert ends["DE"].take(wrong) == "date-differs"


def test_a_case_is_passed_on_to_somebody_else():
    """To the authority that has it already is nowhere, and a part is one case and not divided again (SPEC S-227, S-229)."""
    ends = pair()
    to = PartyName(authority="HU-b", name="B")
    place = (2, ends["HU"].case().head)
    actor = Actor(authority="HU-b")
    assert (
        ends["DE"].take(say("HU", "request.forward", *place, ForwardMatter(actor=actor, to=to))) == "content-malformed"
    )
    for part, authority in ((CASE, "HU-c"), (CASE[:-1] + "2", "HU-b")):
        matter = SplitMatter(actor=actor, to=PartyName(authority=authority, name="?"), items=("q",), part=part)
        assert ends["DE"].take(say("HU", "request.split", *place, matter)) == "content-malformed"


def test_after_a_refusal_the_number_is_free_again() -> None:
    """The next event names the receipt; what was queued behind the refused one has no predecessor (SPEC S-035, S-078)."""
    ends = pair()
    bad = say("HU", "request.accept", 2, "event-of-nobody")
    behind = say("HU", "request.reply", 3, bad.digest)
    assert ends["DE"].take(bad) == "no-predecessor"
    assert ends["DE"].take(behind) == "no-predecessor"
    assert ends["DE"].take(say("HU", "request.accept", 2, f"receipt of {bad.digest}")) == "stored"
    assert ends["DE"].case().state == "accepted"


def test_two_events_with_one_number() -> None:
    """The second is a fork of the case, whoever says it (SPEC S-074)."""
    ends = pair()
    first = next_event(ends["HU"], "request.accept", DAYS[0])
    assert ends["DE"].take(first) == "stored"
    assert ends["DE"].take(say("HU", "request.decline", 2, first.claims.prev)) == "case-fork"
