"""The directory of a node: publishing, taking over, being lied to, and finding an authority in any language."""

import asyncio
import time
from datetime import date

import pytest

from directory_sync.authority import Authority
from directory_sync.checkpoint import read_checkpoint
from directory_sync.demo import demo_authorities
from directory_sync.search import searchable
from node.clock import SystemEntropy
from node.domain.access import Actor, granted, operator
from node.domain.directory_view import Changes, Page, Query
from node.errors import NodeError
from node.service import country_log, directory, find
from node.service.labels import Labels
from node.service.log_keys import log_keys_of
from node.service.node import Node
from node.store import audit, authorities, authority_index, logs
from node.store.key_files import load_keys, renew_seed
from protocol.encoding import b64u
from protocol.members import MemberList
from tests.node.clock import TestClock
from translations.languages import LANGUAGES

AREA = "professional-qualifications"
ATTACK = "<script>alert('x')</script> \"quoted\" & <b>bold</b>"
HANDLER = Actor("h", "Anna", "de", granted(["handler"], ["DE-zaek-berlin"]))
HUNGARIAN = Actor("i", "Ilona", "hu", granted(["handler"], ["HU-enkk"]))


def authority(authority_id: str, **changes: object) -> Authority:
    """Return a plain authority of the country that its id begins with."""
    values = {
        "id": authority_id,
        "country": authority_id[:2],
        "name": f"Authority {authority_id}",
        "name_lang": "en",
        "level": "national",
        "place": "Somewhere",
        "areas": [{"area": AREA, "role": "authority"}],
        "valid_from": date(2026, 1, 1),
        "v": 1,
    }
    return Authority.model_validate({**values, **changes})


async def offer(reader: Node, publisher: Node) -> Changes:
    """Let a node take what another publishes now of its own log, page by page; returns all that this changed."""
    country, made, more = publisher.country, Changes(0), True
    while more:
        start = country_log.here_of(reader, country).size
        page = publisher.store.read_now(lambda q, start=start: country_log.page_of(q, country, start))
        assert page is not None
        new, more = await country_log.accept_page(reader, country, page, country)
        sums = (made.added + new.added, made.changed + new.changed, made.ended + new.ended)
        made = Changes(new.version, *sums)
    return made


async def published(publisher: Node, *records: Authority) -> None:
    """Publish authorities, with a checkpoint at once."""
    publisher.clock.forward(seconds=10)
    await directory.import_authorities(publisher, operator(), records)


async def refused(code: str, awaitable) -> NodeError:
    """Await something that must be refused with this code."""
    with pytest.raises(NodeError) as caught:
        await awaitable
    assert caught.value.code == code
    return caught.value


def names(page: Page) -> list[str]:
    """Return the ids on a page."""
    return [found.authority for found in page.items]


def stored(node: Node) -> object:
    """Return everything that a node knows of directories, to see that nothing changed."""
    tables = ("log", "log_leaf", "log_tile", "authority", "authority_area", "authority_search", "audit")
    return node.store.read_now(lambda q: [[tuple(row) for row in q.all(f"SELECT * FROM {one}")] for one in tables])


@pytest.fixture
async def both(berlin: Node, budapest: Node, members: MemberList) -> None:
    """Both nodes with their demonstration lists, and Hungary's in Berlin."""
    await directory.import_authorities(berlin, operator(), demo_authorities("DE"))
    await directory.import_authorities(budapest, operator(), demo_authorities("HU"))
    await offer(berlin, budapest)


# --- publishing ---


async def test_an_import_is_published_and_exported_again(berlin: Node):
    """What was imported stands in the signed log, a leaf each, and comes out as it went in (SPEC S-215)."""
    records = demo_authorities("DE")
    changes = await directory.import_authorities(berlin, operator(), records)
    assert changes == Changes(len(records), added=len(records))
    assert directory.export_authorities(berlin, operator()) == records
    log = berlin.store.read_now(lambda q: logs.find(q, "DE"))
    assert log is not None
    read_checkpoint(log.note.encode()).signed_by(log_keys_of(berlin, "DE"))
    assert directory.heads(berlin) == {"DE": (len(records), b64u(log.root))}
    assert find.authority(berlin, "DE-zaek-berlin").name == "Zahnärztekammer Berlin"
    assert find.own_active(berlin, "DE-zaek-berlin")


async def test_an_import_that_changes_nothing_publishes_nothing(berlin: Node):
    """Importing an export again leaves version and bytes as they are."""
    await directory.import_authorities(berlin, operator(), demo_authorities("DE"))
    before = stored(berlin)
    again = directory.export_authorities(berlin, operator())
    assert await directory.import_authorities(berlin, operator(), again) == Changes(len(again), unchanged=len(again))
    assert stored(berlin) == before


async def test_an_import_adds_changes_and_keeps_the_rest(berlin: Node):
    """Records are replaced by id, the node counts their versions, and who isn't named stays."""
    await directory.import_authorities(berlin, operator(), [authority("DE-a"), authority("DE-b")])
    new = [authority("DE-b", place="Bonn", v=7), authority("DE-c")]
    assert await directory.import_authorities(berlin, operator(), new) == Changes(4, 1, 1)
    assert [(one.id, one.place, one.v) for one in directory.export_authorities(berlin, operator())] == [
        ("DE-a", "Somewhere", 1),
        ("DE-b", "Bonn", 2),
        ("DE-c", "Somewhere", 1),
    ]


async def test_a_complete_import_ends_who_is_missing(berlin: Node):
    """Who left the list isn't found or active any more, but old cases can still name it; it may come back."""
    await directory.import_authorities(berlin, operator(), [authority("DE-a"), authority("DE-b")])
    changes = await directory.import_authorities(berlin, operator(), [authority("DE-a")], complete=True)
    assert changes == Changes(3, ended=1, unchanged=1)
    assert not find.own_active(berlin, "DE-b")
    assert names(await find.search(berlin, HANDLER, Query("authority"))) == ["DE-a"]
    assert find.authority(berlin, "DE-b").name == "Authority DE-b"
    assert berlin.store.read_now(lambda q: authorities.name_of(q, "DE-b")) == "Authority DE-b"
    back = await directory.import_authorities(berlin, operator(), [authority("DE-b")])
    assert back == Changes(4, added=1)
    assert find.authority(berlin, "DE-b").v == 2
    assert names(await find.search(berlin, HANDLER, Query("authority"))) == ["DE-a", "DE-b"]


async def test_one_wrong_record_stops_the_whole_import(berlin: Node):
    """Foreign, repeated and unknown things are named by place, and nothing at all is stored."""
    before = stored(berlin)
    wrong = [
        authority("DE-a"),
        authority("HU-a"),
        authority("DE-a"),
        authority("DE-b", areas=[{"area": "fishing", "role": "authority"}]),
    ]
    error = await refused("invalid", directory.import_authorities(berlin, operator(), wrong))
    assert error.fields == {"1.country": "foreign", "2.id": "duplicate", "3.areas": "unknown-area"}
    big = authority("DE-big", descriptions=dict.fromkeys(("de", "en", "fr", "hu", "it"), "x" * 4000))
    await refused("too-large", directory.import_authorities(berlin, operator(), [authority("DE-a"), big]))
    assert stored(berlin) == before


async def test_an_administrator_changes_its_own_authorities_only(berlin: Node):
    """A data administrator edits its record, and neither another's, nor adds, nor ends one."""
    await directory.import_authorities(berlin, operator(), [authority("DE-a"), authority("DE-b")])
    admin = Actor("a", "Ada", "de", granted(["data-administrator"], ["DE-a"]))
    before = stored(berlin)
    for new in ([authority("DE-b", place="Bonn")], [authority("DE-c")]):
        await refused("forbidden", directory.import_authorities(berlin, admin, new))
    await refused("forbidden", directory.import_authorities(berlin, admin, [authority("DE-a")], complete=True))
    await refused("forbidden", directory.import_authorities(berlin, HANDLER, []))
    with pytest.raises(NodeError, match="forbidden"):
        directory.export_authorities(berlin, HANDLER)
    assert stored(berlin) == before
    export = directory.export_authorities(berlin, admin)
    edited = [one.model_copy(update={"place": "Bonn"}) if one.id == "DE-a" else one for one in export]
    assert await directory.import_authorities(berlin, admin, edited) == Changes(3, changed=1, unchanged=1)


async def test_two_imports_at_once_never_lose_one(berlin: Node):
    """Of two imports side by side each is in the list, or its sender is told to repeat it."""
    both = (directory.import_authorities(berlin, operator(), [authority(one)]) for one in ("DE-a", "DE-b"))
    results = await asyncio.gather(*both, return_exceptions=True)
    codes = [getattr(result, "code", "done") for result in results]
    assert set(codes) <= {"done", "stale"}
    assert directory.own_size(berlin) == codes.count("done")
    assert len(directory.export_authorities(berlin, operator())) == codes.count("done")


async def test_a_new_node_and_a_new_key_publish(berlin: Node, clock: TestClock):
    """A node's first log may be empty, and a checkpoint signed by an older key is signed anew."""
    assert directory.heads(berlin) == {}
    assert await directory.ensure_published(berlin)
    assert not await directory.ensure_published(berlin)
    await directory.import_authorities(berlin, operator(), [authority("DE-a")])
    assert directory.heads(berlin)["DE"][0] == 0
    clock.forward(seconds=10)
    assert await directory.ensure_published(berlin)
    assert directory.heads(berlin)["DE"][0] == 1
    renew_seed(berlin.config.keys / "log-1.seed", SystemEntropy())
    berlin.keys = load_keys(berlin.config.keys)
    assert await directory.ensure_published(berlin)
    log = berlin.store.read_now(lambda q: logs.find(q, "DE"))
    assert log is not None
    read_checkpoint(log.note.encode()).signed_by(log_keys_of(berlin, "DE"))
    assert [one.id for one in directory.export_authorities(berlin, operator())] == ["DE-a"]


async def test_a_checkpoint_is_signed_once_in_ten_seconds(berlin: Node, clock: TestClock):
    """SPEC S-215: the first change is signed at once, those of the next ten seconds together."""
    for number in range(5):
        await directory.import_authorities(berlin, operator(), [authority(f"DE-{number}")])
        clock.forward(seconds=1)
        await directory.ensure_published(berlin)
        assert directory.heads(berlin)["DE"][0] == 1
    clock.forward(seconds=5)
    await directory.ensure_published(berlin)
    assert directory.heads(berlin)["DE"][0] == 5


async def test_publishing_is_in_the_audit_trail(berlin: Node):
    """Each version that we publish tells who did it and how much changed."""
    await directory.import_authorities(berlin, operator(), [authority("DE-a")])
    rows = berlin.store.read_now(lambda q: audit.entries_of(q, "DE"))
    assert [(row["actor"], row["action"], row["detail"]) for row in rows] == [
        ("operator", "directory.publish", "size 1 +1 ~0 -0")
    ]


# --- finding ---


async def test_berlin_finds_the_hungarian_dentists_authority_in_german(both: None, berlin: Node):
    """A German word for the profession finds the authorities that register it, wherever they are."""
    page = await find.search(berlin, HANDLER, Query("Zahnarzt", country="HU"))
    assert page.items
    for found in page.items:
        assert "profession:dental-practitioner" in find.authority(berlin, found.authority).competences
        assert found.country_name == "Ungarn"
        assert found.askable
        (reason,) = [one for one in found.why if one.code == "competent"]
        assert "Zahnarzt" in reason.text
    hungarian = await find.search(berlin, HUNGARIAN, Query("fogorvos", country="HU"))
    assert set(names(hungarian)) >= set(names(page))


@pytest.mark.parametrize("q", ["Zahnärztekammer Berlin", "zahnaerztekammer", "BERLIN zahnarztekammer", "zahnärz berl"])
async def test_words_are_found_in_any_order_and_spelling(both: None, berlin: Node, q: str):
    """Order, case, umlauts and endings don't matter, and the name that fits best comes first."""
    page = await find.search(berlin, HANDLER, Query(q))
    assert names(page)[0] == "DE-zaek-berlin"
    assert {"name", "competent"} & {reason.code for reason in page.items[0].why}
    assert not page.items[0].askable


async def test_a_title_is_in_the_reader_s_language_or_says_in_which(berlin: Node):
    """The reader's language, else English, else any; each with the language it is in."""
    records = [
        authority("DE-a", titles={"de": "Kammer", "en": "Chamber", "hu": "Kamara"}),
        authority("DE-b", titles={"en": "Chamber", "hu": "Kamara"}),
        authority("DE-c", titles={"sv": "Kammare", "hu": "Kamara"}),
        authority("DE-d"),
    ]
    await directory.import_authorities(berlin, operator(), records)
    page = await find.search(berlin, HANDLER, Query())
    titles = [(found.title.text, found.title.lang) if found.title else None for found in page.items]
    assert titles == [("Kammer", "de"), ("Chamber", "en"), ("Kamara", "hu"), None]
    swedish = await find.search(berlin, HANDLER, Query("kammare"), lang="sv")
    assert names(swedish) == ["DE-c"]
    assert "Kammare" in swedish.items[0].why[0].text


async def test_results_are_filtered_by_country_area_and_role(both: None, berlin: Node):
    """Filters hold with words and without, and unknown values find nothing."""
    everyone = await find.search(berlin, HANDLER, Query(limit=100))
    assert everyone.total == len(demo_authorities("DE")) + len(demo_authorities("HU"))
    assert [found.country for found in everyone.items] == sorted(found.country for found in everyone.items)
    for q in ("", "budapest"):
        hungarian = await find.search(berlin, HANDLER, Query(q, country="HU", area=AREA))
        assert hungarian.items
        assert {found.country for found in hungarian.items} == {"HU"}
        for query in (Query(q, country="FR"), Query(q, area="fishing"), Query(q, role="king")):
            assert (await find.search(berlin, HANDLER, query)).total == 0
    coordinators = await find.search(berlin, HANDLER, Query(role="coordinator", limit=100))
    expected = {one.id for cc in ("DE", "HU") for one in demo_authorities(cc) if one.role_in(AREA) == "coordinator"}
    assert expected
    assert set(names(coordinators)) == expected


async def test_pages_follow_each_other_without_gap(both: None, berlin: Node):
    """All pages together are the whole result, once, in one order."""
    for q in ("", "ungarn"):
        whole = await find.search(berlin, HANDLER, Query(q, limit=100))
        seen: list[str] = []
        offset: int | None = 0
        while offset is not None:
            page = await find.search(berlin, HANDLER, Query(q, limit=7, offset=offset))
            seen, offset = seen + names(page), page.more
        assert seen == names(whole)
        assert whole.total == len(seen) > 7


@pytest.mark.parametrize(
    "q",
    [
        '"',
        "'",
        "*",
        "a OR",
        "NEAR(a b)",
        "name:x",
        "-",
        "^berlin",
        "AND",
        '") OR 1=1 --',
        "\x00",
        "\udcff",
        "(",
        "½",
        "}{",
    ],
)
async def test_nothing_typed_is_an_operator(both: None, berlin: Node, q: str):
    """Whatever a user types is words to be found or nothing, never syntax, never an error."""
    page = await find.search(berlin, HANDLER, Query(q))
    assert page.total <= len(demo_authorities("DE")) + len(demo_authorities("HU"))
    attack = await find.search(berlin, HANDLER, Query(f'berlin" OR "{q}'))
    assert all("berlin" in find.authority(berlin, one).model_dump_json().lower() for one in names(attack))


async def test_words_without_letters_find_nothing(both: None, berlin: Node):
    """A search that holds no word isn't a list of everybody."""
    assert (await find.search(berlin, HANDLER, Query("?!"))).total == 0
    assert (await find.search(berlin, HANDLER, Query("  "))).total > 0


@pytest.mark.parametrize(
    ("query", "lang", "code"),
    [
        (Query(limit=0), "de", "invalid"),
        (Query(limit=101), "de", "invalid"),
        (Query(offset=-1), "de", "invalid"),
        (Query(offset=10**20), "de", "invalid"),
        (Query(area="\udcff"), "de", "invalid"),
        (Query(), "xx", "unknown-language"),
    ],
)
async def test_a_senseless_search_is_refused(berlin: Node, query: Query, lang: str, code: str):
    """Limits and languages are checked."""
    await refused(code, find.search(berlin, HANDLER, query, lang))


async def test_names_with_markup_stay_text(berlin: Node):
    """Markup in a name, title or place is found by its words and given back as written."""
    await directory.import_authorities(
        berlin, operator(), [authority("DE-a", name=ATTACK, titles={"de": ATTACK}, place=ATTACK)]
    )
    (found,) = (await find.search(berlin, HANDLER, Query("alert quoted"))).items
    assert (found.name, found.place) == (ATTACK, ATTACK)
    assert ATTACK in found.why[0].text


async def test_only_who_is_valid_today_is_found(berlin: Node, clock: TestClock):
    """An authority is found and active from its first day to its last, both included."""
    day = date(2026, 11, 23)
    records = [
        authority("DE-last", valid_until=day),
        authority("DE-future", valid_from=date(2026, 11, 24)),
        authority("DE-past", valid_until=date(2026, 11, 22)),
    ]
    await directory.import_authorities(berlin, operator(), records)
    assert names(await find.search(berlin, HANDLER, Query("authority"))) == ["DE-last"]
    assert [find.own_active(berlin, one.id) for one in records] == [True, False, False]
    clock.forward(days=1)
    assert names(await find.search(berlin, HANDLER, Query())) == ["DE-future"]


async def test_greek_and_bulgarian_are_found_from_a_latin_keyboard(berlin: Node, make_node, join):
    """Names in other alphabets are found by their transcription."""
    athens, sofia = make_node("GR"), make_node("BG")
    join(berlin, athens, sofia)
    greek = authority("GR-a", name="Οδοντιατρικός Σύλλογος Αττικής", place="Αθήνα")
    await published(athens, greek)
    await published(sofia, authority("BG-a", name="Български зъболекарски съюз"))
    await offer(berlin, athens)
    await offer(berlin, sofia)
    assert names(await find.search(berlin, HANDLER, Query("odontiatrikos"))) == ["GR-a"]
    assert names(await find.search(berlin, HANDLER, Query("αθηνα"))) == ["GR-a"]
    assert names(await find.search(berlin, HANDLER, Query("zabolekarski"))) == ["BG-a"]


async def test_an_unknown_authority_is_not_found(berlin: Node):
    """Ids that nobody has are no authority and not active."""
    for wrong in ("DE-nobody", "", "\udcff", "' OR 1=1 --"):
        assert not find.own_active(berlin, wrong)
        with pytest.raises(NodeError, match="not-found"):
            find.authority(berlin, wrong)


def test_what_is_indexed_is_what_the_directory_s_search_says(areas):
    """Remembering folded words changes nothing of what is searched."""
    labels = Labels(areas)
    for one in (*demo_authorities("HU"), authority("DE-a", competences=["α β", "profession:none", "x:y"])):
        assert labels.searchable(one) == searchable(one, LANGUAGES)


async def test_the_index_can_be_written_anew(both: None, berlin: Node):
    """After reindexing the same words find the same authorities."""
    before = names(await find.search(berlin, HANDLER, Query("Zahnarzt")))
    await berlin.store.write(authority_index.empty)
    assert names(await find.search(berlin, HANDLER, Query("Zahnarzt"))) == []
    assert await directory.reindex(berlin) == len(demo_authorities("DE")) + len(demo_authorities("HU"))
    assert names(await find.search(berlin, HANDLER, Query("Zahnarzt"))) == before


async def test_ten_thousand_authorities(berlin: Node, budapest: Node, members: MemberList):
    """A large country's list is imported, taken over, changed by one and searched without waiting long."""
    many = [
        authority(f"HU-{n:05d}", name=f"Hivatal {n} a városban", competences=["profession:dental-practitioner"])
        for n in range(10_000)
    ]
    times = {"begin": time.perf_counter()}
    assert (await directory.import_authorities(budapest, operator(), many)).added == 10_000
    times["import"] = time.perf_counter()
    assert (await offer(berlin, budapest)).added == 10_000
    times["accept"] = time.perf_counter()
    one = many[77].model_copy(update={"place": "Pécs"})
    assert await directory.import_authorities(budapest, operator(), [one]) == Changes(10_001, changed=1)
    times["change"] = time.perf_counter()
    assert names(await find.search(berlin, HANDLER, Query("hivatal 9999"))) == ["HU-09999"]
    broad = await find.search(berlin, HANDLER, Query("zahn ho"))
    assert broad.total == 0
    wide = await find.search(berlin, HANDLER, Query("zahnarzt"))
    assert (wide.total, wide.capped, len(wide.items)) == (120, True, 20)
    listed = await find.search(berlin, HANDLER, Query(country="HU", offset=9_990))
    assert (listed.total, len(listed.items), listed.more) == (10_000, 10, None)
    times["search"] = time.perf_counter()
    marks = list(times.items())
    took = {name: round(at - marks[place][1], 2) for place, (name, at) in enumerate(marks[1:])}
    assert sum(took.values()) < 60, took


async def test_a_service_activity_is_found_in_the_reader_s_words(berlin: Node, members: MemberList):
    """An authority for plumbing and posted workers is found by a Greek and a Finnish word, and says so in German."""
    one = authority("DE-a", competences=["activity:plumbing", "keyword:posted-workers"])
    await directory.import_authorities(berlin, operator(), [one, authority("DE-b")])
    assert names(await find.search(berlin, HANDLER, Query("υδραυλικες"))) == ["DE-a"]
    page = await find.search(berlin, HANDLER, Query("lähetetyt"))
    assert [reason.text for reason in page.items[0].why] == [
        "Zuständig für: Entsandte Arbeitnehmer. Gebiet: Deutschland"
    ]
