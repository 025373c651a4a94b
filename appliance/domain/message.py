"""Messages: what was said in a conversation, and the form of it that a model reads.

Owns the shapes of messages, replies and token counts; order and trimming is left to
``appliance.agent.history``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from appliance.domain.ids import ConversationId, MessageId
from appliance.domain.json_types import JsonObject
from appliance.domain.tool import ToolCall
from appliance.domain.tool_failures import FAILURE_SENTENCES
from appliance.domain.tool_form import ToolForm

Role = Literal["user", "assistant", "system", "tool", "agent"]
TurnState = Literal["received", "running", "done", "failed"]

HELD_CALL = "Not carried out yet: the visitor is asked to confirm it."
"""What the tool message of a call says that waits for the visitor's yes."""
SIGN_IN_CALL = "Not carried out: the visitor must first sign in on the website."
"""What the tool message of a call says that needs to know who the visitor is."""
DECLINED_CALL = "The visitor declined. The action was not carried out."
"""What the tool message of a call says that the visitor refused."""

CHANGED_CALL = (
    "Not carried out: what is known of the visitor is no longer what they were shown. "
    "Call the tool again, so that they are asked anew."
)
"""What the tool message of a confirmed call says that would be another one by now."""
LAPSED_CALL = (
    "Not carried out: the server was interrupted before it began. "
    "Call the tool again if the visitor still wants it, so that they are asked anew."
)
"""What the tool message of a confirmed call says that was never begun."""
WITHDRAWN_CALL = "Not carried out: the shop has stopped offering this. Nothing was changed."
"""What the tool message of a confirmed call says whose tool was switched off meanwhile."""
TOO_MANY_CALLS = "Not carried out: too many calls at once. Call again for what is still needed."
"""What the tool message of a call says that came with very many others."""

SERVER_SENTENCES = frozenset(
    (
        HELD_CALL,
        SIGN_IN_CALL,
        DECLINED_CALL,
        CHANGED_CALL,
        LAPSED_CALL,
        WITHDRAWN_CALL,
        TOO_MANY_CALLS,
        *FAILURE_SENTENCES.values(),
    )
)
"""Tool messages that are ours and no tool's."""


class TokenUsage(Struct, frozen=True, kw_only=True):
    """Tokens of one or several model calls.

    ``cached_input_tokens``, read from a provider's prompt cache, and ``cache_write_input_tokens``,
    put into it, are parts of the input with prices of their own. The latter are not stored.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_input_tokens: int = 0

    def __add__(self, other: TokenUsage) -> TokenUsage:
        return TokenUsage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cached_input_tokens=self.cached_input_tokens + other.cached_input_tokens,
            cache_write_input_tokens=(
                self.cache_write_input_tokens + other.cache_write_input_tokens
            ),
        )


class Citation(Struct, frozen=True, kw_only=True):
    """Where an answer comes from."""

    title: str
    url: str | None = None
    snippet: str = ""


class ChatMessage(Struct, frozen=True, kw_only=True):
    """One message as a model reads it.

    A ``tool`` message answers the call ``tool_call_id`` of an earlier assistant message.
    ``provider_state`` is what a provider asked to get back unchanged with its own message:
    ``{"provider": name, ...}``; other providers ignore it. ``stable_chars`` of a system message say
    how much of it, from its beginning, is the same in the tenant's next turn.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    tool_name: str | None = None
    is_error: bool = False
    provider_state: JsonObject | None = None
    stable_chars: int = 0


class StoredMessage(Struct, frozen=True, kw_only=True):
    """One message as it is kept; ``author_name`` is of the person who wrote it to the visitor."""

    id: MessageId
    conversation_id: ConversationId
    seq: int
    role: Role
    content: str
    created_at: datetime
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    tool_name: str | None = None
    is_error: bool = False
    provider_state: JsonObject | None = None
    citations: tuple[Citation, ...] = ()
    turn_state: TurnState | None = None
    client_message_id: str | None = None
    author_name: str | None = None


class ToolReport(Struct, frozen=True, kw_only=True):
    """A tool call as the visitor's reply names it."""

    name: str
    status: Literal["succeeded", "failed", "needs_confirmation"]
    duration_ms: int = 0


class ReplyMessage(Struct, frozen=True, kw_only=True):
    """The assistant's message within a reply; ``form`` only where it asks for several things."""

    id: MessageId
    content: str
    created_at: datetime
    role: Literal["assistant"] = "assistant"
    citations: tuple[Citation, ...] = ()
    quick_replies: tuple[str, ...] = ()
    form: ToolForm | UnsetType = UNSET


class ReplyUsage(Struct, frozen=True, kw_only=True):
    """Tokens as the visitor's reply names them."""

    input_tokens: int
    output_tokens: int


class ChatReply(Struct, frozen=True, kw_only=True):
    """The whole answer to one visitor message.

    ``session_id`` is empty in storage, where only its hash is known, and filled when it is sent.
    ``message`` is ``None`` when the assistant says nothing: a person has the conversation.
    """

    session_id: str
    conversation_id: ConversationId
    message: ReplyMessage | None
    tools: tuple[ToolReport, ...] = ()
    usage: ReplyUsage
    model: str
    cached: bool = False
    degraded: bool = False
    escalated: bool = False
    conversation_ended: bool = False
