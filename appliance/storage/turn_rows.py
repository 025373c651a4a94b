"""How conversations, messages and executions lie in their rows on the hot path.

Owns the columns that the precompiled statements read and their way to domain objects and back; the
statements are in ``turn_begin``, ``turn_end`` and ``turn_store``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from appliance.domain.conversation import (
    Conversation,
    ConversationStatus,
    PendingAction,
    Summary,
)
from appliance.domain.ids import ConversationId, MessageId, TenantId
from appliance.domain.json_types import JsonObject, JsonValue
from appliance.domain.message import ChatReply, Citation, Role, StoredMessage, TurnState
from appliance.domain.tool import ToolCall, ToolExecution, ToolOutcome
from appliance.domain.tool_failures import FailureKind
from appliance.domain.visitor import VisitorDetails
from appliance.storage.engine import decode_json, encode_json
from appliance.storage.tables.metadata import StoredTime, read_time

_decode_pending = msgspec.json.Decoder(PendingAction).decode
_decode_calls = msgspec.json.Decoder(tuple[ToolCall, ...]).decode
_decode_citations = msgspec.json.Decoder(tuple[Citation, ...]).decode
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode
_decode_visitor = msgspec.json.Decoder(VisitorDetails).decode
_decode_reply = msgspec.json.Decoder(ChatReply).decode


class ConversationRow(NamedTuple):
    """The columns of ``conversations`` that turns need, in the order they are selected."""

    id: str
    tenant_id: str
    channel: str
    status: ConversationStatus
    user_identifier: str | None
    is_user_verified: int
    locale: str | None
    started_at: StoredTime
    last_message_at: StoredTime
    ended_at: StoredTime | None
    content_deleted_at: StoredTime | None
    message_count: int
    input_tokens: int
    output_tokens: int
    pending_action: str | None
    failed_rounds: int
    summary: str | None
    summary_seq: int | None
    metadata: str | None
    human_name: str | None
    visitor: str | None
    last_seq: int
    lease_message_id: str | None
    lease_until: StoredTime | None

    def build(self) -> Conversation:
        """Return the conversation."""
        pending = self.pending_action
        return Conversation(
            id=ConversationId(self.id),
            tenant_id=TenantId(self.tenant_id),
            channel=self.channel,
            status=self.status,
            user_identifier=self.user_identifier,
            is_user_verified=bool(self.is_user_verified),
            locale=self.locale,
            started_at=read_time(self.started_at),
            last_message_at=read_time(self.last_message_at),
            ended_at=_optional_time(self.ended_at),
            content_deleted_at=_optional_time(self.content_deleted_at),
            message_count=self.message_count,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            pending_action=None if pending is None else _decode_pending(pending),
            failed_rounds=self.failed_rounds,
            summary=self._build_summary(),
            metadata=None if self.metadata is None else _decode_object(self.metadata),
            human_name=self.human_name,
            visitor=None if self.visitor is None else _decode_visitor(self.visitor),
        )

    def _build_summary(self) -> Summary | None:
        if self.summary is None or self.summary_seq is None:
            return None
        return Summary(text=self.summary, through_seq=self.summary_seq)


class MessageRow(NamedTuple):
    """The columns of ``messages`` that make a ``StoredMessage``, in the order they are selected."""

    id: str
    conversation_id: str
    seq: int
    role: Role
    content: str
    created_at: StoredTime
    tool_calls: str | None
    tool_call_id: str | None
    tool_name: str | None
    is_error: int
    provider_state: str | None
    citations: str | None
    turn_state: TurnState | None
    client_message_id: str | None
    author_name: str | None

    def build(self) -> StoredMessage:
        """Return the message."""
        state = self.provider_state
        return StoredMessage(
            id=MessageId(self.id),
            conversation_id=ConversationId(self.conversation_id),
            seq=self.seq,
            role=self.role,
            content=self.content,
            created_at=read_time(self.created_at),
            tool_calls=_decode_calls(self.tool_calls) if self.tool_calls else (),
            tool_call_id=self.tool_call_id,
            tool_name=self.tool_name,
            is_error=bool(self.is_error),
            provider_state=None if state is None else _decode_object(state),
            citations=_decode_citations(self.citations) if self.citations else (),
            turn_state=self.turn_state,
            client_message_id=self.client_message_id,
            author_name=self.author_name,
        )


class ExecutionRow(NamedTuple):
    """The columns of ``tool_executions`` that make a ``ToolExecution``, in this order."""

    call_id: str
    tool_name: str
    parameters: str
    is_success: int
    response: str | None
    error: str | None
    failure: FailureKind | None
    execution_time_ms: int
    attempts: int
    sent: str | None
    ledger_key: str | None
    executed_at: StoredTime

    def build(self) -> ToolExecution:
        """Return the execution."""
        arguments: JsonObject = _decode_object(self.parameters)
        return ToolExecution(
            call=ToolCall(id=self.call_id, name=self.tool_name, arguments=arguments),
            outcome=ToolOutcome(
                is_success=bool(self.is_success),
                output=_optional_json(self.response),
                error=self.error,
                failure=self.failure,
                duration_ms=self.execution_time_ms,
                attempts=self.attempts,
                sent=_optional_json(self.sent),
            ),
            ledger_key=self.ledger_key,
            executed_at=read_time(self.executed_at),
        )


def write_reply(reply: ChatReply) -> str:
    """Return ``reply`` as JSON without its text, which is kept once, in the answer's own row."""
    return encode_json(_with_text(msgspec.structs.replace(reply, session_id=""), ""))


def read_reply(stored: str, content: str) -> ChatReply:
    """Return the reply that ``write_reply`` wrote, with the text of the answer."""
    return _with_text(_decode_reply(stored), content)


def _with_text(reply: ChatReply, content: str) -> ChatReply:
    if reply.message is None:
        return reply
    message = msgspec.structs.replace(reply.message, content=content)
    return msgspec.structs.replace(reply, message=message)


def write_optional(value: JsonValue) -> str | None:
    """Return ``value`` as JSON text, and null or nothing at all as the database's null."""
    return None if value is None or value == () else encode_json(value)


def columns_of(row: type[NamedTuple] | type[Any]) -> str:
    """Return the select list of a row type."""
    fields: Sequence[str] = row._fields
    return ", ".join(fields)


def _optional_time(stored: StoredTime | None) -> datetime | None:
    return None if stored is None else read_time(stored)


def _optional_json(stored: str | None) -> JsonValue:
    return None if stored is None else decode_json(stored)
