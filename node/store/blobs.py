"""Attachments on disk: ciphertext in files named by its hash; rows say whose they are and which are wanted."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from node.store.tx import Read, Row, Tx
from protocol.blob import sealed_size

LOST: Final = "blob-lost"
"""Why an attachment never comes: the other side waits for it from here (SPEC S-233)."""


def want(tx: Tx, sha256: str, case_id: str, origin: str, size: int) -> None:
    """Note that an attachment of `size` plaintext bytes has to be fetched from `origin`."""
    _insert(tx, sha256, case_id, origin, sealed_size(size), here=False)


def want_back(tx: Tx, sha256: str, case_id: str, peer: str, size: int) -> None:
    """Note that an attachment of the past has to be fetched from the peer that gave the event back."""
    want(tx, sha256, case_id, peer, size)
    tx.run("UPDATE blob SET again = 1, origin = :peer WHERE sha256 = :s AND here = 0", {"s": sha256, "peer": peer})


def own(tx: Tx, sha256: str, case_id: str, country: str, size: int) -> None:
    """Note an attachment that this node is about to write; it is here once a draft or an event names it (`named`)."""
    _insert(tx, sha256, case_id, country, sealed_size(size), here=False)


def named(tx: Tx, country: str, digests: Iterable[str]) -> None:
    """Note that own attachments, which are on the disk, are named by a draft or an event."""
    values = [{"s": sha256, "own": country} for sha256 in digests]
    if values:
        tx.many("UPDATE blob SET here = 1 WHERE sha256 = :s AND origin = :own AND here = 0", values)


def unnamed(q: Read, country: str, before: str) -> list[str]:
    """Return the own attachments from before a time that nothing names: a crash came between."""
    rows = q.all(
        "SELECT sha256 FROM blob WHERE here = 0 AND origin = :own AND at < :before", {"own": country, "before": before}
    )
    return [str(row["sha256"]) for row in rows]


def _insert(tx: Tx, sha256: str, case_id: str, origin: str, sealed: int, *, here: bool) -> None:
    tx.run(
        "INSERT INTO blob (sha256, case_id, origin, sealed_size, here, at)"
        " VALUES (:sha256, :case_id, :origin, :size, :here, :at) ON CONFLICT (sha256) DO NOTHING",
        {
            "sha256": sha256,
            "case_id": case_id,
            "origin": origin,
            "size": sealed,
            "here": int(here),
            "at": tx.at,
        },
    )


def find(q: Read, sha256: str) -> Row | None:
    """Return the row of an attachment."""
    return q.one("SELECT * FROM blob WHERE sha256 = :sha256", {"sha256": sha256})


def of_case(q: Read, case_id: str) -> dict[str, Row]:
    """Return the attachments of a case by their hash."""
    return {row["sha256"]: row for row in q.all("SELECT * FROM blob WHERE case_id = :id", {"id": case_id})}


def wanted(q: Read, origin: str) -> list[Row]:
    """Return what has to be fetched from a peer, oldest first; what came damaged before is tried after the others."""
    return q.all(
        "SELECT * FROM blob WHERE here = 0 AND origin = :origin AND (failure IS NULL OR failure <> :lost)"
        " ORDER BY CASE WHEN failure IS NULL THEN 0 ELSE 1 END, at, sha256 LIMIT 20",
        {"origin": origin, "lost": LOST},
    )


def lost(q: Read) -> list[Row]:
    """Return each case (`case_id`, `number`, `count`) with attachments that neither side has any more."""
    return q.all(
        "SELECT b.case_id, c.number, COUNT(*) AS count FROM blob b JOIN cases c ON c.id = b.case_id"
        " WHERE b.here = 0 AND b.failure = :lost GROUP BY b.case_id, c.number ORDER BY c.number",
        {"lost": LOST},
    )


def arrived(tx: Tx, sha256: str) -> None:
    """Note that the ciphertext is here and its hash was checked."""
    tx.run("UPDATE blob SET here = 1, failure = NULL, at = :at WHERE sha256 = :s", {"s": sha256, "at": tx.at})


def failed(tx: Tx, sha256: str, failure: str) -> None:
    """Note why an attachment didn't come; it is fetched again, after a while and after the others."""
    tx.run("UPDATE blob SET failure = :failure WHERE sha256 = :s", {"s": sha256, "failure": failure[:100]})


def forget(tx: Tx, digests: Iterable[str]) -> None:
    """Delete the rows of attachments; their files go after the commit."""
    tx.many("DELETE FROM blob WHERE sha256 = :s", [{"s": sha256} for sha256 in digests])


def path_of(folder: Path, sha256: str) -> Path:
    """Return where a blob lies."""
    return folder / "blobs" / sha256[:2] / sha256


def write_file(path: Path, data: bytes) -> None:
    """Write a blob so that it is either whole on disk or not there."""
    _make_folder(path.parent)
    partial = path.with_suffix(".part")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    _sync(path.parent)


def _make_folder(folder: Path) -> None:
    """Make a folder that is still there after a power cut: its name is data of the folder above."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    _sync(folder.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
