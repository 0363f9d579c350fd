"""The directory of a node: publishing, taking over, being lied to, and finding an authority in any language."""

import asyncio
import json
import time
from collections.abc import Callable, Iterable
from datetime import date

import pytest

from directory_sync.authority import Authority
from directory_sync.demo import demo_authorities
from directory_sync.exchange import answer, compressed, document_of, etag_of, fetch_snapshot
from directory_sync.search import searchable
from directory_sync.snapshot import HEADER_TYP, Snapshot, make_snapshot
from node.clock import SystemEntropy, seconds
from node.domain.access import Actor, operator
from node.domain.directory_view import Changes, Page, Query
from node.errors import NodeError
from node.service import directory, find
from node.service.labels import Labels
from node.service.node import Node
from node.store import audit, authorities, authority_index
from node.store.key_files import load_keys, make_keys
from protocol import jws
from protocol.members import MemberList
from tests.node.clock import TestClock
from tests.node.network import rerecord, suspend
from translations.languages import LANGUAGES

AREA = "professional-qualifications"
ATTACK = "<script>alert('x')</script> \"quoted\" & <b>bold</b>"
HANDLER = Actor("h", "Anna", "de", frozenset({"handler"}), frozenset({"DE-zaek-berlin"}))
HUNGARIAN = Actor("i", "Ilona", "hu", frozenset({"handler"}), frozenset({"HU-enkk"}))


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


def signed(
    node: Node, records: Iterable[Authority], version: int = 1, country: str | None = None, typ: str = HEADER_TYP
) -> Snapshot:
    """Sign a list with a node's key, whatever it says."""
    now = node.clock.now()
    return make_snapshot(
        country or node.country,
        version,
        now,
        records,
        lambda claims: jws.sign(node.keys.signer, typ, claims, seconds(now)),
    )


async def offer(node: Node, country: str, snapshot: Snapshot) -> Changes:
    """Let a node take a list that a country served."""
    return await directory.accept_snapshot(node, country, snapshot.header_jws, snapshot.body)


async def refused(code: str, awaitable) -> NodeError:
    """Await something that must be refused with this code."""
    with pytest.raises(NodeError) as caught:
        await awaitable
    assert caught.value.code == code
    return caught.value


def names(page: Page) -> list[str]:
    """Return the ids on a page."""
    return [found.authority for found in page.items]


def proofs(node: Node) -> list[tuple[str, str]]:
    """Return the proofs of misbehaviour that a node keeps."""
    return [(row["iss"], row["code"]) for row in node.store.read_now(lambda q: q.all("SELECT * FROM proof"))]


def stored(node: Node) -> object:
    """Return everything that a node knows of directories, to see that nothing changed."""
    tables = ("directory", "authority", "authority_area", "authority_search", "audit")
    return node.store.read_now(lambda q: [[tuple(row) for row in q.all(f"SELECT * FROM {one}")] for one in tables])


@pytest.fixture
def berlin(make_node) -> Node:
    """Germany's node."""
    return make_node("DE")


@pytest.fixture
def budapest(make_node) -> Node:
    """Hungary's node."""
    return make_node("HU")


@pytest.fixture
def members(join: Callable[..., MemberList], berlin: Node, budapest: Node) -> MemberList:
    """Both nodes in one network."""
    return join(berlin, budapest)


@pytest.fixture
async def both(berlin: Node, budapest: Node, members: MemberList) -> None:
    """Both nodes with their demonstration lists, and Hungary's in Berlin."""
    await directory.import_authorities(berlin, operator(), demo_authorities("DE"))
    await directory.import_authorities(budapest, operator(), demo_authorities("HU"))
    listing = directory.snapshot_of(budapest, "HU")
    assert listing is not None
    await offer(berlin, "HU", listing.snapshot)


# --- publishing ---


async def test_an_import_is_published_and_exported_again(berlin: Node):
    """What was imported is a signed list of version 1, and comes out as it went in."""
    records = demo_authorities("DE")
    changes = await directory.import_authorities(berlin, operator(), records)
    assert changes == Changes(1, added=len(records))
    assert directory.export_authorities(berlin, operator()) == records
    listing = directory.snapshot_of(berlin, "DE")
    assert listing is not None
    assert directory.heads(berlin) == {"DE": (1, listing.sha256)}
    assert find.authority(berlin, "DE-zaek-berlin").name == "Zahnärztekammer Berlin"
    assert find.own_active(berlin, "DE-zaek-berlin")


async def test_an_import_that_changes_nothing_publishes_nothing(berlin: Node):
    """Importing an export again leaves version and bytes as they are."""
    await directory.import_authorities(berlin, operator(), demo_authorities("DE"))
    before = stored(berlin)
    again = directory.export_authorities(berlin, operator())
    assert await directory.import_authorities(berlin, operator(), again) == Changes(1, unchanged=len(again))
    assert stored(berlin) == before


async def test_an_import_adds_changes_and_keeps_the_rest(berlin: Node):
    """Records are replaced by id, the node counts their versions, and who isn't named stays."""
    await directory.import_authorities(berlin, operator(), [authority("DE-a"), authority("DE-b")])
    new = [authority("DE-b", place="Bonn", v=7), authority("DE-c")]
    assert await directory.import_authorities(berlin, operator(), new) == Changes(2, 1, 1, 0, 1)
    assert [(one.id, one.place, one.v) for one in directory.export_authorities(berlin, operator())] == [
        ("DE-a", "Somewhere", 1),
        ("DE-b", "Bonn", 2),
        ("DE-c", "Somewhere", 1),
    ]


async def test_a_complete_import_ends_who_is_missing(berlin: Node):
    """Who left the list isn't found or active any more, but old cases can still name it; it may come back."""
    await directory.import_authorities(berlin, operator(), [authority("DE-a"), authority("DE-b")])
    changes = await directory.import_authorities(berlin, operator(), [authority("DE-a")], complete=True)
    assert changes == Changes(2, ended=1, unchanged=1)
    assert not find.own_active(berlin, "DE-b")
    assert names(await find.search(berlin, HANDLER, Query("authority"))) == ["DE-a"]
    assert find.authority(berlin, "DE-b").name == "Authority DE-b"
    assert berlin.store.read_now(lambda q: authorities.name_of(q, "DE-b")) == "Authority DE-b"
    back = await directory.import_authorities(berlin, operator(), [authority("DE-b")])
    assert back == Changes(3, added=1, unchanged=1)
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
    admin = Actor("a", "Ada", "de", frozenset({"data-administrator"}), frozenset({"DE-a"}))
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
    assert await directory.import_authorities(berlin, admin, edited) == Changes(2, changed=1, unchanged=1)


async def test_two_imports_at_once_never_lose_one(berlin: Node):
    """Of two imports side by side each is in the list, or its sender is told to repeat it."""
    both = (directory.import_authorities(berlin, operator(), [authority(one)]) for one in ("DE-a", "DE-b"))
    results = await asyncio.gather(*both, return_exceptions=True)
    codes = [getattr(result, "code", "done") for result in results]
    assert set(codes) <= {"done", "stale"}
    assert directory.heads(berlin)["DE"][0] == codes.count("done")
    assert len(directory.export_authorities(berlin, operator())) == codes.count("done")


async def test_a_new_node_and_a_new_key_publish(berlin: Node):
    """A node's first list may be empty, and a list signed by an older key is signed anew."""
    assert directory.snapshot_of(berlin, "DE") is None
    assert await directory.ensure_published(berlin)
    assert not await directory.ensure_published(berlin)
    await directory.import_authorities(berlin, operator(), [authority("DE-a")])
    folder = berlin.config.keys.with_name("new-keys")
    make_keys(folder, "DE", SystemEntropy())
    berlin.keys = load_keys(folder)
    assert await directory.ensure_published(berlin)
    listing = directory.snapshot_of(berlin, "DE")
    assert listing is not None
    assert listing.version == 3
    assert jws.parse(listing.header, limit=4096).header["kid"] == berlin.keys.signer.kid
    assert [one.id for one in directory.export_authorities(berlin, operator())] == ["DE-a"]


async def test_publishing_is_in_the_audit_trail(berlin: Node):
    """Each version that we publish tells who did it and how much changed."""
    await directory.import_authorities(berlin, operator(), [authority("DE-a")])
    rows = berlin.store.read_now(lambda q: audit.entries_of(q, "DE"))
    assert [(row["actor"], row["action"], row["detail"]) for row in rows] == [
        ("operator", "directory.publish", "version 1 +1 ~0 -0")
    ]


# --- taking over ---


async def test_budapest_s_list_is_taken_over(both: None, berlin: Node, budapest: Node):
    """What Hungary published is active and found in Berlin, byte for byte as it was signed."""
    ours, theirs = (
        berlin.store.read_now(lambda q: authorities.listing_of(q, "HU")),
        directory.snapshot_of(budapest, "HU"),
    )
    assert ours is not None
    assert theirs is not None
    assert ours.snapshot == theirs.snapshot
    assert find.is_active(berlin, "HU", "HU-enkk") == any(one.id == "HU-enkk" for one in demo_authorities("HU"))
    first = demo_authorities("HU")[0]
    assert find.is_active(berlin, "HU", first.id)
    assert not find.is_active(berlin, "DE", first.id)
    assert not find.own_active(berlin, first.id)
    assert find.authority(berlin, first.id) == first


async def test_a_new_version_changes_only_what_changed(berlin: Node, budapest: Node, members: MemberList):
    """The next version adds, changes and ends authorities, and says how many."""
    old = [authority("HU-a"), authority("HU-b"), authority("HU-c")]
    assert await offer(berlin, "HU", signed(budapest, old)) == Changes(1, added=3)
    new = [authority("HU-a"), authority("HU-b", place="Pécs", v=2), authority("HU-d")]
    assert await offer(berlin, "HU", signed(budapest, new, version=5)) == Changes(5, 1, 1, 1, 1)
    assert names(await find.search(berlin, HANDLER, Query("pecs"))) == ["HU-b"]
    assert names(await find.search(berlin, HANDLER, Query("HU", country="HU"))) == ["HU-a", "HU-b", "HU-d"]
    assert names(await find.search(berlin, HANDLER, Query(country="HU"))) == ["HU-a", "HU-b", "HU-d"]


async def test_the_same_list_again_is_a_sign_of_life(
    berlin: Node, budapest: Node, members: MemberList, clock: TestClock
):
    """An accepted list served again changes nothing but when it was last confirmed."""
    snapshot = signed(budapest, [authority("HU-a")])
    await offer(berlin, "HU", snapshot)
    first = directory.confirmed(berlin)["HU"]
    clock.forward(hours=1)
    assert await offer(berlin, "HU", snapshot) == Changes(1, unchanged=1)
    assert (directory.confirmed(berlin)["HU"] - first).total_seconds() == 3600
    clock.forward(hours=1)
    await directory.confirm_snapshot(berlin, "HU")
    assert (directory.confirmed(berlin)["HU"] - first).total_seconds() == 7200


async def test_it_travels_by_the_exchange(both: None, berlin: Node, budapest: Node):
    """What one node serves another fetches, verifies and takes over; the second time nothing travels."""
    await directory.import_authorities(budapest, operator(), [authority("HU-new")])
    sizes = []

    async def get(_url: str, fields: dict[str, str]):
        listing = directory.snapshot_of(budapest, "HU")
        assert listing is not None
        document = document_of(listing.snapshot)
        asked = {name.lower(): value for name, value in fields.items()}
        given = answer(document, compressed(document), etag_of(listing.version, listing.sha256), asked)
        sizes.append(len(given[2]))
        return given

    async def fetch():
        known, verify = directory.asking_with(berlin, "HU"), directory.header_verifier(berlin, "HU")
        return await fetch_snapshot(get, "https://hu.example", iss="HU", known=known, verify_header=verify)

    fetched = await fetch()
    assert fetched is not None
    assert (await offer(berlin, "HU", fetched.snapshot)).added == 1
    assert await fetch() is None
    assert sizes[1] == 0


async def test_an_older_version_is_refused(berlin: Node, budapest: Node, members: MemberList):
    """Serving a list of the past changes nothing here."""
    old = signed(budapest, [authority("HU-a"), authority("HU-dissolved")], version=1)
    await offer(berlin, "HU", old)
    await offer(berlin, "HU", signed(budapest, [authority("HU-a")], version=2))
    before = stored(berlin)
    await refused("directory-rollback", offer(berlin, "HU", old))
    assert stored(berlin) == before


async def test_two_lists_of_one_version_are_a_proof(berlin: Node, budapest: Node, members: MemberList):
    """A fork is refused, both signed headers are kept once, and anyone can verify them."""
    first = signed(budapest, [authority("HU-a")])
    second = signed(budapest, [authority("HU-b")])
    await offer(berlin, "HU", first)
    for _ in range(2):
        await refused("directory-fork", offer(berlin, "HU", second))
    assert proofs(berlin) == [("HU", "directory-fork")]
    row = berlin.store.read_now(lambda q: q.one("SELECT * FROM proof"))
    assert row is not None
    verify = directory.header_verifier(berlin, "HU")
    claims = [verify(bytes(row[side]).decode()) for side in ("first", "second")]
    assert claims[0]["version"] == claims[1]["version"]
    assert claims[0]["sha256"] != claims[1]["sha256"]
    assert not find.is_active(berlin, "HU", "HU-b")


async def test_an_unsigned_accusation_is_no_proof(berlin: Node, budapest: Node, members: MemberList):
    """Who forges a second list makes no proof against the country."""
    await offer(berlin, "HU", signed(budapest, [authority("HU-a")]))
    await refused("directory-invalid", offer(berlin, "HU", signed(berlin, [authority("HU-b")], country="HU")))
    assert proofs(berlin) == []


async def test_a_list_signed_by_another_country_is_refused(make_node, join, berlin: Node, budapest: Node):
    """Vienna can neither speak for Hungary nor slip a Hungarian record into its own list."""
    vienna = make_node("AT")
    join(berlin, budapest, vienna)
    before = stored(berlin)
    forged = signed(vienna, [authority("HU-a")], country="HU")
    await refused("directory-invalid", offer(berlin, "HU", forged))
    honest = signed(vienna, [authority("AT-a")])
    await refused("directory-invalid", offer(berlin, "HU", honest))
    body = signed(budapest, [authority("HU-a")]).body
    claims = jws.parse(signed(budapest, [authority("HU-a")]).header_jws, limit=4096).claims()
    header = jws.sign(vienna.keys.signer, HEADER_TYP, {**claims, "iss": "AT"}, 1)
    await refused("directory-invalid", directory.accept_snapshot(berlin, "AT", header, body))
    assert stored(berlin) == before


@pytest.mark.parametrize("fault", ["typ", "x5t", "kid", "alg", "signature", "body", "short-body", "not-a-jws", "empty"])
async def test_a_tampered_list_is_refused(berlin: Node, budapest: Node, members: MemberList, fault: str):
    """Whatever is altered on the way, in header, signature or body, nothing of it is stored."""
    before = stored(berlin)
    snapshot = signed(budapest, [authority("HU-a")], typ="entente-event+jws" if fault == "typ" else HEADER_TYP)
    header, body = snapshot.header_jws, snapshot.body
    head, payload, signature = header.split(".")
    parsed = jws.parse(header, limit=4096)
    if fault in ("x5t", "kid", "alg"):
        values = {"x5t": ("x5t#S256", "A" * 43), "kid": ("kid", "unknown"), "alg": ("alg", "Ed25519")}
        name, value = values[fault]
        head = jws.b64u(json.dumps({**parsed.header, name: value}).encode())
        signing_input = f"{head}.{payload}"
        signature = jws.b64u(budapest.keys.signer.sign(signing_input.encode()))
        header = f"{signing_input}.{signature}"
    elif fault == "signature":
        header = f"{head}.{payload}.{'A' * len(signature)}"
    elif fault == "body":
        body = body.replace(b"Somewhere", b"Elsewhere")
    elif fault == "short-body":
        body = b""
    elif fault in ("not-a-jws", "empty"):
        header = "" if fault == "empty" else "a.b"
    await refused("directory-invalid", directory.accept_snapshot(berlin, "HU", header, body))
    assert stored(berlin) == before


async def test_only_keys_in_force_sign_a_list(berlin: Node, budapest: Node, members: MemberList, clock: TestClock):
    """A retired key is accepted for 40 days, a revoked one never."""
    now = clock.now()
    berlin.members = rerecord(members, budapest, now, state="retired", until=now)
    await offer(berlin, "HU", signed(budapest, [authority("HU-a")]))
    clock.forward(days=41)
    await refused("directory-invalid", offer(berlin, "HU", signed(budapest, [authority("HU-b")], version=2)))
    berlin.members = rerecord(members, budapest, now, state="revoked", until=now)
    await refused("directory-invalid", offer(berlin, "HU", signed(budapest, [authority("HU-b")], version=2)))


async def test_only_active_members_have_a_list(berlin: Node, budapest: Node, members: MemberList, clock: TestClock):
    """A suspended country's list isn't taken, and its authorities aren't shown or asked; nor is our own taken."""
    await offer(berlin, "HU", signed(budapest, [authority("HU-a")]))
    berlin.members = suspend(members, "HU", [berlin, budapest], clock.now())
    await refused("unknown-country", offer(berlin, "HU", signed(budapest, [authority("HU-b")], version=2)))
    assert not find.is_active(berlin, "HU", "HU-a")
    assert names(await find.search(berlin, HANDLER, Query("authority"))) == []
    assert names(await find.search(berlin, HANDLER, Query(country="HU"))) == []
    for country, node in (("DE", berlin), ("FR", budapest)):
        await refused("unknown-country", offer(berlin, country, signed(node, [])))
    berlin.members = None
    await refused("unknown-country", offer(berlin, "HU", signed(budapest, [])))


async def test_lists_arriving_at_once_never_go_back(berlin: Node, budapest: Node, members: MemberList):
    """Fetches side by side leave the newest list that any of them brought."""
    offers = [offer(berlin, "HU", signed(budapest, [authority(f"HU-{v}")], version=v)) for v in (1, 2, 3)]
    results = await asyncio.gather(*offers, return_exceptions=True)
    assert {getattr(result, "code", "done") for result in results} <= {"done", "stale", "directory-rollback"}
    newest = max(result.version for result in results if isinstance(result, Changes))
    assert directory.heads(berlin)["HU"][0] == newest
    assert names(await find.search(berlin, HANDLER, Query(country="HU"))) == [f"HU-{newest}"]


async def test_changes_are_never_applied_to_another_version(berlin: Node):
    """What was worked out on a version that is no longer the present one is refused whole."""
    present = berlin.store.read_now(lambda q: directory._present(q, "DE"))
    plans = [directory._plan_own(berlin, present, [authority(one)], complete=False) for one in ("DE-a", "DE-b")]
    await directory._publish(berlin, "operator", plans[0])
    before = stored(berlin)
    await refused("stale", directory._publish(berlin, "operator", plans[1]))
    assert stored(berlin) == before


async def test_a_list_with_fields_of_a_newer_version_is_kept_whole(berlin: Node, budapest: Node, members: MemberList):
    """Fields that this version doesn't know are stored and served as they were signed."""
    await offer(berlin, "HU", signed(budapest, [authority("HU-a", opening_hours="9-12")]))
    assert find.authority(berlin, "HU-a").model_extra == {"opening_hours": "9-12"}


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
    await offer(berlin, "GR", signed(athens, [greek]))
    await offer(berlin, "BG", signed(sofia, [authority("BG-a", name="Български зъболекарски съюз")]))
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
    listing = directory.snapshot_of(budapest, "HU")
    assert listing is not None
    assert (await offer(berlin, "HU", listing.snapshot)).added == 10_000
    times["accept"] = time.perf_counter()
    one = many[77].model_copy(update={"place": "Pécs"})
    assert await directory.import_authorities(budapest, operator(), [one]) == Changes(2, 0, 1, 0, 9999)
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
