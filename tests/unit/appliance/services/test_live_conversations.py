"""Followers of a conversation that a person has, on a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import pytest
import pytest_asyncio

from appliance.domain.ids import MessageId
from appliance.domain.live_events import AgentSaid, AgentTyping, ConversationState, Person
from appliance.domain.turn_events import AnswerDelta, TurnFailed
from appliance.errors import Cancelled
from appliance.services import live_conversations
from appliance.services.escalations import EscalationService
from appliance.services.human_replies import HumanReplies
from appliance.services.turn_streams import Following, TurnStream, TurnStreams
from tests.fakes.live_conversations import build_live
from tests.fakes.shops import build_tenant
from tests.fakes.sqlite_database import TemporaryDatabase
from tests.fakes.stored_history import StoredHistory

SESSION = "s1"
ALONE = ConversationState(escalated=False, human=None, conversation_ended=False)
WAITING = ConversationState(escalated=True, human=None, conversation_ended=False)
WITH_DANA = ConversationState(escalated=True, human=Person(name="Dana"), conversation_ended=False)


class Desk:
    """A shop with one conversation, and an operator called Dana."""

    def __init__(self, temporary: TemporaryDatabase) -> None:
        self.temporary = temporary
        self.history = StoredHistory(temporary)
        self.tenant = build_tenant(id=temporary.tenant_id)
        self.streams = TurnStreams(temporary.clock)
        self.live = build_live(temporary, self.streams)
        stores = temporary.database
        self.replies = HumanReplies(
            messages=stores.agent_messages,
            escalations=stores.escalations,
            live=self.live,
            clock=temporary.clock,
        )
        self.escalations = EscalationService(
            store=stores.escalations, live=self.live, clock=temporary.clock
        )

    async def take_over(self) -> None:
        conversation_id = await self.history.conversation_id(SESSION)
        await self.escalations.take_over(self.tenant.id, conversation_id, human_name="Dana")

    async def hand_back(self) -> None:
        conversation_id = await self.history.conversation_id(SESSION)
        await self.escalations.hand_back(self.tenant.id, conversation_id)

    async def say(self, text: str, key: str | None = None) -> None:
        conversation_id = await self.history.conversation_id(SESSION)
        await self.replies.say(
            self.tenant.id, conversation_id, text, author_name="Dana", client_message_id=key
        )

    async def type(self, *, is_typing: bool) -> None:
        conversation_id = await self.history.conversation_id(SESSION)
        await self.replies.type(self.tenant.id, conversation_id, "Dana", is_typing=is_typing)

    async def follow(self, after_id: int | None = None) -> AsyncGenerator[Following, None]:
        found = await self.history.opened.conversation(SESSION)
        return self.live.follow(self.tenant, SESSION, found, after_id=after_id)

    async def turn(self, *texts: str) -> TurnStream:
        """Run a turn that is told as these deltas and ends unanswered."""
        accepted = await self.history.ask(SESSION, "And?")
        stream = TurnStream(
            tenant_id=self.tenant.id,
            conversation_id=accepted.conversation.id,
            user_message_id=MessageId(accepted.user_message_id),
            turn_number=accepted.fencing_token,
        )
        self.streams.add(stream)
        for text in texts:
            stream.publish(AnswerDelta(text=text))
        await self.history.opened.finish(accepted, "", new_messages=(), usage=())
        stream.publish(TurnFailed(error=Cancelled("over")))
        return stream


def read(batch: Following) -> list[object]:
    """Return what a batch tells, messages as their text."""
    return [
        happened.event.message.content if isinstance(happened.event, AgentSaid) else happened.event
        for happened in batch
    ]


async def take(batches: AsyncGenerator[Following, None], count: int) -> Following:
    found: list[object] = []
    while len(found) < count:
        found += await asyncio.wait_for(anext(batches), 5)
    return found  # type: ignore[return-value]


@pytest_asyncio.fixture
async def desk(temporary: TemporaryDatabase) -> AsyncIterator[Desk]:
    desk = Desk(temporary)
    await desk.history.talk(SESSION)
    yield desk


async def test_who_has_the_conversation_is_told_first_and_at_each_change(desk: Desk) -> None:
    async with aclosing(await desk.follow()) as batches:
        assert read(await anext(batches)) == [ALONE]
        await desk.escalations.escalate(desk.tenant, SESSION, reason=None, contact=None)
        assert read(await anext(batches)) == [WAITING]
        await desk.take_over()
        assert read(await anext(batches)) == [WITH_DANA]
        await desk.take_over()
        await desk.hand_back()
        assert read(await anext(batches)) == [ALONE]
        accepted = await desk.history.ask(SESSION, "Bye")
        await desk.history.opened.finish(accepted, ends_conversation=True)
        desk.live.wake(accepted.conversation.id)
        [ended] = read(await anext(batches))
    assert ended == ConversationState(escalated=False, human=None, conversation_ended=True)


async def test_messages_come_as_they_are_written_and_once(desk: Desk) -> None:
    await desk.take_over()
    async with aclosing(await desk.follow()) as batches:
        assert read(await anext(batches)) == [WITH_DANA]
        waiting = asyncio.ensure_future(anext(batches))
        await desk.say("Hello", "k1")
        assert read(await waiting) == ["Hello"]
        await desk.say("Hello", "k1")
        await desk.say("How are you?")
        assert read(await anext(batches)) == ["How are you?"]


async def test_typing_is_told_until_a_message_or_its_time_is_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.take_over()
    async with aclosing(await desk.follow()) as batches:
        assert read(await anext(batches)) == [WITH_DANA]
        await desk.type(is_typing=True)
        await desk.type(is_typing=True)
        assert read(await anext(batches)) == [AgentTyping(name="Dana", typing=True)]
        await desk.say("Hello")
        assert read(await anext(batches)) == ["Hello", AgentTyping(name="Dana", typing=False)]
        await desk.type(is_typing=True)
        assert read(await anext(batches)) == [AgentTyping(name="Dana", typing=True)]
        monkeypatch.setattr(live_conversations, "TYPING_S", 0.0)
        await desk.type(is_typing=True)
        assert read(await anext(batches)) == [AgentTyping(name="Dana", typing=False)]


async def test_who_comes_back_misses_no_message_and_gets_none_twice(desk: Desk) -> None:
    await desk.take_over()
    whole = await desk.follow(after_id=0)
    await desk.say("one")
    await desk.turn("a", "b")
    await desk.say("two")
    await desk.say("three")
    await desk.turn("c")
    await desk.say("four")
    told = await take(whole, 10)
    await whole.aclose()
    numbered = [happened for happened in told if happened.id is not None]
    ids = [happened.id for happened in numbered]
    assert ids == sorted(set(ids))
    words = ["one", "a", "b", "two", "three", "c", "four"]
    assert [word for word in map(read_word, numbered) if word] == words
    for position, happened in enumerate(numbered):
        async with aclosing(await desk.follow(after_id=happened.id)) as again:
            missed = numbered[position + 1 :]
            state, *rest = await take(again, 1 + len(missed))
            assert (state.event, rest) == (WITH_DANA, missed)


def read_word(happened: object) -> str:
    [said] = read([happened])  # type: ignore[list-item]
    return said.text if isinstance(said, AnswerDelta) else said if isinstance(said, str) else ""


async def test_what_was_said_just_before_is_told_again_to_who_begins(desk: Desk) -> None:
    await desk.take_over()
    await desk.say("long ago")
    desk.temporary.clock.advance(60)
    await desk.say("just now")
    async with aclosing(await desk.follow()) as batches:
        assert read(await take(batches, 2)) == [WITH_DANA, "just now"]


async def test_during_a_turn_its_events_come_first(desk: Desk) -> None:
    await desk.take_over()
    accepted = await desk.history.ask(SESSION, "Where is it?")
    stream = TurnStream(
        tenant_id=desk.tenant.id,
        conversation_id=accepted.conversation.id,
        user_message_id=MessageId(accepted.user_message_id),
        turn_number=accepted.fencing_token,
    )
    desk.streams.add(stream)
    stream.publish(AnswerDelta(text="a"))
    async with aclosing(await desk.follow(after_id=0)) as batches:
        assert read(await take(batches, 2)) == [WITH_DANA, AnswerDelta(text="a")]
        await desk.say("Hello")
        stream.publish(AnswerDelta(text="b"))
        await desk.history.opened.finish(accepted, "", new_messages=(), usage=())
        stream.publish(TurnFailed(error=Cancelled("over")))
        told = await take(batches, 3)
    assert (read_word(told[0]), read_word(told[-1])) == ("b", "Hello")
    assert told[-1].id > told[-2].id


async def test_taking_over_stops_the_answer_that_is_being_written(desk: Desk) -> None:
    stopped = []
    accepted = await desk.history.ask(SESSION, "Where is it?")
    stream = TurnStream(
        tenant_id=desk.tenant.id,
        conversation_id=accepted.conversation.id,
        user_message_id=MessageId(accepted.user_message_id),
        turn_number=accepted.fencing_token,
        on_stopped=lambda: stopped.append(1),
    )
    desk.streams.add(stream)
    await desk.take_over()
    assert stopped


async def test_a_follower_is_sent_away_when_its_conversation_is_forgotten(desk: Desk) -> None:
    async with aclosing(await desk.follow()) as batches:
        assert read(await anext(batches)) == [ALONE]
        waiting = asyncio.ensure_future(anext(batches, None))
        await asyncio.sleep(0)
        desk.streams.forget(await desk.history.conversation_id(SESSION))
        assert await asyncio.wait_for(waiting, 5) is None
