from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.contract.conversations_contract import OpenedConversations, fill
from tests.contract.executions_contract import ExecutionsContract
from tests.fakes.postgres_database import open_postgres_database
from tests.fakes.sqlite_database import open_temporary_database


class TestSqliteExecutions(ExecutionsContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenedConversations]:
        async with open_temporary_database() as temporary:
            yield await fill(temporary.database, temporary.clock)


class TestPostgresExecutions(ExecutionsContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenedConversations]:
        async with open_postgres_database() as temporary:
            yield await fill(temporary.database, temporary.clock)
