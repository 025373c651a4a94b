"""A real database and real caches for the services to work on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from appliance.domain.ids import new_id
from appliance.storage.cache import DiskCache
from appliance.storage.redis_cache import RedisCache
from appliance.storage.redis_url import parse_redis_url
from tests.fakes.redis_server import running_redis
from tests.fakes.sqlite_database import TemporaryDatabase, open_temporary_database


@pytest_asyncio.fixture
async def temporary() -> AsyncIterator[TemporaryDatabase]:
    async with open_temporary_database() as opened:
        yield opened


@pytest_asyncio.fixture
async def disk_cache(tmp_path: Path) -> AsyncIterator[DiskCache]:
    cache = DiskCache(tmp_path / "cache")
    yield cache
    await cache.close()


@pytest_asyncio.fixture
async def redis_cache() -> AsyncIterator[RedisCache]:
    cache = RedisCache(parse_redis_url(running_redis().url), namespace=new_id())
    yield cache
    await cache.close()
