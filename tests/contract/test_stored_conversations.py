from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from appliance.storage.database import Database, DatabasePlace
from tests.contract.conversations_contract import (
    ConversationsContract,
    OpenedConversations,
    fill,
)
from tests.fakes.clock import SettableClock
from tests.fakes.postgres_database import empty_postgres


class TestSqliteConversations(ConversationsContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenedConversations]:
        with tempfile.TemporaryDirectory() as folder:
            async with opened_at(Path(folder) / "db" / "csai.sqlite3") as opened:
                yield opened


class TestPostgresConversations(ConversationsContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenedConversations]:
        async with empty_postgres() as url, opened_at(url) as opened:
            yield opened


@asynccontextmanager
async def opened_at(place: DatabasePlace) -> AsyncIterator[OpenedConversations]:
    clock = SettableClock()
    with tempfile.TemporaryDirectory() as folder:
        database = await Database.open(place, clock, Path(folder) / "key")
        try:
            yield await fill(database, clock)
        finally:
            await database.close()
