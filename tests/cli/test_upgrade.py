"""An upgrade and the way back, played with a version that has one more migration."""

from pathlib import Path

import pytest

from node.service import upgrade
from node.store.migrations import KEYS, NODE
from node.store.schema import Schema
from node.store.store import PREFIX
from tests.cli.conftest import Entente, init
from tests.cli.test_backup import sql


def newer(monkeypatch: pytest.MonkeyPatch, *numbers: int) -> None:
    """Let the program be a newer version, whose main database has more tables."""
    version = Schema("node")
    version._migrations.update(NODE._migrations)
    for number in numbers:
        version(name=f"{number}_future")(lambda db, n=number: db.execute(f"CREATE TABLE future_{n} (x)"))
    for place in ("node.server.NODE", "node.service.restore.NODE", "node.service.backup.NODE"):
        monkeypatch.setattr(place, version)
    monkeypatch.setattr(upgrade, "_DATABASES", (("node.db", version), ("keys.db", KEYS)))


def copies(data: Path) -> list[str]:
    """Return the names of the copies that upgrades made, oldest first."""
    return [path.name for path in upgrade.copies(data)]


def test_the_way_back(entente: Entente, folder: Path):
    """A newer version copies first and says where; the old one refuses, names the copy, and runs again on it."""
    init(entente, "DE")
    entente("member", "found", "-C", "de")
    data = folder / "de/data"
    latest = NODE.names[-1].partition("_")[0]
    with pytest.MonkeyPatch.context() as later:
        newer(later, 990)
        said = entente("verify", "-C", "de", "--json")
        assert said.data == []
        assert f"{PREFIX}{latest}-002" in said.err
        entente("user", "add", "eva", "--name", "Eva", "--role", "operator", "-C", "de")
    (copy,) = copies(data)
    refused = entente("verify", "-C", "de", code=1).err
    assert "entente: schema-newer:" in refused
    assert "990_future" in refused
    way_back = refused.split("entente restore ")[1].split()[0]
    assert Path(way_back).name == copy
    entente("restore", way_back, "--yes", "-C", "de")
    assert entente("verify", "-C", "de", "--json").data == []
    assert sql(data / "node.db", "SELECT login FROM person") == []
    assert sql(data / "node.db", "SELECT name FROM sqlite_master WHERE name LIKE 'future%'") == []


def test_copies_are_bounded(entente: Entente, folder: Path, monkeypatch: pytest.MonkeyPatch):
    """The copies of the last two upgrades stay; a new node and one that is up to date make none."""
    init(entente, "DE")
    entente("member", "found", "-C", "de")
    entente("verify", "-C", "de")
    data = folder / "de/data"
    assert copies(data) == []
    for numbers in ((990,), (990, 991), (990, 991, 992)):
        newer(monkeypatch, *numbers)
        entente("verify", "-C", "de")
    assert copies(data) == [f"{PREFIX}990-002", f"{PREFIX}991-002"]
    assert not list(data.glob("*.part"))
    assert {path.stat().st_mode & 0o077 for path in data.glob(f"{PREFIX}*/*")} == {0}


def test_an_upgrade_that_cannot_copy_changes_nothing(entente: Entente, folder: Path, monkeypatch: pytest.MonkeyPatch):
    """Where the copy fails, the schema stays as it was."""
    init(entente, "DE")
    entente("member", "found", "-C", "de")
    db = folder / "de/data/node.db"
    before = sql(db, "SELECT name FROM sqlite_master ORDER BY name")
    newer(monkeypatch, 990)
    from node.errors import NodeError

    def full(_folder: Path, _needed: int) -> None:
        raise NodeError("disk-full")

    monkeypatch.setattr(upgrade.files, "require_space", full)
    assert "entente: disk-full:" in entente("verify", "-C", "de", code=1).err
    assert sql(db, "SELECT name FROM sqlite_master ORDER BY name") == before
    assert copies(folder / "de/data") == []
