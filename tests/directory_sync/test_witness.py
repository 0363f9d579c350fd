"""A witness cosigns what provably grew, and answers everything else as tlog-witness lists it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory_sync.checkpoint import make_checkpoint
from directory_sync.note import PLAIN, Signer
from directory_sync.witness import Refusal, Request, Seen, read_request, refusal
from tests.directory_sync.log_world import KEYS, LOG, ORIGIN, Log, leaves

GROWN = Log(leaves(700))
SEEN = Seen(300, GROWN.tiles().root(300))


def request(old: int = 300, size: int = 700, log: Log = GROWN) -> Request:
    """Return a request that a log makes."""
    return Request(old, tuple(log.tiles().consistency(old, size)), log.checkpoint(size))


def status_of(asked: Request, seen: Seen = SEEN) -> int:
    """Return the status with which a witness answers."""
    found = refusal(asked, KEYS, seen)
    return found.status if found else 200


def test_growth_is_cosigned() -> None:
    """SPEC S-212: from nothing, from what was cosigned before, and once more at the same size for a fresh time."""
    assert status_of(request(0, 1), Seen()) == 200
    assert status_of(request(0), Seen()) == 200
    assert status_of(request()) == 200
    assert status_of(request(300, 300)) == 200


def test_an_unknown_log_is_404() -> None:
    """Of a country that has no log, or under a name that isn't the log's in force."""
    found = refusal(request(), None, SEEN)
    assert found is not None
    assert found.status == 404
    other = Signer.from_seed("entente/HU/directory/9", PLAIN, b"\x01" * 32)
    assert status_of(Request(300, (), make_checkpoint(other, 700, b"\x01" * 32))) == 404


def test_a_checkpoint_by_nobody_we_trust_is_403() -> None:
    """No signature of the log's key, or a wrong one under its name."""
    thief = Signer.from_seed(ORIGIN, PLAIN, b"\x07" * 32)
    assert status_of(Request(300, (), make_checkpoint(thief, 700, GROWN.tree.root()))) == 403
    asked = request()
    moved = make_checkpoint(LOG, 701, GROWN.tree.root()).note.signatures
    note = type(asked.checkpoint.note)(asked.checkpoint.note.text, moved)
    forged = type(asked.checkpoint)(ORIGIN, 700, GROWN.tree.root(), note)
    assert status_of(Request(300, asked.proof, forged)) == 403


def test_a_shrinking_log_is_400() -> None:
    """The old size is larger than the new one: a rollback isn't even a question."""
    assert status_of(Request(300, (), GROWN.checkpoint(200))) == 400


def test_another_old_size_is_409_and_names_the_right_one() -> None:
    """So that the log can come back with the proof that is wanted."""
    found = refusal(request(200), KEYS, SEEN)
    assert found == Refusal(409, found.reason if found else "", 300)
    assert status_of(request(0)) == 409


def test_two_roots_of_one_size_are_409() -> None:
    """SPEC S-213: the fork itself; the second one is never cosigned."""
    fork = Log([*leaves(299), b"another"])
    found = refusal(Request(300, (), fork.checkpoint()), KEYS, SEEN)
    assert found is not None
    assert (found.status, found.size) == (409, 300)


def test_a_fork_that_grew_is_422() -> None:
    """SPEC S-213: its own proof is right, but not from what was cosigned here."""
    fork = Log([b"another", *leaves(699)])
    assert status_of(request(300, 700, fork)) == 422
    assert status_of(Request(300, (), GROWN.checkpoint())) == 422
    assert status_of(Request(0, (b"\x00" * 32,), GROWN.checkpoint()), Seen()) == 422
    asked = request()
    assert status_of(Request(300, (*asked.proof[:-1], b"\x00" * 32), asked.checkpoint)) == 422


def test_a_request_survives_the_line() -> None:
    """Written and read, it is the same."""
    assert read_request(request().to_bytes()) == request()
    assert read_request(request(0).to_bytes()) == request(0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"old 300", b"old 0300"),
        (b"old 300", b"OLD 300"),
        (b"old 300", b"old -1"),
        (b"old 300", b"old 300 "),
        (b"\n\n", b"\n"),
        (b"old 300\n", b"old 300\nAAA\n"),
        (b"old 300\n", b"old 300\n" + b"AAAA\n" * 64),
        (b"entente/HU", b"entente\n/HU"),
    ],
)
def test_what_isnt_a_request_is_400(old: bytes, new: bytes) -> None:
    """Leading zeros, 64 hashes, no empty line, no checkpoint."""
    found = read_request(request().to_bytes().replace(old, new, 1))
    assert isinstance(found, Refusal)
    assert found.status == 400


@given(st.binary(max_size=400))
def test_any_bytes_are_answered(body: bytes) -> None:
    """Whatever a peer posts, the witness says what it is."""
    found = read_request(body)
    assert isinstance(found, Refusal)
    assert found.status == 400
