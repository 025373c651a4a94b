"""People who write to visitors: their messages, and that they are writing.

Owns who may say what in which conversation; telling the visitor is left to
``appliance.services.live_conversations``, escalations to ``appliance.services.escalations``.
"""

from __future__ import annotations

from appliance.domain.ids import ConversationId, MessageId, TenantId, new_id
from appliance.domain.live_events import AgentMessage, Person
from appliance.errors import Conflict, NotFound
from appliance.ports.agent_messages import AgentMessageStore
from appliance.ports.clock import Clock
from appliance.ports.escalations import EscalationStore
from appliance.services.live_conversations import LiveConversations


class HumanReplies:
    """Carries what people say to visitors; one instance serves all tenants."""

    def __init__(
        self,
        *,
        messages: AgentMessageStore,
        escalations: EscalationStore,
        live: LiveConversations,
        clock: Clock,
    ) -> None:
        self._messages = messages
        self._escalations = escalations
        self._live = live
        self._clock = clock

    async def say(
        self,
        tenant_id: TenantId,
        conversation_id: ConversationId,
        content: str,
        *,
        author_name: str,
        client_message_id: str | None = None,
    ) -> AgentMessage:
        """Write to the visitor; the same again under the same client's id is one message.

        Raises:
            NotFound: The tenant has no such conversation.
            Conflict: See ``AgentMessageStore.add``.
        """
        said = await self._messages.add(
            tenant_id,
            conversation_id,
            AgentMessage(
                id=MessageId(new_id()),
                content=content,
                created_at=self._clock.now(),
                author=Person(name=author_name),
            ),
            client_message_id=client_message_id,
        )
        if said is None:
            raise _unknown(conversation_id)
        self._live.set_typing(conversation_id, author_name, is_typing=False)
        return said

    async def type(
        self, tenant_id: TenantId, conversation_id: ConversationId, name: str, *, is_typing: bool
    ) -> None:
        """Show the visitor that a person writes, for some seconds, or writes no more.

        Raises:
            NotFound: The tenant has no such conversation.
            Conflict: Nobody has taken it over (``not_taken_over``).
        """
        found = await self._escalations.get(tenant_id, conversation_id)
        if found is None:
            raise _unknown(conversation_id)
        if found.status != "human":
            raise Conflict(
                "Nobody has taken this conversation over. Take it over, then write.",
                code="not_taken_over",
            )
        self._live.set_typing(conversation_id, name, is_typing=is_typing)


def _unknown(conversation_id: ConversationId) -> NotFound:
    return NotFound(f"There is no conversation {conversation_id!r}.", code="conversation_not_found")
