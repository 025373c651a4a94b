"""The turn store, on SQLite and on Postgres.

Owns which statements each operation of the port runs and which of them may share a snapshot; what a
turn writes is in ``turn_begin`` and ``turn_end``, who runs statements is left to ``Scripts``. See
docs/adr/0003 for why this path does not go through SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

from appliance.domain.conversation import Conversation, PendingAction
from appliance.domain.ids import ConversationId, SessionHash, TenantId
from appliance.domain.message import StoredMessage
from appliance.domain.tool import ToolExecution
from appliance.ports.turn_store import (
    FailedTurn,
    FinishedTurn,
    NewTurn,
    TurnStart,
    WrittenTools,
)
from appliance.storage import turn_begin, turn_end
from appliance.storage.readers import Readers
from appliance.storage.statements import Script, build_statement, run_on_sqlite
from appliance.storage.turn_rows import (
    ConversationRow,
    ExecutionRow,
    MessageRow,
    columns_of,
    write_optional,
)
from appliance.storage.writer import Writer

Result = TypeVar("Result")

_RENEW_LEASE = build_statement("""
    UPDATE conversations SET lease_until = ?4
    WHERE tenant_id = ?1 AND id = ?2 AND fencing_token = ?3 AND lease_message_id IS NOT NULL
    RETURNING id
""")

_CLAIM_ACTION = build_statement("""
    UPDATE conversations SET pending_action = ?4
    WHERE tenant_id = ?1 AND id = ?2 AND pending_action ->> 'id' = ?3
        AND pending_action ->> 'decision' IS NULL
    RETURNING id
""")

_END_CONVERSATION = build_statement("""
    UPDATE conversations SET status = 'ended', ended_at = ?3, pending_action = NULL
    WHERE tenant_id = ?1 AND session_hash = ?2 AND status <> 'ended'
""")

_LIST_EXECUTIONS = build_statement(f"""
    SELECT {columns_of(ExecutionRow)} FROM tool_executions
    WHERE tenant_id = ?1 AND conversation_id = ?2 AND ledger_key = ?3
    ORDER BY executed_at, call_id
""")

_LIST_WRITES = build_statement("""
    SELECT DISTINCT tool_name, is_success FROM tool_executions
    WHERE tenant_id = ?1 AND conversation_id = ?2 AND ledger_key IS NOT NULL
        AND (is_success OR failure = 'unknown')
""")

_LIST_MESSAGES = build_statement(f"""
    SELECT {columns_of(MessageRow)} FROM messages
    WHERE tenant_id = ?1 AND conversation_id = ?2 ORDER BY seq DESC LIMIT ?3
""")


class Scripts(Protocol):
    """Carries out scripts, each made anew for every try.

    Raises ``StorageError`` when the database cannot be used.
    """

    async def read(self, build: Callable[[], Script[Result]]) -> Result:
        """Run a script of one reading statement on what is committed."""
        ...

    async def write(self, build: Callable[[], Script[Result]]) -> Result:
        """Run a script in a transaction of its own and commit; shielded from cancellation."""
        ...


class StoredTurnStore:
    """Implements ``TurnStore``; see there for what each method promises."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def begin_turn(self, turn: NewTurn) -> TurnStart:
        """Make the visitor's message durable and take the session's lease."""
        return await self._scripts.write(lambda: turn_begin.begin_turn(turn))

    async def renew_lease(
        self, tenant_id: TenantId, conversation_id: ConversationId, fencing_token: int,
        *, until: datetime,
    ) -> bool:  # fmt: skip
        """Extend the lease; false when another turn has taken it over."""

        def renew() -> Script[bool]:
            return bool((yield _RENEW_LEASE, (tenant_id, conversation_id, fencing_token, until)))

        return await self._scripts.write(renew)

    async def claim_pending_action(
        self, tenant_id: TenantId, conversation_id: ConversationId, decided: PendingAction
    ) -> bool:
        """Note the decision on the waiting action, once; false when it is decided or gone."""

        def claim() -> Script[bool]:
            values = (tenant_id, conversation_id, decided.id, write_optional(decided))
            return bool((yield _CLAIM_ACTION, values))

        return await self._scripts.write(claim)

    async def list_executions(
        self, tenant_id: TenantId, conversation_id: ConversationId, ledger_key: str
    ) -> list[ToolExecution]:
        """Return the executions under ``ledger_key``, oldest first, failed ones included."""

        def list_all() -> Script[list[ToolExecution]]:
            rows = yield _LIST_EXECUTIONS, (tenant_id, conversation_id, ledger_key)
            return [ExecutionRow(*row).build() for row in rows]

        return await self._scripts.read(list_all)

    async def list_writes(
        self, tenant_id: TenantId, conversation_id: ConversationId
    ) -> WrittenTools:
        """Return which tools have changed something in the conversation, or may have."""

        def list_names() -> Script[WrittenTools]:
            rows = yield _LIST_WRITES, (tenant_id, conversation_id)
            return WrittenTools(
                done=frozenset(str(name) for name, is_success in rows if is_success),
                unknown=frozenset(str(name) for name, is_success in rows if not is_success),
            )

        return await self._scripts.read(list_names)

    async def record_execution(
        self,
        tenant_id: TenantId,
        conversation_id: ConversationId,
        execution: ToolExecution,
        *,
        usage_day: str,
    ) -> None:
        """Make one execution durable, and count it, before the turn ends."""
        await self._scripts.write(
            lambda: turn_end.record_execution(tenant_id, conversation_id, execution, usage_day)
        )

    async def finish_turn(self, turn: FinishedTurn) -> None:
        """Commit the answer, the executions, the counters and the usage in one transaction."""
        await self._scripts.write(lambda: turn_end.finish_turn(turn))

    async def fail_turn(self, turn: FailedTurn) -> None:
        """Mark the visitor's message as failed and free the session."""
        await self._scripts.write(lambda: turn_end.fail_turn(turn))

    async def find_conversation(
        self, tenant_id: TenantId, session_hash: SessionHash
    ) -> Conversation | None:
        """Return the tenant's conversation of this session, ended or not."""
        return await self._scripts.read(lambda: _find_conversation(tenant_id, session_hash))

    async def list_messages(
        self, tenant_id: TenantId, conversation_id: ConversationId, *, limit: int
    ) -> list[StoredMessage]:
        """Return the newest ``limit`` messages, oldest first, tool messages included."""

        def list_newest() -> Script[list[StoredMessage]]:
            rows = yield _LIST_MESSAGES, (tenant_id, conversation_id, limit)
            return [MessageRow(*row).build() for row in reversed(rows)]

        return await self._scripts.read(list_newest)

    async def end_conversation(
        self, tenant_id: TenantId, session_hash: SessionHash, *, ended_at: datetime
    ) -> Conversation | None:
        """End it, once; return it, or ``None`` when the tenant has no such session."""

        def end() -> Script[Conversation | None]:
            yield _END_CONVERSATION, (tenant_id, session_hash, ended_at)
            return (yield from _find_conversation(tenant_id, session_hash))

        return await self._scripts.write(end)

    async def fail_unfinished_turns(self, *, failed_at: datetime, is_alone: bool = True) -> int:
        """At start: mark every turn a dead process left unfinished as failed; return how many."""
        return await self._scripts.write(
            lambda: turn_end.fail_unfinished_turns(failed_at, is_alone=is_alone)
        )


class SqliteScripts:
    """Implements ``Scripts`` with the one writer thread and the reader threads."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def read(self, build: Callable[[], Script[Result]]) -> Result:
        """Run a script of one reading statement on what is committed."""
        return await self._readers.submit(lambda connection: run_on_sqlite(connection.raw, build()))

    async def write(self, build: Callable[[], Script[Result]]) -> Result:
        """Run a script in a shared transaction and commit; shielded from cancellation."""
        return await self._writer.submit(lambda connection: run_on_sqlite(connection.raw, build()))


def _find_conversation(
    tenant_id: TenantId, session_hash: SessionHash
) -> Script[Conversation | None]:
    rows = yield turn_begin.FIND_CONVERSATION, (tenant_id, session_hash)
    return ConversationRow(*rows[0]).build() if rows else None
