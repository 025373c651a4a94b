"""Reading all rows of a tenant or a visitor, a page at a time.

Owns which columns may leave the database; the form of an export is left to
``appliance.services.exports``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Connection, Table, select, tuple_

from appliance.domain.ids import ConversationId, TenantId
from appliance.domain.json_types import JsonObject
from appliance.ports.exports import ConversationFilter
from appliance.redaction import redact
from appliance.storage.ownership import of_tenant, tenant_tables
from appliance.storage.tables import (
    conversations,
    escalations,
    feedback,
    messages,
    pending_archives,
    refresh_tokens,
    tenants,
    tool_executions,
)
from appliance.storage.transactions import Transactions

PAGE_ROWS: Final = 500

_UNTOLD: Final = frozenset({pending_archives.name, refresh_tokens.name})
"""Tables of no use to anybody but this program."""

_UNTOLD_COLUMNS: Final = frozenset(
    {"fencing_token", "lease_message_id", "lease_until", "ledger_key", "folded_username"}
)

_MASKED: Final = frozenset(
    {
        *("integration_calls", "integration_endpoints", "integrations", "outbox"),
        *("tenant_tools", "tenants", "tool_executions", "turn_traces"),
    }
)
"""Tables where somebody may have written a secret into a setting, an address or a parameter.

Of messages, those are masked that are a tool's results: what people and models said stays.
"""


def is_told(column: Column[Any]) -> bool:
    """Say whether a column may leave the database: no secret, no hash, no inner state."""
    name = column.name
    return not (
        name in _UNTOLD_COLUMNS
        or name.endswith("_hash")
        or name.startswith(("encrypted_", "wrapped_"))
    )


def told_columns(table: Table) -> list[Column[Any]]:
    """Return the columns of an export of ``table``."""
    return [column for column in table.c if is_told(column)]


class StoredExports:
    """Implements ``ExportStore``; see there for what each method promises."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        found = {table.name: table for table, _ in reversed(tenant_tables())}
        self._tables = {tenants.name: tenants, **found}
        for name in _UNTOLD:
            del self._tables[name]

    def table_names(self) -> Sequence[str]:
        """Return the tables that a tenant's export has, the tenant's own first."""
        return tuple(self._tables)

    def read_table(self, table: str, tenant_id: TenantId) -> AsyncIterator[list[JsonObject]]:
        """Yield the tenant's rows of a table."""
        found = self._tables[table]
        condition = found.c.id == tenant_id if found is tenants else of_tenant(found, tenant_id)
        return self._read(found, [condition], list(found.primary_key.columns))

    def read_conversations(self, wanted: ConversationFilter) -> AsyncIterator[list[JsonObject]]:
        """Yield conversations, oldest first."""
        conditions: list[ColumnElement[bool]] = []
        if wanted.tenant_id is not None:
            conditions.append(conversations.c.tenant_id == wanted.tenant_id)
        if wanted.user_identifier is not None:
            conditions.append(conversations.c.user_identifier == wanted.user_identifier)
        if wanted.since is not None:
            conditions.append(conversations.c.started_at >= wanted.since)
        if wanted.until is not None:
            conditions.append(conversations.c.started_at < wanted.until)
        return self._read(
            conversations, conditions, [conversations.c.started_at, conversations.c.id]
        )

    def read_messages(
        self, tenant_id: TenantId, conversation_id: ConversationId
    ) -> AsyncIterator[list[JsonObject]]:
        """Yield a conversation's messages in their order."""
        conditions = [
            messages.c.conversation_id == conversation_id,
            messages.c.tenant_id == tenant_id,
        ]
        return self._read(messages, conditions, [messages.c.seq])

    def read_executions(
        self, tenant_id: TenantId, conversation_id: ConversationId
    ) -> AsyncIterator[list[JsonObject]]:
        """Yield a conversation's executed tools in their order."""
        conditions = [
            tool_executions.c.conversation_id == conversation_id,
            tool_executions.c.tenant_id == tenant_id,
        ]
        # By the call's id, which the conversation's index has; a conversation has few.
        return self._read(tool_executions, conditions, [tool_executions.c.call_id])

    def read_escalations(
        self, tenant_id: TenantId, conversation_id: ConversationId
    ) -> AsyncIterator[list[JsonObject]]:
        """Yield a conversation's escalations in their order."""
        return self._read_of(escalations, tenant_id, conversation_id)

    def read_feedback(
        self, tenant_id: TenantId, conversation_id: ConversationId
    ) -> AsyncIterator[list[JsonObject]]:
        """Yield the ratings of a conversation and its answers."""
        return self._read_of(feedback, tenant_id, conversation_id)

    def _read_of(
        self, table: Table, tenant_id: TenantId, conversation_id: ConversationId
    ) -> AsyncIterator[list[JsonObject]]:
        conditions = [
            table.c.conversation_id == conversation_id,
            table.c.tenant_id == tenant_id,
        ]
        return self._read(table, conditions, [table.c.id])

    async def _read(
        self,
        table: Table,
        conditions: Sequence[ColumnElement[bool]],
        order: Sequence[Column[Any]],
    ) -> AsyncIterator[list[JsonObject]]:
        """Yield pages behind each other; ``order`` is unique and never null."""
        told = told_columns(table)
        query = select(*told, *(column.label(f"_{column.name}") for column in order))
        query = query.where(*conditions).order_by(*order).limit(PAGE_ROWS)
        after: tuple[Any, ...] | None = None
        while True:
            page = query
            if after is not None:
                place = order[0] if len(order) == 1 else tuple_(*order)
                page = query.where(place > (after[0] if len(order) == 1 else after))

            def read(connection: Connection, page: Any = page) -> list[Any]:
                return list(connection.execute(page).all())

            rows = await self._transactions.read(read)
            if rows:
                yield [_build(told, row, is_masked=table.name in _MASKED) for row in rows]
                after = tuple(rows[-1][len(told) :])
            if len(rows) < PAGE_ROWS:
                return


def _build(told: Sequence[Column[Any]], row: Sequence[Any], *, is_masked: bool) -> JsonObject:
    built = {column.name: value for column, value in zip(told, row, strict=False)}
    if not is_masked and built.get("role") != "tool":
        return built
    return {
        name: redact(value) if isinstance(value, str | dict | list) else value
        for name, value in built.items()
    }
