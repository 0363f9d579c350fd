"""The master key apart from the other keys: as systemd hands it over, or where node.toml says."""

from pathlib import Path

import pytest

from node.config import load
from tests.cli.conftest import Entente, init


@pytest.fixture
def handed(entente: Entente, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a node and move its master key to where systemd hands it over: mode 0440, by an access list."""
    init(entente, "DE")
    entente("member", "found", "-C", "de")
    credentials = folder / "credentials"
    credentials.mkdir()
    (folder / "de/keys/master.key").rename(credentials / "master.key")
    (credentials / "master.key").chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    return credentials / "master.key"


def test_every_command_finds_the_key_that_systemd_hands_over(entente: Entente, handed: Path):
    """Doctor, verification, backup, rehearsal and restore use it, and none looks for it among the other keys."""
    said = entente("doctor", "-C", "de")
    assert f"the master key apart, in {handed.parent}" in said.out
    entente("verify", "-C", "de")
    entente("backup", "create", "main", "--keys", "apart", "-C", "de")
    (main,) = Path("main").glob("*-node")
    entente("backup", "check", main, "-C", "de")
    for way in ("--dry-run", "--rehearse", "--yes"):
        entente("restore", "main", "--keys", "apart", way, "-C", "de")


def test_keys_are_renewed_while_the_master_key_is_apart(entente: Entente, handed: Path):
    """A renewal loads all keys again, the master key from where it lies."""
    entente("member", "renew-key", "message", "-C", "de")
    entente("verify", "-C", "de")


def test_the_configured_file_comes_first(entente: Entente, folder: Path, handed: Path):
    """node.master_key counts before what systemd hands over, relative to node.toml."""
    file = folder / "de/node.toml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('master_key = ""', 'master_key = "../elsewhere.key"'), encoding="utf-8")
    assert load(folder / "de").master_key == folder / "de/../elsewhere.key"
    entente("verify", "-C", "de", code=1)
    handed.rename(folder / "elsewhere.key")
    (folder / "elsewhere.key").chmod(0o600)
    entente("verify", "-C", "de")


def test_a_missing_master_key_says_where_it_may_lie(entente: Entente, handed: Path, monkeypatch: pytest.MonkeyPatch):
    """Without what systemd hands over the node isn't opened, and the hint names both ways."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    said = entente("verify", "-C", "de", code=1)
    assert "entente: key-missing: The master key isn't there" in said.err
    assert "node.master_key" in said.err
    assert "LoadCredential" in said.err


@pytest.mark.parametrize("mode", [0o444, 0o460])
def test_a_key_that_others_can_read_or_write_stops_the_node(entente: Entente, handed: Path, mode: int):
    """A credential may have the bits of an access list's mask, and none for others."""
    handed.chmod(mode)
    assert "entente: key-exposed:" in entente("verify", "-C", "de", code=1).err


def test_the_mask_counts_for_credentials_alone(entente: Entente, folder: Path, handed: Path):
    """The same mode on a file among the keys is refused: there the group reads it."""
    handed.rename(folder / "de/keys/master.key")
    assert "entente: key-exposed:" in entente("verify", "-C", "de", code=1).err


def test_backups_of_before_a_renewal_are_restored_with_the_earlier_key(entente: Entente, folder: Path):
    """The earlier master key opens what it wrapped and sealed; once it has gone, the refusal says what is missing."""
    init(entente, "DE")
    entente("member", "found", "-C", "de")
    entente("backup", "create", "main", "--keys", "apart", "-C", "de")
    entente("member", "renew-key", "master", "-C", "de")
    (earlier,) = (folder / "de/keys").glob("master-*.key")
    assert f"{earlier.stem.removeprefix('master-')[:8]} is kept until" in entente("doctor", "-C", "de").out
    entente("restore", "main", "--keys", "apart", "--rehearse", "-C", "de")
    entente("backup", "check", *Path("main").glob("*-node"), "-C", "de")
    earlier.unlink()
    said = entente("restore", "main", "--keys", "apart", "--rehearse", "-C", "de", code=1)
    assert "entente: backup-damaged:" in said.err
    assert "Is the master key of that time here" in said.err


def test_a_master_key_that_systemd_hands_over_is_not_replaced(
    entente: Entente, handed: Path, monkeypatch: pytest.MonkeyPatch
):
    """What can't be written is refused with the way to do it by hand, and nothing has changed."""
    before = handed.read_bytes()

    def read_only(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("node.store.key_files.write_secret", read_only)
    said = entente("member", "renew-key", "master", "-C", "de", code=1)
    assert "entente: key-missing:" in said.err
    assert "docs/operating.md" in said.err
    assert handed.read_bytes() == before
