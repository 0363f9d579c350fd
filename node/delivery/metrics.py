"""The figures that a scrape gets: queue, peers, losses, cases and mails, and those that alarms need beside them.

Loaded at the first scrape; numbers only, nothing about persons or cases.
"""

from collections.abc import Iterator
from datetime import datetime

from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from node.clock import unstamp
from node.delivery.alarms import Alarms
from node.delivery.tls import ServerContexts
from node.domain.clock_error import clock_error
from node.service.node import Node
from node.store import cases, damage, mails, peers, recoveries, streams


def scraped(node: Node, tls: ServerContexts, started: datetime) -> bytes:
    """Return all figures of now in Prometheus' text format, version 0.0.4; `started` is when the node was."""
    return generate_latest(_Figures(node, tls, started))


class _Figures(Collector):
    """Reads the figures from the database."""

    def __init__(self, node: Node, tls: ServerContexts, started: datetime) -> None:
        self._node = node
        self._tls = tls
        self._alarms = Alarms(node, started)

    @override
    def collect(self) -> Iterator[GaugeMetricFamily]:
        now = self._node.clock.now()
        waiting = GaugeMetricFamily("entente_waiting_events", "Events without a receipt.", labels=["peer"])
        oldest = GaugeMetricFamily("entente_waiting_seconds", "Age of the oldest of them.", labels=["peer"])
        for row in self._node.store.read_now(streams.backlog):
            waiting.add_metric([row["peer"]], row["count"])
            oldest.add_metric([row["peer"]], (now - unstamp(row["since"])).total_seconds())
        reached = GaugeMetricFamily("entente_peer_reached", "1 where the last attempt succeeded.", labels=["peer"])
        clock = GaugeMetricFamily("entente_peer_clock_seconds", "The peer's clock minus ours.", labels=["peer"])
        stopped = GaugeMetricFamily(
            "entente_peer_stopped", "1 where its queue is held or it is blocked.", labels=["peer"]
        )
        for row in self._node.store.read_now(peers.all_peers):
            stopped.add_metric([row["country"]], int(bool(row["blocked"] or row["held_at"])))
            reached.add_metric([row["country"]], int(row["failed_since"] is None))
            if row["clock_offset_s"] is not None:
                clock.add_metric([row["country"]], row["clock_offset_s"])
        refused = GaugeMetricFamily("entente_tls_refused", "Recent TLS callers with an unknown certificate.")
        refused.add_metric([], len(self._tls.refusals))
        damaged = GaugeMetricFamily("entente_cases_damaged", "Cases of which something stored can't be read.")
        damaged.add_metric([], len(self._node.store.read_now(damage.listing)))
        yield from (waiting, oldest, reached, stopped, clock, refused, damaged)
        yield from (self._own_clock(), *self._losses(), self._cases(), *self._mails())
        yield from self._alarms.collect()

    def _own_clock(self) -> GaugeMetricFamily:
        said = "Our clock minus the middle of the peers', where three or more are known."
        own = GaugeMetricFamily("entente_clock_error_seconds", said)
        rows = self._node.store.read_now(peers.all_peers)
        error = clock_error([row["clock_offset_s"] for row in rows if row["clock_offset_s"] is not None])
        if error is not None:
            own.add_metric([], error)
        return own

    def _losses(self) -> list[GaugeMetricFamily]:
        open_now = GaugeMetricFamily("entente_loss_open", "1 while a peer still has to give back.", labels=["peer"])
        back = GaugeMetricFamily("entente_loss_events", "Messages given back after losses.", labels=["peer"])
        for row in self._node.store.read_now(recoveries.by_peer):
            open_now.add_metric([row["peer"]], row["unfinished"])
            back.add_metric([row["peer"]], row["events"])
        return [open_now, back]

    def _mails(self) -> list[GaugeMetricFamily]:
        row = self._node.store.read_now(mails.backlog)
        age = (self._node.clock.now() - unstamp(row["since"])).total_seconds() if row["since"] else 0.0
        waiting = GaugeMetricFamily("entente_waiting_mails", "Mails that wait for the mail server.", row["count"])
        return [waiting, GaugeMetricFamily("entente_waiting_mails_seconds", "Age of the oldest of them.", age)]

    def _cases(self) -> GaugeMetricFamily:
        family = GaugeMetricFamily("entente_cases", "Cases by side and state.", labels=["role", "state"])
        for row in self._node.store.read_now(cases.counts):
            family.add_metric([row["role"], row["state"]], row["count"])
        return family
