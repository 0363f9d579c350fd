"""Checkpoints (C2SP tlog-checkpoint): what a log says of itself at one size, signed by it and by witnesses."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

from directory_sync.note import COSIGNATURE, PLAIN, Note, Signer, VerifierKey, from_base64, parse_note, to_base64
from directory_sync.problem import DirectoryError

HASH_BYTES: Final = 32
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,15}")
_ORIGIN: Final = re.compile(r"entente/([A-Z]{2})/directory/([1-9][0-9]{0,5})")
_WITNESS: Final = "entente/{}/witness"


def origin_of(country: str, generation: int) -> str:
    """Return the name of a country's log: the number grows only where a log had to begin anew (SPEC S-206)."""
    return f"entente/{country}/directory/{generation}"


def witness_name(country: str) -> str:
    """Return the name of a country's witness key."""
    return _WITNESS.format(country)


def generation_of(origin: str, country: str) -> int:
    """Return the number in the name of a country's log; 0 where it isn't the name of a log of that country."""
    match = _ORIGIN.fullmatch(origin)
    return int(match[2]) if match and match[1] == country else 0


@dataclass(frozen=True)
class LogKeys:
    """The keys of a country's log in use: `origin` is its name, the first key the present one.

    What earlier ones signed is taken too where `earlier` says so: by the log itself, which takes back its own.
    """

    origin: str
    keys: tuple[VerifierKey, ...]
    earlier: bool = False

    @classmethod
    def read(cls, country: str, texts: Iterable[str]) -> Self | None:
        """Take the keys of the highest generation from a member record; None where it names none (SPEC S-206)."""
        found = _in_force(country, tuple(texts))
        return cls(*found) if found else None


@lru_cache(maxsize=128)  # read at every look at a log
def _in_force(country: str, texts: tuple[str, ...]) -> tuple[str, tuple[VerifierKey, ...]] | None:
    found: dict[int, list[VerifierKey]] = {}
    for text in texts:
        try:
            key = VerifierKey.parse(text)
        except DirectoryError:
            continue  # of a later version
        if key.kind == PLAIN and (generation := generation_of(key.name, country)):
            found.setdefault(generation, []).append(key)
    highest = max(found, default=0)
    return (origin_of(country, highest), tuple(found[highest])) if highest else None


def witness_keys(country: str, texts: Iterable[str]) -> tuple[VerifierKey, ...]:
    """Return the witness keys of a country's member record; those of later versions are left out."""
    return _witness_keys(country, tuple(texts))


@lru_cache(maxsize=128)  # as above
def _witness_keys(country: str, texts: tuple[str, ...]) -> tuple[VerifierKey, ...]:
    found = []
    for text in texts:
        try:
            key = VerifierKey.parse(text)
        except DirectoryError:
            continue
        if key.kind == COSIGNATURE and key.name == witness_name(country):
            found.append(key)
    return tuple(found)


@dataclass(frozen=True)
class Checkpoint:
    """A log's size (leaves) and root hash (32 bytes) under its name; `note` is what was signed, byte for byte."""

    origin: str
    size: int
    root: bytes
    note: Note

    def signed_by(self, keys: LogKeys) -> None:
        """Raise `directory-wrong-issuer` for another log's checkpoint, `directory-signature` unless its key signed."""
        if self.origin != keys.origin:
            raise DirectoryError("directory-wrong-issuer", f"a checkpoint of {self.origin[:80]!r}, not {keys.origin}")
        if not self.note.verified(keys.keys if keys.earlier else keys.keys[:1]):
            raise DirectoryError("directory-signature", f"no signature of {keys.origin} by the key in use")

    def witnessed(self, witnesses: Iterable[VerifierKey]) -> dict[str, int]:
        """Return which witnesses have cosigned, and when last (seconds since 1970), by the keys' name."""
        found = sorted(self.note.verified(witnesses).items(), key=lambda one: one[1])
        return {key.name: at for key, at in found}


def checkpoint_text(origin: str, size: int, root: bytes) -> str:
    """Return the text that a log signs."""
    return f"{origin}\n{size}\n{to_base64(root)}\n"


def make_checkpoint(signer: Signer, size: int, root: bytes) -> Checkpoint:
    """Sign what a log is now, under the signer's name."""
    text = checkpoint_text(signer.name, size, root)
    return Checkpoint(signer.name, size, root, Note(text, (signer.sign(text),)))


def read_checkpoint(data: bytes) -> Checkpoint:
    """Read a checkpoint, unverified; raises `directory-note` where it isn't one."""
    return of_note(parse_note(data))


def of_note(note: Note) -> Checkpoint:
    """Read the text of a note as a checkpoint; extension lines are kept and mean nothing here."""
    lines = note.text.split("\n")[:-1]
    if len(lines) < 3 or not all(lines) or _SIZE.fullmatch(lines[1]) is None:  # noqa: PLR2004 - origin, size, root
        raise DirectoryError("directory-note", "not a checkpoint")
    root = from_base64(lines[2])
    if len(root) != HASH_BYTES:
        raise DirectoryError("directory-note", "a root hash has 32 bytes")
    return Checkpoint(lines[0], int(lines[1]), root, note)
