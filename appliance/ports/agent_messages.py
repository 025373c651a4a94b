"""Where the messages of people are kept that have taken a conversation over.

Owns the port and its shapes; what they mean is decided by ``appliance.services.human_replies``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from appliance.domain.ids import ConversationId, TenantId
from appliance.domain.live_events import AgentMessage


class PlacedMessage(Struct, frozen=True, kw_only=True):
    """A person's message and where in the conversation it stands.

    ``turn_number`` is of the conversation's last turn before it, ``place`` counts the messages of
    people behind that turn from 0: both together only grow in a conversation.
    """

    message: AgentMessage
    turn_number: int
    place: int


class AgentMessageStore(Protocol):
    """Messages of people. All methods raise ``StorageError``."""

    async def add(
        self,
        tenant_id: TenantId,
        conversation_id: ConversationId,
        message: AgentMessage,
        *,
        client_message_id: str | None,
    ) -> AgentMessage | None:
        """Store the message as the conversation's newest.

        Returns:
            The message, or the one that was stored before under the same client's id; ``None`` when
            the tenant has no such conversation.

        Raises:
            Conflict: Nobody has taken the conversation over (``not_taken_over``), it has ended
                (``conversation_ended``), or the client's id was used for another text
                (``idempotency_mismatch``).
        """
        ...

    async def list_behind(
        self, tenant_id: TenantId, conversation_id: ConversationId, *, turn_number: int
    ) -> Sequence[PlacedMessage]:
        """Return the messages behind this turn and later ones, oldest first."""
        ...
