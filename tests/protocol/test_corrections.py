"""Contests and corrections: whatever the order in which they meet, both sides make the same of them."""

import itertools
from collections.abc import Sequence

import pytest

from protocol.content import PERSON, Actor, Content, ContestMatter, CorrectMatter, Said, SettleMatter, WordPerson
from protocol.correction import CONTEST, CORRECT, SETTLE, WITHDRAW, Noted, check, state_of
from protocol.problems import ProtocolError

WHO = Actor(authority="XX-a")
SAID = {"S" * 42 + "A": ("DE", "request.send"), "R" * 42 + "A": ("HU", "request.reply")}
"""What stands in the case: Berlin has asked, Budapest has answered."""
ASKED, ANSWERED = SAID
FIRST, SECOND = (f"00000000-0000-4000-8000-00000000000{place}" for place in (1, 2))
WORDS: dict[str, Content] = {PERSON: WordPerson(comment=Said(text="No.", lang="de"))}


def contest(iss: str, jti: str, event: str = ANSWERED) -> Noted:
    """Return a contest."""
    return Noted(CONTEST, iss, jti, ContestMatter(actor=WHO, event=event, ground="accuracy"))


def correct(iss: str, jti: str, about: str | None, event: str = ANSWERED) -> Noted:
    """Return a correction, as an answer to a contest or on one's own."""
    return Noted(CORRECT, iss, jti, CorrectMatter(actor=WHO, event=event, contest=about))


def end(kind: str, iss: str, jti: str, about: str) -> Noted:
    """Return an answer that corrects nothing."""
    return Noted(kind, iss, jti, SettleMatter(actor=WHO, contest=about))


def taken(arrived: tuple[Noted, ...]) -> list[Noted]:
    """Return what a side has taken in of events in the order in which it met them."""
    noted: list[Noted] = []
    for one in arrived:
        check(one, WORDS, SAID, noted)
        noted.append(one)
    return noted


STREAMS = (
    (contest("DE", FIRST), end(WITHDRAW, "DE", "w", FIRST), contest("DE", SECOND)),
    (correct("HU", "c", FIRST), correct("HU", "own", None)),
)
"""What Berlin says in order, and what Budapest says in order; its answer follows the contest that it answers."""


def _orders() -> list[tuple[Noted, ...]]:
    """Return every order in which a side may meet the two streams."""
    mine, theirs = STREAMS
    found = []
    for places in itertools.combinations(range(5), len(mine)):
        one, other = iter(mine), iter(theirs)
        order = tuple(next(one) if place in places else next(other) for place in range(5))
        if order.index(theirs[0]) > order.index(mine[0]):
            found.append(order)
    return found


def test_the_order_of_meeting_makes_no_difference():
    """In each interleaving nothing is refused, and each contest ends alike: a correction counts first (SPEC S-283)."""
    orders = _orders()
    assert len(orders) == 6
    for order in orders:
        noted = taken(order)
        assert (state_of(FIRST, noted), state_of(SECOND, noted)) == ("corrected", "contested")


def test_a_planted_bug_in_which_answer_counts_is_found(monkeypatch: pytest.MonkeyPatch):
    """Were it the last one that a side has met, answers that cross would leave the two sides with different states."""

    def last(contest_id: str, noted: Sequence[Noted]) -> str:
        kinds = [one.kind for one in noted if one.contest == contest_id]
        return {CORRECT: "corrected", SETTLE: "settled", WITHDRAW: "withdrawn"}[kinds[-1]] if kinds else "contested"

    assert {last(FIRST, taken(order)) for order in _orders()} == {"corrected", "withdrawn"}
    monkeypatch.setattr("tests.protocol.test_corrections.state_of", last)
    with pytest.raises(AssertionError):
        test_the_order_of_meeting_makes_no_difference()


@pytest.mark.parametrize(
    ("answers", "state"),
    [
        ((), "contested"),
        ((WITHDRAW,), "withdrawn"),
        ((SETTLE,), "settled"),
        ((SETTLE, WITHDRAW), "settled"),
        ((WITHDRAW, SETTLE), "settled"),
    ],
)
def test_one_answer_counts_before_another(answers: tuple[str, ...], state: str):
    """Examined and found right counts before taken back (SPEC S-283)."""
    said = tuple(end(kind, "DE" if kind == WITHDRAW else "HU", kind, FIRST) for kind in answers)
    assert state_of(FIRST, taken((contest("DE", FIRST), *said))) == state


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (correct("DE", "x", None), "not-owner"),
        (correct("DE", "x", FIRST), "not-owner"),
        (end(SETTLE, "DE", "x", FIRST), "not-owner"),
        (end(WITHDRAW, "HU", "x", FIRST), "not-owner"),
        (correct("HU", "x", SECOND), "content-malformed"),
        (correct("DE", "x", FIRST, ASKED), "content-malformed"),
        (end(SETTLE, "HU", "x", SECOND), "content-malformed"),
        (contest("HU", "x", "Z" * 42 + "A"), "content-malformed"),
    ],
)
def test_each_answer_has_one_owner(bad: Noted, code: str):
    """Who said it corrects or confirms it, who contested it takes that back (SPEC S-282)."""
    with pytest.raises(ProtocolError) as found:
        check(bad, WORDS, SAID, [contest("DE", FIRST)])
    assert found.value.code == code


def test_what_is_contested_or_right_is_said_in_words():
    """A contest or a correction without words is none (SPEC S-281)."""
    for bad in (contest("DE", FIRST), correct("HU", "c", None)):
        with pytest.raises(ProtocolError) as found:
            check(bad, {}, SAID, [])
        assert found.value.code == "content-malformed"
