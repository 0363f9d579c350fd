"""What SQLite and PostgreSQL don't share: opening, pragmas, full text. One file, to be swapped one day."""

import sqlite3
from pathlib import Path
from typing import Final

CACHE: Final = "PRAGMA cache_size = -8192"
CHECKPOINT: Final = "PRAGMA wal_autocheckpoint = 1000"
"""After how many pages of the write-ahead log they go into the file: SQLite's own default."""
PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA busy_timeout = 10000",
    "PRAGMA trusted_schema = OFF",
    CACHE,
    "PRAGMA secure_delete = ON",
)

FORGET: Final = "PRAGMA shrink_memory"
"""Gives back the pages that a connection keeps for its next queries."""

# The first form of the table; migration 014 replaced it.
SEARCH_TABLE_1: Final = (
    "CREATE VIRTUAL TABLE authority_search USING"
    " fts5(name, title, place, competence, area, tokenize = 'unicode61 remove_diacritics 0')"
)
# Texts come folded, so the tokenizer only splits them at spaces; a mark begins with an underscore.
SEARCH_TABLE: Final = (
    "CREATE VIRTUAL TABLE authority_search USING fts5(name, title, place, keyword, marks,"
    " detail = column, columnsize = 0, tokenize = \"ascii tokenchars '_'\")"
)
# How much of an import FTS5 gathers in memory before it writes: with its own 1 MiB many small parts are merged.
SEARCH_GATHER: Final = "INSERT INTO authority_search (authority_search, rank) VALUES ('hashsize', 16777216)"
# Hits come by row number, so a row's number is the authority's `seq` of 40 bits, behind its standing.
STANDINGS: Final = 3
SEARCH_PUT: Final = (
    "INSERT INTO authority_search (rowid, name, title, place, keyword, marks)"
    " VALUES ((:standing << 40) + :seq, :name, :title, :place, :keyword, :marks)"
)
SEARCH_DROP: Final = "DELETE FROM authority_search WHERE rowid = (:standing << 40) + :seq"
SEARCH_EMPTY: Final = "DELETE FROM authority_search"
SEARCH_SEQ: Final = "(s.rowid & 1099511627775)"
SEARCH_STANDING: Final = "(s.rowid >> 40)"
SEARCH_FROM: Final = f"authority_search s CROSS JOIN authority a ON a.seq = {SEARCH_SEQ}"
SEARCH_MATCHES: Final = "authority_search MATCH :match"


def connect(path: Path, *, readonly: bool = False, waits: bool = True) -> sqlite3.Connection:
    """Open a database file (made with mode 0600) without implicit transactions.

    It `waits` for others that use the file, or fails at once: where all of them run in the same thread, none lets go.
    """
    if not readonly:
        path.touch(mode=0o600, exist_ok=True)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    connection.row_factory = sqlite3.Row
    try:
        for pragma in PRAGMAS:
            connection.execute(pragma)
        if not waits:
            connection.execute("PRAGMA busy_timeout = 0")
        if readonly:
            connection.execute("PRAGMA query_only = ON")
    except BaseException:  # a damaged file
        connection.close()
        raise
    return connection


def undo_in_memory(connection: sqlite3.Connection) -> None:
    """Keep what a statement replaces in memory until it can't fail any more; by default it goes to a temporary file.

    For the writer once the schema stands: it would keep in memory what an index is made from, too.
    """
    connection.execute("PRAGMA temp_store = MEMORY")


def connect_still(path: Path) -> sqlite3.Connection:
    """Open a database that nobody writes, such as a backup's, without leaving anything beside it."""
    address = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    connection = sqlite3.connect(address, uri=True, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def cut_log(path: Path, *, waits: bool = True) -> bool:
    """Bring what the write-ahead log holds into the database file, and leave the log empty; False if it was in use."""
    connection = connect(path, waits=waits)
    try:
        return int(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]) == 0
    finally:
        connection.close()


def has_table(connection: sqlite3.Connection, name: str) -> bool:
    """Return whether a table is there."""
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = :name"
    return connection.execute(query, {"name": name}).fetchone() is not None


def durability(connection: sqlite3.Connection) -> tuple[str, int]:
    """Return the journal mode and the level of `synchronous` (2 is FULL) of a connection."""
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    return str(mode), synchronous(connection)


def synchronous(connection: sqlite3.Connection) -> int:
    """Return a connection's level of `synchronous`."""
    return int(connection.execute("PRAGMA synchronous").fetchone()[0])


def integrity(connection: sqlite3.Connection) -> list[str]:
    """Return what SQLite's own check finds; nothing when all is well."""
    rows = connection.execute("PRAGMA quick_check").fetchall()
    return [str(row[0]) for row in rows if row[0] != "ok"]
