"""Words find each other over marks, cases and alphabets."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory_sync import limits
from directory_sync.folding import fold, query_tokens


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Landeszahnärztekammer", "landeszahnarztekammer landeszahnaerztekammer"),
        ("Straße", "strasse"),
        ("STRASSE", "strasse"),
        ("Öffentliche Bäder", "offentliche bader oeffentliche baeder"),
        ("Országos Kórházi Főigazgatóság", "orszagos korhazi foigazgatosag"),
        ("Árvíztűrő", "arvizturo"),
        ("Łódź, Urząd", "lodz urzad"),
        ("Þórshöfn á Íslandi", "thorshofn a islandi thorshoefn"),
        ("Seyðisfjörður", "seydisfjordur seydisfjoerdur"),
        ("Ħaż-Żabbar, Għawdex", "haz zabbar ghawdex"),
        ("Awtorità ta’ Malta", "awtorita ta malta"),
        ("Δήμος Αθηναίων", "δημοσ αθηναιων dimos athinaion"),
        ("ΥΠΟΥΡΓΕΙΟ ΥΓΕΊΑΣ", "υπουργειο υγειασ ypourgeio ygeias"),
        ("Εύβοια", "ευβοια evvoia"),
        ("Ευκαρπία", "ευκαρπια efkarpia"),
        ("αϋπνία άυλος", "αυπνια αυλοσ aypnia aylos"),
        ("Μπάμπης", "μπαμπησ bampis"),
        ("Άγγελος Γκάγκος", "αγγελοσ γκαγκοσ angelos gkagkos"),
        ("София, България", "софия българия sofia bulgaria"),
        ("Търговище", "търговище targovishte"),
        ("Йордан Йовков", "йордан йовков yordan yovkov"),
        ("Министерство на здравеопазването", "министерство на здравеопазването ministerstvo na zdraveopazvaneto"),
        ("Sør-Trøndelag Ærø Åbo", "sor trondelag aero abo soer troendelag aeroe aabo"),
        ("ﬁnance ½ №5 ２０２６", "finance 1 2 no5 2026"),
        ("İstanbul ısı", "istanbul isi"),
        ("", ""),
        ("\x00 \ud800 ´` –", ""),
    ],
)
def test_texts_fold_to_what_is_typed_without_a_special_keyboard(text, folded):
    """Marks, case and alphabet go; what has two habits of writing is there in both."""
    assert fold(text) == folded


def test_composed_and_decomposed_text_fold_alike():
    """How a file happened to encode a mark makes no difference."""
    for text in ("Zahnärztekammer", "Αΰπνος Εύβοια", "Йовков Ѝ", "Főigazgatóság", "Żabbar"):
        assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))


def test_short_i_is_a_letter_of_its_own():
    """й is not и with a mark: край and краи are different words."""
    assert fold("край").split()[0] != fold("краи").split()[0]


def test_a_query_has_every_spelling_of_every_word_once():
    """A query's words come with their spellings, without repeats."""
    assert query_tokens("Zahnärzte BERLIN berlin") == (("zahnarzte", "zahnaerzte"), ("berlin",))
    assert query_tokens("Αθήνα") == (("αθηνα", "athina"),)
    assert query_tokens('"" * ( - \u0301') == ()


def test_a_query_is_read_up_to_its_limits():
    """A page of text in the search field costs no more than ten words."""
    tokens = query_tokens(" ".join(f"w{n}" for n in range(10_000)))
    assert len(tokens) == limits.MAX_QUERY_TOKENS
    assert query_tokens("x" * 10_000) == (("x" * limits.MAX_TOKEN_CHARS,),)


@given(st.text())
def test_folding_takes_any_text(text):
    """Folding never raises, and gives nothing but letters and digits between single spaces."""
    folded = fold(text)
    assert folded == " ".join(folded.split())
    assert all(unicodedata.category(char)[0] in "LN" for char in folded.replace(" ", ""))


@given(st.text(st.characters(codec="utf-8")))
def test_what_is_in_a_text_finds_it(text):
    """Every spelling that a query makes of a text's own words is in the folded text."""
    words = set(fold(text).split())
    for spellings in query_tokens(text[: limits.MAX_TOKEN_CHARS]):
        assert any(word.startswith(form) for form in spellings for word in words)
