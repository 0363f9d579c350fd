"""The tree is RFC 6962's at every size, and its proofs convince exactly where they are true."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory_sync.problem import DirectoryError
from directory_sync.tree import (
    EMPTY,
    Tree,
    is_consistent,
    leaf_hash,
    node_hash,
    root_from_inclusion,
)
from tests.directory_sync.log_world import Log, leaves

SIZES = [0, 1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 700, 65_535, 65_536, 65_793]


def mth(hashes: list[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1, as it is written there."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return node_hash(mth(hashes[:k]), mth(hashes[k:]))


@pytest.mark.parametrize("size", SIZES)
def test_the_root_is_that_of_the_rfc(size: int) -> None:
    """SPEC S-207: at the edges of tiles as between them."""
    log = Log(leaves(size))
    assert log.tree.root() == mth([leaf_hash(leaf) for leaf in leaves(size)]) == log.tiles().root()


def test_known_roots() -> None:
    """The values that certificate logs publish for their first test leaves."""
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    log = Log(bytes.fromhex(one) for one in inputs)
    assert EMPTY.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert log.tree.root().hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


@given(st.lists(st.integers(min_value=0, max_value=600), max_size=6))
def test_it_doesnt_matter_in_how_many_steps_a_log_grew(steps: list[int]) -> None:
    """One append of all, or many with the edge saved in between: the same tree."""
    every = leaves(sum(steps))
    at_once, tree, full = Log(every), Tree(), {}
    for count in steps:
        tree = Tree(tree.size, tree.edges)
        full |= tree.append([leaf_hash(leaf) for leaf in every[tree.size : tree.size + count]])
    assert (tree.size, tree.edges, full) == (at_once.tree.size, at_once.tree.edges, at_once.full)


@given(st.data(), st.integers(min_value=1, max_value=700))
def test_an_inclusion_proof_is_of_one_leaf_at_one_place(data: st.DataObject, size: int) -> None:
    """SPEC S-208: another leaf, another place, another size or a changed path leads elsewhere."""
    log = Log(leaves(size))
    index = data.draw(st.integers(min_value=0, max_value=size - 1))
    path, root = log.tiles().inclusion(index), log.tree.root()
    leaf = leaf_hash(str(index).encode())
    assert root_from_inclusion(index, size, leaf, path) == root
    assert root_from_inclusion(index, size, leaf_hash(b"x"), path) != root
    assert root_from_inclusion(size, size, leaf, path) is None
    assert root_from_inclusion(index, size, leaf, [*path, EMPTY]) != root
    if size > 1:
        assert root_from_inclusion(index, size, leaf, path[:-1]) != root
        assert root_from_inclusion(index ^ 1, size, leaf, path) != root


@given(st.data(), st.integers(min_value=0, max_value=700))
def test_a_log_is_consistent_with_its_own_past_and_no_other(data: st.DataObject, size: int) -> None:
    """SPEC S-208: from every earlier size, and never from a past with one other leaf."""
    log = Log(leaves(size))
    old = data.draw(st.integers(min_value=0, max_value=size))
    tiles = log.tiles()
    proof = tiles.consistency(old)
    new = (size, tiles.root())
    assert is_consistent((old, tiles.root(old)), new, proof)
    if old:
        forged = leaves(old)
        forged[data.draw(st.integers(min_value=0, max_value=old - 1))] = b"another"
        assert not is_consistent((old, Log(forged).tree.root()), new, proof)
        assert not is_consistent((old, tiles.root(old)), new, [*proof, EMPTY])
        assert not is_consistent((old, tiles.root(old)), (size, EMPTY), proof)
    if 0 < old < size:
        assert not is_consistent((old, tiles.root(old)), new, proof[:-1])
        assert not is_consistent(new, (old, tiles.root(old)), proof)


@given(
    st.integers(min_value=0, max_value=2**53),
    st.integers(min_value=0, max_value=2**53),
    st.lists(st.binary(min_size=32, max_size=32), max_size=63),
)
def test_proofs_of_nonsense_are_false_and_fast(old: int, new: int, proof: list[bytes]) -> None:
    """A proof that nobody made ends at once, whatever sizes it claims."""
    assert not is_consistent((old, b"\x01" * 32), (new, b"\x02" * 32), proof)
    assert root_from_inclusion(old, new, b"\x01" * 32, proof) != b"\x02" * 32


def test_edges_that_dont_fit_are_refused() -> None:
    """A damaged row must not become another tree."""
    tree = Log(leaves(300)).tree
    for size, edges in ((301, tree.edges), (300, tree.edges[:1]), (300, [tree.edges[0], b""]), (1, ())):
        with pytest.raises(DirectoryError, match="directory-tree"):
            Tree(size, edges)


def test_a_proof_reads_few_tiles_of_a_large_log() -> None:
    """What a change costs doesn't grow with the directory."""
    log = Log(leaves(70_000))
    read: list[tuple[int, int]] = []
    tiles = log.tiles()
    plain = tiles._read

    def counting(level: int, number: int) -> bytes:
        read.append((level, number))
        return plain(level, number)

    tiles._read = counting
    tiles.consistency(69_000)
    tiles.inclusion(4711)
    assert len(read) <= 8
