"""Executed tool calls over all conversations, read from the database.

Owns the queries; nothing is written here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, select, tuple_

from appliance.ports.execution_log import ExecutionSearch, LoggedExecution
from appliance.ports.repositories import Page
from appliance.storage.repositories.pages import continue_behind, read_cursor, select_page
from appliance.storage.repositories.rows import columns_for
from appliance.storage.tables import tool_executions
from appliance.storage.transactions import Transactions

PAGE_ROWS: Final = 500

_COLUMNS = columns_for(LoggedExecution, tool_executions)
_ORDER = (tool_executions.c.tenant_id, tool_executions.c.executed_at, tool_executions.c.id)


class StoredExecutions:
    """Implements ``ExecutionLogStore``; see there for what each method promises."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def list_page(
        self, wanted: ExecutionSearch, *, limit: int, cursor: str | None
    ) -> Page[LoggedExecution]:
        """Return executed calls, the newest first."""
        # The index holds all that is looked for; whole rows, which are long, are read of the found
        # alone.
        found = continue_behind(
            select(tool_executions.c.id).where(*_conditions(wanted)),
            tool_executions,
            None if cursor is None else read_cursor(cursor),
            time_column="executed_at",
            is_newest_first=True,
        ).limit(limit + 1)
        query = select(*_COLUMNS).where(tool_executions.c.id.in_(found))
        return await self._transactions.read(
            lambda connection: select_page(
                connection,
                query,
                tool_executions,
                _build,
                limit=limit,
                after=None,
                time_column="executed_at",
                is_newest_first=True,
            )
        )

    async def read_all(self, wanted: ExecutionSearch) -> AsyncIterator[list[LoggedExecution]]:
        """Yield executed calls some at a time, in the order of the index over them."""
        first = select(*_COLUMNS).where(*_conditions(wanted)).order_by(*_ORDER).limit(PAGE_ROWS)
        query = first
        while True:

            def read(connection: Connection, query: Any = query) -> list[LoggedExecution]:
                return [_build(row) for row in connection.execute(query)]

            found = await self._transactions.read(read)
            if found:
                yield found
                last = found[-1]
                query = first.where(tuple_(*_ORDER) > (last.tenant_id, last.executed_at, last.id))
            if len(found) < PAGE_ROWS:
                return


def _build(row: Row[Any]) -> LoggedExecution:
    return LoggedExecution(**row._mapping)


def _conditions(wanted: ExecutionSearch) -> list[ColumnElement[bool]]:
    table = tool_executions.c
    found: list[ColumnElement[bool]] = [
        table[name] == value
        for name in ("tool_name", "conversation_id", "is_success")
        if (value := getattr(wanted, name)) is not None
    ]
    if wanted.tenant_id is not None:
        owner: ColumnElement[str] = table.tenant_id
        if wanted.conversation_id is not None:
            # Not as a bare column: SQLite would walk over all of the tenant's calls.
            owner = owner.concat("")
        found.append(owner == wanted.tenant_id)
    if wanted.since is not None:
        found.append(table.executed_at >= wanted.since)
    if wanted.until is not None:
        found.append(table.executed_at < wanted.until)
    return found
