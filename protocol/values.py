"""Variables, answers and cells: each has the fields of exactly one type (SPEC.md section 6.3)."""

from collections.abc import Mapping
from typing import Final

from protocol.content import Content
from protocol.problems import ProtocolError

_VARIABLE_TYPES: Final = tuple(
    map(frozenset, ({"code"}, {"text", "lang"}, {"given_names", "family_name"}, {"country"}, {"name"}, {"rows"}))
)
_REPLY_TYPES: Final = tuple(map(frozenset, ({"code"}, {"text", "lang"}, {"date"}, {"country"}, {"absent"}, {"rows"})))
_CELL_TYPES: Final = tuple(map(frozenset, ({"code"}, {"text", "lang"}, {"date"}, {"country"}, {"name"})))
"""The fields of each type of value; a person may have a `birth_date` too, a reply a `comment`."""
_BESIDE: Final = frozenset({"birth_date", "comment"})


def check_values(contents: Mapping[str, Content]) -> None:
    """Check what is received anew: each value is of one type and stands in one part, else `content-malformed`.

    What was stored earlier is read without it (SPEC S-162).
    """
    for where, types in (("variables", _VARIABLE_TYPES), ("answers", _REPLY_TYPES)):
        parts = [vars(content).get(where, {}) for content in contents.values()]
        if len({name for values in parts for name in values}) < sum(map(len, parts)):
            raise ProtocolError("content-malformed", f"{where}: the same one in two parts")
        for value in (value for values in parts for value in values.values()):
            given = _given(value)
            if given - _BESIDE not in types or ("birth_date" in given and "given_names" not in given):
                raise ProtocolError("content-malformed", f"{where}: not the fields of one type")
            if any(_given(cell) not in _CELL_TYPES for row in value.rows or () for cell in row.values()):
                raise ProtocolError("content-malformed", f"{where}: a cell without the fields of one type")


def _given(value: Content) -> set[str]:
    return {name for name, held in vars(value).items() if held is not None}
