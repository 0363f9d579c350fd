"""Versions of legal areas that came from states or peers, as they travelled; the newest in force is in memory too."""

from node.store.tx import Read, Row, Tx
from protocol.area_statement import AreaStatement


def known(q: Read, sha256: str) -> bool:
    """Say whether a pack is here, in force or not."""
    return q.one("SELECT 1 FROM area_pack WHERE sha256 = :sha256", {"sha256": sha256}) is not None


def every(q: Read) -> list[str]:
    """Return the addresses of all packs that are here."""
    return [str(row["sha256"]) for row in q.all("SELECT sha256 FROM area_pack ORDER BY sha256")]


def in_force(q: Read, area: str, version: int) -> str | None:
    """Return the address of the pack that is in force as this version, if one is."""
    wanted = "SELECT sha256 FROM area_pack WHERE area = :area AND version = :version AND accepted_at IS NOT NULL"
    row = q.one(wanted, {"area": area, "version": version})
    return str(row["sha256"]) if row else None


def all_in_force(q: Read) -> dict[str, tuple[str, ...]]:
    """Return the addresses of all packs in force, older versions first, and of each the countries that signed it."""
    rows = q.all("SELECT sha256, signers FROM area_pack WHERE accepted_at IS NOT NULL ORDER BY area, version")
    return {str(row["sha256"]): tuple(str(row["signers"]).split()) for row in rows}


def waiting(q: Read) -> list[Row]:
    """Return the pilots that wait for the operator: address, area, version, signers; newest version first."""
    return q.all(
        "SELECT sha256, area, version, signers FROM area_pack WHERE accepted_at IS NULL"
        " ORDER BY area, version DESC, sha256"
    )


def pack(q: Read, sha256: str) -> bytes | None:
    """Return a pack, byte for byte."""
    row = q.one("SELECT pack FROM area_pack WHERE sha256 = :sha256", {"sha256": sha256})
    return bytes(row["pack"]) if row else None


def statements(q: Read, limit: int) -> list[AreaStatement]:
    """Return what was signed of the packs that are here, the newest versions first."""
    rows = q.all("SELECT statement FROM area_pack ORDER BY version DESC, area, sha256 LIMIT :limit", {"limit": limit})
    return [AreaStatement.from_json(bytes(row["statement"])) for row in rows]


def statement(q: Read, sha256: str) -> AreaStatement | None:
    """Return what was signed of one pack."""
    row = q.one("SELECT statement FROM area_pack WHERE sha256 = :sha256", {"sha256": sha256})
    return AreaStatement.from_json(bytes(row["statement"])) if row else None


def insert(tx: Tx, signed: AreaStatement, data: bytes, signers: str, *, accepted: bool) -> None:
    """Store a pack with what was signed of it; one that is here stays."""
    tx.run(
        "INSERT INTO area_pack (sha256, area, version, pilot, statement, pack, signers, at, accepted_at)"
        " VALUES (:sha256, :area, :version, :pilot, :statement, :pack, :signers, :at, :accepted)"
        " ON CONFLICT (sha256) DO NOTHING",
        {
            "sha256": signed.sha256,
            "area": signed.area,
            "version": signed.version,
            "pilot": int(signed.pilot),
            "statement": signed.to_json(),
            "pack": data,
            "signers": signers,
            "at": tx.at,
            "accepted": tx.at if accepted else None,
        },
    )


def accept(tx: Tx, sha256: str) -> None:
    """Put a pilot into force."""
    tx.run("UPDATE area_pack SET accepted_at = :at WHERE sha256 = :sha256", {"at": tx.at, "sha256": sha256})
