"""How many messages a tenant may receive in a minute.

Owns the counting: in memory, and in the cache so that a restart does not begin anew; with a cache
that several servers share, what they count together. What a refusal looks like is left to the
callers.
"""

from __future__ import annotations

import asyncio
import math

from appliance.domain.ids import TenantId
from appliance.errors import RateLimited
from appliance.ports.cache import Cache
from appliance.ports.clock import Clock
from appliance.services.cache_roles import RATE_LIMIT_TTL_S, rate_limit_key
from appliance.tasks import TaskGroup

WINDOW_S = 60
WRITE_EVERY_S = 0.1


class RateLimiter:
    """Counts by minute of the clock, as ``rate_limit:{tenant}:{minute}`` says in data.md.

    A shared cache is asked for every message, and the count in memory goes on by itself while it
    cannot be used. A cache of one's own is written behind, ten times a second at most, and read
    in the minute of the start only: it cannot hold another minute's counts.
    """

    def __init__(
        self, *, limit_per_minute: int, clock: Clock, cache: Cache, tasks: TaskGroup
    ) -> None:
        self._limit = limit_per_minute
        self._clock = clock
        self._cache = cache
        self._tasks = tasks
        self._minute = self._first_minute = _minute_of(clock.now().timestamp())
        self._accepted: dict[TenantId, int] = {}
        self._used_up: set[TenantId] = set()
        self._loaded: set[TenantId] = set()
        self._unwritten: set[TenantId] = set()
        self._is_writing = False

    async def spend(self, tenant_id: TenantId) -> None:
        """Count one message for the tenant.

        Raises:
            RateLimited: The minute's limit is used up; says when the next minute begins.
        """
        if self._limit == 0:
            return
        now = self._clock.now().timestamp()
        minute = _minute_of(now)
        if minute != self._minute:
            self._begin(minute)
        if tenant_id in self._used_up or not await self._count(tenant_id, minute):
            if minute == self._minute:
                self._used_up.add(tenant_id)
            raise RateLimited(
                f"More than {self._limit} messages in a minute. Please wait a moment.",
                retry_after_s=math.ceil(WINDOW_S - now % WINDOW_S),
            )

    def _begin(self, minute: int) -> None:
        self._minute = minute
        for known in (self._accepted, self._used_up, self._loaded, self._unwritten):
            known.clear()

    async def _count(self, tenant_id: TenantId, minute: int) -> bool:
        """Count the message unless that would be one too many."""
        together = 0
        if self._cache.is_shared:
            key = rate_limit_key(tenant_id, minute)
            together = await self._cache.increment(key, ttl_s=RATE_LIMIT_TTL_S)
        elif minute == self._first_minute and tenant_id not in self._loaded:
            await self._load(tenant_id, minute)
        accepted = self._accepted.get(tenant_id, 0) + 1
        if max(accepted, together) > self._limit:
            return False
        if minute == self._minute:
            self._accepted[tenant_id] = accepted
            if not self._cache.is_shared:
                self._write_soon(tenant_id)
        return True

    async def _load(self, tenant_id: TenantId, minute: int) -> None:
        """Go on from what was counted before the start."""
        earlier = await self._cache.get(rate_limit_key(tenant_id, minute))
        if minute == self._minute and tenant_id not in self._loaded:
            self._loaded.add(tenant_id)
            self._accepted[tenant_id] = earlier if isinstance(earlier, int) else 0

    def _write_soon(self, tenant_id: TenantId) -> None:
        self._unwritten.add(tenant_id)
        if not self._is_writing:
            self._is_writing = True
            self._tasks.start(self._write_behind(), name="write-rate-limits")

    async def _write_behind(self) -> None:
        try:
            while self._unwritten:
                counts = [(known, self._accepted[known]) for known in self._unwritten]
                self._unwritten.clear()
                minute = self._minute
                for tenant_id, count in counts:
                    key = rate_limit_key(tenant_id, minute)
                    await self._cache.set(key, count, ttl_s=RATE_LIMIT_TTL_S)
                await asyncio.sleep(WRITE_EVERY_S)
        finally:
            self._is_writing = False


def _minute_of(timestamp: float) -> int:
    return int(timestamp // WINDOW_S)
