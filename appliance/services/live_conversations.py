"""Following a conversation: its turns, the messages and typing of people, and who has it.

Owns the order in which a follower is told, and that none who comes back misses a message; turns are
told by ``appliance.services.turn_streams``. See docs/adr/0005.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime, timedelta

from appliance.domain.conversation import Conversation
from appliance.domain.ids import ConversationId, SessionHash, hash_token
from appliance.domain.live_events import (
    AgentSaid,
    AgentTyping,
    ConversationState,
    LiveEvent,
    Person,
)
from appliance.domain.tenant import Tenant
from appliance.ports.agent_messages import AgentMessageStore, PlacedMessage
from appliance.ports.clock import Clock
from appliance.ports.turn_store import TurnStore
from appliance.services.turn_streams import (
    EVENTS_PER_TURN,
    PEOPLE_FROM,
    Following,
    TurnStreams,
)

TYPING_S = 10.0
"""How long a person counts as writing who does not say so again."""
OVERLAP = timedelta(seconds=30)
"""Who begins to follow is told again what was said just now: it may have been said between reading
the history and this."""


class LiveConversations:
    """Tells followers what happens in their conversations; one instance serves all tenants."""

    def __init__(
        self,
        *,
        streams: TurnStreams,
        turn_store: TurnStore,
        messages: AgentMessageStore,
        clock: Clock,
    ) -> None:
        self.streams = streams
        self.turn_store = turn_store
        self.messages = messages
        self.clock = clock
        self._typing: dict[ConversationId, tuple[str, asyncio.TimerHandle]] = {}

    def wake(self, conversation_id: ConversationId) -> None:
        """Have the conversation's followers look at what has become of it."""
        self.streams.wake(conversation_id)

    def stop_answer(self, conversation_id: ConversationId) -> None:
        """End the assistant's answer that is being written with what there is of it."""
        running = self.streams.find_running(conversation_id)
        if running is not None:
            running.stop()

    def set_typing(self, conversation_id: ConversationId, name: str, *, is_typing: bool) -> None:
        """Note that a person writes, for a while, or writes no more."""
        _, timer = self._typing.pop(conversation_id, (None, None))
        if timer is not None:
            timer.cancel()
        if is_typing:
            loop = asyncio.get_running_loop()
            timer = loop.call_later(TYPING_S, self._cease_typing, conversation_id)
            self._typing[conversation_id] = (name, timer)
        self.wake(conversation_id)

    def _cease_typing(self, conversation_id: ConversationId) -> None:
        if self._typing.pop(conversation_id, None) is not None:
            self.wake(conversation_id)

    def follow(
        self, tenant: Tenant, session_id: str, conversation: Conversation, *, after_id: int | None
    ) -> AsyncGenerator[Following, None]:
        """Yield the conversation's events until it is forgotten.

        While a turn runs, its events alone are told: what people do meanwhile comes behind it.

        Args:
            tenant: Whose conversation it is.
            session_id: By which it is found again.
            conversation: As it is now.
            after_id: Begin behind this event; ``None`` begins with what happens from now on.
        """
        follower = _Follower(self, tenant, SessionHash(hash_token(session_id)), conversation.id)
        is_told = after_id is None or conversation.is_escalated
        first = follower.tell_state(conversation) if is_told else []
        return follower.follow(after_id, first)

    def find_typing(self, conversation_id: ConversationId) -> str | None:
        """Return the name of the person who writes just now."""
        found = self._typing.get(conversation_id)
        return None if found is None else found[0]


class _Follower:
    """One open stream, and what was told on it; very many are open and idle."""

    __slots__ = (
        *("_after_id", "_conversation_id", "_live", "_session", "_since", "_state"),
        *("_tenant", "_typing"),
    )

    def __init__(
        self,
        live: LiveConversations,
        tenant: Tenant,
        session: SessionHash,
        conversation_id: ConversationId,
    ) -> None:
        self._live = live
        self._tenant = tenant
        self._session = session
        self._conversation_id = conversation_id
        self._after_id = -1
        self._since: datetime | None = None
        self._state: ConversationState | None = None
        self._typing: str | None = None

    async def follow(
        self, after_id: int | None, first: list[LiveEvent]
    ) -> AsyncGenerator[Following, None]:
        """Tell what comes first, what was missed, and what follows.

        To who comes back to an assistant's answer, its rest is told first.
        """
        if after_id is None:
            self._since = self._live.clock.now() - OVERLAP
        else:
            self._after_id = after_id
        if first:
            yield first
        turns = self._live.streams.follow(
            self._conversation_id, after_id=after_id, tell_between=self._tell
        )
        async with aclosing(turns) as batches:
            async for batch in batches:
                yield batch

    async def _tell(self, before_id: int | None) -> list[LiveEvent]:
        """Return what is to be told before the turn that begins at ``before_id``, or now."""
        store = self._live.turn_store
        found = await store.find_conversation(self._tenant.id, self._session)
        if found is None:
            return []
        # Who never was with a person need not be looked for messages of one.
        messages = [] if found.human_name is None else await self._tell_messages(before_id)
        if before_id is not None:
            return messages
        state = self.tell_state(found)
        ordered = [*state, *messages] if found.status == "human" else [*messages, *state]
        return [*ordered, *self._tell_typing()]

    async def _tell_messages(self, before_id: int | None) -> list[LiveEvent]:
        events: list[LiveEvent] = []
        behind = await self._live.messages.list_behind(
            self._tenant.id,
            self._conversation_id,
            turn_number=max(0, self._after_id) // EVENTS_PER_TURN,
        )
        for placed in behind:
            event_id = _id_of(placed)
            if self._after_id < event_id and (before_id is None or event_id < before_id):
                self._after_id = event_id
                if self._since is None or placed.message.created_at >= self._since:
                    events.append(LiveEvent(event=AgentSaid(message=placed.message), id=event_id))
        return events

    def tell_state(self, found: Conversation) -> list[LiveEvent]:
        """Return who has the conversation, unless that was told."""
        name = found.human_name or self._tenant.name
        state = ConversationState(
            escalated=found.is_escalated,
            human=Person(name=name) if found.status == "human" else None,
            conversation_ended=found.status == "ended",
        )
        if state == self._state:
            return []
        self._state = state
        return [LiveEvent(event=state)]

    def _tell_typing(self) -> list[LiveEvent]:
        name, before = self._live.find_typing(self._conversation_id), self._typing
        if name == before:
            return []
        self._typing = name
        event = AgentTyping(name=name or before or "", typing=name is not None)
        return [LiveEvent(event=event)]


def _id_of(placed: PlacedMessage) -> int:
    return placed.turn_number * EVENTS_PER_TURN + PEOPLE_FROM + placed.place
