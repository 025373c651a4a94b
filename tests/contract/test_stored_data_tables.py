from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.contract.data_tables_contract import DataTablesContract, OpenedDataTables
from tests.fakes.sqlite_database import open_temporary_database


class TestStoredDataTables(DataTablesContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenedDataTables]:
        async with open_temporary_database() as temporary:
            yield OpenedDataTables(
                tables=temporary.database.data_tables,
                clock=temporary.clock,
                tenant_id=temporary.tenant_id,
                other_tenant_id=temporary.other_tenant_id,
            )
