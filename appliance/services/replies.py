"""The reply that a found answer becomes, and how a turn's end reads in its trace.

Owns their form; finding answers is left to ``appliance.services.answering``, storing and sending
replies to who answers.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import UNSET

from appliance.agent.trace import TurnTrace
from appliance.domain.ids import MessageId, new_id
from appliance.domain.message import ChatReply, ReplyMessage, ReplyUsage, TokenUsage
from appliance.services.answering import Answered, Question


def build_reply(question: Question, answered: Answered, *, created_at: datetime) -> ChatReply:
    """Return the reply as it is stored: without the session's id, any message with its own."""
    result, closing = answered.result, answered.closing
    message = ReplyMessage(
        id=MessageId(new_id()),
        content=result.text,
        created_at=created_at,
        citations=result.citations,
        quick_replies=result.quick_replies,
        form=result.form or UNSET,
    )
    total = sum((entry.usage for entry in result.usage), TokenUsage())
    return ChatReply(
        session_id="",
        conversation_id=question.conversation_id,
        message=message if result.new_messages else None,
        tools=result.tools,
        usage=ReplyUsage(input_tokens=total.input_tokens, output_tokens=total.output_tokens),
        model=result.model,
        cached=result.is_cached,
        degraded=result.is_degraded,
        escalated=question.conversation.is_escalated or closing.escalation is not None,
        conversation_ended=closing.ends_conversation,
    )


def note_outcome(trace: TurnTrace, reply: ChatReply) -> None:
    """Note how a turn ended that has an answer."""
    trace.note(
        "outcome",
        state="done",
        model=reply.model,
        cached=reply.cached,
        degraded=reply.degraded,
        escalated=reply.escalated,
        conversation_ended=reply.conversation_ended,
    )


def note_failure(trace: TurnTrace, error: Exception) -> str:
    """Note why a turn has no answer, and return the reason's code."""
    code: str = getattr(error, "code", "internal_error")
    trace.note("outcome", state="failed", code=code, error=getattr(error, "message", ""))
    return code
