"""Conversations in a real database, grown turn by turn, and what is left of them.

Owns how turns and rows are made and counted for tests of retention, erasure and exports.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Table, func, insert, select

from appliance.domain.escalation import NewEscalation
from appliance.domain.ids import ConversationId, SessionHash, TenantId, hash_token
from appliance.domain.message import ChatReply
from appliance.domain.tool import ToolExecution
from appliance.ports.archive import Archive
from appliance.ports.turn_store import TurnAccepted
from appliance.services.cached_copies import CachedCopies
from appliance.services.pace import Pace
from appliance.services.retention import RetentionDefaults, RetentionService
from appliance.storage.cache import DiskCache
from appliance.storage.tables import api_usage, messages, tool_executions, tool_usage, turn_traces
from tests.contract.test_stored_turn_store import opened_on
from tests.contract.turn_store_contract import OpenedTurnStore, build_execution
from tests.fakes.clock import SettableClock
from tests.fakes.postgres_database import open_postgres_database
from tests.fakes.sqlite_database import TemporaryDatabase, open_temporary_database

DAY_S = 86_400.0
DATABASES: dict[str, Callable[[], AbstractAsyncContextManager[TemporaryDatabase]]] = {
    "sqlite": open_temporary_database,
    "postgres": open_postgres_database,
}


class SteadyPace(Pace):
    """Steps of one size, without rest, so that a slow machine changes nothing."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.rows = rows

    async def rest(
        self, rows: int, held_ms: float, *, took_ms: float | None = None, writes: int = 1
    ) -> None:
        await asyncio.sleep(0)


@dataclass
class StoredHistory:
    """A database with two tenants, its turns and a service that deletes old ones."""

    temporary: TemporaryDatabase
    cache: DiskCache = field(init=False)

    def __post_init__(self) -> None:
        self.cache = DiskCache(self.temporary.folder / "cache")

    @property
    def clock(self) -> SettableClock:
        return self.temporary.clock

    @property
    def opened(self) -> OpenedTurnStore:
        return opened_on(self.temporary)

    @property
    def tenant_id(self) -> TenantId:
        return self.temporary.tenant_id

    @property
    def other_tenant_id(self) -> TenantId:
        return self.temporary.other_tenant_id

    @property
    def database_file(self) -> Path:
        return self.temporary.folder / "database" / "csai.sqlite3"

    def pass_days(self, days: float) -> None:
        """Let some days go by."""
        self.clock.advance(days * DAY_S)

    async def ask(
        self, session: str, text: str = "Hello", *, tenant_id: TenantId | None = None, **more: Any
    ) -> TurnAccepted:
        """Begin a turn of a session, which is made when it is new."""
        self.clock.advance(1)
        tenant_id = tenant_id or self.tenant_id
        known = await self.opened.store.find_conversation(
            tenant_id, SessionHash(hash_token(session))
        )
        return await self.opened.begin(
            text,
            session=session if known else None,
            new_session=session,
            tenant_id=tenant_id,
            **more,
        )

    async def talk(
        self,
        session: str,
        text: str = "Hello",
        answer: str = "Soon.",
        *,
        tools: int = 0,
        tenant_id: TenantId | None = None,
        usage: Any = None,
        **more: Any,
    ) -> ChatReply:
        """Carry out a whole turn with some executed tools."""
        accepted = await self.ask(session, text, tenant_id=tenant_id, **more)
        extra = {} if usage is None else {"usage": usage}
        return await self.opened.finish(
            accepted, answer, executions=self.build_executions(accepted, tools), **extra
        )

    async def remark(self, session: str, *, tenant_id: TenantId | None = None, **more: Any) -> None:
        """Carry out a turn that leaves a trace, an escalation with two notices, and a rating."""
        tenant_id = tenant_id or self.tenant_id
        database, now = self.temporary.database, self.clock.now()
        accepted = await self.ask(session, tenant_id=tenant_id, **more)
        wish = NewEscalation(cause="visitor", reason="Broken", notices=("email", "webhook"))
        await self.opened.finish(accepted, escalation=wish)
        await database.feedback.put(
            tenant_id, accepted.conversation.id, message_id=None, rating=4, comment="Fine", at=now
        )
        trace = insert(turn_traces).values(
            message_id=accepted.user_message_id,
            tenant_id=tenant_id,
            conversation_id=accepted.conversation.id,
            created_at=now,
            content=[],
        )
        transactions = database.backend.transactions
        await transactions.write(lambda connection: connection.execute(trace))

    def build_executions(self, accepted: TurnAccepted, count: int) -> list[ToolExecution]:
        """Return executions, every third of which failed."""
        return [
            build_execution(
                self.clock,
                call_id=f"call_{accepted.user_message_id}_{number}",
                ledger_key=None,
                is_success=number % 3 != 2,
            )
            for number in range(count)
        ]

    def build_retention(
        self,
        archive: Archive | None = None,
        *,
        message_days: int = 30,
        tool_execution_days: int = 90,
        rows: int = 7,
        pace: Pace | None = None,
    ) -> RetentionService:
        """Return a service that deletes in steps of about ``rows``, or at ``pace``."""

        database = self.temporary.database
        return RetentionService(
            store=database.retention,
            tenants=database.tenants,
            archive=archive,
            copies=CachedCopies(self.cache),
            defaults=RetentionDefaults(
                message_days=message_days, tool_execution_days=tool_execution_days
            ),
            clock=self.clock,
            build_pace=lambda: pace or SteadyPace(rows),
        )

    async def conversation_id(self, session: str) -> ConversationId:
        """Return the id of a session's conversation."""
        return (await self.opened.conversation(session)).id

    async def count(self, table: Table, tenant_id: TenantId | None = None) -> int:
        """Return how many rows a tenant has in a table."""
        query = select(func.count()).select_from(table)
        if tenant_id is not None:
            query = query.where(table.c.tenant_id == tenant_id)
        return await self._read(query)

    async def list_message_ids(self) -> set[str]:
        """Return the ids of all stored messages."""
        return {row.id for row in await self.rows(messages)}

    async def rows(self, table: Table) -> list[Any]:
        """Return all rows of a table in the order of its key."""
        query = select(table).order_by(*table.primary_key.columns)
        transactions = self.temporary.database.backend.transactions
        return await transactions.read(lambda connection: list(connection.execute(query)))

    async def sum_tools(self) -> dict[tuple[str, str], tuple[int, int, int]]:
        """Return calls, failures and time by tenant and tool, of rows and of daily sums."""
        sums: dict[tuple[str, str], tuple[int, int, int]] = {}

        def add(key: tuple[str, str], *values: int) -> None:
            before = sums.get(key, (0, 0, 0))
            sums[key] = (before[0] + values[0], before[1] + values[1], before[2] + values[2])

        for row in await self.rows(tool_executions):
            add((row.tenant_id, row.tool_name), 1, int(not row.is_success), row.execution_time_ms)
        for row in await self.rows(tool_usage):
            add((row.tenant_id, row.tool_name), row.calls, row.failures, row.execution_time_ms)
        return sums

    async def list_usage(self) -> list[tuple[Any, ...]]:
        """Return all rows of usage."""
        return [tuple(row) for row in await self.rows(api_usage)]

    async def _read(self, query: Any) -> int:
        transactions = self.temporary.database.backend.transactions
        found: int = await transactions.read(
            lambda connection: connection.execute(query).scalar_one()
        )
        return found


@asynccontextmanager
async def open_history(kind: str = "sqlite") -> AsyncIterator[StoredHistory]:
    """Open an empty database of a kind with two tenants."""
    async with DATABASES[kind]() as temporary:
        history = StoredHistory(temporary)
        try:
            yield history
        finally:
            await history.cache.close()
