from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from appliance.domain.ids import TenantId
from tests.contract.data_tables_contract import DataTablesContract, OpenedDataTables
from tests.fakes.clock import SettableClock
from tests.fakes.data_tables import InMemoryDataTables


class TestInMemoryDataTables(DataTablesContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenedDataTables]:
        clock = SettableClock()
        yield OpenedDataTables(
            tables=InMemoryDataTables(clock),
            clock=clock,
            tenant_id=TenantId("one"),
            other_tenant_id=TenantId("two"),
        )
