from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from appliance.clock import MachineClock
from appliance.domain.message import TokenUsage
from appliance.errors import (
    ApplianceError,
    AuthFailed,
    ContextWindowExceeded,
    Rejected,
    Unavailable,
)
from appliance.ports.chat_model import ModelFinished, TextDelta
from appliance.providers.deadlines import Deadlines
from appliance.providers.openai_compatible import OpenAICompatibleChatModel
from tests.contract.chat_model_contract import HEBREW, build_request, hear
from tests.fakes.model_script import CutOff, FailMidway, Send, Stall
from tests.fakes.openai_server import FakeModel, FakeOpenAI, Refuse, Say, Step, play

HELLO = Say(text=["Hello", " there"])
KEY = "sk-a-key-that-must-stay-secret"
LOADING = {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}
QUOTA = {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}


@asynccontextmanager
async def open_model(
    *steps: Step,
    default_model: str | None = "gpt-fake",
    deadlines: Deadlines | None = None,
    **options: Any,
) -> AsyncIterator[tuple[OpenAICompatibleChatModel, FakeOpenAI]]:
    async with FakeOpenAI(play(steps), **{"kind": "vllm", **options}) as fake:
        model = OpenAICompatibleChatModel(
            fake.url, fake.api_key, default_model, MachineClock(), deadlines=deadlines
        )
        yield model, fake
        await model.aclose()


async def test_a_request_says_what_is_wanted() -> None:
    async with open_model(HELLO) as (model, fake):
        await hear(model, build_request())
    [body] = fake.chats
    assert body["model"] == "gpt-fake"
    assert body["stream"] is True
    assert body["stream_options"] == {"include_usage": True}
    assert (body["max_tokens"], body["temperature"]) == (2048, 0.3)
    assert [tool["function"]["name"] for tool in body["tools"]] == ["get_order_status"]
    assert "authorization" not in fake.requests[0].headers


async def test_thinking_that_the_prompt_opened_is_shown_once_at_most() -> None:
    said = Say(text=["secret ", "stuff</th", "ink>\n\nThe ", "answer."])
    async with open_model(said, said) as (model, _):
        heard = [(await hear(model, build_request())).text for _ in range(2)]
    assert heard[0].endswith("The answer.")
    assert heard[1] == "The answer."


async def test_without_tools_none_are_sent() -> None:
    async with open_model(HELLO) as (model, fake):
        await hear(model, build_request(tools=()))
    assert "tools" not in fake.chats[0]


async def test_the_key_is_sent_and_the_environment_s_identity_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-else")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-somebody-else")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    async with open_model(HELLO, api_key=KEY) as (model, fake):
        assert (await hear(model, build_request())).text == "Hello there"
    headers = fake.requests[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert "somebody-else" not in str(headers)


async def test_a_strict_server_teaches_the_name_of_the_length_once() -> None:
    async with open_model(HELLO, HELLO, kind="openai") as (model, fake):
        for _ in range(2):
            assert (await hear(model, build_request())).text == "Hello there"
        sent = [json.loads(request.body) for request in fake.requests]
    assert [("max_tokens" in body, "max_completion_tokens" in body) for body in sent] == [
        (True, False),
        (False, True),
        (False, True),
    ]


async def test_a_bare_server_is_asked_with_less_each_time_and_then_at_once() -> None:
    async with open_model(HELLO, HELLO, kind="bare") as (model, fake):
        for _ in range(2):
            assert (await hear(model, build_request(tools=()))).text == "Hello there"
        assert len(fake.requests) == 4
    for body in fake.chats:
        assert not {"stream_options", "temperature", "tools"} & set(body)


@pytest.mark.parametrize("kind", ["vllm", "llama.cpp"])
async def test_a_server_started_without_tools_holds_its_model_to_a_schema(kind: str) -> None:
    call = json.dumps({"tool": "get_order_status", "arguments": {"order_number": "12345"}})
    async with open_model(
        Say(text=[call[:20], call[20:]]),
        Say(text=['{"reply": "Hello"}']),
        kind=kind,
        has_tools=False,
    ) as (model, fake):
        heard = await hear(model, build_request())
        assert (await hear(model, build_request())).text == "Hello"
        assert len(fake.requests) == 3
    assert [call.arguments for call in heard.calls] == [{"order_number": "12345"}]
    assert all("response_format" in body for body in fake.chats)


async def test_a_server_without_schemas_either_has_its_model_told() -> None:
    call = '<tool_call>{"name": "get_order_status", "arguments": {"order_number": "1"}}</tool_call>'
    async with open_model(Say(text=["One moment.\n", call]), HELLO, kind="bare") as (model, fake):
        heard = await hear(model, build_request())
        assert (await hear(model, build_request())).text == "Hello there"
        assert len(fake.requests) == 6
    assert heard.text.strip() == "One moment."
    assert [call.arguments for call in heard.calls] == [{"order_number": "1"}]
    assert not {"tools", "response_format"} & set(fake.chats[0])


async def test_the_same_refusal_twice_is_final() -> None:
    refusal = Refuse(400, "Unknown parameter: 'temperature'")
    async with open_model(refusal, refusal, HELLO) as (model, fake):
        with pytest.raises(Rejected):
            await hear(model, build_request())
        assert len(fake.requests) == 2
        assert (await hear(model, build_request())).text == "Hello there"
    assert "temperature" in fake.chats[-1]


@pytest.mark.parametrize(
    ("step", "kind", "code"),
    [
        (Refuse(400, "bad sampling"), Rejected, "upstream_rejected"),
        (Refuse(403, "no"), AuthFailed, "upstream_auth_failed"),
        (Refuse(404, {"detail": "Not Found"}), Rejected, "address_not_found"),
        (Refuse(429, "slow down"), Unavailable, "rate_limited"),
        (Refuse(429, QUOTA), Rejected, "spend_limit_reached"),
        (Refuse(500, "out of memory"), Unavailable, "model_failed"),
        (Refuse(502, "bad gateway"), Unavailable, "model_failed"),
        (Refuse(503, LOADING), Unavailable, "overloaded"),
        (FailMidway(HELLO, {"message": "out of memory", "code": 500}), Unavailable, "model_failed"),
        (FailMidway(HELLO, "out of memory"), Unavailable, "model_failed"),
        (FailMidway(HELLO, QUOTA["error"]), Rejected, "spend_limit_reached"),
        (CutOff(HELLO, after_bytes=0), Unavailable, "broken_response"),
        (CutOff(HELLO, after_bytes=150), Unavailable, "broken_response"),
        (Send(b"<html>Hello</html>", content_type="text/html"), Unavailable, "broken_response"),
        (Send(b'{"error":"Unexpected endpoint"}', content_type="application/json"),
         Unavailable, "broken_response"),
        (Send(b'data: {"choices": [{"delta": {"content": "no end"}}]}\n\n'),
         Unavailable, "broken_response"),
        (Send(b'data: {"choices": \n\n'), Unavailable, "broken_response"),
        (Send(b"data: null\n\n"), Unavailable, "broken_response"),
        (Send(b"data: [1, 2]\n\n"), Unavailable, "broken_response"),
        (Send(b"data: " + b"[" * 100_000 + b"\n\n"), Unavailable, "broken_response"),
        (Send(b'data: "\xff\xfe"\n\n'), Unavailable, "broken_response"),
        (Send(b""), Unavailable, "broken_response"),
        (Send(b"moved", status=301), Rejected, "address_not_found"),
        (Send(b"<html>", status=404), Rejected, "address_not_found"),
        (Send(b"bad gateway", status=502), Unavailable, "model_failed"),
    ],
)  # fmt: skip
async def test_every_fault_is_an_error_of_the_tree(
    step: Step, kind: type[ApplianceError], code: str
) -> None:
    async with open_model(step) as (model, _):
        with pytest.raises(kind) as caught:
            await hear(model, build_request())
    assert caught.value.code == code
    assert "out of memory" not in caught.value.message


async def test_a_busy_server_says_when_to_come_back() -> None:
    step = Refuse(429, "slow down", headers=[("Retry-After", "7")])
    async with open_model(step) as (model, _):
        with pytest.raises(Unavailable) as caught:
            await hear(model, build_request())
    assert caught.value.retry_after_s == 7


async def test_a_model_that_is_not_there_is_named_with_the_remedy() -> None:
    async with open_model(HELLO, default_model="gone") as (model, _):
        with pytest.raises(Rejected, match="CSAI_OPENAI_MODEL") as caught:
            await hear(model, build_request())
    assert caught.value.code == "model_not_found"


@pytest.mark.parametrize("kind", ["openai", "vllm", "llama.cpp"])
async def test_a_conversation_over_the_window_is_told(kind: str) -> None:
    async with open_model(HELLO, kind=kind) as (model, _):
        with pytest.raises(ContextWindowExceeded):
            await hear(model, build_request("word " * 20_000))


async def test_nobody_at_the_address_is_told_with_the_remedy() -> None:
    async with open_model() as (model, fake):
        pass
    with pytest.raises(Unavailable, match="CSAI_OPENAI_BASE_URL") as caught:
        await hear(model, build_request())
    assert caught.value.code == "connect_failed"
    await model.aclose()
    assert fake.chats == []


async def test_a_wrong_key_is_nowhere_in_the_error_or_the_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    echoing = {"error": {"message": f"Incorrect API key provided: {KEY}"}}
    async with open_model(Refuse(401, echoing), api_key=KEY) as (model, _):
        with pytest.raises(AuthFailed, match="CSAI_OPENAI_API_KEY") as caught:
            await hear(model, build_request())
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert KEY not in capsys.readouterr().out
    assert KEY not in repr(model)


async def test_text_before_a_fault_has_been_heard() -> None:
    async with open_model(FailMidway(HELLO, "out of memory")) as (model, _):
        stream = model.stream(build_request())
        assert [await anext(stream), await anext(stream)] == [
            TextDelta(text="Hello"),
            TextDelta(text=" there"),
        ]
        with pytest.raises(Unavailable):
            await anext(stream)


async def test_an_answer_without_the_end_mark_is_whole_when_it_said_why_it_ended() -> None:
    async with open_model(Say(text=["Hi"], is_closed_by_done=False)) as (model, _):
        assert (await hear(model, build_request())).text == "Hi"


async def test_an_answer_that_never_says_why_it_ended_is_whole_with_the_end_mark() -> None:
    async with open_model(Say(text=["Hi"], finish_reason="")) as (model, _):
        assert (await hear(model, build_request())).finished.finish_reason == "stop"


async def test_a_server_that_tells_no_usage_gets_an_estimate() -> None:
    said = Say(text=[HEBREW], calls=[{"name": "get_order_status", "arguments": {}}], usage=None)
    async with open_model(said) as (model, _):
        usage = (await hear(model, build_request())).finished.usage
    assert 60 < usage.input_tokens < 160
    assert 10 < usage.output_tokens < 30


async def test_cached_input_is_told() -> None:
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 64},
    }
    async with open_model(Say(text=["Hi"], usage=usage)) as (model, _):
        heard = await hear(model, build_request())
    assert heard.finished.usage == TokenUsage(
        input_tokens=100, output_tokens=5, cached_input_tokens=64
    )


@pytest.mark.parametrize("after_events", [None, 0, 1])
async def test_a_silent_model_is_left_when_the_time_is_up(after_events: int | None) -> None:
    deadlines = Deadlines(first_token_s=0.5, idle_s=0.5)
    async with open_model(Stall(HELLO, after_events), deadlines=deadlines) as (model, fake):
        await model.list_models()  # the SDK is loaded now, however slow the machine
        with pytest.raises(Unavailable) as caught:
            await hear(model, build_request())
        assert caught.value.code == "timed_out"
        await asyncio.wait_for(fake.has_hung_up.wait(), 5)


async def test_the_whole_answer_has_a_deadline_too() -> None:
    deadlines = Deadlines(total_s=0.2)
    async with open_model(Stall(HELLO, 1), deadlines=deadlines) as (model, _):
        with pytest.raises(Unavailable) as caught:
            await hear(model, build_request())
    assert caught.value.code == "timed_out"


async def test_silence_behind_a_whole_answer_is_not_waited_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("appliance.providers.openai_compatible.chat_model.TAIL_S", 0.05)
    async with open_model(Stall(HELLO, 3)) as (model, _):
        heard = await hear(model, build_request())
    assert heard.text == "Hello there"
    assert heard.finished.usage.output_tokens > 0


async def test_closing_the_answer_early_hangs_up_on_the_model() -> None:
    async with open_model(Stall(HELLO, 1)) as (model, fake):
        stream = model.stream(build_request())
        await anext(stream)
        assert not fake.has_hung_up.is_set()
        await stream.aclose()
        await asyncio.wait_for(fake.has_hung_up.wait(), 5)


@pytest.mark.parametrize("after_events", [None, 1])
async def test_cancelling_the_reader_hangs_up_on_the_model(after_events: int | None) -> None:
    async with open_model(Stall(HELLO, after_events)) as (model, fake):
        reading = asyncio.create_task(hear(model, build_request()))
        await asyncio.wait_for(fake.has_chat.wait(), 5)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await asyncio.wait_for(fake.has_hung_up.wait(), 5)


async def test_answers_share_one_connection() -> None:
    async with open_model(HELLO, HELLO, HELLO) as (model, fake):
        for _ in range(2):
            await hear(model, build_request())
        async for event in (stream := model.stream(build_request())):
            if isinstance(event, ModelFinished):
                break
        await stream.aclose()
        assert fake.connections == 1


async def test_many_answers_at_once_load_the_sdk_once() -> None:
    async with open_model(*[HELLO] * 5) as (model, _):
        heard = await asyncio.gather(*(hear(model, build_request()) for _ in range(5)))
    assert {answer.text for answer in heard} == {"Hello there"}


async def test_without_a_configured_model_the_first_listed_answers() -> None:
    models = (FakeModel("text-embedding-nomic"), FakeModel("llama-4"), FakeModel("other"))
    async with open_model(HELLO, default_model=None, models=models) as (model, fake):
        assert (await hear(model, build_request())).finished.model == "llama-4"
        assert await model.context_length(None) == 8192
    assert fake.chats[0]["model"] == "llama-4"


async def test_a_model_that_left_is_looked_for_again() -> None:
    async with open_model(HELLO, HELLO, default_model=None) as (model, fake):
        await hear(model, build_request())
        fake.models = (FakeModel("other"),)
        with pytest.raises(Rejected):
            await hear(model, build_request())
        assert (await hear(model, build_request())).finished.model == "other"


async def test_a_context_length_that_cannot_be_asked_is_not_known() -> None:
    async with open_model() as (model, _):
        pass
    assert await model.context_length(None) is None
    await model.aclose()
