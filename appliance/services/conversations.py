"""Reading and ending conversations on the visitor's side.

Owns what a visitor may see of a conversation; answering is left to ``appliance.services.turns``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from appliance.domain.conversation import Conversation
from appliance.domain.ids import MessageId, SessionHash, TenantId, hash_token
from appliance.domain.live_events import Person
from appliance.domain.message import Citation
from appliance.errors import NotFound
from appliance.ports.clock import Clock
from appliance.ports.turn_store import TurnStore
from appliance.services.live_conversations import LiveConversations

TOOL_MESSAGES_PER_MESSAGE = 3
"""Hidden rows read along for each one shown, so that a page is seldom short."""


class VisibleMessage(Struct, frozen=True, kw_only=True):
    """One message as a visitor sees it.

    ``message_id`` is what the visitor's client called it, ``author`` the person who wrote it.
    """

    id: MessageId
    role: Literal["user", "assistant", "agent"]
    content: str
    created_at: datetime
    citations: tuple[Citation, ...] = ()
    message_id: str | None = None
    author: Person | UnsetType = UNSET


class History(Struct, frozen=True, kw_only=True):
    """The newest part of a conversation, oldest message first."""

    session_id: str
    messages: list[VisibleMessage]
    conversation_ended: bool
    escalated: bool


class ConversationService:
    """Serves a visitor's own conversation, found by the session id only."""

    def __init__(self, *, turn_store: TurnStore, clock: Clock, live: LiveConversations) -> None:
        self._turn_store = turn_store
        self._live = live
        self._clock = clock

    async def find(self, tenant_id: TenantId, session_id: str) -> Conversation:
        """Return the conversation of a session.

        Raises:
            NotFound: The tenant has no such session.
        """
        conversation = await self._turn_store.find_conversation(tenant_id, _hashed(session_id))
        if conversation is None:
            raise _unknown_session()
        return conversation

    async def history(self, tenant_id: TenantId, session_id: str, *, limit: int) -> History:
        """Return the newest ``limit`` messages the visitor may see.

        Raises:
            NotFound: The tenant has no such session.
        """
        conversation = await self.find(tenant_id, session_id)
        stored = await self._turn_store.list_messages(
            tenant_id, conversation.id, limit=limit * TOOL_MESSAGES_PER_MESSAGE
        )
        visible = [
            VisibleMessage(
                id=message.id,
                role=message.role,
                content=message.content,
                created_at=message.created_at,
                citations=message.citations,
                message_id=message.client_message_id if message.role == "user" else None,
                author=Person(name=message.author_name) if message.author_name else UNSET,
            )
            for message in stored
            if message.role in ("user", "assistant", "agent")
            and message.content
            and not message.tool_calls
        ]
        return History(
            session_id=session_id,
            messages=visible[-limit:],
            conversation_ended=conversation.status == "ended",
            escalated=conversation.is_escalated,
        )

    async def end(self, tenant_id: TenantId, session_id: str) -> Conversation:
        """End the conversation; a second time changes nothing.

        Raises:
            NotFound: The tenant has no such session.
        """
        conversation = await self._turn_store.end_conversation(
            tenant_id, _hashed(session_id), ended_at=self._clock.now()
        )
        if conversation is None:
            raise _unknown_session()
        self._live.wake(conversation.id)
        return conversation


def _hashed(session_id: str) -> SessionHash:
    return SessionHash(hash_token(session_id))


def _unknown_session() -> NotFound:
    return NotFound("There is no such conversation.", code="session_not_found")
