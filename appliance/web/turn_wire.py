"""What of a conversation goes over the wire as server-sent events, and coming back to them.

Owns names, data and ids of the events and what ``Last-Event-ID`` asks for; their framing is left to
``appliance.web.sse``, what happens to the services.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Protocol, assert_never

import msgspec

from appliance.domain.live_events import AgentSaid, AgentTyping, ConversationState, LiveEvent
from appliance.domain.turn_events import (
    AnswerDelta,
    ToolProgress,
    TurnFailed,
    TurnFinished,
    TurnStarted,
)
from appliance.services.turn_streams import Following, NumberedEvent
from appliance.web.problems import build_problem
from appliance.web.sse import ServerEvent

_EVENT_ID = re.compile(r"[0-9]{1,18}")


class Follow(Protocol):
    """Follows a conversation."""

    def __call__(self, *, after_id: int | None) -> AsyncGenerator[Following, None]:
        """Yield what happens behind this event; ``None`` begins with what happens from now on."""
        ...


def follow_behind(follow: Follow, last_event_id: str) -> AsyncGenerator[list[ServerEvent], None]:
    """Yield what a conversation's client has missed, then whatever follows.

    Args:
        follow: Follows its conversation.
        last_event_id: The header; what is no id asks for what happens from now on.
    """
    if _EVENT_ID.fullmatch(last_event_id) is None:
        return encode_batches(follow(after_id=None))
    last = int(last_event_id)
    # `done` shares its event with what ends the turn, so look at the last one received again.
    return encode_batches(follow(after_id=last - 1), after_id=last)


async def encode_batches(
    batches: AsyncGenerator[Following, None] | AsyncGenerator[list[NumberedEvent], None],
    *,
    after_id: int = -1,
) -> AsyncGenerator[list[ServerEvent], None]:
    """Yield the wire events whose ids are greater than ``after_id``."""
    async with aclosing(batches):
        async for batch in batches:
            events = [event for happened in batch for event in _encode(happened)]
            if unseen := [event for event in events if event.id is None or event.id > after_id]:
                yield unseen


def _encode(happened: NumberedEvent | LiveEvent) -> list[ServerEvent]:
    if isinstance(happened, NumberedEvent):
        return encode_turn_event(happened)
    return [encode_live_event(happened)]


def encode_live_event(live: LiveEvent) -> ServerEvent:
    """Return what goes over the wire for what happens beside the turns."""
    match live.event:
        case ConversationState():
            name = "state"
        case AgentSaid():
            name = "agent_message"
        case AgentTyping():
            name = "agent_typing"
        case _:
            assert_never(live.event)
    return ServerEvent(name, msgspec.json.encode(live.event), live.id)


def encode_turn_event(numbered: NumberedEvent) -> list[ServerEvent]:
    """Return what goes over the wire for one event of a turn; its end is followed by ``done``."""
    event = numbered.event
    match event:
        case TurnStarted():
            return [ServerEvent("session", msgspec.json.encode(event), numbered.id)]
        case AnswerDelta():
            return [ServerEvent("delta", msgspec.json.encode(event), numbered.id)]
        case ToolProgress():
            return [ServerEvent("tool", msgspec.json.encode(event), numbered.id)]
        case TurnFinished(reply=reply):
            end = ServerEvent("message", msgspec.json.encode(reply), numbered.id)
        case TurnFailed(error=error):
            end = ServerEvent("error", msgspec.json.encode(build_problem(error)[0]), numbered.id)
        case _:
            assert_never(event)
    return [end, ServerEvent("done", b"{}", numbered.id + 1)]
