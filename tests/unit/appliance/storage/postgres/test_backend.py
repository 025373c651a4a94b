from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from appliance.errors import ConfigurationError, StorageError
from appliance.storage import migrations
from appliance.storage.postgres import PostgresBackend
from tests.fakes.postgres_database import empty_postgres
from tests.fakes.postgres_server import running_postgres


@pytest_asyncio.fixture
async def url() -> AsyncIterator[str]:
    async with empty_postgres() as url:
        yield url


async def test_the_first_server_is_alone_and_a_second_one_is_not(url: str):
    first = await PostgresBackend.open(url)
    async with first.alone() as is_alone:
        assert is_alone
    second = await PostgresBackend.open(url)
    async with second.alone() as is_alone:
        assert not is_alone
    await first.close()
    third = await PostgresBackend.open(url)
    async with third.alone() as is_alone:
        assert not is_alone
    await third.close()
    await second.close()
    last = await PostgresBackend.open(url)
    async with last.alone() as is_alone:
        assert is_alone
    await last.close()


async def test_servers_start_one_after_the_other(url: str, monkeypatch: pytest.MonkeyPatch):
    first, second = await PostgresBackend.open(url), await PostgresBackend.open(url)
    order: list[str] = []

    async def start(backend: PostgresBackend, name: str) -> None:
        async with backend.starting():
            order.append(f"{name} begins")
            await asyncio.sleep(0.2)
            order.append(f"{name} ends")

    await asyncio.gather(start(first, "one"), start(second, "two"))
    assert order in (
        ["one begins", "one ends", "two begins", "two ends"],
        ["two begins", "two ends", "one begins", "one ends"],
    )
    monkeypatch.setattr("appliance.storage.postgres.backend.START_TRIES", 3)
    async with first.starting():
        with pytest.raises(StorageError, match="too long"):
            async with second.starting():
                pass
    await first.close()
    await second.close()


async def test_servers_that_start_at_once_migrate_once(url: str):
    backends = await asyncio.gather(*(PostgresBackend.open(url) for _ in range(4)))
    for backend in backends:
        await backend.health()
        await backend.close()


async def test_another_programs_database_is_refused_unchanged(url: str):
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE customers (id int)")
    with pytest.raises(ConfigurationError) as refused:
        await PostgresBackend.open(url)
    assert refused.value.code == "database_foreign"
    tables = await connection.fetch(
        "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
    )
    assert [row[0] for row in tables] == ["customers"]
    await connection.close()


async def test_a_newer_schema_is_refused_unchanged(url: str):
    await (await PostgresBackend.open(url)).close()
    connection = await asyncpg.connect(url)
    await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigurationError) as refused:
        await PostgresBackend.open(url)
    assert refused.value.code == "schema_too_new"
    await connection.close()


async def test_an_upgrade_that_is_stopped_changes_nothing(url: str):
    asked: list[str] = []

    def refuse(_: object, revision: str) -> None:
        asked.append(revision)
        raise ConfigurationError("no room for a backup")

    await (await PostgresBackend.open(url, before_upgrade=refuse)).close()
    assert asked == []  # there was nothing to lose
    connection = await asyncpg.connect(url)
    await connection.execute("DROP TABLE alembic_version")
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname='public'")
    for row in tables:
        await connection.execute(f'DROP TABLE "{row[0]}" CASCADE')
    await migrate_to(url, "0001")
    with pytest.raises(ConfigurationError, match="no room"):
        await PostgresBackend.open(url, before_upgrade=refuse)
    assert asked == ["0001"]
    assert await connection.fetchval("SELECT version_num FROM alembic_version") == "0001"
    await (await PostgresBackend.open(url)).close()
    version = await connection.fetchval("SELECT version_num FROM alembic_version")
    assert version == migrations.HEAD
    await connection.close()


@pytest.mark.parametrize(
    ("database", "remedy"), [("nowhere", "createdb"), ("postgres?sslmode=require", "cannot be")]
)
async def test_a_database_that_cannot_be_entered_says_why(database: str, remedy: str):
    with pytest.raises(ConfigurationError, match=remedy):
        await PostgresBackend.open(running_postgres().url(database))


async def test_a_server_that_is_not_there_says_so():
    with pytest.raises(ConfigurationError, match="nothing answers"):
        await PostgresBackend.open("postgresql://bob:s3cret@127.0.0.1:1/csai")


async def test_health_tells_of_a_database_that_went_away(url: str):
    backend = await PostgresBackend.open(url)
    await backend.health()
    await running_postgres().drop_database(url)
    with pytest.raises(StorageError):
        await backend.health()
    await backend.close()
    name = url.rpartition("/")[2]
    await running_postgres().execute(f"CREATE DATABASE {name}")


async def migrate_to(url: str, revision: str) -> None:
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url)
    )
    async with engine.begin() as connection:
        await connection.run_sync(lambda sync: migrations.run(sync, revision))
    await engine.dispose()
