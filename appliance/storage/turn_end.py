"""The end of a turn: the answer, the executions, the counters, the usage.

Owns what is committed together and what still counts of a turn that failed or lost its lease; the
beginning is in ``turn_begin``, the rows of an escalation in ``escalation_rows``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from appliance.domain.ids import ConversationId, TenantId, new_id
from appliance.domain.message import ChatMessage, ReplyMessage, TokenUsage
from appliance.domain.tool import ToolExecution
from appliance.errors import Conflict
from appliance.ports.turn_store import FailedTurn, FinishedTurn, ModelUsage
from appliance.storage.engine import encode_json
from appliance.storage.escalation_rows import END_CONVERSATION, escalate
from appliance.storage.statements import Row, Script, build_statement, marks
from appliance.storage.turn_begin import ABANDONED_CODE
from appliance.storage.turn_rows import write_optional, write_reply
from appliance.storage.usage_sums import UsageSum, add_tool_call, add_usage

INTERRUPTED_CODE = "turn_interrupted"
"""Why a message is marked failed whose process died."""

_FIND_LEASE = build_statement(
    """
    SELECT last_seq, provider FROM conversations
    WHERE tenant_id = ?1 AND id = ?2 AND fencing_token = ?3 AND lease_message_id = ?4
    """,
    locks="conversations",
)

_LOCK_CONVERSATION = build_statement(
    "SELECT provider, model FROM conversations WHERE tenant_id = ?1 AND id = ?2",
    locks="conversations",
)

_FINISH_CONVERSATION = build_statement("""
    UPDATE conversations
    SET last_seq = last_seq + ?3, message_count = message_count + 1, last_message_at = ?4,
        input_tokens = input_tokens + ?5, output_tokens = output_tokens + ?6,
        provider = ?7, model = ?8, pending_action = ?9, failed_rounds = ?10,
        summary = coalesce(?11, summary), summary_seq = coalesce(?12, summary_seq),
        lease_message_id = NULL, lease_until = NULL
    WHERE tenant_id = ?1 AND id = ?2
""")

_FINISH_UNANSWERED = build_statement("""
    UPDATE conversations SET pending_action = NULL, lease_message_id = NULL, lease_until = NULL
    WHERE tenant_id = ?1 AND id = ?2
""")

_FINISH_MESSAGE = build_statement("""
    UPDATE messages SET turn_state = 'done', turn_ended_at = ?3, reply = ?4
    WHERE tenant_id = ?1 AND id = ?2
""")

_INSERT_MESSAGE = build_statement(f"""
    INSERT INTO messages (
        id, tenant_id, conversation_id, seq, role, content, tool_calls, tool_call_id, tool_name,
        is_error, provider_state, citations, input_tokens, output_tokens, created_at
    ) VALUES ({marks(15)})
""")

_INSERT_EXECUTION = build_statement(f"""
    INSERT INTO tool_executions (
        id, tenant_id, conversation_id, call_id, tool_name, parameters, sent, response, is_success,
        error, failure, execution_time_ms, attempts, executed_at, ledger_key
    ) VALUES ({marks(15)})
    ON CONFLICT (conversation_id, call_id) DO NOTHING
    RETURNING id
""")

_COMPLETE_EXECUTION = build_statement("""
    UPDATE tool_executions
    SET sent = ?4, response = ?5, is_success = ?6, error = ?7, failure = ?8,
        execution_time_ms = ?9, attempts = ?10, executed_at = ?11, ledger_key = ?12
    WHERE tenant_id = ?1 AND conversation_id = ?2 AND call_id = ?3 AND failure = 'unknown'
""")

_FIND_ATTEMPT = build_statement("""
    SELECT fencing_token, turn_state, error_code FROM messages
    WHERE tenant_id = ?1 AND conversation_id = ?2 AND id = ?3
""")

_FAIL_MESSAGE = build_statement("""
    UPDATE messages SET turn_state = 'failed', error_code = ?3, turn_ended_at = ?4
    WHERE tenant_id = ?1 AND id = ?2
""")

_COUNT_ON_MESSAGE = build_statement("""
    UPDATE messages SET input_tokens = input_tokens + ?3, output_tokens = output_tokens + ?4
    WHERE tenant_id = ?1 AND id = ?2
""")

_FAIL_CONVERSATION = build_statement("""
    UPDATE conversations
    SET input_tokens = input_tokens + ?3, output_tokens = output_tokens + ?4,
        lease_message_id = CASE WHEN fencing_token = ?5 THEN NULL ELSE lease_message_id END,
        lease_until = CASE WHEN fencing_token = ?5 THEN NULL ELSE lease_until END
    WHERE tenant_id = ?1 AND id = ?2
""")

_FREE_SESSIONS = build_statement("""
    UPDATE conversations SET lease_message_id = NULL, lease_until = NULL
    WHERE lease_message_id IS NOT NULL
""")

_FAIL_UNFINISHED = build_statement("""
    UPDATE messages SET turn_state = 'failed', error_code = ?1, turn_ended_at = ?2
    WHERE turn_state IN ('received', 'running')
    RETURNING id
""")

_FREE_EXPIRED_SESSIONS = build_statement("""
    UPDATE conversations SET lease_message_id = NULL, lease_until = NULL
    WHERE lease_message_id IS NOT NULL AND lease_until <= ?1
""")

_FAIL_UNLEASED = build_statement("""
    UPDATE messages SET turn_state = 'failed', error_code = ?1, turn_ended_at = ?2
    WHERE turn_state IN ('received', 'running') AND NOT EXISTS (
        SELECT 1 FROM conversations WHERE conversations.lease_message_id = messages.id
          AND conversations.id = messages.conversation_id
    )
    RETURNING id
""")


def finish_turn(turn: FinishedTurn) -> Script[None]:
    """Store everything the turn leaves behind; see ``TurnStore.finish_turn``."""
    leases = yield (
        _FIND_LEASE,
        (turn.tenant_id, turn.conversation_id, turn.fencing_token, turn.user_message_id),
    )
    if not leases:
        raise Conflict("Another turn has taken over this conversation.", code="turn_superseded")
    yield (
        _FINISH_MESSAGE,
        (turn.tenant_id, turn.user_message_id, turn.finished_at, write_reply(turn.reply)),
    )
    if turn.reply.message is not None:
        yield from _store_answer(turn, turn.reply.message, *leases[0])
    else:
        yield _FINISH_UNANSWERED, (turn.tenant_id, turn.conversation_id)
    if turn.escalation is not None:
        yield from escalate(
            turn.tenant_id, turn.conversation_id, turn.escalation, at=turn.finished_at
        )
    if turn.ends_conversation:
        yield END_CONVERSATION, (turn.tenant_id, turn.conversation_id, turn.finished_at)


def _store_answer(
    turn: FinishedTurn, said: ReplyMessage, last_seq: int, earlier_provider: str | None
) -> Script[None]:
    total = _total(turn.usage)
    answered_by = turn.usage[-1] if turn.usage else None
    yield from _insert_messages(turn, said, last_seq, total)
    tool_calls = yield from _insert_executions(
        turn.tenant_id, turn.conversation_id, turn.executions
    )
    yield (
        _FINISH_CONVERSATION,
        (
            turn.tenant_id,
            turn.conversation_id,
            len(turn.new_messages),
            turn.finished_at,
            total.input_tokens,
            total.output_tokens,
            answered_by.provider if answered_by else "",
            answered_by.model if answered_by else "",
            write_optional(turn.pending_action),
            turn.failed_rounds,
            turn.summary.text if turn.summary else None,
            turn.summary.through_seq if turn.summary else None,
        ),
    )
    answered = UsageSum(
        conversations=int(earlier_provider is None), messages=2, tool_calls=tool_calls
    )
    yield from add_usage(turn.tenant_id, turn.usage_day, turn.usage, answered)


def fail_turn(turn: FailedTurn) -> Script[None]:
    """Mark the message as failed and count what was used, once; see ``TurnStore.fail_turn``."""
    yield _LOCK_CONVERSATION, (turn.tenant_id, turn.conversation_id)
    attempts = yield _FIND_ATTEMPT, (turn.tenant_id, turn.conversation_id, turn.user_message_id)
    if not attempts:
        return
    fencing_token, turn_state, error_code = attempts[0]
    if fencing_token == turn.fencing_token:
        is_settled = turn_state == "done" or (
            turn_state == "failed" and error_code != ABANDONED_CODE
        )
        if is_settled:
            return
        yield (
            _FAIL_MESSAGE,
            (turn.tenant_id, turn.user_message_id, turn.error_code, turn.failed_at),
        )
    total = _total(turn.usage)
    yield (
        _COUNT_ON_MESSAGE,
        (turn.tenant_id, turn.user_message_id, total.input_tokens, total.output_tokens),
    )
    yield (
        _FAIL_CONVERSATION,
        (
            turn.tenant_id,
            turn.conversation_id,
            total.input_tokens,
            total.output_tokens,
            turn.fencing_token,
        ),
    )
    tool_calls = yield from _insert_executions(
        turn.tenant_id, turn.conversation_id, turn.executions
    )
    if turn.usage or tool_calls:
        failed = UsageSum(tool_calls=tool_calls)
        yield from add_usage(turn.tenant_id, turn.usage_day, turn.usage, failed)


def fail_unfinished_turns(failed_at: datetime, *, is_alone: bool) -> Script[int]:
    """Mark what dead processes left as failed and free the sessions; return how many turns.

    Args:
        failed_at: When it is found out.
        is_alone: No other process serves this database. Otherwise only turns whose lease has run
            out are of the dead.
    """
    if is_alone:
        yield _FREE_SESSIONS, ()
        return len((yield _FAIL_UNFINISHED, (INTERRUPTED_CODE, failed_at)))
    yield _FREE_EXPIRED_SESSIONS, (failed_at,)
    return len((yield _FAIL_UNLEASED, (INTERRUPTED_CODE, failed_at)))


def record_execution(
    tenant_id: TenantId,
    conversation_id: ConversationId,
    execution: ToolExecution,
    usage_day: str,
) -> Script[None]:
    """Log and count one execution before its turn ends; see ``TurnStore.record_execution``."""
    found = yield _LOCK_CONVERSATION, (tenant_id, conversation_id)
    if not found:
        return
    if (yield from _insert_executions(tenant_id, conversation_id, (execution,))):
        provider, model = (name or "" for name in found[0])
        yield from add_tool_call(tenant_id, usage_day, provider, model)


def _insert_executions(
    tenant_id: TenantId, conversation_id: ConversationId, executions: Sequence[ToolExecution]
) -> Script[int]:
    """Log executions; return how many are of calls that were not logged yet."""
    logged = 0
    for execution in executions:
        logged += len((yield from _insert_execution(tenant_id, conversation_id, execution)))
    return logged


def _insert_execution(
    tenant_id: TenantId, conversation_id: ConversationId, execution: ToolExecution
) -> Script[Sequence[Row]]:
    """Log one execution, or complete the row of its call while its end is unknown."""
    outcome, call = execution.outcome, execution.call
    ended = (
        write_optional(outcome.sent),
        write_optional(outcome.output),
        outcome.is_success,
        outcome.error,
        outcome.failure,
        outcome.duration_ms,
        outcome.attempts,
        execution.executed_at,
        execution.ledger_key,
    )
    what = (call.id, call.name, encode_json(call.arguments))
    rows = yield _INSERT_EXECUTION, (new_id(), tenant_id, conversation_id, *what, *ended)
    if not rows:
        yield _COMPLETE_EXECUTION, (tenant_id, conversation_id, call.id, *ended)
    return rows


def _insert_messages(
    turn: FinishedTurn, said: ReplyMessage, last_seq: int, total: TokenUsage
) -> Script[None]:
    """Store the turn's messages; the last is the answer, as the visitor got it, with the tokens."""
    *between, answer = turn.new_messages
    owner = (turn.tenant_id, turn.conversation_id)
    for offset, message in enumerate(between, start=1):
        row = _message_values(message)
        yield (
            _INSERT_MESSAGE,
            (new_id(), *owner, last_seq + offset, message.role, message.content, *row, None, 0, 0,
             turn.finished_at),
        )  # fmt: skip
    yield (
        _INSERT_MESSAGE,
        (said.id, *owner, last_seq + len(turn.new_messages), answer.role, said.content,
         *_message_values(answer), write_optional(said.citations), total.input_tokens,
         total.output_tokens, said.created_at),
    )  # fmt: skip


def _message_values(
    message: ChatMessage,
) -> tuple[str | None, str | None, str | None, bool, str | None]:
    return (
        write_optional(message.tool_calls),
        message.tool_call_id,
        message.tool_name,
        message.is_error,
        write_optional(message.provider_state),
    )


def _total(usage: Sequence[ModelUsage]) -> TokenUsage:
    return sum((entry.usage for entry in usage), TokenUsage())
