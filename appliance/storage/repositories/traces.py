"""Traces of turns in the database.

Owns the rows of ``turn_traces``; their removal is left to retention and erasure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, insert, select

from appliance.domain.ids import ConversationId, MessageId, TenantId
from appliance.domain.trace import StoredTrace, TraceStep
from appliance.storage.tables import conversations, turn_traces
from appliance.storage.transactions import Transactions


class StoredTraces:
    """Implements ``TraceStore``; see there for what each method promises."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def add(self, traces: Sequence[StoredTrace]) -> None:
        """Keep the traces; of a message that was tried again, the last."""
        latest = {trace.message_id: trace for trace in traces}
        theirs = {trace.conversation_id for trace in latest.values()}
        alive = (
            select(conversations.c.id, conversations.c.tenant_id)
            .where(conversations.c.id.in_(theirs))
            .with_for_update(read=True, key_share=True)  # so that none is erased before the insert
        )

        def write(connection: Connection) -> None:
            owners = {row.id: row.tenant_id for row in connection.execute(alive)}
            rows = [
                _build_row(trace)
                for trace in latest.values()
                if owners.get(trace.conversation_id) == trace.tenant_id
            ]
            if rows:
                ids = [row["message_id"] for row in rows]
                connection.execute(delete(turn_traces).where(turn_traces.c.message_id.in_(ids)))
                connection.execute(insert(turn_traces), rows)

        await self._transactions.write(write)

    async def list_traces(self, conversation_id: ConversationId) -> list[StoredTrace]:
        """Return a conversation's traces, oldest first."""
        query = (
            select(turn_traces)
            .where(turn_traces.c.conversation_id == conversation_id)
            .order_by(turn_traces.c.created_at, turn_traces.c.message_id)
        )
        rows = await self._transactions.read(lambda connection: connection.execute(query).all())
        return [_build_trace(row) for row in rows]


def _build_row(trace: StoredTrace) -> dict[str, Any]:
    return {
        "message_id": trace.message_id,
        "tenant_id": trace.tenant_id,
        "conversation_id": trace.conversation_id,
        "created_at": trace.created_at,
        "content": trace.steps,
    }


def _build_trace(row: Row[Any]) -> StoredTrace:
    return StoredTrace(
        tenant_id=TenantId(row.tenant_id),
        conversation_id=ConversationId(row.conversation_id),
        message_id=MessageId(row.message_id),
        created_at=row.created_at,
        steps=msgspec.convert(row.content, tuple[TraceStep, ...]),
    )
