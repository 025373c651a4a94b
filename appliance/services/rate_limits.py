"""How many messages a tenant may receive in a minute.

Owns the counting, in memory; what is counted and what a refusal looks like is left to the callers.
"""

from __future__ import annotations

import math

from appliance.errors import RateLimited
from appliance.ports.clock import Clock

WINDOW_S = 60


class RateLimiter:
    """Counts by minute of the clock, as ``rate_limit:{tenant}:{minute}`` says in data.md."""

    def __init__(self, *, limit_per_minute: int, clock: Clock) -> None:
        self._limit = limit_per_minute
        self._clock = clock
        self._minute = -1
        self._counts: dict[str, int] = {}

    def spend(self, key: str) -> None:
        """Count one message for ``key``.

        Raises:
            RateLimited: The minute's limit is used up; says when the next minute begins.
        """
        if self._limit == 0:
            return
        now = self._clock.now().timestamp()
        minute = int(now // WINDOW_S)
        if minute != self._minute:
            self._minute = minute
            self._counts.clear()
        used = self._counts.get(key, 0)
        if used >= self._limit:
            raise RateLimited(
                f"More than {self._limit} messages in a minute. Please wait a moment.",
                retry_after_s=math.ceil(WINDOW_S - now % WINDOW_S),
            )
        self._counts[key] = used + 1
