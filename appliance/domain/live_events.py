"""What happens in a conversation beside its turns, as the visitor's side is told of it.

Owns the closed union of these events; those of turns are in ``appliance.domain.turn_events``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from appliance.domain.ids import MessageId


class Person(Struct, frozen=True, kw_only=True):
    """A person of the shop's, by the name that visitors read."""

    name: str


class ConversationState(Struct, frozen=True, kw_only=True):
    """Who has the conversation; ``human`` is the person that took it over."""

    escalated: bool
    human: Person | None
    conversation_ended: bool


class AgentMessage(Struct, frozen=True, kw_only=True):
    """What a person wrote to the visitor."""

    id: MessageId
    content: str
    created_at: datetime
    author: Person
    role: Literal["agent"] = "agent"


class AgentSaid(Struct, frozen=True, kw_only=True):
    """A person wrote a message; it is durable."""

    message: AgentMessage


class AgentTyping(Struct, frozen=True, kw_only=True):
    """A person began or ceased to write."""

    name: str
    typing: bool


class LiveEvent(Struct, frozen=True, kw_only=True):
    """An event with its id, or without one where a client that comes back need not be told it."""

    event: ConversationState | AgentSaid | AgentTyping
    id: int | None = None
