"""Pages on the line: packed, cut, or swelling when they are unpacked."""

import gzip
import os
import zlib

import pytest

from directory_sync import limits
from directory_sync.page import compressed, decoded, follows, make_page, read_page
from directory_sync.problem import DirectoryError
from tests.directory_sync.log_world import Log, leaves


def test_a_page_survives_the_line() -> None:
    """Packed or not, the same bytes; small and large."""
    log = Log(leaves(3))
    page = make_page(str(log.checkpoint().note), 0, [leaf + b"\n" for leaf in leaves(3)], [])
    for document in (page, page + b"x" * 300_000):
        assert decoded("gzip", compressed(document)) == document
        assert decoded("identity", document) == document
    assert (read_page(page).start, read_page(page).end, read_page(page).lines) == (0, 3, leaves(3))


def test_the_next_page_can_be_asked_for_early() -> None:
    """A page says where the next one begins; the last one, and one that says nonsense, name none."""
    log = Log(leaves(3))
    note = str(log.checkpoint().note)

    def page(start: int, count: int) -> bytes:
        return make_page(note, start, [leaf + b"\n" for leaf in leaves(count)], [])

    assert [follows(page(0, count)) for count in (0, 1, 2, 3)] == [None, 1, 2, None]
    assert follows(page(2, 5)) is None
    with pytest.raises(DirectoryError, match="directory-header"):
        follows(b"{}")


def test_bomb() -> None:
    """SPEC S-123: a small body that opens to gigabytes is refused after the limit, not after the memory."""
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    bomb = b"".join(packer.compress(bytes(1024 * 1024)) for _ in range(200)) + packer.flush()
    assert len(bomb) < 300_000
    with pytest.raises(DirectoryError, match="directory-too-large"):
        decoded("gzip", bomb)
    with pytest.raises(DirectoryError, match="directory-too-large"):
        decoded("identity", bytes(limits.MAX_PAGE_BYTES + 1))


@pytest.mark.parametrize("fault", ["cut", "more", "not-gzip", "br", "twice"])
def test_what_isnt_whole_is_refused(fault: str) -> None:
    """Cut off, with more behind its end, or packed in another way: to be had again, never guessed at."""
    packed = gzip.compress(os.urandom(1000))
    data = {"cut": packed[:-1], "more": packed + b"x", "not-gzip": b"x" * 99, "br": packed, "twice": packed * 2}[fault]
    with pytest.raises(DirectoryError, match="directory-transfer"):
        decoded("br" if fault == "br" else "gzip", data)
