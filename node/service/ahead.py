"""What a new request needs on disk before it can be sealed, made durable ahead of use: numbers, and cases' keys.

A number is encrypted inside the request, and a case's key is committed before the case (design section 7), so
without this every request would wait for a commit before its own. What was made ahead and isn't used when the
node stops is skipped: numbers have gaps then, and the keys are swept.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from node.clock import Clock, Entropy, new_uuid
from node.store import audit, cases
from node.store.case_keys import CaseKeys
from node.store.store import Store
from node.store.tx import Tx

NUMBERS_SKIPPED: Final = 1000
"""Case numbers of the year that are left out after a loss: some may have been shown and never sent (SPEC S-134)."""
_BLOCK: Final = 20
_KEYS_LAST: Final = timedelta(hours=1)
"""Long before orphan keys are swept."""


class Ahead:
    """What is ready for the next requests; it is in memory only, so nothing of it is ever given twice."""

    def __init__(self, store: Store, case_keys: CaseKeys, clock: Clock, entropy: Entropy) -> None:
        """Take where numbers and keys are made durable; nothing is made before it is asked for."""
        self._store = store
        self._case_keys = case_keys
        self._clock = clock
        self._entropy = entropy
        self._begun = False
        self._numbers: list[str] = []
        self._year = 0
        self._left_out = 0
        self._keys: list[tuple[str, bytes]] = []
        self._made_at: datetime | None = None

    async def both(
        self, country: str, count: int, all_asked: Callable[[], bool]
    ) -> tuple[list[str], list[tuple[str, bytes]]]:
        """Return numbers and keys; what isn't ready of them is made at the same time."""
        if min(len(self._numbers), len(self._keys)) >= count:
            return await self.numbers(country, count, all_asked), await self.keys(count)
        return await asyncio.gather(self.numbers(country, count, all_asked), self.keys(count))

    async def numbers(self, country: str, count: int, all_asked: Callable[[], bool]) -> list[str]:
        """Return the next numbers for people, such as `DE-2026-000412`.

        Where not everybody was asked since the start, somebody may know of numbers that this disk doesn't: an older
        one was put in its place. So the first numbers after a start are later ones then, by the time: one copy may
        be put back twice (SPEC S-134).
        """
        year = self._clock.now().year
        if year != self._year:
            self._numbers.clear()
            self._year = year
        while len(self._numbers) < count:  # others take from it while this one waits
            made_for, wanted = self._left_out, count - len(self._numbers) + _BLOCK
            sure = self._begun or all_asked()
            made = await self._store.write(lambda tx, n=wanted, s=sure: _reserved(tx, country, n, sure=s))  # type: ignore[misc]
            self._begun = True
            if made_for == self._left_out:
                self._numbers.extend(made)
        return [self._numbers.pop(0) for _ in range(count)]

    def leave_numbers_out(self) -> None:
        """Forget the numbers that are ready: after a loss, some of them may have been given before it."""
        self._numbers.clear()
        self._left_out += 1

    async def keys(self, count: int) -> list[tuple[str, bytes]]:
        """Return ids for new cases, each with its key."""
        now = self._clock.now()
        if self._made_at is None or now - self._made_at > _KEYS_LAST:
            self._keys.clear()
            self._made_at = now
        while len(self._keys) < count:
            fresh = [new_uuid(self._entropy) for _ in range(count - len(self._keys) + _BLOCK)]
            made = await self._case_keys.make(fresh)
            self._keys.extend(made.items())
        return [self._keys.pop(0) for _ in range(count)]


def _reserved(tx: Tx, country: str, count: int, *, sure: bool) -> list[str]:
    if not sure:
        go_on_by_time(tx, country, "start")
    return cases.reserve_numbers(tx, country, count)


def go_on_by_time(tx: Tx, country: str, since: str) -> None:
    """Go on with the second of the year: this disk may be an older one, perhaps for the second time (SPEC S-134)."""
    cases.skip_numbers(tx, country, NUMBERS_SKIPPED)  # should the clock have been set back
    new_year = tx.now.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    cases.spend_number(tx, f"{country}-{tx.now.year}-{int((tx.now - new_year).total_seconds())}", 0)
    audit.append(tx, country, "numbers.left-out", since, f"up to {cases.last_number(tx, country)}")
