"""Everyday words for professions and activities, where the lists have only the official term.

`competences/synonyms.yaml` maps a code (`profession:doctor`) to words by language. They are only searched with,
never shown and never sent, so a word may stand for several codes, and none has to be there in every language.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, RootModel, StringConstraints

from translations.yaml_file import read_yaml

SYNONYMS_FILE: Final = Path(__file__).with_name("competences") / "synonyms.yaml"
_MAX_WORDS: Final = 20

_Lang = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
_Word = Annotated[str, StringConstraints(min_length=2, max_length=60)]
_Code = Annotated[str, StringConstraints(pattern=r"^[a-z]+:[a-z0-9.-]+$")]


class _File(RootModel[dict[_Code, dict[_Lang, Annotated[list[_Word], Field(max_length=_MAX_WORDS)]]]]):
    """The shape of the file."""


@dataclass(frozen=True)
class Synonyms:
    """What is in the file, and the SHA-256 of its bytes."""

    by_code: Mapping[str, Mapping[str, list[str]]]
    digest: str

    def words(self) -> Iterator[tuple[str, str]]:
        """Yield each (code, word)."""
        for code, languages in self.by_code.items():
            for words in languages.values():
                yield from ((code, word) for word in words)


def load_synonyms(path: Path = SYNONYMS_FILE) -> Synonyms:
    """Read the file; raises AreaError where it isn't sound."""
    found, _ = read_yaml(path, _File)
    return Synonyms(found.root, hashlib.sha256(path.read_bytes()).hexdigest())
