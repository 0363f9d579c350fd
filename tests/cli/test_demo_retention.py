"""The demo's story of retention: the case is gone at its end, and the search that says so would find it."""

import base64
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from node.cli.demo_case import FILE, FILE_PIECES, TEXTS
from node.cli.demo_remains import clear
from tests.cli.conftest import Entente

FIELDS = ["step", "node", "actor", "lang", "title", "text", "case", "state", "at"]


def test_a_case_is_blocked_deleted_and_nowhere_any_more(entente: Entente, folder: Path) -> None:
    """Three years on two nodes: blocked, seen with a reason, deleted, restored, complete, searched for, verified."""
    said = entente("demo", "--once", "--story", "retention", "--json", "--folder", folder / "kept")
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert (said.err, [line["step"] for line in lines]) == ("", list(range(1, len(lines) + 1)))
    assert all(list(line) == FIELDS for line in lines)

    def told(title: str) -> list[tuple[str, str]]:
        return [(line["node"], line["text"]) for line in lines if line["title"] == title]

    dry = [text.split()[1] for _, text in told("entente retention run --dry-run")]
    assert dry == ["block", "block", "erase", "erase"]
    assert [text for _, text in told("403")] == [*["case-blocked"] * 2, *["case-erased"] * 3]
    assert any("Beweis vor dem Verwaltungsgericht" in line["text"] for line in lines)
    states = [(node, "complete by" in text) for node, text in told("entente retention status")]
    assert states == [("DE", True), ("HU", True), ("DE", True), ("HU", True), ("DE", False), ("HU", False)]
    assert all("theirs: 2023-03" in text for _, text in told("entente retention status"))
    assert told("entente verify") == [(node, "Everything is as it must be.") for node in ("DE", "HU")]
    assert "Its key: nowhere." in lines[-3]["text"]
    assert clear(folder / "kept", TEXTS, FILE_PIECES) == []


SHAPES: dict[str, Callable[[str], bytes]] = {
    "plain": lambda text: text.encode(),
    "utf-16": lambda text: b"x" + text.encode("utf-16-le"),
    "base64": lambda text: base64.b64encode(b"ab" + text.encode() + b"cd"),
    "base64url of utf-16": lambda text: base64.urlsafe_b64encode(b"a" + text.encode("utf-16-be")),
    "hex": lambda text: text.encode().hex().encode(),
    "folded": lambda text: text.lower().replace("é", "e").encode(),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_search_finds_a_name_in_every_shape(tmp_path: Path, shape: str) -> None:
    """A name that lies on a disk is found, however it was written, and the file is named."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/left").write_bytes(b"\0" * 5000 + SHAPES[shape]("Példafalvi") + b"\1")
    assert [one.file for one in clear(tmp_path, ["Példafalvi"], [])] == ["deep/left"]


def test_the_search_finds_what_a_database_keeps(tmp_path: Path) -> None:
    """A text in a row, and a piece of a file in the middle of a large value, are found in the database's file."""
    connection = sqlite3.connect(tmp_path / "some.db")
    connection.execute("CREATE TABLE mail (words TEXT, file BLOB)")
    connection.execute("INSERT INTO mail VALUES ('', ?)", (b"\0" * 9000 + FILE[100:300],))
    connection.commit()
    connection.close()
    assert [one.file for one in clear(tmp_path, TEXTS, FILE_PIECES)] == ["some.db"]


def test_a_folder_that_holds_something_is_refused(entente: Entente, folder: Path) -> None:
    """The story would mix its nodes with others: nothing is touched."""
    (folder / "de").mkdir()
    refused = entente("demo", "--once", "--story", "retention", "--folder", folder, code=1)
    assert "isn't empty" in refused.err
    assert list(folder.iterdir()) == [folder / "de"]
