"""Bytes as a stranger may send them: anything, any JSON, and good documents with something wrong in them."""

from collections.abc import Callable
from datetime import timedelta
from time import process_time
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

quick = settings(
    max_examples=80,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)
"""The same examples every time, in a second or two."""

LONGEST = timedelta(seconds=5).total_seconds()
"""Far more work than any of these inputs may cause, and far less than what would hurt: time of the processor, not of a
machine that has other things to do."""

SPECIAL = [
    b"", b"\x00", b"\n", b"{", b"}", b"[", b"]", b'"', b"\\u0000", b"\\ud800", b"1e999", b"NaN", b"-0", b".", b"..",
    b"null", b"true", b"9" * 400, b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"=", b"&a", b"*a", b"!!python/object:x",
    b"'" * 3, b"Infinity", b"{}" * 3, "İ\u202e\u0000".encode(), b"[" * 500,
]  # fmt: skip

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def spoilt(draw: Callable[..., Any], *good: bytes) -> bytes:
    """Return a good document with bytes changed, cut out, repeated or put in, or bytes without any sense."""
    data = draw(st.sampled_from(good)) if good and draw(st.integers(0, 5)) else draw(st.binary(max_size=300))
    for _ in range(draw(st.integers(0, 3))):
        at, length = draw(st.integers(0, len(data))), draw(st.integers(0, 60))
        piece = draw(st.sampled_from(SPECIAL) | st.binary(max_size=8) | st.just(data[at : at + length]))
        keep = draw(st.sampled_from([at, at + length, at + 1]))
        data = data[:at] + piece + data[keep:]
    return data


def bounded(work: Callable[[], Any], *errors: type[Exception]) -> Any:
    """Return what `work` gives, or the error where it is one of those allowed; fail where it takes too long."""
    begun = process_time()
    try:
        return work()
    except errors as error:
        return error
    finally:
        assert process_time() - begun < LONGEST
