"""The keys that somebody without a node trusts, as a text: who may sign which log, and who counts as a witness.

One line each, `log VKEY`, `witness VKEY` (verifier keys of C2SP signed-note), `quorum N`; `#` begins a comment. Where
no quorum is named it is a third of the witnesses, rounded up.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from directory_sync.checkpoint import LogKeys
from directory_sync.note import COSIGNATURE, PLAIN, VerifierKey
from directory_sync.problem import DirectoryError
from directory_sync.proof_file import FORK, PROOF, Fork, Listed, check_listed, kind_of, read_fork, read_proof

_MAX_BYTES: Final = 256 * 1024


@dataclass(frozen=True)
class Trust:
    """Keys of logs and witnesses, and how many witnesses are enough."""

    logs: tuple[VerifierKey, ...]
    witnesses: tuple[VerifierKey, ...]
    quorum: int

    def log(self, origin: str) -> LogKeys:
        """Return the keys of a log; raises `directory-wrong-issuer` where none is trusted."""
        found = tuple(key for key in self.logs if key.name == origin)
        if not found:
            raise DirectoryError("directory-wrong-issuer", f"no trusted key of the log {origin[:80]!r}")
        return LogKeys(origin, found)

    def to_text(self) -> str:
        """Return the lines."""
        lines = [*(f"log {key}" for key in self.logs), *(f"witness {key}" for key in self.witnesses)]
        return "\n".join([*lines, f"quorum {self.quorum}"]) + "\n"


def enough(others: int) -> int:
    """Return how many of the other members make a checkpoint witnessed: a third, rounded up (SPEC S-218)."""
    return -(-others // 3)


def read_trust(data: bytes) -> Trust:
    """Read such lines; raises `directory-note` naming the line at fault."""
    if len(data) > _MAX_BYTES:
        raise DirectoryError("directory-note", f"{len(data)} bytes of keys")
    logs: list[VerifierKey] = []
    witnesses: list[VerifierKey] = []
    quorum: int | None = None
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        kind, _, value = line.partition("#")[0].strip().partition(" ")
        if kind == "quorum" and value.isascii() and value.isdigit() and len(value) < 4:  # noqa: PLR2004
            quorum = int(value)
        elif kind in ("log", "witness"):
            (logs if kind == "log" else witnesses).append(_key(value, kind, number))
        elif kind:
            raise DirectoryError("directory-note", f"line {number}: log, witness or quorum")
    return Trust(tuple(logs), tuple(witnesses), enough(len(witnesses)) if quorum is None else quorum)


def _key(text: str, kind: str, number: int) -> VerifierKey:
    try:
        key = VerifierKey.parse(text.strip())
    except DirectoryError as error:
        raise DirectoryError("directory-note", f"line {number}: {error.detail}") from error
    if key.kind != (PLAIN if kind == "log" else COSIGNATURE):
        raise DirectoryError("directory-note", f"line {number}: the key is of another kind")
    return key


@dataclass(frozen=True)
class Convicted:
    """A proof of misbehaviour that holds: between which sizes of the log, and whose keys signed both sides."""

    fork: Fork
    liars: tuple[str, ...]


def check(data: bytes, trust: Trust) -> tuple[Listed, str] | Convicted:
    """Verify a tlog-proof of ours (with the log's name) or a proof of misbehaviour; raises DirectoryError."""
    kind = kind_of(data)
    if kind == FORK:
        fork = read_fork(data)
        fork.require()
        liars = fork.liars((*trust.logs, *trust.witnesses))
        if not liars:
            raise DirectoryError("directory-proof", "none of the trusted keys signed both checkpoints")
        return Convicted(fork, liars)
    if kind != PROOF:
        raise DirectoryError("directory-proof", f"neither {PROOF} nor {FORK}")
    proof = read_proof(data)
    origin = proof.checkpoint.origin
    country = origin.split("/")[1] if origin.count("/") > 1 else ""
    others = others_than(country, trust.witnesses)
    return check_listed(proof, trust.log(origin), others), origin


def others_than(country: str, witnesses: Iterable[VerifierKey]) -> tuple[VerifierKey, ...]:
    """Return the witnesses but the country's own: nobody witnesses himself."""
    return tuple(key for key in witnesses if key.name != f"entente/{country}/witness")
