"""The turn store on SQLite: precompiled statements on the one writer thread.

Owns which thread each operation of the port runs on; what a turn writes is in ``turn_begin`` and
``turn_end``. See docs/adr/0003 for why this path does not go through SQLAlchemy.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime

from appliance.domain.conversation import Conversation
from appliance.domain.ids import ConversationId, SessionHash, TenantId
from appliance.domain.message import StoredMessage
from appliance.domain.tool import ToolExecution
from appliance.ports.turn_store import FailedTurn, FinishedTurn, NewTurn, TurnStart
from appliance.storage import turn_begin, turn_end
from appliance.storage.readers import Readers
from appliance.storage.tables.metadata import write_time
from appliance.storage.turn_rows import ConversationRow, ExecutionRow, MessageRow, columns_of
from appliance.storage.writer import Writer

_RENEW_LEASE = """
    UPDATE conversations SET lease_until = ?
    WHERE tenant_id = ? AND id = ? AND fencing_token = ? AND lease_message_id IS NOT NULL
"""

_CLAIM_ACTION = """
    UPDATE conversations SET pending_action = NULL
    WHERE tenant_id = ? AND id = ? AND json_extract(pending_action, '$.id') = ?
"""

_END_CONVERSATION = """
    UPDATE conversations SET status = 'ended', ended_at = ?, pending_action = NULL
    WHERE tenant_id = ? AND session_hash = ? AND status <> 'ended'
"""

_FIND_EXECUTION = f"""
    SELECT {columns_of(ExecutionRow)} FROM tool_executions
    WHERE tenant_id = ? AND conversation_id = ? AND ledger_key = ? AND is_success
"""

_LIST_MESSAGES = f"""
    SELECT {columns_of(MessageRow)} FROM messages
    WHERE tenant_id = ? AND conversation_id = ? ORDER BY seq DESC LIMIT ?
"""


class SqliteTurnStore:
    """Implements ``TurnStore``; see there for what each method promises."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def begin_turn(self, turn: NewTurn) -> TurnStart:
        """Make the visitor's message durable and take the session's lease."""
        return await self._writer.submit(
            lambda connection: turn_begin.begin_turn(connection.raw, turn)
        )

    async def renew_lease(
        self, tenant_id: TenantId, conversation_id: ConversationId, fencing_token: int,
        *, until: datetime,
    ) -> bool:  # fmt: skip
        """Extend the lease; false when another turn has taken it over."""
        values = (write_time(until), tenant_id, conversation_id, fencing_token)
        return await self._writer.submit(
            lambda connection: connection.raw.execute(_RENEW_LEASE, values).rowcount == 1
        )

    async def claim_pending_action(
        self, tenant_id: TenantId, conversation_id: ConversationId, action_id: str
    ) -> bool:
        """Take the waiting action out, so that it runs at most once; false when it is gone."""
        values = (tenant_id, conversation_id, action_id)
        return await self._writer.submit(
            lambda connection: connection.raw.execute(_CLAIM_ACTION, values).rowcount == 1
        )

    async def find_execution(
        self, tenant_id: TenantId, conversation_id: ConversationId, ledger_key: str
    ) -> ToolExecution | None:
        """Return the first successful execution under ``ledger_key``, if any."""
        values = (tenant_id, conversation_id, ledger_key)
        found = await self._readers.submit(
            lambda connection: connection.raw.execute(_FIND_EXECUTION, values).fetchone()
        )
        return None if found is None else ExecutionRow(*found).build()

    async def record_execution(
        self, tenant_id: TenantId, conversation_id: ConversationId, execution: ToolExecution
    ) -> None:
        """Make one execution durable before the turn ends."""
        await self._writer.submit(
            lambda connection: turn_end.insert_execution(
                connection.raw, tenant_id, conversation_id, execution
            )
        )

    async def finish_turn(self, turn: FinishedTurn) -> None:
        """Commit the answer, the executions, the counters and the usage in one transaction."""
        await self._writer.submit(lambda connection: turn_end.finish_turn(connection.raw, turn))

    async def fail_turn(self, turn: FailedTurn) -> None:
        """Mark the visitor's message as failed and free the session."""
        await self._writer.submit(lambda connection: turn_end.fail_turn(connection.raw, turn))

    async def find_conversation(
        self, tenant_id: TenantId, session_hash: SessionHash
    ) -> Conversation | None:
        """Return the tenant's conversation of this session, ended or not."""
        return await self._readers.submit(
            lambda connection: _find_conversation(connection.raw, tenant_id, session_hash)
        )

    async def list_messages(
        self, tenant_id: TenantId, conversation_id: ConversationId, *, limit: int
    ) -> list[StoredMessage]:
        """Return the newest ``limit`` messages, oldest first, tool messages included."""
        values = (tenant_id, conversation_id, limit)
        found = await self._readers.submit(
            lambda connection: connection.raw.execute(_LIST_MESSAGES, values).fetchall()
        )
        return [MessageRow(*row).build() for row in reversed(found)]

    async def end_conversation(
        self, tenant_id: TenantId, session_hash: SessionHash, *, ended_at: datetime
    ) -> Conversation | None:
        """End it, once; return it, or ``None`` when the tenant has no such session."""

        def end(raw: sqlite3.Connection) -> Conversation | None:
            raw.execute(_END_CONVERSATION, (write_time(ended_at), tenant_id, session_hash))
            return _find_conversation(raw, tenant_id, session_hash)

        return await self._writer.submit(lambda connection: end(connection.raw))

    async def fail_unfinished_turns(self, *, failed_at: datetime) -> int:
        """At start: mark every turn a dead process left unfinished as failed; return how many."""
        return await self._writer.submit(
            lambda connection: turn_end.fail_unfinished_turns(connection.raw, failed_at)
        )


def _find_conversation(
    raw: sqlite3.Connection, tenant_id: TenantId, session_hash: SessionHash
) -> Conversation | None:
    found = raw.execute(turn_begin.FIND_CONVERSATION, (tenant_id, session_hash)).fetchone()
    return None if found is None else ConversationRow(*found).build()
