"""Asking for a person, and who has a conversation.

Owns what visitors and operators may do about it outside of a turn; a turn that needs a person is
left to ``appliance.services.handover``, telling the shop to ``appliance.services.notices``.
"""

from __future__ import annotations

from collections.abc import Callable

from appliance.domain.conversation import Conversation
from appliance.domain.escalation import Escalation, EscalationStatus, NewEscalation
from appliance.domain.ids import ConversationId, SessionHash, TenantId, hash_token
from appliance.domain.tenant import Tenant
from appliance.errors import Conflict, NotFound
from appliance.ports.clock import Clock
from appliance.ports.escalations import EscalationStore
from appliance.ports.repositories import Page
from appliance.services.live_conversations import LiveConversations


class EscalationService:
    """Manages escalations.

    Args:
        store: Keeps them.
        clock: Dates them.
        live: Tells those who follow a conversation what became of it.
        on_notice: Called when there may be something to send.
    """

    def __init__(
        self,
        *,
        store: EscalationStore,
        live: LiveConversations,
        clock: Clock,
        on_notice: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._live = live
        self._clock = clock
        self._on_notice = on_notice

    async def escalate(
        self, tenant: Tenant, session_id: str, *, reason: str | None, contact: str | None
    ) -> Conversation:
        """Ask for a person; a second time adds to the open request what is given.

        Raises:
            NotFound: The tenant has no such session.
        """
        conversation = await self._store.escalate(
            tenant.id,
            SessionHash(hash_token(session_id)),
            NewEscalation(
                cause="visitor",
                reason=_stripped(reason),
                contact=_stripped(contact),
                notices=tenant.escalation.notices,
            ),
            at=self._clock.now(),
        )
        if conversation is None:
            raise NotFound("There is no such conversation.", code="session_not_found")
        self._on_notice()
        self._live.wake(conversation.id)
        return conversation

    async def list_page(
        self,
        *,
        limit: int,
        cursor: str | None,
        tenant_id: TenantId | None,
        status: EscalationStatus | None,
    ) -> Page[Escalation]:
        """Return escalations with what became of their notices, newest first."""
        return await self._store.list_page(
            limit=limit, cursor=cursor, tenant_id=tenant_id, status=status
        )

    async def take_over(
        self, tenant_id: TenantId, conversation_id: ConversationId, *, human_name: str
    ) -> Conversation:
        """Give a conversation to a person: the assistant is silent until it is handed back.

        An answer that is being written ends with what there is of it.

        Raises:
            NotFound: The tenant has no such conversation.
            Conflict: It has ended (``code="conversation_ended"``).
        """
        conversation = await self._store.take_over(
            tenant_id, conversation_id, human_name=human_name
        )
        if conversation is not None and conversation.status == "ended":
            raise Conflict("This conversation has ended.", code="conversation_ended")
        self._live.stop_answer(conversation_id)
        self._live.wake(conversation_id)
        return _found(conversation, conversation_id)

    async def hand_back(self, tenant_id: TenantId, conversation_id: ConversationId) -> Conversation:
        """Let the assistant answer again and close the escalation; a second time changes nothing.

        Raises:
            NotFound: The tenant has no such conversation.
        """
        conversation = await self._store.hand_back(tenant_id, conversation_id, at=self._clock.now())
        self._live.set_typing(conversation_id, "", is_typing=False)
        return _found(conversation, conversation_id)


def _found(conversation: Conversation | None, conversation_id: ConversationId) -> Conversation:
    if conversation is None:
        raise NotFound(
            f"There is no conversation {conversation_id!r}.", code="conversation_not_found"
        )
    return conversation


def _stripped(text: str | None) -> str | None:
    return (text or "").strip() or None
