"""The text of a node.toml: the manual of `entente config describe`, with the operator's values."""

import json
from collections.abc import Mapping

from node.config import describe
from node.errors import NodeError


def written(values: Mapping[tuple[str, str], str | bool]) -> str:
    """Return a commented configuration with these values; `(table, key)` → value."""
    lines, table, left = [], "", dict(values)
    for line in describe().splitlines():
        if line.startswith("["):
            table = line.strip("[]")
        key = line.partition(" = ")[0]
        if (table, key) in left and not line.startswith("#"):
            value = left.pop((table, key))
            if isinstance(value, str) and not value.isprintable():
                raise NodeError("config-invalid", f"{table}.{key}: control characters aren't allowed.")
            lines.append(f"{key} = {json.dumps(value, ensure_ascii=False)}")
        else:
            lines.append(line)
    assert not left, f"unknown keys: {left}"
    return "\n".join(lines) + "\n"
