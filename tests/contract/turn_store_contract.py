"""What every ``TurnStore`` must do.

Owns the suite and how its turns are made; opening a store is left to the subclasses.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from appliance.domain.conversation import Conversation, Decision, PendingAction
from appliance.domain.ids import (
    ConversationId,
    MessageId,
    SessionHash,
    TenantId,
    hash_token,
    new_id,
)
from appliance.domain.message import (
    ChatMessage,
    ChatReply,
    Citation,
    ReplyMessage,
    ReplyUsage,
    TokenUsage,
    ToolReport,
)
from appliance.domain.tool import ToolCall, ToolExecution, ToolOutcome
from appliance.domain.visitor import VisitorDetails
from appliance.errors import Conflict, NotFound
from appliance.ports.turn_store import (
    OWNER_GONE,
    FailedTurn,
    FinishedTurn,
    ModelUsage,
    NewTurn,
    TurnAccepted,
    TurnBusy,
    TurnInFlight,
    TurnMismatch,
    TurnReplayed,
    TurnStart,
    TurnStore,
    WrittenTools,
)
from tests.fakes.clock import SettableClock

DAY = "2026-03-02"


@dataclass(frozen=True)
class OpenedTurnStore:
    """A store under test, two tenants in it, and a way to read the usage it has summed."""

    store: TurnStore
    clock: SettableClock
    tenant_id: TenantId
    other_tenant_id: TenantId
    read_usage: Callable[[TenantId], Awaitable[dict[tuple[str, str, str], dict[str, int]]]]

    def build_turn(
        self,
        content: str = "Where is my order 12345?",
        *,
        session: str | None = None,
        message_id: str | None = None,
        tenant_id: TenantId | None = None,
        **more: Any,
    ) -> NewTurn:
        new_session = new_id()
        return NewTurn(
            tenant_id=tenant_id or self.tenant_id,
            session_hash=None if session is None else SessionHash(hash_token(session)),
            new_session_hash=SessionHash(hash_token(more.pop("new_session", new_session))),
            new_conversation_id=ConversationId(new_id()),
            user_message_id=MessageId(new_id()),
            client_message_id=message_id,
            content=content,
            received_at=self.clock.now(),
            **more,
        )

    async def begin(self, content: str = "Hello", **more: Any) -> TurnAccepted:
        start = await self.store.begin_turn(self.build_turn(content, **more))
        assert isinstance(start, TurnAccepted), start
        return start

    def build_finish(
        self, accepted: TurnAccepted, text: str = "It is on its way.", **more: Any
    ) -> FinishedTurn:
        usage = more.pop("usage", (build_usage(),))
        new_messages = more.pop("new_messages", (ChatMessage(role="assistant", content=text),))
        total = sum((entry.usage for entry in usage), TokenUsage())
        message = ReplyMessage(
            id=MessageId(new_id()),
            content=text,
            created_at=self.clock.now(),
            citations=(Citation(title="Opening hours", snippet="11-22"),),
            quick_replies=("Yes", "No"),
        )
        reply = ChatReply(
            session_id="",
            conversation_id=accepted.conversation.id,
            message=message if new_messages else None,
            tools=(ToolReport(name="get_order_status", status="succeeded", duration_ms=3),),
            usage=ReplyUsage(input_tokens=total.input_tokens, output_tokens=total.output_tokens),
            model="builtin",
        )
        fields: dict[str, Any] = {
            "tenant_id": accepted.conversation.tenant_id,
            "conversation_id": accepted.conversation.id,
            "user_message_id": accepted.user_message_id,
            "fencing_token": accepted.fencing_token,
            "reply": reply,
            "new_messages": new_messages,
            "executions": (),
            "usage": usage,
            "usage_day": DAY,
            "pending_action": None,
            "finished_at": self.clock.now(),
        }
        return FinishedTurn(**(fields | more))

    async def finish(self, accepted: TurnAccepted, text: str = "Soon.", **more: Any) -> ChatReply:
        turn = self.build_finish(accepted, text, **more)
        await self.store.finish_turn(turn)
        return turn.reply

    async def fail(self, accepted: TurnAccepted, **more: Any) -> None:
        fields: dict[str, Any] = {
            "tenant_id": accepted.conversation.tenant_id,
            "conversation_id": accepted.conversation.id,
            "user_message_id": accepted.user_message_id,
            "fencing_token": accepted.fencing_token,
            "error_code": "upstream_unavailable",
            "usage_day": DAY,
            "failed_at": self.clock.now(),
        }
        await self.store.fail_turn(FailedTurn(**(fields | more)))

    async def conversation(self, session: str) -> Conversation:
        found = await self.store.find_conversation(self.tenant_id, SessionHash(hash_token(session)))
        assert found is not None
        return found

    async def contents(self, conversation_id: ConversationId) -> list[str]:
        stored = await self.store.list_messages(self.tenant_id, conversation_id, limit=100)
        return [message.content for message in stored]

    async def sum_usage(self) -> dict[str, int]:
        sums: dict[str, int] = {}
        for row in (await self.read_usage(self.tenant_id)).values():
            for name, value in row.items():
                sums[name] = sums.get(name, 0) + value
        return sums


def build_replay(accepted: TurnStart, reply: ChatReply) -> TurnReplayed:
    assert isinstance(accepted, TurnAccepted)
    return TurnReplayed(
        reply=reply,
        user_message_id=accepted.user_message_id,
        fencing_token=accepted.fencing_token,
    )


def build_usage(
    provider: str = "builtin",
    model: str = "builtin",
    *,
    tokens: tuple[int, int, int] = (10, 5, 0),
    cost: int | None = 0,
) -> ModelUsage:
    return ModelUsage(
        provider=provider,
        model=model,
        usage=TokenUsage(
            input_tokens=tokens[0], output_tokens=tokens[1], cached_input_tokens=tokens[2]
        ),
        cost_micro_usd=cost,
    )


def build_execution(
    clock: SettableClock,
    *,
    call_id: str = "call_1",
    ledger_key: str | None = "key_1",
    is_success: bool = True,
    output: Any = None,
) -> ToolExecution:
    return ToolExecution(
        call=ToolCall(id=call_id, name="book_appointment", arguments={"time": "19:00"}),
        outcome=ToolOutcome(
            is_success=is_success,
            output=output,
            error=None if is_success else "The calendar did not answer.",
            duration_ms=31,
            attempts=2,
            sent={"time": "19:00", "_context": {"tool": "book_appointment"}},
        ),
        ledger_key=ledger_key,
        executed_at=clock.now(),
    )


def build_pending(clock: SettableClock) -> PendingAction:
    return PendingAction(
        id=new_id(),
        call=ToolCall(id="call_9", name="book_appointment", arguments={"time": "19:00"}),
        summary="Book a table for 19:00?",
        expires_at=clock.now() + timedelta(minutes=5),
    )


def decide(pending: PendingAction) -> PendingAction:
    decision = Decision(message_id=MessageId("m1"), is_confirmed=True, call_id="call_10")
    return msgspec.structs.replace(pending, decision=decision)


class TurnStoreContract(ABC):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[OpenedTurnStore]:
        """Open an empty store with two tenants."""

    @pytest_asyncio.fixture
    async def opened(self) -> AsyncIterator[OpenedTurnStore]:
        async with self.open() as opened:
            yield opened

    async def test_first_message_starts_a_conversation(self, opened: OpenedTurnStore):
        start = await opened.begin(
            "Hello",
            new_session="s1",
            user_identifier="dana@example.org",
            locale="he-IL",
            page_url="https://shop.example/menu",
        )
        assert start.is_new_session
        assert start.conversation.message_count == 0
        found = await opened.conversation("s1")
        assert found.id == start.conversation.id
        assert (found.user_identifier, found.locale) == ("dana@example.org", "he-IL")
        assert (found.status, found.message_count) == ("open", 1)
        assert found.started_at == opened.clock.now()
        (stored,) = await opened.store.list_messages(opened.tenant_id, found.id, limit=9)
        assert (stored.id, stored.seq, stored.role) == (start.user_message_id, 1, "user")
        assert (stored.content, stored.turn_state) == ("Hello", "running")

    async def test_an_answered_turn_is_kept_whole(self, opened: OpenedTurnStore):
        start = await opened.begin("Where is 12345?", new_session="s1")
        call = ToolCall(id="call_1", name="get_order_status", arguments={"order_number": "12345"})
        asked = ChatMessage(
            role="assistant",
            content="",
            tool_calls=(call,),
            provider_state={"provider": "anthropic", "thinking": "…"},
        )
        result = ChatMessage(
            role="tool",
            content='{"status":"baking"}',
            tool_call_id="call_1",
            tool_name="get_order_status",
            is_error=True,
        )
        answer = ChatMessage(role="assistant", content="It is being baked.")
        opened.clock.advance(2)
        pending = build_pending(opened.clock)
        reply = await opened.finish(
            start,
            "It is being baked.",
            new_messages=(asked, result, answer),
            pending_action=pending,
        )
        user, first, second, last = await opened.store.list_messages(
            opened.tenant_id, start.conversation.id, limit=9
        )
        assert [user.seq, first.seq, second.seq, last.seq] == [1, 2, 3, 4]
        assert user.turn_state == "done"
        assert (first.tool_calls, first.provider_state) == ((call,), asked.provider_state)
        assert (second.tool_call_id, second.tool_name) == ("call_1", "get_order_status")
        assert second.is_error
        assert (last.id, last.content) == (reply.message.id, "It is being baked.")
        assert last.citations == reply.message.citations
        assert last.created_at == opened.clock.now()
        found = await opened.conversation("s1")
        assert (found.message_count, found.input_tokens, found.output_tokens) == (2, 10, 5)
        assert found.pending_action == pending

    async def test_newest_messages_come_oldest_first(self, opened: OpenedTurnStore):
        session: str | None = None
        for number in range(4):
            start = await opened.begin(f"q{number}", session=session, new_session="s1")
            await opened.finish(start, f"a{number}")
            session = "s1"
        stored = await opened.store.list_messages(opened.tenant_id, start.conversation.id, limit=3)
        assert [message.content for message in stored] == ["a2", "q3", "a3"]

    async def test_a_tenant_that_is_gone_is_told_as_such(self, opened: OpenedTurnStore):
        turn = opened.build_turn("Hello", tenant_id=TenantId(new_id()))
        with pytest.raises(NotFound) as gone:
            await opened.store.begin_turn(turn)
        assert gone.value.code == OWNER_GONE
        await opened.begin("Hello")

    async def test_a_known_session_continues(self, opened: OpenedTurnStore):
        first = await opened.begin("one", new_session="s1")
        await opened.finish(first)
        second = await opened.begin("two", session="s1")
        assert second.conversation.id == first.conversation.id
        assert not second.is_new_session
        assert second.fencing_token > first.fencing_token
        assert second.conversation.message_count == 2

    async def test_what_visitors_tell_is_kept_until_they_tell_something_else(
        self, opened: OpenedTurnStore
    ):
        dana, noa = VisitorDetails(name="Dana", email="d@e.org"), VisitorDetails(phone="0501234567")
        for number, (told, known) in enumerate(
            [(None, None), (dana, dana), (None, dana), (noa, noa)]
        ):
            place = {"session": "s1"} if number else {"new_session": "s1"}
            accepted = await opened.begin(f"Hello {number}", visitor=told, **place)
            assert accepted.conversation.visitor == known
            await opened.finish(accepted)
            assert (await opened.conversation("s1")).visitor == known
        first = await opened.begin("Hello", visitor=dana)
        assert first.conversation.visitor == dana

    async def test_an_unknown_session_is_not_adopted(self, opened: OpenedTurnStore):
        start = await opened.begin("one", session="chosen-by-client", new_session="s1")
        assert start.is_new_session
        chosen = SessionHash(hash_token("chosen-by-client"))
        assert await opened.store.find_conversation(opened.tenant_id, chosen) is None

    async def test_a_foreign_session_is_not_adopted(self, opened: OpenedTurnStore):
        mine = await opened.begin("one", new_session="s1")
        theirs = await opened.begin(
            "two", session="s1", new_session="s2", tenant_id=opened.other_tenant_id
        )
        assert theirs.is_new_session
        assert theirs.conversation.id != mine.conversation.id
        assert await opened.contents(mine.conversation.id) == ["one"]

    async def test_an_ended_session_starts_anew(self, opened: OpenedTurnStore):
        first = await opened.begin("one", new_session="s1")
        await opened.finish(first)
        session = SessionHash(hash_token("s1"))
        opened.clock.advance(5)
        ended_at = opened.clock.now()
        ended = await opened.store.end_conversation(opened.tenant_id, session, ended_at=ended_at)
        assert ended is not None
        assert (ended.status, ended.ended_at) == ("ended", ended_at)
        opened.clock.advance(5)
        again = await opened.store.end_conversation(
            opened.tenant_id, session, ended_at=opened.clock.now()
        )
        assert again == ended
        second = await opened.begin("two", session="s1", new_session="s2")
        assert second.is_new_session
        assert second.conversation.id != first.conversation.id

    async def test_a_hundred_identical_sends_are_one_turn(self, opened: OpenedTurnStore):
        await opened.finish(await opened.begin("hello", new_session="s1"))
        starts = await asyncio.gather(
            *(
                opened.store.begin_turn(opened.build_turn("same", session="s1", message_id="m1"))
                for _ in range(100)
            )
        )
        accepted = [start for start in starts if isinstance(start, TurnAccepted)]
        waiting = [start for start in starts if isinstance(start, TurnInFlight)]
        assert (len(accepted), len(waiting)) == (1, 99)
        assert {start.user_message_id for start in waiting} == {accepted[0].user_message_id}
        reply = await opened.finish(accepted[0], "Once.")
        replays = await asyncio.gather(
            *(
                opened.store.begin_turn(opened.build_turn("same", session="s1", message_id="m1"))
                for _ in range(20)
            )
        )
        for replay in replays:
            assert replay == build_replay(accepted[0], reply)
        assert (await opened.sum_usage())["messages"] == 4

    async def test_two_messages_at_once_are_one_turn(self, opened: OpenedTurnStore):
        await opened.finish(await opened.begin("hello", new_session="s1"))
        starts = await asyncio.gather(
            *(
                opened.store.begin_turn(
                    opened.build_turn(f"message {name}", session="s1", message_id=name)
                )
                for name in ("a", "b")
            )
        )
        busy = [start for start in starts if isinstance(start, TurnBusy)]
        assert len(busy) == 1
        assert 1 <= busy[0].retry_after_s <= 30
        assert len([start for start in starts if isinstance(start, TurnAccepted)]) == 1

    async def test_one_message_id_is_one_text(self, opened: OpenedTurnStore):
        start = await opened.begin("one", new_session="s1", message_id="m1")
        running = await opened.store.begin_turn(
            opened.build_turn("another", session="s1", message_id="m1")
        )
        await opened.finish(start)
        done = await opened.store.begin_turn(
            opened.build_turn("another", session="s1", message_id="m1")
        )
        expected = TurnMismatch(conversation_id=start.conversation.id)
        assert (running, done) == (expected, expected)

    async def test_one_message_id_in_two_sessions_is_two_messages(self, opened: OpenedTurnStore):
        first = await opened.begin("one", new_session="s1", message_id="m1")
        second = await opened.begin("two", new_session="s2", message_id="m1")
        assert first.conversation.id != second.conversation.id

    def build_opening(self, opened: OpenedTurnStore, content: str = "one", id_: str = "m1") -> Any:
        return opened.build_turn(
            content, session="s1", new_session="s1", message_id=id_, is_opening=True
        )

    async def test_a_first_message_sent_again_finds_what_it_has_opened(
        self, opened: OpenedTurnStore
    ):
        start = await opened.store.begin_turn(self.build_opening(opened))
        assert isinstance(start, TurnAccepted)
        assert start.is_new_session
        running = await opened.store.begin_turn(self.build_opening(opened))
        assert running == TurnInFlight(
            conversation_id=start.conversation.id, user_message_id=start.user_message_id
        )
        await opened.fail(start)
        again = await opened.store.begin_turn(self.build_opening(opened))
        assert isinstance(again, TurnAccepted)
        assert (again.is_new_session, again.user_message_id) == (False, start.user_message_id)
        reply = await opened.finish(again)
        replay = await opened.store.begin_turn(self.build_opening(opened))
        assert replay == build_replay(again, reply)

    async def test_first_messages_sent_at_once_open_one_session(self, opened: OpenedTurnStore):
        starts = await asyncio.gather(
            *(opened.store.begin_turn(self.build_opening(opened)) for _ in range(20))
        )
        (accepted,) = [start for start in starts if isinstance(start, TurnAccepted)]
        waiting = [start for start in starts if isinstance(start, TurnInFlight)]
        assert len(waiting) == 19
        assert {start.user_message_id for start in waiting} == {accepted.user_message_id}

    async def test_only_the_message_that_opened_a_session_finds_it(self, opened: OpenedTurnStore):
        start = await opened.store.begin_turn(self.build_opening(opened))
        assert isinstance(start, TurnAccepted)
        refused = TurnMismatch(conversation_id=start.conversation.id)
        others = [self.build_opening(opened, "another"), self.build_opening(opened, id_="m2")]
        for other in others:
            assert await opened.store.begin_turn(other) == refused
        await opened.finish(start)
        for other in others:
            assert await opened.store.begin_turn(other) == refused
        assert await opened.contents(start.conversation.id) == ["one", "Soon."]

    async def test_an_ended_session_is_opened_no_more(self, opened: OpenedTurnStore):
        start = await opened.store.begin_turn(self.build_opening(opened))
        assert isinstance(start, TurnAccepted)
        await opened.fail(start)
        await opened.store.end_conversation(
            opened.tenant_id, SessionHash(hash_token("s1")), ended_at=opened.clock.now()
        )
        again = await opened.store.begin_turn(self.build_opening(opened))
        assert again == TurnMismatch(conversation_id=start.conversation.id)

    async def test_a_failed_turn_is_tried_again_in_its_row(self, opened: OpenedTurnStore):
        start = await opened.begin("one", new_session="s1", message_id="m1")
        await opened.fail(start, usage=(build_usage(tokens=(7, 1, 0)),))
        (failed,) = await opened.store.list_messages(
            opened.tenant_id, start.conversation.id, limit=9
        )
        assert failed.turn_state == "failed"
        other = await opened.begin("two", session="s1", message_id="m2")
        await opened.finish(other, "Two it is.")
        again = await opened.begin("one", session="s1", message_id="m1")
        assert again.user_message_id == start.user_message_id
        await opened.finish(again, "One it is.")
        assert await opened.contents(start.conversation.id) == [
            "two", "Two it is.", "one", "One it is.",
        ]  # fmt: skip
        found = await opened.conversation("s1")
        assert found.message_count == 4
        assert (found.input_tokens, found.output_tokens) == (27, 11)
        sums = await opened.sum_usage()
        assert (sums["input_tokens"], sums["output_tokens"], sums["messages"]) == (27, 11, 4)

    async def test_a_failed_turn_frees_the_session(self, opened: OpenedTurnStore):
        await opened.fail(await opened.begin("one", new_session="s1"))
        await opened.begin("two", session="s1")

    async def test_an_expired_lease_is_taken_over(self, opened: OpenedTurnStore):
        lost = await opened.begin("one", new_session="s1")
        opened.clock.advance(29)
        busy = await opened.store.begin_turn(opened.build_turn("two", session="s1"))
        assert isinstance(busy, TurnBusy)
        opened.clock.advance(2)
        taken = await opened.begin("two", session="s1")
        assert taken.fencing_token > lost.fencing_token
        with pytest.raises(Conflict) as conflict:
            await opened.finish(lost, "Too late.")
        assert conflict.value.code == "turn_superseded"
        await opened.fail(lost, usage=(build_usage(tokens=(3, 1, 0)),))
        await opened.finish(taken, "In time.")
        stored = await opened.store.list_messages(opened.tenant_id, taken.conversation.id, limit=9)
        assert [(message.content, message.turn_state) for message in stored] == [
            ("one", "failed"), ("two", "done"), ("In time.", None),
        ]  # fmt: skip
        assert (await opened.sum_usage())["input_tokens"] == 13

    async def test_the_same_message_takes_over_its_expired_lease(self, opened: OpenedTurnStore):
        lost = await opened.begin("one", new_session="s1", message_id="m1")
        opened.clock.advance(31)
        taken = await opened.begin("one", session="s1", message_id="m1")
        assert taken.user_message_id == lost.user_message_id
        with pytest.raises(Conflict):
            await opened.finish(lost)
        await opened.fail(lost)
        await opened.finish(taken, "Once.")
        assert await opened.contents(taken.conversation.id) == ["one", "Once."]

    async def test_a_renewed_lease_is_kept(self, opened: OpenedTurnStore):
        start = await opened.begin("one", new_session="s1")
        opened.clock.advance(29)
        until = opened.clock.now() + timedelta(seconds=30)
        renew = opened.store.renew_lease
        place = (opened.tenant_id, start.conversation.id, start.fencing_token)
        assert await renew(*place, until=until)
        opened.clock.advance(29)
        busy = await opened.store.begin_turn(opened.build_turn("two", session="s1"))
        assert isinstance(busy, TurnBusy)
        opened.clock.advance(2)
        await opened.begin("two", session="s1")
        assert not await renew(*place, until=until + timedelta(minutes=1))

    async def test_a_finished_turn_holds_no_lease(self, opened: OpenedTurnStore):
        start = await opened.begin("one", new_session="s1")
        await opened.finish(start)
        assert not await opened.store.renew_lease(
            opened.tenant_id,
            start.conversation.id,
            start.fencing_token,
            until=opened.clock.now() + timedelta(seconds=30),
        )
        with pytest.raises(Conflict):
            await opened.finish(start, "Twice.")

    async def test_failing_a_settled_turn_counts_nothing(self, opened: OpenedTurnStore):
        start = await opened.begin("one", new_session="s1", message_id="m1")
        reply = await opened.finish(start, "Answered.")
        before = await opened.sum_usage()
        await opened.fail(start, usage=(build_usage(),))
        assert await opened.sum_usage() == before
        replay = await opened.store.begin_turn(
            opened.build_turn("one", session="s1", message_id="m1")
        )
        assert replay == build_replay(start, reply)
        failed = await opened.begin("two", session="s1")
        await opened.fail(failed, usage=(build_usage(),))
        once = await opened.sum_usage()
        await opened.fail(failed, usage=(build_usage(),))
        assert await opened.sum_usage() == once

    async def test_a_pending_action_is_claimed_once(self, opened: OpenedTurnStore):
        start = await opened.begin("one", new_session="s1")
        pending = build_pending(opened.clock)
        await opened.finish(start, pending_action=pending)
        claim = opened.store.claim_pending_action
        place = (opened.tenant_id, start.conversation.id)
        decided = decide(pending)
        assert not await claim(*place, msgspec.structs.replace(decided, id=new_id()))
        claims = await asyncio.gather(*(claim(*place, decided) for _ in range(50)))
        assert claims.count(True) == 1
        assert (await opened.conversation("s1")).pending_action == decided

    async def test_a_decision_stays_until_a_turn_ends_with_an_answer(self, opened: OpenedTurnStore):
        start = await opened.begin("one", new_session="s1")
        pending = build_pending(opened.clock)
        await opened.finish(start, pending_action=pending)
        place = (opened.tenant_id, start.conversation.id)
        yes = await opened.begin("yes", session="s1")
        assert await opened.store.claim_pending_action(*place, decide(pending))
        await opened.fail(yes)
        after = await opened.begin("yes?", session="s1")
        assert after.conversation.pending_action == decide(pending)
        await opened.finish(after)
        assert (await opened.conversation("s1")).pending_action is None

    async def test_an_unknown_end_is_completed_and_counted_once(self, opened: OpenedTurnStore):
        start = await opened.begin("one", new_session="s1")
        place = (opened.tenant_id, start.conversation.id)
        store = opened.store
        done = build_execution(opened.clock, output="booked")
        outcome = ToolOutcome(is_success=False, failure="unknown", error="It was begun.")
        begun = msgspec.structs.replace(done, outcome=outcome)
        name = frozenset((done.call.name,))
        for execution, writes in (
            (begun, WrittenTools(unknown=name)),
            (done, WrittenTools(done=name)),
            (begun, WrittenTools(done=name)),
        ):
            await store.record_execution(*place, execution, usage_day=DAY)
            assert await store.list_writes(*place) == writes
            assert (await opened.sum_usage())["tool_calls"] == 1
        assert await store.list_executions(*place, "key_1") == [done]
        foreign = (opened.other_tenant_id, start.conversation.id)
        assert await store.list_writes(*foreign) == WrittenTools()

    async def test_the_next_answer_replaces_the_pending_action(self, opened: OpenedTurnStore):
        first = await opened.begin("one", new_session="s1")
        await opened.finish(first, pending_action=build_pending(opened.clock))
        second = await opened.begin("two", session="s1")
        assert second.conversation.pending_action is not None
        await opened.finish(second)
        assert (await opened.conversation("s1")).pending_action is None

    async def test_all_that_was_done_is_listed_under_its_ledger_key(self, opened: OpenedTurnStore):
        start = await opened.begin("one", new_session="s1")
        place = (opened.tenant_id, start.conversation.id)
        store = opened.store
        assert await store.list_executions(*place, "key_1") == []
        failed = build_execution(opened.clock, call_id="call_0", is_success=False)
        await store.record_execution(*place, failed, usage_day=DAY)
        assert await store.list_executions(*place, "key_1") == [failed]
        done = build_execution(opened.clock, output={"id": 7, "at": None})
        await store.record_execution(*place, done, usage_day=DAY)
        later = build_execution(opened.clock, call_id="call_2", output="again")
        await store.record_execution(*place, later, usage_day=DAY)
        assert await store.list_executions(*place, "key_1") == [failed, done, later]

    async def test_executions_of_an_action_are_counted(self, opened: OpenedTurnStore):
        start = await opened.begin("one", new_session="s1")
        place = (opened.tenant_id, start.conversation.id)
        for number, is_success in enumerate((False, False, True)):
            assert len(await opened.store.list_executions(*place, "key_1")) == number
            assert await opened.store.list_writes(*place) == WrittenTools()
            execution = build_execution(
                opened.clock, call_id=f"call_{number}", is_success=is_success
            )
            await opened.store.record_execution(*place, execution, usage_day=DAY)
        assert len(await opened.store.list_executions(*place, "key_1")) == 3
        assert await opened.store.list_executions(*place, "key_2") == []
        foreign = (opened.other_tenant_id, start.conversation.id)
        assert await opened.store.list_executions(*foreign, "key_1") == []
        written = WrittenTools(done=frozenset((execution.call.name,)))
        assert await opened.store.list_writes(*place) == written
        assert await opened.store.list_writes(*foreign) == WrittenTools()
        read = build_execution(opened.clock, call_id="call_9", ledger_key=None)
        read = msgspec.structs.replace(read, call=msgspec.structs.replace(read.call, name="look"))
        await opened.store.record_execution(*place, read, usage_day=DAY)
        assert await opened.store.list_writes(*place) == written

    @pytest.mark.parametrize("ending", ["finished", "failed"])
    async def test_a_recorded_execution_is_counted_once(self, opened: OpenedTurnStore, ending: str):
        start = await opened.begin("one", new_session="s1")
        executions = [
            build_execution(opened.clock, output="booked"),
            build_execution(opened.clock, call_id="call_2", ledger_key=None),
        ]
        place = (opened.tenant_id, start.conversation.id)
        await opened.store.record_execution(*place, executions[0], usage_day=DAY)
        assert (await opened.sum_usage())["tool_calls"] == 1
        await opened.store.record_execution(*place, executions[0], usage_day=DAY)
        assert (await opened.sum_usage())["tool_calls"] == 1
        if ending == "finished":
            await opened.finish(start, executions=executions)
        else:
            await opened.fail(start, executions=executions, usage=(build_usage(),))
        assert (await opened.sum_usage())["tool_calls"] == 2
        assert await opened.store.list_executions(*place, "key_1") == [executions[0]]

    async def test_a_recorded_execution_counts_also_when_its_turn_never_ends(
        self, opened: OpenedTurnStore
    ):
        first = await opened.begin("one", new_session="s1")
        place = (opened.tenant_id, first.conversation.id)
        early = build_execution(opened.clock, call_id="call_0", ledger_key=None)
        await opened.store.record_execution(*place, early, usage_day=DAY)
        assert (await opened.read_usage(opened.tenant_id))[(DAY, "", "")]["tool_calls"] == 1
        await opened.finish(first, usage=(build_usage("ollama", "small"),))
        await opened.begin("two", session="s1")
        execution = build_execution(opened.clock)
        await opened.store.record_execution(*place, execution, usage_day="2026-03-03")
        await opened.store.fail_unfinished_turns(failed_at=opened.clock.now())
        usage = await opened.read_usage(opened.tenant_id)
        assert {key: sums["tool_calls"] for key, sums in usage.items()} == {
            (DAY, "", ""): 1,
            (DAY, "ollama", "small"): 0,
            ("2026-03-03", "ollama", "small"): 1,
        }

    async def test_usage_is_exact(self, opened: OpenedTurnStore):
        first = await opened.begin("one", new_session="s1")
        await opened.finish(
            first,
            usage=(
                build_usage("anthropic", "large", tokens=(100, 20, 60), cost=300),
                build_usage("ollama", "small", tokens=(7, 3, 0), cost=None),
                build_usage("anthropic", "large", tokens=(50, 10, 0), cost=200),
            ),
            executions=(build_execution(opened.clock),),
        )
        second = await opened.begin("two", session="s1")
        await opened.finish(
            second, usage=(build_usage("ollama", "small", tokens=(1, 1, 0), cost=None),)
        )
        third = await opened.begin("three", session="s1")
        await opened.fail(third, usage=(build_usage("ollama", "small", tokens=(2, 0, 0)),))
        fourth = await opened.begin("four", session="s1")
        await opened.finish(fourth, usage=(), usage_day="2026-03-03")
        nothing = dict.fromkeys(
            ("conversations", "messages", "input_tokens", "output_tokens", "cached_input_tokens",
             "tool_calls", "cost_micro_usd", "unpriced_tokens"), 0,
        )  # fmt: skip
        assert await opened.read_usage(opened.tenant_id) == {
            (DAY, "anthropic", "large"): nothing
            | {
                "conversations": 1, "messages": 2, "input_tokens": 150, "output_tokens": 30,
                "cached_input_tokens": 60, "tool_calls": 1, "cost_micro_usd": 500,
            },
            (DAY, "ollama", "small"): nothing
            | {"messages": 2, "input_tokens": 10, "output_tokens": 4, "unpriced_tokens": 12},
            ("2026-03-03", "", ""): nothing | {"messages": 2},
        }  # fmt: skip
        found = await opened.conversation("s1")
        assert (found.input_tokens, found.output_tokens) == (160, 34)
        assert await opened.read_usage(opened.other_tenant_id) == {}

    async def test_many_turns_at_once_lose_nothing(self, opened: OpenedTurnStore):
        async def converse(number: int) -> None:
            session: str | None = None
            for turn in range(5):
                start = await opened.begin(f"{turn}", session=session, new_session=f"s{number}")
                await opened.finish(start)
                session = f"s{number}"

        await asyncio.gather(*(converse(number) for number in range(20)))
        sums = await opened.sum_usage()
        assert (sums["conversations"], sums["messages"]) == (20, 200)
        assert (sums["input_tokens"], sums["output_tokens"]) == (1000, 500)
        for number in range(20):
            assert (await opened.conversation(f"s{number}")).message_count == 10

    async def test_a_foreign_tenant_reaches_nothing(self, opened: OpenedTurnStore):
        start = await opened.begin("one", new_session="s1", message_id="m1")
        pending = build_pending(opened.clock)
        execution = build_execution(opened.clock, output="booked")
        turn = opened.build_finish(start, pending_action=pending, executions=(execution,))
        foreign, store = opened.other_tenant_id, opened.store
        conversation_id, session = start.conversation.id, SessionHash(hash_token("s1"))
        with pytest.raises(Conflict):
            await opened.finish(start, tenant_id=foreign)
        await opened.fail(start, tenant_id=foreign, usage=(build_usage(),))
        assert not await store.renew_lease(
            foreign, conversation_id, start.fencing_token, until=opened.clock.now()
        )
        await store.finish_turn(turn)
        assert await store.find_conversation(foreign, session) is None
        assert await store.list_messages(foreign, conversation_id, limit=9) == []
        assert not await store.claim_pending_action(foreign, conversation_id, decide(pending))
        assert await store.list_executions(foreign, conversation_id, "key_1") == []
        planted = build_execution(opened.clock, call_id="call_7", ledger_key="key_7")
        await store.record_execution(foreign, conversation_id, planted, usage_day=DAY)
        assert await store.list_executions(foreign, conversation_id, "key_7") == []
        ended = await store.end_conversation(foreign, session, ended_at=opened.clock.now())
        assert ended is None
        found = await opened.conversation("s1")
        assert (found.status, found.pending_action) == ("open", pending)
        assert await opened.read_usage(foreign) == {}

    async def test_unfinished_turns_are_failed_at_start(self, opened: OpenedTurnStore):
        running = await opened.begin("one", new_session="s1", message_id="m1")
        done = await opened.begin("two", new_session="s2")
        await opened.finish(done)
        store = opened.store
        assert await store.fail_unfinished_turns(failed_at=opened.clock.now()) == 1
        assert await store.fail_unfinished_turns(failed_at=opened.clock.now()) == 0
        (stored,) = await store.list_messages(opened.tenant_id, running.conversation.id, limit=9)
        assert stored.turn_state == "failed"
        again = await opened.begin("one", session="s1", message_id="m1")
        assert again.user_message_id == running.user_message_id

    async def test_a_cancelled_caller_does_not_undo_the_write(self, opened: OpenedTurnStore):
        begin = asyncio.create_task(
            opened.store.begin_turn(opened.build_turn("one", new_session="s1"))
        )
        await asyncio.sleep(0)
        begin.cancel()
        with pytest.raises(asyncio.CancelledError):
            await begin
        session = SessionHash(hash_token("s1"))
        async with asyncio.timeout(10):
            while await opened.store.find_conversation(opened.tenant_id, session) is None:
                pass  # the write goes on by itself
        found = await opened.conversation("s1")
        assert await opened.contents(found.id) == ["one"]
