from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from appliance.clock import MachineClock
from appliance.domain.message import ChatMessage
from appliance.errors import (
    ApplianceError,
    ContextWindowExceeded,
    Rejected,
    Unavailable,
)
from appliance.ports.chat_model import ModelEvent, ModelFinished, TextDelta
from appliance.providers.deadlines import Deadlines
from appliance.providers.ollama import OllamaChatModel
from tests.contract.chat_model_contract import ORDER_STATUS, build_request, hear
from tests.fakes.model_script import CutOff, FailMidway, Send, Stall
from tests.fakes.ollama_server import FakeModel, FakeOllama, Refuse, Say, Step, play

HELLO = Say(text=["Hello", " there"])
PLAIN = ("completion",)
THINKER = ("completion", "tools", "thinking")


@asynccontextmanager
async def open_model(
    *steps: Step,
    capabilities: Sequence[str] = ("completion", "tools"),
    deadlines: Deadlines | None = None,
    context_length: int = 40_960,
    default_model: str | None = "qwen3:4b",
) -> AsyncIterator[tuple[OllamaChatModel, FakeOllama]]:
    models = (FakeModel("qwen3:4b", capabilities=capabilities, context_length=context_length),)
    async with FakeOllama(play(steps), models=models) as fake:
        model = OllamaChatModel(fake.url, default_model, MachineClock(), deadlines=deadlines)
        yield model, fake
        await model.aclose()


async def test_a_request_says_everything_that_ollama_would_otherwise_guess() -> None:
    async with open_model(HELLO) as (model, fake):
        await hear(model, build_request())
    [body] = fake.chats
    assert body["model"] == "qwen3:4b"
    assert body["stream"] is True
    assert body["truncate"] is False
    assert body["shift"] is False
    assert body["keep_alive"] == "30m"
    assert body["options"] == {"temperature": 0.3, "num_predict": 2048, "num_ctx": 4096}
    assert [tool["function"]["name"] for tool in body["tools"]] == ["get_order_status"]
    assert "think" not in body
    assert "format" not in body


async def test_a_long_conversation_gets_a_larger_window() -> None:
    request = build_request("word " * 8_000)
    async with open_model(HELLO) as (model, fake):
        await hear(model, request)
    assert fake.chats[0]["options"]["num_ctx"] == 16_384


async def test_thinking_that_the_prompt_opened_is_shown_once_at_most() -> None:
    said = Say(text=["secret ", "stuff</th", "ink>\n\nThe ", "answer."])
    async with open_model(said, said) as (model, _):
        heard = [(await hear(model, build_request())).text for _ in range(2)]
    assert heard[0].endswith("The answer.")
    assert heard[1] == "The answer."


async def test_a_thinking_model_is_asked_not_to_think() -> None:
    async with open_model(Say(text=["Hi"], thinking="hm"), capabilities=THINKER) as (model, fake):
        heard = await hear(model, build_request())
    assert fake.chats[0]["think"] is False
    assert heard.text == "Hi"


async def test_without_tools_none_are_sent() -> None:
    async with open_model(HELLO) as (model, fake):
        await hear(model, build_request(tools=()))
    assert "tools" not in fake.chats[0]


async def test_a_model_without_native_tools_is_held_to_a_schema() -> None:
    call = json.dumps({"tool": "get_order_status", "arguments": {"order_number": "12345"}})
    async with open_model(Say(text=[call]), capabilities=PLAIN) as (model, fake):
        heard = await hear(model, build_request())
    [body] = fake.chats
    assert "tools" not in body
    assert body["format"]["anyOf"][1]["properties"]["tool"] == {"const": "get_order_status"}
    assert ORDER_STATUS.description in body["messages"][0]["content"]
    assert [call.arguments for call in heard.calls] == [{"order_number": "12345"}]


async def test_a_model_that_turns_out_to_lack_tools_is_asked_once_more_without() -> None:
    refusal = Refuse(400, "registry.ollama.ai/library/qwen3:4b does not support tools")
    async with open_model(refusal, Say(text=['{"reply": "Hello"}'])) as (model, fake):
        heard = await hear(model, build_request())
    assert heard.text == "Hello"
    assert ["tools" in body for body in fake.chats] == [True, False]


@pytest.mark.parametrize("status", [400, 500])
async def test_a_model_that_cannot_be_held_to_a_schema_is_only_told(status: int) -> None:
    refusal = Refuse(status, "failed to load model vocabulary required for format")
    call = '{"name": "get_order_status", "arguments": {"order_number": "12345"}}'
    said = Say(text=["<tool_call>", call, "</tool_call>"])
    async with open_model(refusal, said, capabilities=PLAIN) as (model, fake):
        heard = await hear(model, build_request())
    assert ["format" in body for body in fake.chats] == [True, False]
    assert "<tool_call>" in fake.chats[1]["messages"][0]["content"]
    assert [call.arguments for call in heard.calls] == [{"order_number": "12345"}]


async def test_a_schema_that_is_refused_twice_is_final() -> None:
    refusal = Refuse(500, "failed to parse grammar")
    async with open_model(refusal, refusal, HELLO, capabilities=PLAIN) as (model, fake):
        with pytest.raises(Unavailable):
            await hear(model, build_request())
    assert len(fake.chats) == 2


async def test_a_model_that_just_speaks_is_heard_at_once() -> None:
    async with open_model(Stall(HELLO, 1), capabilities=PLAIN) as (model, _):
        stream = model.stream(build_request())
        assert await anext(stream) == TextDelta(text="Hello")
        await stream.aclose()


async def test_a_model_that_turns_out_not_to_think_is_asked_once_more() -> None:
    refusal = Refuse(400, '"qwen3:4b" does not support thinking')
    async with open_model(refusal, HELLO, capabilities=THINKER) as (model, fake):
        assert (await hear(model, build_request())).text == "Hello there"
    assert ["think" in body for body in fake.chats] == [True, False]


async def test_the_same_refusal_twice_is_final() -> None:
    refusal = Refuse(400, "qwen3:4b does not support tools")
    async with open_model(refusal, refusal, HELLO) as (model, fake):
        with pytest.raises(Rejected):
            await hear(model, build_request())
    assert len(fake.chats) == 2


@pytest.mark.parametrize(
    ("step", "kind", "code"),
    [
        (Refuse(404, "model 'qwen3:4b' not found"), Rejected, "model_not_found"),
        (Refuse(400, "bad options"), Rejected, "upstream_rejected"),
        (Refuse(503, "server busy"), Unavailable, "overloaded"),
        (Refuse(500, "runner has terminated"), Unavailable, "model_failed"),
        (FailMidway(HELLO, "out of memory"), Unavailable, "model_failed"),
        (CutOff(HELLO, after_bytes=0), Unavailable, "broken_response"),
        (CutOff(HELLO, after_bytes=150), Unavailable, "broken_response"),
        (Send(b"<html>Hello</html>", content_type="text/html"), Unavailable, "broken_response"),
        (Send(b'{"message": {"content": "no end"}}\n'), Unavailable, "broken_response"),
        (Send(b'{"message": {"content": \n'), Unavailable, "broken_response"),
        (Send(b""), Unavailable, "broken_response"),
        (Send(b"\n\n\n"), Unavailable, "broken_response"),
        (Send(b"<html>", status=404), Unavailable, "broken_response"),
        (Send(b"bad gateway", status=502), Unavailable, "model_failed"),
    ],
)
async def test_every_fault_is_an_error_of_the_tree(
    step: Step, kind: type[ApplianceError], code: str
) -> None:
    async with open_model(step) as (model, _):
        with pytest.raises(kind) as caught:
            await hear(model, build_request())
    assert caught.value.code == code


async def test_text_before_a_fault_has_been_heard() -> None:
    async with open_model(FailMidway(HELLO, "out of memory")) as (model, _):
        stream = model.stream(build_request())
        assert isinstance(await anext(stream), TextDelta)
        with pytest.raises(Unavailable):
            await drain(stream)


async def drain(stream: AsyncIterator[ModelEvent]) -> None:
    async for _ in stream:
        pass


async def test_a_prompt_over_the_model_s_window_is_told_and_not_truncated() -> None:
    request = build_request("word " * 20_000)
    async with open_model(HELLO, context_length=8192) as (model, fake):
        with pytest.raises(ContextWindowExceeded):
            await hear(model, request)
    assert fake.chats[0]["options"]["num_ctx"] == 8192


@pytest.mark.parametrize("after_events", [None, 0, 1])
async def test_a_silent_model_is_left_when_the_time_is_up(after_events: int | None) -> None:
    deadlines = Deadlines(first_token_s=0.1, idle_s=0.1)
    async with open_model(Stall(HELLO, after_events), deadlines=deadlines) as (model, fake):
        with pytest.raises(Unavailable) as caught:
            await hear(model, build_request())
        assert caught.value.code == "timed_out"
        await asyncio.wait_for(fake.has_hung_up.wait(), 1)


async def test_a_model_may_take_longer_to_begin_than_to_go_on() -> None:
    deadlines = Deadlines(first_token_s=30, idle_s=0.1)
    async with open_model(Stall(HELLO, 1), deadlines=deadlines) as (model, _):
        stream = model.stream(build_request())
        assert await anext(stream) == TextDelta(text="Hello")
        with pytest.raises(Unavailable) as caught:
            await anext(stream)
    assert caught.value.code == "timed_out"


async def test_the_whole_answer_has_a_deadline_too() -> None:
    deadlines = Deadlines(total_s=0.1)
    async with open_model(Stall(HELLO, 1), deadlines=deadlines) as (model, _):
        with pytest.raises(Unavailable) as caught:
            await hear(model, build_request())
    assert caught.value.code == "timed_out"


async def test_closing_the_answer_early_hangs_up_on_the_model() -> None:
    async with open_model(Stall(HELLO, 1)) as (model, fake):
        stream = model.stream(build_request())
        await anext(stream)
        assert not fake.has_hung_up.is_set()
        await stream.aclose()
        await asyncio.wait_for(fake.has_hung_up.wait(), 1)


@pytest.mark.parametrize("after_events", [None, 1])
async def test_cancelling_the_reader_hangs_up_on_the_model(after_events: int | None) -> None:
    async with open_model(Stall(HELLO, after_events)) as (model, fake):
        reading = asyncio.create_task(hear(model, build_request()))
        await asyncio.wait_for(fake.has_chat.wait(), 1)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await asyncio.wait_for(fake.has_hung_up.wait(), 1)


async def test_answers_share_one_connection() -> None:
    async with open_model(HELLO, HELLO, HELLO) as (model, fake):
        for _ in range(3):
            await hear(model, build_request())
        assert fake.connections == 1


async def test_reading_stops_right_after_the_end_without_losing_the_connection() -> None:
    async with open_model(HELLO, HELLO) as (model, fake):
        for _ in range(2):
            stream = model.stream(build_request())
            async for event in stream:
                if isinstance(event, ModelFinished):
                    break
            await stream.aclose()
        assert fake.connections == 1


async def test_the_model_that_answered_is_named() -> None:
    async with open_model(HELLO, default_model=None) as (model, _):
        assert (await hear(model, build_request())).finished.model == "qwen3:4b"
        assert await model.check() == "qwen3:4b"


async def test_usage_that_is_not_told_is_none() -> None:
    said = Say(text=["Hi"], input_tokens=None, output_tokens=None)
    async with open_model(said) as (model, _):
        usage = (await hear(model, build_request())).finished.usage
    assert (usage.input_tokens, usage.output_tokens) == (0, 0)


async def test_a_model_deleted_meanwhile_is_looked_for_again() -> None:
    async with open_model(HELLO, HELLO, default_model=None) as (model, fake):
        await hear(model, build_request())
        fake.models = (FakeModel("llama4:8b"),)
        with pytest.raises(Rejected, match="ollama pull qwen3:4b"):
            await hear(model, build_request())
        assert (await hear(model, build_request())).finished.model == "llama4:8b"


async def test_an_ollama_that_is_gone_is_told_by_the_check() -> None:
    async with open_model() as (model, _):
        pass
    with pytest.raises(Unavailable):
        await model.check()


async def test_earlier_messages_are_sent_with_their_tools() -> None:
    more = (
        ChatMessage(role="assistant", content="Hello!"),
        ChatMessage(role="user", content="And my order?"),
    )
    async with open_model(HELLO) as (model, fake):
        await hear(model, build_request(more=more))
    roles: list[Any] = [message["role"] for message in fake.chats[0]["messages"]]
    assert roles == ["system", "user", "assistant", "user"]
