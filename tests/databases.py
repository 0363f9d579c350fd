"""Databases as a new node has them: the migrations run once for all tests of a process, not once for each node."""

import tempfile
from functools import cache
from pathlib import Path
from typing import Final

from node.clock import Clock
from node.store.engine import connect
from node.store.migrations import KEYS, NODE
from node.store.schema import Schema
from node.store.store import Store

_SCHEMAS: Final = {"node.db": NODE, "keys.db": KEYS}


def open_store(path: Path, clock: Clock, *, inline: bool = False) -> Store:
    """Open the database `node.db` or `keys.db`; one that isn't there is a copy of an empty one."""
    schema = _SCHEMAS[path.name]
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(_empty(schema))
    return Store(path, schema, clock, inline=inline)


@cache
def _empty(schema: Schema) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        connection = connect(path)
        schema.apply(connection)
        connection.close()  # the last one to close brings the write-ahead log into the file
        return path.read_bytes()
