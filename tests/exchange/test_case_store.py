"""The store that `entente bench cases` fills is one that a node could have: every event opens, and folds to its case."""

import datetime as dt
from pathlib import Path

from node.cli.bench_case_store import CaseStore, SetClock
from node.service import contents, folding, reading
from node.service.node import Node
from node.store import cases
from node.store.key_files import load_keys
from tests.exchange.pair import START, handler, open_for_test

CASES = 60


async def filled(folder: Path, count: int = CASES, whole: int = CASES) -> tuple[Node, CaseStore]:
    """Fill a node's store with cases of a year."""
    clock = SetClock(START)
    for country in ("DE", "HU"):
        (folder / country).mkdir()
    node, peer = (open_for_test(folder / country, country, clock) for country in ("DE", "HU"))
    peer_keys = load_keys(peer.config.keys)
    for store in (peer.store, peer.key_store):
        await store.close()
    made = CaseStore(node, peer_keys, clock, count, whole)
    await made.fill(count // 10)
    assert made.made == count // 10
    await made.fill(count)
    clock.time = START
    return node, made


async def test_a_filled_store_is_a_years_work(tmp_path: Path) -> None:
    """Half in each direction, most of them closed; each event's signature and contents lead to the stored case."""
    node, made = await filled(tmp_path)
    rows = node.store.read_now(cases.overview)
    assert (len(rows), made.made) == (CASES, CASES)
    assert sum(row["role"] == "asking" for row in rows) == CASES // 2
    assert CASES * 0.8 < sum(row["closed_at"] is not None for row in rows) < CASES
    for row in rows:
        folded = folding.fold("DE", contents.of_case(node, row["id"]))
        assert (folded.case, folded.left) == (cases.from_row(row), ())
    first, last = (pick(row["created_at"] for row in rows) for pick in (min, max))
    assert dt.datetime.fromisoformat(last) - dt.datetime.fromisoformat(first) > dt.timedelta(days=350)
    busiest = handler(made.busiest)
    listed = await reading.list_cases(node, busiest, reading.CaseFilter(), "de", limit=200)
    assert len(listed.items) > CASES // 15
    view = reading.view_case(node, busiest, listed.items[-1].id, "de")
    assert "Eszter" in view.questions[0].text.text
    for store in (node.store, node.key_store):
        await store.close()


async def test_copies_fill_a_store_with_cases_of_the_same_size(tmp_path: Path) -> None:
    """As many as were wanted, each with a number and a key of its own; those that were exchanged still open."""
    node, made = await filled(tmp_path, 90, 30)
    rows = node.store.read_now(cases.overview)
    assert len(rows) == made.made == len({row["number"] for row in rows}) == 90
    assert [len(node.case_keys.find(row["id"])) for row in rows] == [32] * 90
    sizes, events = {}, 0
    for row in rows:
        found = node.store.read_now(
            lambda q, row=row: q.all("SELECT * FROM event WHERE case_id = :id", {"id": row["id"]})
        )
        sizes.setdefault(row["id"][8:], set()).add(tuple((one["kind"], one["at"], len(one["line"])) for one in found))
        events += len(found)
    assert {len(alike) for alike in sizes.values()} == {1}
    assert (len(sizes), events) == (30, made.events)
    whole = made.whole(made.busiest, still_open=False)
    assert whole
    assert reading.view_case(node, handler(made.busiest), whole[0].id, "de").number == whole[0].number
    for store in (node.store, node.key_store):
        await store.close()
