from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.contract.data_tables_contract import DataTablesContract, OpenedDataTables
from tests.fakes.postgres_database import open_postgres_database
from tests.fakes.sqlite_database import TemporaryDatabase, open_temporary_database


class TestSqliteDataTables(DataTablesContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenedDataTables]:
        async with open_temporary_database() as temporary:
            yield opened_on(temporary)


class TestPostgresDataTables(DataTablesContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenedDataTables]:
        async with open_postgres_database() as temporary:
            yield opened_on(temporary)


def opened_on(temporary: TemporaryDatabase) -> OpenedDataTables:
    return OpenedDataTables(
        tables=temporary.database.data_tables,
        clock=temporary.clock,
        tenant_id=temporary.tenant_id,
        other_tenant_id=temporary.other_tenant_id,
    )
