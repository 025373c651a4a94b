"""What of a conversation the model reads.

Owns the window in messages and tokens; storing messages is left to the turn store.
"""

from __future__ import annotations

from collections.abc import Sequence

from appliance.domain.message import ChatMessage, StoredMessage
from appliance.domain.tokens import estimate_tokens
from appliance.errors import ContextWindowExceeded

WINDOW_MESSAGES = 20
"""How many visitor and assistant messages a model reads by default; the plan's figure."""


def build_history(stored: Sequence[StoredMessage]) -> list[ChatMessage]:
    """Turn stored messages, oldest first, into the form a model reads.

    A visitor's message whose turn failed stays; a human agent's words count as the assistant's.
    Tool calls without their results, and results without their call, are left out.
    """
    return _read(stored)


def extend_history(
    history: Sequence[ChatMessage], new_messages: Sequence[ChatMessage]
) -> list[ChatMessage]:
    """Return what ``build_history`` will give once ``new_messages`` are stored."""
    return _read((*history, *new_messages))


def _read(messages: Sequence[StoredMessage | ChatMessage]) -> list[ChatMessage]:
    answered = {message.tool_call_id for message in messages if message.role == "tool"}
    history: list[ChatMessage] = []
    open_calls: set[str] = set()
    for message in messages:
        if message.role == "user":
            history.append(ChatMessage(role="user", content=message.content))
        elif message.role in ("assistant", "agent"):
            calls = tuple(call for call in message.tool_calls if call.id in answered)
            open_calls = {call.id for call in calls}
            if message.content or calls:
                history.append(
                    ChatMessage(
                        role="assistant",
                        content=message.content,
                        tool_calls=calls,
                        provider_state=message.provider_state,
                    )
                )
        elif message.role == "tool" and message.tool_call_id in open_calls:
            history.append(
                ChatMessage(
                    role="tool",
                    content=message.content,
                    tool_call_id=message.tool_call_id,
                    tool_name=message.tool_name,
                    is_error=message.is_error,
                )
            )
    return history


def trim_history(
    messages: Sequence[ChatMessage],
    *,
    max_messages: int = WINDOW_MESSAGES,
    max_input_tokens: int | None = None,
) -> list[ChatMessage]:
    """Drop the oldest turns until the window fits.

    A turn is a visitor's message and all that follows it up to the next one, so a tool call and its
    result leave together. The last turn never leaves.

    Args:
        messages: Oldest first, without the system message, ending with a visitor's message.
        max_messages: How many visitor and assistant messages may stay; tool messages do not count.
        max_input_tokens: Budget in estimated tokens, ``None`` for none.

    Raises:
        ContextWindowExceeded: The last turn alone is over the token budget.
    """
    turns: list[list[ChatMessage]] = []
    for message in messages:
        if message.role == "user" or not turns:
            turns.append([])
        turns[-1].append(message)
    kept: list[list[ChatMessage]] = []
    message_count = token_count = 0
    for turn in reversed(turns):
        message_count += sum(1 for message in turn if message.role != "tool")
        token_count += sum(estimate_tokens(message.content) for message in turn)
        is_over = message_count > max_messages or (
            max_input_tokens is not None and token_count > max_input_tokens
        )
        if is_over and kept:
            break
        if is_over and max_input_tokens is not None and token_count > max_input_tokens:
            raise ContextWindowExceeded("This message is too long for the model that answers here.")
        kept.append(turn)
    return [message for turn in reversed(kept) for message in turn]
