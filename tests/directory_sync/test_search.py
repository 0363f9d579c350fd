"""Finding an authority in a true FTS5 table, whatever is typed."""

import sqlite3

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from directory_sync.demo import COUNTRIES, demo_authorities
from directory_sync.folding import fold, query_tokens
from directory_sync.search import COLUMNS, Match, explain, fts_query, match, searchable
from tests.directory_sync.world import authority

LANGUAGES = ("de", "en", "hu")
EVERYONE = {one.id: one for country in COUNTRIES for one in demo_authorities(country)}
LETTERS = "".join(map(chr, [*range(0x21, 0x250), *range(0x370, 0x530), *range(0x1E00, 0x2000)]))


@pytest.fixture(scope="module")
def table():
    """Return the demonstration's directory in full text, a column per field."""
    db = sqlite3.connect(":memory:")
    db.execute(f"CREATE VIRTUAL TABLE found USING fts5(id UNINDEXED, {', '.join(COLUMNS)})")
    for one in EVERYONE.values():
        text = searchable(one, LANGUAGES)
        db.execute("INSERT INTO found VALUES (?, ?, ?, ?, ?, ?)", [one.id, *(getattr(text, name) for name in COLUMNS)])
    yield db
    db.close()


def found(db, query):
    """Search as a node does: match without ranking, then order the rows."""
    tokens = query_tokens(query)
    rows = db.execute("SELECT id FROM found WHERE found MATCH ? LIMIT 100", [fts_query(tokens)])
    matches = [(match(searchable(EVERYONE[id_], LANGUAGES), tokens), id_) for (id_,) in rows]
    assert all(fit for fit, _ in matches), "what SQLite finds, the pure core explains"
    return [id_ for _, id_ in sorted(matches, key=lambda pair: (-pair[0].score, pair[1]))]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("Zahnärztekammer Berlin", "DE-zaek-berlin"),
        ("berlin zahnaerztekammer", "DE-zaek-berlin"),
        ("BERLIN Zahnarztekam", "DE-zaek-berlin"),
        ("fogorvosi kamara berlin", "DE-zaek-berlin"),
        ("licensing dentists berlin", "DE-lageso-berlin"),
        ("lageso", "DE-lageso-berlin"),
        ("orszagos korhazi", "HU-okfo"),
        ("Register Zahnärzte Ungarn", "HU-okfo"),
        ("fogorvosok nyilvántartása", "HU-okfo"),
        ("dental practitioner budapest", "HU-mok"),
        ("osterreichische zahnarztekammer", "AT-oezaek"),
        ("bundesverwaltungsamt", "DE-bva"),
        ("köln", "DE-bva"),
        ("koeln", "DE-bva"),
        ("koln imi", "DE-bva"),
        ("muenster", "DE-br-muenster"),
    ],
)
def test_an_authority_is_found_in_the_readers_words(table, query, first):
    """Word order, case, marks and the language of the title make no difference."""
    assert first in found(table, query)[:2]


def test_a_whole_name_comes_before_a_mere_mention(table):
    """The chamber comes before those that have the words elsewhere."""
    assert found(table, "Zahnärztekammer Berlin")[0] == "DE-zaek-berlin"
    assert found(table, "Ärztekammer Berlin")[0] == "DE-aek-berlin"


def test_every_word_must_be_there(table):
    """A word that no field has means no match, in SQLite and in the pure core alike."""
    tokens = query_tokens("Zahnärztekammer Atlantis")
    assert found(table, "Zahnärztekammer Atlantis") == []
    assert match(searchable(EVERYONE["DE-zaek-berlin"], LANGUAGES), tokens) is None


def test_a_match_says_why():
    """The reader is told by what an authority was found, best reason first."""
    one = authority()
    assert explain(one, query_tokens("Zahnärztekammer"), ["de"]) == ("name", "title")
    assert explain(one, query_tokens("fogorvosi"), ["hu"]) == ("title",)
    assert explain(one, query_tokens("fogorvosi"), ["de"]) == ()
    assert explain(one, query_tokens("dental"), ["de"]) == ("competence",)
    assert explain(one, query_tokens("professional qualifications"), []) == ("area",)
    assert explain(one, query_tokens("de3"), []) == ("place",)
    assert explain(one, (), ["de"]) == ()


def test_codes_are_found_by_their_labels():
    """A competence is found by what the reader's language calls it."""
    labels = {
        ("profession:dental-practitioner", "hu"): "fogorvos",
        ("professional-qualifications", "hu"): "szakmai képesítések",
    }
    text = searchable(authority(titles={}), ["hu", "de"], lambda code, lang: labels.get((code, lang)))
    assert match(text, query_tokens("fogorvos")) == Match(6, ("competence",))
    assert match(text, query_tokens("kepesites")) == Match(1, ("area",))
    assert "fogorvos" in text.whole()


def test_nothing_to_search_is_an_empty_query():
    """A query of signs alone asks nothing, and the caller can see that."""
    assert fts_query(query_tokens("* - \" ' ( ) ^ : {}")) == ""
    assert fts_query(()) == ""
    assert fts_query(((),)) == ""


@pytest.mark.parametrize(
    "attack",
    [
        'berlin" OR "a', "name:berlin", "NOT berlin", "berlin AND NOT kammer", "NEAR(berlin kammer, 5)", "berlin*", "^berlin",
        "{name title}: berlin", "- berlin", "berlin + kammer", "'; DROP TABLE found; --", '"', '""', "AND", "OR", "NOT", "NEAR",
        "AND OR NOT", "(", ")", "\x00", "\\", "%", "_", "a" * 100_000, '"' * 1000, "<script>", "ſ" * 300, "\ud800",
    ],
)  # fmt: skip
def test_fts_operators_in_queries_are_only_words(table, attack):
    """Whatever is typed never is an operator of the full-text search, and never an error."""
    expression = fts_query(query_tokens(attack))
    if expression:
        table.execute("SELECT id FROM found WHERE found MATCH ?", [expression]).fetchall()
    assert table.execute("SELECT count(*) FROM found").fetchone() == (len(EVERYONE),)


def test_an_operator_word_is_looked_for_as_a_word(table):
    """`NOT` finds nothing because no authority is called so, not because it turns the query round."""
    assert fts_query(query_tokens("NOT berlin")) == '("not"*) AND ("berlin"*)'
    assert found(table, "NOT berlin") == []


@given(st.lists(st.lists(st.text(), max_size=3), max_size=5))
@example([['"'], ['a" OR "b'], ["\x00"], [""]])
def test_any_tokens_give_an_expression_that_sqlite_takes(table, tokens):
    """Even tokens that no folding made can't break out of their quotes."""
    expression = fts_query([[form.encode(errors="ignore").decode() for form in forms] for forms in tokens])
    if expression:
        table.execute("SELECT id FROM found WHERE found MATCH ?", [expression]).fetchall()


@given(st.text(LETTERS + " ", max_size=60))
def test_a_text_is_found_by_itself(text):
    """What is stored folded is found by the same words, typed in any of Europe's alphabets."""
    expression = fts_query(query_tokens(text))
    db = sqlite3.connect(":memory:")
    try:
        db.execute("CREATE VIRTUAL TABLE found USING fts5(text)")
        db.execute("INSERT INTO found VALUES (?)", [fold(text)])
        hits = (
            db.execute("SELECT count(*) FROM found WHERE found MATCH ?", [expression]).fetchone()
            if expression
            else (1,)
        )
    finally:
        db.close()
    assert hits == (1,)


@given(st.text(max_size=80))
def test_any_query_is_safe(table, query):
    """Hypothesis types into the search field."""
    expression = fts_query(query_tokens(query))
    if expression:
        table.execute("SELECT id FROM found WHERE found MATCH ?", [expression]).fetchall()
