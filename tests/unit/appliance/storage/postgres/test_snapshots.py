from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from appliance.errors import ConfigurationError, DataFolderUnusable, StorageError
from appliance.paths import DataPaths
from appliance.storage import migrations
from appliance.storage.backups.archives import Archives
from appliance.storage.backups.progress import Progress, Stopped
from appliance.storage.backups.recovery import Choices, Restored, install_in_postgres, prepare
from appliance.storage.backups.writing import Contents
from appliance.storage.database import Database
from appliance.storage.key_store import FileKeyStore
from appliance.storage.postgres.moving import holds_installation, move_to_postgres
from appliance.storage.postgres.snapshots import PostgresSource
from tests.fakes.backups import (
    CHEAP_SCRYPT_N,
    PASSPHRASE,
    Installation,
    build_installation,
    execute,
)
from tests.fakes.postgres_database import empty_postgres


@pytest_asyncio.fixture
async def url() -> AsyncIterator[str]:
    async with empty_postgres() as url:
        yield url


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return build_installation(tmp_path / "data")


def ignore(_: int):
    return lambda _: None


async def query(url: str, statement: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(statement)]
    finally:
        await connection.close()


def build_archives(installation: Installation, url: str) -> Archives:
    paths = installation.paths
    return Archives(
        paths.backups,
        work=paths.work,
        contents=Contents(
            source=PostgresSource(url),
            config_file=paths.config_file,
            keys=FileKeyStore(paths.key_file),
            passphrase=PASSPHRASE,
            scrypt_n=CHEAP_SCRYPT_N,
        ),
        clock=installation.clock,
    )


async def fill(url: str, installation: Installation) -> None:
    await asyncio.to_thread(
        move_to_postgres, installation.paths.database, url, on_start=ignore, replaces=True
    )


def restore(installation: Installation, path: Path, url: str) -> Restored:
    choices = Choices(passphrase=PASSPHRASE)
    keys = FileKeyStore(installation.paths.key_file)
    with prepare(path, installation.paths, keys, choices, Progress()) as prepared:
        return install_in_postgres(
            prepared, installation.paths, choices, url=url, at=installation.clock.now()
        )


async def test_a_snapshot_is_one_private_file(url: str, installation: Installation, tmp_path: Path):
    await fill(url, installation)
    source = PostgresSource(url)
    assert await asyncio.to_thread(source.measure) > 1_000_000
    reports: list[tuple[int, int]] = []
    target = tmp_path / "copy"
    await asyncio.to_thread(source.write_snapshot, target, lambda *told: reports.append(told))
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert sorted(os.listdir(tmp_path)) == ["copy", "data"]
    assert execute(target, "SELECT content FROM messages ORDER BY id") == [
        ("words of user",),
        ("words of assistant",),
    ]
    assert reports[-1][0] == reports[-1][1] > 0


async def test_it_can_be_stopped(url: str, installation: Installation, tmp_path: Path):
    await fill(url, installation)

    def stop(_: int, __: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        await asyncio.to_thread(PostgresSource(url).write_snapshot, tmp_path / "copy", stop)


async def test_an_empty_database_is_no_installation(url: str, tmp_path: Path):
    assert not await asyncio.to_thread(holds_installation, url)
    with pytest.raises(ConfigurationError, match="holds nothing"):
        await asyncio.to_thread(
            PostgresSource(url).write_snapshot, tmp_path / "copy", lambda *_: None
        )


async def test_a_backup_goes_from_postgres_to_postgres(url: str, installation: Installation):
    await fill(url, installation)
    archives = build_archives(installation, url)
    made = await asyncio.to_thread(archives.create, "manual")
    assert made.schema == migrations.HEAD
    await query(url, "UPDATE tenants SET name = 'Later'")
    restored = await asyncio.to_thread(restore, installation, archives.find(made.id), url)
    assert await query(url, "SELECT name FROM tenants") == [("Corner Shop",)]
    assert restored.replaced is not None
    kept = Installation(DataPaths(restored.replaced))
    assert kept.execute("SELECT name FROM tenants") == [("Later",)]
    assert list(installation.paths.work.iterdir()) == []


async def test_a_failure_after_the_copy_keeps_the_earlier_content(
    url: str, installation: Installation
):
    await fill(url, installation)
    archives = build_archives(installation, url)
    path = archives.find((await asyncio.to_thread(archives.create, "manual")).id)
    await query(url, "UPDATE tenants SET name = 'Later'")
    (installation.paths.root / "restore.journal.draft").mkdir()
    with pytest.raises(StorageError, match="earlier content is in") as caught:
        await asyncio.to_thread(restore, installation, path, url)
    assert await query(url, "SELECT name FROM tenants") == [("Corner Shop",)]
    (folder,) = installation.paths.root.glob("replaced-*")
    kept = Installation(DataPaths(folder))
    assert repr(str(kept.paths.database)) in caught.value.message
    assert kept.execute("SELECT name FROM tenants") == [("Later",)]
    (installation.paths.root / "restore.journal.draft").rmdir()
    await asyncio.to_thread(restore, installation, path, url)
    assert kept.execute("SELECT name FROM tenants") == [("Later",)]


async def test_an_old_backup_of_sqlite_goes_into_an_empty_postgres(url: str, tmp_path: Path):
    old = build_installation(tmp_path / "old", revision="0001")
    archives = old.archives(PASSPHRASE)
    path = archives.find(archives.create("manual").id)
    restored = await asyncio.to_thread(restore, old, path, url)
    assert restored.replaced is None
    assert await query(url, "SELECT version_num FROM alembic_version") == [(migrations.HEAD,)]
    assert await query(url, "SELECT sum(cost_micro_usd)::bigint FROM api_usage") == [(1234,)]


async def test_a_database_that_is_served_is_left_alone(url: str, installation: Installation):
    await fill(url, installation)
    archives = build_archives(installation, url)
    path = archives.find((await asyncio.to_thread(archives.create, "manual")).id)
    database = await Database.open(url, installation.clock, installation.paths.key_file)
    try:
        await database.recover()
        await query(url, "UPDATE tenants SET name = 'Served'")
        with pytest.raises(DataFolderUnusable, match="A server is running on the database"):
            await asyncio.to_thread(restore, installation, path, url)
    finally:
        await database.close()
    assert await query(url, "SELECT name FROM tenants") == [("Served",)]
    assert not list(installation.paths.root.glob("replaced-*"))
