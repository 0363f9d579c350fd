"""`entente directory status`, `prove`, `check-proof`, `keys`, `new-log`: what the log shows to an operator and a court."""

from pathlib import Path

import pytest

from directory_sync.checkpoint import make_checkpoint, origin_of
from directory_sync.demo import demo_authorities
from directory_sync.note import PLAIN, Signer
from directory_sync.proof_file import Fork
from directory_sync.table import write_table
from node.store.key_files import read_seed
from tests.cli.conftest import Entente


@pytest.fixture
def listed(entente: Entente, two: str, folder: Path) -> Path:
    """Publish Germany's authorities; returns the file of the keys that everybody trusts."""
    table = folder / "authorities.csv"
    table.write_text(write_table(demo_authorities("DE")), encoding="utf-8")
    entente("directory", "import", table, "--unasked", "-C", "de")
    entente("directory", "keys", "-o", "keys.txt", "-C", "de")
    return folder / "keys.txt"


def test_a_proof_is_written_here_and_checked_elsewhere(
    entente: Entente, listed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """SPEC S-219: from an empty directory, with the file and the keys alone; too few witnesses are said, and are a 1."""
    said = entente("directory", "prove", "DE-zaek-berlin", "--at", "2999-01-01", "-C", "de").out
    assert said.startswith("Wrote DE-zaek-berlin.tlog-proof: DE-zaek-berlin, upsert of version 1, published at 20")
    proof = (tmp_path / "DE-zaek-berlin.tlog-proof").rename(tmp_path / "some.tlog-proof").resolve()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    weak = entente("directory", "check-proof", proof, "--keys", listed, code=1).out
    assert "Name: Zahnärztekammer Berlin" in weak
    assert "0 witnesses, 1 are needed." in weak
    trusting = elsewhere / "keys.txt"
    trusting.write_text(listed.read_text().replace("quorum 1", "quorum 0  # for now"))
    found = entente("directory", "check-proof", proof, "--keys", trusting, "--json").data
    assert (found["proof"], found["authority"], found["op"]) == ("listed", "DE-zaek-berlin", "upsert")
    assert found["record"]["name"] == "Zahnärztekammer Berlin"
    data = proof.read_bytes()
    proof.write_bytes(data.replace(b"index ", b"index 1", 1))
    assert "directory-invalid" in entente("directory", "check-proof", proof, "--keys", trusting, code=1).err
    trusting.write_text("log nonsense\n")
    assert "line 1" in entente("directory", "check-proof", proof, "--keys", trusting, code=1).err


def test_an_erased_record_is_proven_by_its_leaf(entente: Entente, listed: Path, tmp_path: Path):
    """SPEC S-219: after `erase` the command says so, the proof holds without the record, and `verify` is content."""
    assert (
        "Erased"
        in entente("directory", "erase", "DE-zaek-berlin", "--reason", "x", "--yes", "--unasked", "-C", "de").out
    )
    assert entente("verify", "-C", "de").out
    said = entente("directory", "prove", "DE-zaek-berlin", "--at", "2999-01-01", "-C", "de").out
    assert "The record was erased at 20" in said
    shown = entente("directory", "check-proof", "DE-zaek-berlin.tlog-proof", "--keys", listed, code=1).out
    assert "The record isn't in the proof: a later one followed, or it was erased." in shown
    data = b"".join(path.read_bytes() for path in (listed.parent / "de" / "data").rglob("*") if path.is_file())
    assert b"zaek-berlin.example" not in data


def test_what_was_not_listed_then_has_no_proof(entente: Entente, listed: Path):
    """A day before the first publication, an authority that nobody knows, a date that isn't one."""
    for authority, at in (("DE-zaek-berlin", "2020-01-01"), ("DE-nobody", "2999-01-01"), ("½", "2999-01-01")):
        said = entente("directory", "prove", authority, "--at", at, "-C", "de", code=1).err
        assert "not-found" in said
        assert "A later day with --at" in said
    for at in ("yesterday", "2026-13-01", "2026-03-01T12:00:00"):
        entente("directory", "prove", "DE-zaek-berlin", "--at", at, "-C", "de", code=2)


def test_a_proof_of_misbehaviour_is_checked_elsewhere(entente: Entente, listed: Path, folder: Path):
    """SPEC S-214: the file names who signed both; against keys of others it proves nothing."""
    log = Signer.from_seed(origin_of("DE", 1), PLAIN, read_seed(folder / "de" / "keys" / "log-1.seed"))
    sides = [make_checkpoint(log, 5, bytes([mark]) * 32) for mark in (1, 2)]
    (folder / "DE.log-fork").write_bytes(Fork(sides[0], sides[1], sides[1].root).to_bytes())
    said = entente("directory", "check-proof", "DE.log-fork", "--keys", listed).out
    assert "Signed both: entente/DE/directory/1" in said
    others = [line for line in listed.read_text().splitlines() if "/DE/" not in line]
    (folder / "others.txt").write_text("\n".join(others))
    assert "directory-invalid" in entente("directory", "check-proof", "DE.log-fork", "--keys", "others.txt", code=1).err
    assert "not-found" in entente("directory", "fork", "DE", "-C", "de", code=1).err


def test_the_status_shows_each_log(entente: Entente, listed: Path):
    """Size, root, witnesses and age; a new log has a new name, and everybody in it again."""
    (state,) = entente("directory", "status", "--json", "-C", "de").data
    count = len(demo_authorities("DE"))
    assert (state["country"], state["size"], state["witnessed"], state["needed"]) == ("DE", count, False, 1)
    assert "not yet witnessed, 0 of 1" in entente("directory", "status", "-C", "de").out
    entente("directory", "new-log", "--yes", "--unasked", "-C", "de")
    (state,) = entente("directory", "status", "--json", "-C", "de").data
    assert (state["log"], state["size"]) == ("entente/DE/directory/2", count)
    assert entente("verify", "-C", "de").out
    assert "entente/DE/directory/2" in entente("directory", "keys", "-C", "de").out
