"""A country's log with its keys, for tests: honest, and with another history."""

from collections.abc import Iterable

from directory_sync.checkpoint import Checkpoint, LogKeys, make_checkpoint, origin_of, witness_name
from directory_sync.note import COSIGNATURE, PLAIN, Signer
from directory_sync.tree import TILE, Tiles, Tree, leaf_hash

COUNTRY = "HU"
ORIGIN = origin_of(COUNTRY, 1)
LOG = Signer.from_seed(ORIGIN, PLAIN, b"\x01" * 32)
KEYS = LogKeys(ORIGIN, (LOG.verifier,))
FR = Signer.from_seed(witness_name("FR"), COSIGNATURE, b"\x02" * 32)
DE = Signer.from_seed(witness_name("DE"), COSIGNATURE, b"\x03" * 32)


class Log:
    """Leaves in a tree, with all tiles."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self.tree = Tree()
        self.full: dict[tuple[int, int], bytes] = {}
        self.append(leaves)

    def append(self, leaves: Iterable[bytes]) -> None:
        self.full |= self.tree.append([leaf_hash(leaf) for leaf in leaves])

    def tiles(self) -> Tiles:
        def read(level: int, number: int) -> bytes:
            if (level, number) in self.full:
                return self.full[level, number]
            assert number == self.tree.size // TILE ** (level + 1)
            return self.tree.edges[level]

        return Tiles(self.tree.size, read)

    def checkpoint(self, size: int | None = None) -> Checkpoint:
        size = self.tree.size if size is None else size
        return make_checkpoint(LOG, size, self.tiles().root(size))


def leaves(count: int, mark: str = "") -> list[bytes]:
    """Return leaves that differ."""
    return [f"{mark}{number}".encode() for number in range(count)]
