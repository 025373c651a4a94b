"""What every store of people's messages must do.

Owns the suite; opening a database is left to the subclasses.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import pytest
import pytest_asyncio

from appliance.domain.ids import ConversationId, MessageId, new_id
from appliance.domain.live_events import AgentMessage, Person
from appliance.errors import Conflict
from appliance.ports.turn_store import TurnAccepted, TurnMismatch
from appliance.storage.tables import conversations, messages
from tests.fakes.stored_history import StoredHistory


class AgentMessagesContract(ABC):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[StoredHistory]:
        """Open an empty database with two tenants."""

    @pytest_asyncio.fixture
    async def history(self) -> AsyncIterator[StoredHistory]:
        async with self.open() as history:
            await history.talk("s1")
            yield history

    async def test_a_message_is_the_newest_of_its_conversation(self, history: StoredHistory):
        await take_over(history)
        said = await add(history, "Hello, Dana here.")
        assert said is not None
        [*_, last] = await history.opened.store.list_messages(
            history.tenant_id, await history.conversation_id("s1"), limit=9
        )
        assert (last.id, last.role, last.content) == (said.id, "agent", "Hello, Dana here.")
        assert (last.author_name, last.created_at) == ("Dana", history.clock.now())
        [row] = await history.rows(conversations)
        assert (row.message_count, row.last_seq) == (3, last.seq)
        await history.talk("s1")
        assert len(await history.rows(messages)) == 5

    async def test_the_same_message_sent_again_is_one(self, history: StoredHistory):
        await take_over(history)
        sent = await asyncio.gather(*(add(history, "Hello", key="k1") for _ in range(5)))
        assert len({said.id for said in sent if said is not None}) == 1
        conversation_id = await history.conversation_id("s1")
        store = history.temporary.database.escalations
        await store.hand_back(history.tenant_id, conversation_id, at=history.clock.now())
        assert await add(history, "Hello", key="k1") == sent[0]
        assert len([row for row in await history.rows(messages) if row.role == "agent"]) == 1
        with pytest.raises(Conflict) as refused:
            await add(history, "Another", key="k1")
        assert refused.value.code == "idempotency_mismatch"

    async def test_a_visitors_message_id_is_not_a_persons(self, history: StoredHistory):
        await take_over(history)
        await add(history, "Hello", key="k1")
        for key in ("k1", "agent:k1"):
            turn = history.opened.build_turn("Hello", session="s1", message_id=key)
            accepted = await history.opened.store.begin_turn(turn)
            assert not isinstance(accepted, TurnMismatch)
            assert isinstance(accepted, TurnAccepted)
            await history.opened.finish(accepted, "", new_messages=(), usage=())
        assert await add(history, "Hello", key="k1") is not None

    async def test_only_who_has_the_conversation_writes(self, history: StoredHistory):
        with pytest.raises(Conflict) as refused:
            await add(history, "Hello")
        assert refused.value.code == "not_taken_over"
        accepted = await history.ask("s1", "Bye")
        await history.opened.finish(accepted, ends_conversation=True)
        with pytest.raises(Conflict) as refused:
            await add(history, "Hello")
        assert refused.value.code == "conversation_ended"

    async def test_another_tenants_conversation_is_absent(self, history: StoredHistory):
        await take_over(history)
        conversation_id = await history.conversation_id("s1")
        store, message = history.temporary.database.agent_messages, build(history, "Hello")
        for tenant_id, other in (
            (history.other_tenant_id, conversation_id),
            (history.tenant_id, ConversationId("nowhere")),
        ):
            added = await store.add(tenant_id, other, message, client_message_id=None)
            assert added is None
            await add(history, "Mine")
            assert await store.list_behind(tenant_id, other, turn_number=0) == []

    async def test_messages_are_listed_behind_their_turns(self, history: StoredHistory):
        await take_over(history)
        for text in ("one", "two"):
            await add(history, text)
        accepted = await history.ask("s1", "And?")
        await history.opened.finish(accepted, "", new_messages=(), usage=())
        await add(history, "three")
        first, later = accepted.fencing_token - 1, accepted.fencing_token
        listed = [(first, 0, "one"), (first, 1, "two"), (later, 0, "three")]
        for turn_number, expected in ((0, listed), (later, listed[2:]), (later + 1, [])):
            placed = await history.temporary.database.agent_messages.list_behind(
                history.tenant_id, await history.conversation_id("s1"), turn_number=turn_number
            )
            found = [(one.turn_number, one.place, one.message.content) for one in placed]
            assert found == expected


def build(history: StoredHistory, content: str) -> AgentMessage:
    return AgentMessage(
        id=MessageId(new_id()),
        content=content,
        created_at=history.clock.now(),
        author=Person(name="Dana"),
    )


async def take_over(history: StoredHistory) -> None:
    store = history.temporary.database.escalations
    conversation_id = await history.conversation_id("s1")
    assert await store.take_over(history.tenant_id, conversation_id, human_name="Dana")


async def add(
    history: StoredHistory, content: str, *, key: str | None = None
) -> AgentMessage | None:
    return await history.temporary.database.agent_messages.add(
        history.tenant_id,
        await history.conversation_id("s1"),
        build(history, content),
        client_message_id=key,
    )
