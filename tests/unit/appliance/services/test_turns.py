"""Whole turns on a real database: scripted models, recorded tools, no HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
import pytest_asyncio

from appliance.agent.runner import AgentRunner
from appliance.domain.conversation import Conversation
from appliance.domain.ids import SessionHash, hash_token
from appliance.domain.message import WITHDRAWN_CALL, ChatReply, StoredMessage, TokenUsage
from appliance.domain.prices import PriceList
from appliance.domain.turn_events import (
    AnswerDelta,
    ToolProgress,
    TurnEvent,
    TurnFailed,
    TurnFinished,
    TurnStarted,
)
from appliance.errors import ApplianceError, Cancelled, Conflict, StorageError, Unavailable
from appliance.ports.cache import Cache
from appliance.ports.chat_model import ChatRequest, ModelEvent, TextDelta
from appliance.ports.turn_store import FinishedTurn
from appliance.services import turn_streams, turns
from appliance.services.answer_cache import AnswerCache
from appliance.services.answering import Answering
from appliance.services.budgets import Budgets
from appliance.services.handover import Handover
from appliance.services.model_selection import ModelSelector
from appliance.services.pending_actions import PendingActions
from appliance.services.session_ids import SessionIds
from appliance.services.tenant_directory import KnownTenant
from appliance.services.traces import TraceRecorder
from appliance.services.turn_history import TurnHistory
from appliance.services.turn_streams import TurnStream, TurnStreams
from appliance.services.turns import TurnService, VisitorMessage
from appliance.storage.cache import DiskCache
from appliance.storage.redis_cache import RedisCache
from appliance.tasks import TaskGroup
from tests.fakes.scripted_model import ScriptedChatModel, ScriptedStep, ask, say
from tests.fakes.shops import build_tenant, build_tenant_tool, call_booking, call_order
from tests.fakes.sqlite_database import TemporaryDatabase
from tests.fakes.tool_executors import RecordingExecutor

DOWN = Unavailable("The model does not answer.")


class Stage:
    """A turn service with everything around it, and a visitor to it."""

    def __init__(
        self, temporary: TemporaryDatabase, turn_store: Any = None, cache: Cache | None = None
    ) -> None:
        self.temporary = temporary
        self.cache = cache or DiskCache(temporary.folder / "cache")
        self.clock = temporary.clock
        self.store = turn_store or temporary.database.turn_store
        self.model = ScriptedChatModel(name="builtin")
        self.executor = RecordingExecutor()
        self.tasks = TaskGroup()
        self.streams = TurnStreams(self.clock)
        self.session_id: str | None = None
        tenant_id = temporary.tenant_id
        tools = (
            build_tenant_tool(tenant_id),
            build_tenant_tool(tenant_id, "book_appointment", risk="write"),
        )
        self.known = KnownTenant(
            tenant=build_tenant(id=tenant_id, time_zone="Asia/Jerusalem"),
            tools={tool.tool.tool_name: tool for tool in tools},
            loaded_at=0.0,
        )
        self.service = self.build()

    def build(self) -> TurnService:
        return TurnService(
            turn_store=self.store,
            answering=Answering(
                history=TurnHistory(
                    turn_store=self.store, cache=self.cache, clock=self.clock, tasks=self.tasks
                ),
                agent=AgentRunner(
                    executors={"workflow": self.executor},
                    turn_store=self.store,
                    clock=self.clock,
                    tasks=self.tasks,
                ),
                models=ModelSelector(
                    providers={"builtin": self.model},
                    default="builtin",
                    default_models={},
                    clock=self.clock,
                    tasks=self.tasks,
                ),
                pending_actions=PendingActions(turn_store=self.store, clock=self.clock),
                handover=Handover(clock=self.clock),
                budgets=Budgets(
                    usage=self.temporary.database.usage, prices=PriceList({}), clock=self.clock
                ),
                answers=AnswerCache(self.cache, self.tasks),
                clock=self.clock,
            ),
            traces=TraceRecorder(
                store=self.temporary.database.traces,
                clock=self.clock,
                tasks=self.tasks,
                gather_s=0,
            ),
            streams=self.streams,
            session_ids=SessionIds("a secret of this installation"),
            clock=self.clock,
            tasks=self.tasks,
        )

    async def start(self, text: str = "Hello", **fields: Any) -> TurnStream:
        message = VisitorMessage(text=text, session_id=self.session_id, **fields)
        stream = await self.service.start(self.known, message)
        started = stream.events[0].event
        assert isinstance(started, TurnStarted)
        self.session_id = started.session_id
        return stream

    async def say(self, text: str, *steps: ScriptedStep, **fields: Any) -> ChatReply:
        """Send a message whose turn the model answers with ``steps``; return the reply."""
        for step in steps:
            self.model.add(step)
        *_, last = await listen(await self.start(text, **fields))
        assert isinstance(last, TurnFinished), last
        return last.reply

    async def fail(self, text: str, step: ScriptedStep, **fields: Any) -> ApplianceError:
        """Send a message whose turn fails; return what the visitor is told."""
        self.model.add(step)
        *_, last = await listen(await self.start(text, **fields))
        assert isinstance(last, TurnFailed), last
        assert isinstance(last.error, ApplianceError)
        return last.error

    async def conversation(self) -> Conversation:
        found: Conversation | None = await self.store.find_conversation(
            self.known.tenant.id, session_hash(self.session_id)
        )
        assert found is not None
        return found

    async def messages(self) -> list[StoredMessage]:
        conversation = await self.conversation()
        return await self.store.list_messages(self.known.tenant.id, conversation.id, limit=100)

    async def spoken(self) -> list[tuple[str, str]]:
        return [(message.role, message.content) for message in await self.messages()]


def session_hash(session_id: str | None) -> SessionHash:
    return SessionHash(hash_token(session_id or ""))


async def listen(stream: TurnStream) -> list[TurnEvent]:
    async with aclosing(stream.listen()) as batches:
        return [numbered.event async for batch in batches for numbered in batch]


@pytest_asyncio.fixture(params=["own cache", "shared cache"])
async def stage(
    temporary: TemporaryDatabase, redis_cache: RedisCache, request: pytest.FixtureRequest
) -> AsyncIterator[Stage]:
    """Turns are the same whether or not their history comes from a cache."""
    stage = Stage(temporary, cache=redis_cache if request.param == "shared cache" else None)
    yield stage
    stage.executor.gate.set()
    await stage.tasks.drain(timeout_s=1)


async def test_a_turn_is_told_from_its_beginning_to_its_durable_end(stage: Stage) -> None:
    stage.model.add(ask(call_order("c1"), usage=TokenUsage(input_tokens=10, output_tokens=1)))
    stage.model.add(say("It is ", "baking.", usage=TokenUsage(input_tokens=20, output_tokens=2)))
    stream = await stage.start("Where is my order 12345?")
    started, *between, finished = await listen(stream)
    assert isinstance(started, TurnStarted)
    assert started.session_id.startswith("vs_")
    assert between == [
        ToolProgress(call_id="c1", name="get_order_status", status="running"),
        ToolProgress(call_id="c1", name="get_order_status", status="succeeded"),
        AnswerDelta(text="It is "),
        AnswerDelta(text="baking."),
    ]
    assert isinstance(finished, TurnFinished)
    reply = finished.reply
    assert reply.session_id == started.session_id
    assert reply.conversation_id == started.conversation_id
    assert reply.message.content == "It is baking."
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (30, 3)
    assert [(tool.name, tool.status) for tool in reply.tools] == [("get_order_status", "succeeded")]
    assert (reply.model, reply.degraded, reply.cached) == ("builtin/scripted-1", False, False)
    assert await stage.spoken() == [
        ("user", "Where is my order 12345?"),
        ("assistant", ""),
        ("tool", '{"status": "baking"}'),
        ("assistant", "It is baking."),
    ]
    assert (await stage.messages())[-1].id == reply.message.id


async def test_the_message_is_durable_before_the_model_is_asked(stage: Stage) -> None:
    seen: list[list[tuple[str, str]]] = []

    class LookingModel(ScriptedChatModel):
        async def stream(self, request: ChatRequest) -> AsyncGenerator[ModelEvent, None]:
            seen.append(await stage.spoken())
            async for event in super().stream(request):
                yield event

    stage.model = LookingModel([say("Hi")], name="builtin")
    stage.service = stage.build()
    stream = await stage.start("Hello")
    assert [type(numbered.event) for numbered in stream.events] == [TurnStarted]
    await listen(stream)
    assert seen == [[("user", "Hello")]]


async def test_usage_counts_on_the_tenants_own_day(stage: Stage) -> None:
    stage.clock.advance(13 * 3600)  # 22:30 UTC is past midnight in Jerusalem
    await stage.say("Hello", say("Hi", usage=TokenUsage(input_tokens=7, output_tokens=3)))
    usage = await stage.temporary.read_usage(stage.known.tenant.id)
    ((day, provider, _),) = usage
    assert (day, provider) == ("2026-03-03", "builtin")


async def test_a_conversation_goes_on_and_the_model_reads_what_was_said(stage: Stage) -> None:
    first = await stage.say("Hello", say("Hi"))
    second = await stage.say("And my order?", say("Which one?"))
    assert first.session_id == second.session_id
    assert first.conversation_id == second.conversation_id
    system, *rest = stage.model.requests[1].messages
    assert system.role == "system"
    assert "Bob's Pizza Shop" in system.content
    assert "2026-03-02 11:30 (Asia/Jerusalem)" in system.content
    assert [(message.role, message.content) for message in rest] == [
        ("user", "Hello"),
        ("assistant", "Hi"),
        ("user", "And my order?"),
    ]


@pytest.mark.parametrize(
    ("text", "locale", "language"),
    [("Hello", None, "en"), ("שלום", None, "he"), ("12345", "fr-FR", "fr-FR")],
)
async def test_the_briefing_tells_language_and_time(
    stage: Stage, text: str, locale: str | None, language: str
) -> None:
    await stage.say(text, say("Hi"), locale=locale)
    briefing = stage.model.requests[0].briefing
    assert briefing.language == language
    assert briefing.now.isoformat() == "2026-03-02T11:30:00+02:00"


@pytest.mark.parametrize("session_id", ["vs_" + "x" * 32, "", "nonsense"])
async def test_a_session_that_was_never_issued_is_not_adopted(
    stage: Stage, session_id: str
) -> None:
    stage.session_id = session_id
    reply = await stage.say("Hello", say("Hi"))
    assert reply.session_id != session_id


async def test_another_tenants_session_is_not_adopted(stage: Stage) -> None:
    first = await stage.say("My secret", say("Noted"))
    other = build_tenant(id=stage.temporary.other_tenant_id)
    stage.known = KnownTenant(tenant=other, tools={}, loaded_at=0.0)
    second = await stage.say("What did I say?", say("I do not know"))
    assert second.session_id != first.session_id
    assert "My secret" not in str(stage.model.requests[1].messages)


async def test_the_same_message_id_gets_the_stored_answer(stage: Stage) -> None:
    first = await stage.say("Hello", say("Hi"))
    second = await stage.say("More", say("Yes?"), message_id="m1")
    third = await stage.say("More", message_id="m1")
    assert third == second != first
    assert len(stage.model.requests) == 2


async def test_after_a_restart_the_stored_answer_is_told_as_a_whole_turn(stage: Stage) -> None:
    await stage.say("Hello", say("Hi"))
    stage.model.add(say("Yes?"))
    before = await stage.start("More", message_id="m1")
    _, told = await listen(before), before.last_id
    stage.streams = TurnStreams(stage.clock)
    stage.service = stage.build()
    again = await stage.start("More", message_id="m1")
    events = await listen(again)
    assert [type(event) for event in events] == [TurnStarted, TurnFinished]
    assert events[-1] == before.events[-1].event
    assert len(stage.model.requests) == 2
    stage.model.add(say("Sure."))
    following = await stage.start("And then?")
    assert told + 1 < again.events[0].id < again.last_id + 1 < following.events[0].id
    await listen(following)


async def test_a_first_message_sent_again_gets_its_session_back(stage: Stage) -> None:
    opening = {"message_id": "m1", "opening_key": "k" * 40}
    stage.model.add(say("Hi"))
    first = await stage.start("Hello", **opening)
    session_id, stage.session_id = stage.session_id, None
    assert await stage.start("Hello", **opening) is first
    assert stage.session_id == session_id
    *_, last = await listen(first)
    stage.streams = TurnStreams(stage.clock)
    stage.service = stage.build()
    stage.session_id = None
    reply = await stage.say("Hello", **opening)
    assert last == TurnFinished(reply=reply)
    assert reply.session_id == session_id
    await stage.say("More", say("Yes?"))
    assert len(stage.model.requests) == 2
    assert [text for _, text in await stage.spoken()] == ["Hello", "Hi", "More", "Yes?"]


async def test_an_opening_key_is_of_one_message(stage: Stage) -> None:
    await stage.say("Hello", say("Hi"), message_id="m1", opening_key="k" * 40)
    stage.session_id = None
    for text, message_id in (("Hello", "m2"), ("Goodbye", "m1")):
        with pytest.raises(Conflict) as refused:
            await stage.start(text, message_id=message_id, opening_key="k" * 40)
        assert refused.value.code == "idempotency_mismatch"


async def test_an_opening_key_alone_opens_nothing_twice(stage: Stage) -> None:
    first = await stage.say("Hello", say("Hi"), opening_key="k" * 40)
    stage.session_id = None
    second = await stage.say("Hello", say("Hi"), opening_key="k" * 40)
    assert first.session_id != second.session_id


async def test_a_message_id_for_another_text_is_refused(stage: Stage) -> None:
    await stage.say("Hello", say("Hi"))
    await stage.say("One", say("1"), message_id="m1")
    with pytest.raises(Conflict) as caught:
        await stage.start("Two", message_id="m1")
    assert caught.value.code == "idempotency_mismatch"


async def test_the_same_message_at_once_joins_the_running_turn(stage: Stage) -> None:
    await stage.say("Hello", say("Hi"))
    stage.executor.gate.clear()
    stage.model.add(ask(call_order()))
    stage.model.add(say("Baking."))
    starts = await asyncio.gather(*(stage.start("Where?", message_id="m1") for _ in range(20)))
    listeners = [asyncio.create_task(listen(stream)) for stream in starts]
    await stage.executor.wait_for_calls()
    stage.executor.gate.set()
    heard = await asyncio.gather(*listeners)
    assert all(events == heard[0] for events in heard)
    assert len(stage.executor.calls) == 1
    assert [role for role, _ in await stage.spoken()].count("user") == 2


async def test_another_message_meanwhile_is_refused_with_a_time(stage: Stage) -> None:
    await stage.say("Hello", say("Hi"))
    stage.executor.gate.clear()
    stage.model.add(ask(call_order()))
    stage.model.add(say("Baking."))
    stream = await stage.start("Where?")
    with pytest.raises(Conflict) as caught:
        await stage.start("Hurry up!")
    assert caught.value.code == "turn_in_progress"
    assert caught.value.retry_after_s is not None
    stage.executor.gate.set()
    assert isinstance((await listen(stream))[-1], TurnFinished)


async def test_a_turn_running_in_another_process_cannot_be_joined(stage: Stage) -> None:
    await stage.say("Hello", say("Hi"))
    stage.executor.gate.clear()
    stage.model.add(ask(call_order()))
    stage.model.add(say("Baking."))
    stream = await stage.start("Where?", message_id="m1")
    stage.streams = TurnStreams(stage.clock)
    elsewhere = stage.build()
    with pytest.raises(Conflict) as caught:
        await elsewhere.start(
            stage.known,
            VisitorMessage(text="Where?", session_id=stage.session_id, message_id="m1"),
        )
    assert caught.value.code == "turn_in_progress"
    stage.executor.gate.set()
    await listen(stream)


async def ask_for_booking(stage: Stage) -> ChatReply:
    reply = await stage.say("Book a table for tomorrow at 19:00", ask(call_booking("w1")))
    assert stage.executor.calls == []
    assert [tool.status for tool in reply.tools] == ["needs_confirmation"]
    assert reply.message.quick_replies
    return reply


@pytest.mark.parametrize("word", ["yes", "כן, להמשיך", "👍"])
async def test_a_yes_runs_exactly_what_was_shown(stage: Stage, word: str) -> None:
    await ask_for_booking(stage)
    reply = await stage.say(word, say("Booked."))
    (call,) = stage.executor.calls
    assert (call.name, call.arguments) == ("book_appointment", call_booking().arguments)
    assert call.id != "w1"
    assert reply.message.content == "Booked."
    asked = stage.model.requests[-1].messages
    assert [message.role for message in asked[-2:]] == ["assistant", "tool"]


async def test_a_second_yes_runs_nothing(stage: Stage) -> None:
    await ask_for_booking(stage)
    await stage.say("yes", say("Booked."))
    await stage.say("yes", say("What else?"))
    assert len(stage.executor.calls) == 1


async def test_asked_for_again_and_confirmed_again_it_is_done_again(stage: Stage) -> None:
    await ask_for_booking(stage)
    await stage.say("yes", say("Booked."))
    again = await ask_again(stage)
    assert "done once already" in again
    await stage.say("yes", say("Booked once more."))
    assert len({call.id for call in stage.executor.calls}) == 2


async def ask_again(stage: Stage) -> str:
    """Have the model ask for the booking anew, and return the question."""
    reply = await stage.say("Book it again", ask(call_booking("w2")))
    assert reply.message is not None
    assert reply.message.quick_replies
    return reply.message.content


async def test_a_no_runs_nothing_and_the_model_is_told(stage: Stage) -> None:
    await ask_for_booking(stage)
    await stage.say("no", say("All right."))
    assert stage.executor.calls == []
    assert "declined" in stage.model.requests[-1].messages[-1].content


@pytest.mark.parametrize("text", ["no, then what are your hours", "yes but at 8", "Thanks", "yes?"])
async def test_anything_else_drops_the_action(stage: Stage, text: str) -> None:
    await ask_for_booking(stage)
    await stage.say(text, say("We are open until ten."))
    await stage.say("yes", say("What can I do?"))
    assert stage.executor.calls == []


async def test_an_action_waits_five_minutes(stage: Stage) -> None:
    await ask_for_booking(stage)
    stage.clock.advance(301)
    await stage.say("yes", say("What can I do?"))
    assert stage.executor.calls == []


async def test_a_tool_that_was_switched_off_meanwhile_does_not_run(stage: Stage) -> None:
    await ask_for_booking(stage)
    stage.known = KnownTenant(tenant=stage.known.tenant, tools={}, loaded_at=0.0)
    await stage.say("yes", say("I cannot book."))
    assert stage.executor.calls == []
    assert stage.model.requests[-1].messages[-1].content == WITHDRAWN_CALL


async def test_a_failed_turn_keeps_the_message_and_may_be_tried_again(stage: Stage) -> None:
    await stage.say("Hello", say("Hi"))
    error = await stage.fail("Where is it?", DOWN, message_id="m1")
    assert error.code == "answer_unavailable"
    assert "does not answer" not in error.message
    failed = (await stage.messages())[-1]
    assert (failed.content, failed.turn_state) == ("Where is it?", "failed")
    reply = await stage.say("Where is it?", say("Baking."), message_id="m1")
    assert reply.message.content == "Baking."
    assert await stage.spoken() == [
        ("user", "Hello"),
        ("assistant", "Hi"),
        ("user", "Where is it?"),
        ("assistant", "Baking."),
    ]


async def test_after_a_failed_turn_the_visitor_may_say_something_else(stage: Stage) -> None:
    await stage.fail("Where is it?", DOWN)
    reply = await stage.say("Are you there?", say("Yes."))
    assert reply.message.content == "Yes."


async def test_what_a_failed_turn_used_is_counted(stage: Stage) -> None:
    stage.model.add(ask(call_order(), usage=TokenUsage(input_tokens=50, output_tokens=5)))
    await stage.fail("Where?", DOWN)
    usage = await stage.temporary.read_usage(stage.known.tenant.id)
    assert [row["input_tokens"] for row in usage.values()] == [50]


async def test_a_bug_in_a_model_becomes_an_honest_end(stage: Stage) -> None:
    error = await stage.fail("Hello", KeyError("secret internals"))
    assert error.code == "answer_unavailable"
    assert "secret" not in error.message
    assert (await stage.messages())[-1].turn_state == "failed"


async def test_a_turn_that_nobody_waits_for_is_given_up(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn_streams, "ABANDON_AFTER_S", 0.0)
    stage.executor.gate.clear()
    stage.model.add(ask(call_order()))
    stream = await stage.start("Where?", message_id="m1")
    listener = asyncio.create_task(listen(stream))
    await stage.executor.wait_for_calls()
    listener.cancel()
    await asyncio.wait({listener})
    await stage.tasks.drain(timeout_s=5)
    end = stream.events[-1].event
    assert isinstance(end, TurnFailed)
    assert isinstance(end.error, Cancelled)
    assert stage.executor.finished == []
    assert (await stage.messages())[-1].turn_state == "failed"
    stage.executor.gate.set()
    reply = await stage.say("Where?", say("Baking."), message_id="m1")
    assert reply.message.content == "Baking."


async def test_a_turn_that_has_begun_to_write_ends_though_nobody_waits(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ask_for_booking(stage)
    monkeypatch.setattr(turn_streams, "ABANDON_AFTER_S", 0.0)
    stage.executor.gate.clear()
    stage.model.add(say("Booked."))
    stream = await stage.start("yes", message_id="m1")
    listener = asyncio.create_task(listen(stream))
    await stage.executor.wait_for_calls()
    listener.cancel()
    await asyncio.wait({listener})
    timer_fired = asyncio.Event()
    asyncio.get_running_loop().call_later(0, timer_fired.set)
    await timer_fired.wait()
    stage.executor.gate.set()
    await stage.tasks.drain(timeout_s=5)
    assert (await stage.spoken())[-1] == ("assistant", "Booked.")
    assert (await stage.say("yes", message_id="m1")).message.content == "Booked."


async def test_a_turn_goes_on_while_somebody_listens(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn_streams, "ABANDON_AFTER_S", 0.0)
    stage.executor.gate.clear()
    stage.model.add(ask(call_order()))
    stage.model.add(say("Baking."))
    stream = await stage.start("Where?")
    leaving, staying = (asyncio.create_task(listen(stream)) for _ in range(2))
    await stage.executor.wait_for_calls()
    leaving.cancel()
    await asyncio.wait({leaving})
    stage.executor.gate.set()
    assert isinstance((await staying)[-1], TurnFinished)


class StoreOnEdge:
    """The real store, with something happening at one of its methods."""

    def __init__(self, store: Any, method: str, happen: Any) -> None:
        self._store = store
        self._method = method
        self._happen = happen

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._store, name)
        if name != self._method:
            return real

        async def edge(*args: Any, **named: Any) -> Any:
            return await self._happen(real, *args, **named)

        return edge


async def test_an_answer_that_was_stored_while_everybody_left_is_there_for_a_retry(
    temporary: TemporaryDatabase,
) -> None:
    async def cancelled_behind(real: Any, turn: FinishedTurn) -> None:
        await real(turn)
        if turn.reply.message.content == "Baking.":
            raise asyncio.CancelledError

    stage = Stage(
        temporary, StoreOnEdge(temporary.database.turn_store, "finish_turn", cancelled_behind)
    )
    await stage.say("Hello", say("Hi"))
    stage.model.add(say("Baking."))
    assert isinstance((await listen(await stage.start("Where?", message_id="m1")))[-1], TurnFailed)
    reply = await stage.say("Where?", message_id="m1")
    assert reply.message.content == "Baking."
    await stage.tasks.drain(timeout_s=1)


async def test_a_turn_whose_lease_was_taken_over_runs_no_further(
    temporary: TemporaryDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    async def taken_over(*_: Any, until: object) -> bool:
        asked.append(until)
        temporary.clock.advance(60)
        return False

    monkeypatch.setattr(turns, "RENEW_EVERY_S", 0.0)
    stage = Stage(temporary, StoreOnEdge(temporary.database.turn_store, "renew_lease", taken_over))
    stage.executor.gate.clear()
    error = await stage.fail("Where?", ask(call_order()))
    assert error.code == "answer_unavailable"
    assert len(asked) == 1
    assert stage.executor.finished == []
    await stage.tasks.drain(timeout_s=1)


async def test_a_long_turn_keeps_its_lease_and_ends_at_its_deadline(
    temporary: TemporaryDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewals: list[object] = []

    async def renew(real: Any, *args: Any, until: Any) -> bool:
        renewals.append(until)
        temporary.clock.advance(20)
        return bool(await real(*args, until=until))

    monkeypatch.setattr(turns, "RENEW_EVERY_S", 0.0)
    stage = Stage(temporary, StoreOnEdge(temporary.database.turn_store, "renew_lease", renew))
    stage.executor.gate.clear()
    error = await stage.fail("Where?", ask(call_order()))
    assert error.code == "answer_unavailable"
    assert len(renewals) == turns.TURN_DEADLINE_S // 20 + 1
    await stage.tasks.drain(timeout_s=1)


async def test_a_database_that_fails_is_told_as_such(temporary: TemporaryDatabase) -> None:
    async def broken(*_: Any) -> None:
        raise StorageError("The disk is full.")

    stage = Stage(temporary, StoreOnEdge(temporary.database.turn_store, "finish_turn", broken))
    error = await stage.fail("Hello", say("Hi"))
    assert isinstance(error, StorageError)
    await stage.tasks.drain(timeout_s=1)


async def test_even_when_the_failure_cannot_be_stored_the_visitor_is_told(
    temporary: TemporaryDatabase,
) -> None:
    async def broken(*_: Any) -> None:
        raise StorageError("The disk is full.")

    stage = Stage(temporary, StoreOnEdge(temporary.database.turn_store, "fail_turn", broken))
    error = await stage.fail("Hello", DOWN)
    assert error.code == "answer_unavailable"
    await stage.tasks.drain(timeout_s=1)


async def test_a_turn_whose_doings_cannot_be_stored_frees_its_session(stage: Stage) -> None:
    stage.model.add(ask(call_order("a\ud83c")))
    error = await stage.fail("Where is it?", DOWN)
    assert error.code == "answer_unavailable"
    assert (await stage.messages())[-1].turn_state == "failed"
    assert (await stage.say("Are you there?", say("Yes."))).message.content == "Yes."


async def test_an_answer_that_cannot_be_stored_is_told_and_frees_the_session(
    stage: Stage,
) -> None:
    error = await stage.fail("Hello", say("a\ud83c"))
    assert error.code == "answer_unavailable"
    assert (await stage.say("Are you there?", say("Yes."))).message.content == "Yes."


async def test_a_partial_answer_is_kept_and_marked(stage: Stage) -> None:
    reply = await stage.say("Hello", [TextDelta(text="We are open fr"), DOWN])
    assert reply.message.content.startswith("We are open fr")
    assert reply.degraded
    assert (await stage.messages())[-1].content == reply.message.content


async def test_a_wish_for_a_person_is_durable_with_its_answer(stage: Stage) -> None:
    reply = await stage.say("I want a human")
    assert (reply.escalated, reply.conversation_ended, reply.model) == (True, False, "builtin")
    [(_, provider, model)] = await stage.temporary.read_usage(stage.known.tenant.id)
    assert (provider, model) == ("builtin", "builtin")
    conversation = await stage.conversation()
    assert conversation.status == "waiting_for_human"
    helped = await stage.say("When do you open?", say("At nine."))
    assert (helped.message.content, helped.escalated) == ("At nine.", True)
    assert [message.content for message in stage.model.requests[0].messages[1:]] == [
        "I want a human",
        reply.message.content,
        "When do you open?",
    ]


async def test_a_goodbye_ends_the_conversation_and_the_next_message_begins_another(
    stage: Stage,
) -> None:
    reply = await stage.say("Thanks, bye", message_id="m1")
    assert reply.conversation_ended
    assert (await stage.conversation()).status == "ended"
    again = await stage.say("Hello", say("Hi."))
    assert again.conversation_id != reply.conversation_id


async def test_while_a_person_has_the_conversation_nobody_answers_and_nothing_is_billed(
    stage: Stage,
) -> None:
    await stage.say("Hello", say("Hi."))
    conversation = await stage.conversation()
    store = stage.temporary.database.escalations
    await store.take_over(conversation.tenant_id, conversation.id, human_name="Dana")
    before = await stage.temporary.read_usage(conversation.tenant_id)
    reply = await stage.say("Are you there?", message_id="m1")
    assert (reply.message, reply.escalated) == (None, True)
    assert await stage.temporary.read_usage(conversation.tenant_id) == before
    assert await stage.spoken() == [
        ("user", "Hello"),
        ("assistant", "Hi."),
        ("user", "Are you there?"),
    ]
    replayed = await stage.say("Are you there?", message_id="m1")
    assert replayed == reply
    await store.hand_back(conversation.tenant_id, conversation.id, at=stage.clock.now())
    assert (await stage.say("And now?", say("Yes."))).escalated is False
    assert [message.content for message in stage.model.requests[-1].messages[1:]] == [
        "Hello",
        "Hi.",
        "Are you there?",
        "And now?",
    ]


async def test_an_offer_is_told_as_it_is_stored(stage: Stage) -> None:
    first = await stage.say("Parking?", say("I don't know."))
    assert first.message.quick_replies == ()
    stage.model.add(say("I'm not sure."))
    *_, last = events = await listen(await stage.start("Is there parking?"))
    assert isinstance(last, TurnFinished)
    told = "".join(event.text for event in events if isinstance(event, AnswerDelta))
    assert told == last.reply.message.content
    assert told.startswith("I'm not sure.\n\n")
    assert len(last.reply.message.quick_replies) == 2
    assert (await stage.spoken())[-1] == ("assistant", told)
    agreed = await stage.say("yes")
    assert agreed.escalated


async def test_a_wish_for_a_person_drops_what_waits_for_a_yes(stage: Stage) -> None:
    await stage.say("Book a table", ask(call_booking()))
    await stage.say("Let me talk to a person")
    assert (await stage.conversation()).pending_action is None
    await stage.say("yes", say("Yes?"))
    assert stage.executor.calls == []
