"""Demonstration nodes find each other where there is multicast, and go on where there is none."""

import asyncio
import contextlib
import gc
import logging
import socket

import pytest

from directory_sync.discovery import Hint, announce, browse

NOWHERE = ("192.0.2.1",)  # RFC 5737: no address of this machine


def multicast_on_loopback():
    """Say whether this machine carries multicast over its loopback interface."""
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        try:
            probe.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
            probe.sendto(b"", ("224.0.0.251", 5353))
        except OSError:
            return False
    return True


@pytest.mark.skipif(not multicast_on_loopback(), reason="no multicast on this machine's loopback")
async def test_two_nodes_on_one_machine_find_each_other():
    """What one announces the other hears, as a hint of country and address."""
    async with asyncio.timeout(20), announce("DE", 18443), contextlib.aclosing(browse()) as hints:
        async for hint in hints:
            if hint == Hint("DE", "https://127.0.0.1:18443"):  # others on this machine may be heard too
                break


async def test_without_multicast_a_node_starts_all_the_same(caplog):
    """An interface that isn't there costs one line of log."""
    with caplog.at_level(logging.WARNING, logger="directory_sync.discovery"):
        async with announce("DE", 18443, NOWHERE):
            pass
        assert [hint async for hint in browse(NOWHERE)] == []
    assert len(caplog.records) == 2
    assert all("member list" in record.message for record in caplog.records)


async def test_closing_leaves_nothing_behind():
    """After the announcement and the listening no task, and no socket, is left."""
    before = asyncio.all_tasks()
    async with announce("HU", 18444):
        listening = asyncio.ensure_future(anext(browse()))
        await asyncio.sleep(0)
        listening.cancel()
        with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
            await listening
    gc.collect()
    assert asyncio.all_tasks() == before
