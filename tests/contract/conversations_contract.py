"""What keeping traces and reading conversations must do on every database.

Owns the suite; opening the database is left to the subclasses.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

import pytest_asyncio
from msgspec import Struct

from appliance.domain.ids import ConversationId, MessageId, SessionHash, TenantId, new_id
from appliance.domain.message import ChatMessage, ChatReply, ReplyMessage, ReplyUsage, TokenUsage
from appliance.domain.tool import ToolExecution, ToolOutcome
from appliance.domain.trace import StoredTrace, TraceStep
from appliance.ports.conversation_reader import ConversationSearch
from appliance.ports.turn_store import FinishedTurn, ModelUsage, NewTurn, TurnAccepted
from appliance.storage.database import Database
from tests.fakes.clock import SettableClock
from tests.fakes.shops import build_tenant, call_order

STEPS = (TraceStep(kind="cache", at_ms=1.5, detail={"is_hit": False, "note": "שלום"}),)


class OpenedConversations(Struct, frozen=True):
    """A database with two tenants, under test."""

    database: Database
    clock: SettableClock
    mine: TenantId
    theirs: TenantId

    async def talk(
        self, tenant_id: TenantId, text: str, answer: str = "It is baking.", **fields: Any
    ) -> TurnAccepted:
        """Let a visitor ask in a new conversation, and be answered behind one tool call."""
        self.clock.advance(60)
        now = self.clock.now()
        accepted = await self.database.turn_store.begin_turn(
            NewTurn(
                tenant_id=tenant_id,
                session_hash=None,
                new_session_hash=SessionHash(new_id()),
                new_conversation_id=ConversationId(new_id()),
                user_message_id=MessageId(new_id()),
                client_message_id=None,
                content=text,
                received_at=now,
                **fields,
            )
        )
        assert isinstance(accepted, TurnAccepted)
        place = (tenant_id, accepted.conversation.id)
        call = call_order(f"call_{new_id()}")
        usage = ModelUsage(
            provider="ollama", model="m", usage=TokenUsage(input_tokens=7, output_tokens=3)
        )
        await self.database.turn_store.finish_turn(
            FinishedTurn(
                tenant_id=place[0],
                conversation_id=place[1],
                user_message_id=accepted.user_message_id,
                fencing_token=accepted.fencing_token,
                reply=ChatReply(
                    session_id="",
                    conversation_id=place[1],
                    message=ReplyMessage(id=MessageId(new_id()), content=answer, created_at=now),
                    usage=ReplyUsage(input_tokens=7, output_tokens=3),
                    model="ollama/m",
                ),
                new_messages=(ChatMessage(role="assistant", content=answer),),
                executions=(
                    ToolExecution(
                        call=call,
                        outcome=ToolOutcome(is_success=True, output={"status": "baking"}),
                        executed_at=now,
                    ),
                ),
                usage=(usage,),
                usage_day=now.date().isoformat(),
                pending_action=None,
                finished_at=now,
            )
        )
        return accepted

    def trace(self, turn: TurnAccepted, tenant_id: TenantId, *steps: TraceStep) -> StoredTrace:
        """Return a trace of the turn."""
        return StoredTrace(
            tenant_id=tenant_id,
            conversation_id=turn.conversation.id,
            message_id=turn.user_message_id,
            created_at=self.clock.now(),
            steps=steps or STEPS,
        )

    async def found(self, **wanted: Any) -> list[str]:
        """Return the ids of the conversations that a search finds."""
        page = await self.database.conversations.list_page(
            ConversationSearch(**wanted), limit=50, cursor=None
        )
        return [row.id for row in page.items]


async def fill(database: Database, clock: SettableClock) -> OpenedConversations:
    """Return the database with its two tenants."""
    shops = [build_tenant(name=name) for name in ("Mine", "Theirs")]
    for shop in shops:
        await database.tenants.add(shop)
    return OpenedConversations(database, clock, shops[0].id, shops[1].id)


class ConversationsContract(ABC):
    """Holds for every database."""

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[OpenedConversations]:
        """Open a database with two tenants."""

    @pytest_asyncio.fixture
    async def opened(self) -> AsyncIterator[OpenedConversations]:
        async with self.open() as opened:
            yield opened

    async def test_a_trace_is_kept_whole_and_replaced_by_a_later_one(
        self, opened: OpenedConversations
    ) -> None:
        turn = await opened.talk(opened.mine, "Where is it?")
        later = TraceStep(kind="outcome", at_ms=2, detail={"state": "done"})
        traces = opened.database.traces
        await traces.add([opened.trace(turn, opened.mine)])
        [kept] = await traces.list_traces(turn.conversation.id)
        assert kept == opened.trace(turn, opened.mine)
        await traces.add([opened.trace(turn, opened.mine), opened.trace(turn, opened.mine, later)])
        [kept] = await traces.list_traces(turn.conversation.id)
        assert kept.steps == (later,)

    async def test_a_trace_of_nobodys_or_anothers_conversation_is_not_kept(
        self, opened: OpenedConversations
    ) -> None:
        turn = await opened.talk(opened.mine, "Where is it?")
        traces = opened.database.traces
        gone = StoredTrace(
            tenant_id=opened.mine,
            conversation_id=ConversationId(new_id()),
            message_id=MessageId(new_id()),
            created_at=opened.clock.now(),
            steps=STEPS,
        )
        await traces.add([gone, opened.trace(turn, opened.theirs)])
        assert await traces.list_traces(turn.conversation.id) == []
        assert await traces.list_traces(gone.conversation_id) == []

    async def test_conversations_are_found_by_what_they_are(
        self, opened: OpenedConversations
    ) -> None:
        began = opened.clock.now()
        first = await opened.talk(opened.mine, "Is my PIZZA 100% ready?", user_identifier="dana")
        second = await opened.talk(opened.mine, "איפה ההזמנה שלי?", channel="email")
        other = await opened.talk(opened.theirs, "Is my pizza ready?")
        ids = [turn.conversation.id for turn in (first, second, other)]
        assert await opened.found() == ids[::-1]
        assert await opened.found(tenant_id=opened.mine) == [ids[1], ids[0]]
        assert await opened.found(channel="email") == [ids[1]]
        assert await opened.found(status="ended") == []
        assert await opened.found(tenant_id=opened.mine, text="pizza 100%") == [ids[0]]
        assert await opened.found(text="ההזמנה") == [ids[1]]
        assert await opened.found(text="DANA") == [ids[0]]
        assert await opened.found(text="100_") == []
        middle = began + timedelta(seconds=90)
        assert await opened.found(since=middle) == [ids[2], ids[1]]
        assert await opened.found(until=middle) == [ids[0]]

    async def test_conversations_come_in_pages(self, opened: OpenedConversations) -> None:
        ids = [(await opened.talk(opened.mine, f"n {n}")).conversation.id for n in range(5)]
        seen: list[str] = []
        cursor = None
        while True:
            page = await opened.database.conversations.list_page(
                ConversationSearch(tenant_id=opened.mine), limit=2, cursor=cursor
            )
            seen += [row.id for row in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert seen == ids[::-1]

    async def test_a_conversation_is_read_with_messages_and_executions(
        self, opened: OpenedConversations
    ) -> None:
        turn = await opened.talk(opened.mine, "Where is it?")
        reader = opened.database.conversations
        row = await reader.get(turn.conversation.id)
        assert row is not None
        assert (row.message_count, row.input_tokens, row.model) == (2, 7, "m")
        messages = await reader.list_messages(turn.conversation.id)
        assert [(m.seq, m.role, m.content, m.output_tokens) for m in messages] == [
            (1, "user", "Where is it?", 0),
            (2, "assistant", "It is baking.", 3),
        ]
        [execution] = await reader.list_executions(turn.conversation.id)
        assert (execution.parameters, execution.response) == (
            {"order_number": "12345"},
            {"status": "baking"},
        )
        assert await reader.get(ConversationId(new_id())) is None

    async def test_ratings_are_read_with_their_comments(self, opened: OpenedConversations) -> None:
        turn = await opened.talk(opened.mine, "Where is it?")
        reader, place = opened.database.conversations, (opened.mine, turn.conversation.id)
        [*_, answer] = await reader.list_messages(turn.conversation.id)
        for message_id, rating, comment in (
            (MessageId(answer.id), 1, "wrong"),
            (None, 4, None),
            (MessageId(answer.id), 5, "right"),
        ):
            opened.clock.advance(1)
            await opened.database.feedback.put(
                *place,
                message_id=message_id,
                rating=rating,
                comment=comment,
                at=opened.clock.now(),
            )
        rows = await reader.list_feedback(turn.conversation.id)
        assert [(row.message_id, row.rating, row.comment) for row in rows] == [
            (answer.id, 5, "right"),
            (None, 4, None),
        ]
        assert await reader.list_feedback(ConversationId(new_id())) == []
