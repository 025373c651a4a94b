"""The fake Ollama against the vendor's own SDK, so that the provider is tested on the protocol.

Where the SDK reads what the fake says, and reads it as the provider does, the fake is faithful.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import ollama
import pytest

from appliance.clock import MachineClock
from appliance.providers.ollama import OllamaChatModel
from appliance.providers.ollama.wire import build_messages
from appliance.tool_spelling import build_function_tools
from tests.contract.chat_model_contract import HEBREW, ORDER_STATUS, build_request, hear
from tests.fakes.model_script import FailMidway
from tests.fakes.ollama_server import FakeModel, FakeOllama, Say, Step, play

MODEL = "qwen3:4b"
CALLS = [
    {"name": "get_order_status", "arguments": {"order_number": "12345"}, "id": "call_a"},
    {"name": "get_order_status", "arguments": {"order_number": HEBREW}},
]


@asynccontextmanager
async def open_sdk(*steps: Step, **options: Any) -> AsyncIterator[tuple[Any, FakeOllama]]:
    async with FakeOllama(play(steps), **options) as fake:
        client = ollama.AsyncClient(host=fake.url, trust_env=False)
        yield client, fake
        await client._client.aclose()


@pytest.mark.parametrize("piece_bytes", [None, 1, 7])
async def test_the_sdk_and_the_provider_hear_the_same(piece_bytes: int | None) -> None:
    said = Say(text=["One ", HEBREW], calls=CALLS, input_tokens=412, output_tokens=38)
    request = build_request()
    async with open_sdk(said, said, piece_bytes=piece_bytes) as (client, fake):
        chunks = [
            chunk
            async for chunk in await client.chat(
                model=MODEL,
                messages=build_messages(request.messages),
                tools=build_function_tools(request.tools),
                stream=True,
            )
        ]
        provider = OllamaChatModel(fake.url, MODEL, MachineClock())
        heard = await hear(provider, request)
        await provider.aclose()
    calls = [call for chunk in chunks for call in chunk.message.tool_calls or ()]
    assert "".join(chunk.message.content for chunk in chunks) == heard.text == f"One {HEBREW}"
    assert [(call.function.name, dict(call.function.arguments)) for call in calls] == [
        (call.name, call.arguments) for call in heard.calls
    ]
    last = chunks[-1]
    usage = heard.finished.usage
    assert (last.done, last.done_reason) == (True, "stop")
    assert (last.prompt_eval_count, last.eval_count) == (usage.input_tokens, usage.output_tokens)
    assert (usage.input_tokens, usage.output_tokens) == (412, 38)


async def test_the_sdk_sends_the_tools_that_the_provider_sends() -> None:
    request = build_request()
    async with open_sdk(Say(text=["Hi"]), Say(text=["Hi"])) as (client, fake):
        await client.chat(
            model=MODEL,
            messages=build_messages(request.messages),
            tools=build_function_tools([ORDER_STATUS]),
            options={"temperature": 0.3, "num_predict": 2048, "num_ctx": 4096},
            keep_alive="30m",
        )
        provider = OllamaChatModel(fake.url, MODEL, MachineClock())
        await hear(provider, request)
        await provider.aclose()
    by_sdk, by_provider = fake.chats
    for field in ("model", "messages", "tools", "options", "keep_alive"):
        assert by_sdk[field] == by_provider[field], field


async def test_the_sdk_reads_a_whole_answer() -> None:
    said = Say(text=["It is ", "on its way."], calls=CALLS[:1], thinking="hm")
    models = (FakeModel(MODEL, capabilities=("completion", "tools", "thinking")),)
    async with open_sdk(said, models=models) as (client, _):
        answer = await client.chat(
            model=MODEL, messages=[{"role": "user", "content": "Hi"}], think=True
        )
    assert answer.message.content == "It is on its way."
    assert answer.message.thinking == "hm"
    assert answer.message.tool_calls[0].function.name == "get_order_status"
    assert answer.done


async def test_the_sdk_reads_the_models() -> None:
    models = (FakeModel(MODEL, context_length=8192, size=7), FakeModel("b:latest"))
    async with open_sdk(models=models) as (client, _):
        listed = await client.list()
        shown = await client.show(MODEL)
        running = await client.ps()
    assert [model.model for model in listed.models] == [MODEL, "b:latest"]
    assert listed.models[0].size == 7
    assert shown.capabilities == ["completion", "tools"]
    assert shown.modelinfo["fake.context_length"] == 8192
    assert list(running.models) == []


@pytest.mark.parametrize(
    ("model", "options", "status", "text"),
    [
        ("gone", {}, 404, "model 'gone' not found"),
        ("plain", {"tools": build_function_tools([ORDER_STATUS])}, 400, "does not support tools"),
        ("plain", {"think": True}, 400, "does not support thinking"),
    ],
)
async def test_the_sdk_reads_the_errors(
    model: str, options: dict[str, Any], status: int, text: str
) -> None:
    models = (FakeModel("plain:latest", capabilities=("completion",)),)
    async with open_sdk(models=models) as (client, _):
        with pytest.raises(ollama.ResponseError, match=text) as caught:
            await client.chat(model=model, messages=[{"role": "user", "content": "Hi"}], **options)
    assert caught.value.status_code == status


async def test_the_sdk_reads_an_error_in_the_middle() -> None:
    async with open_sdk(FailMidway(Say(text=["Hel"]), "out of memory")) as (client, _):
        stream = await client.chat(model=MODEL, messages=[], stream=True)
        assert (await anext(stream)).message.content == "Hel"
        with pytest.raises(ollama.ResponseError, match="out of memory"):
            await anext(stream)


async def test_a_request_of_the_wrong_type_is_refused() -> None:
    async with open_sdk() as (client, fake):
        with pytest.raises(ollama.ResponseError) as caught:
            await client._request_raw(
                "POST", "/api/chat", json={"model": MODEL, "messages": "Hello"}
            )
    assert caught.value.status_code == 400
    assert fake.chats == []
