"""A mapping file: how the columns of somebody's own table become those of ours.

It is TOML, for example:

ignore = ["Remarks"]          # columns that are left out

[columns]                     # their column = ours
"Bezeichnung" = "name"
"Amtliche Nummer" = "id"
"Kurzname" = "title:de"

[values]                      # what every row has that the table doesn't say
name_lang = "de"
valid_from = "2026-01-01"

[prefix]                      # what is put before a cell, by our column
id = "DE-reg-"

[separators]                  # what divides the entries of a cell, by our column
competences = ";"

[codes.level]                 # their word = ours, by our column
"Bund" = "national"

[codes.competences]
"Elektrohandwerk" = "activity:electrical-installation"
"""

import tomllib
from collections.abc import Mapping as Map
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from directory_sync import limits

Cell = Annotated[str, StringConstraints(max_length=limits.MAX_CELL_CHARS)]
Words = Annotated[dict[Cell, Cell], Field(max_length=1000)]

_JOINED: Final[Map[str, str]] = {"competences": " | "}


class MappingError(ValueError):
    """A mapping file that can't be used; the message says where."""


class ColumnMapping(BaseModel):
    """What a mapping file says; see the module."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    ignore: Annotated[list[Cell], Field(max_length=limits.MAX_COLUMNS)] = []
    columns: Words = {}
    values: Words = {}
    prefix: Words = {}
    separators: Annotated[
        dict[Cell, Annotated[str, StringConstraints(min_length=1, max_length=10)]], Field(max_length=20)
    ] = {}
    codes: Annotated[dict[Cell, Words], Field(max_length=100)] = {}

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Read a file; raises MappingError."""
        if len(data) > limits.MAX_MAPPING_BYTES:
            raise MappingError(f"more than {limits.MAX_MAPPING_BYTES} bytes")
        try:
            return cls.model_validate(tomllib.loads(data.decode("utf-8-sig")))
        except UnicodeDecodeError:
            raise MappingError("isn't UTF-8") from None
        except tomllib.TOMLDecodeError as error:
            raise MappingError(f"isn't TOML: {error}") from None
        except (RecursionError, ValidationError) as error:
            first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": "nested too deeply"}
            raise MappingError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None

    def ours(self, column: str) -> str | None:
        """Return the name of a column in our table, None where it is left out."""
        return None if column in self.ignore else self.columns.get(column, column)

    def cell(self, column: str, text: str) -> str:
        """Return a cell of ours."""
        codes = self.codes.get(column, {})
        if text and column in self.separators:
            parts = (part.strip() for part in text.split(self.separators[column]))
            return _JOINED.get(column, " ").join(codes.get(part, part) for part in parts if part)
        found = codes.get(text, text)
        return self.prefix.get(column, "") + found if found else found


PLAIN: Final = ColumnMapping()
"""Our own columns as they are."""
