"""Blocked and deleted cases on their pages: nothing is shown but that they are, until somebody says why."""

import datetime as dt
from pathlib import Path

from node.service import erasure, upkeep
from node.store import erasures, retention
from tests.dashboard.test_pages import dashboard, signed_in
from tests.exchange.pair import world
from tests.exchange.test_story import ask

NAME = "Kovács"


async def test_a_blocked_case_is_shown_with_a_reason_and_a_deleted_one_not_at_all(tmp_path: Path) -> None:
    """The page has nothing of the person; a reason is asked for; after the deletion nobody is asked any more."""
    async with world(tmp_path, "DE", "HU") as both:
        case_id, node = await ask(both), both["DE"]
        async with (
            dashboard(node) as base,
            signed_in(node, base, "berger", "Anna Berger", "de", "DE-zaek-berlin") as anna,
        ):
            assert NAME in (await anna.get(f"/cases/{case_id}")).text
            year_ago = (node.clock.now() - dt.timedelta(days=365)).isoformat()
            await node.store.write(lambda tx: tx.run("UPDATE cases SET closed_at = :at", {"at": year_ago}))
            await node.store.write(lambda tx: retention.block(tx, [case_id]))
            page = await anna.get(f"/cases/{case_id}")
            assert (page.status, NAME in page.text, "gesperrt" in page.text) == (200, False, True)
            again = await anna.post(page.form(f"/cases/{case_id}/see"), ground="proof", reason=" ")
            assert (again.status, NAME in again.text) == (422, False)
            seen = await anna.post(again.form(f"/cases/{case_id}/see"), ground="proof", reason="Klage vor dem VG")
            assert (seen.path, NAME in seen.text, "festgehalten" in seen.text) == (f"/cases/{case_id}", True, True)
            await node.store.write(lambda tx: erasures.decide(tx, [case_id], "time"))
            await erasure.carry_out(node)
            gone = await anna.get(f"/cases/{case_id}")
            assert (gone.status, NAME in gone.text, "gelöscht" in gone.text) == (200, False, True)
        await upkeep.protect(node)
