from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.contract.turn_store_contract import OpenedTurnStore, TurnStoreContract
from tests.fakes.postgres_database import open_postgres_database
from tests.fakes.sqlite_database import TemporaryDatabase, open_temporary_database


class TestSqliteTurnStore(TurnStoreContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenedTurnStore]:
        async with open_temporary_database() as temporary:
            yield opened_on(temporary)


class TestPostgresTurnStore(TurnStoreContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenedTurnStore]:
        async with open_postgres_database() as temporary:
            yield opened_on(temporary)


def opened_on(temporary: TemporaryDatabase) -> OpenedTurnStore:
    return OpenedTurnStore(
        store=temporary.database.turn_store,
        clock=temporary.clock,
        tenant_id=temporary.tenant_id,
        other_tenant_id=temporary.other_tenant_id,
        read_usage=temporary.read_usage,
    )
