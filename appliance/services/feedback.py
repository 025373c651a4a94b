"""What visitors think of answers and conversations.

Owns how a rating is read; keeping it is left to the feedback store.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from appliance.domain.ids import MessageId, TenantId
from appliance.errors import NotFound
from appliance.ports.clock import Clock
from appliance.ports.escalations import FeedbackStore
from appliance.services.conversations import ConversationService

Rating = Literal["up", "down"] | Annotated[int, Meta(ge=1, le=5)]

_THUMBS = {"up": 5, "down": 1}


class FeedbackService:
    """Takes ratings."""

    def __init__(
        self, *, store: FeedbackStore, conversations: ConversationService, clock: Clock
    ) -> None:
        self._store = store
        self._conversations = conversations
        self._clock = clock

    async def give(
        self,
        tenant_id: TenantId,
        session_id: str,
        *,
        message_id: str | None,
        rating: Rating,
        comment: str | None,
    ) -> None:
        """Rate an answer, or without ``message_id`` the conversation; replaces an earlier rating.

        Raises:
            NotFound: The tenant has no such session, or the session no such answer.
        """
        conversation = await self._conversations.find(tenant_id, session_id)
        is_known = await self._store.put(
            tenant_id,
            conversation.id,
            message_id=None if message_id is None else MessageId(message_id),
            rating=_THUMBS[rating] if isinstance(rating, str) else rating,
            comment=(comment or "").strip() or None,
            at=self._clock.now(),
        )
        if not is_known:
            raise NotFound("There is no such answer.", code="message_not_found")
