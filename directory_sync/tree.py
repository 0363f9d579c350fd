"""The Merkle tree of RFC 6962 over a log's leaves (SPEC S-207), at a cost that doesn't grow with the log.

Hashes lie in tiles of 256 (as in C2SP tlog-tiles): tile `n` of level 0 holds the leaf hashes from 256 n on, one of
level 1 the roots of 256 full tiles of level 0, and so on. A `Tree` is the right edge alone, one unfinished tile
for each level, which is the compact frontier: enough to append and to know the root. Proofs read single tiles.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from directory_sync.checkpoint import HASH_BYTES
from directory_sync.problem import DirectoryError

TILE: Final = 256
_TILE_BYTES: Final = TILE * HASH_BYTES
_HEIGHT: Final = 8
EMPTY: Final = hashlib.sha256(b"").digest()
"""The root of a log without leaves (RFC 6962, 2.1)."""

ReadTile = Callable[[int, int], bytes]
"""(level, number) → the hashes of a tile, one after the other; fewer than 256 at the right edge."""


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf's bytes."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash over two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def _perfect(hashes: bytes) -> bytes:
    """Return the root over 2^j hashes."""
    sha256 = hashlib.sha256
    pair = 2 * HASH_BYTES
    while len(hashes) > HASH_BYTES:
        hashes = b"".join(
            [sha256(b"\x01" + hashes[place : place + pair]).digest() for place in range(0, len(hashes), pair)]
        )
    return hashes


def _peaks(hashes: bytes) -> list[bytes]:
    """Return the roots of the perfect subtrees over some hashes, the largest first."""
    peaks, place, left = [], 0, len(hashes) // HASH_BYTES
    while left:
        count = 1 << (left.bit_length() - 1)
        peaks.append(_perfect(hashes[place : place + count * HASH_BYTES]))
        place += count * HASH_BYTES
        left -= count
    return peaks


def _bagged(peaks: Iterable[bytes]) -> bytes:
    """Return the root over perfect subtrees of falling size."""
    root: bytes | None = None
    for peak in reversed(list(peaks)):
        root = peak if root is None else node_hash(peak, root)
    return EMPTY if root is None else root


class Tree:
    """The right edge of a log's tree: its size, and for each level the hashes of the tile that isn't full yet."""

    def __init__(self, size: int = 0, edges: Sequence[bytes] = ()) -> None:
        """Take up a tree again; `directory-tree` where the edges don't fit the size."""
        self.size = size
        self._edges = [bytearray(edge) for edge in edges]
        expected = [size // TILE**level % TILE * HASH_BYTES for level in range(len(edges))]
        if [len(edge) for edge in edges] != expected or size >= TILE ** len(edges):
            raise DirectoryError("directory-tree", f"edges that don't fit {size} leaves")

    @property
    def edges(self) -> list[bytes]:
        """The unfinished tile of each level, lowest first; some may be empty."""
        return [bytes(edge) for edge in self._edges]

    def copy(self) -> "Tree":
        """Return another tree that is the same now."""
        return Tree(self.size, self.edges)

    def append(self, leaf_hashes: Iterable[bytes]) -> dict[tuple[int, int], bytes]:
        """Append leaves by their hashes; returns the tiles that became full, by (level, number)."""
        added = b"".join(leaf_hashes)
        full: dict[tuple[int, int], bytes] = {}
        before, level = self.size, 0
        self.size += len(added) // HASH_BYTES
        while added:
            if level == len(self._edges):
                self._edges.append(bytearray())
            edge = self._edges[level]
            edge += added
            number, parts = before // TILE ** (level + 1), []
            while len(edge) >= _TILE_BYTES:
                full[level, number] = tile = bytes(edge[:_TILE_BYTES])
                del edge[:_TILE_BYTES]
                parts.append(_perfect(tile))
                number += 1
            added, level = b"".join(parts), level + 1
        return full

    def root(self) -> bytes:
        """Return the root hash."""
        return _bagged(peak for edge in reversed(self._edges) for peak in _peaks(bytes(edge)))


class Tiles:
    """The hashes of a log of `size` leaves, read tile by tile, for proofs: a few tiles each, whatever the size."""

    def __init__(self, size: int, read: ReadTile) -> None:
        """Take what reads a tile."""
        self.size = size
        self._read = read
        self._known: dict[tuple[int, int], bytes] = {}

    def _subtree(self, height: int, number: int) -> bytes:
        """Return the root of the perfect subtree over the leaves [number 2^height, (number + 1) 2^height)."""
        level, inside = divmod(height, _HEIGHT)
        tile, place = divmod(number << inside, TILE)
        if (level, tile) not in self._known:
            self._known[level, tile] = self._read(level, tile)
        hashes = self._known[level, tile][place * HASH_BYTES : (place + (1 << inside)) * HASH_BYTES]
        if len(hashes) != HASH_BYTES << inside:
            raise DirectoryError("directory-tree", f"tile {level}/{tile} isn't whole")
        return _perfect(hashes)

    def _range(self, start: int, end: int) -> bytes:
        """Return the hash over the leaves [start, end); `start` is a multiple of a power of two ≥ end - start."""
        peaks = []
        while start < end:
            height = (end - start).bit_length() - 1
            peaks.append(self._subtree(height, start >> height))
            start += 1 << height
        return _bagged(peaks)

    def root(self, size: int | None = None) -> bytes:
        """Return the root of the log when it had `size` leaves."""
        return self._range(0, self.size if size is None else size)

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """Return the audit path of a leaf (RFC 6962, 2.1.1), from its sibling to the root's child."""
        start, end, path = 0, self.size if size is None else size, []
        if not 0 <= index < end <= self.size:
            raise DirectoryError("directory-tree", f"no leaf {index} among {end}")
        while end - start > 1:
            middle = start + _half(end - start)
            if index < middle:
                path.append(self._range(middle, end))
                end = middle
            else:
                path.append(self._range(start, middle))
                start = middle
        return path[::-1]

    def consistency(self, old: int, size: int | None = None) -> list[bytes]:
        """Return the proof that the log of `old` leaves is a beginning of that of `size` (RFC 6962, 2.1.2)."""
        end = self.size if size is None else size
        if not 0 <= old <= end <= self.size:
            raise DirectoryError("directory-tree", f"no log of {old} leaves before one of {end}")
        if old in (0, end):
            return []
        start, path = 0, []
        while old != end:
            middle = start + _half(end - start)
            if old <= middle:
                path.append(self._range(middle, end))
                end = middle
            else:
                path.append(self._range(start, middle))
                start = middle
        return [*([self._range(start, end)] if start else []), *path[::-1]]


def _half(count: int) -> int:
    """Return the largest power of two below a count of at least two."""
    return 1 << ((count - 1).bit_length() - 1)


def root_from_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes | None:
    """Return the root to which a leaf's hash leads by an audit path (SPEC S-208); None where it doesn't fit."""
    if not 0 <= index < size:
        return None
    place, last, found = index, size - 1, leaf
    for step in path:
        if last == 0:
            return None
        if place & 1 or place == last:
            found = node_hash(step, found)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, step)
        place, last = place >> 1, last >> 1
    return found if last == 0 else None


def is_consistent(old: tuple[int, bytes], new: tuple[int, bytes], proof: Sequence[bytes]) -> bool:
    """Check a consistency proof between two (size, root) of a log (SPEC S-208).

    From nothing every log has grown, with an empty proof; between equal sizes the roots are equal, and the proof empty.
    """
    if old[0] == 0:
        return not proof and old[1] == EMPTY
    if old[0] >= new[0]:
        return old == new and not proof
    steps = list(proof)
    place, last = old[0] - 1, new[0] - 1
    if old[0] & (old[0] - 1) == 0:
        steps.insert(0, old[1])
    while place & 1:
        place, last = place >> 1, last >> 1
    if not steps:
        return False
    before = after = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            before, after = node_hash(step, before), node_hash(step, after)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, step)
        place, last = place >> 1, last >> 1
    return last == 0 and (before, after) == (old[1], new[1])
