"""Conversations as operators read them, with what happened in each turn.

Owns what is shown together, and that no secret is; what visitors see of their own conversation is
in ``conversations``.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import Struct

from appliance.domain.ids import ConversationId, TenantId
from appliance.domain.trace import TraceStep
from appliance.errors import NotFound
from appliance.ports.conversation_reader import (
    ConversationReader,
    ConversationRow,
    ConversationSearch,
    ExecutionRow,
    FeedbackRow,
    MessageRow,
)
from appliance.ports.repositories import Page
from appliance.ports.traces import TraceStore
from appliance.redaction import redact

Shape = TypeVar("Shape", bound=Struct)


class TurnView(Struct, frozen=True, kw_only=True):
    """The steps of the turn that answered a visitor's message."""

    message_id: str
    steps: list[TraceStep]


class ConversationDetail(Struct, frozen=True, kw_only=True):
    """A whole conversation: messages, executed tools, ratings, and each turn's steps.

    Secrets are masked. ``trace`` has an entry for each visitor message whose turn is still known
    step by step.
    """

    id: str
    tenant_id: str
    conversation: ConversationRow
    messages: list[MessageRow]
    tool_calls: list[ExecutionRow]
    feedback: list[FeedbackRow]
    trace: list[TurnView]


class ConversationLog:
    """Shows conversations to operators."""

    def __init__(self, *, reader: ConversationReader, traces: TraceStore) -> None:
        self._reader = reader
        self._traces = traces

    async def list_page(
        self, wanted: ConversationSearch, *, limit: int, cursor: str | None
    ) -> Page[ConversationRow]:
        """Return conversations, the newest first."""
        return await self._reader.list_page(wanted, limit=limit, cursor=cursor)

    async def read(
        self, conversation_id: ConversationId, *, only: TenantId | None
    ) -> ConversationDetail:
        """Return a conversation with everything in it.

        Args:
            conversation_id: Which.
            only: The one tenant whose conversations may be read; ``None`` for all.

        Raises:
            NotFound: There is none, or it is another tenant's.
        """
        found = await self._reader.get(conversation_id)
        if found is None or only not in (None, found.tenant_id):
            raise NotFound(
                f"There is no conversation {conversation_id!r}.", code="conversation_not_found"
            )
        messages = await self._reader.list_messages(conversation_id)
        executions = await self._reader.list_executions(conversation_id)
        feedback = await self._reader.list_feedback(conversation_id)
        traces = await self._traces.list_traces(conversation_id)
        return ConversationDetail(
            id=found.id,
            tenant_id=found.tenant_id,
            conversation=found,
            messages=[_mask_message(message) for message in messages],
            tool_calls=[
                mask_fields(row, "parameters", "sent", "response", "error") for row in executions
            ],
            feedback=list(feedback),
            trace=[
                TurnView(message_id=trace.message_id, steps=mask_steps(trace.steps))
                for trace in traces
            ],
        )


def _mask_message(message: MessageRow) -> MessageRow:
    """Return the message with the secrets of calls and results masked; what people said stays."""
    names = ("tool_calls", "content") if message.role == "tool" else ("tool_calls",)
    return mask_fields(message, *names)


def mask_steps(steps: tuple[TraceStep, ...] | list[TraceStep]) -> list[TraceStep]:
    """Return the steps without what looks like a secret."""
    return [mask_fields(step, "detail") for step in steps]


def mask_fields(struct: Shape, *names: str) -> Shape:
    """Return ``struct`` with the secrets in these fields masked."""
    masked = {name: redact(getattr(struct, name)) for name in names}
    return msgspec.structs.replace(struct, **masked)
