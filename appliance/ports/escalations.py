"""Where escalations and visitors' feedback are kept.

Owns the ports; what they mean is decided by ``appliance.services``. An escalation that a turn
causes is stored with the turn's end (``appliance.ports.turn_store``).
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from appliance.domain.conversation import Conversation
from appliance.domain.escalation import Escalation, EscalationStatus, NewEscalation
from appliance.domain.ids import ConversationId, MessageId, SessionHash, TenantId
from appliance.ports.repositories import Page


class EscalationStore(Protocol):
    """Escalations and who has a conversation. All methods raise ``StorageError``."""

    async def escalate(
        self, tenant_id: TenantId, session_hash: SessionHash, new: NewEscalation, *, at: datetime
    ) -> Conversation | None:
        """Open an escalation with its notices, or add to the open one, in one commit.

        Returns:
            The conversation as it is then, or ``None`` when the tenant has no such session.
        """
        ...

    async def list_page(
        self,
        *,
        limit: int,
        cursor: str | None,
        tenant_id: TenantId | None,
        status: EscalationStatus | None,
    ) -> Page[Escalation]:
        """Return escalations with their notices, newest first.

        Raises:
            InvalidInput: ``cursor`` was not made by this method.
        """
        ...

    async def get(
        self, tenant_id: TenantId, conversation_id: ConversationId
    ) -> Conversation | None:
        """Return the tenant's conversation of this id."""
        ...

    async def take_over(
        self, tenant_id: TenantId, conversation_id: ConversationId, *, human_name: str
    ) -> Conversation | None:
        """Give the conversation to a person of this name; one that has ended stays as it is."""
        ...

    async def hand_back(
        self, tenant_id: TenantId, conversation_id: ConversationId, *, at: datetime
    ) -> Conversation | None:
        """Give it back to the assistant and close its escalation; one that has ended stays so."""
        ...


class FeedbackStore(Protocol):
    """Ratings of answers and conversations. All methods raise ``StorageError``."""

    async def put(
        self,
        tenant_id: TenantId,
        conversation_id: ConversationId,
        *,
        message_id: MessageId | None,
        rating: int,
        comment: str | None,
        at: datetime,
    ) -> bool:
        """Store the rating in place of an earlier one; without a message, of the conversation.

        Returns:
            False when the conversation has no such answer.
        """
        ...
