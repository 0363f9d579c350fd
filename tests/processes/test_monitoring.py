"""What alerts and dashboard ask for is what a real node says of itself."""

import json
import re
from pathlib import Path

import pytest
import yaml

from node.clock import SystemClock, seconds
from tests.conftest import ROOT
from tests.processes.network import Network, entente

pytestmark = [pytest.mark.processes, pytest.mark.asyncio(loop_scope="session")]

OURS = re.compile(r"\bentente_[a-z_]+")
LABELLED = re.compile(r"(entente_[a-z_]+)\{([^}]*)\}")
PERSONAL = ("anna", "berger", "szabo", "katalin")


def asked() -> list[str]:
    """Return every expression of the alerts and of the dashboard's panels and choices."""
    rules = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text(encoding="utf-8"))
    dashboard = json.loads((ROOT / "deploy/grafana/dashboard.json").read_text(encoding="utf-8"))
    alerts = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    panels = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return [*alerts, *panels, *(one["definition"] for one in dashboard["templating"]["list"] if "definition" in one)]


async def scrape(two: Network, country: str) -> str:
    """Return a node's metrics as Prometheus reads them."""
    async with two.session.get(f"http://127.0.0.1:{two.nodes[country].health}/metrics") as answer:
        assert answer.status == 200
        return await answer.text()


def value(metrics: str, series: str) -> float:
    """Return the figure of one series."""
    (found,) = re.findall(rf"^{re.escape(series)} (\S+)$", metrics, re.MULTILINE)
    return float(found)


async def test_alerts_and_dashboard_ask_for_what_there_is(two: Network):
    """Each metric that a rule, a panel or the operator's page names is told by a node, and none names a person."""
    metrics = await scrape(two, "DE")
    told = set(re.findall(r"^# TYPE (\S+) gauge$", metrics, re.MULTILINE))
    used = {name for expression in asked() for name in OURS.findall(expression)}
    assert len(used) > 10
    assert used - told == set()
    documented = (ROOT / "docs/operating.md").read_text(encoding="utf-8")
    assert {name for name in told if f"`{name}`" not in documented} == set()
    assert [word for word in PERSONAL if word in metrics.casefold()] == []


async def test_the_labels_that_are_asked_for_are_there(two: Network):
    """A label that a rule or a panel chooses by is one that the node's series have."""
    given: dict[str, set[str]] = {}
    for name, labels in LABELLED.findall(await scrape(two, "DE")):
        given.setdefault(name, set()).update(re.findall(r"(\w+)=", labels))
    for expression in asked():
        for name, labels in LABELLED.findall(expression):
            wanted = set(re.findall(r"(\w+)[=!]~?=?", labels)) - {"instance", "job"}
            assert name not in given or wanted <= given[name], expression


async def test_the_figures_are_true(two: Network, tmp_path: Path):
    """Peers, dates, disk, the last backup and the last verification are as this network is."""
    began = seconds(SystemClock().now())
    before = await scrape(two, "DE")
    started = value(before, "entente_started_timestamp_seconds")
    assert value(before, 'entente_peer_failing_seconds{peer="HU"}') == 0
    assert value(before, 'entente_peer_stopped{peer="HU"}') == 0
    assert 0 < value(before, "entente_disk_free_bytes") < value(before, "entente_disk_size_bytes")
    for kind, name in (("list", "root"), ("list", "targets"), ("record", "DE"), ("record", "HU")):
        ends = value(before, f'entente_expires_timestamp_seconds{{kind="{kind}",name="{name}"}}')
        assert 300 < (ends - started) / 86400 < 400
    for country in ("DE", "HU"):
        grade, needed = (
            value(before, f'entente_directory_{what}{{country="{country}"}}') for what in ("grade", "witnesses_needed")
        )
        assert (grade, needed) == (0, 1)
    assert value(before, 'entente_backup_timestamp_seconds{part="data"}') < began
    folder = two.nodes["DE"].folder
    await entente("backup", "create", tmp_path / "main", "--keys", tmp_path / "apart", "-C", folder)
    await entente("verify", "-C", folder)
    after = await scrape(two, "DE")
    for part in ("data", "case-keys"):
        assert value(after, f'entente_backup_timestamp_seconds{{part="{part}"}}') >= began
    assert value(after, "entente_verify_timestamp_seconds") >= began
    assert value(after, "entente_verify_findings") == 0


async def test_a_blocked_peer_is_told(two: Network):
    """The metric by which alarms leave out a blocked peer follows the operator's command."""
    folder = two.nodes["DE"].folder
    await entente("peer", "block", "HU", "-C", folder)
    try:
        assert value(await scrape(two, "DE"), 'entente_peer_stopped{peer="HU"}') == 1
    finally:
        await entente("peer", "unblock", "HU", "-C", folder)
    assert value(await scrape(two, "DE"), 'entente_peer_stopped{peer="HU"}') == 0
