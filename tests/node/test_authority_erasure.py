"""Erasing an authority's record: nothing of it is left in any file of any node, and the log still proves itself."""

from pathlib import Path
from typing import Any

import pytest

from directory_sync.proof_file import read_proof
from directory_sync.trust import check
from node.domain.access import operator
from node.domain.directory_view import Query
from node.errors import NodeError
from node.service import authority_edit, authority_history, country_log, directory, find, proving, registration
from node.service.authority_edit import Why, current, remade
from node.service.authority_erasure import erase
from node.service.node import Node
from node.service.verification import check_node
from node.store import authorities
from tests.node.coordinated import administrator, settle
from tests.node.test_registration import STATE, refused, submitted

SECRETS = (b"+36 70 1111111", b"+36 70 2222222", b"maria.muster", b"Frau Muster", b"Privatanschrift")
CHAMBER = "DE-zaek-berlin"
NEW = "DE-aerztekammer-berlin"


@pytest.fixture
async def berlin(make_node) -> Node:
    """Germany's node with its coordinated list."""
    node: Node = make_node("DE")
    await settle(node)
    return node


def files_of(node: Node) -> dict[Path, bytes]:
    """Return everything in a node's data directory."""
    return {path: path.read_bytes() for path in sorted(node.config.data.rglob("*")) if path.is_file()}


def left_in(node: Node) -> set[bytes]:
    """Return which secrets are in a node's files, also in their write-ahead logs."""
    return {secret for secret in SECRETS for data in files_of(node).values() if secret in data}


async def taken(there: Node, country: str, here: Node) -> None:
    """Let a node take over what is new in a country's log."""
    start = country_log.here_of(here, country).size
    page = there.store.read_now(lambda q: country_log.page_of(q, country, start))
    assert page is not None
    await country_log.accept_page(here, country, page, country)


async def with_a_past(berlin: Node) -> None:
    """Let an authority register itself with personal data, and change them twice."""
    contacts = {"email": "maria.muster@aerzte.example", "phone": "+36 70 1111111"}
    asked = await submitted(berlin, contacts=contacts, descriptions={"de": "Privatanschrift"})
    made = await registration.approve(berlin, STATE, asked, NEW, "Frau Muster")
    phone: dict[str, Any] = {**contacts, "phone": "+36 70 2222222"}
    await authority_edit.change(berlin, STATE, remade(made.authority, contacts=phone), Why("edit", "Frau Muster"))


async def test_nothing_is_left_in_any_file_and_the_log_stands(berlin: Node, make_node, join) -> None:
    """SPEC S-211: record, history, registration and reasons go, here and there; names, leaves and proofs stay."""
    budapest = make_node("HU")
    join(berlin, budapest)
    await with_a_past(berlin)
    berlin.clock.forward(seconds=20)
    await directory.ensure_published(berlin)
    await taken(berlin, "DE", budapest)
    assert (left_in(berlin), left_in(budapest)) == (set(SECRETS), set(SECRETS) - {b"Frau Muster", b"+36 70 1111111"})
    before = proving.prove(berlin, NEW, "2999-01-01T00:00:00Z")
    assert before.erased_at is None
    berlin.clock.forward(days=1)
    await erase(berlin, STATE, NEW, "Auf Antrag")
    await taken(berlin, "DE", budapest)
    for node in (berlin, budapest):
        assert left_in(node) == set()
        assert check_node(node) == []
        assert not find.is_active(node, "DE", NEW)
        assert node.store.read_now(lambda q: authorities.name_of(q, NEW)) == "Ärztekammer Berlin"
        found = await find.search(node, operator(), Query("aerztekammer"))
        assert NEW not in {one.authority for one in found.items}
    (last, *earlier) = authority_history.history(berlin, operator(), NEW)
    assert (last.kind, last.reason, last.fields) == ("erase", "Auf Antrag", ())
    assert [(one.kind, one.reason, one.undoable) for one in earlier] == [("edit", "", False), ("register", "", False)]
    with pytest.raises(NodeError, match="not-found"):
        await authority_history.undo(berlin, operator(), NEW, earlier[0].seq, last.seq, "Doch")


async def test_earlier_proofs_hold_and_say_that_it_was_erased(berlin: Node, make_node, join) -> None:
    """SPEC S-219: a proof from before verifies as it did; one made now shows the leaf, not the record."""
    join(berlin, make_node("HU"))
    await with_a_past(berlin)
    berlin.clock.forward(seconds=20)
    await directory.ensure_published(berlin)
    listed = berlin.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    old = proving.prove(berlin, NEW, listed).file
    berlin.clock.forward(days=1)
    await erase(berlin, operator(), NEW, "Auf Antrag")
    trust = proving.trust_of(berlin)
    kept, now = (check(data, trust) for data in (old, proving.prove(berlin, NEW, listed).file))
    assert isinstance(kept, tuple)
    assert isinstance(now, tuple)
    assert kept[0].record is not None
    assert now[0].record is None
    assert kept[0].leaf == now[0].leaf
    assert proving.prove(berlin, NEW, listed).erased_at == berlin.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    assert read_proof(old) is not None


async def test_only_the_operator_and_the_validating_coordinator_erase(berlin: Node) -> None:
    """The authority's own administrators and others are refused, a reason is needed; nothing changes then."""
    for actor, code in (
        (administrator(CHAMBER), "forbidden"),
        (administrator("DE-state", role="handler"), "forbidden"),
        (administrator("DE-other"), "not-found"),
    ):
        await refused(code, erase(berlin, actor, CHAMBER, "Auf Antrag"))
    assert await refused("invalid", erase(berlin, STATE, CHAMBER, " ")) == {"reason": "missing"}
    await refused("not-found", erase(berlin, operator(), "DE-nobody", "Auf Antrag"))
    assert find.is_active(berlin, "DE", CHAMBER)


async def test_who_coordinates_others_is_erased_after_them(berlin: Node) -> None:
    """SPEC S-201: an erasure leaves no links that lead nowhere; the refusal names them."""
    fields = await refused("invalid", erase(berlin, operator(), "DE-area", "Auf Antrag"))
    assert {field.rpartition(".links")[0] for field in fields} == {CHAMBER}
    await erase(berlin, operator(), CHAMBER, "Auf Antrag")
    await erase(berlin, operator(), "DE-area", "Auf Antrag")
    assert current(berlin, "DE-area") is not None
    assert not find.is_active(berlin, "DE", "DE-area")


async def test_who_has_left_the_list_is_forgotten_too(berlin: Node) -> None:
    """A list that was replaced keeps the records of those that left in their history; an erasure takes them."""
    await with_a_past(berlin)
    rest = [one for one in directory.export_authorities(berlin, operator()) if one.id != NEW]
    await authority_edit.publish(berlin, operator(), rest, Why("import", "Ohne"), complete=True)
    assert b"+36 70 2222222" in left_in(berlin)
    size = directory.own_size(berlin)
    await erase(berlin, operator(), NEW, "Auf Antrag")
    assert (left_in(berlin), directory.own_size(berlin)) == (set(), size)
    assert check_node(berlin) == []
