"""The auditors' trail of cases: each authority's holds what was done while it had the case, and nothing of others."""

import csv
import io
from pathlib import Path

from node.cli.simulation.loop import run
from node.domain.access import Grant
from node.service import approvals, audit_trail, cases, forwarding
from node.service.audit_trail import AuditEntry, Wanted
from node.store import audit
from tests.exchange.test_reply_approval import MOK, OKFO, REASON, WHY, Budapest, budapest, person


async def _told(there: Budapest, authority: str) -> list[AuditEntry]:
    auditor = await person(there.node, f"auditor-{authority.lower()}", Grant(authority, "auditor"))
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
