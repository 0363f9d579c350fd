"""Doctor and the metric tell of every date ahead of it: list, records, suspensions, keys, backups."""

from datetime import timedelta
from pathlib import Path

from node.cli.simulation.loop import run
from node.delivery.alarms import Alarms
from node.domain.access import operator
from node.service import key_change, membership
from node.service.diagnosis import check_local
from node.service.node import Node
from tests.exchange.test_suspension import ALL, living, stop_hungary

EXPIRES = "entente_expires_timestamp_seconds"


def told(node: Node) -> dict[tuple[str, str], float]:
    """Return what a scrape says of dates: days from now, by kind and name."""
    now = node.clock.now().timestamp()
    (family,) = (family for family in Alarms(node, node.clock.now()).collect() if family.name == EXPIRES)
    return {(one.labels["kind"], one.labels["name"]): (one.value - now) / 86400 for one in family.samples}


async def _told(folder: Path) -> None:
    async with living(folder, *ALL) as net:
        node = net["DE"]
        assert {kind for kind, _ in told(node)} == {"list", "record"}
        assert {name for _, name in told(node)} == {"root", "targets", *ALL}
        await stop_hungary(net)
        retired = node.keys.signer.kid[:8]
        for kind in ("message", "encryption", "master"):
            await key_change.renew(node, operator(), kind)
        key_change.take_up(node)
        await membership.publish_own_role(node)
        found = told(node)
        assert 13.9 < found["suspension", "HU"] <= 14
        assert 39.9 < found["retired-key", retired] <= 40
        kept = sorted(name.partition(" ")[0] for kind, name in found if kind == "kept-key")
        assert kept == ["encryption", "master"]
        said = [one for one in check_local(node) if one.name == "suspension"]
        assert ["AT, DE until" in one.message for one in said] == [True]
        net.clock.offset += timedelta(days=15)
        assert ("suspension", "HU") not in told(node)
        assert [one for one in check_local(node) if one.name == "suspension"] == []


def test_every_date_is_told_ahead(tmp_path: Path) -> None:
    """What a scrape says is what ends, and nothing that has ended by itself stays."""
    run(_told(tmp_path))
