"""The figures that alarms need beside those of the queue: what ends when, what is full, what nobody has done lately.

Cheap enough for a scrape every few seconds: queries by key or of a bounded number of rows, no scan of the data.
"""

import resource
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, get_args

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from node.clock import unstamp
from node.service import freshness
from node.service.backup import program_version
from node.service.dates import all_ends
from node.service.node import Node
from node.store import backup_history, events, last_verification, overview, peers

_REFUSED_WITHIN: Final = timedelta(days=1)
_GRADES: Final = get_args(freshness.Grade)


class Alarms(Collector):
    """Reads the figures at each scrape; labels name countries and documents, never a person or a case."""

    def __init__(self, node: Node, started: datetime) -> None:
        """Take the node that is watched, and when it started."""
        self._node = node
        self._started = started

    @override
    def collect(self) -> Iterator[GaugeMetricFamily]:
        now = self._node.clock.now()
        version = GaugeMetricFamily("entente_node", "Always 1.", labels=["country", "version"])
        version.add_metric([self._node.country, program_version()], 1)
        yield version
        yield _one("entente_started_timestamp_seconds", "Time of the last start.", self._started.timestamp())
        yield _one("entente_memory_bytes", "Resident memory of the node's process.", _resident_bytes())
        yield from self._peers(now)
        yield from self._directories()
        yield from self._disk()
        yield from self._runs()
        yield self._ends()
        since = now - _REFUSED_WITHIN
        yield _one(
            "entente_refused_events",
            "Own events finally refused by a peer within a day, among the newest 1,000.",
            self._node.store.read_now(lambda q: events.refused_lately(q, since)),
        )
        proofs = self._node.store.read_now(overview.proofs)
        yield _one("entente_proofs", "Kept proofs that a country contradicted itself.", len(proofs))

    def _peers(self, now: datetime) -> Iterator[GaugeMetricFamily]:
        failing = GaugeMetricFamily(
            "entente_peer_failing_seconds", "Since when delivery fails; 0 where it works.", labels=["peer"]
        )
        for row in self._node.store.read_now(peers.all_peers):
            since = row["failed_since"]
            failing.add_metric([row["country"]], (now - unstamp(since)).total_seconds() if since else 0)
        yield failing

    def _directories(self) -> Iterator[GaugeMetricFamily]:
        said = {
            "grade": "How old its directory is: 0 fresh, 1 stale, 2 for known counterparts only.",
            "witnesses": "Members that have cosigned its newest checkpoint.",
            "witnesses_needed": "How many have to.",
            "frozen": "1 where its log has contradicted itself.",
            "withheld": "Records of it that nobody has given us.",
        }
        found = {
            name: GaugeMetricFamily(f"entente_directory_{name}", words, labels=["country"])
            for name, words in said.items()
        }
        for state in freshness.states(self._node):
            values = (
                _GRADES.index(state.grade),
                len(state.witnesses),
                state.needed,
                state.frozen is not None,
                state.withheld,
            )
            for family, value in zip(found.values(), values, strict=True):
                family.add_metric([state.country], int(value))
        yield from found.values()

    def _disk(self) -> Iterator[GaugeMetricFamily]:
        disk = shutil.disk_usage(self._node.config.data)
        yield _one("entente_disk_free_bytes", "Free bytes on the disk of the data directory.", disk.free)
        yield _one("entente_disk_size_bytes", "Size of that disk in bytes.", disk.total)

    def _runs(self) -> Iterator[GaugeMetricFamily]:
        """Yield when something was last done: 0, which is 1970 and overdue, where it never was."""
        data = self._node.config.data
        known, verified = backup_history.history(data), last_verification.verified(data)
        backups = GaugeMetricFamily("entente_backup_timestamp_seconds", "Time of the last backup.", labels=["part"])
        for part, made in (("data", known.node), ("case-keys", known.keys)):
            backups.add_metric([part], max((at.timestamp() for at in made.values()), default=0))
        yield backups
        ran = verified.at.timestamp() if verified else 0
        yield _one("entente_verify_timestamp_seconds", "Time of the last verification.", ran)
        findings = verified.findings if verified else 0
        yield _one("entente_verify_findings", "What the last verification found.", findings)

    def _ends(self) -> GaugeMetricFamily:
        ends = GaugeMetricFamily(
            "entente_expires_timestamp_seconds",
            "When it ends: list, records, suspensions, retired and kept keys, backups of case keys.",
            labels=["kind", "name"],
        )
        for one in all_ends(self._node):
            ends.add_metric([one.kind, one.name], one.at.timestamp())
        return ends


def _resident_bytes() -> int:
    """Return what Linux says of this process; systemd's ProcSubset=pid leaves this file to be read (proc(5))."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()


def _one(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, value=value)
