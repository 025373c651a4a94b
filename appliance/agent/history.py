"""What of a conversation the model reads.

Owns the window in messages and tokens; storing messages is left to the turn store.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from appliance.domain.message import ChatMessage, StoredMessage
from appliance.domain.tokens import estimate_tokens
from appliance.errors import ContextWindowExceeded

FRAME_TOKENS = 4
"""What a message costs besides its text: its role and its ends."""
SHORT_RESULT_CHARS = (2_000, 500, 120)
CUT_MARK = " [cut]"

Message = TypeVar("Message", ChatMessage, StoredMessage)


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


def split_turns(messages: Sequence[Message]) -> list[list[Message]]:
    """Return the messages by turn: a visitor's message and all that follows up to the next one."""
    turns: list[list[Message]] = []
    for message in messages:
        if message.role == "user" or not turns:
            turns.append([])
        turns[-1].append(message)
    return turns


def split_window(
    messages: Sequence[Message], *, max_messages: int
) -> tuple[list[list[Message]], list[Message]]:
    """Return the turns that fall out of the window, and the messages within it, oldest first.

    A tool call and its result leave together. The last turn is always within.

    Args:
        messages: Oldest first, without the system message, ending with the visitor's message.
        max_messages: How many messages may stay; tool messages do not count.
    """
    turns = split_turns(messages)
    kept = len(turns)
    count = 0
    while kept > 0:
        count += sum(1 for message in turns[kept - 1] if message.role != "tool")
        if count > max_messages and kept < len(turns):
            break
        kept -= 1
    return turns[:kept], [message for turn in turns[kept:] for message in turn]


def fit_messages(
    messages: Sequence[ChatMessage], *, max_input_tokens: int, fixed_tokens: int = 0
) -> tuple[ChatMessage, ...]:
    """Drop the oldest turns until all of it fits a model.

    The system message never leaves, nor does the turn that runs; tool results of that turn are
    shortened when it does not fit alone.

    Args:
        messages: The system message first.
        max_input_tokens: What the model takes, the room for its answer not counted.
        fixed_tokens: What else goes along, such as the tools.

    Raises:
        ContextWindowExceeded: The system message and the visitor's message alone are too long.
    """
    if fixed_tokens + sum(map(_most_tokens, messages)) <= max_input_tokens:
        return tuple(messages)
    system, *rest = messages
    left = max_input_tokens - fixed_tokens - estimate_message(system)
    turns = split_turns(rest)
    sizes = [sum(map(estimate_message, turn)) for turn in turns]
    kept = len(turns) - 1
    total = sizes[kept]
    if total > left:
        return (system, *_shorten_results(turns[kept], left))
    while kept > 0 and total + sizes[kept - 1] <= left:
        kept -= 1
        total += sizes[kept]
    return (system, *(message for turn in turns[kept:] for message in turn))


def estimate_message(message: ChatMessage) -> int:
    """Return about how many tokens a message takes, its calls and what frames it included."""
    calls = "".join(f"{call.name}{call.arguments}" for call in message.tool_calls)
    called = estimate_tokens(calls) if calls else 0
    return estimate_tokens(message.content) + called + FRAME_TOKENS


def _most_tokens(message: ChatMessage) -> int:
    """Return how many tokens a message has at most: no letter is more than one."""
    called = sum(len(call.name) + len(str(call.arguments)) + 1 for call in message.tool_calls)
    return len(message.content) + called + FRAME_TOKENS + 2


def _shorten_results(turn: Sequence[ChatMessage], max_tokens: int) -> list[ChatMessage]:
    for most in SHORT_RESULT_CHARS:
        shortened = [
            msgspec.structs.replace(message, content=message.content[:most] + CUT_MARK)
            if message.role == "tool" and len(message.content) > most
            else message
            for message in turn
        ]
        if sum(map(estimate_message, shortened)) <= max_tokens:
            return shortened
    raise ContextWindowExceeded(
        "The shop's information and this message are too long for the model's context window."
    )
