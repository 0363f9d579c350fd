"""How well an authority fits a query's words, and that nothing typed is ever an operator, in a true FTS5 table."""

import sqlite3

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from directory_sync import marks
from directory_sync.demo import COUNTRIES, demo_authorities
from directory_sync.folding import Folding, fold, query_tokens
from directory_sync.search import (
    BEGUN,
    COLUMNS,
    MISTYPED,
    WHOLE,
    Matcher,
    Searchable,
    Word,
    covering,
    expression,
    naming,
    searchable,
)
from tests.directory_sync.world import authority

LANGUAGES = ("de", "en", "hu")
EVERYONE = [one for country in COUNTRIES for one in demo_authorities(country)]
LETTERS = "".join(map(chr, [*range(0x21, 0x250), *range(0x370, 0x530), *range(0x1E00, 0x2000)]))
DENTIST = marks.of_competence("profession:dental-practitioner")


@pytest.fixture(scope="module")
def table():
    """Return the demonstration's directory in full text, a column per field."""
    db = sqlite3.connect(":memory:")
    db.execute(
        f"CREATE VIRTUAL TABLE found USING fts5({', '.join(COLUMNS)}, detail = column, tokenize = \"ascii tokenchars '_'\")"
    )
    for number, one in enumerate(EVERYONE):
        text = searchable(one, LANGUAGES)
        db.execute(
            "INSERT INTO found (rowid, name, title, place, keyword, marks) VALUES (?, ?, ?, ?, ?, ?)",
            [number, *(getattr(text, name) for name in COLUMNS)],
        )
    yield db
    db.close()


def words(query: str) -> list[Word]:
    """Return the words of a query, without a vocabulary."""
    return [Word(forms) for forms in query_tokens(query)]


def found(db, query: str) -> set[str]:
    """Return the ids of what an expression finds."""
    if not query:
        return set()
    return {EVERYONE[number].id for (number,) in db.execute("SELECT rowid FROM found WHERE found MATCH ?", [query])}


def fields(text: Searchable, *asked: Word) -> tuple[str, ...]:
    """Return the fields by which an authority is found."""
    fits = Matcher(asked).match(text)
    return fits.why if fits else ()


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("Zahnärztekammer Berlin", "DE-zaek-berlin"),
        ("berlin zahnaerztekammer", "DE-zaek-berlin"),
        ("fogorvosi kamara berlin", "DE-zaek-berlin"),
        ("licensing dentists berlin", "DE-lageso-berlin"),
        ("Register Zahnärzte Ungarn", "HU-okfo"),
        ("fogorvosok nyilvántartása", "HU-okfo"),
        ("koeln", "DE-bva"),
        ("muenster", "DE-br-muenster"),
    ],
)
def test_an_authority_is_found_in_the_readers_words(table, query, first):
    """Word order, case, marks and the language of the title make no difference."""
    assert first in found(table, expression(words(query), WHOLE))


def test_names_count_more_than_mentions():
    """The chamber comes before those that have its words elsewhere, and whole words before beginnings."""
    asked = words("Zahnärztekammer Berlin")
    fits = {one.id: fit for one in EVERYONE if (fit := Matcher(asked).match(searchable(one, LANGUAGES)))}
    assert min(fits, key=lambda one: fits[one].order) == "DE-zaek-berlin"
    name = Searchable("berlin", "", "", "", "")
    longer = Searchable("berliner", "", "", "", "")
    seat = Searchable("amt", "", "berlin", "", "")
    orders = [Matcher(words("berlin")).match(text).order for text in (name, longer, seat)]
    assert orders == sorted(orders)


def test_every_word_must_be_there():
    """A word that no field has means no match, and no words match nothing."""
    text = searchable(authority(), LANGUAGES)
    assert Matcher(words("Zahnärztekammer Atlantis")).match(text) is None
    assert Matcher([]).match(text) is None


def test_a_match_says_why():
    """The reader is told by what an authority was found, best reason first."""
    text = searchable(authority(competences=["profession:dental-practitioner", "dental register"]), ["de"])
    assert fields(text, *words("Zahnärztekammer")) == ("name", "title")
    assert fields(text, *words("fogorvosi")) == ()
    assert fields(text, *words("register")) == ("keyword",)
    assert fields(text, *words("de3")) == ("place",)
    assert fields(text, Word(("dentist",), marks={DENTIST: WHOLE})) == ("competence",)
    assert fields(text, Word(("x",), marks={marks.of_country("DE"): WHOLE})) == ("country",)
    assert fields(text, Word(("x",), marks={marks.of_area("professional-qualifications"): BEGUN})) == ("area",)


def test_a_typing_error_comes_after_everything_typed_right():
    """However good its place, a mistyped word ranks below a mention of the word as typed."""
    asked = [Word(("belrin",), mistyped=("berlin",))]
    wrong = Matcher(asked).match(Searchable("berlin", "", "", "", ""))
    right = Matcher(asked).match(Searchable("", "", "belrin", "", ""))
    assert (wrong.mistyped, right.mistyped) == (1, 0)
    assert right.order < wrong.order


def test_who_is_competent_just_there_comes_first():
    """For a profession and a town: the town's region before the whole country, and both before another's seat."""
    asked = [Word(("zahnarzt",), marks={DENTIST: WHOLE}), Word(("rosenheim",), regions=covering("DE", "DE213"))]

    def fit(code: str | None, level: str, place: str = "Anderswo"):
        region = {"code": code, "name": "R"} if code else None
        one = authority(name="Amt", titles={}, level=level, place=place, region=region)
        return Matcher(asked).match(searchable(one, LANGUAGES))

    orders = [fit("DE213", "local"), fit("DE21", "regional"), fit("DE2", "regional"), fit(None, "national")]
    assert [one.order for one in orders] == sorted(one.order for one in orders)
    assert orders[1].why == ("competence", "region")
    assert fit("DE3", "regional") is None
    assert fit("DE211", "local") is None


def test_regions_lie_in_each_other_as_their_codes_say():
    """NUTS codes hold those around them; ISO 3166-2 codes stand alone; the country is around all."""
    assert marks.around("DE213") == ("DE213", "DE21", "DE2")
    assert marks.around("DE-BY") == ("DE-BY",)
    assert covering("GR", "EL30") == {marks.of_whole("EL30"): 4, marks.of_whole("EL3"): 3, marks.of_whole("GR"): 1}


@given(st.text(max_size=20), st.text(max_size=20))
def test_marks_of_different_codes_differ(one, other):
    """Whatever a code holds, its mark is one word that no text has; upper case makes no difference."""
    if one.lower() != other.lower():
        assert marks.of_competence(one) != marks.of_competence(other)
    assert marks.of_competence(one).replace("_", "").isalnum()
    assert marks.of_competence(one).isascii()


@given(st.lists(st.text(LETTERS + " -–'’", max_size=40), max_size=5))
def test_remembered_words_fold_alike(texts):
    """Folding that remembers gives what folding gives, in any order."""
    folded = Folding()
    assert [folded(text) for text in (*texts, *texts)] == [fold(text) for text in (*texts, *texts)]


def test_nothing_to_search_is_an_empty_expression():
    """A query of signs alone asks nothing, and the caller can see that."""
    assert words("* - \" ' ( ) ^ : {} 🦷 ́") == []
    assert expression([], WHOLE) == ""
    assert expression([Word(("",))], MISTYPED) == ""


ATTACKS = (
    'berlin" OR "a', "name:berlin", "NOT berlin", "berlin AND NOT kammer", "NEAR(berlin kammer, 5)", "berlin*", "^berlin",
    "{name title}: berlin", "- berlin", "berlin + kammer", "'; DROP TABLE found; --", '"', '""', "AND", "OR", "NOT", "NEAR",
    "AND OR NOT", "(", ")", "\x00", "\\", "%", "_", "a" * 100_000, '"' * 1000, "<script>", "ſ" * 300, "\ud800", "(a+)+$",
    "_k_profession", "marks : _c_de", ".*", "\u202eberlin", "ا‎ل", "🦷🦷",
)  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_fts_operators_in_queries_are_only_words(table, attack):
    """Whatever is typed never is an operator of the full-text search, and never an error."""
    for query in (expression(words(attack), MISTYPED), naming(words(attack)) if words(attack) else ""):
        found(table, query)
    assert table.execute("SELECT count(*) FROM found").fetchone() == (len(EVERYONE),)


def test_nobody_types_a_mark():
    """A filter's mark can't be typed: folding leaves no underscore, so a query can't reach behind a filter."""
    assert query_tokens("_c_de _k_x") == (("c",), ("de",), ("k",), ("x",))


@given(st.lists(st.lists(st.text(), max_size=3), max_size=5))
@example([['"'], ['a" OR "b'], ["\x00"], [""]])
def test_any_words_give_an_expression_that_sqlite_takes(table, typed):
    """Even words that no folding made can't break out of their quotes."""
    asked = [Word(tuple(form.encode(errors="ignore").decode() for form in forms)) for forms in typed]
    found(table, expression(asked, MISTYPED))


@given(st.text(LETTERS + " ", max_size=60))
def test_a_text_is_found_by_itself(text):
    """What is stored folded is found by the same words, typed in any of Europe's alphabets."""
    asked = words(text)
    db = sqlite3.connect(":memory:")
    try:
        db.execute("CREATE VIRTUAL TABLE found USING fts5(text, detail = column, tokenize = \"ascii tokenchars '_'\")")
        db.execute("INSERT INTO found VALUES (?)", [fold(text)])
        query = expression(asked, WHOLE)
        hits = db.execute("SELECT count(*) FROM found WHERE found MATCH ?", [query]).fetchone() if query else (1,)
    finally:
        db.close()
    assert hits == (1,)
    assert not asked or Matcher(asked).match(Searchable(fold(text), "", "", "", ""))
