"""Lists are as long as they are: whoever may see one thing among very many finds it."""

from pathlib import Path

from node.cli.simulation.loop import run
from node.domain.access import Actor, Grant, granted
from node.domain.draft import RequestDraft
from node.service import approvals, drafts
from tests.exchange.pair import world
from tests.exchange.test_reply_approval import AREA, MOK, OFFICE, OKFO, budapest, person

OTHERS = 600
"""More than any list shows at once, and more than was looked through before."""


async def _approvals(folder: Path) -> None:
    async with budapest(folder) as there:
        draft = await there.asked()

        def crowd(tx) -> None:
            """Let very many drafts of another area wait since long before."""
            for number in range(OTHERS):
                values = {"id": f"d{number}", "authority": MOK if number % 2 else OKFO}
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
        offset: int | None = 0
        while offset is not None:
            part, offset = approvals.list_waiting(there.node, everything, 250, offset)
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
        assert drafts.part(node, bruno, 50, 0)[1] is None
        everything, offset = drafts.part(node, anna, 200, 0)
        assert (len(everything), offset) == (200, 200)
        rest, offset = drafts.part(node, anna, 200, 200)
        assert (len(rest), offset) == (31, None)
        assert len({draft.id for draft in everything + rest}) == 231


def test_an_old_draft_is_found_behind_many_of_another_area(tmp_path: Path) -> None:
    """The list goes on until it has looked at all."""
    run(_drafts(tmp_path))
