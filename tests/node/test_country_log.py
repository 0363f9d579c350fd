"""Taking over the logs of other countries: what is right grows, and each lie is refused, kept or shown."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from directory_sync.checkpoint import make_checkpoint, read_checkpoint
from directory_sync.leaf import Salted
from directory_sync.note import PLAIN, Signer
from directory_sync.page import line_of, make_page
from directory_sync.proof_file import read_fork
from directory_sync.tree import Tree, leaf_hash
from directory_sync.witness import Refusal, Request
from node.clock import SystemEntropy
from node.domain.access import operator
from node.domain.directory_view import Changes, Query
from node.errors import NodeError
from node.service import authority_edit, country_log, directory, find, forks, witnessing
from node.service.authority_edit import Why
from node.service.log_keys import log_signer, witness_signer
from node.service.node import Node
from node.service.verification import check_node
from node.store import authorities, logs
from node.store.key_files import begin_log, load_keys
from protocol.encoding import sha256_b64u
from protocol.members import MemberList
from tests.node.clock import TestClock
from tests.node.network import rerecord, suspend
from tests.node.test_directory import HANDLER, authority, names, offer, published, refused, stored


def shown(node: Node, country: str, start: int = 0) -> bytes:
    """Return the page of a country's log that a node gives."""
    page = node.store.read_now(lambda q: country_log.page_of(q, country, start))
    assert page is not None
    return page


def log_of(node: Node, country: str) -> logs.Log:
    """Return a country's log as a node has it."""
    log = node.store.read_now(lambda q: logs.find(q, country))
    assert log is not None
    return log


async def take(node: Node, country: str, page: bytes, source: str | None = None) -> Changes:
    """Let a node take a page, from the country itself or from another."""
    return (await country_log.accept_page(node, country, page, source or country))[0]


def proofs(node: Node) -> list[tuple[str, str]]:
    """Return the proofs of misbehaviour that a node keeps."""
    return [(row["iss"], row["code"]) for row in node.store.read_now(lambda q: q.all("SELECT * FROM proof"))]


def forged(node: Node, *ids: str, signer: Signer | None = None) -> bytes:
    """Return a page that a country's own keys sign, with a history of its own."""
    lines, tree = [], Tree()
    for one in ids:
        record = Salted(authorities_line(one), "A" * 22)
        leaf = record.leaf(authority(one), "2026-11-23T12:00:00Z").to_json()
        lines.append(line_of(leaf, record.to_json()))
        tree.append([leaf_hash(leaf)])
    checkpoint = make_checkpoint(signer or log_signer(node), tree.size, tree.root())
    return make_page(str(checkpoint.note), 0, lines, [])


def authorities_line(one: str) -> bytes:
    """Return a record's bytes."""
    from directory_sync.leaf import canonical

    return canonical(authority(one))


@contextmanager
def steps_of(*nodes: Node) -> Iterator[list[int]]:
    """Count every hundred steps of SQLite's on the connections of nodes."""
    steps: list[int] = []
    connections = [one for node in nodes for one in (node.store.writer._connection, *node.store._readers)]
    for connection in connections:
        connection.set_progress_handler(lambda: steps.append(1), 100)
    try:
        yield steps
    finally:
        for connection in connections:
            connection.set_progress_handler(None, 0)


# --- growing ---


async def test_only_what_changed_travels(berlin: Node, budapest: Node, members: MemberList):
    """SPEC S-217: after the first time a reader asks for new leaves alone, and says what they change."""
    await published(budapest, *(authority(f"HU-{n}") for n in range(300)))
    assert await offer(berlin, budapest) == Changes(300, added=300)
    await published(budapest, authority("HU-7", place="Pécs"), authority("HU-new"))
    page = shown(budapest, "HU", 300)
    assert len(page.splitlines()) == 3
    assert await offer(berlin, budapest) == Changes(302, added=1, changed=1)
    assert names(await find.search(berlin, HANDLER, Query("pecs"))) == ["HU-7"]
    assert check_node(berlin) == []
    assert shown(berlin, "HU") == shown(budapest, "HU")


async def test_a_sync_that_was_cut_goes_on_where_it_was(
    berlin: Node, budapest: Node, members: MemberList, monkeypatch: pytest.MonkeyPatch
):
    """SPEC S-216, S-217: each page is verified and kept by itself; what was superseded on a later page comes then."""
    monkeypatch.setattr("directory_sync.limits.MAX_PAGE_LEAVES", 100)
    await published(budapest, *(authority(f"HU-{n}") for n in range(250)))
    await published(budapest, authority("HU-7", place="Pécs"))
    pages = []
    while country_log.here_of(berlin, "HU").size < 251:
        pages.append(shown(budapest, "HU", country_log.here_of(berlin, "HU").size))
        changes, more = await country_log.accept_page(berlin, "HU", pages[-1], "HU")
        assert more == (changes.version < 251)
    assert len(pages) == 3
    assert find.authority(berlin, "HU-7").place == "Pécs"
    assert berlin.store.read_now(lambda q: logs.pending(q, "HU")) == (0, None)
    assert check_node(berlin) == []


async def test_another_node_gives_the_same_log_with_the_same_proofs(make_node, join, berlin: Node, budapest: Node):
    """When Hungary is down, Vienna gives what it has, and can't change a byte of it."""
    vienna = make_node("AT")
    join(berlin, budapest, vienna)
    await published(budapest, authority("HU-a"), authority("HU-b"))
    await offer(vienna, budapest)
    page = shown(vienna, "HU")
    with pytest.raises(NodeError, match="directory-fork"):
        await take(berlin, "HU", page.replace(b"Somewhere", b"Elsewhere").replace(b"HU-a", b"HU-c"), "AT")
    assert (await take(berlin, "HU", page, "AT")).added == 2
    assert directory.confirmed(berlin)["HU"].year == 1970 or directory.confirmed(berlin)["HU"] <= berlin.clock.now()


async def test_an_ended_authority_leaves_its_name_and_nothing_else(berlin: Node, budapest: Node, members: MemberList):
    """SPEC S-211: an erased record is gone everywhere, its leaf stays, and the log still proves itself."""
    secret = authority("HU-a", contacts={"phone": "+36 1 234567"}, descriptions={"hu": "Titkos"})
    await published(budapest, secret, authority("HU-b"))
    await offer(berlin, budapest)
    old = shown(budapest, "HU")
    assert b"+36 1 234567" in old
    budapest.clock.forward(seconds=10)
    await directory.import_authorities(budapest, operator(), [authority("HU-b")], complete=True)
    await offer(berlin, budapest)
    for node in (berlin, budapest):
        await node.store.cut_log()
        data = node.store.path.read_bytes()
        assert b"+36 1 234567" not in data
        assert b"Titkos" not in data
        assert node.store.read_now(lambda q: authorities.name_of(q, "HU-a")) == "Authority HU-a"
        assert check_node(node) == []
    assert sha256_b64u(old.splitlines()[1].partition(b" ")[2]).encode() in shown(berlin, "HU")


async def test_ten_thousand_changes_in_one_import_are_one_checkpoint(berlin: Node, budapest: Node, members: MemberList):
    """A whole country changes at once: one transaction, one signature, and pages that say how they belong to it."""
    await published(budapest, *(authority(f"HU-{n}") for n in range(10_000)))
    assert log_of(budapest, "HU").signed == 10_000
    assert await offer(berlin, budapest) == Changes(10_000, added=10_000)


@pytest.mark.parametrize("changed", [1, 100])
async def test_a_change_costs_the_same_however_large_the_directory(
    changed: int, berlin: Node, budapest: Node, members: MemberList
):
    """No statement of a judged and kept import, or of taking it over, goes through the whole list."""
    counts = []
    for size in (600, 3000):
        await published(budapest, *(authority(f"HU-{size}-{n}") for n in range(size)))
        await offer(berlin, budapest)
        budapest.clock.forward(seconds=10)
        news = [authority(f"HU-{size}-{n}", place="Pécs") for n in range(changed)]
        with steps_of(berlin, budapest) as steps:
            await authority_edit.publish(budapest, operator(), news, Why("import", "Moved"))
            await offer(berlin, budapest)
        counts.append(sum(steps))
    assert counts[1] <= counts[0] * 1.5 + 10


# --- lies ---


async def test_an_old_checkpoint_replayed_changes_nothing(berlin: Node, budapest: Node, members: MemberList):
    """SPEC S-121: who shows last month's log again is refused, and proves nothing."""
    await published(budapest, authority("HU-a"), authority("HU-dissolved"))
    await offer(berlin, budapest)
    old = shown(budapest, "HU", 2)
    await published(budapest, authority("HU-b"))
    await offer(berlin, budapest)
    before = stored(berlin)
    await refused("directory-rollback", take(berlin, "HU", old))
    assert (stored(berlin), proofs(berlin)) == (before, [])


async def test_a_checkpoint_from_the_future_is_refused_for_now(
    berlin: Node, budapest: Node, members: MemberList, clock: TestClock
):
    """SPEC S-210: what was published in an hour is taken in an hour."""
    clock.forward(hours=1)
    await published(budapest, authority("HU-a"))
    clock.forward(hours=-1)
    before = stored(berlin)
    await refused("directory-invalid", offer(berlin, budapest))
    assert stored(berlin) == before
    clock.forward(hours=1)
    assert (await offer(berlin, budapest)).added == 1


async def test_a_log_that_forks_is_refused_and_proven(berlin: Node, budapest: Node, members: MemberList):
    """SPEC S-214, S-221: two histories under one key are a proof; the last good state stays."""
    await published(budapest, authority("HU-a"), authority("HU-b"))
    await offer(berlin, budapest)
    other = forged(budapest, "HU-a", "HU-x")
    head = other.partition(b"\n")[0].replace(b'"start":0', b'"start":2').replace(b'"end":2', b'"end":2')
    await refused("directory-fork", take(berlin, "HU", head + b"\n"))
    theirs = make_checkpoint(log_signer(budapest), 2, b"\x01" * 32)
    fork = forks.between(berlin, "HU", str(theirs.note).encode(), (theirs.root, ()))
    assert fork is not None
    assert await forks.keep(berlin, "HU", fork, "FR") == ("HU",)
    assert proofs(berlin) == [("HU", "directory-fork")]
    await forks.keep(berlin, "HU", fork, "AT")
    assert len(proofs(berlin)) == 1
    assert log_of(berlin, "HU").frozen
    await published(budapest, authority("HU-c"))
    await refused("directory-frozen", offer(berlin, budapest))
    assert find.is_active(berlin, "HU", "HU-a")
    kept = berlin.store.read_now(lambda q: forks.file_of(q, "HU"))
    assert kept is not None
    read_fork(kept).require()


async def test_an_honest_log_cant_be_accused(berlin: Node, budapest: Node, members: MemberList):
    """SPEC S-214: a checkpoint that Hungary didn't sign, or an older one of its own, is no proof."""
    await published(budapest, authority("HU-a"))
    early = log_of(budapest, "HU").note
    await published(budapest, authority("HU-b"))
    await offer(berlin, budapest)
    assert forks.between(berlin, "HU", early.encode(), (b"\x01" * 32, ())) is None
    thief = Signer.from_seed(log_signer(budapest).name, PLAIN, b"\x07" * 32)
    theirs = make_checkpoint(thief, 2, b"\x01" * 32)
    fork = forks.between(berlin, "HU", str(theirs.note).encode(), (theirs.root, ()))
    assert fork is not None
    assert await forks.keep(berlin, "HU", fork, "AT") == ()
    assert (proofs(berlin), log_of(berlin, "HU").frozen) == ([], None)


async def test_a_record_of_another_country_is_refused(berlin: Node, budapest: Node, members: MemberList):
    """SPEC S-122: Hungary's log can't speak for a German authority, nor end one."""
    await published(berlin, authority("DE-a"))
    before = stored(berlin)
    await refused("directory-invalid", take(berlin, "HU", forged(budapest, "DE-a")))
    assert stored(berlin) == before


async def test_another_countrys_keys_cant_sign_a_log(make_node, join, berlin: Node, budapest: Node):
    """Vienna neither signs Hungary's log nor gives its own out as Hungary's."""
    vienna = make_node("AT")
    join(berlin, budapest, vienna)
    before = stored(berlin)
    await refused("directory-invalid", take(berlin, "HU", forged(vienna, "HU-a")))
    as_hungary = Signer.from_seed(log_signer(budapest).name, PLAIN, vienna.keys.log_seed)
    await refused("directory-invalid", take(berlin, "HU", forged(vienna, "HU-a", signer=as_hungary)))
    assert stored(berlin) == before


@pytest.mark.parametrize("fault", ["cut", "cut-line", "leaf", "record", "withheld-leaf", "more", "head"])
async def test_a_tampered_page_is_refused_whole(berlin: Node, budapest: Node, members: MemberList, fault: str):
    """SPEC S-119, S-217: whatever is cut or altered on the way, nothing of it is stored."""
    await published(budapest, authority("HU-a"), authority("HU-b"))
    page = shown(budapest, "HU")
    head, first, second, _ = page.split(b"\n")
    altered = {
        "cut": page[: len(page) // 2],
        "cut-line": page[:-1],
        "leaf": page.replace(b'"authority":"HU-a"', b'"authority":"HU-c"', 1),
        "record": page.replace(b"Somewhere", b"Elsewhere", 1),
        "withheld-leaf": b"\n".join((head.replace(b'"end":2', b'"end":1'), first, b"")),
        "more": page + second + b"\n",
        "head": page.replace(b'"start":0', b'"start":1', 1),
    }[fault]
    assert altered != page
    before = stored(berlin)
    with pytest.raises(NodeError):
        await take(berlin, "HU", altered)
    assert stored(berlin) == before


async def test_a_withheld_record_is_told_and_keeps_the_old_one(berlin: Node, budapest: Node, members: MemberList):
    """SPEC S-217: a leaf without its record is no reason to forget the authority; it is told until the next leaf."""
    await published(budapest, authority("HU-a"), authority("HU-b"))
    await offer(berlin, budapest)
    await published(budapest, authority("HU-a", place="Pécs"))
    page = shown(budapest, "HU", 2)
    head, line, _ = page.split(b"\n")
    await take(berlin, "HU", b"\n".join((head, line.partition(b" ")[0], b"")))
    count, since = berlin.store.read_now(lambda q: logs.pending(q, "HU"))
    assert (count, since) == (1, berlin.clock.now())
    assert find.authority(berlin, "HU-a").place == "Somewhere"
    await published(budapest, authority("HU-a", place="Győr"))
    await offer(berlin, budapest)
    assert berlin.store.read_now(lambda q: logs.pending(q, "HU")) == (0, None)
    assert find.authority(berlin, "HU-a").place == "Győr"


async def test_a_member_that_leaves_keeps_its_log_and_grows_no_more(
    berlin: Node, budapest: Node, members: MemberList, clock: TestClock
):
    """A suspended country's log stays for what was said, isn't witnessed, and its authorities can't be asked."""
    await published(budapest, authority("HU-a"))
    await offer(berlin, budapest)
    berlin.members = suspend(members, "HU", [berlin, budapest], clock.now())
    assert not find.is_active(berlin, "HU", "HU-a")
    assert names(await find.search(berlin, HANDLER, Query("authority"))) == []
    asked = request_of(budapest)
    answer = await witnessing.add_checkpoint(berlin, asked)
    assert isinstance(answer, Refusal)
    assert answer.status == 404
    berlin.members = None
    await refused("unknown-country", take(berlin, "HU", shown(budapest, "HU")))


async def test_pages_arriving_at_once_never_go_back(berlin: Node, budapest: Node, members: MemberList):
    """Fetches side by side leave the newest log that any of them brought."""
    pages = []
    for n in range(3):
        await published(budapest, authority(f"HU-{n}"))
        pages.append(shown(budapest, "HU"))
    results = await asyncio.gather(*(take(berlin, "HU", page) for page in pages), return_exceptions=True)
    codes = {getattr(result, "code", "done") for result in results}
    assert codes <= {"done", "stale", "directory-rollback", "directory-invalid"}
    newest = max(result.version for result in results if isinstance(result, Changes))
    assert log_of(berlin, "HU").size == newest


async def test_fields_of_a_newer_version_are_kept(berlin: Node, budapest: Node, members: MemberList):
    """SPEC S-124: what this version doesn't know is stored and served as it was signed."""
    await published(budapest, authority("HU-a", opening_hours="9-12"))
    await offer(berlin, budapest)
    assert find.authority(berlin, "HU-a").model_extra == {"opening_hours": "9-12"}
    assert shown(berlin, "HU") == shown(budapest, "HU")


# --- keys ---


async def test_a_stolen_log_key_ends_with_the_next_record(
    berlin: Node, budapest: Node, members: MemberList, clock: TestClock
):
    """SPEC S-206: once Hungary's record names another key first, the former one signs nothing that is taken."""
    await published(budapest, authority("HU-a"))
    stolen = forged(budapest, "HU-thief")
    begin_log(budapest.config.keys, SystemEntropy())
    budapest.keys = load_keys(budapest.config.keys)
    berlin.members = rerecord(members, budapest, clock.now())
    await refused("directory-invalid", take(berlin, "HU", stolen))


async def test_a_log_that_begins_anew_is_taken_from_its_first_leaf(
    berlin: Node, budapest: Node, members: MemberList, clock: TestClock
):
    """SPEC S-222: the way out of a fork: a new log with a new key; the proof about the old one stays."""
    await published(budapest, authority("HU-a"), authority("HU-gone"))
    await offer(berlin, budapest)
    theirs = make_checkpoint(log_signer(budapest), 2, b"\x01" * 32)
    fork = forks.between(berlin, "HU", str(theirs.note).encode(), (theirs.root, ()))
    assert fork is not None
    await forks.keep(berlin, "HU", fork, "DE")
    begin_log(budapest.config.keys, SystemEntropy())
    budapest.keys = load_keys(budapest.config.keys)
    await directory.import_authorities(budapest, operator(), [authority("HU-a")], complete=True)
    berlin.members = rerecord(members, budapest, clock.now())
    await offer(berlin, budapest)
    log = log_of(berlin, "HU")
    assert (log.origin, log.frozen) == ("entente/HU/directory/2", None)
    assert find.is_active(berlin, "HU", "HU-a")
    assert not find.is_active(berlin, "HU", "HU-gone")
    assert proofs(berlin) == [("HU", "directory-fork")]
    assert check_node(berlin) == []
    assert check_node(budapest) == []


# --- witnesses ---


def request_of(node: Node, old: int = 0) -> bytes:
    """Return a node's request for a cosignature."""
    log = log_of(node, node.country)
    proof = node.store.read_now(lambda q: logs.tiles_of(q, log).consistency(old, log.signed))
    return Request(old, tuple(proof), read_checkpoint(log.note.encode())).to_bytes()


async def test_a_checkpoint_is_witnessed(berlin: Node, budapest: Node, members: MemberList, clock: TestClock):
    """SPEC S-212, S-218: Berlin cosigns what grew; Budapest keeps the cosignature and asks again after an hour."""
    await published(budapest, authority("HU-a"))
    wanted = witnessing.wanted_from(budapest, "DE")
    assert wanted is not None
    answer = await witnessing.add_checkpoint(berlin, wanted.body)
    assert isinstance(answer, str)
    await witnessing.take_cosignature(budapest, "DE", wanted, answer.encode())
    assert witnessing.wanted_from(budapest, "DE") is None
    await published(budapest, authority("HU-b"))
    again = witnessing.wanted_from(budapest, "DE")
    assert again is not None
    assert again.body.startswith(b"old 1\n")
    answer = await witnessing.add_checkpoint(berlin, again.body)
    assert isinstance(answer, str)
    await witnessing.take_cosignature(budapest, "DE", again, answer.encode())
    await offer(berlin, budapest)
    assert "entente/DE/witness" in log_of(berlin, "HU").note
    clock.forward(hours=1)
    assert witnessing.wanted_from(budapest, "DE") is not None


async def test_a_witness_that_knows_another_size_says_so(berlin: Node, budapest: Node, members: MemberList):
    """SPEC S-213: 409 with the size, from which the log proves its growth then."""
    await published(budapest, authority("HU-a"))
    await witnessing.add_checkpoint(berlin, request_of(budapest))
    await published(budapest, authority("HU-b"))
    answer = await witnessing.add_checkpoint(berlin, request_of(budapest))
    assert answer == Refusal(409, answer.reason if isinstance(answer, Refusal) else "", 1)
    assert await witnessing.take_size(budapest, "DE", 1)
    wanted = witnessing.wanted_from(budapest, "DE")
    assert wanted is not None
    assert isinstance(await witnessing.add_checkpoint(berlin, wanted.body), str)


async def test_a_witness_keeps_the_proof_of_a_fork(berlin: Node, budapest: Node, members: MemberList):
    """SPEC S-213, S-214: two roots of one size, both signed: never cosigned, and kept."""
    await published(budapest, authority("HU-a"))
    await witnessing.add_checkpoint(berlin, request_of(budapest))
    other = make_checkpoint(log_signer(budapest), 1, b"\x01" * 32)
    answer = await witnessing.add_checkpoint(berlin, Request(1, (), other).to_bytes())
    assert isinstance(answer, Refusal)
    assert (answer.status, answer.size) == (409, 1)
    assert proofs(berlin) == [("HU", "directory-fork")]


async def test_two_requests_at_once_never_roll_a_witness_back(berlin: Node, budapest: Node, members: MemberList):
    """SPEC S-212: comparing and keeping are one transaction; of two requests from one size only one is cosigned."""
    await published(budapest, authority("HU-a"))
    first = request_of(budapest)
    await published(budapest, authority("HU-b"))
    answers = await asyncio.gather(*(witnessing.add_checkpoint(berlin, one) for one in (first, request_of(budapest))))
    assert [isinstance(one, str) for one in answers].count(True) == 1


async def test_a_witness_that_cosigns_two_forks_is_convicted(make_node, join, berlin: Node, budapest: Node):
    """SPEC S-214: a proof about a log names the witnesses that signed both sides, too."""
    paris = make_node("FR")
    join(berlin, budapest, paris)
    await published(budapest, authority("HU-a"))
    await offer(berlin, budapest)
    sides = [
        read_checkpoint(log_of(budapest, "HU").note.encode()),
        make_checkpoint(log_signer(budapest), 1, b"\x01" * 32),
    ]
    cosigned = [side.note.also([witness_signer(paris).sign(side.note.text, 1)]) for side in sides]
    liars = await forks.take_file(
        berlin,
        "HU",
        forks.Fork(*(read_checkpoint(str(one).encode()) for one in cosigned), b"\x01" * 32).to_bytes(),
        "AT",
    )
    assert liars == ("HU", "FR")
    assert sorted(proofs(berlin)) == [("FR", "witness-fork"), ("HU", "directory-fork")]


async def test_a_forged_cosignature_is_refused(berlin: Node, budapest: Node, members: MemberList):
    """A witness's answer counts only where its key in the member list made it."""
    await published(budapest, authority("HU-a"))
    wanted = witnessing.wanted_from(budapest, "DE")
    assert wanted is not None
    strange = Signer.from_seed("entente/DE/witness", 4, b"\x05" * 32)
    for line in (strange.sign(wanted.checkpoint.note.text, 1), witness_signer(berlin).sign("another\n", 1)):
        await refused("directory-invalid", witnessing.take_cosignature(budapest, "DE", wanted, f"{line}\n".encode()))
