"""Health and metrics for this machine; numbers only, nothing about persons or cases."""

from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from node.clock import unstamp
from node.delivery.alarms import Alarms
from node.delivery.tls import ServerContexts
from node.domain.clock_error import clock_error
from node.service.node import Node
from node.store import cases, damage, mails, overview, peers, recoveries, streams

_NODE: Final = web.AppKey("node", Node)
_TLS: Final = web.AppKey("tls", ServerContexts)
_REGISTRY: Final = web.AppKey("registry", CollectorRegistry)


class _Figures(Collector):
    """Reads the figures from the database at each scrape."""

    def __init__(self, node: Node, tls: ServerContexts) -> None:
        self._node = node
        self._tls = tls

    @override
    def collect(self) -> list[GaugeMetricFamily]:
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
        other = [self._own_clock(), *self._losses(), self._cases(), *self._mails()]
        return [waiting, oldest, reached, stopped, clock, refused, damaged, *other]

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


def health_app(node: Node, tls: ServerContexts) -> web.Application:
    """Return the application of the health listener."""
    app = web.Application()
    app[_NODE], app[_TLS] = node, tls
    app[_REGISTRY] = CollectorRegistry()
    app[_REGISTRY].register(_Figures(node, tls))
    app[_REGISTRY].register(Alarms(node))
    app.router.add_get("/healthz", _health)
    app.router.add_get("/metrics", _metrics)
    return app


async def _health(request: web.Request) -> web.Response:
    node = request.app[_NODE]
    node.store.read_now(overview.members_stored)  # an error here is an answer too: not healthy
    return web.json_response(
        {
            "status": "ok",
            "country": node.country,
            "members": sorted(node.members.active_countries()) if node.members else [],
            "tls_refusals": request.app[_TLS].refusals,
        }
    )


async def _metrics(request: web.Request) -> web.Response:
    body = generate_latest(request.app[_REGISTRY])
    return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})
