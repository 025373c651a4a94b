"""How fast deletion goes, so that the turns of visitors go first.

Owns the size of the next step and the pause before it; what a step deletes is left to its owner.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

TARGET_MS: Final = 5.0
"""What a step aims at. It holds the one writer of SQLite, which every turn waits for twice; 50 ms
are the most that is allowed, and the commit, its sync and a slow disk come on top."""

PAUSE_ALONE: Final = 0.5
PAUSE_IN_COMPANY: Final = 20.0
"""How long the pause is for the time that a step took, commit included. With others writing, steps
take a twentieth of the time, so that fewer than one turn in ten meets one."""

COMPANY_S: Final = 10.0
"""How long somebody who wrote is thought to be there."""

MIN_PAUSE_S: Final = 0.002
LEAST_ROWS: Final = 10
MOST_ROWS: Final = 1_000
FIRST_ROWS: Final = 50
MAX_GROWTH: Final = 1.5


class Pace:
    """Learns from each step how large the next may be, and how long to rest.

    Args:
        count_writes: How many writes this process has asked for; who writes besides the steps is
            given way to. ``None`` gives way always: others are elsewhere.
        pause: Waits for some seconds.
        monotonic: Tells the time.
    """

    def __init__(
        self,
        count_writes: Callable[[], int] | None = None,
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rows = FIRST_ROWS
        self._count_writes = count_writes
        self._pause = pause
        self._monotonic = monotonic
        self._writes = count_writes() if count_writes else 0
        self._company_until = float("-inf")

    def begin_anew(self) -> None:
        """Start small again: the rows that come next may cost far more than those before."""
        self.rows = min(self.rows, FIRST_ROWS)

    async def rest(
        self, rows: int, held_ms: float, *, took_ms: float | None = None, writes: int = 1
    ) -> None:
        """Learn from a step, and let others go first for a while.

        Args:
            rows: How many it deleted.
            held_ms: How long it worked within its transaction.
            took_ms: How long it took to the end of its commit.
            writes: How many writes it asked for.
        """
        if rows >= self.rows // 2 or held_ms > TARGET_MS:
            growth = min(MAX_GROWTH, TARGET_MS / max(held_ms, 0.01))
            self.rows = max(LEAST_ROWS, min(MOST_ROWS, int(rows * growth)))
        factor = PAUSE_IN_COMPANY if self._has_company(writes) else PAUSE_ALONE
        took_s = max(held_ms, took_ms or 0.0) / 1000
        await self._pause(max(MIN_PAUSE_S, took_s * factor))

    def _has_company(self, own_writes: int) -> bool:
        if self._count_writes is None:
            return True
        writes, before = self._count_writes(), self._writes
        self._writes = writes
        if writes - before > own_writes:
            self._company_until = self._monotonic() + COMPANY_S
        return self._monotonic() < self._company_until
