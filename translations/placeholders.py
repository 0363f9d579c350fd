"""Insert values into texts: `{name}` and nothing else of Python's format language.

Values come from strangers and catalogues may come from other nodes, so attributes, indexes, conversions
and format specifications are never looked at: what isn't a simple name stays in the text as it is.
"""

import re
from collections.abc import Mapping
from typing import Final

_PART: Final = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]*)\}")


def placeholders(text: str) -> frozenset[str]:
    """Return the names that a text asks for."""
    return frozenset(match[1] for match in _PART.finditer(text) if match[1])


def insert(text: str, values: Mapping[str, object]) -> str:
    """Return the text with its values; `{{` is a brace. Raises KeyError with the name that has no value."""

    def value(match: re.Match[str]) -> str:
        return str(values[match[1]]) if match[1] else match[0][0]

    return _PART.sub(value, text)


def stray_braces(text: str) -> bool:
    """Whether a brace is left that is neither doubled nor part of a simple placeholder."""
    rest = _PART.sub("", text)
    return "{" in rest or "}" in rest
