"""What happens in a turn, as the visitor's side is told of it.

Owns the closed union of turn events; their wire form is left to ``appliance.web.sse``.
"""

from __future__ import annotations

from msgspec import Struct

from appliance.domain.ids import ConversationId, MessageId
from appliance.domain.message import ChatReply
from appliance.domain.tool import ToolStatus


class TurnStarted(Struct, frozen=True, kw_only=True):
    """The visitor's message is durable; the model has not been asked yet."""

    session_id: str
    conversation_id: ConversationId
    user_message_id: MessageId


class AnswerDelta(Struct, frozen=True, kw_only=True):
    """Some more text of the answer."""

    text: str


class ToolProgress(Struct, frozen=True, kw_only=True):
    """A tool call changed its state."""

    call_id: str
    name: str
    status: ToolStatus


class TurnFinished(Struct, frozen=True, kw_only=True):
    """The answer is complete and durable."""

    reply: ChatReply


class TurnFailed(Struct, frozen=True, kw_only=True):
    """The turn ended without an answer; the visitor's message is kept."""

    error: Exception


TurnEvent = TurnStarted | AnswerDelta | ToolProgress | TurnFinished | TurnFailed
