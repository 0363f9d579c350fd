"""The keys of cases on disk: what is erased is gone from every file."""

from pathlib import Path

import pytest

from node.store.tx import Read
from tests.exchange.pair import world


def _wrapped(q: Read) -> bytes:
    row = q.one("SELECT wrapped FROM case_key WHERE case_id = 'gone'")
    assert row is not None
    return bytes(row["wrapped"])


def _files_with(folder: Path, sought: bytes) -> list[str]:
    return [path.name for path in sorted(folder.rglob("*")) if path.is_file() and sought in path.read_bytes()]


@pytest.mark.parametrize("inline", [False, True])
async def test_an_erased_key_is_left_in_no_file(tmp_path: Path, *, inline: bool) -> None:
    """Neither the database nor its write-ahead log holds the bytes; the keys beside it stay."""
    async with world(tmp_path, "DE", inline=inline) as one:
        keys = one["DE"].case_keys
        made = await keys.make(["gone", "kept"])
        wrapped = one["DE"].key_store.read_now(_wrapped)
        assert _files_with(tmp_path, wrapped)
        await keys.erase(["gone"])
        assert _files_with(tmp_path, wrapped) == []
        assert keys.find("kept") == made["kept"]
