"""Reading conversations as operators look at them.

Owns the port and its shapes; turns are kept by the turn store, exports read by ``exports``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from appliance.domain.ids import ConversationId, TenantId
from appliance.domain.json_types import JsonValue
from appliance.ports.repositories import Page


class ConversationSearch(Struct, frozen=True, kw_only=True):
    """Which conversations; ``None`` stands for any.

    ``text`` is looked for in messages and in the visitor's identifier, whatever its case. The times
    are of the beginning; ``until`` is not included.
    """

    tenant_id: TenantId | None = None
    status: str | None = None
    channel: str | None = None
    text: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class ConversationRow(Struct, frozen=True, kw_only=True):
    """One conversation with its counters; ``rating`` is 1 to 5.

    ``visitor`` is what the visitor told of themselves, which nobody has checked.
    """

    id: str
    tenant_id: str
    channel: str
    status: str
    user_identifier: str | None
    locale: str | None
    page_url: str | None
    human_name: str | None
    visitor: JsonValue
    started_at: datetime
    last_message_at: datetime
    ended_at: datetime | None
    message_count: int
    input_tokens: int
    output_tokens: int
    provider: str | None
    model: str | None
    rating: int | None


class MessageRow(Struct, frozen=True, kw_only=True):
    """One message.

    ``turn_state`` and ``error_code`` are a visitor's, ``author_name`` is a person's of the shop.
    """

    id: str
    seq: int
    role: str
    content: str
    created_at: datetime
    tool_calls: JsonValue
    tool_call_id: str | None
    tool_name: str | None
    is_error: bool
    citations: JsonValue
    input_tokens: int
    output_tokens: int
    turn_state: str | None
    error_code: str | None
    author_name: str | None


class ExecutionRow(Struct, frozen=True, kw_only=True):
    """One executed tool call; ``failure`` is its kind, ``unknown`` for a write without an end."""

    call_id: str
    tool_name: str
    parameters: JsonValue
    sent: JsonValue
    response: JsonValue
    is_success: bool
    error: str | None
    failure: str | None
    execution_time_ms: int
    attempts: int
    executed_at: datetime


class FeedbackRow(Struct, frozen=True, kw_only=True):
    """A visitor's rating, 1 to 5; without a ``message_id`` it is of the whole conversation."""

    message_id: str | None
    rating: int
    comment: str | None
    updated_at: datetime


class ConversationReader(Protocol):
    """Reads conversations. Raises ``StorageError`` when the database cannot be used."""

    async def list_page(
        self, wanted: ConversationSearch, *, limit: int, cursor: str | None
    ) -> Page[ConversationRow]:
        """Return conversations, the newest first.

        Raises:
            InvalidInput: ``cursor`` was not made by this method.
        """
        ...

    async def get(self, conversation_id: ConversationId) -> ConversationRow | None:
        """Return one conversation."""
        ...

    async def list_messages(self, conversation_id: ConversationId) -> Sequence[MessageRow]:
        """Return all messages of a conversation in their order."""
        ...

    async def list_executions(self, conversation_id: ConversationId) -> Sequence[ExecutionRow]:
        """Return a conversation's executed calls in their order."""
        ...

    async def list_feedback(self, conversation_id: ConversationId) -> Sequence[FeedbackRow]:
        """Return the ratings of a conversation and its answers, oldest first."""
        ...
