"""One typing error is found without comparing all words, and two are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory_sync.spelling import MIN_BEGUN_CHARS, MIN_CHARS, heads, is_slip

LETTERS = "abcdz"


def errors(word: str) -> set[str]:
    """Return everything that one error makes of a word, the long way."""
    places = range(len(word) + 1)
    fewer = {word[:at] + word[at + 1 :] for at in places}
    more = {word[:at] + letter + word[at:] for at in places for letter in LETTERS}
    other = {word[:at] + letter + word[at + 1 :] for at in places[:-1] for letter in LETTERS}
    swapped = {word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in places[:-2]}
    return (fewer | more | other | swapped) - {word}


def slips(typed: str, word: str) -> bool:
    """Say the long way what `is_slip` says: a whole word, or the beginning of one where enough was typed."""
    beginnings = [word] if len(typed) < MIN_BEGUN_CHARS else [word[:size] for size in range(len(word) + 1)]
    return len(typed) >= MIN_CHARS and any(typed in errors(beginning) for beginning in beginnings)


@given(st.text(LETTERS, max_size=9), st.text(LETTERS, max_size=12))
def test_one_error_is_what_the_long_way_says(typed, word):
    """Any two words are told apart as by trying every error."""
    assert is_slip(typed, word) == slips(typed, word)


@given(st.text(LETTERS, min_size=3, max_size=12), st.data())
def test_every_error_in_a_word_is_found(word, data):
    """Whatever error is made anywhere in a word, the two share a form and are compared."""
    typed = data.draw(st.sampled_from(sorted(errors(word))))
    if len(typed) >= MIN_CHARS:
        assert heads(typed) & heads(word)
        assert is_slip(typed, word)


@given(st.text(LETTERS, min_size=7, max_size=12), st.integers(6, 12), st.data())
def test_every_error_in_a_long_beginning_is_found(word, size, data):
    """The same while a longer word is still being typed."""
    typed = data.draw(st.sampled_from(sorted(errors(word[:size]))))
    if len(typed) >= MIN_BEGUN_CHARS:
        assert heads(typed) & heads(word)
        assert is_slip(typed, word)


@pytest.mark.parametrize(
    ("typed", "word"),
    [("zahnartz", "zahnarzt"), ("zahnartz", "zahnarztekammer"), ("belrin", "berlin"), ("berln", "berlin"),
     ("wein", "wien"), ("fogorovs", "fogorvos"), ("οδονταιτρος", "οδοντιατρος"), ("budapset", "budapest")],
)  # fmt: skip
def test_what_people_mistype_is_found(typed, word):
    """Fingers are too fast, in any alphabet."""
    assert is_slip(typed, word)
    assert heads(typed) & heads(word)


@pytest.mark.parametrize(("typed", "word"), [("ulm", "ulmen"), ("2026", "2025"), ("wein", "weimar"), ("abcd", "badc")])
def test_short_words_numbers_and_two_errors_are_left_alone(typed, word):
    """What would make any word of any other isn't a typing error."""
    assert not is_slip(typed, word)
