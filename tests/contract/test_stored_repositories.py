from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from appliance.storage.database import Database, DatabasePlace
from tests.contract.repositories_contract import OpenedRepositories, RepositoriesContract
from tests.fakes.clock import SettableClock
from tests.fakes.postgres_database import migrated_postgres
from tests.fakes.sqlite_database import make_migrated_file


class TestSqliteRepositories(RepositoriesContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenedRepositories]:
        with tempfile.TemporaryDirectory() as folder:
            path = make_migrated_file(Path(folder) / "db" / "csai.sqlite3")
            async with opened_at(path) as opened:
                yield opened


class TestPostgresRepositories(RepositoriesContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenedRepositories]:
        async with migrated_postgres() as url, opened_at(url) as opened:
            yield opened


@asynccontextmanager
async def opened_at(place: DatabasePlace) -> AsyncIterator[OpenedRepositories]:
    clock = SettableClock()
    with tempfile.TemporaryDirectory() as folder:
        database = await Database.open(place, clock, Path(folder) / "key")
        try:
            yield OpenedRepositories(
                tenants=database.tenants,
                tools=database.tools,
                workflows=database.workflows,
                users=database.users,
                audit=database.audit,
                settings=database.settings,
                clock=clock,
            )
        finally:
            await database.close()
