"""The tests' clock: one time for every thread, however long the machine is up."""

import asyncio
from datetime import timedelta

from tests.exchange.pair import START, LoopClock


async def test_every_thread_sees_the_time_of_the_loop() -> None:
    """It begins at `START`, not at the machine's uptime, and another thread is neither behind nor ahead."""
    clock = LoopClock()
    first = clock.now()
    elsewhere = await asyncio.to_thread(clock.now)
    assert START <= first < START + timedelta(hours=1)
    assert first <= elsewhere <= clock.now()
