"""The documents of the member list on disk, byte for byte; only those in force, and every root."""

from collections.abc import Mapping

from node.store.tx import Read, Tx
from protocol.member_bundle import MemberBundle
from protocol.member_suspension import is_suspension

Versioned = Mapping[str, tuple[int, bytes]]
"""Document → its version and its bytes."""


def load(q: Read) -> MemberBundle:
    """Return what is stored, the roots in the order of their versions; empty before the first list."""
    rows = [(str(row["name"]), bytes(row["raw"])) for row in q.all("SELECT * FROM member_document ORDER BY version")]
    return MemberBundle(
        tuple(raw for name, raw in rows if name == "root"),
        next((raw for name, raw in rows if name == "targets"), None),
        {name: raw for name, raw in rows if name not in ("root", "targets") and not is_suspension(name)},
        {name: raw for name, raw in rows if is_suspension(name)},
    )


def versions(q: Read) -> dict[str, int]:
    """Return the version in force of every stored document."""
    rows = q.all("SELECT name, MAX(version) AS version FROM member_document GROUP BY name")
    return {row["name"]: row["version"] for row in rows}


def save(tx: Tx, roots: Mapping[int, bytes], others: Versioned) -> None:
    """Make the stored list this one: roots by version are added, all other documents replaced."""
    tx.many(
        "INSERT INTO member_document (name, version, raw) VALUES ('root', :version, :raw)"
        " ON CONFLICT (name, version) DO NOTHING",
        [{"version": version, "raw": raw} for version, raw in roots.items()],
    )
    tx.run("DELETE FROM member_document WHERE name <> 'root'")
    tx.many(
        "INSERT INTO member_document (name, version, raw) VALUES (:name, :version, :raw)",
        [{"name": name, "version": version, "raw": raw} for name, (version, raw) in others.items()],
    )
