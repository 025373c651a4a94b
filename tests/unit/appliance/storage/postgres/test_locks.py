from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from appliance.errors import StorageError
from appliance.storage.postgres import locks
from appliance.storage.postgres.locks import SERVING_LOCK, Presence, held, named_lock
from tests.fakes.postgres_database import empty_postgres

END_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest_asyncio.fixture
async def url() -> AsyncIterator[str]:
    async with empty_postgres() as url:
        yield url


async def is_served(connection: Any) -> bool:
    free = await connection.fetchval("SELECT pg_try_advisory_lock($1)", SERVING_LOCK)
    if free:
        await connection.execute("SELECT pg_advisory_unlock($1)", SERVING_LOCK)
    return not free


async def test_one_holds_a_lock_and_it_ends_with_the_work(url: str):
    connect = partial(asyncpg.connect, url)
    lock = named_lock("retention")
    async with held(connect, lock) as first, held(connect, lock) as second:
        assert (first, second) == (True, False)
        async with held(connect, named_lock("backup")) as other:
            assert other
    async with held(connect, lock) as again:
        assert again


async def test_a_lock_without_a_server_is_a_storage_error():
    async def connect() -> Any:
        return await asyncpg.connect("postgresql://csai@127.0.0.1:1/none")

    with pytest.raises(StorageError, match="cannot be reached"):
        async with held(connect, named_lock("retention")):
            pass


async def test_a_server_whose_connection_was_cut_counts_again(
    url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(locks, "RETRY_EVERY_S", 0.02)
    connect = partial(asyncpg.connect, url)
    presence = Presence(connect, await connect())
    async with presence.alone() as is_alone:
        assert is_alone
    watcher = await connect()
    assert await is_served(watcher)
    for _ in range(2):
        await watcher.execute(END_OTHERS)
        async with asyncio.timeout(10):
            while not await is_served(watcher):
                await watcher.execute("SELECT pg_sleep(0.05)")
    await presence.close()
    async with asyncio.timeout(10):
        while await is_served(watcher):
            await watcher.execute("SELECT pg_sleep(0.05)")
    await watcher.close()
