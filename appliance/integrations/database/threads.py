"""Work of drivers that wait: a bounded number of threads, and a way to end each one's waiting.

Owns running and abandoning it; what is waited for is left to the databases' own modules.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

Result = TypeVar("Result")

MAX_THREADS: Final = 8


class QueryThreads:
    """Runs work that blocks; at most ``MAX_THREADS`` at once."""

    def __init__(self) -> None:
        # Threads are started when they are needed.
        self._pool = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="database-query")

    async def run(self, work: Callable[[], Result], *, stop: Callable[[], None]) -> Result:
        """Return what ``work`` returns.

        Args:
            work: Ends soon after ``stop`` was called.
            stop: Called when whoever waits does not wait any longer.
        """
        running = self._pool.submit(work)
        try:
            return await asyncio.wrap_future(running)
        except asyncio.CancelledError:
            running.cancel()
            stop()
            raise
