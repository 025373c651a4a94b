from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from appliance.errors import DataFolderUnusable
from appliance.storage import migrations
from appliance.storage.engine import open_writer
from appliance.storage.postgres.connecting import build_connect
from appliance.storage.postgres.locks import SERVING_LOCK
from appliance.storage.postgres.moving import copy_from_postgres, move_to_postgres
from tests.fakes.postgres_database import empty_postgres


@pytest_asyncio.fixture
async def url() -> AsyncIterator[str]:
    async with empty_postgres() as url:
        yield url


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.sqlite3"
    connection = open_writer(path)
    migrations.upgrade(connection)
    connection.close()
    return path


def ignore(_: int):
    return lambda _: None


async def copy_last(url: str, target: Path) -> int:
    return await asyncio.to_thread(copy_from_postgres, url, target, on_start=ignore, is_last=True)


async def test_a_last_copy_is_refused_while_a_server_serves(url: str, source: Path, tmp_path: Path):
    await asyncio.to_thread(move_to_postgres, source, url, on_start=ignore)
    served = await asyncpg.connect(url)
    await served.execute("SELECT pg_advisory_lock_shared($1)", SERVING_LOCK)
    try:
        with pytest.raises(DataFolderUnusable, match="A server is running on the database"):
            await copy_last(url, tmp_path / "refused")
        assert await asyncio.to_thread(  # a backup may be made at any time
            copy_from_postgres, url, tmp_path / "backup", on_start=ignore
        ) == await asyncio.to_thread(copy_from_postgres, url, tmp_path / "again", on_start=ignore)
    finally:
        await served.close()
    await copy_last(url, tmp_path / "last")


async def test_a_session_of_this_program_without_the_lock_counts_too(
    url: str, source: Path, tmp_path: Path
):
    await asyncio.to_thread(move_to_postgres, source, url, on_start=ignore)
    connected = await build_connect(url)()
    with pytest.raises(DataFolderUnusable, match="is connected to the database"):
        await copy_last(url, tmp_path / "refused")
    soon = asyncio.create_task(copy_last(url, tmp_path / "last"))
    await asyncio.sleep(0.2)
    await connected.close()  # one that ends meanwhile is waited for
    await soon


async def test_nobody_can_serve_until_the_copy_has_ended(url: str, source: Path, tmp_path: Path):
    await asyncio.to_thread(move_to_postgres, source, url, on_start=ignore)
    other = await asyncpg.connect(url)
    loop = asyncio.get_running_loop()
    query = "SELECT pg_try_advisory_lock_shared($1)"
    taken: list[bool] = []

    def look(_: int):
        asked = asyncio.run_coroutine_threadsafe(other.fetchval(query, SERVING_LOCK), loop)
        taken.append(asked.result(5))
        return lambda _: None

    await asyncio.to_thread(copy_from_postgres, url, tmp_path / "last", on_start=look, is_last=True)
    assert taken == [False]
    assert await other.fetchval(query, SERVING_LOCK)
    await other.close()
