"""Records that a country's log names and didn't give: what is missing, and taking it from others (SPEC S-256)."""

from functools import partial

from directory_sync.authority import Authority
from directory_sync.leaf import Leaf, Salted
from directory_sync.page import read_page, record_of
from directory_sync.problem import DirectoryError
from node.service.country_log import refused
from node.service.directory import aside, entries_of
from node.service.node import Node
from node.store import audit, authorities, logs
from node.store.tx import Tx

Found = dict[int, tuple[Salted, Authority]]


def awaited(node: Node) -> frozenset[str]:
    """Return the countries of whose logs records are awaited."""
    return node.store.read_now(logs.awaited)


def missing(node: Node, country: str, size: int) -> list[int]:
    """Return the numbers of the leaves below a size whose records are awaited."""
    leaves = node.store.read_now(lambda q: logs.pending_leaves(q, country))
    return sorted(n for n in leaves if n < size)


async def take(node: Node, country: str, document: bytes, source: str) -> tuple[int, int]:
    """Take the awaited records out of a page that anybody gave; returns (how many, the leaf after the page).

    Each fits the digest of a leaf that is here and was verified, so nothing else of the page is believed. Raises
    `directory-invalid` where it is no page, or a record isn't what its leaf names.
    """
    wanted = node.store.read_now(lambda q: logs.pending_leaves(q, country))
    try:
        found, end = await aside(lambda: _opened(document, wanted))
    except DirectoryError as error:
        raise refused(country, error) from error
    entries = await aside(partial(entries_of, node, found))

    def save(tx: Tx) -> int:
        awaited = logs.pending_leaves(tx, country)
        arrived = [one for one in entries if one.leaf in awaited]  # another leaf may have come meanwhile
        authorities.save(tx, arrived, {})
        logs.await_records(tx, country, {}, (one.authority.id for one in arrived))
        if arrived:
            audit.append(tx, source, "directory.complete", country, f"{len(arrived)} records")
        return len(arrived)

    return (await node.store.write(save) if entries else 0), end


def _opened(document: bytes, wanted: dict[int, Leaf]) -> tuple[Found, int]:
    page = read_page(document)
    parted = {n: page.lines[n - page.start].partition(b" ") for n in wanted if page.start <= n < page.end}
    return {n: record_of(wanted[n], line) for n, (_, gap, line) in parted.items() if gap}, page.end
