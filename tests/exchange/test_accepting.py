"""Accepting with a date: two events of one case, stored together or not at all."""

import datetime as dt
import sqlite3
from pathlib import Path

import pytest

from node.cli.simulation.loop import run
from node.service import cases
from node.service.verification import check_node
from tests.exchange.pair import world
from tests.exchange.test_story import ANNA, KATALIN, ask

BROKEN = (
    "CREATE TRIGGER broken BEFORE INSERT ON event WHEN NEW.kind = 'request.accept'"
    " BEGIN SELECT RAISE(ABORT, 'no place'); END"
)


async def _broken_between(folder: Path) -> None:
    async with world(folder, "DE", "HU", inline=True) as both:
        case_id, later = await ask(both), dt.date(2026, 12, 28)
        before = cases.own_case(both["HU"], KATALIN, case_id)
        await both["HU"].store.write(lambda tx: tx.run(BROKEN))
        with pytest.raises(sqlite3.IntegrityError):
            await cases.accept(both["HU"], KATALIN, case_id, date=later)
        assert cases.own_case(both["HU"], KATALIN, case_id) == before
        await both["HU"].store.write(lambda tx: tx.run("DROP TRIGGER broken"))
        await cases.accept(both["HU"], KATALIN, case_id, date=later)
        await both.settled()
        held = cases.own_case(both["DE"], ANNA, case_id)
        assert (held.state, held.date_state, held.due) == ("accepted", "proposed", later)
        for country in ("DE", "HU"):
            assert check_node(both[country]) == []


def test_an_acceptance_that_fails_leaves_no_date_behind(tmp_path: Path) -> None:
    """Where the second event can't be stored, the first isn't either; later both go, in their order."""
    run(_broken_between(tmp_path))
