"""The end of a turn on SQLite: the answer, the executions, the counters, the usage.

Owns what is committed together and what still counts of a turn that failed or lost its lease; the
beginning is in ``turn_begin``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from appliance.domain.ids import ConversationId, TenantId, new_id
from appliance.domain.message import ChatMessage, TokenUsage
from appliance.domain.tool import ToolExecution
from appliance.errors import Conflict
from appliance.ports.turn_store import FailedTurn, FinishedTurn, ModelUsage
from appliance.storage.engine import encode_json
from appliance.storage.tables.metadata import write_time
from appliance.storage.turn_begin import ABANDONED_CODE
from appliance.storage.turn_rows import write_optional, write_reply
from appliance.storage.usage_sums import UsageSum, add_usage

INTERRUPTED_CODE = "turn_interrupted"
"""Why a message is marked failed whose process died."""

_FIND_LEASE = """
    SELECT last_seq, provider FROM conversations
    WHERE tenant_id = ? AND id = ? AND fencing_token = ? AND lease_message_id = ?
"""

_FINISH_CONVERSATION = """
    UPDATE conversations
    SET last_seq = last_seq + ?, message_count = message_count + 1, last_message_at = ?,
        input_tokens = input_tokens + ?, output_tokens = output_tokens + ?,
        provider = ?, model = ?, pending_action = ?, lease_message_id = NULL, lease_until = NULL
    WHERE tenant_id = ? AND id = ?
"""

_FINISH_MESSAGE = """
    UPDATE messages SET turn_state = 'done', turn_ended_at = ?, reply = ?
    WHERE tenant_id = ? AND id = ?
"""

_INSERT_MESSAGE = """
    INSERT INTO messages (
        id, tenant_id, conversation_id, seq, role, content, tool_calls, tool_call_id, tool_name,
        is_error, provider_state, citations, input_tokens, output_tokens, created_at
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_INSERT_EXECUTION = """
    INSERT INTO tool_executions (
        id, tenant_id, conversation_id, call_id, tool_name, parameters, sent, response, is_success,
        error, execution_time_ms, attempts, executed_at, ledger_key
    ) SELECT
        :id, :tenant_id, :conversation_id, :call_id, :tool_name, :parameters, :sent, :response,
        :is_success, :error, :execution_time_ms, :attempts, :executed_at,
        CASE WHEN :is_success AND EXISTS (
            SELECT 1 FROM tool_executions
            WHERE tenant_id = :tenant_id AND conversation_id = :conversation_id
              AND ledger_key = :ledger_key AND is_success
        ) THEN NULL ELSE :ledger_key END
    WHERE EXISTS (
        SELECT 1 FROM conversations WHERE tenant_id = :tenant_id AND id = :conversation_id
    )
    ON CONFLICT (conversation_id, call_id) DO NOTHING
"""

_FIND_ATTEMPT = """
    SELECT fencing_token, turn_state, error_code FROM messages
    WHERE tenant_id = ? AND conversation_id = ? AND id = ?
"""

_FAIL_MESSAGE = """
    UPDATE messages
    SET turn_state = 'failed', error_code = ?, turn_ended_at = ?
    WHERE tenant_id = ? AND id = ?
"""

_COUNT_ON_MESSAGE = """
    UPDATE messages SET input_tokens = input_tokens + ?, output_tokens = output_tokens + ?
    WHERE tenant_id = ? AND id = ?
"""

_FAIL_CONVERSATION = """
    UPDATE conversations
    SET input_tokens = input_tokens + :input_tokens, output_tokens = output_tokens + :output_tokens,
        lease_message_id = CASE WHEN fencing_token = :token THEN NULL ELSE lease_message_id END,
        lease_until = CASE WHEN fencing_token = :token THEN NULL ELSE lease_until END
    WHERE tenant_id = :tenant_id AND id = :id
"""


def finish_turn(raw: sqlite3.Connection, turn: FinishedTurn) -> None:
    """Store everything the turn leaves behind; see ``TurnStore.finish_turn``."""
    lease = raw.execute(
        _FIND_LEASE,
        (turn.tenant_id, turn.conversation_id, turn.fencing_token, turn.user_message_id),
    ).fetchone()
    if lease is None:
        raise Conflict("Another turn has taken over this conversation.", code="turn_superseded")
    last_seq, earlier_provider = lease
    total = _total(turn.usage)
    answered_by = turn.usage[-1] if turn.usage else None
    _insert_messages(raw, turn, last_seq, total)
    for execution in turn.executions:
        insert_execution(raw, turn.tenant_id, turn.conversation_id, execution)
    ended_at = write_time(turn.finished_at)
    raw.execute(
        _FINISH_MESSAGE,
        (ended_at, write_reply(turn.reply), turn.tenant_id, turn.user_message_id),
    )
    raw.execute(
        _FINISH_CONVERSATION,
        (
            len(turn.new_messages),
            ended_at,
            total.input_tokens,
            total.output_tokens,
            answered_by.provider if answered_by else "",
            answered_by.model if answered_by else "",
            write_optional(turn.pending_action),
            turn.tenant_id,
            turn.conversation_id,
        ),
    )
    answered = UsageSum(
        conversations=int(earlier_provider is None), messages=2, tool_calls=len(turn.executions)
    )
    add_usage(raw, turn.tenant_id, turn.usage_day, turn.usage, answered)


def fail_turn(raw: sqlite3.Connection, turn: FailedTurn) -> None:
    """Mark the message as failed and count what was used, once; see ``TurnStore.fail_turn``."""
    attempt = raw.execute(
        _FIND_ATTEMPT, (turn.tenant_id, turn.conversation_id, turn.user_message_id)
    ).fetchone()
    if attempt is None:
        return
    fencing_token, turn_state, error_code = attempt
    if fencing_token == turn.fencing_token:
        is_settled = turn_state == "done" or (
            turn_state == "failed" and error_code != ABANDONED_CODE
        )
        if is_settled:
            return
        raw.execute(
            _FAIL_MESSAGE,
            (turn.error_code, write_time(turn.failed_at), turn.tenant_id, turn.user_message_id),
        )
    total = _total(turn.usage)
    raw.execute(
        _COUNT_ON_MESSAGE,
        (total.input_tokens, total.output_tokens, turn.tenant_id, turn.user_message_id),
    )
    raw.execute(
        _FAIL_CONVERSATION,
        {
            "input_tokens": total.input_tokens,
            "output_tokens": total.output_tokens,
            "token": turn.fencing_token,
            "tenant_id": turn.tenant_id,
            "id": turn.conversation_id,
        },
    )
    for execution in turn.executions:
        insert_execution(raw, turn.tenant_id, turn.conversation_id, execution)
    if turn.usage or turn.executions:
        failed = UsageSum(tool_calls=len(turn.executions))
        add_usage(raw, turn.tenant_id, turn.usage_day, turn.usage, failed)


def fail_unfinished_turns(raw: sqlite3.Connection, failed_at: datetime) -> int:
    """Mark what a dead process left as failed and free the sessions; return how many turns."""
    raw.execute(
        "UPDATE conversations SET lease_message_id = NULL, lease_until = NULL"
        " WHERE lease_message_id IS NOT NULL"
    )
    return raw.execute(
        "UPDATE messages SET turn_state = 'failed', error_code = ?, turn_ended_at = ?"
        " WHERE turn_state IN ('received', 'running')",
        (INTERRUPTED_CODE, write_time(failed_at)),
    ).rowcount


def insert_execution(
    raw: sqlite3.Connection,
    tenant_id: TenantId,
    conversation_id: ConversationId,
    execution: ToolExecution,
) -> None:
    """Log one execution unless its call is logged; the first success keeps the ledger key."""
    outcome = execution.outcome
    raw.execute(
        _INSERT_EXECUTION,
        {
            "id": new_id(),
            "tenant_id": tenant_id,
            "conversation_id": conversation_id,
            "call_id": execution.call.id,
            "tool_name": execution.call.name,
            "parameters": encode_json(execution.call.arguments),
            "sent": write_optional(outcome.sent),
            "response": write_optional(outcome.output),
            "is_success": int(outcome.is_success),
            "error": outcome.error,
            "execution_time_ms": outcome.duration_ms,
            "attempts": outcome.attempts,
            "executed_at": write_time(execution.executed_at),
            "ledger_key": execution.ledger_key,
        },
    )


def _insert_messages(
    raw: sqlite3.Connection, turn: FinishedTurn, last_seq: int, total: TokenUsage
) -> None:
    """Store the turn's messages; the last is the answer, as the visitor got it, with the tokens."""
    ended_at = write_time(turn.finished_at)
    *between, answer = turn.new_messages
    for offset, message in enumerate(between, start=1):
        row = _message_values(message)
        raw.execute(
            _INSERT_MESSAGE,
            (new_id(), turn.tenant_id, turn.conversation_id, last_seq + offset, message.role,
             message.content, *row, None, 0, 0, ended_at),
        )  # fmt: skip
    reply = turn.reply.message
    raw.execute(
        _INSERT_MESSAGE,
        (reply.id, turn.tenant_id, turn.conversation_id, last_seq + len(turn.new_messages),
         answer.role, reply.content, *_message_values(answer), write_optional(reply.citations),
         total.input_tokens, total.output_tokens, write_time(reply.created_at)),
    )  # fmt: skip


def _message_values(
    message: ChatMessage,
) -> tuple[str | None, str | None, str | None, int, str | None]:
    return (
        write_optional(message.tool_calls),
        message.tool_call_id,
        message.tool_name,
        int(message.is_error),
        write_optional(message.provider_state),
    )


def _total(usage: Sequence[ModelUsage]) -> TokenUsage:
    return sum((entry.usage for entry in usage), TokenUsage())
