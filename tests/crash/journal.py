"""What the visitors know: which messages were acknowledged, which answers they have read.

Owns remembering it for the comparison with the database, and the contradictions that a visitor can
see alone; the comparison is left to ``promises``.
"""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Message:
    """A message of a visitor, however often it was sent."""

    shop: str
    text: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    sends: int = 0
    conversation_id: str | None = None
    session_id: str | None = None
    user_message_id: str | None = None
    reply_id: str | None = None
    reply_text: str | None = None

    @property
    def is_acknowledged(self) -> bool:
        """Whether the server has said that it has the message."""
        return self.conversation_id is not None


@dataclass
class Booking:
    """What a visitor wants booked under a name of its own."""

    shop: str
    name: str
    confirmations: int = 0
    is_told_done: bool = False


@dataclass
class Journal:
    """Everything that was promised to the visitors of one server."""

    messages: dict[str, Message] = field(default_factory=dict)
    bookings: dict[str, Booking] = field(default_factory=dict)
    webhook_calls: dict[str, list[str]] = field(default_factory=dict)
    """For each name booked by webhook the keys of the calls, one entry a call."""
    counts: Counter[str] = field(default_factory=Counter)
    contradictions: list[str] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)
    """Ids of the messages of which something was learnt since the last comparison."""

    def write_message(self, shop: str, text: str) -> Message:
        """Note a message before it is sent for the first time."""
        message = Message(shop, text)
        self.messages[message.id] = message
        return message

    def acknowledge(self, message: Message, event: dict[str, Any]) -> None:
        """Note that the server has the message."""
        if message.is_acknowledged and message.conversation_id != event["conversation_id"]:
            self.contradictions.append(
                f"message {message.id} is in conversation {message.conversation_id} and in "
                f"{event['conversation_id']}"
            )
        if not message.is_acknowledged:
            self.counts["acknowledged"] += 1
        message.conversation_id = event["conversation_id"]
        message.session_id = event["session_id"]
        message.user_message_id = event.get("user_message_id", message.user_message_id)
        self.changed.add(message.id)

    def answer(self, message: Message, reply: dict[str, Any]) -> None:
        """Note an answer; every later one must be the same."""
        self.acknowledge(message, reply)
        reply_id, text = reply["message"]["id"], reply["message"]["content"]
        if message.reply_id is None:
            self.counts["answered"] += 1
            message.reply_id, message.reply_text = reply_id, text
        elif (message.reply_id, message.reply_text) != (reply_id, text):
            self.contradictions.append(
                f"message {message.id} was answered by {message.reply_id} and by {reply_id}"
            )
        else:
            self.counts["same answer again"] += 1

    def take_changed(self) -> list[Message]:
        """Return the messages of which something was learnt since the last call."""
        changed = [self.messages[message_id] for message_id in self.changed]
        self.changed.clear()
        return changed
