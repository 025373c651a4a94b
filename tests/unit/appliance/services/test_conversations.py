from __future__ import annotations

from typing import Any

import pytest

from appliance.domain.ids import ConversationId, MessageId, SessionHash, hash_token, new_id
from appliance.domain.message import ChatMessage, ChatReply, Citation, ReplyMessage, ReplyUsage
from appliance.errors import NotFound
from appliance.ports.turn_store import FailedTurn, FinishedTurn, NewTurn, TurnAccepted
from appliance.services.conversations import ConversationService
from tests.fakes.live_conversations import build_live
from tests.fakes.shops import call_order
from tests.fakes.sqlite_database import TemporaryDatabase

SESSION = "vs_a-session-of-a-visitor"
CITATION = Citation(title="Menu", snippet="Pizza")


class Visit:
    """A conversation in the real store."""

    def __init__(self, temporary: TemporaryDatabase) -> None:
        self.temporary = temporary
        self.store = temporary.database.turn_store
        self.service = ConversationService(
            turn_store=self.store, clock=temporary.clock, live=build_live(temporary)
        )

    async def begin(self, text: str) -> TurnAccepted:
        start = await self.store.begin_turn(
            NewTurn(
                tenant_id=self.temporary.tenant_id,
                session_hash=SessionHash(hash_token(SESSION)),
                new_session_hash=SessionHash(hash_token(SESSION)),
                new_conversation_id=ConversationId(new_id()),
                user_message_id=MessageId(new_id()),
                client_message_id=None,
                content=text,
                received_at=self.temporary.clock.now(),
            )
        )
        assert isinstance(start, TurnAccepted)
        return start

    async def turn(self, text: str, *messages: ChatMessage) -> None:
        accepted = await self.begin(text)
        answer = messages[-1].content
        now = self.temporary.clock.now()
        reply = ChatReply(
            session_id="",
            conversation_id=accepted.conversation.id,
            message=ReplyMessage(
                id=MessageId(new_id()), content=answer, created_at=now, citations=(CITATION,)
            ),
            usage=ReplyUsage(input_tokens=0, output_tokens=0),
            model="builtin",
        )
        await self.store.finish_turn(
            FinishedTurn(
                tenant_id=self.temporary.tenant_id,
                conversation_id=accepted.conversation.id,
                user_message_id=accepted.user_message_id,
                fencing_token=accepted.fencing_token,
                reply=reply,
                new_messages=messages,
                executions=(),
                usage=(),
                usage_day="2026-03-02",
                pending_action=None,
                finished_at=now,
            )
        )

    async def fail(self, text: str) -> None:
        accepted = await self.begin(text)
        await self.store.fail_turn(
            FailedTurn(
                tenant_id=self.temporary.tenant_id,
                conversation_id=accepted.conversation.id,
                user_message_id=accepted.user_message_id,
                fencing_token=accepted.fencing_token,
                error_code="x",
                usage_day="2026-03-02",
                failed_at=self.temporary.clock.now(),
            )
        )

    async def seen(self, limit: int = 50) -> list[tuple[str, str]]:
        history = await self.service.history(self.temporary.tenant_id, SESSION, limit=limit)
        return [(message.role, message.content) for message in history.messages]


@pytest.fixture
def visit(temporary: TemporaryDatabase) -> Visit:
    return Visit(temporary)


def answer(text: str, **fields: Any) -> ChatMessage:
    return ChatMessage(role="assistant", content=text, **fields)


async def test_a_visitor_sees_what_was_said_in_order(visit: Visit) -> None:
    await visit.turn("Hello", answer("Hi"))
    await visit.turn("Menu?", answer("Pizza"))
    history = await visit.service.history(visit.temporary.tenant_id, SESSION, limit=50)
    assert await visit.seen() == [
        ("user", "Hello"), ("assistant", "Hi"), ("user", "Menu?"), ("assistant", "Pizza"),
    ]  # fmt: skip
    assert history.session_id == SESSION
    assert not history.conversation_ended
    assert history.messages[1].citations == (CITATION,)
    assert history.messages[0].created_at == visit.temporary.clock.now()


async def test_tools_are_not_shown(visit: Visit) -> None:
    call = call_order()
    await visit.turn(
        "Where?",
        answer("Let me look.", tool_calls=(call,)),
        ChatMessage(role="tool", content="secret internals", tool_call_id=call.id),
        answer("Baking."),
    )
    assert await visit.seen() == [("user", "Where?"), ("assistant", "Baking.")]


async def test_a_message_whose_turn_failed_is_still_there(visit: Visit) -> None:
    await visit.fail("Are you there?")
    assert await visit.seen() == [("user", "Are you there?")]


async def test_the_newest_messages_are_shown_when_there_are_more(visit: Visit) -> None:
    call = call_order()
    for number in range(5):
        await visit.turn(
            f"q{number}",
            answer("", tool_calls=(call,)),
            ChatMessage(role="tool", content="x", tool_call_id=call.id),
            answer(f"a{number}"),
        )
    assert await visit.seen(3) == [("assistant", "a3"), ("user", "q4"), ("assistant", "a4")]
    assert await visit.seen(1) == [("assistant", "a4")]


async def test_ending_is_final_and_may_be_repeated(visit: Visit) -> None:
    await visit.turn("Hello", answer("Hi"))
    tenant_id = visit.temporary.tenant_id
    first = await visit.service.end(tenant_id, SESSION)
    visit.temporary.clock.advance(60)
    second = await visit.service.end(tenant_id, SESSION)
    assert first == second
    assert first.status == "ended"
    assert (await visit.service.history(tenant_id, SESSION, limit=5)).conversation_ended


@pytest.mark.parametrize("session", ["vs_unknown", "", "' OR 1=1 --", hash_token(SESSION)])
async def test_an_unknown_session_is_not_found(visit: Visit, session: str) -> None:
    await visit.turn("Hello", answer("Hi"))
    tenant_id = visit.temporary.tenant_id
    for work in (
        visit.service.find(tenant_id, session),
        visit.service.history(tenant_id, session, limit=5),
        visit.service.end(tenant_id, session),
    ):
        with pytest.raises(NotFound) as caught:
            await work
        assert caught.value.code == "session_not_found"


async def test_another_tenants_session_reads_as_unknown(visit: Visit) -> None:
    await visit.turn("Hello", answer("Hi"))
    other = visit.temporary.other_tenant_id
    for work in (visit.service.history(other, SESSION, limit=5), visit.service.end(other, SESSION)):
        with pytest.raises(NotFound):
            await work
    found = await visit.service.find(visit.temporary.tenant_id, SESSION)
    assert found.status == "open"
