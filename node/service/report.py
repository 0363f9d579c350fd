"""The operator's report on its own node: what `entente doctor` finds, what ends when, and what is kept as evidence."""

import asyncio
import datetime as dt
from typing import Final

from node.clock import unstamp
from node.domain.access import Actor
from node.domain.case_view import View
from node.service import diagnosis, diagnosis_backups
from node.service.diagnosis import Check, Level
from node.service.node import Node
from node.store import overview, refusals

KEPT_SHOWN: Final = 50
"""Refusals and proofs in one report, the newest of each."""


class Finding(View):
    """One thing that was looked at, in English as the command says it; `mend` puts it right."""

    name: str
    level: Level
    message: str
    mend: str


class Ending(View):
    """A document or key of this node that ends; `days_left` is negative after its end."""

    name: str
    until: dt.datetime
    days_left: int


class Evidence(View):
    """A proof or a refusal that is kept: whose message it was, and its code; never what it said."""

    issuer: str
    code: str
    at: dt.datetime


class NodeReport(View):
    """The state of this node. Peers aren't called for it: `entente doctor` does that too."""

    findings: tuple[Finding, ...]
    endings: tuple[Ending, ...]
    proofs: tuple[Evidence, ...]
    refusals: tuple[Evidence, ...]


async def read(node: Node, actor: Actor) -> NodeReport:
    """Look at everything that this machine knows by itself; for operators."""
    actor.require("node.observe")
    databases = await asyncio.get_running_loop().run_in_executor(None, diagnosis.check_databases, node)
    checks = [*diagnosis.check_files(node.config), *diagnosis.check_local(node, databases)]
    checks += diagnosis_backups.check_backups(node)
    refused = node.store.read_now(lambda q: refusals.newest(q, KEPT_SHOWN))
    proofs = node.store.read_now(overview.proofs)[-KEPT_SHOWN:]
    return NodeReport(
        findings=tuple(map(_finding, checks)),
        endings=_endings(node),
        proofs=tuple(Evidence(issuer=r["iss"], code=r["code"], at=unstamp(r["at"])) for r in reversed(proofs)),
        refusals=tuple(Evidence(issuer=r["iss"], code=r["code"], at=unstamp(r["at"])) for r in refused),
    )


def _finding(check: Check) -> Finding:
    mend = "" if check.level == "ok" else check.mend
    return Finding(name=check.name, level=check.level, message=check.message, mend=mend)


def _endings(node: Node) -> tuple[Ending, ...]:
    if node.members is None:
        return ()
    now = node.clock.now()
    found = sorted(diagnosis.expiries(node, node.members), key=lambda one: one[1])
    return tuple(Ending(name=name, until=until, days_left=(until - now).days) for name, until in found)
