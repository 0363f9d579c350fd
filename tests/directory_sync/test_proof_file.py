"""Proofs can be checked without a node, and can't be made of what isn't true."""

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory_sync.authority import Authority
from directory_sync.leaf import Leaf, Salted, canonical, read_leaf, read_salted, salted
from directory_sync.problem import DirectoryError
from directory_sync.proof_file import Fork, TlogProof, check_listed, extra_of, read_fork, read_proof
from tests.directory_sync.log_world import DE, FR, KEYS, LOG, Log, leaves

CHAMBER = Authority(
    id="HU-kamara", country="HU", name="Magyar „Orvosi” Kamara", name_lang="hu", level="national", place="Budapest",
    valid_from=date(2026, 1, 1), v=3,
)  # fmt: skip
SALTED = salted(canonical(CHAMBER), b"\x08" * 16)
LEAF = SALTED.leaf(CHAMBER, "2026-11-29T12:00:00Z")


def proven(record: bytes | None = SALTED.to_json()) -> TlogProof:
    """Return a proof of the chamber's leaf, cosigned by France."""
    log = Log([*leaves(4), LEAF.to_json(), *leaves(5)])
    checkpoint = log.checkpoint()
    note = checkpoint.note.also([FR.sign(checkpoint.note.text, 1_800_000_000)])
    whole = type(checkpoint)(checkpoint.origin, checkpoint.size, checkpoint.root, note)
    return TlogProof(4, tuple(log.tiles().inclusion(4)), whole, extra_of(LEAF, record))


def test_a_proof_says_who_was_listed_when_and_who_saw_it() -> None:
    """SPEC S-219: leaf, record and witnesses, from the file alone."""
    found = check_listed(read_proof(proven().to_bytes()), KEYS, [FR.verifier, DE.verifier])
    assert found.leaf == LEAF
    assert found.record is not None
    assert found.record["name"] == CHAMBER.name
    assert found.witnessed == {"entente/FR/witness": 1_800_000_000}


def test_a_proof_holds_after_the_record_was_erased() -> None:
    """SPEC S-211: the leaf alone verifies, and tells nothing of the person."""
    data = proven(None).to_bytes()
    found = check_listed(read_proof(data), KEYS, ())
    assert (found.leaf, found.record) == (LEAF, None)
    assert b"Kamara" not in data


def test_an_erased_contact_cant_be_guessed() -> None:
    """SPEC S-211: who knows all of the record but the salt can't confirm it by the leaf's digest."""
    other = salted(SALTED.record, b"\x09" * 16)
    assert other.leaf(CHAMBER, LEAF.at).sha256 != LEAF.sha256


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"index 4", b"index 5"), (b"index 4\n", b"index 4\n" + b"A" * 43 + b"=\n"), (b"extra ", b"extra AAAA")],
)
def test_a_changed_proof_is_refused(old: bytes, new: bytes) -> None:
    """Another place, another path, other data."""
    with pytest.raises(DirectoryError):
        check_listed(read_proof(proven().to_bytes().replace(old, new, 1)), KEYS, [FR.verifier])


def test_another_record_beside_the_leaf_is_refused() -> None:
    """The extra data isn't authenticated by its format: the digest in the leaf does it."""
    forged = canonical(CHAMBER.model_copy(update={"name": "Another"}))
    with pytest.raises(DirectoryError, match="isn't the one"):
        check_listed(read_proof(proven(Salted(forged, SALTED.salt).to_json()).to_bytes()), KEYS, ())


def test_a_proof_of_another_log_is_refused() -> None:
    """Whoever checks names the keys; the file can't."""
    other = type(KEYS)("entente/FR/directory/1", KEYS.keys)
    with pytest.raises(DirectoryError, match="directory-wrong-issuer"):
        check_listed(proven(), other, ())


def fork_of(first: Log, second: Log) -> Fork:
    """Return the proof that two logs contradict each other."""
    tiles = second.tiles()
    size = first.tree.size
    return Fork(first.checkpoint(), second.checkpoint(), tiles.root(size), tuple(tiles.consistency(size)))


@given(st.integers(min_value=1, max_value=300), st.integers(min_value=0, max_value=300))
def test_a_fork_between_any_two_sizes_is_proven(first: int, more: int) -> None:
    """SPEC S-214: of one size, or of two; anybody can check the file, and it names who signed both."""
    honest, other = Log(leaves(first)), Log([b"another", *leaves(first - 1 + more)])
    fork = read_fork(fork_of(honest, other).to_bytes())
    fork.require()
    assert fork.liars([LOG.verifier]) == (LOG.name,)
    assert fork.liars([FR.verifier]) == ()


def test_a_log_that_grew_cant_be_accused() -> None:
    """SPEC S-214: two checkpoints that agree prove nothing, however the proof is bent."""
    log = Log(leaves(300))
    honest = Log(leaves(100))
    with pytest.raises(DirectoryError, match="directory-proof"):
        fork_of(honest, log).require()
    with pytest.raises(DirectoryError, match="directory-proof"):
        Fork(honest.checkpoint(), log.checkpoint(), b"\x00" * 32, tuple(log.tiles().consistency(100))).require()
    with pytest.raises(DirectoryError, match="directory-proof"):
        Fork(log.checkpoint(), honest.checkpoint(), b"\x00" * 32, ()).require()


def test_a_fork_under_one_forged_signature_names_nobody() -> None:
    """Who didn't sign both isn't named; a forged signature refuses the file."""
    honest, other = Log(leaves(9)), Log([b"another", *leaves(8)])
    fork = fork_of(honest, other)
    signature = honest.checkpoint().note.signatures
    forged = type(fork.second)(
        fork.second.origin, fork.second.size, fork.second.root, type(fork.second.note)(fork.second.note.text, signature)
    )
    with pytest.raises(DirectoryError, match="directory-signature"):
        Fork(fork.first, forged, fork.other, fork.proof).liars([LOG.verifier])


def test_a_witness_that_cosigned_two_forks_is_named() -> None:
    """SPEC S-214: the same file proves a witness's lie."""
    fork = fork_of(Log(leaves(9)), Log([b"another", *leaves(8)]))
    sides = []
    for side in (fork.first, fork.second):
        note = side.note.also([FR.sign(side.note.text, 5)])
        sides.append(type(side)(side.origin, side.size, side.root, note))
    found = read_fork(Fork(sides[0], sides[1], fork.other, fork.proof).to_bytes())
    found.require()
    assert found.liars([LOG.verifier, FR.verifier, DE.verifier]) == (FR.name, LOG.name)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_proof_or_refused(data: bytes) -> None:
    """Nothing but DirectoryError ever comes out."""
    for read in (read_proof, read_fork, read_leaf, read_salted):
        for whole in (data, b"c2sp.org/tlog-proof@v1\n" + data, b"entente/log-fork@v1\n" + data, b'{"record":' + data):
            with pytest.raises(DirectoryError):
                read(whole)


@pytest.mark.parametrize(
    "changed",
    [
        {"v": 0}, {"v": 2**53}, {"at": "2026-02-30T12:00:00Z"}, {"op": "erase"}, {"op": "delete"}, {"sha256": None},
        {"sha256": "x"}, {"authority": "hu-kamara"}, {"more": 1}, {"authority": "HU-" + "a" * 62},
    ],
)  # fmt: skip
def test_a_leaf_has_one_form(changed: dict[str, object]) -> None:
    """SPEC S-209: exactly five fields; a reader never has to guess what was hashed."""
    line = json.dumps({**LEAF._asdict(), **changed}, separators=(",", ":"), sort_keys=True).encode()
    with pytest.raises(DirectoryError, match="directory-bad-record"):
        read_leaf(line)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"v":3', b'"v": 3'), (b'"v":3', b'"v":3,"v":3'), (b'"v":3', b'"v":3.0'), (b'"v":3', b'"v":"3"'),
        (b'"region":null,', b""), (b"Budapest", b"\xff"), (b"Budapest", b"\\ud800"), (b'"country":"HU"', b'"country":"FR"'),
        (b'"demo":false', b'"demo":0'), (b'"salt"', b'"sald"'), (b'{"record":{', b'{"record":[{'),
    ],
)  # fmt: skip
def test_a_record_is_read_strictly(old: bytes, new: bytes) -> None:
    """SPEC S-120: a key twice, a space, another type, another country, lone surrogates."""
    line = SALTED.to_json()
    assert old in line
    if new == b"":
        read_salted(line.replace(old, new))  # a field without a value may be left out, and stays so
        return
    with pytest.raises(DirectoryError):
        read_salted(line.replace(old, new))


@given(st.binary(min_size=16, max_size=16))
def test_leaves_and_records_survive_the_line(salt: bytes) -> None:
    """Written and read, they are the same bytes."""
    one = salted(canonical(CHAMBER), salt)
    assert read_salted(one.to_json()) == (one, CHAMBER)
    leaf = one.leaf(CHAMBER, "2026-11-29T12:00:00Z")
    assert read_leaf(leaf.to_json()) == leaf
    gone = Leaf("2026-11-29T12:00:00Z", "HU-kamara", "delete", None, 4)
    assert read_leaf(gone.to_json()) == gone
