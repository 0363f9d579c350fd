"""Lists are as long as they are: whoever may see one thing among very many finds it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node.cli.simulation.loop import run
from node.domain.access import Actor, Grant, granted
from node.domain.draft import RequestDraft
from node.errors import NodeError
from node.service import approvals, blocking, drafts, erasure, erasure_orders, subjects
from node.store import sights
from tests.exchange.closed import OTTO
from tests.exchange.pair import world
from tests.exchange.test_orders import ended
from tests.exchange.test_reply_approval import AREA, MOK, OFFICE, OKFO, budapest, person
from tests.exchange.test_subjects import claim

OTHERS = 600
"""More than any list shows at once, and more than was looked through before."""


async def _approvals(folder: Path) -> None:
    async with budapest(folder) as there:
        draft = await there.asked()

        def crowd(tx) -> None:
            """Let very many drafts of another area wait since long before."""
            for number in range(OTHERS):
                values = {"id": f"{number:08x}-0000-4000-8000-000000000000", "authority": MOK if number % 2 else OKFO}
                tx.run(
                    "INSERT INTO draft (id, kind, case_id, authority, person, content, version, updated_at)"
                    " VALUES (:id, 'request', :id, :authority, 'p', x'00', 1, '2026-01-01')",
                    values,
                )
                tx.run(
                    "INSERT INTO approval (draft, authority, area, version, state, asked_by, asked_at)"
                    " VALUES (:id, :authority, 'services', 1, 'waiting', 'p', '2026-01-01T00:00:00.000000Z')",
                    values,
                )

        await there.node.store.write(crowd)
        assert there.waiting() == (draft,)
        everything = await person(there.node, "mindenes", Grant(OFFICE, "referral-handler"))
        found: list[str] = []
        place: str | None = ""
        while place is not None:
            part, place = approvals.list_waiting(there.node, everything, 250, place)
            found += [one.draft for one in part]
        assert len(found) == len(set(found))
        assert found[-1] == draft

        def gone(tx) -> None:
            tx.run("DELETE FROM approval WHERE area = 'services'")
            tx.run("DELETE FROM draft WHERE content = x'00'")

        await there.node.store.write(gone)  # what can't be read isn't sound


def test_nobody_misses_what_waits_for_him_behind_others(tmp_path: Path) -> None:
    """Rights are part of the question: what waits for others takes no place in the list."""
    run(_approvals(tmp_path))


async def _drafts(folder: Path) -> None:
    async with world(folder, "DE", inline=True) as one:
        node, anna = one["DE"], Actor("id-anna", "Anna", "de", granted(["handler"], ["DE-zaek-berlin"]))
        bruno = Actor("id-bruno", "Bruno", "de", granted(["handler"], ["DE-zaek-berlin"], ["services"]))
        mine = await drafts.start_request(node, bruno, RequestDraft(authority="DE-zaek-berlin", area="services"))
        for _ in range(230):
            await drafts.start_request(node, anna, RequestDraft(authority="DE-zaek-berlin", area=AREA))
        assert [draft.id for draft in drafts.listing(node, bruno)] == [mine.id]
        assert drafts.part(node, bruno, 50)[1] is None
        everything, place = drafts.part(node, anna, 200)
        assert (len(everything), place is None) == (200, False)
        await drafts.delete(node, anna, everything[0].id)  # what goes from the beginning moves nothing
        rest, place = drafts.part(node, anna, 200, place or "")
        assert (len(rest), place) == (31, None)
        assert len({draft.id for draft in everything + rest}) == 231
        for wrong in ("1", "2026-01-01", "2026-01-01~x", "~"):
            with pytest.raises(NodeError, match="invalid"):
                drafts.part(node, anna, 5, wrong)


def test_an_old_draft_is_found_behind_many_of_another_area(tmp_path: Path) -> None:
    """The list goes on until it has looked at all, from a place: nothing is met twice or left out."""
    run(_drafts(tmp_path))


async def _orders(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        node, ids = both["DE"], [await ended(both) for _ in range(7)]
        for case_id in ids:
            await erasure.order(node, OTTO, case_id, "court")
            await node.store.write(lambda tx, c=case_id: sights.add(tx, _sight(c)))  # type: ignore[misc]
        given = [one.number for one in erasure_orders.listing(node, OTTO)[0]]
        assert len(given) == 7
        assert _in_parts(lambda place: erasure_orders.listing(node, OTTO, 3, place), "number") == given
        seen = [one.number for one in blocking.seen_by(node, OTTO)[0]]
        assert sorted(seen) == sorted(given)
        assert _in_parts(lambda place: blocking.seen_by(node, OTTO, 2, place), "number") == seen


def _sight(case_id: str) -> dict[str, Any]:
    values = {"id": case_id, "case_id": case_id, "authority": "DE-zaek-berlin", "person": OTTO.id, "ground": "proof"}
    return {**values, "reason": b"", "until": "2026-11-23T10:00:00.000000Z"}


def _in_parts(part: Callable[[str], tuple[list[Any], str | None]], name: str) -> list[Any]:
    """Return what the parts of a list have, one after the other."""
    found, place = part("")
    while place is not None:
        more, place = part(place)
        found = [*found, *more]
    return [getattr(one, name) for one in found]


def test_orders_and_sights_go_on_in_parts(tmp_path: Path) -> None:
    """Each stands in one part, in the order of the whole list, also where many have one time."""
    run(_orders(tmp_path))


async def _claims(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        await both.settled()
        node = both["DE"]
        files = [await subjects.open_file(node, OTTO, claim()) for _ in range(9)]
        for file in files[:4]:
            await subjects.end(node, OTTO, file.id, "withdrawn", node.today(), "")
        for over in (False, True):
            whole = [one.id for one in subjects.listing(node, OTTO, ended=over).items]

            def part(place: str, over=over) -> tuple[list[Any], str | None]:
                found = subjects.listing(node, OTTO, ended=over, limit=2, after=place)
                return list(found.items), found.next

            assert _in_parts(part, "id") == whole
            assert sorted(whole) == sorted(one.id for one in (files[:4] if over else files[4:]))


def test_claims_go_on_in_parts(tmp_path: Path) -> None:
    """Open ones by their date, ended ones the latest first, many of them of one day."""
    run(_claims(tmp_path))
