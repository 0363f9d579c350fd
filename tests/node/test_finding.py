"""Officials find whom to ask: in any language and alphabet, mistyped, by filters, or not knowing whom."""

import unicodedata
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from directory_sync.authority import Authority
from directory_sync.demo import demo_authorities
from directory_sync.folding import query_tokens
from directory_sync.search import Matcher
from node.domain.directory_view import Matter, Page, Query
from node.service import directory, find, meanings, whom
from node.service.asked import Bounds, words_of
from node.service.labels import Labels
from node.service.node import Node
from node.store import authority_index, vocabulary
from tests.node.test_directory import AREA, HANDLER, authority, names, offer, published, refused

DENTIST = "profession:dental-practitioner"
ROSENHEIM = ("DE213", "Rosenheim")


async def publish(node: Node, records: Iterable[Authority]) -> None:
    """Let a node publish its authorities."""
    from node.domain.access import operator

    await directory.import_authorities(node, operator(), records)


@pytest.fixture
async def berlin(make_node, join) -> Node:
    """Germany's node, which has the demonstration's authorities of Germany and Hungary."""
    node, budapest = make_node("DE"), make_node("HU")
    join(node, budapest)
    await publish(node, demo_authorities("DE"))
    await published(budapest, *demo_authorities("HU"))
    await offer(node, budapest)
    return node


async def search(node: Node, q: str, lang: str = "de", **filters: str) -> Page:
    """Search as an official of Berlin does."""
    return await find.search(node, HANDLER, Query(q, limit=100, **filters), lang)


# --- words ---


@pytest.mark.parametrize(
    "q", ["zahnarzt ungarn", "fogorvos magyarország", "οδοντίατρος ουγγαρία", "зъболекар унгария", "zahnartz ungarn",
          "odontiatros Ουγγαρία", "zabolekar ungarn", "dentiste hongrie", "DENTIST  hungary", "ungarn zahna",
          "Zahnarzt in Ungarn", "fogorvosok magyarorszag", "zahnarzt unngarn", "tandlæge ungarn", "hammaslaakari unkari"],
)  # fmt: skip
async def test_berlin_finds_the_hungarian_register(berlin: Node, q: str):
    """Whatever the official's language, alphabet and fingers, Hungary's register of dentists comes first."""
    page = await search(berlin, q)
    assert page.items, q
    assert page.items[0].country == "HU"
    assert DENTIST in find.authority(berlin, page.items[0].authority).competences
    assert "HU-okfo" in names(page)[:3]


async def test_it_says_for_what_and_where_it_is_proposed(berlin: Node):
    """The reason is in the reader's language, and names the profession and the territory."""
    page = await search(berlin, "zahnarzt berlin")
    assert page.items[0].why[0].code == "competent"
    assert page.items[0].why[0].text == "Zuständig für: Zahnarzt. Gebiet: Berlin"
    hungarian = await search(berlin, "zahnarzt berlin", "hu")
    assert "Fogorvos" in hungarian.items[0].why[0].text
    assert names(hungarian) == names(page)


@pytest.mark.parametrize(
    ("q", "wanted"),
    [("zahnarztekammer berlni", "DE-zaek-berlin"), ("zahnaerztekamer berlin", "DE-zaek-berlin"),
     ("brelin zahnarztekammer", "DE-zaek-berlin"), ("zahnartzekam berlin", "DE-zaek-berlin"),
     ("münstre", "DE-br-muenster"), ("budapset fogorvos", "HU-okfo")],
)  # fmt: skip
async def test_one_error_in_each_word_is_forgiven(berlin: Node, q: str, wanted: str):
    """A letter too many, too few, another one, or two that changed places, also in the beginning of a long word."""
    assert wanted in names(await search(berlin, q))


async def test_capitals_are_found_by_their_names_abroad(make_node, join):
    """Nobody in Budapest looks for Wien: Bécs, Vienna and Βιέννη are found as well."""
    vienna = make_node("AT")
    join(vienna, make_node("DE"))
    await publish(vienna, [authority("AT-a", name="Magistrat", place="Wien"), authority("AT-b", place="Graz")])
    for q in ("bécs", "vienna", "Βιέννη", "Виена", "wien"):
        assert names(await search(vienna, q)) == ["AT-a"], q


async def test_the_competent_one_for_the_place_comes_first(make_node):
    """For a town: the region's chamber before the national one, and neither another region's nor a mere namesake."""
    node = make_node("DE")
    region = {"code": ROSENHEIM[0], "name": ROSENHEIM[1]}
    bavaria, saxony = {"code": "DE2", "name": "Bayern"}, {"code": "DED", "name": "Sachsen"}
    await publish(
        node,
        [
            authority("DE-town", name="Stadt Rosenheim", level="local", place="Rosenheim", region=region),
            authority("DE-zk-by", level="regional", place="München", region=bavaria, competences=[DENTIST]),
            authority("DE-zk-sn", level="regional", place="Dresden", region=saxony, competences=[DENTIST]),
            authority("DE-bzk", level="national", place="Berlin", competences=[DENTIST]),
        ],
    )
    page = await search(node, "zahnarzt rosenheim")
    assert names(page) == ["DE-zk-by", "DE-bzk"]
    assert page.items[0].why[0].text == "Zuständig für: Zahnarzt. Gebiet: Bayern"
    assert names(await search(node, "rosenheim")) == ["DE-town"]
    assert names(await search(node, "rosenhiem", competence=DENTIST)) == ["DE-zk-by", "DE-bzk"]


@pytest.mark.parametrize("q", ["zahnarzt lauterhagen", "zahnartz lauterhagen", "zahnartz lauterhgen"])
async def test_many_who_are_competent_everywhere_hide_nobody_in_the_place(make_node, q: str):
    """However it is typed, who sits there comes before all who are competent in the whole country."""
    node = make_node("DE")
    everywhere = [authority(f"DE-all-{n:03}", competences=(DENTIST,)) for n in range(150)]
    values = {"level": "local", "place": "Lauterhagen", "region": {"code": "DE213", "name": "Lauterhagen"}}
    there = authority("DE-there", name="Amt Lauterhagen", competences=(DENTIST,), **values)
    await publish(node, [*everywhere, there])
    assert names(await search(node, q))[0] == "DE-there"


async def test_who_is_found_for_two_reasons_is_not_hidden_by_many_with_one(make_node):
    """A word that stands in a name and means a profession: who has both comes before all who have either."""
    node = make_node("DE")
    midwife = "profession:midwife"
    either = [authority(f"DE-all-{n:03}", competences=(midwife,)) for n in range(150)]
    either += [authority(f"DE-name-{n:03}", name=f"Hebamme {n}", level="local") for n in range(100)]
    both = authority("DE-zz", name="Hebamme Nord", level="local", competences=(midwife,))
    await publish(node, [*either, both])
    assert names(await search(node, "hebamme"))[0] == "DE-zz"


async def test_small_words_between_others_are_passed_over(berlin: Node):
    """People type sentences: articles and prepositions of any language hide nothing."""
    plain = names(await search(berlin, "register zahnärzte ungarn"))
    assert plain == names(await search(berlin, "Register der Zahnärzte in Ungarn"))
    assert plain


# --- filters ---


async def test_filters_leave_what_they_say(berlin: Node):
    """Country, level, region, area, competence and language understood, each alone and together, with and without words."""
    for q in ("", "berlin"):
        for name, value in (
            ("country", "DE"), ("level", "regional"), ("area", AREA), ("competence", DENTIST), ("understands", "en"),
            ("region", "DE3"),
        ):  # fmt: skip
            page = await search(berlin, q, **{name: value})
            for one in (find.authority(berlin, found.authority) for found in page.items):
                kept = {
                    "country": one.country == value,
                    "level": one.level == value,
                    "area": one.role_in(AREA) is not None,
                    "competence": value in one.competences,
                    "understands": value in one.languages,
                    "region": one.region is not None and one.region.code == "DE3",
                }
                assert kept[name]
            assert page.items, (q, name)
    both = await search(berlin, "", country="DE", competence=DENTIST, level="regional", region="DE3")
    assert both.items
    assert set(names(both)) <= set(names(await search(berlin, "", competence=DENTIST)))
    for wrong in ({"level": "cosmic"}, {"region": "XX1"}, {"competence": 'a" OR "b'}, {"understands": "q"}):
        assert (await search(berlin, "", **wrong)).total == 0
    await refused("invalid", search(berlin, "", region="Bayérn"))


async def test_who_covers_a_region_is_found_in_it(make_node):
    """The filter by region shows who sits in it, and who is competent for all of it."""
    node = make_node("DE")
    codes = {"DE-in": "DE213", "DE-same": "DE21", "DE-around": "DE2", "DE-other": "DE3"}
    records = [authority(one, level="regional", region={"code": code, "name": code}) for one, code in codes.items()]
    await publish(node, records)
    assert set(names(await search(node, "", region="DE21"))) == {"DE-in", "DE-same", "DE-around"}


# --- not knowing whom ---


async def test_who_does_not_know_whom_is_led_to_the_competent_authority(berlin: Node):
    """Country, area and profession lead to the register, and the country's coordinator stands beside it."""
    proposal = await whom.propose(berlin, HANDLER, Matter("HU", AREA, DENTIST))
    assert proposal.authorities
    assert not proposal.wider
    for found in proposal.authorities:
        assert DENTIST in find.authority(berlin, found.authority).competences
        assert found.why[0].code == "competent"
    assert proposal.coordinators
    assert all(find.authority(berlin, one.authority).role_in(AREA) == "coordinator" for one in proposal.coordinators)


async def test_who_knows_only_an_unheard_place_gets_a_larger_territory(berlin: Node):
    """A place that nobody names leads to those for the whole country, and says so."""
    proposal = await whom.propose(berlin, HANDLER, Matter("HU", AREA, DENTIST, "Atlantis"))
    assert proposal.wider
    assert proposal.authorities


async def test_where_nobody_is_competent_the_coordinator_remains(berlin: Node):
    """Without a competent authority the way ends at the coordinator; for another area, at any of the country."""
    proposal = await whom.propose(berlin, HANDLER, Matter("HU", "fishing", "profession:ski-instructor"))
    assert proposal.authorities == ()
    assert proposal.coordinators
    nobody = await whom.propose(berlin, HANDLER, Matter("FR", AREA))
    assert nobody.authorities == nobody.coordinators == ()
    await refused("invalid", whom.propose(berlin, HANDLER, Matter("HÜ", AREA)))


# --- the index follows ---


async def test_an_index_of_an_earlier_version_is_written_anew(berlin: Node):
    """After an upgrade the first search indexes everything, and finds the same."""
    before = names(await search(berlin, "zahnarzt ungarn"))
    await berlin.store.write(authority_index.empty)
    await berlin.store.write(lambda tx: vocabulary.set_state(tx, "texts", "0"))
    berlin.search_ready = False
    assert names(await search(berlin, "zahnarzt ungarn")) == before
    assert berlin.store.read_now(lambda q: vocabulary.state(q, "texts")) == meanings.TEXTS_VERSION


async def test_new_names_of_professions_reach_the_index(make_node):
    """When a list or a language changes, the first search afterwards knows it."""
    node = make_node("DE")
    await publish(node, [authority("DE-a", competences=[DENTIST])])
    assert names(await search(node, "tandlæge")) == ["DE-a"]
    await node.store.write(lambda tx: vocabulary.mean(tx, []))
    await node.store.write(lambda tx: vocabulary.set_state(tx, "meanings", "of an earlier version"))
    assert names(await search(node, "tandlæge")) == []
    node.search_ready = False
    assert names(await search(node, "tandlæge")) == ["DE-a"]


async def test_a_changed_authority_is_found_by_its_new_words_only(make_node):
    """Renamed, moved to another level and ended: the index has each authority once, as it is now."""
    node = make_node("DE")
    await publish(node, [authority("DE-a", name="Altname", level="local")])
    await publish(node, [authority("DE-a", name="Neuname", level="national")])
    assert names(await search(node, "altname")) == []
    assert names(await search(node, "neuname")) == ["DE-a"]
    assert names(await search(node, "", level="national")) == ["DE-a"]
    assert node.store.read_now(lambda q: len(q.all("SELECT rowid FROM authority_search"))) == 1


# --- attacks ---


@pytest.mark.parametrize(
    "q",
    ["a" * 10_000_000, " ".join(f"wort{n}" for n in range(500)), "🦷🇭🇺🙂", "\u0301\u0308\u0323", "\u202ezahnarzt\u202c",
     "(a+)+$", ".*", '") OR 1=1 --', "_c_de", "marks:_c_hu", "NEAR(a b)", "%%%%", "ﷺ", "שלום עולם", "\x00" * 300, "zz" * 90],
    ids=range(16),
)  # fmt: skip
async def test_whatever_is_typed_costs_little_and_breaks_nothing(berlin: Node, q: str):
    """Ten megabytes, five hundred words, marks alone, text from right to left, operators: a page of hits or none."""
    page = await search(berlin, q)
    assert page.total <= 400
    assert len(query_tokens(q)) <= 10


# --- all against the long way ---


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_results_are_those_of_looking_at_everybody(berlin: Node, data: st.DataObject):
    """Any words of the directory, cut and mistyped as one likes, give what holding every authority against them gives."""
    everyone = [*demo_authorities("DE"), *demo_authorities("HU")]
    await meanings.ensure(berlin)
    texts = {one.id: Labels(berlin.areas).searchable(one) for one in everyone}
    pool = sorted({word for text in texts.values() for part in text.texts() for word in part.split()})
    how = st.sampled_from(("whole", "begun", "mistyped"))
    one = st.builds(_cut, st.sampled_from(pool), how, st.integers(0, 100))
    typed = " ".join(data.draw(st.lists(one, min_size=1, max_size=3)))
    wanted = find.wanted_of(berlin, Query())
    every = Bounds(begun=10**6, near=10**6, meanings=10**6)
    found, _ = berlin.store.read_now(lambda q: find.ranked(q, words_of(q, typed), wanted))
    matcher = Matcher(berlin.store.read_now(lambda q: words_of(q, typed, bounds=every)))
    fits = {one: fit for one, text in texts.items() if (fit := matcher.match(text))}
    right = {one for one, fit in fits.items() if not fit.mistyped}
    got = {one for one, _ in found}
    assert right <= got <= set(fits), unicodedata.normalize("NFC", typed)
    assert len(right) >= 20 or got == set(fits)
    assert all(fits[one].order <= fits[other].order for (one, _), (other, _) in pairwise(found))


def _cut(word: str, how: str, at: int) -> str:
    """Shorten a word, or swap two of its letters, at a place that is counted round it."""
    if how == "begun":
        return word[: 1 + at % len(word)]
    if how == "mistyped" and len(word) > 4:
        at %= len(word) - 1
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word
