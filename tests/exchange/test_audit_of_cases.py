"""The auditors' trail of cases: each authority's holds what was done while it had the case, and nothing of others."""

import csv
import io
from pathlib import Path

from node.cli.simulation.loop import run
from node.domain.access import Actor, Grant, granted
from node.service import approvals, audit_trail, cases, forwarding
from node.service.audit_trail import AuditEntry, Wanted
from node.store import audit
from node.store.audit_tables import OF_AUTHORITIES
from node.store.tx import Tx
from tests.exchange.test_reply_approval import MOK, OKFO, REASON, WHY, Budapest, budapest, person


async def _told(there: Budapest, authority: str) -> list[AuditEntry]:
    auditor = Actor(f"auditor-{authority}", "Auditor", "hu", granted(["auditor"], [authority]))
    entries = await audit_trail.trail(there.node, auditor, None, 100, Wanted("case"))
    return [one for one in entries if one.subject == there.case][::-1]


async def _passed_on(folder: Path) -> None:
    async with budapest(folder) as there:
        node = there.node
        draft = await there.asked()
        await approvals.give_back(node, there.approver, draft, there.version(draft), REASON)
        await forwarding.forward(node, there.writer, there.case, MOK, WHY)
        await cases.accept(node, there.chamber, there.case)
        await forwarding.forward(node, there.chamber, there.case, OKFO, WHY)
        await cases.accept(node, there.colleague, there.case)
        await there.both.settled()
        first, then = await _told(there, OKFO), await _told(there, MOK)
        assert {one.actor for one in then} == {there.chamber.id}
        assert [one.action for one in then] == ["request.accept", "request.forward"]
        assert {there.writer.id, there.approver.id, there.colleague.id} <= {one.actor for one in first}
        assert there.chamber.id not in {one.actor for one in first}
        acts = [one.action for one in first if one.action in ("request.accept", "request.forward", "approval.returned")]
        assert acts == ["request.accept", "approval.returned", "request.forward", "request.accept"]


def _noted_by_an_earlier_version(tx: Tx) -> None:
    """Let the trail not say who passed cases on, and work out anew whose its entries are, as an upgrade does."""
    tx.run("UPDATE audit SET detail = SUBSTR(detail, 1, 8) WHERE action = 'request.forward'")
    for statement in ("TABLE audit_of", "TRIGGER audit_of_entry", "TRIGGER audit_of_case"):
        tx.run(f"DROP {statement}")
    for statement in OF_AUTHORITIES.split(";\n"):
        tx.run(statement)


async def _older(folder: Path) -> None:
    async with budapest(folder) as there:
        node = there.node
        await forwarding.forward(node, there.writer, there.case, MOK, WHY)
        await cases.accept(node, there.chamber, there.case)
        await there.both.settled()
        kept = node.store.read_now(lambda q: q.all("SELECT seq, detail FROM audit WHERE action = 'request.forward'"))
        await node.store.write(_noted_by_an_earlier_version)
        first, then = await _told(there, OKFO), await _told(there, MOK)
        assert [(one.action, one.unnamed) for one in first[-2:]] == [
            ("request.accept", False),
            ("request.forward", True),
        ]
        assert [one.action for one in then] == ["request.accept"]
        await forwarding.forward(node, there.chamber, there.case, OKFO, WHY)
        await there.both.settled()
        kept += node.store.read_now(lambda q: q.all("SELECT seq, detail FROM audit WHERE action = 'request.forward'"))
        assert [one.unnamed for one in await _told(there, MOK)][-1] is False
        await node.store.write(_noted_by_an_earlier_version)
        acts = [(one.action, one.actor) for one in await _told(there, MOK)]
        assert acts == [(one.action, one.actor) for one in await _told(there, OKFO)]  # nobody knows: to both
        assert {there.writer.id, there.chamber.id} <= {actor for _, actor in acts}

        def put_back(tx: Tx) -> None:
            tx.many("UPDATE audit SET detail = :detail WHERE seq = :seq", [dict(row) for row in (kept[0], kept[-1])])

        await node.store.write(put_back)


def test_what_an_earlier_version_noted_is_hidden_from_nobody_who_had_the_case(tmp_path: Path) -> None:
    """Of one passing-on it is known who did it; of more that name nobody each entry is told to all, and says so."""
    run(_older(tmp_path))


async def _as_table(folder: Path) -> None:
    async with budapest(folder) as there:
        lost = "-Zx9_formulas-begin-like-this"
        await there.node.store.write(lambda tx: audit.append(tx, "DE", "attachment.lost", there.case, lost))
        auditor = await person(there.node, "auditor", Grant(OKFO, "auditor"))
        told = await audit_trail.table(there.node, auditor, Wanted("case"))
        cells = [cell for line in csv.reader(io.StringIO(told)) for cell in line]
        assert any(lost in cell for cell in cells)
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


def test_nothing_in_the_auditors_table_is_a_formula(tmp_path: Path) -> None:
    """A digest may begin with a hyphen, which a spreadsheet would read as one."""
    run(_as_table(tmp_path))


def test_each_authority_audits_what_was_done_while_it_had_the_case(tmp_path: Path) -> None:
    """Passed on and back: no auditor loses the acts of the own people, or reads those of another authority's."""
    run(_passed_on(tmp_path))
