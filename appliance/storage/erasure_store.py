"""Erasing visitors and tenants from the database.

Owns the short transactions of an erasure; which tables there are is left to ``ownership``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    Text,
    Update,
    cast,
    delete,
    literal,
    null,
    select,
    update,
)

from appliance.domain.ids import ConversationId, TenantId
from appliance.errors import NotFound
from appliance.ports.erasure import ErasureStep
from appliance.ports.turn_store import OWNER_GONE
from appliance.storage.backend import Backend
from appliance.storage.ownership import (
    conversation_tables,
    delete_keys,
    find_keys,
    of_tenant,
    tenant_tables,
)
from appliance.storage.retention_store import SUMMED, delete_summed
from appliance.storage.tables import api_keys, audit_log, conversations, tenants, tool_executions

ERASED_SESSION: Final = "erased:"
"""What stands before the id in place of a closed conversation's session hash: no session has it."""

MAX_TRIES: Final = 20
PAUSE_S: Final = 0.05
"""How often, and how long, those who still write of what is closed (a turn's trace comes a little
after its answer) are waited for."""

_Keys = list[tuple[Table, list[tuple[Any, ...]]]]
"""Tables, in the order in which their rows can go, and some of their rows."""

_EraseFound = Callable[[_Keys, Connection], ErasureStep]


class StoredErasure:
    """Implements ``ErasureStore``; see there for what each method promises."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._transactions = backend.transactions

    async def find_tenant_of(self, conversation_id: ConversationId) -> TenantId | None:
        """Return whose conversation it is."""
        query = select(conversations.c.tenant_id).where(conversations.c.id == conversation_id)
        return await self._transactions.read(lambda connection: connection.scalar(query))

    async def close_conversation(
        self, tenant_id: TenantId, conversation_id: ConversationId, *, at: datetime
    ) -> bool:
        """Take the conversation away from its visitor and from a running turn; false if absent."""
        statement = _close(at).where(
            conversations.c.tenant_id == tenant_id, conversations.c.id == conversation_id
        )
        return await self._transactions.write(
            lambda connection: connection.execute(statement).rowcount == 1
        )

    async def close_conversations_of(
        self, tenant_id: TenantId, user_identifier: str, *, at: datetime, limit: int
    ) -> list[ConversationId]:
        """Do so with some conversations of a visitor; empty when there are none."""
        some = (
            select(conversations.c.id)
            .where(
                conversations.c.tenant_id == tenant_id,
                conversations.c.user_identifier == user_identifier,
            )
            .limit(limit)
        )

        def close(connection: Connection) -> list[ConversationId]:
            ids = list(connection.scalars(some))
            if ids:
                connection.execute(_close(at).where(conversations.c.id.in_(ids)))
            return ids

        return await self._transactions.write(close)

    async def erase_conversations(
        self, tenant_id: TenantId, conversation_ids: Sequence[ConversationId], *, limit: int,
        time_zone: str,
    ) -> ErasureStep:  # fmt: skip
        """Erase some rows of closed conversations, at last the conversations themselves."""

        def of(table: Table) -> ColumnElement[bool]:
            # Without the tenant, whose index SQLite would rather walk; the ids are its own.
            return table.c.conversation_id.in_(conversation_ids)

        tables = conversation_tables()

        def erase(found: _Keys, connection: Connection) -> ErasureStep:
            started = time.perf_counter()
            rows: dict[str, int] = {}
            for table, keys in found:
                if table is tool_executions:
                    ids = [key for (key,) in keys]
                    theirs = select(*SUMMED).where(tool_executions.c.id.in_(ids))
                    executions = connection.execute(theirs).all()
                    delete_summed(connection, tenant_id, executions, time_zone)
                    _count(rows, table.name, len(executions))
                else:
                    _count(rows, table.name, delete_keys(connection, table, keys))
            is_done = not rows and not any(
                find_keys(connection, table, of(table), 1) for table in tables
            )
            if is_done:
                statement = delete(conversations).where(conversations.c.id.in_(conversation_ids))
                _count(rows, conversations.name, connection.execute(statement).rowcount)
            return _step(rows, started, is_done=is_done)

        return await self._erase([(table, of(table)) for table in tables], limit, erase)

    async def close_tenant(self, tenant_id: TenantId) -> bool:
        """Switch the tenant off, remove its keys and end its running turns; false if absent."""
        running = (
            update(conversations)
            .where(
                conversations.c.tenant_id == tenant_id,
                conversations.c.lease_message_id.is_not(None),
            )
            .values(
                fencing_token=conversations.c.fencing_token + 1,
                lease_message_id=None,
                lease_until=None,
            )
        )

        def close(connection: Connection) -> bool:
            switch_off = update(tenants).where(tenants.c.id == tenant_id).values(status="inactive")
            is_there = connection.execute(switch_off).rowcount == 1
            connection.execute(delete(api_keys).where(api_keys.c.tenant_id == tenant_id))
            connection.execute(running)
            return is_there

        return await self._transactions.write(close)

    async def erase_tenant(self, tenant_id: TenantId, *, limit: int) -> ErasureStep:
        """Erase some rows of a closed tenant, at last the tenant itself."""
        theirs = [(table, of_tenant(table, tenant_id)) for table, _ in tenant_tables()]

        def erase(found: _Keys, connection: Connection) -> ErasureStep:
            started = time.perf_counter()
            rows: dict[str, int] = {}
            for table, keys in found:
                _count(rows, table.name, delete_keys(connection, table, keys))
            is_done = (
                not rows
                and not any(find_keys(connection, table, their, 1) for table, their in theirs)
                and _strip_audit(connection, tenant_id, limit) < limit
            )
            if is_done:
                statement = delete(tenants).where(tenants.c.id == tenant_id)
                _count(rows, tenants.name, connection.execute(statement).rowcount)
            return _step(rows, started, is_done=is_done)

        return await self._erase(theirs, limit, erase)

    async def _erase(
        self,
        wanted: Sequence[tuple[Table, ColumnElement[bool]]],
        limit: int,
        erase: _EraseFound,
    ) -> ErasureStep:
        """Erase up to ``limit`` rows; found anew when one was referred to in between."""
        for is_last in (*(False,) * (MAX_TRIES - 1), True):
            found = await self._find(wanted, limit)
            try:
                return await self._transactions.write(partial(erase, found))
            except NotFound as error:
                if is_last or error.code != OWNER_GONE:
                    raise
            await asyncio.sleep(PAUSE_S)
        raise AssertionError("unreachable")

    async def _find(self, wanted: Sequence[tuple[Table, ColumnElement[bool]]], limit: int) -> _Keys:
        """Return the keys of up to ``limit`` rows, away from the writer: it may be a long look."""

        def find(connection: Connection) -> _Keys:
            found: _Keys = []
            left = limit
            for table, condition in wanted:
                keys = find_keys(connection, table, condition, left)
                if keys:
                    found.append((table, keys))
                    left -= len(keys)
                if left <= 0:
                    break
            return found

        return await self._transactions.read(find)

    async def scrub(self) -> None:
        """Let nothing of erased rows stay in the database's files, as far as it is up to us."""
        await self._backend.scrub()


def _close(at: datetime) -> Update:
    return update(conversations).values(
        session_hash=literal(ERASED_SESSION) + conversations.c.id,
        status="ended",
        ended_at=at,
        pending_action=null(),
        fencing_token=conversations.c.fencing_token + 1,
        lease_message_id=None,
        lease_until=None,
    )


def _strip_audit(connection: Connection, tenant_id: TenantId, limit: int) -> int:
    """Take what was changed out of up to ``limit`` entries, and return of how many."""
    some = (
        select(audit_log.c.id)
        .where(audit_log.c.tenant_id == tenant_id, cast(audit_log.c.changes, Text) != "{}")
        .limit(limit)
    )
    ids: list[Any] = list(connection.scalars(some))
    if ids:
        connection.execute(update(audit_log).where(audit_log.c.id.in_(ids)).values(changes={}))
    return len(ids)


def _count(rows: dict[str, int], table: str, erased: int) -> None:
    if erased:
        rows[table] = rows.get(table, 0) + erased


def _step(rows: dict[str, int], started: float, *, is_done: bool = False) -> ErasureStep:
    return ErasureStep(rows=rows, held_ms=(time.perf_counter() - started) * 1000, is_done=is_done)
