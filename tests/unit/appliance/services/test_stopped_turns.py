"""Visitors who stop the answer that is being written: what is kept, counted, and read next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from appliance.domain.message import TokenUsage
from appliance.domain.turn_events import AnswerDelta, TurnEvent, TurnFinished
from appliance.ports.chat_model import ChatRequest, ModelEvent, ModelFinished
from appliance.services.turn_streams import TurnStream
from tests.fakes.scripted_model import ScriptedChatModel, ask, say
from tests.fakes.shops import call_booking, call_order
from tests.unit.appliance.services.test_turns import Stage, ask_for_booking, listen, stage

__all__ = ["stage"]


class SlowModel(ScriptedChatModel):
    """Says what the script says, and comes to no end while ``is_slow``."""

    is_slow = True
    cut_off = 0

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ModelEvent, None]:
        async for event in super().stream(request):
            if self.is_slow and isinstance(event, ModelFinished):
                try:
                    await asyncio.Event().wait()
                finally:
                    self.cut_off += 1
            yield event


async def start_slowly(stage: Stage, text: str, *words: str, **fields: str) -> TurnStream:
    """Send a message whose answer stands still behind ``words``, which all were heard."""
    stage.model = SlowModel([say(*words)], name="builtin")
    stage.service = stage.build()
    stream = await stage.start(text, **fields)
    heard = ""
    async for batch in stream.listen():
        heard += "".join(e.event.text for e in batch if isinstance(e.event, AnswerDelta))
        if heard == "".join(words):
            break
    return stream


async def stop(stage: Stage, stream: TurnStream) -> list[TurnEvent]:
    assert await stage.service.stop(stream.conversation_id)
    return await listen(stream)


async def read_steps(stage: Stage, stream: TurnStream) -> list[str]:
    await stage.tasks.drain(timeout_s=5)
    [*_, trace] = await stage.temporary.database.traces.list_traces(stream.conversation_id)
    return [step.kind for step in trace.steps]


async def test_what_there_is_of_it_is_the_answer(stage: Stage) -> None:
    stream = await start_slowly(stage, "Hello", "We are ", "open", message_id="m1")
    *_, last = await stop(stage, stream)
    assert isinstance(last, TurnFinished)
    assert last.reply.message.content == "We are open"
    assert (last.reply.degraded, last.reply.message.quick_replies) == (False, ())
    assert await stage.spoken() == [("user", "Hello"), ("assistant", "We are open")]
    assert stage.model.cut_off == 1
    assert "stopped" in await read_steps(stage, stream)
    assert (await stage.say("Hello", message_id="m1")).message == last.reply.message


async def test_the_next_message_finds_what_was_said(stage: Stage) -> None:
    await stop(stage, await start_slowly(stage, "Hello", "We are open"))
    stage.model.is_slow = False
    await stage.say("Until when?", say("Ten."))
    assert [(m.role, m.content) for m in stage.model.requests[-1].messages[1:]] == [
        ("user", "Hello"),
        ("assistant", "We are open"),
        ("user", "Until when?"),
    ]


async def test_what_was_used_is_counted_about(stage: Stage) -> None:
    await stop(stage, await start_slowly(stage, "Hello", "We are open from nine"))
    [usage] = (await stage.temporary.read_usage(stage.known.tenant.id)).values()
    assert usage["input_tokens"] > 50
    assert 2 < usage["output_tokens"] < 20
    assert usage["messages"] == 2


async def test_before_the_first_word_a_word_of_ours_is_the_answer(stage: Stage) -> None:
    stage.executor.gate.clear()
    stage.model.add(ask(call_order()))
    stream = await stage.start("Where is my order?")
    await stage.executor.wait_for_calls()
    events = await stop(stage, stream)
    assert events[-2] == AnswerDelta(text="Stopped.")
    assert stage.executor.finished == []
    assert await stage.spoken() == [("user", "Where is my order?"), ("assistant", "Stopped.")]
    stage.executor.gate.set()
    await stage.say("Where is it?", say("Baking."))
    assert all(not message.tool_calls for message in stage.model.requests[-1].messages)


async def test_a_tool_that_reads_is_cut_off_and_what_was_said_before_it_stays(
    stage: Stage,
) -> None:
    stage.executor.gate.clear()
    stage.model.add(ask(call_order(), text="Let me look."))
    stream = await stage.start("Where is my order?")
    await stage.executor.wait_for_calls()
    await stop(stage, stream)
    assert await stage.spoken() == [("user", "Where is my order?"), ("assistant", "Let me look.")]


async def test_a_write_that_has_begun_is_finished_stored_and_told(stage: Stage) -> None:
    await ask_for_booking(stage)
    stage.executor.gate.clear()
    stream = await stage.start("yes")
    await stage.executor.wait_for_calls()
    stopping = asyncio.create_task(stage.service.stop(stream.conversation_id))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not stream.is_finished
    stage.executor.gate.set()
    assert await stopping
    *_, last = await listen(stream)
    assert isinstance(last, TurnFinished)
    assert "all that I have carried out" in last.reply.message.content
    assert [call.name for call in stage.executor.finished] == ["book_appointment"]
    roles = [message.role for message in await stage.messages()]
    assert roles[-3:] == ["assistant", "tool", "assistant"]
    assert len(stage.model.requests) == 1
    await stage.say("Thanks!", say("You are welcome."))
    assert "tool" in [message.role for message in stage.model.requests[-1].messages]


async def test_a_stopped_answer_is_not_given_to_others(stage: Stage) -> None:
    await stop(stage, await start_slowly(stage, "When do you open?", "We"))
    await stage.tasks.drain(timeout_s=5)
    stage.session_id = None
    stage.model.is_slow = False
    reply = await stage.say("When do you open?", say("At nine."))
    assert reply.message.content == "At nine."


async def test_where_nothing_runs_nothing_is_stopped(stage: Stage) -> None:
    reply = await stage.say("Hello", say("Hi", usage=TokenUsage(input_tokens=1)))
    assert not await stage.service.stop(reply.conversation_id)
    await stage.say("Book a table", ask(call_booking()))
    assert not await stage.service.stop(reply.conversation_id)
    assert (await stage.conversation()).pending_action is not None
