from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import pytest

from appliance.ports.cache import Cache
from appliance.storage import redis_cache
from appliance.storage.cache import DiskCache
from appliance.storage.redis_cache import RedisCache
from appliance.storage.redis_url import parse_redis_url
from tests.contract.cache_contract import CacheContract
from tests.fakes.redis_server import running_redis

_numbers = count(1)


class TestDiskCache(CacheContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[Cache]:
        with tempfile.TemporaryDirectory() as folder:
            cache = DiskCache(Path(folder) / "cache")
            try:
                yield cache
            finally:
                await cache.close()


class TestRedisCache(CacheContract):
    @pytest.fixture(autouse=True)
    def _on_a_busy_machine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """An answer that comes late is a miss; that is tried elsewhere."""
        monkeypatch.setattr(redis_cache, "DEADLINE_S", 20.0)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Cache]:
        address = parse_redis_url(running_redis().url)
        cache = RedisCache(address, namespace=f"contract-{next(_numbers)}")
        try:
            yield cache
        finally:
            await cache.close()
