from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from appliance.domain.ids import TenantId
from appliance.errors import RateLimited
from appliance.ports.cache import Cache
from appliance.services.cache_roles import rate_limit_key
from appliance.services.rate_limits import RateLimiter
from appliance.storage.cache import DiskCache
from appliance.storage.redis_cache import RedisCache
from appliance.storage.redis_url import parse_redis_url
from appliance.tasks import TaskGroup
from tests.fakes.clock import SettableClock
from tests.fakes.redis_server import RedisServer

A, B = TenantId("tenant-a"), TenantId("tenant-b")


class Servers:
    """Rate limiters of servers that serve the same tenants, on one clock."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self.clock = SettableClock()  # at a full minute
        self.tasks = TaskGroup()

    def start(self, limit: int, cache: Cache | None = None) -> RateLimiter:
        return RateLimiter(
            limit_per_minute=limit, clock=self.clock, cache=cache or self.cache, tasks=self.tasks
        )

    async def stop(self) -> None:
        """End as a server ends: what runs in the background gets a moment."""
        await self.tasks.drain(timeout_s=5)


@pytest_asyncio.fixture(params=["own cache", "shared cache"])
async def servers(
    disk_cache: DiskCache, redis_cache: RedisCache, request: pytest.FixtureRequest
) -> AsyncIterator[Servers]:
    servers = Servers(disk_cache if request.param == "own cache" else redis_cache)
    yield servers
    await servers.stop()


async def spend(limiter: RateLimiter, key: TenantId, count: int) -> int:
    """Send so many messages at once; return how many were accepted."""
    results = await asyncio.gather(
        *(limiter.spend(key) for _ in range(count)), return_exceptions=True
    )
    assert all(result is None or isinstance(result, RateLimited) for result in results)
    return results.count(None)


async def test_the_limit_is_exact_and_says_when_to_come_back(servers: Servers):
    limiter = servers.start(60)
    servers.clock.advance(12.5)
    assert await spend(limiter, A, 60) == 60
    with pytest.raises(RateLimited) as caught:
        await limiter.spend(A)
    assert caught.value.retry_after_s == 48
    servers.clock.advance(48)
    await limiter.spend(A)


async def test_the_limit_is_exact_when_all_come_at_once(servers: Servers):
    assert await spend(servers.start(60), A, 200) == 60


@pytest.mark.parametrize("second", [0.0, 0.25, 30.0, 59.0, 59.75])
async def test_who_waits_as_told_is_served(servers: Servers, second: float):
    limiter = servers.start(1)
    servers.clock.advance(second)
    await limiter.spend(A)
    with pytest.raises(RateLimited) as caught:
        await limiter.spend(A)
    servers.clock.advance(caught.value.retry_after_s)
    await limiter.spend(A)


async def test_one_tenants_messages_are_not_anothers(servers: Servers):
    limiter = servers.start(2)
    assert await spend(limiter, A, 2) == await spend(limiter, B, 2) == 2
    assert await spend(limiter, A, 1) == 0


async def test_refused_messages_do_not_count_in_the_next_minute(servers: Servers):
    limiter = servers.start(1)
    assert await spend(limiter, A, 100) == 1
    servers.clock.advance(60)
    assert await spend(limiter, A, 100) == 1


async def test_zero_is_no_limit(servers: Servers):
    assert await spend(servers.start(0), A, 10_000) == 10_000


async def test_a_clock_that_was_set_back_locks_nobody_out(servers: Servers):
    limiter = servers.start(1)
    await limiter.spend(A)
    servers.clock.advance(-86_400)
    await limiter.spend(A)


async def test_old_counts_are_not_kept(servers: Servers):
    limiter = servers.start(1)
    for number in range(500):
        await limiter.spend(TenantId(str(number)))
    servers.clock.advance(60)
    await limiter.spend(A)
    assert limiter._accepted == {A: 1}


async def test_a_restart_does_not_begin_anew(servers: Servers):
    assert await spend(servers.start(10), A, 7) == 7
    await servers.stop()
    again = servers.start(10)
    assert await spend(again, A, 10) == 3
    assert await spend(again, B, 10) == 10
    servers.clock.advance(60)
    assert await spend(again, A, 20) == 10


async def test_a_used_up_limit_stays_used_up_over_a_restart(servers: Servers):
    await spend(servers.start(3), A, 5)
    await servers.stop()
    assert await spend(servers.start(3), A, 5) == 0


async def test_a_forgotten_count_begins_anew(servers: Servers):
    await spend(servers.start(3), A, 5)
    await servers.stop()
    await servers.cache.delete_prefix(f"{A}:")
    assert await spend(servers.start(3), A, 5) == 3


async def test_a_foreign_value_is_no_count(servers: Servers):
    minute = int(servers.clock.now().timestamp() // 60)
    await servers.cache.set(rate_limit_key(A, minute), "many", ttl_s=60)
    assert await spend(servers.start(3), A, 5) == 3


async def test_a_cache_of_ones_own_does_not_delay_visitors(disk_cache: DiskCache):
    """After the first message of the start no message waits for anything."""
    servers = Servers(disk_cache)
    limiter = servers.start(100)
    await limiter.spend(A)
    for _ in range(50):
        spending = limiter.spend(A)
        with pytest.raises(StopIteration):
            spending.send(None)
    await servers.stop()
    minute = int(servers.clock.now().timestamp() // 60)
    assert await disk_cache.get(rate_limit_key(A, minute)) == 51


async def test_servers_that_share_a_cache_count_together(redis_cache: RedisCache):
    servers = Servers(redis_cache)
    first, second = servers.start(50), servers.start(50)
    accepted = await asyncio.gather(*(spend(one, A, 40) for one in (first, second)))
    assert sum(accepted) == 50
    assert await spend(first, A, 1) == await spend(second, A, 1) == 0
    servers.clock.advance(60)
    assert await spend(second, A, 40) + await spend(first, A, 40) == 50


async def test_without_the_shared_cache_each_server_counts_on_alone():
    server = RedisServer()
    cache = RedisCache(parse_redis_url(server.url), namespace="alone")
    try:
        servers = Servers(cache)
        limiter = servers.start(10)
        assert await spend(limiter, A, 6) == 6
        server.kill()
        assert await spend(limiter, A, 3) == 3
        server.start()
        await cache.health()
        assert await spend(limiter, A, 5) == 1
    finally:
        await cache.close()
        server.stop()
