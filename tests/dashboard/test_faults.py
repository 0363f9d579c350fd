"""Whatever code an official meets on a page, the page says what happened and what to do, in every language."""

import pytest

from node.dashboard.fault import TOLD, words_of
from node.errors import CODES
from tests.dashboard.samples.values import CATALOGUE
from translations.languages import LANGUAGES


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_its_words_in_every_language(code):
    """Both texts of each code are there, none of them in English for want of a translation."""
    said = words_of(CODES[code])
    assert {
        text_id: [lang for lang in LANGUAGES if CATALOGUE.text(text_id, lang).lang != lang] for text_id in said
    } == {
        said.what: [],
        said.next: [],
    }


def test_no_code_of_the_caller_s_is_told_as_our_fault():
    """Only what is the node's or a peer's fault may be told in the common words of our own faults."""
    ours = {words_of(CODES["internal"]), words_of(CODES["unavailable"])}
    told = {code for code, entry in CODES.items() if entry.fault == "caller" and words_of(entry) in ours}
    assert told == set()
    assert TOLD.keys() <= CODES.keys()


def test_who_wrote_it_himself_is_told_so():
    """`own-approval` and `own-reply` say that somebody else has to decide, not that the entries are wrong."""
    texts = {code: CATALOGUE.text(words_of(CODES[code]).what, "en").text for code in ("own-approval", "own-reply")}
    assert "Somebody else approves it" in texts["own-approval"]
    assert "Somebody else decides" in texts["own-reply"]
    assert words_of(CODES["own-reply"]).next == words_of(CODES["own-approval"]).next != words_of(CODES["invalid"]).next
