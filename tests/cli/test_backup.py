"""`entente backup` and `restore` on a node with cases: what is kept, what is refused, and the way back."""

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from node.clock import SystemClock
from node.config import load
from node.server import open_node
from node.service import restore as service
from node.service.verification import check_node
from node.store import backup_history, data_lock, erased
from node.store import backup_manifest as manifests
from node.store.engine import connect
from node.store.key_files import read_seed
from protocol.encoding import sha256_b64u
from tests.cli.conftest import Entente, init

ATTACHMENT = b"sealed" * 1000
FILE = sha256_b64u(ATTACHMENT)
GONE = "00000000-0000-4000-8000-000000000001"


@pytest.fixture
def node(entente: Entente, folder: Path) -> Path:
    """Make a node that has an account, two case keys, an attachment, and an entry in its audit trail."""
    init(entente, "DE")
    entente("member", "found", "-C", "de")
    entente("user", "add", "anna", "--name", "Anna", "--role", "operator", "-C", "de")

    async def fill() -> None:
        opened = open_node(load(folder / "de"))
        await opened.case_keys.make([GONE, GONE[:-1] + "2"])
        row = {"s": FILE, "c": GONE[:-1] + "2", "n": len(ATTACHMENT)}
        columns = "sha256, case_id, origin, sealed_size, here, at"
        insert = f"INSERT INTO blob ({columns}) VALUES (:s, :c, 'DE', :n, 1, '2026-11-23T00:00:00.000000Z')"
        await opened.store.write(lambda tx: tx.run(insert, row))
        await opened.store.close()
        await opened.key_store.close()

    asyncio.run(fill())
    blob = folder / "de/data/blobs" / FILE[:2] / FILE
    blob.parent.mkdir(parents=True)
    blob.write_bytes(ATTACHMENT)
    return folder / "de"


def only(folder: Path, kind: str = "node") -> Path:
    """Return the one backup in a folder."""
    (path,) = folder.glob(f"*-{kind}")
    return path


def backed_up(entente: Entente) -> tuple[Path, Path]:
    """Back up the node with its keys; returns both backups."""
    entente("backup", "create", "main", "--keys", "apart", "-C", "de")
    return only(Path("main")), only(Path("apart"), "keys")


def sql(path: Path, *statements: str) -> list[tuple[object, ...]]:
    """Run statements on a database that nobody uses; returns the rows of the last one."""
    db = connect(path)
    rows = [tuple(row) for statement in statements for row in db.execute(statement).fetchall()]
    db.close()
    return rows


def state(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder by its name, but locks."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


# --- making ---


def test_a_backup_holds_what_it_says_and_nobody_else_reads_it(entente: Entente, node: Path):
    """A backup has database and attachments but no key; all of it is the owner's alone; hashes are in the manifest."""
    main, keys = backed_up(entente)
    assert sorted(state(main)) == [f"blobs/{FILE[:2]}/{FILE}", "manifest.json", "node.db"]
    assert sorted(state(keys)) == ["erased", "keys.db", "manifest.json"]
    for path in [main, keys, *main.rglob("*"), *keys.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path
    told = json.loads((main / "manifest.json").read_text())
    assert (told["kind"], told["country"], told["attachments"], told["counts"]["person"]) == ("node", "DE", 1, 1)
    master = read_seed(node / "keys/master.key")
    assert not any(master in held for held in [*state(main).values(), *state(keys).values()])
    entente("backup", "check", main, "-C", "de")
    entente("backup", "check", keys, "-C", "de")
    listed = entente("backup", "list", "apart", "--json").data
    assert listed[0]["expires_at"][:10] == f"{SystemClock().now() + timedelta(days=30):%Y-%m-%d}"


def test_attachments_are_shared_with_the_earlier_backup_only(entente: Entente, node: Path):
    """The second backup shares the attachment with the first, and neither with the node; one damaged is copied anew."""
    entente("backup", "create", "main", "-C", "de")
    first = only(Path("main")) / "blobs" / FILE[:2] / FILE
    entente("backup", "create", "main", "-C", "de")
    second = max(Path("main").glob("*-node")) / "blobs" / FILE[:2] / FILE
    assert first.samefile(second)
    assert not first.samefile(node / "data/blobs" / FILE[:2] / FILE)
    second.write_bytes(b"x" * len(ATTACHMENT))
    entente("backup", "create", "main", "-C", "de")
    assert (max(Path("main").glob("*-node")) / "blobs" / FILE[:2] / FILE).read_bytes() == ATTACHMENT


def test_an_account_that_has_ended_since_stays_ended(entente: Entente, node: Path):
    """A backup from before opens it for nobody: no link, no password; since when it has ended stays as it was."""
    entente("user", "link", "anna", "-C", "de")
    backed_up(entente)
    entente("user", "end", "anna", "-C", "de")
    asked = "SELECT ended_at, password FROM person", "SELECT COUNT(*) FROM secret"
    before = [sql(node / "data/node.db", one) for one in asked]
    entente("restore", "main", "--keys", "apart", "--yes", "-C", "de")
    assert [sql(node / "data/node.db", one) for one in asked] == before
    assert before[0][0][0] is not None
    assert [one["state"] for one in entente("user", "list", "--json", "-C", "de").data] == ["ended"]


@pytest.mark.parametrize(
    ("main", "keys"),
    [("de/data/b", "apart"), ("de/keys", "apart"), ("link/b", "apart"), ("b", "b"), ("b", "b/keys"), ("b/main", "b"),
     ("b", "de/keys/b"), ("open", "apart")],
)  # fmt: skip
def test_places_where_no_backup_belongs(entente: Entente, node: Path, main: str, keys: str):
    """Not inside the node, not through a link into it, not where others write, and keys never beside the rest."""
    Path("link").symlink_to("de/data")
    Path("open").mkdir()
    Path("open").chmod(0o777)
    before = state(node)
    said = entente("backup", "create", main, "--keys", keys, "-C", "de", code=1)
    assert "entente: backup-place:" in said.err
    assert state(node) == before


def test_a_link_in_the_way_is_not_followed(entente: Entente, node: Path):
    """Neither the lock, nor a file of an earlier backup, nor a temporary name leads a backup elsewhere."""
    Path("main").mkdir()
    Path("elsewhere").mkdir()
    Path("main/.lock").symlink_to("../elsewhere/file")
    assert "backup-place" in entente("backup", "create", "main", "-C", "de", code=1).err
    Path("main/.lock").unlink()
    left = Path("main/2026-11-23T000000.000000Z-node.part")
    left.symlink_to("../elsewhere")
    Path("elsewhere/kept").write_text("kept")
    entente("backup", "create", "main", "-C", "de")
    assert not left.is_symlink()
    assert Path("elsewhere/kept").read_text() == "kept"
    blob = only(Path("main")) / "blobs" / FILE[:2] / FILE
    blob.unlink()
    blob.symlink_to(node.resolve() / "keys/master.key")
    assert "backup-damaged" in entente("backup", "check", only(Path("main")), "-C", "de", code=1).err


def test_damage_is_never_backed_up_in_silence(entente: Entente, node: Path):
    """A node with a broken invariant gets no backup that says it is sound; nothing stays of the attempt."""
    (node / "data/blobs" / FILE[:2] / FILE).write_bytes(b"x" * len(ATTACHMENT))
    said = entente("backup", "create", "main", "--keys", "apart", "-C", "de", code=1)
    assert "entente: verification-failed:" in said.err
    assert "attachment-damaged" in said.err
    assert (state(Path("main")), state(Path("apart"))) == ({}, {})


def test_two_backups_at_once(entente: Entente, node: Path):
    """While one backup is being made in a folder, another one is refused and disturbs nothing."""
    with data_lock.held(Path("main"), alone=True):
        assert "entente: backup-runs:" in entente("backup", "create", "main", "-C", "de", code=1).err
    entente("backup", "create", "main", "-C", "de")


def test_no_room_is_said_before_and_nothing_stays(entente: Entente, node: Path, monkeypatch: pytest.MonkeyPatch):
    """A disk that has less than is needed is refused before a byte is copied."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(1, 1, 1024))  # type: ignore[attr-defined]
    said = entente("backup", "create", "main", "--keys", "apart", "-C", "de", code=1)
    assert "entente: disk-full:" in said.err
    assert "MiB are needed" in said.err
    assert (state(Path("main")), state(Path("apart"))) == ({}, {})


@pytest.mark.parametrize("kib", [64, 240])
def test_a_disk_that_fills_up_midway(entente: Entente, node: Path, kib: int):
    """Where writing fails in the middle, the code says so and nothing half done stays; the node isn't touched."""
    sql(
        node / "data/node.db",
        "CREATE TABLE filler (x)",
        "INSERT INTO filler VALUES (zeroblob(2000000))",
        "PRAGMA wal_checkpoint(TRUNCATE)",
    )
    before = sql(node / "data/node.db", "SELECT COUNT(*) FROM blob")
    command = f"ulimit -f {kib}; exec {sys.executable} -m node backup create main --keys apart -C de"
    ended = subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert (ended.returncode, "entente: disk-full:" in ended.stderr) == (1, True), ended.stderr
    assert (state(Path("main")), state(Path("apart"))) == ({}, {})
    assert sql(node / "data/node.db", "SELECT COUNT(*) FROM blob") == before


def test_pruning_keeps_the_newest_and_no_key_past_its_days(
    entente: Entente, node: Path, monkeypatch: pytest.MonkeyPatch
):
    """`prune` keeps what it was told to; key backups past their days go though they would be kept, also at the next backup."""
    for _ in range(3):
        entente("backup", "create", "main", "--keys", "apart", "--key-days", "1", "-C", "de")
    newest = max(Path("main").glob("*-node"))
    entente("backup", "prune", "main", "--keep", "1")
    assert only(Path("main")) == newest
    entente("backup", "check", newest, "-C", "de")
    later = SystemClock().now() + timedelta(days=2)
    monkeypatch.setattr(SystemClock, "now", lambda _self: later)
    said = entente("doctor", "-C", "de", "--json").data
    assert len([one for one in said if one["name"] == "key backup"]) == 3
    assert [one["level"] for one in said if one["name"] == "backup"] == ["warn"]
    refused = entente("restore", "main", "--keys", "apart", "--dry-run", "-C", "de", code=1)
    assert "entente: backup-expired:" in refused.err
    entente("backup", "create", "main", "--keys", "apart", "-C", "de")
    entente("backup", "prune", "apart", "--keep", "9")
    assert len(list(Path("apart").glob("*-keys"))) == 1


# --- restoring ---


def test_a_restore_brings_back_the_state_and_can_be_taken_back(entente: Entente, node: Path):
    """What was lost is there again and verified; the printed steps, played as they stand, take it back."""
    backed_up(entente)
    data = node / "data"
    sql(data / "node.db", "DELETE FROM person", "PRAGMA wal_checkpoint(TRUNCATE)")
    before = {name: held for name, held in state(data).items() if name.startswith(("node.db", "keys.db", "blobs"))}
    dry = entente("restore", "main", "--keys", "apart", "--dry-run", "-C", "de").out
    assert "person: 1 in the backup, 0 now" in dry
    assert {name: held for name, held in state(data).items() if name in before} == before
    said = entente("restore", "main", "--keys", "apart", "--yes", "-C", "de").out
    assert sql(data / "node.db", "SELECT login FROM person") == [("anna",)]
    assert entente("verify", "-C", "de", "--json").data == []
    mark = json.loads((data / "restored.json").read_text())
    assert set(mark) == {"at", "backup_at"}
    assert mark["backup_at"] < mark["at"]
    told = [one for one in entente("doctor", "-C", "de", "--json").data if one["name"] == "restored"]
    assert [one["level"] for one in told] == ["warn"]
    commands = [line.strip() for line in said.splitlines() if line.startswith("       ")]
    assert len(commands) == 4
    for command in commands:
        subprocess.run(["bash", "-ec", command], check=True)
    assert {name: held for name, held in state(data).items() if name in before} == before
    assert sql(data / "node.db", "SELECT login FROM person") == []


def test_it_restores_onto_an_empty_machine(entente: Entente, node: Path):
    """With node.toml and keys alone, a backup makes a whole node."""
    backed_up(entente)
    shutil.rmtree(node / "data")
    said = entente("restore", "main", "--keys", "apart", "--yes", "-C", "de").out
    assert "no present data" in said
    assert entente("verify", "-C", "de", "--json").data == []
    assert (node / "data/blobs" / FILE[:2] / FILE).read_bytes() == ATTACHMENT


def test_an_erased_case_stays_erased(entente: Entente, node: Path):
    """A key that was erased after the backup doesn't come back with it, though the list is only beside the data."""
    main, keys = backed_up(entente)

    async def erase() -> None:
        opened = open_node(load(node))
        await opened.case_keys.erase([GONE])
        await opened.store.close()
        await opened.key_store.close()

    asyncio.run(erase())
    assert len(sql(keys / "keys.db", "SELECT case_id FROM case_key")) == 2
    entente("restore", main, "--keys", keys, "--yes", "-C", "de")
    assert sql(node / "data/keys.db", "SELECT case_id FROM case_key") == [(GONE[:-1] + "2",)]
    entente("backup", "create", "main", "--keys", "apart", "-C", "de")
    shutil.rmtree(node / "data")  # the list is also beside the keys' newest backup
    entente("restore", "main", "--keys", "apart", "--yes", "-C", "de")
    assert list(erased.read(node / "data/erased")) == [GONE]
    assert len(sql(node / "data/keys.db", "SELECT case_id FROM case_key")) == 1


def _secret(data: Path, name: str, kind: str) -> None:
    """Give Anna a secret that works for long."""
    columns = "sha256, kind, person, label, created_at, expires_at"
    values = f"'{name}', '{kind}', 'anna', '', '2026-11-23T00:00:00.000000Z', '2099-01-01T00:00:00.000000Z'"
    sql(data / "node.db", f"INSERT INTO secret ({columns}) VALUES ({values})")


@pytest.mark.parametrize("present", [True, False], ids=["beside the present data", "onto an empty machine"])
def test_no_way_in_that_was_closed_comes_back(entente: Entente, node: Path, *, present: bool):
    """Links used and sessions ended since the backup are not in it as such: all go; so do tokens known to be revoked."""
    for name, kind in (("used", "link"), ("left", "session"), ("revoked", "token"), ("kept", "token")):
        _secret(node / "data", name, kind)
    backed_up(entente)
    sql(
        node / "data/node.db",
        "UPDATE secret SET used_at = '2026-11-24T00:00:00.000000Z' WHERE sha256 = 'used'",
        "DELETE FROM secret WHERE sha256 IN ('left', 'revoked')",
    )
    if not present:
        shutil.rmtree(node / "data")
    entente("restore", "main", "--keys", "apart", "--yes", "-C", "de")
    left = sql(node / "data/node.db", "SELECT sha256 FROM secret WHERE person = 'anna' ORDER BY sha256")
    assert left == ([("kept",)] if present else [("kept",), ("revoked",)])


def test_a_torn_line_of_the_erased_list_hides_no_other(tmp_path: Path):
    """A line that a crash cut off isn't counted, and the next one stands whole."""
    erased.note(tmp_path, [GONE], "2026-11-23T00:00:00.000000Z")
    with (tmp_path / "erased").open("ab") as file:
        file.write(b"2026-11-23T00:00:00.000000Z 00000000-0000")
    erased.note(tmp_path, [GONE[:-1] + "2"], "2026-11-24T00:00:00.000000Z")
    assert list(erased.read(tmp_path / "erased")) == [GONE, GONE[:-1] + "2"]


def _text(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def _other_master(node: Path, _main: Path, _keys: Path) -> None:
    (node / "keys/master.key").write_text("QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=\n")


def _other_country(node: Path, _main: Path, _keys: Path) -> None:
    _text(node / "node.toml", 'country = "DE"', 'country = "AT"')


def _slip_in_an_account(_node: Path, main: Path, _keys: Path) -> None:
    db = sqlite3.connect(main / "node.db")
    db.execute("UPDATE person SET name = 'Eve'")
    db.commit()
    db.execute("PRAGMA journal_mode = DELETE")
    db.close()


def _with_its_hash(node: Path, main: Path, keys: Path) -> None:
    _slip_in_an_account(node, main, keys)
    manifest = manifests.read(main)
    from node.store.backup_files import content_of

    files = {"node.db": manifests.entry(content_of(main / "node.db"))}
    (main / "manifest.json").write_text(manifest.model_copy(update={"files": files}).model_dump_json())


def _newer(node: Path, main: Path, _keys: Path) -> None:
    manifest = manifests.read(main)
    schemas = {"node.db": (*manifest.schemas["node.db"], "999_future")}
    manifests.write(main, manifest.model_copy(update={"schemas": schemas}), read_seed(node / "keys/master.key"))


def _attachment(_node: Path, main: Path, _keys: Path) -> None:
    (main / "blobs" / FILE[:2] / FILE).write_bytes(b"x" * len(ATTACHMENT))


TRICKS: dict[str, tuple[Callable[[Path, Path, Path], None], str]] = {
    "another master key": (_other_master, "backup-damaged"),
    "another country": (_other_country, "backup-foreign"),
    "an altered database": (_slip_in_an_account, "backup-damaged"),
    "an altered database with its hash": (_with_its_hash, "backup-damaged"),
    "a newer schema": (_newer, "schema-newer"),
    "a newer format": (lambda _n, main, _k: _text(main / "manifest.json", '"format": 1', '"format": 2'), "schema-newer"),
    "a manifest that isn't one": (lambda _n, main, _k: (main / "manifest.json").write_text("{") and None, "backup-damaged"),
    "a manifest without end": (lambda _n, main, _k: (main / "manifest.json").write_bytes(b" " * 2**21) and None, "backup-damaged"),
    "no manifest": (lambda _n, main, _k: (main / "manifest.json").unlink(), "backup-damaged"),
    "an altered attachment": (_attachment, "backup-damaged"),
    "no attachment": (lambda _n, main, _k: shutil.rmtree(main / "blobs"), "backup-damaged"),
    "a later expiry": (lambda _n, _m, keys: _text(keys / "manifest.json", '"expires_at": "20', '"expires_at": "30'), "backup-damaged"),
    "no keys": (lambda _n, _m, keys: (keys / "keys.db").unlink(), "backup-damaged"),
}  # fmt: skip


@pytest.mark.parametrize("name", TRICKS)
def test_what_is_not_restored(entente: Entente, node: Path, name: str):
    """Each backup that isn't whole, isn't ours or isn't for this version is refused; the data stay as they were."""
    main, keys = backed_up(entente)
    trick, code = TRICKS[name]
    trick(node, main, keys)
    before = state(node / "data")
    said = entente("restore", main, "--keys", keys, "--yes", "-C", "de", code=1)
    assert f"entente: {code}:" in said.err
    assert state(node / "data") == before


def test_case_keys_older_than_the_cases_are_refused(entente: Entente, folder: Path, node: Path):
    """A key backup that lacks the key of a draft in the backup would lose it: refused."""
    _, keys = backed_up(entente)
    late = GONE[:-1] + "3"

    async def draft() -> None:
        from node.domain.draft import RequestDraft

        opened = open_node(load(node))
        key = (await opened.case_keys.make([late]))[late]
        content = opened.case_keys.seal(key, RequestDraft().model_dump_json().encode(), late)
        insert = (
            "INSERT INTO draft (id, kind, case_id, authority, person, content, version, updated_at)"
            " VALUES (:id, 'request', :id, 'DE-x', 'p', :content, 1, '2026-11-23T00:00:00Z')"
        )
        await opened.store.write(lambda tx: tx.run(insert, {"id": late, "content": content}))
        await opened.store.close()
        await opened.key_store.close()

    asyncio.run(draft())
    entente("backup", "create", "main", "-C", "de")
    said = entente("restore", "main", "--keys", keys, "--yes", "-C", "de", code=1)
    assert "entente: verification-failed:" in said.err
    assert "draft-damaged" in said.err
    assert "or newer" in said.err


def test_no_restore_under_a_running_node(entente: Entente, node: Path):
    """While a process works on the data nothing is replaced; a rehearsal may run, and doctor knows of it."""
    backed_up(entente)
    with data_lock.held(node / "data"):
        said = entente("restore", "main", "--keys", "apart", "--yes", "-C", "de", code=1)
        assert "entente: data-in-use:" in said.err
        assert "stop the node" in entente("restore", "main", "--keys", "apart", "--dry-run", "-C", "de").out
        told = entente("restore", "main", "--keys", "apart", "--rehearse", "-C", "de").out
    assert "hours old" in told
    assert "removed in" in told
    assert not list((node / "data").glob("**/*.part"))
    (one,) = [one for one in entente("doctor", "-C", "de", "--json").data if one["name"] == "rehearsal"]
    assert "last on" in one["message"]


class Cut(BaseException):
    """The power goes."""


@pytest.mark.parametrize("after", range(1, 9))
def test_a_restore_cut_off_at_each_step(entente: Entente, node: Path, monkeypatch: pytest.MonkeyPatch, after: int):
    """Wherever the exchange is cut off, no node starts on half of it, and `--finish` completes it."""
    backed_up(entente)
    sql(node / "data/node.db", "DELETE FROM person")
    config, now = load(node), SystemClock().now()
    chosen = service.plan(config, [read_seed(config.keys / "master.key")], Path("main"), Path("apart"), now)
    real, count = service.files.move, [0]

    def move(source: Path, target: Path) -> None:
        count[0] += 1
        if count[0] == after:
            raise Cut
        real(source, target)

    monkeypatch.setattr(service.files, "move", move)
    try:
        asyncio.run(service.restore(open_node, config, chosen, SystemClock()))
    except Cut:
        assert "entente: restore-unfinished:" in entente("verify", "-C", "de", code=1).err
        assert (
            "entente: restore-unfinished:"
            in entente("restore", "main", "--keys", "apart", "--yes", "-C", "de", code=1).err
        )
        entente("restore", "--finish", "-C", "de")
    else:
        assert count[0] < after
    assert backup_history.restored(node / "data") is not None
    assert sql(node / "data/node.db", "SELECT login FROM person") == [("anna",)]
    opened = open_node(config)
    assert check_node(opened) == []
    asyncio.run(opened.store.close())
    asyncio.run(opened.key_store.close())
    (aside,) = (node / "data").glob("before-restore-*")
    assert {"node.db", "keys.db", "blobs"} <= {path.name for path in aside.iterdir()}


def test_nothing_to_finish(entente: Entente, node: Path):
    """Without an interrupted restore, `--finish` says so."""
    assert "entente: invalid:" in entente("restore", "--finish", "-C", "de", code=1).err
